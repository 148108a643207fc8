/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_CONFIG_INFERENCE_H
#define MT_CORE_MODEL_CONFIG_INFERENCE_H

/* [[inference]]: endpoints besides the default one, and which sandboxes use them. An entry that is wrong is left out
 * with a warning that has its place; it hides no other and no other setting. Pure. */

#include "core/model/config.h"
#include "core/util/toml.h"

#define CONFIG_INFERENCE_MAX 31

/* Takes the tables of `list` (whatever it is: what is no [[inference]] is a warning). */
void config_inference_apply(struct config *c, const struct toml *list);
void config_inference_drop(struct config *c);
/* As TOML, and as a JSON array (the caller's). No key is in there, only where it comes from. */
void config_inference_show(const struct config *c, struct strbuf *out);
struct json *config_inference_json(const struct config *c);

/* Who uses what: 0 is the default endpoint, i + 1 is list[i]. The first entry that names the project, or the profile,
 * wins. Either may be NULL or "". */
size_t config_inference_find(const struct config_inference *list, size_t count, const char *project,
                             const char *profile);
/* Does it listen on this machine's loopback? */
bool config_inference_is_loopback(const char *host);
/* `*` is any text, also none, `?` any one byte; everything else is itself. */
bool config_glob(const char *pattern, const char *text);

#endif
