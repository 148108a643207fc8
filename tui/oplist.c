/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/oplist.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/opnote.h"

#define ENDED_MAX 16

/* An operation of ours that has ended, and when. */
struct ended {
    struct oplist_row row;
    uint64_t at_ms; /* monotonic; 0: an empty place */
};

struct oplist {
    char *dir;
    struct ended ended[ENDED_MAX];
    size_t next;
    struct json **told; /* by other processes */
    size_t told_count;
};

/* --- one row --- */

/* Is a step worth its place in the count? As op_count() in the view of one operation. */
static bool step_counts(const struct op_step_view *st)
{
    return st->state == OP_STEP_FAILED || st->state == OP_STEP_CANCELED ||
           (!st->minor && (st->state != OP_STEP_SKIPPED || st->text[0] != '\0'));
}

/* The step that matters: the one that failed, else the current one. */
static int current_step(const struct op_view *op)
{
    for (int i = 0; op->state == OP_FAILED && i < op->step_count; i++) {
        if (op->steps[i].state == OP_STEP_FAILED) {
            return i;
        }
    }
    return MT_MIN(MT_MAX(op->step, 0), op->step_count - 1);
}

/* The step's name, place and times. */
static void fill_step(const struct op_view *op, uint64_t now, struct oplist_row *out)
{
    int at = current_step(op);
    if (at < 0) {
        return;
    }
    const struct op_step_view *st = &op->steps[at];
    for (int i = 0; i < op->step_count; i++) {
        bool counts = step_counts(&op->steps[i]);
        out->of += counts;
        out->at += counts && i <= at;
    }
    out->at = MT_MAX(out->at, 1);
    str_copy(out->step, sizeof(out->step), st->name);
    out->percent = st->state == OP_STEP_RUNNING && st->percent >= 0 ? MT_MIN(st->percent, 100) : -1;
    uint64_t end = st->ended_ms ? st->ended_ms : now;
    out->step_took_ms = st->started_ms && end > st->started_ms ? end - st->started_ms : 0;
    out->step_last_ms = st->last_time_ms;
    bool provisions = strcmp(st->name, "provision") == 0 && op->phase[0];
    str_copy(out->text, sizeof(out->text), provisions ? op->phase : st->text);
}

/* What there is to say of one that has ended. */
static void fill_end(const struct op_view *op, struct oplist_row *out)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *text = op->state == OP_FAILED ? op->error.msg : op->notice;
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(out->text, sizeof(out->text), clean.buf);
}

/* Marks a step that takes far longer than the last time. */
static void mark_slow(struct oplist_row *row)
{
    row->slow = row->state == OP_RUNNING && row->step_last_ms &&
                row->step_took_ms > row->step_last_ms * OPLIST_SLOW_FACTOR && row->step_took_ms > OPLIST_SLOW_LEAST_MS;
}

void oplist_row_of(const struct op_view *op, uint64_t now, struct oplist_row *out)
{
    *out = (struct oplist_row){.id = op->id, .state = op->state, .canceling = op->canceling, .percent = -1};
    str_format(out->key, sizeof(out->key), "%u", op->id);
    str_copy(out->plan, sizeof(out->plan), op->plan);
    str_copy(out->sandbox, sizeof(out->sandbox), op->sandbox);
    str_copy(out->profile, sizeof(out->profile), op->profile);
    uint64_t end = op->ended_ms ? op->ended_ms : now;
    out->took_ms = op->started_ms && end > op->started_ms ? end - op->started_ms : 0;
    out->last_ms = op->last_time_ms;
    out->ended_ago_ms = op->ended_ms && now > op->ended_ms ? now - op->ended_ms : 0;
    fill_step(op, now, out);
    if (op->state != OP_QUEUED && op->state != OP_RUNNING) {
        fill_end(op, out);
    }
    mark_slow(out);
}

bool oplist_is_live(const struct oplist_row *row)
{
    return row->state == OP_QUEUED || row->state == OP_RUNNING;
}

const char *oplist_loses(const struct oplist_row *row)
{
    if (row->state != OP_RUNNING || row->canceling) {
        return NULL;
    }
    if (strcmp(row->plan, "apply") == 0 || strcmp(row->plan, "discard") == 0) {
        return "What is done already stays done, the rest does not come.";
    }
    if (strcmp(row->step, "provision") == 0 || strcmp(row->step, "baseline") == 0 || strcmp(row->step, "image") == 0 ||
        strcmp(row->step, "bake") == 0) {
        return "What it did so far has to be done again.";
    }
    return NULL;
}

