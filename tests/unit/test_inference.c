/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of core/inference, each with shapes of the servers it reads: where a shape comes from stands beside it.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/inference/apikey.h"
#include "core/inference/metrics.h"
#include "core/inference/models.h"
#include "core/inference/ollama.h"
#include "core/inference/prom.h"
#include "core/inference/props.h"
#include "core/inference/rate.h"
#include "core/inference/slots.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

/* --- /v1/models --- */

static void expect_models(const char *body, bool listed, const char *model, uint64_t context)
{
    struct models_answer a;
    models_parse(body, strlen(body), &a);
    assert_int_equal(a.listed, listed);
    assert_string_equal(a.model, model);
    assert_int_equal(a.context, context);
}

static void test_models(void **state)
{
    (void)state;
    /* I2: each place, in order */
    expect_models("{\"data\":[{\"id\":\"a/b\",\"context_window\":4096},{\"id\":\"c\"}]}", true, "a/b", 4096);
    expect_models("{\"data\":[{\"id\":\"m\",\"meta\":{\"n_ctx\":8192}}]}", true, "m", 8192);
    expect_models("{\"data\":[{\"id\":\"m\",\"limits\":{\"context\":\"16384\"}}]}", true, "m", 16384);
    expect_models("{\"data\":[{\"id\":\"m\",\"capabilities\":{\"input_token_limit\":5}}]}", true, "m", 5);
    expect_models("{\"data\":[{\"id\":\"m\",\"n_ctx\":0,\"max_input_tokens\":7}]}", true, "m", 7);
    expect_models("{\"data\":[{\"id\":\"m\"}],\"context_length\":9}", true, "m", 9);
    expect_models("{\"data\":[{\"id\":\"m\",\"n_ctx\":-3}]}", true, "m", 0);
    expect_models("{\"data\":[{\"id\":\"m\",\"n_ctx\":\"12x\"}]}", true, "m", 0);
    expect_models("{\"data\":[{\"id\":\"m\",\"n_ctx\":1e300}]}", true, "m", 0);
    expect_models("{\"data\":[{},{\"id\":7},{\"id\":\"late\"}]}", true, "late", 0);
    /* llama-server b4000 (its README): no n_ctx, and n_ctx_train says nothing about what is used */
    expect_models(
        "{\"object\":\"list\",\"data\":[{\"id\":\"../models/q.gguf\",\"object\":\"model\",\"created\":1735142223,"
        "\"owned_by\":\"llamacpp\",\"meta\":{\"vocab_type\":2,\"n_vocab\":128256,\"n_ctx_train\":131072}}]}",
        true, "../models/q.gguf", 0);
    /* mlxcel-server: n_ctx 0 is the model's own */
    expect_models("{\"object\":\"list\",\"data\":[{\"id\":\"q\",\"owned_by\":\"llamacpp\",\"meta\":{\"n_ctx\":0,"
                  "\"n_ctx_train\":40960}}]}",
                  true, "q", 40960);
    /* vLLM 0.9 (docs, serving/openai_compatible_server) */
    expect_models("{\"object\":\"list\",\"data\":[{\"id\":\"Qwen/Qwen3\",\"object\":\"model\",\"owned_by\":\"vllm\","
                  "\"root\":\"Qwen/Qwen3\",\"parent\":null,\"max_model_len\":32768,\"permission\":[]}]}",
                  true, "Qwen/Qwen3", 32768);
    /* Ollama without a model (docs/openai.md; data is null) */
    expect_models("{\"object\":\"list\",\"data\":null}", true, "", 0);
    expect_models("{\"data\":[]}", false, "", 0);
    expect_models("{\"data\":{\"id\":\"m\"}}", false, "", 0);
    expect_models("<html>", false, "", 0);
    expect_models("", false, "", 0);
    struct models_answer a;
    const char *hostile = "{\"data\":[{\"id\":\"\\u001b[31mred\\n\"}]}";
    models_parse(hostile, strlen(hostile), &a);
    assert_null(strchr(a.model, 0x1b));
    assert_null(strchr(a.model, '\n'));
}

/* --- /props --- */

