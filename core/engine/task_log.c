/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/task_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define NOTE_MAX (16u << 10)
#define SUFFIX ".log"

/* What is written beside a log. Caller frees. */
static char *note_path(const char *path)
{
    return xasprintf("%.*s.json", (int)(strlen(path) - strlen(SUFFIX)), path);
}

/* "<name>.<began>.log", taken apart. */
static bool parse_name(const char *file, char name[TASK_NAME_MAX], uint64_t *began)
{
    size_t len = strlen(file), end = len - MT_MIN(len, strlen(SUFFIX));
    if (len <= strlen(SUFFIX) || strcmp(file + end, SUFFIX) != 0) {
        return false;
    }
    size_t dot = end;
    while (dot > 0 && file[dot - 1] >= '0' && file[dot - 1] <= '9') {
        dot--;
    }
    if (dot == end || dot < 2 || file[dot - 1] != '.' || dot - 1 >= TASK_NAME_MAX || end - dot > 18) {
        return false;
    }
    memcpy(name, file, dot - 1);
    name[dot - 1] = '\0';
    *began = strtoull(file + dot, NULL, 10);
    return true;
}

/* The newest first; those of one moment by name, so that the order is always the same. */
static int by_age(const void *a, const void *b)
{
    const struct task_log *x = a, *y = b;
    if (x->began_wall_ms != y->began_wall_ms) {
        return x->began_wall_ms > y->began_wall_ms ? -1 : 1;
    }
    return strcmp(x->path, y->path);
}

/* Appends the logs of one sandbox's folder. */
static void list_folder(const char *root, const char *sandbox, struct task_log **list, size_t *count)
{
    MT_CLEANUP(xfree) char *dir = path_join(root, sandbox);
    MT_CLEANUP(strvec) struct strvec files = STRVEC_INIT;
    fs_list(dir, &files, NULL);
    for (size_t i = 0; i < files.len; i++) {
        struct task_log log = {0};
        if (!parse_name(files.v[i], log.name, &log.began_wall_ms)) {
            continue;
        }
        str_copy(log.sandbox, sizeof(log.sandbox), sandbox);
        log.path = path_join(dir, files.v[i]);
        *list = xreallocarray(*list, *count + 1, sizeof(**list));
        (*list)[(*count)++] = log;
    }
}

/* What is written beside it. */
static void read_note(struct task_log *l)
{
    MT_CLEANUP(xfree) char *note = note_path(l->path);
    struct json *tree = json_load(note, NOTE_MAX, NULL);
    int64_t ended = json_get_int(tree, "ended_ms", 0), restarts = json_get_int(tree, "restarts", 0);
    str_copy(l->session, sizeof(l->session), json_get_string(tree, "session", ""));
    l->command = xstrdup(json_get_string(tree, "command", ""));
    l->ended_wall_ms = ended > 0 ? (uint64_t)ended : 0;
    l->exit_code = (int)json_get_int(tree, "exit_code", 0);
    l->exit_signal = (int)json_get_int(tree, "exit_signal", 0);
    l->restarts = restarts > 0 && restarts <= UINT32_MAX ? (uint32_t)restarts : 0;
    l->failed = json_get_bool(tree, "failed", false);
    json_free(tree);
}

size_t task_logs_list(const struct paths *paths, const char *sandbox, struct task_log **out)
{
    MT_CLEANUP(xfree) char *root = path_join(paths->state, "tasks");
    MT_CLEANUP(strvec) struct strvec dirs = STRVEC_INIT;
    size_t count = 0;
    *out = NULL;
    if (sandbox != NULL) {
        strvec_push(&dirs, sandbox);
    } else {
        fs_list(root, &dirs, NULL);
    }
    for (size_t i = 0; i < dirs.len; i++) {
        list_folder(root, dirs.v[i], out, &count);
    }
    for (size_t i = 0; i < count; i++) {
        read_note(&(*out)[i]);
    }
    if (count > 1) {
        qsort(*out, count, sizeof(**out), by_age);
    }
    return count;
}

void task_logs_free(struct task_log *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].path);
        free(list[i].command);
    }
    free(list);
}

