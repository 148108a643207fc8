/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_PROBE_CACHE_H
#define MT_BACKENDS_PROCESS_PROBE_CACHE_H

/* What a probe said, kept between runs in STATE/probe-<backend>: to try a sandbox takes longer than all the rest of
 * most verbs. Only what worked in every respect is kept, for a day, and only as long as the key is the same: a text
 * with all that the answer hangs on. Who finds it wrong forgets it. */

#include <stdbool.h>

#include "core/util/strbuf.h"

/* Appends the answer; false when there is none that is good. */
bool probe_cache_read(const char *state, const char *backend, const struct strbuf *key, struct strbuf *out);
/* What cannot be written is not kept. */
void probe_cache_write(const char *state, const char *backend, const struct strbuf *key, const char *text, size_t len);
void probe_cache_forget(const char *state, const char *backend);

/* For keys: a file's identity as far as a change of it shows; the first program of that name in PATH; a file's text, or
 * "-". */
void probe_key_file(struct strbuf *key, const char *path);
void probe_key_program(struct strbuf *key, const char *name);
void probe_key_text(struct strbuf *key, const char *path);

#endif
