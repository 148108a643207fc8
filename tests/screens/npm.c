/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/screens/npm.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Fixed versions: what they show is what the tests know. */
#define XTERM "@xterm/headless@6.0.0 @xterm/addon-unicode11@0.9.0"

static char *xterm_dir;

/* What npm says when nobody is there, as opposed to a package that is not. */
static bool says_away(const char *said)
{
    static const char *const words[] = {"ENOTFOUND",  "EAI_AGAIN",    "ETIMEDOUT", "ECONNREFUSED",
                                        "ECONNRESET", "E502",         "E503",      "ENETUNREACH",
                                        "E504",       "EHOSTUNREACH", "E429",      "ERR_SOCKET_TIMEOUT"};

    for (size_t i = 0; i < MT_ARRAY_LEN(words); i++) {
        if (strstr(said, words[i])) {
            return true;
        }
    }
    return false;
}

int npm_install(const char *dir, const char *packages)
{
    MT_CLEANUP(xfree)
    char *command = xasprintf("npm install --prefix '%s' --no-audit --no-fund --no-update-notifier --loglevel=error "
                              "--fetch-retries=1 --fetch-timeout=30000 %s 2>&1 </dev/null",
                              dir, packages);
    MT_CLEANUP(strbuf) struct strbuf said = STRBUF_INIT;
    char buf[4096];
    size_t n;

    FILE *npm = popen(command, "r");
    assert_non_null(npm);
    while ((n = fread(buf, 1, sizeof(buf), npm)) > 0) {
        strbuf_add(&said, buf, n);
    }
    if (pclose(npm) == 0) {
        return 0;
    }
    if (!says_away(said.buf)) {
        print_error("%s\n%s\n", command, said.buf);
        fail();
    }
    return 1;
}

const char *npm_xterm(void)
{
    char dir[] = "/tmp/mt-npm-XXXXXX";

    if (!xterm_dir) {
        assert_non_null(mkdtemp(dir));
        xterm_dir = xstrdup(dir);
        if (npm_install(dir, XTERM) != 0) {
            npm_remove_xterm();
        }
    }
    return xterm_dir;
}

void npm_remove_xterm(void)
{
    if (xterm_dir) {
        (void)fs_remove_tree(xterm_dir, NULL);
        free(xterm_dir);
        xterm_dir = NULL;
    }
}
