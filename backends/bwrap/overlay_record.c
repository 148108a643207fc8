/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backends/bwrap/overlay_private.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define VERSION 1
#define LIST_MAX (1u << 30)
#define RECORDS_MAX 4000000u

static const char *const KIND_NAMES[] = {[OVERLAY_KERNEL] = "kernel", [OVERLAY_FUSE] = "fuse"};

void records_release(struct overlay_records *r)
{
    for (size_t i = 0; i < r->len; i++) {
        free(r->v[i].path);
    }
    free(r->v);
    memset(r, 0, sizeof(*r));
}

static int compare(const void *a, const void *b)
{
    return strcmp(((const struct overlay_record *)a)->path, ((const struct overlay_record *)b)->path);
}

void records_sort(struct overlay_records *r)
{
    if (r->len > 1) {
        qsort(r->v, r->len, sizeof(*r->v), compare);
    }
}

const struct overlay_record *records_find(const struct overlay_records *r, const char *path)
{
    char *copy = xstrdup(path);
    const struct overlay_record key = {.path = copy};
    const struct overlay_record *found = r->len > 0 ? bsearch(&key, r->v, r->len, sizeof(*r->v), compare) : NULL;
    free(copy);
    return found;
}

/* A new record at the end, without its path. */
static struct overlay_record *append(struct overlay_records *r)
{
    if (r->len == r->cap) {
        r->cap = r->cap > 0 ? r->cap * 2 : 256;
        r->v = xreallocarray(r->v, r->cap, sizeof(*r->v));
    }
    memset(&r->v[r->len], 0, sizeof(*r->v));
    return &r->v[r->len++];
}

/* What counts of a file. */
static void fill(struct overlay_record *rec, const struct stat *st)
{
    rec->mode = (uint32_t)st->st_mode;
    rec->size = S_ISDIR(st->st_mode) ? 0 : (int64_t)st->st_size;
    rec->mtime_s = S_ISDIR(st->st_mode) ? 0 : (int64_t)st->st_mtim.tv_sec;
    rec->mtime_ns = S_ISDIR(st->st_mode) ? 0 : (int64_t)st->st_mtim.tv_nsec;
}

void records_add(struct overlay_records *r, const char *path, const struct stat *st)
{
    struct overlay_record *rec = append(r);
    rec->path = xstrdup(path);
    fill(rec, st);
}

void records_move(struct overlay_records *r, struct overlay_record *from)
{
    struct overlay_record *rec = append(r);
    *rec = *from;
    from->path = NULL;
}

void records_put(struct overlay_records *r, const char *path, const struct stat *st)
{
    const struct overlay_record *there = records_find(r, path);
    if (there != NULL) {
        fill(&r->v[there - r->v], st);
        return;
    }
    records_add(r, path, st);
    struct overlay_record fresh = r->v[r->len - 1];
    size_t at = r->len - 1;
    for (; at > 0 && strcmp(r->v[at - 1].path, fresh.path) > 0; at--) {
        r->v[at] = r->v[at - 1];
    }
    r->v[at] = fresh;
}

void records_drop(struct overlay_records *r, const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < r->len; i++) {
        if (overlay_is_at_or_below(r->v[i].path, path)) {
            free(r->v[i].path);
        } else {
            r->v[kept++] = r->v[i];
        }
    }
    r->len = kept;
}

bool record_matches(const struct overlay_record *rec, const struct stat *st)
{
    struct overlay_record now;
    fill(&now, st);
    if (S_ISDIR(st->st_mode)) {
        return S_ISDIR(rec->mode);
    }
    return now.mode == rec->mode && now.size == rec->size && now.mtime_s == rec->mtime_s &&
           now.mtime_ns == rec->mtime_ns;
}

/* --- the file: records of "mode size seconds nanoseconds path", each ended by a NUL --- */

/* One record; false when it is none. */
static bool parse_record(struct overlay_records *r, const char *text)
{
    unsigned mode;
    int64_t size, s, ns;
    int at = 0;
    if (sscanf(text, "%o %" SCNd64 " %" SCNd64 " %" SCNd64 " %n", &mode, &size, &s, &ns, &at) != 4 || at == 0 ||
        text[at] == '\0') {
        return false;
    }
    struct overlay_record *rec = append(r);
    *rec =
        (struct overlay_record){.path = xstrdup(text + at), .mode = mode, .size = size, .mtime_s = s, .mtime_ns = ns};
    return true;
}

