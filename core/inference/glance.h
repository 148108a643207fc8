/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_GLANCE_H
#define MT_CORE_INFERENCE_GLANCE_H

/* One look at a server of this machine, for those that start, stop and list it: a watcher that is asked once. */

#include <stdint.h>

#include "core/io/http.h"
#include "core/io/loop.h"
#include "core/model/config.h"
#include "core/model/inference.h"
#include "core/util/paths.h"

struct glance_opts {
    struct loop *loop;
    struct http_client *http; /* outlives it */
    const struct paths *paths;
    const struct config *config;          /* server_key_file */
    const struct config_inference *entry; /* whose key is sent; NULL: the default endpoint's */
    const char *host;                     /* address or name; copied */
    int64_t port;
};

struct glance;
typedef void (*glance_fn)(void *arg, const struct inference_view *view);
/* done: exactly once, never inside the call; also after glance_cancel, with what is known then. */
struct glance *glance_start(const struct glance_opts *opts, glance_fn done, void *arg);
void glance_cancel(struct glance *g);

#endif
