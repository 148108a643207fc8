/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/hosts.h"

#include <string.h>

#include "core/engine/workspaces.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

int hosts_key(const char *sandbox, const char *host, char out[NAMING_SANDBOX_MAX], struct error *err)
{
    if (host[0] == '\0') {
        str_copy(out, NAMING_SANDBOX_MAX, sandbox);
        return 0;
    }
    if (str_format(out, NAMING_SANDBOX_MAX, "%s@%s", sandbox, host) < 0) {
        return error_set(err, ERROR_INVALID, "the name %.60s... on %s is too long", sandbox, host);
    }
    return 0;
}

/* Does every byte stand in ASCII? */
static bool is_ascii(const char *s)
{
    for (; *s != '\0'; s++) {
        if ((unsigned char)*s >= 0x80) {
            return false;
        }
    }
    return true;
}

int hosts_key_of(const char *name, const char *project, unsigned caps, const char *host, char out[NAMING_SANDBOX_MAX],
                 struct error *err)
{
    char reduced[NAMING_SANDBOX_MAX], full[NAMING_SANDBOX_MAX];
    struct error ignored = ERROR_INIT;
    bool mine = (caps & BACKEND_CAP_ASCII_NAMES) != 0 && !is_ascii(project) &&
                naming_sandbox(project, true, reduced, &ignored) == 0 && strcmp(reduced, name) == 0 &&
                naming_sandbox(project, false, full, &ignored) == 0;
    return hosts_key(mine ? full : name, host, out, err);
}

const char *hosts_bare(const char *key, const char *project, unsigned caps, char out[NAMING_SANDBOX_MAX])
{
    struct error ignored = ERROR_INIT;
    if ((caps & BACKEND_CAP_ASCII_NAMES) != 0 && !is_ascii(key) && project != NULL &&
        naming_sandbox(project, true, out, &ignored) == 0) {
        return out;
    }
    str_copy(out, NAMING_SANDBOX_MAX, key);
    char *at = strchr(out, '@');
    if (at != NULL) {
        *at = '\0';
    }
    return out;
}

/* Room for one more, zeroed. */
static struct workspace *add(struct workspace **list, size_t *count, const char *host)
{
    *list = xreallocarray(*list, *count + 1, sizeof(**list));
    struct workspace *w = &(*list)[(*count)++];
    memset(w, 0, sizeof(*w));
    str_copy(w->host, sizeof(w->host), host);
    return w;
}

/* Its sandbox gets the host's suffix, or it has none, with the reason. */
static void set_key(struct workspace *w)
{
    struct error err = ERROR_INIT;
    char key[NAMING_SANDBOX_MAX];
    if (w->sandbox[0] == '\0') {
        return;
    }
    if (hosts_key(w->sandbox, w->host, key, &err) < 0) {
        str_copy(w->name_error, sizeof(w->name_error), err.msg);
        key[0] = '\0';
    }
    str_copy(w->sandbox, sizeof(w->sandbox), key);
}

/* Is a workspace of this host and sandbox in the list already? */
static bool has(const struct workspace *list, size_t count, const char *key)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i].sandbox, key) == 0) {
            return true;
        }
    }
    return false;
}

void hosts_workspaces(const char *host, const char *root, const struct strvec *folders,
                      const struct sandbox_info *infos, size_t info_count, struct workspace **list, size_t *count)
{
    size_t first = *count;
    for (size_t i = 0; folders != NULL && i < folders->len; i++) {
        const char *name = folders->v[i];
        if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
            continue;
        }
        struct workspace *w = add(list, count, host);
        workspaces_name(w, name);
        set_key(w);
        if (w->sandbox[0] != '\0' && has(*list + first, *count - 1 - first, w->sandbox)) {
            str_copy(w->name_error, sizeof(w->name_error), "has the same sandbox name as another folder: rename one");
            w->sandbox[0] = '\0';
        }
        str_format(w->path, sizeof(w->path), "%s/%s", root != NULL ? root : "", name);
    }
    for (size_t i = 0; i < info_count; i++) {
        const struct sandbox_info *info = &infos[i]; /* its name is a key already */
        if (has(*list + first, *count - first, info->name)) {
            continue;
        }
        MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
        struct workspace *w = add(list, count, host);
        const char *name = info->project[0] != '\0' ? info->project : info->name;
        utf8_sanitize(&shown, name, strlen(name), false);
        str_copy(w->name, sizeof(w->name), name);
        str_copy(w->shown, sizeof(w->shown), shown.buf);
        str_copy(w->path, sizeof(w->path), info->workspace);
        str_copy(w->sandbox, sizeof(w->sandbox), info->name);
        w->missing = folders != NULL; /* not known otherwise: the folder is on the other machine */
    }
}
