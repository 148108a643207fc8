/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/model/config_inference.h"
#include "core/model/model.h"
#include "core/util/json.h"
#include "core/util/strbuf.h"
#include "tests/unit/temphome.h"

/* Loads the settings `text`; they must load, whatever is wrong with an endpoint. */
static void load(struct temphome *t, struct config *c, const char *text)
{
    struct error err = ERROR_INIT;
    temphome_write(t, ".config/muthr/muthr.toml", text);
    if (config_load(c, &t->paths, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static const char GOOD[] = "server_port = 9000\n[[inference]]\nname = \"gpu\"\nurl = \"http://gpu1.example:8081/v1\"\n"
                           "key_env = \"GPU_KEY\"\nmodel = \"Qwen3-8B\"\nsandboxes = [\"web-*\", \"api\"]\n"
                           "[[inference]]\nname = \"six\"\nhost = \"::1\"\nport = 9090\nkey_file = \"~/k\"\n"
                           "sandboxes = [\"web-two\", \"*x?z\"]\nprofiles = [\"big*\"]\n[sandbox]\npids = 99\n";

static void test_good(void **state)
{
    struct temphome t;
    struct config c;
    (void)state;
    temphome_open(&t);
    load(&t, &c, GOOD);
    assert_int_equal(c.warning_count, 0);
    assert_int_equal(c.inference_count, 2);
    assert_string_equal(c.inference[0].host, "gpu1.example");
    assert_int_equal(c.inference[0].port, 8081);
    assert_string_equal(c.inference[0].key_env, "GPU_KEY");
    assert_string_equal(c.inference[0].model, "Qwen3-8B");
    assert_string_equal(c.inference[1].host, "::1");
    assert_int_equal(c.inference[1].port, 9090);
    static const struct {
        const char *project, *profile;
        size_t which;
    } cases[] = {
        {"web-one", "base", 1}, {"web-two", "base", 1}, /* the first that matches */
        {"api", "bigger", 1},   {"xyz", "", 2},         {"axbz", NULL, 2},      {"axz", "base", 0},
        {"other", "big", 2},    {"other", "base", 0},   {"Web-one", "base", 0}, {NULL, NULL, 0},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        assert_int_equal(config_inference_find(c.inference, c.inference_count, cases[i].project, cases[i].profile),
                         cases[i].which);
    }
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT, as_json = STRBUF_INIT;
    config_show(&c, false, &shown);
    config_show(&c, true, &as_json);
    assert_non_null(strstr(as_json.buf, "gpu1.example"));
    config_release(&c);
    load(&t, &c, shown.buf); /* what is shown can be read */
    assert_int_equal(c.warning_count, 0);
    assert_int_equal(c.inference_count, 2);
    assert_string_equal(c.inference[1].profiles.v[0], "big*");
    config_release(&c);
    temphome_close(&t);
}

/* A bad entry is a warning with its place; the others and the rest of the file stay. */
static void test_bad(void **state)
{
    static const struct {
        const char *entry, *warning;
    } cases[] = {
        {"host = \"a\"", ":1:1: inference.name: an endpoint needs a name"},
        {"name = \"GPU\"\nhost = \"a\"", ":2:8: inference.name: an endpoint needs a name"},
        {"name = \"default\"\nhost = \"a\"", ":2:8: inference.name: \"default\" is the one"},
        {"name = 3\nhost = \"a\"", ":2:8: inference.name: expected a string"},
        {"name = \"a\"", ":1:1: inference.host: an endpoint needs a host"},
        {"name = \"a\"\nhost = \"http://a\"", ":3:8: inference.host: expected a host name or an address"},
        {"name = \"a\"\nhost = \"a:80\"", ":3:8: inference.host: expected a host name or an address"},
        {"name = \"a\"\nhost = \"-a\"", ":3:8: inference.host: expected a host name"},
        {"name = \"a\"\nhost = \"0.0.0.0\"", ":3:8: inference.host: this is where servers listen"},
        {"name = \"a\"\nhost = \"a\"\nport = 0", ":4:8: inference.port: a port is between"},
        {"name = \"a\"\nhost = \"a\"\nport = \"80\"", ":4:8: inference.port: expected a whole number"},
        {"name = \"a\"\nurl = \"https://a:80\"", ":3:7: inference.url: https is not spoken here"},
        {"name = \"a\"\nurl = \"http://a:80/v2\"", ":3:7: inference.url: expected http://host:port and nothing"},
        {"name = \"a\"\nurl = \"http://u@a\"", ":3:7: inference.url: expected a host name"},
        {"name = \"a\"\nurl = \"http://a:\"", ":3:7: inference.url: a port is between"},
        {"name = \"a\"\nurl = \"http://a:99999999999999999999\"", ":3:7: inference.url: a port is between"},
        {"name = \"a\"\nurl = \"http://[::1\"", ":3:7: inference.url: expected http://host:port"},
        {"name = \"a\"\nurl = \"http://a\"\nport = 3", ":3:7: inference.url: give a url, or host and port"},
        {"name = \"a\"\nhost = \"a\"\nkey_env = \"PATH\"", ":4:11: inference.key_env: expected the name of a variable"},
        {"name = \"a\"\nhost = \"a\"\nmodel = \"a b\"", ":4:9: inference.model: only letters"},
        {"name = \"a\"\nhost = \"a\"\nsandboxes = \"x\"", ":4:13: inference.sandboxes: expected a list of names"},
        {"name = \"a\"\nhost = \"a\"\nprofiles = [\"x\", 3]", ":4:18: inference.profiles: expected a name"},
    };
    struct temphome t;
    struct config c;
    (void)state;
    temphome_open(&t);
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        strbuf_addf(&text, "[[inference]]\n%s\n[[inference]]\nname = \"good\"\nhost = \"h\"\n[sandbox]\npids = 77\n",
                    cases[i].entry);
        load(&t, &c, text.buf);
        if (c.warning_count != 1 || strstr(c.warnings[0].text, cases[i].warning) == NULL) {
            fail_msg("%s: %zu warnings, %s", cases[i].entry, c.warning_count,
                     c.warning_count > 0 ? c.warnings[0].text : "");
        }
        assert_int_equal(c.inference_count, 1);
        assert_string_equal(c.inference[0].name, "good");
        assert_int_equal(c.inference[0].port, 8080);
        assert_int_equal(c.pids, 77);
        config_release(&c);
    }
    static const char *const odd[] = {"inference = 3\n", "inference = [1]\n", "[inference]\nname = \"a\"\n",
                                      "[[inference]]\nname = \"a\"\nhost = \"a\"\nspeed = 1\n",
                                      ("[[inference]]\nname = \"a\"\nhost = \"a\"\n[[inference]]\nname = \"a\"\nhost = "
                                       "\"b\"\n")};
    for (size_t i = 0; i < MT_ARRAY_LEN(odd); i++) {
        load(&t, &c, odd[i]);
        assert_int_equal(c.warning_count, 1);
        assert_int_equal(c.inference_count, i < 3 ? 0 : 1);
        config_release(&c);
    }
    temphome_close(&t);
}

static void test_places(void **state)
{
    (void)state;
    assert_true(config_inference_is_loopback("127.0.0.1"));
    assert_true(config_inference_is_loopback("127.8.0.1"));
    assert_true(config_inference_is_loopback("::1"));
    assert_true(config_inference_is_loopback("localhost"));
    assert_false(config_inference_is_loopback("10.0.0.1"));
    assert_false(config_inference_is_loopback("gpu1"));
    /* Many stars cost no more than a few. */
    assert_false(
        config_glob("*a*a*a*a*a*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_true(config_glob("**", ""));
}

/* The model keeps them apart, and knows who uses which; what was known of one that stays is not forgotten. */
static void test_model(void **state)
{
    struct temphome t;
    struct config c, d;
    (void)state;
    temphome_open(&t);
    load(&t, &c, GOOD);
    struct bus *bus = bus_new();
    struct model *m = model_new(bus);
    assert_int_equal(model_inference_count(m), 1);
    model_set_inference(m, &c);
    assert_int_equal(model_inference_count(m), 3);
    assert_string_equal(model_inference_at(m, 0)->name, "default");
    assert_string_equal(model_inference_at(m, 0)->endpoint, "127.0.0.1:9000");
    assert_string_equal(model_inference_at(m, 2)->endpoint, "[::1]:9090");
    assert_null(model_inference_at(m, 3));
    assert_int_equal(model_inference_find(m, "six"), 2);
    assert_int_equal(model_inference_find(m, "none"), -1);
    struct workspace list[2] = {{.name = "web-one", .sandbox = "muthr-web-one"},
                                {.name = "shop", .sandbox = "muthr-shop", .profile = "big"}};
    model_set_workspaces(m, list, 2);
    assert_string_equal(model_inference_for(m, model_workspace_by_name(m, "web-one"))->name, "gpu");
    assert_string_equal(model_inference_for(m, model_workspace_by_name(m, "shop"))->name, "six");
    assert_string_equal(model_inference_for(m, NULL)->name, "default");
    struct inference_view v;
    inference_view_init(&v);
    str_copy(v.endpoint, sizeof(v.endpoint), "[::1]:9090");
    v.state = INFERENCE_READY;
    model_put_inference(m, 2, &v);
    model_put_inference(m, 7, &v); /* of an endpoint that is no more */
    load(&t, &d, "[[inference]]\nname = \"six\"\nhost = \"::1\"\nport = 9090\n");
    model_set_inference(m, &d);
    assert_int_equal(model_inference_count(m), 2);
    assert_int_equal(model_inference_at(m, 1)->state, INFERENCE_READY);
    assert_string_equal(model_inference_at(m, 1)->name, "six");
    assert_int_equal(model_inference_index(m, model_workspace_by_name(m, "web-one")), 0);
    model_free(m);
    bus_free(bus);
    config_release(&c);
    config_release(&d);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
