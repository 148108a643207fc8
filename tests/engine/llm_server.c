/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/engine/llm_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/xmalloc.h"

#define DRIP_MS 20
#define SECRET "the prompt, which nobody is to see, and which is long enough to be taken for one by anybody"

struct llm_connection {
    struct llm_server *s;
    int fd;
    size_t slot;
    struct watch *watch;
    struct timer *drip;
    struct strbuf in, out;
    bool asked, endless;
};

static void connection_close(struct llm_connection *c)
{
    c->s->connections[c->slot] = NULL;
    c->s->in_flight -= c->asked;
    watch_close(c->watch);
    timer_close(c->drip);
    close(c->fd);
    strbuf_release(&c->in);
    strbuf_release(&c->out);
    free(c);
}

/* --- what each kind says --- */

/* llama-server's slots: b10621 (next_token is a list), b3900 (state, n_past, an object). */
static void say_slots(const struct llm_server *s, struct strbuf *b)
{
    strbuf_addch(b, '[');
    for (int i = 0; i < 4; i++) {
        bool busy = i < s->busy;
        strbuf_addf(b, "%s{\"id\":%d,\"n_ctx\":20480,", i > 0 ? "," : "", i);
        if (s->with_prompts) {
            strbuf_addstr(b, "\"prompt\":\"" SECRET "\",");
        }
        if (s->kind == LLM_LLAMA_OLD) {
            strbuf_addf(b, "\"id_task\":%d,\"state\":%d,\"n_past\":%d,\"next_token\":{\"n_decoded\":%llu}}",
                        busy ? 5 : -1, busy, busy ? 1500 : 0, (unsigned long long)(busy ? s->written : 0));
        } else if (busy) {
            bool writes = s->prompt_done >= 1000;
            strbuf_addf(b,
                        "\"id_task\":%d,\"is_processing\":true,\"n_prompt_tokens\":1000,"
                        "\"n_prompt_tokens_processed\":%d,\"n_prompt_tokens_cache\":0,"
                        "\"next_token\":[{\"n_decoded\":%llu}]}",
                        10 + i, s->prompt_done, (unsigned long long)(writes ? s->written : 0));
        } else {
            strbuf_addstr(b, "\"is_processing\":false}");
        }
    }
    strbuf_addch(b, ']');
}

/* llama-server's names (its README, b10621), mlxcel-server's besides, vLLM's (docs, usage/metrics). */
static void say_metrics(const struct llm_server *s, struct strbuf *b)
{
    if (s->kind == LLM_VLLM) {
        strbuf_addf(b,
                    "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running{model_name=\"Q\"} %d.0\n"
                    "vllm:num_requests_waiting{model_name=\"Q\"} 1.0\nvllm:kv_cache_usage_perc{model_name=\"Q\"} 0.41\n"
                    "vllm:generation_tokens_total{model_name=\"Q\"} %llu\n",
                    s->busy, (unsigned long long)s->written);
        return;
    }
    strbuf_addf(b,
                "# HELP llamacpp:tokens_predicted_total n\nllamacpp:tokens_predicted_total %llu\n"
                "llamacpp:tokens_predicted_seconds_total %.3f\nllamacpp:requests_processing %d\n"
                "llamacpp:requests_deferred 0\n",
                (unsigned long long)s->written, s->seconds, s->busy);
    if (s->kind == LLM_MLXCEL) {
        strbuf_addf(b, "mlxcel_slots_total 4\nmlxcel_slots_available %d\nmlxcel_queue_depth 0\n", 4 - s->busy);
    }
}

