/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/inference.h"

#include <string.h>

#include "core/util/compiler.h"

const char *inference_state_name(enum inference_state s)
{
    static const char *const NAMES[] = {"unseen", "down",         "loading",
                                        "ready",  "unauthorised", "not an inference server"};
    return (size_t)s < MT_ARRAY_LEN(NAMES) ? NAMES[s] : "unseen";
}

const char *inference_kind_name(enum inference_kind k)
{
    static const char *const NAMES[] = {
        "OpenAI-compatible", "llama-server", "mlxcel-server", "mlx_lm.server", "vLLM", "Ollama",
    };
    return (size_t)k < MT_ARRAY_LEN(NAMES) ? NAMES[k] : NAMES[INFERENCE_ANY];
}

void inference_view_init(struct inference_view *v)
{
    memset(v, 0, sizeof(*v));
    v->slots_busy = v->running = v->queued = v->progress = v->cache_percent = -1;
    v->tokens_per_s = -1;
}

bool inference_has_model(const struct inference_view *v)
{
    return v->model[0] != '\0' && (v->state == INFERENCE_READY || v->state == INFERENCE_UNAUTHORISED);
}

/* What is told of the slots. */
static bool same_slots(const struct inference_view *a, const struct inference_view *b)
{
    if (a->has_slots != b->has_slots || a->slots_busy != b->slots_busy || a->slots_total != b->slots_total ||
        a->used != b->used || a->room != b->room || a->full_used != b->full_used || a->full_window != b->full_window ||
        a->slot_count != b->slot_count) {
        return false;
    }
    for (size_t i = 0; i < a->slot_count; i++) {
        const struct inference_slot *x = &a->slots[i], *y = &b->slots[i];
        if (x->id != y->id || x->busy != y->busy || x->window != y->window || x->used != y->used ||
            x->progress != y->progress) {
            return false;
        }
    }
    return true;
}

bool inference_view_equal(const struct inference_view *a, const struct inference_view *b)
{
    double d = a->tokens_per_s - b->tokens_per_s;
    return a->state == b->state && a->kind == b->kind && a->window == b->window && a->running == b->running &&
           a->queued == b->queued && a->progress == b->progress && a->cache_percent == b->cache_percent && d < 0.05 &&
           d > -0.05 && a->sleeping == b->sleeping && a->since_ms == b->since_ms && strcmp(a->model, b->model) == 0 &&
           strcmp(a->word, b->word) == 0 && strcmp(a->endpoint, b->endpoint) == 0 && same_slots(a, b);
}
