/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/props.h"

#include <string.h>

#include "core/inference/tokens.h"
#include "core/util/json.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"

#define SLOTS_MOST 100000

void props_parse(const char *body, size_t len, struct props_answer *out)
{
    struct error ignored = ERROR_INIT;
    struct json *root = json_parse(body, len, &ignored);
    const struct json *settings = json_get(root, "default_generation_settings");
    int64_t slots = json_get_int(root, "total_slots", 0);
    const char *name = json_get_string(root, "model_alias", "");
    memset(out, 0, sizeof(*out));
    out->known = json_is_object(settings) || slots > 0;
    if (out->known) {
        MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
        name = name[0] != '\0' ? name : path_base(json_get_string(root, "model_path", ""));
        utf8_sanitize(&clean, name, strlen(name), false);
        str_copy(out->model, sizeof(out->model), clean.buf);
        out->context = tokens_read(json_get(settings, "n_ctx"));
        out->slots = slots > 0 && slots <= SLOTS_MOST ? (int)slots : 0;
        out->may_sleep = json_get(root, "is_sleeping") != NULL;
        out->sleeping = json_get_bool(root, "is_sleeping", false);
    }
    json_free(root);
}
