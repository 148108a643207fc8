/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/metrics.h"

#include <string.h>

#include "core/inference/prom.h"
#include "core/util/compiler.h"

#define VALUE_MAX 1e15

/* Names as of llama.cpp's server README (b10621), mlxcel-server, and vLLM's metrics page; gpu_cache_usage_perc is
 * vLLM's name before 0.10. */
static const struct {
    const char *name;
    enum inference_kind kind;
    size_t field;
} NAMES[] = {
#define AT(field) offsetof(struct metrics_answer, field)
    {"llamacpp:requests_processing", INFERENCE_LLAMA, AT(running)},
    {"llamacpp:requests_deferred", INFERENCE_LLAMA, AT(waiting)},
    {"llamacpp:tokens_predicted_total", INFERENCE_LLAMA, AT(written)},
    {"llamacpp:tokens_predicted_seconds_total", INFERENCE_LLAMA, AT(written_seconds)},
    {"mlxcel_queue_depth", INFERENCE_MLXCEL, AT(waiting)},
    {"mlxcel_batch_decode_tokens_total", INFERENCE_MLXCEL, AT(written_live)},
    {"mlxcel_slots_total", INFERENCE_MLXCEL, AT(slots_total)},
    {"mlxcel_slots_available", INFERENCE_MLXCEL, AT(slots_free)},
    {"vllm:num_requests_running", INFERENCE_VLLM, AT(running)},
    {"vllm:num_requests_waiting", INFERENCE_VLLM, AT(waiting)},
    {"vllm:generation_tokens_total", INFERENCE_VLLM, AT(written_live)},
    {"vllm:kv_cache_usage_perc", INFERENCE_VLLM, AT(cache)},
    {"vllm:gpu_cache_usage_perc", INFERENCE_VLLM, AT(cache)},
#undef AT
};

/* mlxcel-server shows the names of llama-server besides its own: the more special kind wins. */
static enum inference_kind narrower(enum inference_kind a, enum inference_kind b)
{
    return a == INFERENCE_ANY || (a == INFERENCE_LLAMA && b == INFERENCE_MLXCEL) ? b : a;
}

void metrics_parse(const char *body, size_t len, struct metrics_answer *out)
{
    struct prom p;
    struct prom_sample s;
    int caches = 0;
    bool own_queue = false;
    *out = (struct metrics_answer){INFERENCE_ANY, -1, -1, -1, -1, -1, -1, -1, -1};
    prom_init(&p, body, len);
    while (prom_next(&p, &s)) {
        if (strncmp(s.name, "mlxcel_", 7) == 0) {
            out->kind = narrower(out->kind, INFERENCE_MLXCEL);
        }
        for (size_t i = 0; i < MT_ARRAY_LEN(NAMES); i++) {
            if (strcmp(s.name, NAMES[i].name) != 0 || !(s.value >= 0 && s.value <= VALUE_MAX)) {
                continue;
            }
            double *field = (double *)(void *)((char *)out + NAMES[i].field);
            out->kind = narrower(out->kind, NAMES[i].kind);
            if (field == &out->waiting && NAMES[i].kind == INFERENCE_MLXCEL && !own_queue) {
                own_queue = true; /* not added to llama-server's name for the same thing */
                *field = -1;
            } else if (field == &out->waiting && NAMES[i].kind == INFERENCE_LLAMA && own_queue) {
                continue;
            }
            caches += field == &out->cache;
            *field = (*field > 0 ? *field : 0) + s.value;
        }
    }
    out->cache = caches > 0 ? out->cache / caches : -1;
}
