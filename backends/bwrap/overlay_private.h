/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_OVERLAY_PRIVATE_H
#define MT_BACKENDS_BWRAP_OVERLAY_PRIVATE_H

/* Inside of the overlay: records (overlay_record.c), walk of the upper folder (overlay_walk.c), and what is done with
 * it (overlay_apply.c, overlay.c). Nobody else includes this. */

#include <stdint.h>
#include <sys/stat.h>

#include "backends/bwrap/overlay.h"
#include "core/util/strvec.h"

/* Folders below this are not looked into: descriptors and stack have an end. */
#define OVERLAY_DEPTH_MAX 200

/* What a file of the project was. */
struct overlay_record {
    char *path; /* relative */
    uint32_t mode;
    int64_t size, mtime_s, mtime_ns; /* of folders only the type counts */
};

/* Sorted by path; the root itself is not in it. */
struct overlay_records {
    struct overlay_record *v;
    size_t len, cap;
    enum overlay_kind kind;
    bool valid; /* was there and readable */
};
void records_load(struct overlay_records *r, const char *dir);
int records_save(const struct overlay_records *r, const char *dir, struct error *err);
void records_release(struct overlay_records *r);
const struct overlay_record *records_find(const struct overlay_records *r, const char *path);
/* Adds at the end (records_sort afterwards), or replaces the one of that path. */
void records_add(struct overlay_records *r, const char *path, const struct stat *st);
void records_put(struct overlay_records *r, const char *path, const struct stat *st);
/* Moves one of another list to the end; it is empty there. */
void records_move(struct overlay_records *r, struct overlay_record *from);
/* Forgets a path and all below it. */
void records_drop(struct overlay_records *r, const char *path);
void records_sort(struct overlay_records *r);
bool record_matches(const struct overlay_record *r, const struct stat *st);
/* Records all of the project below fd. */
int records_take(struct overlay_records *r, int fd, struct error *err);

/* One entry of the upper folder that counts. */
struct overlay_entry {
    struct workspace_change change; /* path is borrowed */
    int upper_fd;                   /* folder that holds it, -1 for a deletion without an entry of its own */
    const char *name;
    struct stat upper, lower; /* upper.st_mode 0: nothing to put there; lower.st_mode 0: nothing is there */
    bool in_opaque;           /* in a folder that hides the project's as a whole */
    bool skip;                /* can never be taken: device, fifo, socket, reserved name */
};
struct overlay_walk {
    int project_fd;
    const struct overlay_records *records; /* for conflicts; may be NULL */
    enum overlay_kind kind;
    bool prune; /* removes what is no change; only while nobody has it mounted */
    /* Each change; not 0 ends the walk. */
    int (*visit)(void *arg, const struct overlay_entry *e, struct error *err);
    /* Every path of the upper folder that hides the project's (changes or not). May be NULL. */
    void (*covered)(void *arg, const char *path);
    void *arg;
};
int overlay_walk(const struct overlay_walk *w, const char *dir, struct error *err);

/* Project and upper folder as descriptors, without following a link. */
int overlay_open_project(const char *workspace, struct error *err);
/* A folder in `at` by its plain name, never through a link. */
int overlay_open_dir(int at, const char *name);
/* Is that one of the paths that hooks, editors, shells or agents take orders from? */
bool overlay_is_risky(const char *path);
/* Could a link with that target, at `path`, lead out of the project? */
bool overlay_link_escapes(int project_fd, const char *path, const char *target);
/* Is the entry `name` of the open folder `at` on the host, which is `path` of the project, with all below it as
 * recorded? False with what differs in note. `risky` (may be NULL) tells whether it is or holds a risky path. */
bool overlay_is_as_recorded(const struct overlay_records *r, int at, const char *name, const char *path, char note[96],
                            bool *risky);
/* NOT_FOUND for the first path without a change at or below it; NULL is always good. */
int overlay_check_paths(const char *dir, const char *workspace, const char *const *paths, struct error *err);
/* Is `path` that one, or below it? */
bool overlay_is_at_or_below(const char *path, const char *top);

#endif
