/* SPDX-License-Identifier: Apache-2.0 */
/* The watcher of an inference endpoint against a server that plays every kind, and misbehaves. Its clock is the test's
 * own: an hour passes in a second, and what was asked in it is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/inference/watcher.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"
#include "tests/engine/fake.h"
#include "tests/engine/llm_server.h"
#include "tests/patience.h"

#define KEY "sk-test-0123456789"

struct rig {
    struct loop *loop;
    struct timer *guard;
    struct http_client *http;
    struct llm_server server;
    struct watcher *w;
    uint64_t now_ms, due_ms; /* the clock; UINT64_MAX: nothing is waited for */
    void (*fn)(void *arg);
    void *fn_arg;
    bool soon; /* the clock's timer has run out: fn is to be called */
    int changes, looks;
    struct inference_view seen;
};

static uint64_t rig_now(void *arg)
{
    const struct rig *g = arg;
    return g->now_ms;
}

static void rig_wait(void *arg, uint64_t delay_ms, void (*fn)(void *fn_arg), void *fn_arg)
{
    struct rig *g = arg;
    g->due_ms = delay_ms == UINT64_MAX ? UINT64_MAX : g->now_ms + delay_ms;
    g->fn = fn;
    g->fn_arg = fn_arg;
}

static void on_changed(void *arg, const struct inference_view *v)
{
    struct rig *g = arg;
    g->changes++;
    g->seen = *v;
}

static void on_look(void *arg, const struct inference_view *v)
{
    struct rig *g = arg;
    (void)v;
    g->looks++;
}

static void on_guard(void *arg)
{
    (void)arg;
    fail_msg("the test waits for something that does not come");
}

static void watch_server(struct rig *g, const char *key)
{
    struct watcher_clock clock = {rig_now, rig_wait, g};
    struct watcher_opts opts = {.loop = g->loop,
                                .http = g->http,
                                .host = "127.0.0.1",
                                .port = g->server.port,
                                .key = key,
                                .clock = &clock,
                                .changed = on_changed,
                                .arg = g};
    g->w = watcher_new(&opts);
}

static void rig_open(struct rig *g, enum llm_kind kind)
{
    memset(g, 0, sizeof(*g));
    g->now_ms = 1000000;
    g->due_ms = UINT64_MAX;
    g->loop = loop_new();
    g->guard = timer_new(g->loop, on_guard, g);
    timer_start(g->guard, patience(60000));
    g->http = http_client_new(g->loop);
    llm_open(&g->server, g->loop, kind);
    g->server.now = rig_now;
    g->server.now_arg = g;
    watch_server(g, NULL);
}

static void rig_close(struct rig *g)
{
    assert_true(g->server.most_in_flight <= 1);
    watcher_close(g->w);
    http_client_close(g->http);
    llm_close(&g->server);
    timer_close(g->guard);
    assert_int_equal(loop_free(g->loop), 0);
}

/* Turns the real loop until the watcher waits for the clock (or for nothing): all that was due has been answered. */
static void settle(struct rig *g)
{
    struct watcher_look *l = watcher_look(g->w, on_look, g);
    int before = g->looks;
    (void)l;
    while (g->looks == before) {
        loop_turn(g->loop, true);
    }
}

/* Lets so much of the clock's time pass; requests take none of it. Turns until each moment's answers are there. */
static void pass(struct rig *g, uint64_t ms)
{
    uint64_t end = g->now_ms + ms;
    while (g->due_ms <= end) {
        g->now_ms = g->due_ms > g->now_ms ? g->due_ms : g->now_ms;
        g->due_ms = UINT64_MAX;
        g->fn(g->fn_arg);
        while (g->due_ms == UINT64_MAX) { /* it asks: the answer sets the clock's timer again */
            loop_turn(g->loop, true);
        }
    }
    g->now_ms = end;
}

/* Somebody looks from now on, and sees it a moment later. */
static void show(struct rig *g)
{
    watcher_show(g->w, true);
    settle(g);
    pass(g, 10);
}

static const struct inference_view *view(const struct rig *g)
{
    return watcher_view(g->w);
}

static void expect(struct rig *g, enum inference_state state, enum inference_kind kind, const char *model,
                   uint64_t window)
{
    assert_string_equal(inference_state_name(view(g)->state), inference_state_name(state));
    assert_string_equal(inference_kind_name(view(g)->kind), inference_kind_name(kind));
    assert_string_equal(view(g)->model, model);
    assert_int_equal(view(g)->window, window);
}

