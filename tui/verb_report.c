/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/verb_report.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/util/clock.h"

#define PROGRESS_MS 3000

struct json *op_report_json(const struct op_view *op)
{
    static const char *const states[] = {"queued", "running", "done", "failed", "canceled"};
    struct json *row = json_new_object();
    uint64_t now = op->ended_ms != 0 ? op->ended_ms : clock_mono_ms();

    json_set_string(row, "op", op->plan);
    json_set_string(row, "sandbox", op->sandbox);
    json_set_string(row, "state", states[op->state]);
    if (op->step >= 0 && op->step < op->step_count) {
        json_set_string(row, "step", op->steps[op->step].name);
        json_set_int(row, "n", op->step + 1);
        json_set_string(row, "text", op->steps[op->step].text);
        if (op->steps[op->step].percent >= 0) {
            json_set_int(row, "percent", op->steps[op->step].percent);
        }
    }
    json_set_int(row, "m", op->step_count);
    json_set_string(row, "phase", op->phase[0] != '\0' ? op->phase : NULL);
    json_set_int(row, "elapsed_ms", op->started_ms != 0 ? (int64_t)(now - op->started_ms) : 0);
    json_set_string(row, "session", op->session[0] != '\0' ? op->session : NULL);
    json_set_string(row, "notice", op->notice[0] != '\0' ? op->notice : NULL);
    if (strcmp(op->plan, "apply") == 0 && op->state == OP_DONE) {
        json_set_int(row, "applied", op->applied);
        json_set_int(row, "held_back", op->held_back);
    }
    json_set_string(row, "drift", op->drift[0] != '\0' ? op->drift : NULL);
    json_set_string(row, "error", op->state == OP_FAILED ? op->error.msg : NULL);
    json_set_string(row, "hint", op->state == OP_FAILED ? op->error.hint : NULL);
    return row;
}

/* Says who holds a lock that the op waits for. */
static void report_waiting(struct op_report *r, size_t slot, const struct op_view *op)
{
    const struct op_step_view *st = op->step >= 0 && op->step < op->step_count ? &op->steps[op->step] : NULL;

    if (st == NULL || st->state != OP_STEP_RUNNING || st->text[0] == '\0' ||
        (strcmp(st->name, "lock") != 0 && strcmp(st->name, "turn") != 0) ||
        strcmp(r->seen[slot].waiting, st->text) == 0) {
        return;
    }
    char ours[40];
    str_format(ours, sizeof(ours), "process %d,", (int)getpid());
    if (strstr(st->text, ours) != NULL) {
        return; /* another op of this call */
    }
    str_copy(r->seen[slot].waiting, sizeof(r->seen[slot].waiting), st->text);
    output_note("  %s: %s", op->sandbox, st->text);
}

/* The notice grows by "; ...": only what is new is said. */
static void report_notice(struct op_report *r, size_t slot, const struct op_view *op)
{
    char *said = r->seen[slot].notice;
    size_t n = strlen(said);

    if (op->notice[0] == '\0' || strcmp(said, op->notice) == 0) {
        return;
    }
    bool more = n > 0 && strncmp(op->notice, said, n) == 0 && strncmp(op->notice + n, "; ", 2) == 0;
    output_note("  %s: note: %s", op->sandbox, op->notice + (more ? n + 2 : 0));
    str_copy(said, sizeof(r->seen[slot].notice), op->notice);
}

void op_report_skipped(const struct op_view *op)
{
    for (int i = 0; i < op->step_count && i < OP_STEPS_MAX; i++) {
        const struct op_step_view *st = &op->steps[i];

        if (st->state == OP_STEP_SKIPPED && strcmp(st->name, "provision") == 0 &&
            strcmp(st->text, OP_PROVISIONED_BEFORE) == 0) {
            output_note("  %s: %s: %s; --again runs it again", op->sandbox, op->profile, st->text);
        }
    }
}

