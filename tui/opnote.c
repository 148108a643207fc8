/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/opnote.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/engine/journal.h"
#include "core/io/procinfo.h"
#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define KEPT_S 60
#define NOTE_MAX_BYTES (256u << 10)

struct opnotes {
    struct bus *bus;
    struct bus_sub *sub;
    const struct model *model;
    char *dir;
    op_id last; /* written last, and how far it was */
    int last_step;
    enum op_state last_state;
};

char *opnote_dir(const struct paths *paths)
{
    return path_join(paths->runtime, "ops");
}

/* A string, or null when it is empty. */
static void set_string(struct json *row, const char *key, const char *value)
{
    json_set_string(row, key, value[0] != '\0' ? value : NULL);
}

/* A moment of the monotonic clock as one that other processes know. */
static void set_moment(struct json *row, const char *key, uint64_t mono_ms)
{
    uint64_t mono = clock_mono_ms(), wall = clock_wall_ms();

    if (mono_ms > 0) {
        json_set_int(row, key, (int64_t)(wall - MT_MIN(wall, mono > mono_ms ? mono - mono_ms : 0)));
    } else {
        json_set_null(row, key);
    }
}

/* How long it took the last time. */
static void set_last(struct json *row, uint64_t ms)
{
    if (ms > 0) {
        json_set_int(row, "last_took_ms", (int64_t)ms);
    } else {
        json_set_null(row, "last_took_ms");
    }
}

/* One step of an operation. */
static struct json *step_facts(const struct op_step_view *s)
{
    static const char *const STATES[] = {
        [OP_STEP_PENDING] = "pending", [OP_STEP_RUNNING] = "running", [OP_STEP_DONE] = "done",
        [OP_STEP_SKIPPED] = "skipped", [OP_STEP_FAILED] = "failed",   [OP_STEP_CANCELED] = "canceled"};
    struct json *row = json_new_object();

    json_set_string(row, "name", s->name);
    json_set_string(row, "state", STATES[s->state]);
    json_set_bool(row, "minor", s->minor);
    json_set_int(row, "tries", s->tries);
    if (s->ended_ms >= s->started_ms && s->ended_ms > 0) {
        json_set_int(row, "took_ms", (int64_t)(s->ended_ms - s->started_ms));
    } else {
        json_set_null(row, "took_ms");
    }
    set_moment(row, "started_at", s->started_ms);
    set_last(row, s->last_time_ms);
    set_string(row, "text", s->text);
    return row;
}

/* All that is told of an operation. */
static struct json *op_facts(const struct op_view *op, const char *id)
{
    static const char *const STATES[] = {[OP_QUEUED] = "queued",
                                         [OP_RUNNING] = "running",
                                         [OP_DONE] = "done",
                                         [OP_FAILED] = "failed",
                                         [OP_CANCELED] = "canceled"};
    struct json *row = json_new_object(), *steps = json_new_array();

    json_set_string(row, "id", id);
    json_set_int(row, "pid", getpid());
    json_set_string(row, "plan", op->plan);
    json_set_string(row, "sandbox", op->sandbox);
    set_string(row, "profile", op->profile);
    json_set_string(row, "state", STATES[op->state]);
    json_set_bool(row, "canceling", op->canceling);
    set_moment(row, "started_at", op->started_ms);
    set_moment(row, "ended_at", op->ended_ms);
    set_last(row, op->last_time_ms);
    json_set_int(row, "step", op->step);
    for (int i = 0; i < op->step_count; i++) {
        json_append(steps, step_facts(&op->steps[i]));
    }
    json_set(row, "steps", steps);
    set_string(row, "session", op->session);
    json_set_string(row, "error", op->state == OP_FAILED ? op->error.msg : NULL);
    set_string(row, "notice", op->notice);
    return row;
}

/* Puts a text in the place of a file. Without fsync: nobody needs it after a crash. */
static void write_note(const char *path, const struct strbuf *text)
{
    MT_CLEANUP(xfree) char *fresh = xasprintf("%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool whole = fd >= 0 && write(fd, text->buf, text->len) == (ssize_t)text->len;

    if (fd >= 0) {
        close(fd);
    }
    if (!whole || rename(fresh, path) != 0) {
        unlink(fresh);
    }
}

/* Takes away what was said long enough ago, by a process that is gone or of an operation of ours that is. */
static void sweep(const struct opnotes *n)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    fs_list(n->dir, &names, NULL);
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *path = path_join(n->dir, names.v[i]);
        struct stat st;
        char *rest;
        long pid = strtol(names.v[i], &rest, 10);
        const struct op_view *op =
            pid == getpid() && *rest == '-' ? model_op(n->model, (op_id)strtoul(rest + 1, NULL, 10)) : NULL;
        bool ours = pid == getpid() && op != NULL && op->state <= OP_RUNNING;

        if (pid > 0 && !ours && lstat(path, &st) == 0 && st.st_mtime + KEPT_S < time(NULL) &&
            (pid == getpid() || !journal_owner_alive((int)pid, 0))) {
            unlink(path);
        }
    }
}

/* bus_fn: each step once, not each word of progress. */
static void note_event(void *arg, const struct model_event *ev)
{
    struct opnotes *n = arg;
    const struct op_view *op = ev->kind == MODEL_OP ? model_op(n->model, ev->op) : NULL;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char id[32];

    if (op == NULL || (op->id == n->last && op->step == n->last_step && op->state == n->last_state)) {
        return;
    }
    if (op->id != n->last) {
        fs_mkdirs(n->dir, 0700, NULL);
        sweep(n);
    }
    n->last = op->id;
    n->last_step = op->step;
    n->last_state = op->state;
    str_format(id, sizeof(id), "%d-%u", (int)getpid(), op->id);
    struct json *row = op_facts(op, id);
    json_set_int(row, "pid_start", (int64_t)procinfo_start(getpid()));
    json_write(row, false, &text);
    json_free(row);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.json", n->dir, id);
    write_note(path, &text);
}

struct opnotes *opnotes_new(const struct paths *paths, struct bus *bus, const struct model *model)
{
    struct opnotes *n = xcalloc(1, sizeof(*n));

    n->bus = bus;
    n->model = model;
    n->dir = opnote_dir(paths);
    n->sub = bus_subscribe(bus, note_event, n);
    return n;
}

void opnotes_free(struct opnotes *n)
{
    if (n != NULL) {
        bus_unsubscribe(n->bus, n->sub);
        free(n->dir);
        free(n);
    }
}

struct json *opnote_read(const char *dir, const char *id, int *pid, bool *ended)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.json", dir, id);
    struct json *row = json_load(path, NOTE_MAX_BYTES, NULL);
    const char *state = json_get_string(row, "state", "");

    *pid = (int)json_get_int(row, "pid", 0);
    *ended = strcmp(state, "queued") != 0 && strcmp(state, "running") != 0;
    if (!json_is_object(row) || (!*ended && !journal_owner_alive(*pid, (uint64_t)json_get_int(row, "pid_start", 0)))) {
        json_free(row);
        return NULL;
    }
    return row;
}
