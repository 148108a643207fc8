/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/inuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/journal.h"
#include "core/io/procinfo.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

/* One mark: its process is alive, or it goes. */
static bool is_alive(const char *path, int pid)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (fs_read(path, 64, &text, NULL) == 0 && journal_owner_alive(pid, strtoull(text.buf, NULL, 10))) {
        return true;
    }
    unlink(path);
    return false;
}

/* The marks of the dead go: each command makes one, and nobody else may ever look. */
static void sweep(const char *dir)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    if (fs_list(dir, &names, &ignored) < 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        const char *dot = strrchr(names.v[i], '.');
        if (dot != NULL && dot != names.v[i] && dot[1] != '\0' && strspn(dot + 1, "0123456789") == strlen(dot + 1)) {
            MT_CLEANUP(xfree) char *path = path_join(dir, names.v[i]);
            is_alive(path, (int)strtol(dot + 1, NULL, 10));
        }
    }
}

int inuse_mark(const struct paths *paths, const char *sandbox, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = path_join(paths->state, "use");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.%d", dir, sandbox, (int)getpid());
    char text[32];
    str_format(text, sizeof(text), "%llu", (unsigned long long)procinfo_start(getpid()));
    sweep(dir);
    return fs_mkdirs(dir, 0700, err) < 0 ? -1 : fs_write_atomic(path, text, strlen(text), 0600, err);
}

bool inuse_any(const struct paths *paths, const char *sandbox)
{
    MT_CLEANUP(xfree) char *dir = path_join(paths->state, "use");
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    size_t len = strlen(sandbox);
    bool any = false;
    if (fs_list(dir, &names, NULL) < 0) {
        return false;
    }
    for (size_t i = 0; i < names.len; i++) {
        const char *n = names.v[i], *digits = n + len + 1;
        if (strncmp(n, sandbox, len) != 0 || n[len] != '.' || *digits == '\0' ||
            strspn(digits, "0123456789") != strlen(digits)) {
            continue;
        }
        MT_CLEANUP(xfree) char *path = path_join(dir, n);
        any = is_alive(path, (int)strtol(digits, NULL, 10)) || any;
    }
    return any;
}