/* --- kinds --- */

static void test_kinds(void **state)
{
    (void)state;
    static const struct {
        enum llm_kind plays;
        enum inference_kind kind;
        const char *model;
        uint64_t window;
    } CASES[] = {
        {LLM_LLAMA, INFERENCE_LLAMA, "/m/Qwen3-8B.gguf", 20480},
        {LLM_LLAMA_OLD, INFERENCE_LLAMA, "old.gguf", 20480},
        {LLM_MLXCEL, INFERENCE_MLXCEL, "mlx-community/Q", 40960},
        {LLM_MLX_LM, INFERENCE_MLX_LM, "mlx-community/A", 0},
        {LLM_VLLM, INFERENCE_VLLM, "Qwen/Q", 32768},
        {LLM_OLLAMA, INFERENCE_OLLAMA, "qwen3:8b", 8192},
        {LLM_PLAIN, INFERENCE_ANY, "thing", 4096},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct rig g;
        rig_open(&g, CASES[i].plays);
        assert_int_equal(view(&g)->state, INFERENCE_UNSEEN);
        show(&g);
        expect(&g, INFERENCE_READY, CASES[i].kind, CASES[i].model, CASES[i].window);
        pass(&g, 120000); /* and stays what it is */
        expect(&g, INFERENCE_READY, CASES[i].kind, CASES[i].model, CASES[i].window);
        assert_true(inference_view_equal(&g.seen, view(&g)));
        assert_false(g.server.saw_key);
        rig_close(&g);
    }
}

/* Switched off: mlxcel-server and llama-server say 501; they are not asked for it again. */
static void test_501(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_MLXCEL);
    g.server.no_slots = g.server.no_metrics = true;
    show(&g);
    expect(&g, INFERENCE_READY, INFERENCE_MLXCEL, "mlx-community/Q", 40960); /* by /v1/cache/stats */
    pass(&g, 600000);
    assert_int_equal(llm_asked(&g.server, "/slots", 0, UINT64_MAX), 1);
    assert_int_equal(llm_asked(&g.server, "/metrics", 0, UINT64_MAX), 1);
    assert_false(view(&g)->has_slots);
    rig_close(&g);
}

/* --- at work --- */

static void test_work(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    show(&g);
    assert_true(view(&g)->has_slots);
    assert_int_equal(view(&g)->slots_total, 4);
    assert_int_equal(view(&g)->slots_busy, 0);
    assert_int_equal(view(&g)->room, 4 * 20480);
    g.server.busy = 2;
    g.server.prompt_done = 450;
    pass(&g, 1100);
    assert_int_equal(view(&g)->slots_busy, 2);
    assert_int_equal(view(&g)->progress, 45);
    assert_true(view(&g)->tokens_per_s < 0);
    g.server.prompt_done = 1000;
    for (int i = 0; i < 6; i++) { /* two slots at 20 a second each */
        g.server.written += 20;
        pass(&g, 1000);
    }
    assert_int_equal(view(&g)->progress, -1);
    assert_int_equal(view(&g)->full_used, 1120);
    assert_int_equal(view(&g)->used, 2240);
    assert_true(view(&g)->tokens_per_s > 39 && view(&g)->tokens_per_s < 41);
    assert_int_equal(view(&g)->running, 2);
    g.server.busy = 0;
    pass(&g, 2000);
    assert_int_equal(view(&g)->slots_busy, 0);
    assert_true(view(&g)->tokens_per_s < 0);
    rig_close(&g);
}

/* Counters that start again are another program: no rate, and its model is asked for again. */
static void test_counters_reset(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_VLLM);
    g.server.busy = 1;
    g.server.written = 100000;
    show(&g);
    g.server.written += 100;
    pass(&g, 2000);
    assert_true(view(&g)->tokens_per_s > 45 && view(&g)->tokens_per_s < 55);
    assert_int_equal(view(&g)->cache_percent, 41);
    assert_int_equal(view(&g)->queued, 1);
    int models = llm_asked(&g.server, "/v1/models", 0, UINT64_MAX);
    g.server.written = 3;
    pass(&g, 2000);
    assert_true(view(&g)->tokens_per_s < 0);
    assert_int_equal(llm_asked(&g.server, "/v1/models", 0, UINT64_MAX), models + 1);
    g.now_ms -= 500000; /* the clock is set back: nothing absurd, and it goes on */
    g.due_ms = g.now_ms;
    for (int i = 0; i < 5; i++) {
        g.server.written += 20;
        pass(&g, 2000);
        assert_true(view(&g)->tokens_per_s < 20);
    }
    assert_true(view(&g)->tokens_per_s > 8);
    g.now_ms += 90000000; /* and a day forward, or the machine slept */
    g.server.written += 1000000;
    pass(&g, 10);
    assert_true(view(&g)->tokens_per_s < 20);
    rig_close(&g);
}