/* Was it written to so long ago that it goes? A clock that was set back makes nothing old. */
static bool is_old(const char *path)
{
    struct stat st;
    time_t now = (time_t)(clock_wall_ms() / 1000);
    return stat(path, &st) == 0 && now > st.st_mtime && now - st.st_mtime > (time_t)TASK_LOG_DAYS * 86400;
}

/* Claims of names (task_claim.h) that nobody has used for days. */
static void sweep_claims(const char *dir)
{
    MT_CLEANUP(strvec) struct strvec files = STRVEC_INIT;
    fs_list(dir, &files, NULL);
    for (size_t i = 0; i < files.len; i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, files.v[i]);
        size_t len = strlen(files.v[i]);
        if (len > 6 && strcmp(files.v[i] + len - 6, ".claim") == 0 && is_old(path)) {
            unlink(path);
        }
    }
}

/* Old ones go, one of this name more is about to be there. */
static void sweep(const struct paths *paths, const char *sandbox, const char *name, const struct strvec *live)
{
    struct task_log *list;
    size_t count = task_logs_list(paths, sandbox, &list), of_name = 1, all = 1;
    for (size_t i = 0; i < count; i++) {
        of_name += strcmp(list[i].name, name) == 0;
        all++;
        bool over = all > TASK_LOGS_MAX || (strcmp(list[i].name, name) == 0 && of_name > TASK_LOGS_OF_NAME);
        if ((over || is_old(list[i].path)) && strvec_index(live, list[i].path) < 0) {
            MT_CLEANUP(xfree) char *note = note_path(list[i].path);
            unlink(note);
            unlink(list[i].path);
        }
    }
    task_logs_free(list, count);
}

int task_log_new(const struct paths *paths, const char *sandbox, const char *name, const struct strvec *live, char *out,
                 size_t cap, struct error *err)
{
    MT_CLEANUP(xfree) char *root = path_join(paths->state, "tasks");
    MT_CLEANUP(xfree) char *dir = path_join(root, sandbox);
    if (fs_mkdirs(dir, 0700, err) < 0) {
        return -1;
    }
    sweep(paths, sandbox, name, live);
    sweep_claims(dir);
    for (uint64_t began = clock_wall_ms();; began++) {
        if (str_format(out, cap, "%s/%s.%llu%s", dir, name, (unsigned long long)began, SUFFIX) < 0) {
            return error_set(err, ERROR_INVALID, "%s: the path of its log would be too long", dir);
        }
        MT_CLEANUP(xfree) char *note = note_path(out);
        if (!fs_exists(out) && !fs_exists(note)) {
            return 0;
        }
    }
}

/* Writes a note whole. */
static void write_note(const char *note, const struct json *tree)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    json_write(tree, true, &text);
    if (fs_write_atomic(note, text.buf, text.len, 0600, &err) < 0) {
        log_warn("%s", err.msg);
    }
}

void task_log_note(const char *path, const char *session, const char *name, const char *command)
{
    MT_CLEANUP(xfree) char *note = note_path(path);
    struct json *tree = json_new_object();
    json_set_string(tree, "session", session);
    json_set_string(tree, "name", name);
    json_set_string(tree, "command", command);
    write_note(note, tree);
    json_free(tree);
}

void task_log_end(const struct paths *paths, const struct session_info *s)
{
    MT_CLEANUP(xfree) char *root = path_join(paths->state, "tasks");
    size_t len = strlen(s->log_path);
    bool ours = len > strlen(SUFFIX) && strcmp(s->log_path + len - strlen(SUFFIX), SUFFIX) == 0 &&
                path_is_below(s->log_path, root) && strstr(s->log_path, "/../") == NULL;
    if (s->kind != SESSION_TASK || s->state != SESSION_EXITED || !ours) {
        return;
    }
    MT_CLEANUP(xfree) char *note = note_path(s->log_path);
    struct json *tree = json_load(note, NOTE_MAX, NULL);
    if (json_is_object(tree) && json_get_int(tree, "ended_ms", 0) != (int64_t)s->ended_wall_ms) {
        json_set_int(tree, "ended_ms", (int64_t)s->ended_wall_ms);
        json_set_int(tree, "exit_code", s->exit_code);
        json_set_int(tree, "exit_signal", s->exit_signal);
        json_set_int(tree, "restarts", s->task.restarts);
        json_set_bool(tree, "failed", session_has_failed(s));
        write_note(note, tree);
    }
    json_free(tree);
}
