/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PODMAN_FACTS_CACHE_H
#define MT_BACKENDS_PODMAN_FACTS_CACHE_H

/* What `podman info` said, kept between runs: it takes 300 ms, which every verb would wait for. An answer is good for
 * the same podman, configuration, user and boot, and for a day; whoever finds it wrong forgets it. Only for this
 * machine's podman. */

#include <stdbool.h>

#include "core/util/strbuf.h"

struct backend;

/* Appends the answer that is kept; false when there is none that is good. */
bool facts_cache_read(const struct backend *be, struct strbuf *out);
/* Keeps an answer. What cannot be written is not kept. */
void facts_cache_write(const struct backend *be, const char *text, size_t len);
void facts_cache_forget(const struct backend *be);

#endif