static void test_props(void **state)
{
    (void)state;
    struct props_answer a;
    /* llama-server b6000 (its README) */
    const char *old = "{\"default_generation_settings\":{\"id\":0,\"n_ctx\":1024,\"params\":{}},\"total_slots\":4,"
                      "\"model_path\":\"/models/Qwen3.gguf\",\"chat_template\":\"...\",\"build_info\":\"b6000\"}";
    props_parse(old, strlen(old), &a);
    assert_true(a.known);
    assert_int_equal(a.context, 1024);
    assert_int_equal(a.slots, 4);
    assert_string_equal(a.model, "Qwen3.gguf");
    assert_false(a.may_sleep);
    /* b8681, with an alias, and asleep */
    const char *new = "{\"default_generation_settings\":{\"n_ctx\":65536},\"total_slots\":4,\"model_alias\":\"u/Q\","
                      "\"model_path\":\"/x\",\"is_sleeping\":true}";
    props_parse(new, strlen(new), &a);
    assert_true(a.may_sleep && a.sleeping);
    assert_string_equal(a.model, "u/Q");
    static const char *const BAD[] = {"",
                                      "[]",
                                      "{}",
                                      "<html>",
                                      "{\"total_slots\":-1}",
                                      "{\"default_generation_settings\":7}",
                                      "{\"error\":{\"code\":404}}"};
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        props_parse(BAD[i], strlen(BAD[i]), &a);
        assert_false(a.known);
    }
}

/* --- /slots --- */

static void parse_slots(const char *body, struct slots_answer *a)
{
    slots_parse(body, strlen(body), a);
}

static void test_slots(void **state)
{
    (void)state;
    struct slots_answer a;
    /* llama-server b10621: next_token is a list of one; a slot that never worked has no counts */
    parse_slots("[{\"id\":0,\"id_task\":7,\"n_ctx\":65536,\"speculative\":false,\"is_processing\":true,"
                "\"n_prompt_tokens\":40000,\"n_prompt_tokens_processed\":900,\"n_prompt_tokens_cache\":39000,"
                "\"params\":{},\"next_token\":[{\"has_next_token\":true,\"n_remain\":-1,\"n_decoded\":1000}]},"
                "{\"id\":1,\"n_ctx\":65536,\"speculative\":false,\"is_processing\":false}]",
                &a);
    assert_true(a.known);
    assert_int_equal(a.total, 2);
    assert_int_equal(a.busy, 1);
    assert_int_equal(a.entries[0].slot.used, 41000);
    assert_int_equal(a.entries[0].slot.progress, -1); /* it writes: the prompt is read */
    assert_int_equal(a.entries[0].written, 1000);
    assert_int_equal(a.entries[1].task, -1);
    struct inference_view v;
    inference_view_init(&v);
    slots_show(&a, &v);
    assert_int_equal(v.used, 41000);
    assert_int_equal(v.room, 131072);
    assert_int_equal(v.full_used, 41000);
    assert_int_equal(v.full_window, 65536);
    /* b6500: an object; here in the middle of reading its prompt */
    parse_slots("[{\"id\":0,\"id_task\":7,\"n_ctx\":4096,\"is_processing\":true,\"n_prompt_tokens\":1100,"
                "\"n_prompt_tokens_processed\":450,\"n_prompt_tokens_cache\":100,\"next_token\":{\"n_decoded\":0}}]",
                &a);
    assert_int_equal(a.entries[0].slot.progress, 45);
    assert_int_equal(a.entries[0].slot.used, 1100);
    slots_show(&a, &v);
    assert_int_equal(v.progress, 45);
    /* before b4200: state and n_past, and the prompt in it */
    parse_slots("[{\"id\":0,\"task_id\":3,\"state\":1,\"n_ctx\":512,\"n_past\":300,\"prompt\":\"secret text\","
                "\"next_token\":{\"n_decoded\":20}},{\"id\":1,\"state\":0,\"n_ctx\":512}]",
                &a);
    assert_int_equal(a.busy, 1);
    assert_int_equal(a.entries[0].slot.used, 300);
    assert_int_equal(a.entries[0].task, 3);
    parse_slots("[{\"id\":0,\"n_ctx\":100,\"is_processing\":true,\"n_prompt_tokens\":90,"
                "\"next_token\":[{\"n_decoded\":90}]}]",
                &a);
    assert_int_equal(a.entries[0].slot.used, 100); /* never more than there is */
    parse_slots("[{\"id\":0,\"n_ctx\":0,\"is_processing\":false}]", &a);
    slots_show(&a, &v);
    assert_int_equal(v.room, 0); /* unknown */
    parse_slots("[]", &a);
    assert_true(a.known);
    assert_int_equal(a.total, 0);
    static const char *const BAD[] = {"", "{}", "[1]", "[{}", "<html>", "{\"error\":{\"code\":501}}", "[null]"};
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        parse_slots(BAD[i], &a);
        assert_false(a.known);
    }
}

