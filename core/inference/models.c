/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/models.h"

#include <string.h>

#include "core/inference/tokens.h"
#include "core/util/json.h"
#include "core/util/utf8.h"

/* The model's own window, where the server says that it uses that: n_ctx 0 (mlxcel-server, llama-server -c 0). Without
 * an n_ctx it says nothing about what is used. */
static uint64_t own_context(const struct json *meta)
{
    const struct json *n = json_get(meta, "n_ctx");
    return json_is_number(n) && json_number(n) == 0 ? tokens_read(json_get(meta, "n_ctx_train")) : 0;
}

/* I2: every place in which servers put the context window; vLLM's name for it last. */
static uint64_t find_context(const struct json *j)
{
    static const char *const TOP[] = {"context_window",
                                      "context_length",
                                      "max_context_length",
                                      "input_token_limit",
                                      "max_input_tokens",
                                      "n_ctx",
                                      NULL};
    static const char *const META[] = {"n_ctx", "context_window", "context_length", "max_context_length", NULL};
    static const char *const LIMITS[] = {"context", "input", NULL};
    static const char *const CAPABILITIES[] = {"context_window", "max_context_length", "input_token_limit", NULL};
    uint64_t n = tokens_first(j, TOP);
    n = n != 0 ? n : tokens_first(json_get(j, "meta"), META);
    n = n != 0 ? n : tokens_first(json_get(j, "limits"), LIMITS);
    n = n != 0 ? n : tokens_first(json_get(j, "capabilities"), CAPABILITIES);
    n = n != 0 ? n : tokens_read(json_get(j, "max_model_len"));
    return n != 0 ? n : own_context(json_get(j, "meta"));
}

/* A text of the server's, fit for people. */
static void take_text(const char *s, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, s, strlen(s), false);
    str_copy(out, cap, clean.buf);
}

void models_parse(const char *body, size_t len, struct models_answer *out)
{
    struct error ignored = ERROR_INIT;
    struct json *root = json_parse(body, len, &ignored);
    const struct json *data = json_get(root, "data");
    memset(out, 0, sizeof(*out));
    /* Ollama without a model says {"object":"list","data":null}; a bare {"data":[]} may be anything. */
    out->listed = strcmp(json_get_string(root, "object", ""), "list") == 0;
    for (const struct json *m = json_is_array(data) ? json_first(data) : NULL; m != NULL; m = json_next(m)) {
        const char *id = json_get_string(m, "id", "");
        if (id[0] != '\0') {
            take_text(id, out->model, sizeof(out->model));
            take_text(json_get_string(m, "owned_by", ""), out->owner, sizeof(out->owner));
            out->listed = true;
            out->context = find_context(m);
            break;
        }
    }
    if (out->model[0] != '\0' && out->context == 0) {
        out->context = find_context(root);
    }
    json_free(root);
}