/* Prompts in /slots leave no trace. */
static void test_prompts(void **state)
{
    (void)state;
    struct rig g;
    struct log_entry entry;
    rig_open(&g, LLM_LLAMA);
    g.server.with_prompts = true;
    g.server.busy = 1;
    show(&g);
    assert_int_equal(view(&g)->slots_busy, 1);
    for (size_t i = 0; log_get(i, &entry); i++) {
        assert_null(strstr(entry.text, "prompt, which"));
    }
    rig_close(&g);
}

/* --- states --- */

static void test_loading(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    g.server.manner = LLM_LOADING; /* /v1/models answers all the same, as in newer builds */
    show(&g);
    expect(&g, INFERENCE_LOADING, INFERENCE_ANY, "", 0);
    pass(&g, 20000);
    assert_int_equal(view(&g)->state, INFERENCE_LOADING);
    g.server.manner = LLM_CALM;
    pass(&g, 2100); /* it is looked at every two seconds */
    expect(&g, INFERENCE_READY, INFERENCE_LLAMA, "/m/Qwen3-8B.gguf", 20480);
    assert_true(view(&g)->has_slots);
    assert_string_equal(view(&g)->word, "");
    rig_close(&g);
}

static void test_down_and_up(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    show(&g);
    assert_int_equal(view(&g)->state, INFERENCE_READY);
    uint64_t since = view(&g)->since_ms;
    g.server.manner = LLM_HANG_UP;
    pass(&g, 2100);
    expect(&g, INFERENCE_DOWN, INFERENCE_ANY, "", 0);
    assert_true(view(&g)->since_ms > since);
    assert_true(view(&g)->word[0] != '\0');
    g.server.manner = LLM_CALM;
    g.server.kind = LLM_OLLAMA; /* another one at its place */
    pass(&g, 2100);
    expect(&g, INFERENCE_READY, INFERENCE_OLLAMA, "qwen3:8b", 8192);
    rig_close(&g);
}

/* A second look right after the last answer: what it was for may have come in between (a server that was started, and
 * was down half a second ago). It is not put off by what a down server is asked otherwise. */
static void test_looked_at_again(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    g.server.manner = LLM_HANG_UP;
    show(&g);
    pass(&g, 45000); /* down for long: every 10 s */
    expect(&g, INFERENCE_DOWN, INFERENCE_ANY, "", 0);
    settle(&g);
    g.server.manner = LLM_CALM;
    pass(&g, 500);
    int count = g.server.count;
    g.due_ms = UINT64_MAX;
    watcher_show(g.w, false);
    watcher_show(g.w, true);
    while (g.due_ms == UINT64_MAX) {
        loop_turn(g.loop, true);
    }
    assert_int_equal(g.server.count, count); /* not at once */
    pass(&g, 2000);
    expect(&g, INFERENCE_READY, INFERENCE_LLAMA, "/m/Qwen3-8B.gguf", 20480);
    rig_close(&g);
}

/* Nobody listens at all. */
static void test_refused(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    watcher_close(g.w);
    struct llm_server gone;
    llm_open(&gone, g.loop, LLM_LLAMA);
    int port = g.server.port;
    g.server.port = gone.port;
    llm_close(&gone);
    watch_server(&g, NULL);
    g.server.port = port;
    show(&g);
    assert_int_equal(view(&g)->state, INFERENCE_DOWN);
    assert_null(strstr(view(&g)->word, "http"));
    rig_close(&g);
}

