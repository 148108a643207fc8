/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

void overlay_changes_release(struct overlay_changes *c)
{
    for (size_t i = 0; i < c->len; i++) {
        free(c->v[i].path);
    }
    free(c->v);
    memset(c, 0, sizeof(*c));
}

static int collect(void *arg, const struct overlay_entry *e, struct error *err)
{
    struct overlay_changes *c = arg;
    (void)err;
    c->v = xreallocarray(c->v, c->len + 1, sizeof(*c->v));
    c->v[c->len] = e->change;
    c->v[c->len++].path = xstrdup(e->change.path);
    return 0;
}

int overlay_changes(const char *dir, const char *workspace, struct overlay_changes *out, struct error *err)
{
    struct overlay_records records;
    memset(out, 0, sizeof(*out));
    int fd = overlay_open_project(workspace, err);
    if (fd < 0) {
        return -1;
    }
    records_load(&records, dir);
    struct overlay_walk walk = {
        .project_fd = fd, .records = &records, .kind = records.kind, .visit = collect, .arg = out};
    int rc = overlay_walk(&walk, dir, err);
    records_release(&records);
    close(fd);
    return rc;
}

static int stop_at_first(void *arg, const struct overlay_entry *e, struct error *err)
{
    bool *any = arg;
    (void)e;
    (void)err;
    *any = true;
    return -1;
}

bool overlay_has_changes(const char *dir, const char *workspace)
{
    struct overlay_records head;
    bool any = false;
    MT_CLEANUP(xfree) char *upper = path_join(dir, "overlay/upper");
    if (!fs_is_dir(upper)) {
        return false;
    }
    int fd = overlay_open_project(workspace, NULL);
    if (fd < 0) { /* against nothing, everything is one */
        MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
        return fs_list(upper, &names, NULL) < 0 || names.len > 0;
    }
    records_load(&head, dir);
    struct overlay_walk walk = {.project_fd = fd, .kind = head.kind, .visit = stop_at_first, .arg = &any};
    bool failed = overlay_walk(&walk, dir, NULL) < 0;
    records_release(&head);
    close(fd);
    return any || failed;
}

/* --- before a start --- */

static void note_covered(void *arg, const char *path)
{
    strvec_push(arg, path);
}

/* Is the path, or a folder above it, hidden by the upper folder? `covered` is sorted. */
static bool is_covered(const struct strvec *covered, const char *path)
{
    if (covered->len == 0) {
        return false;
    }
    MT_CLEANUP(xfree) char *part = xstrdup(path);
    for (char *end = part + strlen(part);;) {
        *end = '\0';
        size_t low = 0, high = covered->len;
        while (low < high) {
            size_t mid = low + (high - low) / 2;
            int order = strcmp(covered->v[mid], part);
            if (order == 0) {
                return true;
            }
            if (order < 0) {
                low = mid + 1;
            } else {
                high = mid;
            }
        }
        end = strrchr(part, '/');
        if (end == NULL) {
            return false;
        }
    }
}

/* What programs inside see is recorded as it is now; what their changes hide, as they first saw it. */
static void merge(struct overlay_records *out, struct overlay_records *now, struct overlay_records *old,
                  const struct strvec *covered)
{
    struct overlay_records *const from[] = {now, old};
    for (size_t k = 0; k < MT_ARRAY_LEN(from); k++) {
        for (size_t i = 0; i < from[k]->len; i++) {
            struct overlay_record *rec = &from[k]->v[i];
            if (is_covered(covered, rec->path) == (k == 1)) {
                records_move(out, rec);
            }
        }
    }
    records_sort(out);
}

