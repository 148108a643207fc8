/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_GOLDEN_H
#define MT_CORE_ENGINE_GOLDEN_H

/* S16: what is known of the golden image of a profile on one machine, in STATE/golden/<profile>[@host]: which revision
 * of its script was baked, and the image's id, so that a sandbox made from an earlier one is told from what is there
 * without asking the runtime. */

#include <stdbool.h>

#include "core/engine/backend.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"

struct golden {
    char rev[72]; /* "" unknown */
    char id[72];  /* hexadecimal; "" unknown, or there is none */
};

/* What cannot be read is as if nothing were known. */
void golden_load(const struct paths *paths, const char *profile, const char *host, struct golden *out);
int golden_save(const struct paths *paths, const char *profile, const char *host, const struct golden *g,
                struct error *err);
/* It is not there any more. */
void golden_forget(const struct paths *paths, const char *profile, const char *host);

/* Is there a golden image that this sandbox is not made from, and would be by today's wishes? *text (may be NULL) gets
 * "image: re-built" or which one there is, after a comma where it holds something, instead of an image that it names
 * already. */
bool golden_differs(const struct paths *paths, const char *host, const struct sandbox_spec *spec,
                    const struct sandbox_info *info, struct strbuf *text);

#endif