/* --- what others tell --- */

/* How long ago a moment of the wall clock was. */
static uint64_t since(int64_t wall_ms)
{
    uint64_t now = clock_wall_ms();
    return wall_ms > 0 && now > (uint64_t)wall_ms ? now - (uint64_t)wall_ms : 0;
}

/* A copy of a string of somebody else's: it may hold anything. */
static void take_string(const struct json *row, const char *key, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *text = json_get_string(row, key, "");
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(out, cap, clean.buf);
}

static enum op_state parse_state(const char *name)
{
    static const char *const names[] = {
        [OP_RUNNING] = "running", [OP_DONE] = "done", [OP_FAILED] = "failed", [OP_CANCELED] = "canceled"};
    for (size_t i = OP_RUNNING; i < MT_ARRAY_LEN(names); i++) {
        if (strcmp(names[i], name) == 0) {
            return (enum op_state)i;
        }
    }
    return OP_QUEUED;
}

/* Its step, as far as it is told. */
static void told_step(const struct json *steps, int64_t step, struct oplist_row *out)
{
    int64_t i = 0;
    for (const struct json *st = json_first(steps); st && i < OP_STEPS_MAX; st = json_next(st), i++) {
        const char *state = json_get_string(st, "state", ""), *text = json_get_string(st, "text", "");
        bool hidden = json_get_bool(st, "minor", false) || (strcmp(state, "skipped") == 0 && !*text);
        bool failed = out->state == OP_FAILED && strcmp(state, "failed") == 0;
        out->of += !hidden || failed;
        if (i > step) {
            continue;
        }
        out->at += !hidden || failed;
        if (i == step) {
            take_string(st, "name", out->step, sizeof(out->step));
            take_string(st, "text", out->text, sizeof(out->text));
            out->step_took_ms = since(json_get_int(st, "started_at", 0));
            out->step_last_ms = (uint64_t)MT_MAX(json_get_int(st, "last_took_ms", 0), (int64_t)0);
        }
    }
    out->at = MT_MAX(out->at, 1);
}

/* A row from what another process tells. */
static void told_row(const struct json *row, struct oplist_row *out)
{
    *out = (struct oplist_row){.pid = (int)json_get_int(row, "pid", 0), .percent = -1};
    take_string(row, "id", out->key, sizeof(out->key));
    take_string(row, "plan", out->plan, sizeof(out->plan));
    take_string(row, "sandbox", out->sandbox, sizeof(out->sandbox));
    take_string(row, "profile", out->profile, sizeof(out->profile));
    out->state = parse_state(json_get_string(row, "state", ""));
    out->canceling = json_get_bool(row, "canceling", false);
    out->last_ms = (uint64_t)MT_MAX(json_get_int(row, "last_took_ms", 0), (int64_t)0);
    int64_t began = json_get_int(row, "started_at", 0), ended = json_get_int(row, "ended_at", 0);
    out->took_ms = ended > began && began > 0 ? (uint64_t)(ended - began) : since(began);
    told_step(json_get(row, "steps"), json_get_int(row, "step", 0), out);
    if (!oplist_is_live(out)) {
        out->ended_ago_ms = since(ended);
        take_string(row, out->state == OP_FAILED ? "error" : "notice", out->text, sizeof(out->text));
    }
    mark_slow(out);
}

void oplist_look_away(struct oplist *l)
{
    for (size_t i = 0; i < l->told_count; i++) {
        json_free(l->told[i]);
    }
    free(l->told);
    l->told = NULL;
    l->told_count = 0;
}

void oplist_look(struct oplist *l)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    oplist_look_away(l);
    if (fs_list(l->dir, &names, NULL) != 0) {
        return; /* nobody told of anything yet */
    }
    for (size_t i = 0; i < names.len && l->told_count < OPLIST_ROWS_MAX; i++) {
        size_t n = strlen(names.v[i]);
        char *rest;
        long pid = strtol(names.v[i], &rest, 10);
        bool ended = false;
        int owner = 0;
        if (n < 6 || strcmp(names.v[i] + n - 5, ".json") != 0 || *rest != '-' || pid == getpid()) {
            continue;
        }
        names.v[i][n - 5] = '\0';
        struct json *row = opnote_read(l->dir, names.v[i], &owner, &ended);
        if (row) {
            l->told = xreallocarray(l->told, l->told_count + 1, sizeof(*l->told));
            l->told[l->told_count++] = row;
        }
    }
}

