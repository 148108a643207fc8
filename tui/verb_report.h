/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_VERB_REPORT_H
#define MT_TUI_VERB_REPORT_H

/* What verbs say of the ops that they wait for: lines on stderr, or NDJSON on stdout. */

#include "tui/verb.h"

/* What was last said of an op, so that nothing is said twice. */
struct op_report {
    struct verb_ctx *ctx;
    struct {
        op_id id;
        enum op_step_state said[OP_STEPS_MAX];
        char phase[200];
        char notice[300];
        char waiting[200];
        bool drift;
        char progress[220];
        uint64_t last_ms; /* when something was said of it last */
    } seen[64];
    size_t seen_count;
    struct strbuf last; /* NDJSON: the line before, without its age */
};

/* One op as JSON. */
struct json *op_report_json(const struct op_view *op);
/* P5: says that a script was not run, because this revision of it ran before. */
void op_report_skipped(const struct op_view *op);
/* A change of an op: says what is new. For bus_subscribe; `arg` is a struct op_report. */
void op_report_event(void *arg, const struct model_event *ev);

#endif
