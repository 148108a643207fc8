/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/workspaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/engine/naming.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

void workspaces_name(struct workspace *w, const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    struct error err = ERROR_INIT;
    str_copy(w->name, sizeof(w->name), name);
    utf8_sanitize(&shown, name, strlen(name), false);
    str_copy(w->shown, sizeof(w->shown), shown.buf);
    if (!utf8_is_valid(name, strlen(name))) {
        /* State files are JSON: such a path would not come back as it was. */
        w->sandbox[0] = '\0';
        str_copy(w->name_error, sizeof(w->name_error), "the folder's name is not UTF-8: rename it");
    } else if (naming_sandbox(name, false, w->sandbox, &err) < 0) {
        w->sandbox[0] = '\0';
        str_copy(w->name_error, sizeof(w->name_error), err.msg);
    } else if (naming_is_infrastructure(w->sandbox)) {
        str_format(w->name_error, sizeof(w->name_error), "%s is the name of muthr's own services: rename the folder",
                   w->sandbox);
        w->sandbox[0] = '\0';
    } else if (naming_is_reserved(w->sandbox)) {
        w->reserved = true;
    }
}

/* True when the child is to be listed; a symbolic link that leads nowhere is, with the reason. */
static bool look_at(struct workspace *w)
{
    struct stat st;
    if (stat(w->path, &st) == 0) {
        return S_ISDIR(st.st_mode);
    }
    int sys = errno;
    if (lstat(w->path, &st) != 0 || !S_ISLNK(st.st_mode)) {
        return false;
    }
    w->sandbox[0] = '\0';
    str_copy(w->name_error, sizeof(w->name_error),
             sys == ELOOP ? "a symbolic link that leads back to itself"
                          : "a symbolic link to something that does not exist");
    return true;
}

/* Order by sandbox name, then folder name: brings those with the same sandbox together. */
static int compare(const void *a, const void *b)
{
    const struct workspace *x = a, *y = b;
    int diff = strcmp(x->sandbox, y->sandbox);
    return diff != 0 ? diff : strcmp(x->name, y->name);
}

/* Of several folders with one sandbox name only the first gets it. */
static void refuse_doubles(struct workspace *list, size_t count)
{
    qsort(list, count, sizeof(*list), compare);
    for (size_t i = 0, owner = 0; i < count; i++) {
        if (i == owner || list[i].sandbox[0] == '\0' || strcmp(list[i].sandbox, list[owner].sandbox) != 0) {
            owner = i;
            continue;
        }
        str_format(list[i].name_error, sizeof(list[i].name_error), "has the same sandbox name as %.80s: rename one",
                   list[owner].shown);
        list[i].sandbox[0] = '\0';
    }
}

int workspaces_scan(const char *root, struct workspace **out, size_t *count, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    *out = NULL;
    *count = 0;
    if (fs_list(root, &names, err) < 0) {
        return -1;
    }
    struct workspace *list = xcalloc(names.len + 1, sizeof(*list));
    size_t n = 0;
    for (size_t i = 0; i < names.len; i++) {
        struct workspace *w = &list[n];
        if (names.v[i][0] == '.') {
            continue;
        }
        memset(w, 0, sizeof(*w));
        workspaces_name(w, names.v[i]);
        if (str_format(w->path, sizeof(w->path), "%s/%s", root, names.v[i]) == 0 && look_at(w)) {
            n++;
        }
    }
    refuse_doubles(list, n);
    *out = list;
    *count = n;
    return 0;
}
