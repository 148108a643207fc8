/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/model/config_inference.h"
#include "core/util/toml.h"
#include "core/util/xmalloc.h"
#include "tests/engine/fake.h"
#include "tests/engine/llm_server.h"

#define SERVERS 3

/* A world with a default endpoint and two others, each with a server of its own. */
struct rig {
    struct world w;
    struct llm_server s[SERVERS];
};

/* Takes endpoints from a text. */
static void take(struct config *c, const char *text)
{
    struct error err = ERROR_INIT;
    struct toml *t = toml_parse(text, strlen(text), "test", &err);
    assert_non_null(t);
    config_inference_apply(c, toml_get(t, "inference"));
    toml_free(t);
    assert_int_equal(c->warning_count, 0);
}

static void rig_open(struct rig *r)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    world_open(&r->w);
    for (int i = 0; i < SERVERS; i++) {
        llm_open(&r->s[i], r->w.loop, i == 2 ? LLM_VLLM : LLM_LLAMA);
    }
    r->w.config.server_port = r->s[0].port;
    strbuf_addf(&text,
                "[[inference]]\nname = \"one\"\nhost = \"127.0.0.1\"\nport = %d\nkey_env = \"ONE_KEY\"\n"
                "sandboxes = [\"api\"]\n[[inference]]\nname = \"two\"\nurl = \"http://localhost:%d\"\n"
                "profiles = [\"cut\"]\n",
                r->s[1].port, r->s[2].port);
    take(&r->w.config, text.buf);
}

static void rig_close(struct rig *r)
{
    world_close_engine(&r->w, false);
    for (int i = 0; i < SERVERS; i++) {
        llm_close(&r->s[i]);
    }
    world_close(&r->w);
}

/* The value of a variable in what the fake backend ran last, or "". */
static const char *last_env(const struct rig *r, const char *name)
{
    const char *value = strvec_getenv(&r->w.fake.last_env, name);
    return value != NULL ? value : "";
}

/* ".../PORT/v1"? */
static void expect_port(const struct rig *r, int port)
{
    char end[40];
    str_format(end, sizeof(end), ":%d/v1", port);
    assert_non_null(strstr(last_env(r, "MUTHR_INFERENCE_URL"), end));
    assert_string_equal(last_env(r, "MUTHR_INFERENCE_URL"), last_env(r, "MUTHR_OPENAI_URL"));
}

/* Each sandbox's programs are told of its own endpoint; one that nobody needs is not asked. */
static void test_environment(void **state)
{
    (void)state;
    static struct rig r;
    rig_open(&r);
    r.s[1].key = "one-key-1234";
    setenv("ONE_KEY", "one-key-1234", 1);
    world_engine(&r.w);
    assert_null(getenv("ONE_KEY"));
    assert_true(r.s[0].count > 0);
    assert_int_equal(r.s[1].count, 0);
    world_run(&r.w, ENGINE_PROVISION, "muthr-web", "p");
    assert_int_equal(r.w.last.state, OP_DONE);
    expect_port(&r, r.s[0].port);
    assert_int_equal(r.s[1].count, 0);
    world_run(&r.w, ENGINE_PROVISION, "muthr-api", "p");
    expect_port(&r, r.s[1].port);
    assert_string_equal(last_env(&r, "MUTHR_MODEL_NAME"), "Qwen3-8B.gguf");
    assert_true(r.s[1].count > 0 && r.s[1].saw_key && r.s[1].most_in_flight == 1);
    assert_string_equal(last_env(&r, "ONE_KEY"), "");
    assert_int_equal(r.s[2].count, 0);
    world_run(&r.w, ENGINE_PROVISION, "muthr-docs", "cut"); /* by its profile */
    expect_port(&r, r.s[2].port);
    assert_int_equal(model_inference_index(r.w.model, world_ws(&r.w, "muthr-docs")), 2);
    assert_int_equal(model_inference_at(r.w.model, 2)->kind, INFERENCE_VLLM);
    rig_close(&r);
}

static bool two_is_known(struct world *w)
{
    return model_inference_at(w->model, 1)->has_slots && model_inference_at(w->model, 2)->state == INFERENCE_READY;
}

/* Those in sight are watched, each by itself: one that hangs holds no other up. */
static void test_watching(void **state)
{
    (void)state;
    static struct rig r;
    rig_open(&r);
    world_engine(&r.w);
    int before = r.s[0].count;
    engine_watch_inference(r.w.engine, (size_t[]){1, 2}, 2);
    world_until(&r.w, two_is_known);
    assert_int_equal(r.s[0].count, before);
    r.s[1].manner = LLM_HANG;
    int one = r.s[1].count, two = r.s[2].count;
    while (r.s[1].count == one || r.s[2].count == two) {
        loop_turn(r.w.loop, true);
    }
    assert_int_equal(r.s[1].most_in_flight, 1);
    assert_int_equal(r.s[2].most_in_flight, 1);
    assert_int_equal(r.s[0].count, before);
    engine_watch_inference(r.w.engine, NULL, 0);
    rig_close(&r);
}