/* The list after the head said that there is one. */
static bool load_list(struct overlay_records *r, const char *dir, size_t count)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, "overlay/manifest.list");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (fs_read(path, LIST_MAX, &text, NULL) < 0) {
        return false;
    }
    for (size_t at = 0; at < text.len; at += strlen(text.buf + at) + 1) {
        if (!parse_record(r, text.buf + at)) {
            return false;
        }
    }
    records_sort(r);
    return r->len == count;
}

void records_load(struct overlay_records *r, const char *dir)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, "overlay/manifest.json");
    struct error err = ERROR_INIT;
    memset(r, 0, sizeof(*r));
    struct json *j = json_load(path, 1u << 16, &err);
    if (j == NULL) {
        if (err.code != ERROR_NOT_FOUND) {
            log_warn("%s", err.msg);
        }
        return;
    }
    r->kind =
        strcmp(json_get_string(j, "written_by", ""), KIND_NAMES[OVERLAY_FUSE]) == 0 ? OVERLAY_FUSE : OVERLAY_KERNEL;
    enum overlay_kind kind = r->kind;
    int64_t count = json_get_int(j, "files", -1);
    r->valid = json_get_int(j, "version", 0) == VERSION && count >= 0 && load_list(r, dir, (size_t)count);
    if (!r->valid) { /* all that differs is then a conflict: nothing is lost by it */
        log_warn("%s: unreadable: no file of the project is known any more", path);
        records_release(r);
        r->kind = kind;
    }
    json_free(j);
}

int records_save(const struct overlay_records *r, const char *dir, struct error *err)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, "overlay/manifest.json");
    MT_CLEANUP(xfree) char *list = path_join(dir, "overlay/manifest.list");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, head = STRBUF_INIT;
    for (size_t i = 0; i < r->len; i++) {
        const struct overlay_record *rec = &r->v[i];
        strbuf_addf(&text, "%o %" PRId64 " %" PRId64 " %" PRId64 " ", (unsigned)rec->mode, rec->size, rec->mtime_s,
                    rec->mtime_ns);
        strbuf_add(&text, rec->path, strlen(rec->path) + 1);
    }
    struct json *j = json_new_object();
    json_set_int(j, "version", VERSION);
    json_set_string(j, "written_by", KIND_NAMES[r->kind]);
    json_set_int(j, "files", (int64_t)r->len);
    json_write(j, true, &head);
    json_free(j);
    return fs_write_atomic(list, text.buf, text.len, 0600, err) < 0
               ? -1
               : fs_write_atomic(path, head.buf, head.len, 0600, err);
}

/* --- the project --- */

/* Records what is in the folder `fd`, called `rel`. Folders that cannot be read, or lie too deep, are only recorded
 * themselves: what is in them is then not known, hence a conflict. */
static int take_dir(struct overlay_records *r, int fd, const char *rel, int depth, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (fs_list_fd(fd, &names) < 0) {
        return error_sys(err, errno, "project folder, %s", rel);
    }
    for (size_t i = 0; i < names.len; i++) {
        struct stat st;
        if (fstatat(fd, names.v[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
            continue; /* gone meanwhile */
        }
        MT_CLEANUP(xfree) char *path = rel[0] != '\0' ? path_join(rel, names.v[i]) : xstrdup(names.v[i]);
        if (r->len >= RECORDS_MAX) {
            return error_hint(err, ERROR_INVALID, "use workspace_mode: direct for it",
                              "the project folder has too many files for an overlay");
        }
        records_add(r, path, &st);
        int below = S_ISDIR(st.st_mode) && depth < OVERLAY_DEPTH_MAX ? overlay_open_dir(fd, names.v[i]) : -1;
        if (below >= 0) {
            int rc = take_dir(r, below, path, depth + 1, err);
            close(below);
            if (rc < 0) {
                return -1;
            }
        }
    }
    return 0;
}

int records_take(struct overlay_records *r, int fd, struct error *err)
{
    int rc = take_dir(r, fd, "", 0, err);
    records_sort(r);
    return rc;
}
