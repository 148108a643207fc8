/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_INFERENCE_H
#define MT_CORE_MODEL_INFERENCE_H

/* What is known of one inference endpoint, as a value: core/inference fills it, the model keeps it, screens read it.
 * What a server does not tell is unknown here, never guessed. Texts are sanitised. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum inference_state {
    INFERENCE_UNSEEN,       /* not looked at yet */
    INFERENCE_DOWN,         /* nobody listens, or no answer in time */
    INFERENCE_LOADING,      /* answers 503 */
    INFERENCE_READY,        /* lists its models */
    INFERENCE_UNAUTHORISED, /* 401, 403: it wants a key, or another one */
    INFERENCE_FOREIGN,      /* something answers that is no inference server */
};
/* "unseen", "down", "loading", "ready", "unauthorised", "not an inference server" */
const char *inference_state_name(enum inference_state s);

enum inference_kind {
    INFERENCE_ANY, /* OpenAI-compatible, nothing more is known */
    INFERENCE_LLAMA,
    INFERENCE_MLXCEL,
    INFERENCE_MLX_LM,
    INFERENCE_VLLM,
    INFERENCE_OLLAMA
};
/* "OpenAI-compatible", "llama-server", "mlxcel-server", "mlx_lm.server", "vLLM", "Ollama" */
const char *inference_kind_name(enum inference_kind k);

#define INFERENCE_SLOTS_MAX 64
struct inference_slot {
    int id;
    bool busy;
    uint64_t window, used; /* tokens; window 0: unknown */
    int progress;          /* percent of the prompt that is read, while it is read; -1: not known, or not now */
};

#define INFERENCE_DEFAULT "default"
struct inference_view {
    char name[32]; /* of the endpoint, as the model calls it: INFERENCE_DEFAULT or that of an [[inference]]; else "" */
    char endpoint[80]; /* "127.0.0.1:8080" */
    enum inference_state state;
    enum inference_kind kind;
    char model[160];                 /* as it came; "": unknown */
    uint64_t window;                 /* tokens of one conversation; 0: unknown */
    int slots_busy, slots_total;     /* -1, 0: unknown */
    bool has_slots;                  /* each of them is known too: */
    uint64_t used, room;             /* in all slots together; room 0: unknown */
    uint64_t full_used, full_window; /* of the slot that is fullest, among the busy ones if any is; window 0: unknown */
    struct inference_slot slots[INFERENCE_SLOTS_MAX];
    size_t slot_count;   /* entries of slots: slots_total, or the first so many of them */
    int running, queued; /* requests; -1: unknown */
    int progress;        /* percent of the prompt that is read, of the slot that is least far; -1: none */
    int cache_percent;   /* of the memory for contexts, where only that is told (vLLM); -1: unknown */
    double tokens_per_s; /* < 0: unknown, or nothing is being written */
    bool sleeping;       /* the server has unloaded its model until somebody asks */
    uint64_t since_ms;   /* monotonic: when `state` began */
    char word[120];      /* why it is not ready; "" */
};

/* Everything unknown. */
void inference_view_init(struct inference_view *v);
/* The model's name can be relied on, though perhaps a key is wanted. */
bool inference_has_model(const struct inference_view *v);
/* Do the two look the same to a person? (since_ms, which only moves with the state, included; the
 * name is not.) */
bool inference_view_equal(const struct inference_view *a, const struct inference_view *b);

#endif
