/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_CONFIG_HOSTS_H
#define MT_CORE_MODEL_CONFIG_HOSTS_H

/* [[hosts]]: other machines with a runtime. An entry that is wrong is left out with a warning that has its place; it
 * hides no other and no other setting. Pure. */

#include "core/model/config.h"
#include "core/util/toml.h"

struct json;

/* Takes the tables of `list` (whatever it is: what is no [[hosts]] is a warning). */
void config_hosts_apply(struct config *c, const struct toml *list);
void config_hosts_drop(struct config *c);
/* As TOML, and as a JSON array (the caller's). */
void config_hosts_show(const struct config *c, struct strbuf *out);
struct json *config_hosts_json(const struct config *c);

#endif