static void say_models(const struct llm_server *s, struct strbuf *b)
{
    static const char *const TEXTS[] = {
        [LLM_LLAMA] = "{\"object\":\"list\",\"data\":[{\"id\":\"/m/Qwen3-8B.gguf\",\"object\":\"model\",\"owned_by\":"
                      "\"llamacpp\",\"meta\":{\"n_ctx\":20480,\"n_ctx_train\":40960}}]}",
        [LLM_LLAMA_OLD] = "{\"object\":\"list\",\"data\":[{\"id\":\"old.gguf\",\"owned_by\":\"llamacpp\",\"meta\":"
                          "{\"n_ctx_train\":40960}}]}",
        [LLM_MLXCEL] = "{\"object\":\"list\",\"data\":[{\"id\":\"mlx-community/Q\",\"owned_by\":\"llamacpp\",\"meta\":"
                       "{\"n_ctx\":0,\"n_ctx_train\":40960}}]}",
        [LLM_MLX_LM] = "{\"object\":\"list\",\"data\":[{\"id\":\"mlx-community/A\",\"object\":\"model\",\"created\":1},"
                       "{\"id\":\"mlx-community/B\",\"object\":\"model\",\"created\":1}]}",
        [LLM_VLLM] =
            "{\"object\":\"list\",\"data\":[{\"id\":\"Qwen/Q\",\"owned_by\":\"vllm\",\"max_model_len\":32768}]}",
        [LLM_OLLAMA] = "{\"object\":\"list\",\"data\":[{\"id\":\"first:1b\",\"object\":\"model\",\"owned_by\":"
                       "\"library\"},{\"id\":\"qwen3:8b\",\"owned_by\":\"library\"}]}",
        [LLM_PLAIN] = "{\"data\":[{\"id\":\"thing\",\"owned_by\":\"me\",\"context_length\":4096}]}",
    };
    strbuf_addstr(b, TEXTS[s->kind]);
}

/* The whole answer of a server that behaves; the status. */
static int say(const struct llm_server *s, const char *path, struct strbuf *b)
{
    bool family = s->kind == LLM_LLAMA || s->kind == LLM_LLAMA_OLD || s->kind == LLM_MLXCEL;
    if (strcmp(path, "/health") == 0 && s->kind != LLM_OLLAMA && s->kind != LLM_PLAIN) {
        strbuf_addstr(b, s->kind == LLM_VLLM ? "" : "{\"status\":\"ok\"}");
        return 200;
    }
    if (strcmp(path, "/v1/models") == 0) {
        say_models(s, b);
        return 200;
    }
    if (strcmp(path, "/props") == 0 && family) {
        strbuf_addf(b, "{\"default_generation_settings\":{\"n_ctx\":%d},\"total_slots\":4,\"model_path\":\"/m/x\"%s}",
                    s->kind == LLM_MLXCEL ? 0 : 20480,
                    !s->may_sleep ? ""
                    : s->asleep   ? ",\"is_sleeping\":true"
                                  : ",\"is_sleeping\":false");
        return 200;
    }
    if ((strcmp(path, "/slots") == 0 && s->no_slots) || (strcmp(path, "/metrics") == 0 && s->no_metrics)) {
        strbuf_addstr(b, "{\"error\":{\"code\":501,\"message\":\"off\",\"type\":\"not_supported_error\"}}");
        return 501;
    }
    if (strcmp(path, "/slots") == 0 && family) {
        say_slots(s, b);
        return 200;
    }
    if (strcmp(path, "/metrics") == 0 && (family || s->kind == LLM_VLLM)) {
        say_metrics(s, b);
        return 200;
    }
    if (strcmp(path, "/v1/cache/stats") == 0 && s->kind == LLM_MLXCEL) {
        strbuf_addstr(b, "{\"enabled\":true}");
        return 200;
    }
    if (strcmp(path, "/api/version") == 0 && s->kind == LLM_OLLAMA) {
        strbuf_addstr(b, "{\"version\":\"0.9.0\"}");
        return 200;
    }
    if (strcmp(path, "/api/ps") == 0 && s->kind == LLM_OLLAMA) {
        strbuf_addstr(b, "{\"models\":[{\"name\":\"qwen3:8b\",\"model\":\"qwen3:8b\",\"context_length\":8192}]}");
        return 200;
    }
    strbuf_addstr(b, "{\"error\":{\"code\":404,\"message\":\"File Not Found\",\"type\":\"not_found_error\"}}");
    return 404;
}

