/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_MODELS_H
#define MT_CORE_INFERENCE_MODELS_H

/* The answer to GET /v1/models (I2), of every kind of server. Pure. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct models_answer {
    bool listed;      /* it is such a list; it may be empty */
    char model[160];  /* first id as it came, sanitised; "": none */
    uint64_t context; /* tokens; 0: unknown */
    char owner[32];   /* owned_by of that entry, or "" */
};

void models_parse(const char *body, size_t len, struct models_answer *out);

#endif