/* --- all of them --- */

struct oplist *oplist_new(const char *ops_dir)
{
    struct oplist *l = xcalloc(1, sizeof(*l));
    l->dir = xstrdup(ops_dir);
    return l;
}

void oplist_free(struct oplist *l)
{
    if (l) {
        oplist_look_away(l);
        free(l->dir);
        free(l);
    }
}

void oplist_note(struct oplist *l, const struct op_view *op)
{
    struct oplist_row row;
    if (op->state == OP_QUEUED || op->state == OP_RUNNING) {
        return;
    }
    uint64_t now = clock_mono_ms();
    oplist_row_of(op, now, &row);
    struct ended *at = NULL;
    for (size_t i = 0; i < ENDED_MAX && !at; i++) {
        at = l->ended[i].at_ms && l->ended[i].row.id == op->id ? &l->ended[i] : NULL;
    }
    if (!at) {
        at = &l->ended[l->next++ % ENDED_MAX];
        at->at_ms = op->ended_ms ? op->ended_ms : now;
    }
    at->row = row;
}

/* What runs before what waits before what has ended; the last ones newest first. */
static int row_compare(const void *a, const void *b)
{
    static const int group[] = {[OP_RUNNING] = 0, [OP_QUEUED] = 1, [OP_DONE] = 2, [OP_FAILED] = 2, [OP_CANCELED] = 2};
    const struct oplist_row *x = a, *y = b;
    int gx = group[x->state], gy = group[y->state];
    if (gx != gy) {
        return gx - gy;
    }
    if (gx == 2 && x->ended_ago_ms != y->ended_ago_ms) {
        return x->ended_ago_ms < y->ended_ago_ms ? -1 : 1;
    }
    if (gx == 0 && x->took_ms != y->took_ms) {
        return x->took_ms > y->took_ms ? -1 : 1;
    }
    return x->pid != y->pid ? (x->pid < y->pid ? -1 : 1) : x->id < y->id ? -1 : x->id > y->id;
}

/* Is it among the rows already? */
static bool has_row(const struct oplist_row *rows, size_t n, op_id id)
{
    for (size_t i = 0; i < n; i++) {
        if (rows[i].id == id && rows[i].pid == 0) {
            return true;
        }
    }
    return false;
}

size_t oplist_rows(struct oplist *l, const struct model *m, struct oplist_row *out, size_t cap)
{
    uint64_t now = clock_mono_ms();
    size_t n = 0;
    for (size_t i = 0; i < model_op_count(m) && n < cap; i++) {
        oplist_row_of(model_op_at(m, i), now, &out[n]);
        n += oplist_is_live(&out[n]) || out[n].state == OP_FAILED; /* a failure stands until it is put aside */
    }
    for (size_t i = 0; i < ENDED_MAX && n < cap; i++) {
        const struct ended *e = &l->ended[i];
        uint64_t ago = e->at_ms && now > e->at_ms ? now - e->at_ms : 0;
        if (e->at_ms && ago < OPLIST_KEPT_MS && !has_row(out, n, e->row.id)) {
            out[n] = e->row;
            out[n++].ended_ago_ms = ago;
        }
    }
    for (size_t i = 0; i < l->told_count && n < cap; i++) {
        told_row(l->told[i], &out[n]);
        n += oplist_is_live(&out[n]) || out[n].ended_ago_ms < OPLIST_KEPT_MS;
    }
    qsort(out, n, sizeof(*out), row_compare);
    return n;
}

uint64_t oplist_next_ms(const struct oplist_row *rows, size_t count, uint64_t frame_ms)
{
    uint64_t next = 0;
    for (size_t i = 0; i < count; i++) {
        const struct oplist_row *r = &rows[i];
        uint64_t due = r->state == OP_RUNNING                                   ? frame_ms
                       : !oplist_is_live(r) && r->ended_ago_ms < OPLIST_KEPT_MS ? OPLIST_KEPT_MS - r->ended_ago_ms
                                                                                : 0;
        next = due && (next == 0 || due < next) ? due : next;
    }
    return next;
}
