/* SPDX-License-Identifier: Apache-2.0 */
/* Stands for /usr/bin/sandbox-exec of macOS where there is none: takes `-p PROFILE -- COMMAND ...`, reads the profile
 * as strictly as it can (sbpl.h), refuses a bad one with the exit code 65 and then becomes the command. It confines
 * nothing at all: sandboxes that run by it say so, and only tests use it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/play/sbpl.h"

int main(int argc, char **argv)
{
    char why[160];
    if (argc < 5 || strcmp(argv[1], "-p") != 0 || strcmp(argv[3], "--") != 0) {
        fprintf(stderr, "usage: sandbox-exec -p profile -- command ...\n");
        return 64;
    }
    struct sbpl_node *forms = sbpl_read(argv[2], why, sizeof(why));
    if (!forms || sbpl_judge(forms, why, sizeof(why)) < 0) {
        fprintf(stderr, "sandbox-exec: profile: %s\n", why);
        sbpl_free(forms);
        return 65;
    }
    sbpl_free(forms);
    /* Nested: the real one says so when it is in a sandbox already. */
    if (getenv("SANDBOX_EXEC_NESTED")) {
        fprintf(stderr, "sandbox-exec: sandbox_apply: Operation not permitted\n");
        return 71;
    }
    execvp(argv[4], argv + 4);
    fprintf(stderr, "sandbox-exec: execvp() of '%s' failed: %s\n", argv[4], strerror(errno));
    return 71;
}