static void test_keys(void **state)
{
    (void)state;
    struct rig g;
    struct log_entry entry;
    rig_open(&g, LLM_LLAMA);
    g.server.key = KEY;
    show(&g); /* without one: the model is told, all else is not */
    assert_int_equal(view(&g)->state, INFERENCE_UNAUTHORISED);
    assert_string_equal(view(&g)->model, "/m/Qwen3-8B.gguf");
    assert_true(inference_has_model(view(&g)));
    pass(&g, 10000);
    assert_int_equal(view(&g)->state, INFERENCE_UNAUTHORISED);
    watcher_close(g.w);
    watch_server(&g, "wrong");
    show(&g);
    assert_int_equal(view(&g)->state, INFERENCE_UNAUTHORISED);
    watcher_close(g.w);
    watch_server(&g, KEY);
    show(&g);
    assert_int_equal(view(&g)->state, INFERENCE_READY);
    assert_true(view(&g)->has_slots);
    g.server.kind = LLM_VLLM; /* tells nothing at all without one; and now it is another one */
    g.server.key = "other";
    g.server.manner = LLM_HANG_UP;
    pass(&g, 2100);
    g.server.manner = LLM_CALM;
    pass(&g, 2100);
    assert_int_equal(view(&g)->state, INFERENCE_UNAUTHORISED);
    assert_string_equal(view(&g)->model, "");
    assert_null(strstr(view(&g)->word, "sk-"));
    g.server.key = KEY;
    pass(&g, 2100);
    expect(&g, INFERENCE_READY, INFERENCE_VLLM, "Qwen/Q", 32768);
    for (size_t i = 0; log_get(i, &entry); i++) {
        assert_null(strstr(entry.text, KEY));
    }
    rig_close(&g);
}

/* Whatever answers, it costs a word, a second at most, and little memory. */
static void test_misbehaviour(void **state)
{
    (void)state;
    static const struct {
        enum llm_manner manner;
        enum inference_state state;
        const char *word;
    } CASES[] = {
        {LLM_HANG, INFERENCE_DOWN, "no answer"},        {LLM_DRIP, INFERENCE_DOWN, "no answer"},
        {LLM_REDIRECT, INFERENCE_FOREIGN, "redirects"}, {LLM_ENDLESS, INFERENCE_FOREIGN, "too long"},
        {LLM_HTML, INFERENCE_FOREIGN, "no models"},     {LLM_GARBAGE, INFERENCE_FOREIGN, "HTTP"},
        {LLM_JUNK, INFERENCE_FOREIGN, "no models"},     {LLM_HANG_UP, INFERENCE_DOWN, ""},
        {LLM_ERROR, INFERENCE_FOREIGN, "500"},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct rig g;
        rig_open(&g, LLM_LLAMA);
        g.server.manner = CASES[i].manner;
        uint64_t before = clock_mono_ms();
        show(&g);
        assert_true(clock_mono_ms() - before < patience(3000));
        assert_string_equal(inference_state_name(view(&g)->state), inference_state_name(CASES[i].state));
        assert_non_null(strstr(view(&g)->word, CASES[i].word));
        assert_string_equal(view(&g)->model, "");
        assert_true(g.server.sent_bytes < 32u << 20);
        assert_true(g.server.count <= 2); /* a redirect is not followed */
        g.server.manner = LLM_CALM;       /* it comes to its senses */
        pass(&g, 10100);
        expect(&g, INFERENCE_READY, INFERENCE_LLAMA, "/m/Qwen3-8B.gguf", 20480);
        rig_close(&g);
    }
}

/* A server that reads a long prompt answers /slots when it has the time: it is not down, and one look ends all the
 * same. */
static void test_late_slots(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    g.server.busy = 1;
    show(&g);
    assert_int_equal(view(&g)->slots_busy, 1);
    g.server.manner = LLM_LATE_SLOTS;
    pass(&g, 3000);
    assert_int_equal(view(&g)->state, INFERENCE_READY);
    assert_int_equal(view(&g)->slots_busy, 1);
    settle(&g);
    g.server.manner = LLM_HANG; /* but one that answers nothing is, though not after one late answer alone */
    settle(&g);
    assert_int_equal(view(&g)->state, INFERENCE_DOWN);
    rig_close(&g);
}

/* --- pacing --- */