static bool one_is_foreign(struct world *w)
{
    return model_inference_at(w->model, 1)->state == INFERENCE_FOREIGN;
}

/* Settings that are read again: what stays is not asked anew, what is gone is asked no more, and who uses another one
 * from now on is told, of those that run. */
static void test_reload(void **state)
{
    (void)state;
    static struct rig r;
    MT_CLEANUP(strvec) struct strvec moved = STRVEC_INIT;
    rig_open(&r);
    world_engine(&r.w);
    world_run(&r.w, ENGINE_START, "muthr-api", "base");
    engine_watch_inference(r.w.engine, (size_t[]){1, 2}, 2);
    world_until(&r.w, two_is_known);
    struct config old = r.w.config;
    int asked[SERVERS] = {r.s[0].count, r.s[1].count, r.s[2].count};
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "[[inference]]\nname = \"two\"\nhost = \"localhost\"\nport = %d\nsandboxes = [\"*\"]\n",
                r.s[2].port);
    r.w.config.inference = NULL;
    r.w.config.inference_count = 0;
    take(&r.w.config, text.buf);
    engine_reload_inference(r.w.engine, &moved);
    assert_int_equal(moved.len, 1);
    assert_non_null(strstr(moved.v[0], "api: two (localhost:"));
    assert_int_equal(model_inference_count(r.w.model), 2);
    assert_int_equal(model_inference_at(r.w.model, 1)->state, INFERENCE_READY); /* it was known */
    engine_watch_inference(r.w.engine, (size_t[]){1}, 1);
    r.s[2].manner = LLM_HTML;
    world_until(&r.w, one_is_foreign);
    assert_true(r.s[1].count <= asked[1] + 1); /* what was on its way */
    assert_int_equal(r.s[0].count, asked[0]);
    r.s[2].manner = LLM_CALM;
    world_run(&r.w, ENGINE_PROVISION, "muthr-api", "p");
    expect_port(&r, r.s[2].port);
    strvec_clear(&moved);
    engine_reload_inference(r.w.engine, &moved); /* the same again */
    assert_int_equal(moved.len, 0);
    world_close_engine(&r.w, false);
    config_inference_drop(&old);
    for (int i = 0; i < SERVERS; i++) {
        llm_close(&r.s[i]);
    }
    world_close(&r.w);
}

/* An endpoint elsewhere is told as it is; the network "model" does not reach it, and that is said before anything is
 * made. */
static void test_elsewhere(void **state)
{
    (void)state;
    struct world w;
    world_open(&w);
    w.fake.probe.caps |= BACKEND_CAP_NET_MODEL;
    take(&w.config,
         "[[inference]]\nname = \"far\"\nhost = \"255.255.255.255\"\nport = 99\nmodel = \"m-1\"\n"
         "sandboxes = [\"a*\"]\n[[inference]]\nname = \"six\"\nhost = \"2001:db8::7\"\nsandboxes = [\"web\"]\n");
    world_engine(&w);
    world_run(&w, ENGINE_PROVISION, "muthr-api", "p");
    assert_int_equal(w.last.state, OP_DONE);
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_INFERENCE_URL"), "http://255.255.255.255:99/v1");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_MODEL_NAME"), "m-1");
    assert_string_not_equal(strvec_getenv(&w.fake.last_env, "MUTHR_CONTAINER_HOST_GATEWAY"), "255.255.255.255");
    world_run(&w, ENGINE_PROVISION, "muthr-web", "p");
    assert_string_equal(strvec_getenv(&w.fake.last_env, "MUTHR_INFERENCE_URL"), "http://[2001:db8::7]:8080/v1");
    world_run(&w, ENGINE_DELETE, "muthr-api", NULL);
    struct engine_request req = {
        .plan = ENGINE_START, .sandbox = "muthr-api", .profile = "base", .net = NET_MODEL, .net_given = true};
    int done = w.done;
    world_request(&w, &req);
    world_wait(&w, done + 1);
    assert_int_equal(w.last.state, OP_FAILED);
    assert_non_null(strstr(w.last.error.msg, "endpoint far on 255.255.255.255"));
    req.sandbox = "muthr-docs"; /* it uses the default one, here */
    world_request(&w, &req);
    world_wait(&w, done + 2);
    assert_string_equal(w.last.error.msg, "");
    assert_int_equal(w.last.state, OP_DONE);
    world_close(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_environment),
        cmocka_unit_test(test_watching),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_elsewhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
