/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_PROBE_H
#define MT_CORE_INFERENCE_PROBE_H

/* One look at the local inference server (I1, I2): GET /v1/models on 127.0.0.1, one second at most. */

#include <stddef.h>
#include <stdint.h>

#include "core/io/http.h"
#include "core/io/loop.h"

enum probe_state {
    PROBE_DOWN,    /* nobody listens, or no answer in time */
    PROBE_LOADING, /* answers 503 */
    PROBE_READY,   /* lists at least one model */
    PROBE_UNKNOWN, /* something answers that is not such a server */
};
const char *probe_state_name(enum probe_state s);

struct probe_result {
    enum probe_state state;
    char model[160];  /* first id as it came, sanitised; "" unknown */
    uint64_t context; /* tokens; 0 unknown */
};

/* Reads an answer body. Pure. */
void probe_parse(int status, const char *body, size_t len, struct probe_result *out);

struct probe;
typedef void (*probe_done_fn)(void *arg, const struct probe_result *result);
/* done: exactly once, never inside the call; also after probe_cancel (then DOWN). The client outlives it. */
int probe_start(struct probe **out, struct http_client *http, int64_t port, probe_done_fn done, void *arg,
                struct error *err);
void probe_cancel(struct probe *p);

#endif
