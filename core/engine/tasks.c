/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/tasks.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define CONSENT_MAX (64u << 10)

/* Is the user's task for this workspace? */
static bool is_for(const struct task_def *d, const struct workspace *ws)
{
    for (size_t i = 0; i < d->workspaces.len; i++) {
        const char *pattern = d->workspaces.v[i];
        if (fnmatch(pattern, ws->name, 0) == 0 || fnmatch(pattern, ws->sandbox, 0) == 0) {
            return true;
        }
    }
    return d->workspaces.len == 0;
}

/* Those that are for others go. */
static void drop_others(struct task_list *list, const struct workspace *ws)
{
    size_t kept = 0;
    for (size_t i = 0; i < list->count; i++) {
        struct task_def d = list->v[i];
        bool keep = is_for(&d, ws);
        list->v[i] = list->v[kept]; /* swap: the rest is released below */
        list->v[kept] = d;
        kept += keep;
    }
    struct task_list rest = {.v = xcalloc(list->count - kept + 1, sizeof(*rest.v)), .warnings = STRVEC_INIT};
    for (size_t i = kept; i < list->count; i++) {
        rest.v[rest.count++] = list->v[i];
    }
    list->count = kept;
    task_list_release(&rest);
}

/* Reads all of an open file, up to the limit. What went wrong, or NULL. */
static const char *read_file(int fd, struct strbuf *out)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return "it is not a regular file; make it one";
    }
    if (st.st_size > (off_t)TASKS_FILE_MAX) {
        return "it has more than 64 KiB: nobody would read that; make it smaller";
    }
    for (;;) {
        char piece[4096];
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return "it cannot be read";
        }
        if (n == 0) {
            return NULL;
        }
        if (out->len + (size_t)n > TASKS_FILE_MAX) {
            return "it has more than 64 KiB: nobody would read that; make it smaller";
        }
        strbuf_add(out, piece, (size_t)n);
    }
}

/* The project's file. Programs inside write to that folder all the time: it is opened once, and no link is followed,
 * wherever it leads. */
static void read_project(struct task_list *list, const struct workspace *ws, const char *shown)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    int dir = open(ws->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK);
    int fd = dir >= 0 ? openat(dir, TASKS_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
    int sys = errno;
    if (dir >= 0) {
        close(dir);
    }
    if (fd < 0) {
        if (sys == ELOOP || sys == EMLINK) {
            task_list_warn(list, "%s: it is a link, and no link is followed there; copy the file", shown);
        } else if (sys != ENOENT && sys != ENOTDIR) {
            task_list_warn(list, "%s: %s", shown, strerror(sys));
        }
        return;
    }
    const char *trouble = read_file(fd, &text);
    close(fd);
    if (trouble != NULL) {
        task_list_warn(list, "%s: %s", shown, trouble);
        return;
    }
    struct toml *root = toml_parse(text.buf, text.len, shown, &err);
    if (root == NULL) {
        task_list_warn(list, "%s; none of its tasks can be run before that is mended", err.msg);
        return;
    }
    task_defs_read(list, root, TASK_OF_PROJECT, shown);
    toml_free(root);
}

/* All that would run, and where, in one hash: each piece ends in a NUL, which none can hold. */
static void identify(struct task_def *d, const struct workspace *ws)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    const char *const texts[] = {
        ws->path, ws->sandbox, d->name, d->command, d->cwd != NULL ? d->cwd : "", d->policy.ready_match};
    for (size_t i = 0; i < MT_ARRAY_LEN(texts); i++) {
        strbuf_add(&all, texts[i], strlen(texts[i]) + 1);
    }
    strbuf_addf(&all, "%s %u %u %zu", task_restart_name(d->policy.restart), d->policy.most_restarts,
                d->policy.ready_port, d->env.len);
    for (size_t i = 0; i < d->env.len; i++) {
        strbuf_add(&all, "", 1);
        strbuf_addstr(&all, d->env.v[i]);
    }
    hash_sha256_hex(all.buf, all.len, d->id);
}