/* --- how it says it --- */

static void add_head(struct llm_connection *c, int status, uint64_t len, const char *more)
{
    strbuf_addf(&c->out, "HTTP/1.1 %d X\r\nContent-Length: %llu\r\n%sContent-Type: application/json\r\n\r\n", status,
                (unsigned long long)len, more);
}

static void answer(struct llm_connection *c, int status, const char *body)
{
    add_head(c, status, strlen(body), "");
    strbuf_addstr(&c->out, body);
}

/* A server that behaves, or is loading, or wants a key. llama-server tells health and models to everybody. */
static void answer_well(struct llm_connection *c, const char *path, bool keyed)
{
    MT_CLEANUP(strbuf) struct strbuf body = STRBUF_INIT;
    bool open = c->s->kind == LLM_LLAMA && (strcmp(path, "/health") == 0 || strcmp(path, "/v1/models") == 0);
    if (c->s->key != NULL && !keyed && !open) {
        answer(c, 401, "{\"error\":{\"code\":401,\"message\":\"Invalid API Key\"}}");
        return;
    }
    if (c->s->manner == LLM_LOADING && strcmp(path, "/v1/models") != 0) {
        answer(c, 503, "{\"error\":{\"code\":503,\"message\":\"Loading model\",\"type\":\"unavailable_error\"}}");
        return;
    }
    int status = say(c->s, path, &body);
    answer(c, status, body.buf);
}

/* Puts what is said into c->out; false: nothing, or the connection is gone. */
static bool respond(struct llm_connection *c, const char *path, bool keyed)
{
    switch (c->s->manner) {
    case LLM_HANG:
        return false;
    case LLM_LATE_SLOTS:
        if (strcmp(path, "/slots") == 0 || strcmp(path, "/metrics") == 0) {
            return false;
        }
        break;
    case LLM_HANG_UP:
        connection_close(c);
        return false;
    case LLM_DRIP:
        timer_repeat(c->drip, DRIP_MS);
        return false;
    case LLM_REDIRECT:
        add_head(c, 302, 0, "Location: /health\r\n");
        return true;
    case LLM_ENDLESS:
        add_head(c, 200, 10000000000u, "");
        c->endless = true;
        return true;
    case LLM_HTML:
        answer(c, 200, "<!doctype html><html><body>Welcome to nginx!</body></html>");
        return true;
    case LLM_GARBAGE:
        strbuf_addstr(&c->out, "SSH-2.0-OpenSSH_9.2p1\r\n\x01\x02\x03\r\n\r\n");
        return true;
    case LLM_JUNK:
        answer(c, 200, "{\"object\":\"list\",\"data\":[{\"id\":");
        return true;
    case LLM_ERROR:
        answer(c, 500, "oops");
        return true;
    default:
        break;
    }
    answer_well(c, path, keyed);
    return true;
}

static void on_drip(void *arg)
{
    struct llm_connection *c = arg;
    static const char HEAD[] = "HTTP/1.1 200 OK\r\nX-Slow: ";
    char byte = c->s->sent_bytes < sizeof(HEAD) - 1 ? HEAD[c->s->sent_bytes] : 'x';
    if (send(c->fd, &byte, 1, MSG_NOSIGNAL | MSG_DONTWAIT) != 1) {
        connection_close(c);
        return;
    }
    c->s->sent_bytes++;
}

/* Sends what is there; an endless one always has more. */
static void flush(struct llm_connection *c)
{
    static const char FILL[65536] = "";
    if (c->endless && c->out.len == 0) {
        strbuf_add(&c->out, FILL, sizeof(FILL));
    }
    ssize_t n = send(c->fd, c->out.buf, c->out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
        c->s->sent_bytes += (uint64_t)n;
        strbuf_consume(&c->out, (size_t)n);
    }
    bool over = c->out.len == 0 && !c->endless;
    if (over && c->asked) {
        c->asked = false;
        c->s->in_flight--;
    }
    watch_set(c->watch, over ? WATCH_READ : WATCH_READ | WATCH_WRITE);
}

