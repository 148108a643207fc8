/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_OLLAMA_H
#define MT_CORE_INFERENCE_OLLAMA_H

/* Ollama's own answers: GET /api/version and GET /api/ps (what is loaded). Pure. Source: Ollama's docs/api.md. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ollama_loaded {
    bool known;       /* it is such a list */
    char model[160];  /* the first loaded one, sanitised; "": none is */
    uint64_t context; /* context_length (since 0.7); 0: unknown */
};

bool ollama_is_version(const char *body, size_t len);
void ollama_parse_ps(const char *body, size_t len, struct ollama_loaded *out);

#endif