static void test_slots_many(void **state)
{
    (void)state;
    struct slots_answer a;
    struct inference_view v;
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    strbuf_addch(&b, '[');
    for (int i = 0; i < 300; i++) {
        strbuf_addf(&b, "%s{\"id\":%d,\"n_ctx\":10,\"is_processing\":true}", i > 0 ? "," : "", i);
    }
    strbuf_addch(&b, ']');
    slots_parse(b.buf, b.len, &a);
    assert_int_equal(a.total, 300);
    assert_int_equal(a.busy, 300);
    assert_int_equal(a.count, INFERENCE_SLOTS_MAX);
    slots_show(&a, &v);
    assert_int_equal(v.room, 0); /* not of all of them */
}

/* Prompts are gone before anything is parsed, whatever is in them. */
static void test_slots_strip(void **state)
{
    (void)state;
    MT_CLEANUP(strbuf) struct strbuf in = STRBUF_INIT, out = STRBUF_INIT;
    strbuf_addstr(&in, "[{\"id\":3,\"is_processing\":true,\"prompt\":\"");
    for (int i = 0; i < 5000; i++) {
        strbuf_addstr(&in, "my \\\"secret\\\" }],[ \\\\");
    }
    strbuf_addstr(&in, "\",\"n_ctx\":77}]");
    slots_strip(in.buf, in.len, &out);
    assert_string_equal(out.buf, "[{\"id\":3,\"is_processing\":true,\"prompt\":\"\",\"n_ctx\":77}]");
    struct slots_answer a;
    slots_parse(in.buf, in.len, &a);
    assert_int_equal(a.entries[0].slot.window, 77);
    for (size_t n = 0; n < 200; n++) { /* cut anywhere: never read past the end */
        strbuf_clear(&out);
        slots_strip(in.buf, n, &out);
        assert_true(out.len <= n);
    }
}

/* --- /metrics --- */

static void test_prom(void **state)
{
    (void)state;
    static const char TEXT[] = "# HELP a b\n# TYPE a counter\n"
                               "a 1\n  b:c_total{x=\"y\",z=\"}\\\"\"} 2.5 1700000000000\r\n"
                               "nan NaN\ninf +Inf\nbroken{x=\"y\nempty\n9x 1\nd 1x\n = 3\nlast 1e3";
    struct prom p;
    struct prom_sample s;
    prom_init(&p, TEXT, sizeof(TEXT) - 1);
    assert_true(prom_next(&p, &s));
    assert_string_equal(s.name, "a");
    assert_true(prom_next(&p, &s));
    assert_string_equal(s.name, "b:c_total");
    assert_true(s.value > 2.4 && s.value < 2.6);
    assert_true(prom_next(&p, &s) && isnan(s.value));
    assert_true(prom_next(&p, &s) && isinf(s.value));
    assert_true(prom_next(&p, &s));
    assert_string_equal(s.name, "last");
    assert_true(s.value > 999 && s.value < 1001);
    assert_false(prom_next(&p, &s));
    MT_CLEANUP(strbuf) struct strbuf many = STRBUF_INIT;
    for (int i = 0; i < PROM_LINES_MAX + 100; i++) {
        strbuf_addstr(&many, "a 1\n");
    }
    int n = 0;
    prom_init(&p, many.buf, many.len);
    while (prom_next(&p, &s)) {
        n++;
    }
    assert_int_equal(n, PROM_LINES_MAX);
}

