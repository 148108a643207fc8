/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over the upper folder: what in it differs from the project, by the markers of the kernel's overlay and of
 * fuse-overlayfs. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define MODE_BITS 0777

struct walker {
    const struct overlay_walk *w;
    const char *upper_path; /* for removing trees */
    struct error *err;
};

/* One folder of the walk. */
struct level {
    int upper, lower; /* lower -1: the project has no such folder */
    const char *rel;
    bool opaque, in_opaque; /* hides the project's folder; so does one above it */
    int depth;
};

static int walk_level(struct walker *k, const struct level *l, bool *changed);

/* "rel/name". Caller frees. */
static char *join_rel(const char *rel, const char *name)
{
    return rel[0] != '\0' ? path_join(rel, name) : xstrdup(name);
}

/* A folder that replaces the project's as a whole, by its mark. */
static bool is_opaque(const struct walker *k, int fd)
{
    static const char *const kernel[] = {"user.overlay.opaque", "trusted.overlay.opaque"};
    static const char *const fuse[] = {"user.fuseoverlayfs.opaque", "trusted.overlay.opaque", "user.overlay.opaque"};
    bool is_fuse = k->w->kind == OVERLAY_FUSE;
    const char *const *marks = is_fuse ? fuse : kernel;
    struct stat st;
    for (size_t i = 0; i < (is_fuse ? MT_ARRAY_LEN(fuse) : MT_ARRAY_LEN(kernel)); i++) {
        char value[4];
        if (fgetxattr(fd, marks[i], value, sizeof(value)) == 1 && value[0] == 'y') {
            return true;
        }
    }
    return is_fuse && fstatat(fd, ".wh..wh..opq", &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Is the host's entry, and all below it, what was recorded? */
bool overlay_is_as_recorded(const struct overlay_records *r, int at, const char *name, const char *path, char note[96],
                            bool *risky)
{
    struct stat st;
    const struct overlay_record *rec = r != NULL ? records_find(r, path) : NULL;
    if (risky != NULL && overlay_is_risky(path)) {
        *risky = true;
    }
    if (fstatat(at, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        str_copy(note, 96, "deleted in the project meanwhile");
        return rec == NULL;
    }
    if (rec == NULL || !record_matches(rec, &st)) {
        str_copy(note, 96, rec == NULL ? "new in the project meanwhile" : "changed in the project meanwhile");
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        return true;
    }
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    int fd = overlay_open_dir(at, name);
    bool good = fd >= 0 && fs_list_fd(fd, &names) == 0;
    if (!good) {
        str_copy(note, 96, "cannot be read in the project");
    }
    for (size_t i = 0; good && i < names.len; i++) {
        MT_CLEANUP(xfree) char *below = path_join(path, names.v[i]);
        good = overlay_is_as_recorded(r, fd, names.v[i], below, note, risky); /* deep ones are not recorded: an end */
    }
    if (fd >= 0) {
        close(fd);
    }
    return good;
}

/* Conflict, risk, and the call. */
static int emit(struct walker *k, const struct level *l, struct overlay_entry *e)
{
    const char *path = e->change.path;
    bool risky = overlay_is_risky(path);
    struct workspace_change *c = &e->change;
    if (k->w->visit == NULL) {
        return 0;
    }
    c->size = S_ISREG(e->upper.st_mode) ? (uint64_t)e->upper.st_size : 0;
    e->in_opaque = l->opaque || l->in_opaque;
    bool recorded = true;
    char note[96] = "";
    if (k->w->records != NULL && e->lower.st_mode != 0) {
        bool whole = !S_ISDIR(e->upper.st_mode) || !S_ISDIR(e->lower.st_mode); /* a folder's mode touches none below */
        if (whole) {
            recorded = overlay_is_as_recorded(k->w->records, l->lower, e->name, path, note, &risky);
        } else {
            recorded = records_find(k->w->records, path) != NULL;
            str_copy(note, sizeof(note), "new in the project meanwhile");
        }
    } else if (k->w->records != NULL && records_find(k->w->records, path) != NULL) {
        recorded = false;
        str_copy(note, sizeof(note), "deleted in the project meanwhile");
    }
    c->conflict = !recorded && !e->skip;
    c->risky = (c->risky || risky) && !e->skip;
    c->never = e->skip;
    if (c->conflict) {
        str_copy(c->note, sizeof(c->note), note);
    } else if (c->risky && c->note[0] == '\0') {
        str_copy(c->note, sizeof(c->note), "tools take orders from it: only when named");
    }
    return k->w->visit(k->w->arg, e, k->err);
}

/* Do two regular files hold the same bytes? Unreadable: no. */
static bool same_bytes(int at_a, int at_b, const char *name)
{
    enum { CHUNK = 1 << 16 };
    int a = openat(at_a, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    int b = openat(at_b, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    char *buf = xmalloc((size_t)2 * CHUNK);
    bool same = a >= 0 && b >= 0;
    for (ssize_t n = 1; same && n > 0;) {
        n = read(a, buf, CHUNK);
        ssize_t m = 0;
        for (ssize_t got = 1; n > 0 && m < n && got > 0; m += got > 0 ? got : 0) {
            got = read(b, buf + CHUNK + m, (size_t)(n - m));
        }
        same = n >= 0 && m == n && (n == 0 || memcmp(buf, buf + CHUNK, (size_t)n) == 0);
    }
    free(buf);
    if (a >= 0) {
        close(a);
    }
    if (b >= 0) {
        close(b);
    }
    return same;
}

/* The target of a link; false when it cannot be read or is too long. */
static bool read_link(int at, const char *name, char out[4096])
{
    ssize_t n = readlinkat(at, name, out, 4095);
    out[n > 0 ? n : 0] = '\0';
    return n > 0 && n < 4095;
}

/* A file, link, or something else that is in the upper folder. */
static int visit_leaf(struct walker *k, const struct level *l, struct overlay_entry *e, bool *changed)
{
    struct workspace_change *c = &e->change;
    bool same_type = ((e->upper.st_mode ^ e->lower.st_mode) & S_IFMT) == 0;
    c->kind = e->lower.st_mode == 0 ? CHANGE_ADDED : same_type ? CHANGE_MODIFIED : CHANGE_TYPE;
    if (S_ISREG(e->upper.st_mode)) {
        bool same_mode = ((e->upper.st_mode ^ e->lower.st_mode) & MODE_BITS) == 0;
        bool same =
            same_type && same_mode && e->upper.st_size == e->lower.st_size && same_bytes(l->upper, l->lower, e->name);
        unsigned more = e->upper.st_mode & (S_ISUID | S_ISGID) & ~(same_type ? e->lower.st_mode : 0);
        if (same && more == 0) {
            return 0;
        }
        if (more != 0) {
            str_copy(c->note, sizeof(c->note), "its setuid or setgid bit is not taken over");
        }
        e->skip = same;
    } else if (S_ISLNK(e->upper.st_mode)) {
        char target[4096], old[4096];
        bool good = read_link(l->upper, e->name, target);
        if (good && same_type && read_link(l->lower, e->name, old) && strcmp(target, old) == 0) {
            return 0;
        }
        if (!good || overlay_link_escapes(k->w->project_fd, c->path, target)) {
            c->risky = true;
            str_copy(c->note, sizeof(c->note), "a link that leads out of the project: only when named");
        }
    } else {
        e->skip = true;
        str_copy(c->note, sizeof(c->note), "neither file, folder nor link: never taken");
    }
    *changed = true;
    return emit(k, l, e);
}

/* A folder in the upper folder. */
static int visit_dir(struct walker *k, const struct level *l, struct overlay_entry *e, bool *changed)
{
    struct workspace_change *c = &e->change;
    bool below_changed = false, has_lower = S_ISDIR(e->lower.st_mode);
    int upper = l->depth < OVERLAY_DEPTH_MAX ? overlay_open_dir(l->upper, e->name) : -1;
    if (upper < 0) {
        e->skip = *changed = true;
        c->kind = has_lower ? CHANGE_MODIFIED : CHANGE_ADDED;
        str_copy(c->note, sizeof(c->note),
                 l->depth < OVERLAY_DEPTH_MAX ? "a folder that cannot be read: not taken" : "too deep: not taken");
        return emit(k, l, e);
    }
    struct level below = {.upper = upper,
                          .lower = has_lower ? overlay_open_dir(l->lower, e->name) : -1,
                          .rel = c->path,
                          .opaque = is_opaque(k, upper),
                          .in_opaque = l->opaque || l->in_opaque,
                          .depth = l->depth + 1};
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    bool mode_differs = has_lower && ((e->upper.st_mode ^ e->lower.st_mode) & MODE_BITS) != 0;
    bool replaces = e->lower.st_mode != 0 && !has_lower;
    int rc = 0;
    if ((below.opaque || !has_lower) && k->w->covered != NULL) {
        k->w->covered(k->w->arg, c->path);
    }
    if (mode_differs || replaces || (!has_lower && fs_list_fd(upper, &names) == 0 && names.len == 0)) {
        c->kind = replaces ? CHANGE_TYPE : has_lower ? CHANGE_MODIFIED : CHANGE_ADDED;
        rc = emit(k, l, e);
        below_changed = true;
    }
    rc = rc == 0 ? walk_level(k, &below, &below_changed) : rc;
    close(upper);
    if (below.lower >= 0) {
        close(below.lower);
    }
    *changed = below_changed || !has_lower;
    return rc;
}

/* The project's name is hidden: a deletion, unless there is nothing to delete. */
static int visit_whiteout(struct walker *k, const struct level *l, struct overlay_entry *e, bool *changed)
{
    if (e->lower.st_mode == 0) {
        return 0;
    }
    memset(&e->upper, 0, sizeof(e->upper));
    e->change.kind = CHANGE_DELETED;
    *changed = true;
    return emit(k, l, e);
}

/* Takes an entry away that changes nothing. Nobody has the view mounted. */
static void prune_entry(const struct walker *k, const struct level *l, const char *name, const struct stat *st)
{
    if (!S_ISDIR(st->st_mode)) {
        unlinkat(l->upper, name, 0);
    } else if (unlinkat(l->upper, name, AT_REMOVEDIR) < 0 && errno == ENOTEMPTY) {
        MT_CLEANUP(xfree) char *rel = join_rel(l->rel, name);
        MT_CLEANUP(xfree) char *path = path_join(k->upper_path, rel);
        fs_remove_tree(path, NULL); /* an opaque one, equal to the project's */
    }
}

/* One name of the upper folder. */
static int visit_name(struct walker *k, const struct level *l, const char *name, bool *changed)
{
    bool hides = k->w->kind == OVERLAY_FUSE && strncmp(name, ".wh.", 4) == 0;
    bool mine = false;
    const char *plain = hides ? name + 4 : name;
    MT_CLEANUP(xfree) char *path = join_rel(l->rel, plain);
    struct overlay_entry e = {.upper_fd = l->upper, .name = plain, .change = {.path = path}};
    int rc;
    if (fstatat(l->upper, name, &e.upper, AT_SYMLINK_NOFOLLOW) < 0 || (hides && strncmp(plain, ".wh.", 4) == 0)) {
        return 0;
    }
    struct stat upper = e.upper;
    if (l->lower < 0 || fstatat(l->lower, plain, &e.lower, AT_SYMLINK_NOFOLLOW) < 0) {
        memset(&e.lower, 0, sizeof(e.lower));
    }
    bool whiteout = hides || (S_ISCHR(e.upper.st_mode) && e.upper.st_rdev == makedev(0, 0));
    if (!S_ISDIR(e.upper.st_mode) && k->w->covered != NULL) {
        k->w->covered(k->w->arg, path);
    }
    if (whiteout) {
        rc = visit_whiteout(k, l, &e, &mine);
    } else if (S_ISDIR(e.upper.st_mode)) {
        rc = visit_dir(k, l, &e, &mine);
    } else {
        rc = visit_leaf(k, l, &e, &mine);
    }
    if (!mine && rc == 0 && k->w->prune && !l->opaque && !l->in_opaque) {
        prune_entry(k, l, name, &upper);
    }
    *changed = *changed || mine;
    return rc;
}

/* What an opaque folder hides without naming it. */
static int visit_hidden(struct walker *k, const struct level *l, const struct strvec *upper, bool *changed)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (!l->opaque || l->lower < 0 || fs_list_fd(l->lower, &names) < 0) {
        return 0;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *path = join_rel(l->rel, names.v[i]);
        MT_CLEANUP(xfree) char *mark = xasprintf(".wh.%s", names.v[i]);
        struct overlay_entry e = {.upper_fd = -1, .name = names.v[i], .change = {.path = path}};
        if (strvec_index(upper, names.v[i]) >= 0 || (k->w->kind == OVERLAY_FUSE && strvec_index(upper, mark) >= 0) ||
            fstatat(l->lower, names.v[i], &e.lower, AT_SYMLINK_NOFOLLOW) < 0) {
            continue;
        }
        e.change.kind = CHANGE_DELETED;
        *changed = true;
        if (emit(k, l, &e) < 0) {
            return -1;
        }
    }
    return 0;
}

/* One folder with all below it. */
static int walk_level(struct walker *k, const struct level *l, bool *changed)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (fs_list_fd(l->upper, &names) < 0) {
        return error_sys(k->err, errno, "changes in /%s", l->rel);
    }
    for (size_t i = 0; i < names.len; i++) {
        if (visit_name(k, l, names.v[i], changed) < 0) {
            return -1;
        }
    }
    return visit_hidden(k, l, &names, changed);
}

int overlay_walk(const struct overlay_walk *w, const char *dir, struct error *err)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, "overlay/upper");
    struct walker k = {.w = w, .upper_path = path, .err = err};
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    bool changed = false;
    if (fd < 0) {
        return errno == ENOENT ? 0 : error_sys(err, errno, "%s", path);
    }
    struct level root = {.upper = fd, .lower = w->project_fd, .rel = "", .opaque = is_opaque(&k, fd)};
    int rc = walk_level(&k, &root, &changed);
    close(fd);
    return rc;
}