/* The user's file; one that is broken is told by whoever loads the settings, and here too: its tasks are missing. */
static void read_user(struct task_list *list, const struct paths *paths)
{
    MT_CLEANUP(xfree) char *path = path_join(paths->config, TASKS_FILE);
    MT_CLEANUP(xfree) char *shown = path_tilde(path, paths->home);
    struct error err = ERROR_INIT;
    struct toml *root = toml_load(path, &err);
    if (root != NULL) {
        task_defs_read(list, root, TASK_OF_USER, shown);
        toml_free(root);
    } else if (err.code != ERROR_NOT_FOUND) {
        task_list_warn(list, "%s", err.msg);
    }
}

void tasks_list(struct task_list *out, const struct paths *paths, const struct workspace *ws)
{
    *out = TASK_LIST_INIT;
    read_user(out, paths);
    if (ws == NULL) {
        return;
    }
    drop_others(out, ws);
    size_t own = out->count;
    if (ws->host[0] == '\0' && !ws->reserved && !ws->missing && !ws->elsewhere && ws->path[0] == '/') {
        MT_CLEANUP(xfree) char *path = path_join(ws->path, TASKS_FILE);
        MT_CLEANUP(xfree) char *raw = path_tilde(path, paths->home);
        MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
        utf8_sanitize(&shown, raw, strlen(raw), false);
        read_project(out, ws, shown.buf);
    }
    for (size_t i = own; i < out->count; i++) {
        struct task_def *d = &out->v[i];
        for (size_t k = 0; k < own && !d->hidden; k++) {
            d->hidden = strcmp(out->v[k].name, d->name) == 0;
        }
        identify(d, ws);
        d->consented = tasks_consented(paths, d);
    }
}

const struct task_def *tasks_find(const struct task_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++) {
        if (!list->v[i].hidden && strcmp(list->v[i].name, name) == 0) {
            return &list->v[i];
        }
    }
    return NULL;
}

/* Where a yes is kept. Caller frees. */
static char *consent_path(const struct paths *paths, const char *id)
{
    return xasprintf("%s/task-consent/%s.json", paths->state, id);
}

bool tasks_consented(const struct paths *paths, const struct task_def *def)
{
    if (def->origin == TASK_OF_USER) {
        return true;
    }
    MT_CLEANUP(xfree) char *path = consent_path(paths, def->id);
    struct error err = ERROR_INIT;
    struct json *tree = json_load(path, CONSENT_MAX, &err);
    bool yes = tree != NULL && def->id[0] != '\0' && strcmp(json_get_string(tree, "id", ""), def->id) == 0;
    json_free(tree);
    if (!yes && err.code != ERROR_NOT_FOUND && fs_exists(path)) {
        fs_set_aside(path, NULL, NULL); /* broken: as if nobody had said anything */
    }
    return yes;
}

int tasks_consent(const struct paths *paths, const struct workspace *ws, const struct task_def *def, struct error *err)
{
    if (def->origin == TASK_OF_USER) {
        return 0;
    }
    MT_CLEANUP(xfree) char *path = consent_path(paths, def->id);
    MT_CLEANUP(xfree) char *dir = path_join(paths->state, "task-consent");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, what = STRBUF_INIT;
    struct json *tree = json_new_object();
    char when[40];
    clock_iso8601(clock_wall_ms(), when);
    task_def_describe(def, &what);
    json_set_string(tree, "id", def->id);
    json_set_string(tree, "project", ws->shown);
    json_set_string(tree, "task", def->name);
    json_set_string(tree, "allowed", what.buf);
    json_set_string(tree, "at", when);
    json_write(tree, true, &text);
    json_free(tree);
    if (fs_mkdirs(dir, 0700, err) < 0) {
        return -1;
    }
    return fs_write_atomic(path, text.buf, text.len, 0600, err);
}
