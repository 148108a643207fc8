/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/env.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static struct env_input good(void)
{
    return (struct env_input){.gateway = "10.0.2.2",
                              .server_port = 8080,
                              .model = "Qwen3.5-9B",
                              .context = 32768,
                              .workspace_mount = "/workspace",
                              .specs_rev = "abc",
                              .runtime = "llama",
                              .backend = "bwrap"};
}

static void test_set(void **state)
{
    (void)state;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct error err = ERROR_INIT;
    struct env_input in = good();
    assert_int_equal(env_build(&in, &env, &err), 0);
    static const char *const WANT[][2] = {{"MUTHR_INFERENCE_URL", "http://10.0.2.2:8080/v1"},
                                          {"MUTHR_OPENAI_URL", "http://10.0.2.2:8080/v1"},
                                          {"MUTHR_MODEL_NAME", "Qwen3.5-9B"},
                                          {"MUTHR_CTX_WINDOW", "32768"},
                                          {"MUTHR_WORKSPACE_MOUNT", "/workspace"},
                                          {"MUTHR_SPECS_REV", "abc"},
                                          {"MUTHR_CONTAINER_HOST_GATEWAY", "10.0.2.2"},
                                          {"MUTHR_SEARXNG_URL", "http://10.0.2.2:18766"},
                                          {"MUTHR_MCP_BRIDGE_URL", "http://10.0.2.2:18765"},
                                          {"MUTHR_ENGINE_RUNTIME", "llama"},
                                          {"MUTHR_BACKEND", "bwrap"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(WANT); i++) {
        assert_string_equal(strvec_getenv(&env, WANT[i][0]), WANT[i][1]);
    }
    in.gateway = "fd00::1";
    in.context = 0;
    assert_int_equal(env_build(&in, &env, &err), 0);
    assert_string_equal(strvec_getenv(&env, "MUTHR_OPENAI_URL"), "http://[fd00::1]:8080/v1");
    assert_string_equal(strvec_getenv(&env, "MUTHR_CTX_WINDOW"), "131072");
}

static void expect_refused(const struct env_input *in, const char *field)
{
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct error err = ERROR_INIT;
    assert_int_equal(env_build(in, &env, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    if (strstr(err.msg, field) == NULL) {
        fail_msg("\"%s\" does not name %s", err.msg, field);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    struct env_input in = good();
    in.model = "";
    expect_refused(&in, "MUTHR_MODEL_NAME");
    in.model = "a model";
    expect_refused(&in, "MUTHR_MODEL_NAME");
    in.model = "x$(id)";
    expect_refused(&in, "MUTHR_MODEL_NAME");
    in = good();
    in.specs_rev = "a\nb";
    expect_refused(&in, "MUTHR_SPECS_REV");
    in = good();
    in.workspace_mount = "/w\r";
    expect_refused(&in, "MUTHR_WORKSPACE_MOUNT");
    in = good();
    in.runtime = "a;b";
    expect_refused(&in, "MUTHR_ENGINE_RUNTIME");
    const char *gateways[] = {"", "a b", "host/path", "user@host", "x\"", "tab\t"};
    for (size_t i = 0; i < MT_ARRAY_LEN(gateways); i++) {
        in = good();
        in.gateway = gateways[i];
        expect_refused(&in, "MUTHR_CONTAINER_HOST_GATEWAY");
    }
    static const char *const BAD[] = {"NOEQ", "=x", "A B=x", "1A=x", "A-B=x", "A=a\nb", "A=\r"};
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        MT_CLEANUP(strvec) struct strvec extra = STRVEC_INIT, out = STRVEC_INIT;
        strvec_push(&extra, BAD[i]);
        assert_int_equal(env_add_extra(&extra, &out, NULL), -1);
        assert_int_equal(out.len, 0);
    }
    MT_CLEANUP(strvec) struct strvec extra = STRVEC_INIT, out = STRVEC_INIT;
    strvec_pushl(&extra, "A=1", "B=x=y", "A=2", "EMPTY=", NULL);
    assert_int_equal(env_add_extra(&extra, &out, NULL), 0);
    assert_string_equal(strvec_getenv(&out, "A"), "2");
    assert_string_equal(strvec_getenv(&out, "B"), "x=y");
    assert_string_equal(strvec_getenv(&out, "EMPTY"), "");
    assert_int_equal(env_add_extra(NULL, &out, NULL), 0);
}

static void test_host_variables(void **state)
{
    (void)state;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    setenv("TERM", "xterm-256color", 1);
    setenv("LANG", "de_DE.UTF-8\n", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "secret", 1);
    setenv("NO_COLOR", "1", 1);
    env_add_host(&env);
    assert_string_equal(strvec_getenv(&env, "TERM"), "xterm-256color");
    assert_string_equal(strvec_getenv(&env, "NO_COLOR"), "1");
    assert_null(strvec_getenv(&env, "LANG"));
    assert_null(strvec_getenv(&env, "AWS_SECRET_ACCESS_KEY"));
    assert_null(strvec_getenv(&env, "HOME"));
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("LANG");
}

static void test_fallbacks(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct config c;
    char model[160], gateway[64];
    const char *source;
    bool reachable;
    assert_int_equal(config_load(&c, &t.paths, NULL), 0);
    env_fallback_model(&c, &t.paths, NULL, model, &source);
    assert_string_equal(model, "local-model");
    assert_string_equal(source, "default");
    free(c.model);
    c.model = xstrdup("from-config");
    env_fallback_model(&c, &t.paths, NULL, model, &source);
    assert_string_equal(model, "from-config");
    temphome_write(&t, ".cache/muthr/active-preset-name-mlxcel", "org/preset-model\n");
    env_fallback_model(&c, &t.paths, NULL, model, &source);
    assert_string_equal(model, "preset-model");
    assert_string_equal(source, "preset");
    assert_string_equal(env_runtime(&t.paths), "mlxcel");
    temphome_write(&t, ".config/muthr/provider.d/fast.ini", "model = org/of-the-preset\n");
    temphome_write(&t, ".cache/muthr/active-preset-name-mlxcel", "fast\n");
    env_fallback_model(&c, &t.paths, NULL, model, &source);
    assert_string_equal(model, "of-the-preset");
    assert_string_equal(source, "preset");
    temphome_write(&t, ".cache/muthr/active-preset-name-mlxcel", "not a name!\n");
    env_fallback_model(&c, &t.paths, NULL, model, &source);
    assert_string_equal(source, "config");
    env_gateway(&c, NET_SHARED, "", gateway, &reachable);
    assert_string_equal(gateway, "127.0.0.1");
    assert_true(reachable);
    env_gateway(&c, NET_FULL, "", gateway, &reachable);
    assert_false(reachable); /* said, not hidden */
    free(c.container_host_gateway);
    c.container_host_gateway = xstrdup("192.168.1.5");
    env_gateway(&c, NET_FULL, "", gateway, &reachable);
    assert_string_equal(gateway, "192.168.1.5");
    assert_true(reachable);
    env_gateway(&c, NET_NONE, "", gateway, &reachable);
    assert_false(reachable);
    config_release(&c);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_set), cmocka_unit_test(test_refusals),
                                       cmocka_unit_test(test_host_variables), cmocka_unit_test(test_fallbacks)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
