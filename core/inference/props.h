/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_PROPS_H
#define MT_CORE_INFERENCE_PROPS_H

/* The answer to GET /props of llama-server and mlxcel-server. Pure; the chat template in it is not kept. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct props_answer {
    bool known;       /* it has that shape */
    uint64_t context; /* tokens of one slot; 0: unknown */
    int slots;        /* total_slots; 0: unknown */
    char model[160];  /* alias, else the last part of the path; sanitised; "": unknown */
    bool may_sleep;   /* this build can unload its model while nobody asks */
    bool sleeping;
};

void props_parse(const char *body, size_t len, struct props_answer *out);

#endif
