/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/seat_stand_in.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"

#define NAMED "MUTHR_TEST_SANDBOX_EXEC"

/* Copies build/MODE/tests/play/sandbox-exec, seen from build/MODE/tests/backends/test_x, into a folder. */
static int provide(const char *folder)
{
    char self[4096];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    const char *end = strstr(self, "/tests/backends/");
    if (!end) {
        return -1;
    }
    char *from = xasprintf("%.*s/tests/play/sandbox-exec", (int)(end - self), self),
         *to = path_join(folder, "sandbox-exec");
    MT_CLEANUP(strbuf) struct strbuf program = STRBUF_INIT;
    int rc = fs_read(from, 64u << 20, &program, NULL);
    rc = rc ? rc : fs_write_atomic(to, program.buf, program.len, 0755, NULL);
    rc = rc ? rc : chmod(to, 0755);
    setenv(NAMED, to, 1);
    free(from);
    free(to);
    return rc;
}

int stand_in_main(int argc, char **argv, int (*run)(void))
{
    char folder[] = "/tmp/muthr-seat-XXXXXX";
    if (argc > 1) { /* again, as somebody else: it is named already */
        return fixture_main(argc, argv, run);
    }
    if (!mkdtemp(folder) || chmod(folder, 0755) < 0 || provide(folder) < 0) {
        fprintf(stderr, "there is no tests/play/sandbox-exec beside this test\n");
        return 1;
    }
    int rc = fixture_main(argc, argv, run);
    fs_remove_tree(folder, NULL);
    return rc;
}
