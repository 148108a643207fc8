/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/held.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

/* The folder; caller frees. */
static char *folder_of(const struct paths *paths)
{
    return path_join(paths->state, "held");
}

static int compare(const void *a, const void *b)
{
    const struct held *x = a, *y = b;
    int diff = strcmp(x->sandbox, y->sandbox);
    return diff != 0 ? diff : strcmp(x->backend, y->backend);
}

size_t held_list(const struct paths *paths, struct held **out)
{
    MT_CLEANUP(xfree) char *dir = folder_of(paths);
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    size_t n = 0;
    *out = NULL;
    if (fs_list(dir, &names, &ignored) < 0 || names.len == 0) {
        return 0;
    }
    *out = xcalloc(names.len, sizeof(**out));
    for (size_t i = 0; i < names.len; i++) {
        const char *dot = strrchr(names.v[i], '.'); /* no backend has one in its name */
        struct held *h = &(*out)[n];
        if (dot != NULL && dot > names.v[i] && dot[1] != '\0' &&
            str_format(h->sandbox, sizeof(h->sandbox), "%.*s", (int)(dot - names.v[i]), names.v[i]) == 0 &&
            str_copy(h->backend, sizeof(h->backend), dot + 1) == 0) {
            n++;
        }
    }
    qsort(*out, n, sizeof(**out), compare);
    return n;
}

int held_put(const struct paths *paths, const char *sandbox, const char *backend, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = folder_of(paths);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.%s", dir, sandbox, backend);
    if (fs_mkdirs(dir, 0700, err) < 0) {
        return -1;
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return error_sys(err, errno, "%s", path);
    }
    close(fd);
    return 0;
}

void held_drop(const struct paths *paths, const char *sandbox, const char *backend)
{
    MT_CLEANUP(xfree) char *dir = folder_of(paths);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.%s", dir, sandbox, backend);
    (void)unlink(path);
}

void held_sync(const struct paths *paths, const char *backend, const struct sandbox_info *infos, size_t count)
{
    struct held *list;
    size_t n = held_list(paths, &list);
    bool *known = xcalloc(count + 1, sizeof(*known));
    for (size_t i = 0; i < n; i++) {
        bool there = false;
        if (strcmp(list[i].backend, backend) != 0) {
            continue;
        }
        for (size_t k = 0; k < count && !there; k++) {
            there = strcmp(infos[k].name, list[i].sandbox) == 0;
            known[k] = known[k] || there;
        }
        if (!there) {
            held_drop(paths, list[i].sandbox, backend);
        }
    }
    for (size_t k = 0; k < count; k++) {
        struct error err = ERROR_INIT;
        if (!known[k] && !infos[k].foreign && held_put(paths, infos[k].name, backend, &err) < 0) {
            log_info("that %s holds %s is not remembered: %s", backend, infos[k].name, err.msg);
            break; /* nor would the others be */
        }
    }
    free(known);
    free(list);
}