/* One request is whole. */
static void take_request(struct llm_connection *c, size_t len)
{
    struct llm_server *s = c->s;
    char path[32] = "";
    const char *from = strchr(c->in.buf, ' ');
    const char *to = from != NULL ? strchr(from + 1, ' ') : NULL;
    bool keyed = false;
    if (to != NULL && (size_t)(to - from) <= sizeof(path)) {
        memcpy(path, from + 1, (size_t)(to - from - 1));
    }
    if (s->key != NULL) {
        MT_CLEANUP(strbuf) struct strbuf head = STRBUF_INIT;
        strbuf_addf(&head, "\r\nAuthorization: Bearer %s\r\n", s->key);
        keyed = strstr(c->in.buf, head.buf) != NULL;
    }
    s->saw_key = s->saw_key || strstr(c->in.buf, "Authorization") != NULL;
    strbuf_consume(&c->in, len);
    assert_true(s->count < LLM_LOG_MAX);
    str_copy(s->log[s->count].path, sizeof(path), path);
    s->log[s->count++].at_ms = s->now != NULL ? s->now(s->now_arg) : 0;
    c->asked = true;
    s->in_flight++;
    s->most_in_flight = s->in_flight > s->most_in_flight ? s->in_flight : s->most_in_flight;
    if (respond(c, path, keyed)) {
        flush(c);
    }
}

static void on_ready(void *arg, int events)
{
    struct llm_connection *c = arg;
    char buf[4096];
    if ((events & WATCH_READ) != 0) {
        ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
        if (n <= 0) {
            connection_close(c);
            return;
        }
        strbuf_add(&c->in, buf, (size_t)n);
        const char *end = strstr(c->in.buf, "\r\n\r\n");
        if (end != NULL) {
            take_request(c, (size_t)(end - c->in.buf) + 4);
            return;
        }
    }
    if ((events & WATCH_WRITE) != 0) {
        flush(c);
    }
}

static void on_connection(void *arg, int events)
{
    struct llm_server *s = arg;
    size_t slot = 0;
    (void)events;
    while (slot < LLM_CONNECTIONS && s->connections[slot] != NULL) {
        slot++;
    }
    assert_true(slot < LLM_CONNECTIONS);
    struct llm_connection *c = xcalloc(1, sizeof(*c));
    c->s = s;
    c->slot = slot;
    c->fd = accept(s->fd, NULL, NULL);
    assert_true(c->fd >= 0);
    strbuf_init(&c->in);
    strbuf_init(&c->out);
    c->watch = watch_new(s->loop, c->fd, on_ready, c, NULL);
    c->drip = timer_new(s->loop, on_drip, c);
    s->connections[slot] = c;
    watch_set(c->watch, WATCH_READ);
}

void llm_open(struct llm_server *s, struct loop *loop, enum llm_kind kind)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    memset(s, 0, sizeof(*s));
    s->loop = loop;
    s->kind = kind;
    s->prompt_done = 1000;
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(s->fd >= 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    assert_int_equal(getsockname(s->fd, (struct sockaddr *)&in, &len), 0);
    s->port = ntohs(in.sin_port);
    s->watch = watch_new(loop, s->fd, on_connection, s, NULL);
    watch_set(s->watch, WATCH_READ);
}

void llm_close(struct llm_server *s)
{
    for (size_t i = 0; i < LLM_CONNECTIONS; i++) {
        if (s->connections[i] != NULL) {
            connection_close(s->connections[i]);
        }
    }
    watch_close(s->watch);
    close(s->fd);
}

int llm_asked(const struct llm_server *s, const char *path, uint64_t from_ms, uint64_t to_ms)
{
    int n = 0;
    for (int i = 0; i < s->count; i++) {
        n += s->log[i].at_ms >= from_ms && s->log[i].at_ms < to_ms &&
             (path == NULL || strcmp(s->log[i].path, path) == 0);
    }
    return n;
}
