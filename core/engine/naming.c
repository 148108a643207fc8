/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/naming.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

static const char PREFIX[] = "muthr-";

/* `path` made absolute and without repeated or final slashes, not resolved. Caller frees. */
static char *expand(const char *setting, const struct paths *paths)
{
    char *path = path_expand(setting, paths->home);
    struct strbuf out = STRBUF_INIT;
    if (path[0] !=
        '/') { /* a relative setting counts from the home directory, as everything in the configuration does */
        strbuf_addf(&out, "%s/", paths->home);
    }
    for (const char *p = path; *p != '\0'; p++) {
        if (*p != '/' || out.len == 0 || out.buf[out.len - 1] != '/') {
            strbuf_addch(&out, *p);
        }
    }
    if (out.len > 1 && out.buf[out.len - 1] == '/') {
        strbuf_truncate(&out, out.len - 1);
    }
    free(path);
    return strbuf_detach(&out, NULL);
}

/* N2: places that are never a workspace root; `real` is resolved. */
static int refuse_place(const char *shown, const char *real, const struct paths *paths, struct error *err)
{
    static const char HINT[] = "choose a folder of projects below your home directory, for example ~/src";
    struct error ignored = ERROR_INIT;
    MT_CLEANUP(xfree) char *home = path_real(paths->home, &ignored);
    const char *h = home != NULL ? home : paths->home;
    if (strcmp(real, "/") == 0) {
        return error_hint(err, ERROR_INVALID, HINT, "workspace root %s is the root of the file system", shown);
    }
    if (strcmp(real, "/home") == 0 || strcmp(real, "/Users") == 0) {
        return error_hint(err, ERROR_INVALID, HINT, "workspace root %s holds everybody's home directories", shown);
    }
    if (strcmp(real, h) == 0) {
        return error_hint(err, ERROR_INVALID, HINT, "workspace root %s is the home directory itself", shown);
    }
    if (!path_is_below(real, h)) {
        if (strcmp(shown, real) != 0) {
            return error_hint(err, ERROR_INVALID, HINT, "workspace root %s leads to %s, outside the home directory %s",
                              shown, real, h);
        }
        return error_hint(err, ERROR_INVALID, HINT, "workspace root %s is outside the home directory %s", shown, h);
    }
    return 0;
}

/* Why a path that cannot be resolved cannot be. */
static int unresolved(const char *path, const struct paths *paths, const struct error *why, struct error *err)
{
    struct stat st;
    char target[PATH_MAX];
    if (why->sys == ELOOP) {
        return error_hint(err, ERROR_INVALID, "remove the link, or set workspace_root to a folder",
                          "workspace root %s is a symbolic link that leads back to itself", path);
    }
    if (why->code != ERROR_NOT_FOUND) {
        *err = *why;
        return error_wrap(err, "workspace root");
    }
    if (refuse_place(path, path, paths, err) < 0) {
        return -1; /* do not offer to create what would be refused */
    }
    if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode)) {
        ssize_t n = readlink(path, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
        return error_hint(err, ERROR_NOT_FOUND, "create the folder that it points at, or remove the link",
                          "workspace root %s is a symbolic link to %s, which does not exist", path, target);
    }
    return error_hint(err, ERROR_NOT_FOUND, "create it with mkdir -p, or set workspace_root",
                      "workspace root %s does not exist: mkdir -p '%s'", path, path);
}

int naming_root(const char *setting, const struct paths *paths, char **path, struct error *err)
{
    struct error mine = ERROR_INIT;
    struct stat st;
    *path = expand(setting, paths);
    char *real = path_real(*path, &mine);
    int rc = 0;
    if (setting[0] == '\0') {
        rc = error_set(&mine, ERROR_INVALID, "workspace_root is empty");
    } else if (real == NULL) {
        struct error why = mine;
        rc = unresolved(*path, paths, &why, &mine);
    } else if (refuse_place(*path, real, paths, &mine) < 0) {
        rc = -1;
    } else if (stat(real, &st) == 0 && !S_ISDIR(st.st_mode)) {
        rc = error_hint(&mine, ERROR_INVALID, "set workspace_root to a folder", "workspace root %s is not a folder",
                        *path);
    } else if (access(real, R_OK | X_OK) != 0) {
        rc = error_hint(&mine, ERROR_DENIED, "give yourself read and search permission on it",
                        "workspace root %s cannot be read", *path);
    }
    if (rc < 0) {
        free(real);
        if (err != NULL) {
            *err = mine;
        }
        return -1;
    }
    free(*path);
    *path = real;
    return 0;
}