static void test_metrics(void **state)
{
    (void)state;
    struct metrics_answer a;
    /* llama-server, its README (b10621) */
    const char *llama = "# TYPE llamacpp:tokens_predicted_total counter\nllamacpp:tokens_predicted_total 500\n"
                        "llamacpp:tokens_predicted_seconds_total 12.5\nllamacpp:requests_processing 2\n"
                        "llamacpp:requests_deferred 1\nllamacpp:predicted_tokens_seconds 40\n";
    metrics_parse(llama, strlen(llama), &a);
    assert_int_equal(a.kind, INFERENCE_LLAMA);
    assert_true(a.written > 499 && a.written_seconds > 12 && a.running > 1.9 && a.waiting > 0.9);
    assert_true(a.cache < 0 && a.written_live < 0);
    /* mlxcel-server shows both families */
    const char *mlxcel = "llamacpp:tokens_predicted_total 5\nllamacpp:requests_deferred 3\nmlxcel_queue_depth 3\n"
                         "mlxcel_slots_total 8\nmlxcel_slots_available 5\nmlxcel_batch_decode_tokens_total 900\n";
    metrics_parse(mlxcel, strlen(mlxcel), &a);
    assert_int_equal(a.kind, INFERENCE_MLXCEL);
    assert_true(a.slots_total > 7 && a.slots_free > 4 && a.written_live > 899);
    assert_true(a.waiting > 2.9 && a.waiting < 3.1); /* once */
    /* vLLM 0.8: gpu_cache_usage_perc; 0.10: kv_cache_usage_perc, one series per engine */
    const char *old =
        "vllm:num_requests_running{model_name=\"Q\"} 1.0\nvllm:gpu_cache_usage_perc{model_name=\"Q\"} 0.25\n";
    metrics_parse(old, strlen(old), &a);
    assert_int_equal(a.kind, INFERENCE_VLLM);
    assert_true(a.cache > 0.24 && a.cache < 0.26);
    const char *new = "vllm:kv_cache_usage_perc{engine=\"0\",model_name=\"Q\"} 0.5\n"
                      "vllm:kv_cache_usage_perc{engine=\"1\",model_name=\"Q\"} 0.7\n"
                      "vllm:num_requests_waiting{engine=\"0\"} 2\nvllm:num_requests_waiting{engine=\"1\"} 3\n"
                      "vllm:generation_tokens_total{engine=\"0\"} 100\nvllm:generation_tokens_total{engine=\"1\"} 50\n";
    metrics_parse(new, strlen(new), &a);
    assert_true(a.cache > 0.59 && a.cache < 0.61);
    assert_true(a.waiting > 4.9 && a.written_live > 149 && a.written_live < 151);
    const char *other =
        "process_cpu_seconds_total 1\nllamacpp:requests_processing NaN\nllamacpp:requests_deferred -4\n";
    metrics_parse(other, strlen(other), &a);
    assert_int_equal(a.kind, INFERENCE_ANY);
    assert_true(a.running < 0 && a.waiting < 0);
    metrics_parse("", 0, &a);
    assert_int_equal(a.kind, INFERENCE_ANY);
}

/* --- Ollama --- */

static void test_ollama(void **state)
{
    (void)state;
    struct ollama_loaded a;
    /* docs/api.md, 0.9 */
    const char *ps = "{\"models\":[{\"name\":\"qwen3:8b\",\"model\":\"qwen3:8b\",\"size\":5137025024,"
                     "\"expires_at\":\"2026-06-04T14:38:31Z\",\"size_vram\":5137025024,\"context_length\":8192}]}";
    ollama_parse_ps(ps, strlen(ps), &a);
    assert_true(a.known);
    assert_string_equal(a.model, "qwen3:8b");
    assert_int_equal(a.context, 8192);
    ollama_parse_ps("{\"models\":[]}", 13, &a);
    assert_true(a.known);
    assert_string_equal(a.model, "");
    ollama_parse_ps("404 page not found", 18, &a);
    assert_false(a.known);
    assert_true(ollama_is_version("{\"version\":\"0.9.0\"}", 19));
    assert_false(ollama_is_version("{\"version\":7}", 13));
    assert_false(ollama_is_version("<html>", 6));
}

/* --- rates --- */