/* Prints what was asked, minute by minute, for whoever wants to see it: WATCHER_LOG=1. */
static void print_log(const struct rig *g, uint64_t from, const char *title)
{
    static const char *const PATHS[] = {"/health", "/slots", "/metrics", "/props", "/v1/models"};
    if (getenv("WATCHER_LOG") == NULL) {
        return;
    }
    print_message("%s: requests in each minute of an hour\n  min", title);
    for (size_t k = 0; k < MT_ARRAY_LEN(PATHS); k++) {
        print_message(" %10s", PATHS[k]);
    }
    for (uint64_t m = 0; m < 60; m += m < 12 ? 1 : 12) {
        print_message("\n  %3u", (unsigned)m);
        for (size_t k = 0; k < MT_ARRAY_LEN(PATHS); k++) {
            print_message(" %10d", llm_asked(&g->server, PATHS[k], from + m * 60000, from + (m + 1) * 60000));
        }
    }
    print_message("\n  sum %d\n", llm_asked(&g->server, NULL, from, from + 3600000));
}

static void test_idle_hour(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    show(&g);
    uint64_t from = g.now_ms;
    pass(&g, 3600000);
    print_log(&g, from, "an idle server, in sight");
    /* the first half minute: health and metrics every 2 s, slots every second */
    assert_in_range(llm_asked(&g.server, "/health", from, from + 30000), 13, 16);
    assert_in_range(llm_asked(&g.server, "/slots", from, from + 30000), 27, 31);
    assert_in_range(llm_asked(&g.server, "/metrics", from, from + 30000), 13, 16);
    /* then nothing changes: every 10 s, metrics every 30 s */
    assert_in_range(llm_asked(&g.server, NULL, from + 60000, from + 120000), 13, 15);
    /* after ten minutes: twice a minute each, no metrics */
    assert_in_range(llm_asked(&g.server, NULL, from + 1200000, from + 1260000), 3, 5);
    assert_int_equal(llm_asked(&g.server, "/metrics", from + 1200000, UINT64_MAX), 0);
    assert_in_range(llm_asked(&g.server, NULL, from, from + 3600000), 200, 480);
    assert_int_equal(llm_asked(&g.server, "/v1/models", from, UINT64_MAX), 0);
    /* something stirs: looked at within two seconds, then fast again */
    g.server.busy = 1;
    for (int i = 0; i < 50; i++) {
        watcher_poke(g.w);
    }
    loop_turn(g.loop, false);
    while (g.server.in_flight > 0 || g.due_ms == UINT64_MAX) {
        loop_turn(g.loop, true);
    }
    pass(&g, 2000);
    assert_int_equal(view(&g)->slots_busy, 1);
    from = g.now_ms;
    pass(&g, 10000);
    assert_in_range(llm_asked(&g.server, "/slots", from, from + 10000), 9, 11);
    rig_close(&g);
}

static void test_idle_hour_unseen(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    settle(&g); /* one look, as a verb takes it */
    expect(&g, INFERENCE_READY, INFERENCE_LLAMA, "/m/Qwen3-8B.gguf", 20480);
    assert_int_equal(g.server.count, 3); /* health, models, props */
    assert_int_equal(g.due_ms, UINT64_MAX);
    pass(&g, 3600000);
    assert_int_equal(g.server.count, 3);
    assert_false(watcher_is_fresh(g.w, 15000));
    show(&g);
    assert_true(watcher_is_fresh(g.w, 15000));
    assert_true(view(&g)->has_slots);
    watcher_show(g.w, false);
    int count = g.server.count;
    g.due_ms = UINT64_MAX;
    settle(&g);
    assert_in_range(g.server.count, count + 2, count + 3); /* the look itself */
    count = g.server.count;
    pass(&g, 3600000);
    assert_int_equal(g.server.count, count);
    rig_close(&g);
}

/* llama-server may unload its model while nobody asks: our looks do not keep it awake. */
static void test_idle_hour_sleeper(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    g.server.may_sleep = true;
    show(&g);
    uint64_t from = g.now_ms;
    pass(&g, 3600000);
    print_log(&g, from, "one that may fall asleep");
    assert_int_equal(llm_asked(&g.server, "/slots", from + 660000, UINT64_MAX), 0);
    assert_int_equal(llm_asked(&g.server, "/metrics", from + 660000, UINT64_MAX), 0);
    assert_false(view(&g)->has_slots); /* nothing is said that is not known */
    g.server.asleep = true;
    pass(&g, 31000);
    assert_true(view(&g)->sleeping);
    assert_int_equal(view(&g)->state, INFERENCE_READY);
    int slots = llm_asked(&g.server, "/slots", 0, UINT64_MAX);
    pass(&g, 600000);
    assert_int_equal(llm_asked(&g.server, "/slots", 0, UINT64_MAX), slots);
    g.server.asleep = false;
    g.server.busy = 1;
    pass(&g, 31000);
    assert_false(view(&g)->sleeping);
    assert_int_equal(view(&g)->slots_busy, 1);
    rig_close(&g);
}