/* upper and work exist, and are ours alone. */
static int make_folders(const char *dir, struct error *err)
{
    static const char *const names[] = {"overlay/upper", "overlay/work", "overlay/merged"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, names[i]);
        if (fs_mkdirs(path, 0700, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int overlay_prepare(const char *dir, int workspace_fd, enum overlay_kind kind, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec covered = STRVEC_INIT;
    struct overlay_records old, now = {0}, out = {.kind = kind, .valid = true};
    struct stat st;
    if (make_folders(dir, err) < 0) {
        return -1;
    }
    MT_CLEANUP(xfree) char *upper = path_join(dir, "overlay/upper");
    /* The view's root looks like the project's. */
    if (fstat(workspace_fd, &st) == 0 && chmod(upper, st.st_mode & 0777) < 0) {
        return error_sys(err, errno, "%s", upper);
    }
    int fd = openat(workspace_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return error_sys(err, errno, "project folder");
    }
    records_load(&old, dir);
    struct overlay_walk prune = {.project_fd = fd, .kind = old.kind, .prune = true};
    struct overlay_walk walk = {.project_fd = fd, .kind = old.kind, .covered = note_covered, .arg = &covered};
    int rc = overlay_walk(&prune, dir, err) < 0 ? -1 : overlay_walk(&walk, dir, err);
    if (rc == 0 && covered.len > 0 && old.kind != kind) {
        rc = error_hint(err, ERROR_DENIED, "apply or discard them first",
                        "the changes in its workspace were written in another way (%s) than is possible here now",
                        old.kind == OVERLAY_FUSE ? "fuse-overlayfs" : "the kernel's overlay");
    }
    rc = rc == 0 ? records_take(&now, fd, err) : rc;
    if (rc == 0) {
        strvec_sort(&covered);
        merge(&out, &now, &old, &covered);
        rc = records_save(&out, dir, err);
    }
    records_release(&old);
    records_release(&now);
    records_release(&out);
    close(fd);
    return rc;
}

/* --- discard --- */

/* Forgets everything. */
static int discard_all(const char *dir, struct error *err)
{
    static const char *const names[] = {"overlay/upper", "overlay/work", "overlay/manifest.json",
                                        "overlay/manifest.list"};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, names[i]);
        if (fs_remove_tree(path, err) < 0) { /* gives itself the rights that work/work lacks */
            return -1;
        }
    }
    return make_folders(dir, err);
}

/* The folder of the upper one that holds `path`, -1 when there is none. */
static int open_upper_parent(const char *dir, const char *path)
{
    MT_CLEANUP(xfree) char *upper = path_join(dir, "overlay/upper");
    MT_CLEANUP(xfree) char *parent = xstrdup(path);
    char *slash = strrchr(parent, '/');
    int fd = open(upper, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (slash == NULL || fd < 0) {
        return fd;
    }
    *slash = '\0';
    int below = overlay_open_dir(fd, parent);
    close(fd);
    return below;
}

struct hidden_search {
    const char *const *paths;
    bool found;
    char path[4096]; /* one whose folder hides the project's as a whole */
};

static int find_hidden(void *arg, const struct overlay_entry *e, struct error *err)
{
    struct hidden_search *s = arg;
    (void)err;
    for (size_t i = 0; s->paths[i] != NULL; i++) {
        bool meant = overlay_is_at_or_below(e->change.path, s->paths[i]);
        if (meant && e->in_opaque && e->change.kind != CHANGE_ADDED && strcmp(e->change.path, s->paths[i]) == 0) {
            s->found = true;
            str_copy(s->path, sizeof(s->path), e->change.path);
        }
    }
    return 0;
}

/* Removes the entry of one path, whatever marks it. */
static int discard_one(const char *dir, const char *path, enum overlay_kind kind, struct error *err)
{
    MT_CLEANUP(xfree) char *rel = xasprintf("overlay/upper/%s", path);
    MT_CLEANUP(xfree) char *full = path_join(dir, rel);
    int fd = open_upper_parent(dir, path);
    if (fd < 0) {
        return error_sys(err, errno, "changes in %s", path);
    }
    const char *name = path_base(path);
    int rc = 0;
    if (kind == OVERLAY_FUSE) {
        MT_CLEANUP(xfree) char *mark = xasprintf(".wh.%s", name);
        unlinkat(fd, mark, 0);
    }
    if (unlinkat(fd, name, 0) < 0 && errno != ENOENT) {
        rc = fs_remove_tree(full, err); /* a folder; its parents were just opened without a link */
    }
    close(fd);
    return rc;
}

int overlay_discard(const char *dir, const char *workspace, const char *const *paths, struct error *err)
{
    struct overlay_records records;
    if (paths == NULL) {
        return discard_all(dir, err);
    }
    if (overlay_check_paths(dir, workspace, paths, err) < 0) {
        return -1;
    }
    int fd = overlay_open_project(workspace, err);
    if (fd < 0) {
        return -1;
    }
    records_load(&records, dir);
    struct hidden_search search = {.paths = paths};
    struct overlay_walk walk = {.project_fd = fd, .kind = records.kind, .visit = find_hidden, .arg = &search};
    int rc = overlay_walk(&walk, dir, err);
    if (rc == 0 && search.found) {
        rc = error_hint(err, ERROR_INVALID, "discard the folder that was replaced",
                        "%.150s: its folder was replaced as a whole: it cannot be discarded alone", search.path);
    }
    for (size_t i = 0; rc == 0 && paths[i] != NULL; i++) {
        rc = discard_one(dir, paths[i], records.kind, err);
    }
    if (rc == 0) {
        struct overlay_walk prune = {.project_fd = fd, .kind = records.kind, .prune = true};
        rc = overlay_walk(&prune, dir, err);
    }
    records_release(&records);
    close(fd);
    return rc;
}
