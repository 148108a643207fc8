/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_SLOTS_H
#define MT_CORE_INFERENCE_SLOTS_H

/* The answer to GET /slots of llama-server (old and new) and mlxcel-server. Pure. Some builds put the prompts and what
 * was written into it: every long string is dropped before the rest is even parsed. */

#include "core/model/inference.h"
#include "core/util/strbuf.h"

struct slots_answer {
    bool known; /* it is such a list */
    int total, busy;
    size_t count; /* of those kept below */
    struct slots_entry {
        struct inference_slot slot;
        int64_t task;     /* -1: none yet */
        uint64_t written; /* tokens of its answer so far */
        bool writes;      /* `written` was told */
    } entries[INFERENCE_SLOTS_MAX];
};

void slots_parse(const char *body, size_t len, struct slots_answer *out);
/* Appends JSON text with the contents of all long strings left out. */
void slots_strip(const char *body, size_t len, struct strbuf *out);
/* Sums, the fullest slot and the least far prompt, into the view. */
void slots_show(const struct slots_answer *a, struct inference_view *v);

#endif
