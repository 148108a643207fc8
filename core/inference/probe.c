/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/probe.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/json.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define LIMIT_MS 1000
#define ANSWER_MAX (4u << 20)
#define CONTEXT_MAX 1e12

struct probe {
    struct http_request *request;
    probe_done_fn done;
    void *arg;
};

const char *probe_state_name(enum probe_state s)
{
    static const char *const NAMES[] = {"down", "loading", "ready", "unknown"};
    return (size_t)s < MT_ARRAY_LEN(NAMES) ? NAMES[s] : "unknown";
}

/* A positive number, or a string of digits; else 0. */
static uint64_t positive(const struct json *j)
{
    const char *s = json_string(j);
    double n = json_is_number(j) ? json_number(j) : 0;
    if (s != NULL && s[0] != '\0' && strlen(s) <= 12 && strspn(s, "0123456789") == strlen(s)) {
        n = strtod(s, NULL);
    }
    return n >= 1 && n <= CONTEXT_MAX ? (uint64_t)n : 0;
}

/* The first of `keys` (NULL-terminated) below `j` that is a positive number. */
static uint64_t first_of(const struct json *j, const char *const *keys)
{
    for (; j != NULL && *keys != NULL; keys++) {
        uint64_t n = positive(json_get(j, *keys));
        if (n != 0) {
            return n;
        }
    }
    return 0;
}

/* I2: every place in which servers put the context window. */
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
    uint64_t n = first_of(j, TOP);
    n = n != 0 ? n : first_of(json_get(j, "meta"), META);
    n = n != 0 ? n : first_of(json_get(j, "limits"), LIMITS);
    return n != 0 ? n : first_of(json_get(j, "capabilities"), CAPABILITIES);
}

void probe_parse(int status, const char *body, size_t len, struct probe_result *out)
{
    memset(out, 0, sizeof(*out));
    out->state = status == 503 ? PROBE_LOADING : PROBE_UNKNOWN;
    if (status != 200) {
        return;
    }
    struct error ignored = ERROR_INIT;
    struct json *root = json_parse(body, len, &ignored);
    for (const struct json *m = json_is_array(json_get(root, "data")) ? json_first(json_get(root, "data")) : NULL;
         m != NULL; m = json_next(m)) {
        const char *id = json_get_string(m, "id", "");
        if (id[0] != '\0') {
            MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
            utf8_sanitize(&clean, id, strlen(id), false);
            str_copy(out->model, sizeof(out->model), clean.buf);
            out->state = PROBE_READY;
            out->context = find_context(m);
            break;
        }
    }
    if (out->state == PROBE_READY && out->context == 0) {
        out->context = find_context(root);
    }
    json_free(root);
}

/* The answer, or none. */
static void answered(void *arg, int status, const char *body, size_t len, const struct error *err)
{
    struct probe *p = arg;
    struct probe_result result = {.state = PROBE_DOWN};
    if (err == NULL) {
        probe_parse(status, body, len, &result);
    } else if (err->code == ERROR_INVALID) {
        result.state = PROBE_UNKNOWN;
    }
    p->done(p->arg, &result);
    free(p);
}

int probe_start(struct probe **out, struct http_client *http, int64_t port, probe_done_fn done, void *arg,
                struct error *err)
{
    char url[64];
    struct probe *p = xcalloc(1, sizeof(*p));
    p->done = done;
    p->arg = arg;
    str_format(url, sizeof(url), "http://127.0.0.1:%lld/v1/models", (long long)port);
    if (http_get(&p->request, http, url, LIMIT_MS, ANSWER_MAX, answered, p, err) < 0) {
        free(p);
        return -1;
    }
    *out = p;
    return 0;
}

void probe_cancel(struct probe *p)
{
    http_cancel(p->request);
}
