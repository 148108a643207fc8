/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/ollama.h"

#include <string.h>

#include "core/inference/tokens.h"
#include "core/util/json.h"
#include "core/util/utf8.h"

bool ollama_is_version(const char *body, size_t len)
{
    struct error ignored = ERROR_INIT;
    struct json *root = json_parse(body, len, &ignored);
    const char *v = json_get_string(root, "version", "");
    bool is = v[0] >= '0' && v[0] <= '9';
    json_free(root);
    return is;
}

void ollama_parse_ps(const char *body, size_t len, struct ollama_loaded *out)
{
    struct error ignored = ERROR_INIT;
    struct json *root = json_parse(body, len, &ignored);
    const struct json *models = json_get(root, "models"), *first = json_is_array(models) ? json_first(models) : NULL;
    memset(out, 0, sizeof(*out));
    out->known = json_is_array(models);
    if (json_is_object(first)) {
        MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
        const char *name = json_get_string(first, "model", json_get_string(first, "name", ""));
        utf8_sanitize(&clean, name, strlen(name), false);
        str_copy(out->model, sizeof(out->model), clean.buf);
        out->context = tokens_read(json_get(first, "context_length"));
    }
    json_free(root);
}