/* What takes long says how far it is: not each line of it, and not while something else is told. */
static void report_progress(struct op_report *r, size_t slot, const struct op_view *op)
{
    const struct op_step_view *st = op->step >= 0 && op->step < op->step_count ? &op->steps[op->step] : NULL;
    uint64_t now = clock_mono_ms();
    char percent[16] = "", line[220];

    if (st == NULL || st->state != OP_STEP_RUNNING || st->text[0] == '\0' || strcmp(st->name, "lock") == 0 ||
        strcmp(st->name, "turn") == 0 || now - MT_MAX(st->started_ms, r->seen[slot].last_ms) < PROGRESS_MS) {
        return;
    }
    if (st->percent >= 0) {
        str_format(percent, sizeof(percent), "%d%% ", st->percent);
    }
    str_format(line, sizeof(line), "%s%s", percent, st->text);
    if (strcmp(line, r->seen[slot].progress) == 0 || strcmp(st->text, op->phase) == 0) {
        return;
    }
    str_copy(r->seen[slot].progress, sizeof(r->seen[slot].progress), line);
    r->seen[slot].last_ms = now;
    output_note("  %s: %-8s %-10s %6.1f s  %s", op->sandbox, "...", st->name, (double)(now - st->started_ms) / 1000,
                line);
}

/* The text form: a line per finished step and per phase of the provision run. */
static void report_text(struct op_report *r, size_t slot, const struct op_view *op)
{
    bool color = output_color(STDERR_FILENO);

    if (op->state == OP_RUNNING || op->state == OP_QUEUED) {
        report_waiting(r, slot, op);
    }
    for (int i = 0; i < op->step_count && i < OP_STEPS_MAX; i++) {
        const struct op_step_view *st = &op->steps[i];
        bool ended = (st->state == OP_STEP_DONE && (!st->minor || st->ended_ms - st->started_ms > 500)) ||
                     st->state == OP_STEP_FAILED || st->state == OP_STEP_CANCELED;

        if (!ended || r->seen[slot].said[i] == st->state) {
            continue;
        }
        r->seen[slot].said[i] = st->state;
        if (st->minor && st->state == OP_STEP_DONE && st->ended_ms - st->started_ms < 1000) {
            continue; /* book-keeping that nobody waited for */
        }
        double s = (double)(st->ended_ms - st->started_ms) / 1000;
        const char *mark = st->state == OP_STEP_DONE ? "ok" : st->state == OP_STEP_FAILED ? "failed" : "canceled";
        const char *tint = !color ? "" : st->state == OP_STEP_DONE ? "\033[32m" : "\033[31m";

        output_note("  %s: %s%-8s%s %-10s %6.1f s%s%s", op->sandbox, tint, mark, color ? "\033[0m" : "", st->name, s,
                    st->text[0] != '\0' ? "  " : "", st->text);
    }
    if (op->phase[0] != '\0' && strcmp(r->seen[slot].phase, op->phase) != 0) {
        str_copy(r->seen[slot].phase, sizeof(r->seen[slot].phase), op->phase);
        output_note("  %s: %s", op->sandbox, op->phase);
    }
    report_notice(r, slot, op);
    report_progress(r, slot, op);
    if (op->drift[0] != '\0' && op->state == OP_DONE && !r->seen[slot].drift) {
        r->seen[slot].drift = true;
        output_note("  %s: note: it runs on with the settings that it has (wanted: %s); --recreate re-creates it with "
                    "the new ones, and ends its sessions",
                    op->sandbox, op->drift);
    }
}

/* The NDJSON form: the whole op, when something but its age has changed. */
static void report_line(struct op_report *r, const struct op_view *op)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf ageless = STRBUF_INIT;
    struct json *row = op_report_json(op);

    json_write(row, false, &line);
    json_set_null(row, "elapsed_ms");
    json_write(row, false, &ageless);
    json_free(row);
    if (strcmp(ageless.buf, r->last.buf) == 0) {
        return;
    }
    strbuf_clear(&r->last);
    strbuf_add(&r->last, ageless.buf, ageless.len);
    r->ctx->answered = true;
    printf("%s\n", line.buf);
    fflush(stdout);
}

void op_report_event(void *arg, const struct model_event *ev)
{
    struct op_report *r = arg;
    const struct op_view *op = ev->kind == MODEL_OP ? model_op(r->ctx->model, ev->op) : NULL;

    if (op == NULL) {
        return;
    }
    if (r->ctx->o.format == OUTPUT_NDJSON) {
        report_line(r, op);
        return;
    }
    size_t slot = 0;
    while (slot < r->seen_count && r->seen[slot].id != op->id) {
        slot++;
    }
    if (slot == MT_ARRAY_LEN(r->seen)) {
        return;
    }
    if (slot == r->seen_count) {
        r->seen_count++;
        r->seen[slot].id = op->id;
    }
    report_text(r, slot, op);
}