static void test_rate(void **state)
{
    (void)state;
    struct rate r;
    rate_clear(&r);
    assert_false(rate_add(&r, 100, 10, 1000));
    assert_true(r.per_s < 0); /* one look is no rate */
    assert_false(rate_add(&r, 180, 12, 3000));
    assert_true(r.per_s > 39.9 && r.per_s < 40.1);
    assert_false(rate_add(&r, 180, 12, 5000));
    assert_true(r.per_s > 39.9); /* counts come when an answer is complete: kept for a while */
    assert_false(rate_add(&r, 180, 12, 14000));
    assert_true(r.per_s < 0);
    assert_true(rate_add(&r, 5, 0.1, 16000)); /* another program */
    assert_true(r.per_s < 0);
    assert_false(rate_add(&r, 5e9, 0.2, 18000));
    assert_true(r.per_s < 0); /* absurd */
    rate_clear(&r);
    rate_add(&r, 0, -1, 1000);
    rate_add(&r, 50, -1, 2000);
    assert_true(r.per_s > 49.9 && r.per_s < 50.1);
    rate_add(&r, 60, -1, 2050); /* too close to tell */
    assert_true(r.per_s > 49.9 && r.per_s < 50.1);
    rate_add(&r, 100, -1, 500); /* the clock went back */
    assert_true(r.per_s < 0);
    rate_add(&r, 130, -1, 1500);
    assert_true(r.per_s > 29.9 && r.per_s < 30.1);
    rate_add(&r, 1e6, -1, 86400000); /* or was set forward, or the machine slept */
    assert_true(r.per_s < 0);
    rate_add(&r, NAN, -1, 86401000);
    rate_add(&r, INFINITY, -1, 86402000);
    rate_add(&r, -1, -1, 86403000);
    assert_true(r.per_s < 0);
    rate_clear(&r); /* a slow one: a token every two seconds */
    for (uint64_t t = 0; t <= 20; t++) {
        rate_add(&r, (double)(t / 2), -1, 1000 + t * 1000);
    }
    assert_true(r.per_s > 0.45 && r.per_s < 0.55);
}

/* --- keys --- */

static void test_apikey(void **state)
{
    (void)state;
    struct temphome t;
    struct apikey k;
    struct error err = ERROR_INIT;
    temphome_open(&t);
    temphome_write(&t, "key", "  sk-secret-1 \r\nmore\n");
    MT_CLEANUP(xfree) char *path = path_join(t.dir, "key");
    chmod(path, 0600);
    unsetenv("TEST_KEY");
    assert_int_equal(apikey_read(&k, "TEST_KEY", path, &err), 0);
    assert_string_equal(k.text, "sk-secret-1");
    setenv("TEST_KEY", "from-env", 1);
    assert_int_equal(apikey_read(&k, "TEST_KEY", path, &err), 0);
    assert_string_equal(k.text, "from-env");
    setenv("TEST_KEY", "bad key\x01", 1);
    assert_int_equal(apikey_read(&k, "TEST_KEY", path, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    assert_null(strstr(err.msg, "bad key"));
    unsetenv("TEST_KEY");
    chmod(path, 0640);
    assert_int_equal(apikey_read(&k, "TEST_KEY", path, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    assert_null(strstr(err.msg, "secret"));
    assert_string_equal(k.text, "");
    assert_int_equal(apikey_read(&k, NULL, "/dev/null", &err), -1);
    assert_int_equal(apikey_read(&k, NULL, t.dir, &err), -1);
    assert_int_equal(apikey_read(&k, NULL, "/nonexistent/key", &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(apikey_read(&k, NULL, NULL, &err), 0);
    assert_string_equal(k.text, "");
    MT_CLEANUP(strbuf) struct strbuf long_key = STRBUF_INIT;
    for (int i = 0; i < 5000; i++) {
        strbuf_addch(&long_key, 'k');
    }
    temphome_write(&t, "key", long_key.buf);
    chmod(path, 0600);
    assert_int_equal(apikey_read(&k, NULL, path, &err), -1);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_models),     cmocka_unit_test(test_props),       cmocka_unit_test(test_slots),
        cmocka_unit_test(test_slots_many), cmocka_unit_test(test_slots_strip), cmocka_unit_test(test_prom),
        cmocka_unit_test(test_metrics),    cmocka_unit_test(test_ollama),      cmocka_unit_test(test_rate),
        cmocka_unit_test(test_apikey),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