/* No server, nobody to miss: a look every ten seconds, later every thirty. */
static void test_idle_hour_down(void **state)
{
    (void)state;
    struct rig g;
    rig_open(&g, LLM_LLAMA);
    g.server.manner = LLM_HANG_UP;
    show(&g);
    uint64_t from = g.now_ms;
    pass(&g, 3600000);
    print_log(&g, from, "nobody answers");
    assert_in_range(llm_asked(&g.server, NULL, from, from + 3600000), 100, 180);
    assert_int_equal(g.changes, 1);
    rig_close(&g);
}

/* --- ends --- */

/* Closed with a request in flight, with a look, with both. */
static void test_close(void **state)
{
    (void)state;
    for (int turns = 0; turns < 12; turns++) {
        struct rig g;
        rig_open(&g, LLM_LLAMA);
        g.server.manner = turns % 2 == 0 ? LLM_CALM : LLM_HANG;
        watcher_show(g.w, true);
        watcher_look(g.w, on_look, &g);
        struct watcher_look *l = watcher_look(g.w, on_look, &g);
        for (int i = 0; i < turns; i++) {
            loop_turn(g.loop, false);
        }
        if (g.looks == 0) {
            watcher_look_cancel(l);
            assert_int_equal(g.looks, 0);
            while (g.looks == 0) {
                loop_turn(g.loop, true);
            }
        }
        rig_close(&g);
    }
}

/* --- in the engine --- */

static bool has_slots(struct world *w)
{
    return model_inference_at(w->model, 0)->has_slots;
}

static bool has_word(struct world *w)
{
    return model_inference_at(w->model, 0)->state == INFERENCE_FOREIGN;
}

/* The value of a variable in what the fake backend ran last, or "". */
static const char *last_env(const struct world *w, const char *name)
{
    const char *value = strvec_getenv(&w->fake.last_env, name);
    return value != NULL ? value : "";
}

/* The engine looks once, and goes on looking while somebody sees it; what runs inside gets model and window; the key
 * is in nobody's environment. */
static void test_engine(void **state)
{
    (void)state;
    struct world w;
    struct llm_server s;
    world_open(&w);
    llm_open(&s, w.loop, LLM_LLAMA);
    s.key = KEY;
    w.config.server_port = s.port;
    setenv("MUTHR_SERVER_KEY", KEY, 1);
    world_engine(&w);
    assert_null(getenv("MUTHR_SERVER_KEY"));
    const struct inference_view *v = model_inference_at(w.model, 0);
    assert_int_equal(v->state, INFERENCE_READY);
    assert_string_equal(v->model, "/m/Qwen3-8B.gguf");
    assert_false(v->has_slots);
    assert_int_equal(s.count, 3);
    engine_watch_inference(w.engine, (size_t[]){0}, 1);
    world_until(&w, has_slots);
    s.manner = LLM_HTML; /* two seconds later it is something else */
    world_until(&w, has_word);
    engine_watch_inference(w.engine, NULL, 0);
    s.manner = LLM_CALM;
    world_run(&w, ENGINE_PROVISION, "muthr-api", "p"); /* step_model looks for itself */
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(last_env(&w, "MUTHR_MODEL_NAME"), "Qwen3-8B.gguf");
    assert_string_equal(last_env(&w, "MUTHR_CTX_WINDOW"), "20480");
    assert_string_equal(last_env(&w, "MUTHR_SERVER_KEY"), "");
    assert_true(s.most_in_flight <= 1);
    engine_watch_inference(w.engine, (size_t[]){0}, 1); /* closed with a timer that runs, and perhaps a request */
    world_close_engine(&w, false);
    llm_close(&s);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_501),
        cmocka_unit_test(test_work),
        cmocka_unit_test(test_counters_reset),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_loading),
        cmocka_unit_test(test_down_and_up),
        cmocka_unit_test(test_looked_at_again),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_misbehaviour),
        cmocka_unit_test(test_late_slots),
        cmocka_unit_test(test_idle_hour),
        cmocka_unit_test(test_idle_hour_unseen),
        cmocka_unit_test(test_idle_hour_sleeper),
        cmocka_unit_test(test_idle_hour_down),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