int naming_sandbox(const char *folder, bool ascii_only, char out[NAMING_SANDBOX_MAX], struct error *err)
{
    const size_t hash_len = 9, room = NAMING_SANDBOX_MAX - 1 - strlen(PREFIX);
    MT_CLEANUP(strbuf) struct strbuf kept = STRBUF_INIT;
    size_t len = strlen(folder), used = 0, fits_hash = 0;
    bool dropped = false;
    for (size_t i = 0; i < len; i += used) {
        uint32_t cp;
        used = utf8_decode(folder + i, len - i, &cp);
        bool valid = cp != UTF8_REPLACEMENT; /* U+FFFD itself is no letter either */
        bool keep = valid && (cp == '-' || cp == '_' || (utf8_is_alnum(cp) && (cp < 0x80 || !ascii_only)));
        if (!keep) {
            dropped = true;
            continue;
        }
        strbuf_add(&kept, folder + i, used);
        if (kept.len <= room - hash_len) {
            fits_hash = kept.len;
        }
    }
    if (kept.len == 0) {
        return ascii_only
                   ? error_hint(err, ERROR_INVALID, "rename the folder, or use a backend that takes such names",
                                "the folder's name has no ASCII letter or digit, and this backend takes no other")
                   : error_hint(err, ERROR_INVALID,
                                "rename the folder: a sandbox name needs at least one letter or digit",
                                "the folder's name has no letter, digit, - or _");
    }
    if (kept.len > (dropped ? room - hash_len : room)) {
        strbuf_truncate(&kept, fits_hash);
        dropped = true;
    }
    if (!dropped) {
        str_format(out, NAMING_SANDBOX_MAX, "%s%s", PREFIX, kept.buf);
    } else {
        uint32_t low = (uint32_t)(hash_fnv1a64(folder, len) & 0xffffffffu);
        str_format(out, NAMING_SANDBOX_MAX, "%s%s-%08x", PREFIX, kept.buf, low);
    }
    return 0;
}

bool naming_is_infrastructure(const char *sandbox)
{
    return strcmp(sandbox, "muthr-services") == 0 || strcmp(sandbox, "muthr-searxng") == 0;
}

bool naming_is_reserved(const char *sandbox)
{
    return strcmp(sandbox, "muthr-config") == 0;
}

int naming_check_word(const char *word, const char *what, struct error *err)
{
    static const char ALLOWED[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
    size_t len = strlen(word);
    if (len == 0 || len > 63 || strspn(word, ALLOWED) != len) {
        MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
        utf8_sanitize(&shown, word, MT_MIN(len, (size_t)80), false);
        return error_set(err, ERROR_INVALID, "%s \"%s\" is not a name: letters, digits, _ and -, at most 63", what,
                         shown.buf);
    }
    return 0;
}

int naming_context(const char *root, const char *cwd, const struct paths *paths, struct naming_context *out,
                   struct error *err)
{
    struct error ignored = ERROR_INIT;
    MT_CLEANUP(xfree) char *real = path_real(cwd, &ignored);
    MT_CLEANUP(xfree) char *config = path_real(paths->config, &ignored);
    const char *here = real != NULL ? real : cwd;
    memset(out, 0, sizeof(*out));
    if (config != NULL && path_is_below(here, config)) {
        out->reserved = true;
        str_copy(out->sandbox, sizeof(out->sandbox), "muthr-config");
        return 0;
    }
    if (strcmp(here, root) == 0) {
        return error_hint(err, ERROR_INVALID, "go into one of its project folders, or name the project",
                          "this is the workspace root (%s), not a project in it", root);
    }
    if (!path_is_below(here, root)) {
        return error_hint(err, ERROR_INVALID, "go into a project folder below the root, or set workspace_root",
                          "%s is outside the workspace root (%s)", here, root);
    }
    const char *rel = here + strlen(root);
    rel += strspn(rel, "/");
    size_t n = strcspn(rel, "/");
    if (n >= sizeof(out->project)) {
        return error_set(err, ERROR_INVALID, "the project's folder name is too long");
    }
    memcpy(out->project, rel, n);
    rel += n + strspn(rel + n, "/");
    if (str_copy(out->inner, sizeof(out->inner), rel) < 0) {
        return error_set(err, ERROR_INVALID, "the path below the project is too long");
    }
    return naming_sandbox(out->project, false, out->sandbox, err);
}
