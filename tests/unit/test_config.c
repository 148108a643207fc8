/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/model/config.h"
#include "core/model/config_table.h"
#include "core/util/json.h"
#include "core/util/toml.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

static void test_defaults_and_values(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct config c;
    struct error err = ERROR_INIT;
    assert_int_equal(config_load(&c, &t.paths, &err), 0); /* no file */
    assert_string_equal(c.workspace_root, "~/src");
    assert_int_equal(c.server_port, 8080);
    assert_int_equal(c.pids, 512);
    assert_true(c.mouse);
    config_release(&c);
    temphome_write(&t, ".config/muthr/muthr.toml",
                   "workspace_root = \"~/work\" # mine\nsomething_of_the_cli = [1, 2]\n[other]\nx = 1\n[sandbox]\ncpus "
                   "= 2\nmemory = \"1.5GiB\"\n"
                   "colour = 1\n[tui]\nmouse = false\n[tui.keys]\n\"F5\" = \"sandbox.start\"\n[tui.keys.list]\n\"x\" = "
                   "\"sandbox.stop\"\n");
    assert_int_equal(config_load(&c, &t.paths, &err), 0);
    assert_string_equal(c.workspace_root, "~/work");
    assert_true(c.cpus > 1.9 && c.cpus < 2.1);
    assert_false(c.mouse);
    assert_int_equal(c.key_count, 2);
    assert_string_equal(c.keys[0].context, "all");
    assert_string_equal(c.keys[1].context, "list");
    assert_string_equal(c.keys[1].command, "sandbox.stop");
    assert_int_equal(c.keys[1].line, 14);
    assert_int_equal(c.warning_count, 1); /* colour; the CLI's own keys are left alone */
    assert_int_equal(c.warnings[0].line, 8);
    assert_non_null(strstr(c.warnings[0].text, "muthr.toml:8:1: sandbox.colour"));
    config_release(&c);
    temphome_close(&t);
}

/* tui.bell of before counts, and says where it went. */
static void test_attention(void **state)
{
    struct temphome t;
    struct config c;
    struct error err = ERROR_INIT;
    (void)state;
    temphome_open(&t);
    assert_int_equal(config_load(&c, &t.paths, &err), 0);
    assert_true(c.attention_bell);
    assert_string_equal(c.attention_notify, "off");
    config_release(&c);
    temphome_write(&t, ".config/muthr/muthr.toml", "[tui]\nbell = \"off\"\n[attention]\nnotify = \"osc99\"\n");
    assert_int_equal(config_load(&c, &t.paths, &err), 0);
    assert_false(c.attention_bell);
    assert_string_equal(c.attention_notify, "osc99");
    assert_int_equal(c.warning_count, 1);
    assert_non_null(strstr(c.warnings[0].text, "muthr.toml:2:1: tui.bell is now bell = false below [attention]"));
    config_release(&c);
    temphome_write(&t, ".config/muthr/muthr.toml", "[attention]\nnotify = \"loud\"\n");
    assert_int_equal(config_load(&c, &t.paths, &err), -1);
    assert_non_null(strstr(err.msg, "muthr.toml:2:10: attention.notify"));
    config_release(&c);
    temphome_close(&t);
}

static void test_environment(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct config c;
    struct error err = ERROR_INIT;
    temphome_write(&t, ".config/muthr/muthr.toml", "server_port = 9000\n");
    setenv("MUTHR_SERVER_PORT", "9100", 1);
    setenv("MUTHR_WORKSPACE_ROOT", "", 1); /* empty counts as unset */
    assert_int_equal(config_load(&c, &t.paths, &err), 0);
    assert_int_equal(c.server_port, 9100);
    assert_string_equal(c.workspace_root, "~/src");
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    config_show(&c, false, &out);
    assert_non_null(strstr(out.buf, "server_port = 9100 # MUTHR_SERVER_PORT\n"));
    config_release(&c);
    const char *bad[] = {"x", "0", "65536", "80.5", "nan", "0x50"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        setenv("MUTHR_SERVER_PORT", bad[i], 1);
        assert_int_equal(config_load(&c, &t.paths, &err), -1);
        assert_non_null(strstr(err.msg, "MUTHR_SERVER_PORT"));
        assert_int_equal(c.server_port, 9000);
        config_release(&c);
    }
    unsetenv("MUTHR_SERVER_PORT");
    temphome_close(&t);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"server_port = \"80\"\n", ":1:15: server_port: expected a whole number"},
        {"\nserver_port = 70000\n", ":2:15: server_port: 70000 is not between 1 and 65535"},
        {"workspace_root = 3\n", ":1:18: workspace_root: expected a string"},
        {"[sandbox]\nnetwork = \"open\"\n", ":2:11: sandbox.network: \"open\" is none of none|"},
        {"[sandbox]\nmemory = \"lots\"\n", ":2:10: sandbox.memory: \"lots\" is not a size"},
        {"[sandbox]\ncpus = -1\n", ":2:8: sandbox.cpus: -1 is not between"},
        {"[tui]\nmouse = 1\n", ":2:9: tui.mouse: expected true or false"},
        {"tui = 3\n", ":1:7: tui: expected a table"},
        {"[tui]\nkeys = 3\n", ":2:8: tui.keys: expected a table"},
        {"[tui.keys]\n\"a\" = 3\n", ":2:7: tui.keys: expected"},
        {"[tui.keys.list.deep]\n\"a\" = \"b\"\n", "tui.keys: expected"},
        {"[tui\n", "muthr.toml:1:"},
        {"a = \"unfinished\n", "muthr.toml:1:"},
        {"a = 1\na = 2\n", "muthr.toml:2:"},
        {"x = \xff\n", "muthr.toml:1:"},
    };
    struct temphome t;
    temphome_open(&t);
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct config c;
        struct error err = ERROR_INIT;
        temphome_write(&t, ".config/muthr/muthr.toml", CASES[i].text);
        assert_int_equal(config_load(&c, &t.paths, &err), -1);
        if (strstr(err.msg, CASES[i].part) == NULL || strstr(err.msg, "muthr.toml:") == NULL) {
            fail_msg("case %zu: \"%s\" does not say \"%s\"", i, err.msg, CASES[i].part);
        }
        assert_int_equal(c.server_port, 8080); /* defaults all the same */
        assert_string_equal(c.theme, "default");
        assert_int_equal(c.key_count, 0);
        config_release(&c);
    }
    struct config c;
    struct error err = ERROR_INIT;
    MT_CLEANUP(xfree) char *path = path_join(t.paths.config, "muthr.toml");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0); /* not a file at all */
    assert_int_equal(config_load(&c, &t.paths, &err), -1);
    assert_non_null(strstr(err.msg, "muthr.toml"));
    config_release(&c);
    temphome_close(&t);
}

static void test_sizes(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint64_t bytes;
    } GOOD[] = {{"", 0},
                {"0", 0},
                {"512", 512},
                {"2G", 2147483648u},
                {"2g", 2147483648u},
                {"512M", 536870912u},
                {"1.5GiB", 1610612736u},
                {"4KB", 4096},
                {"1T", 1099511627776u}};
    static const char *const BAD[] = {"G",  "-1",  "2X",  "2GG", "1e400",       "0x10",
                                      " 1", "1 G", "nan", "inf", "99999999999T"};
    struct error err = ERROR_INIT;
    uint64_t n;
    for (size_t i = 0; i < MT_ARRAY_LEN(GOOD); i++) {
        assert_int_equal(config_parse_size(GOOD[i].text, &n, &err), 0);
        assert_int_equal(n, GOOD[i].bytes);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(BAD); i++) {
        if (config_parse_size(BAD[i], &n, &err) == 0) {
            fail_msg("\"%s\" was taken as %llu", BAD[i], (unsigned long long)n);
        }
    }
}

/* What is shown can be loaded again, and so can the template once its settings are uncommented. */
static void test_show_is_valid_toml(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct config c;
    struct error err = ERROR_INIT;
    temphome_write(
        &t, ".config/muthr/muthr.toml",
        "model = \"a\\\"b\\\\c\\u0007\"\n[tui.keys]\n\"C-x\" = \"quit\"\n[tui.keys.list]\n\"\\\"\" = \"help\"\n");
    assert_int_equal(config_load(&c, &t.paths, &err), 0);
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    config_show(&c, false, &out);
    config_release(&c);
    temphome_write(&t, ".config/muthr/muthr.toml", out.buf);
    if (config_load(&c, &t.paths, &err) < 0) {
        fail_msg("%s\n%s", err.msg, out.buf);
    }
    assert_string_equal(c.model, "a\"b\\c\a");
    assert_int_equal(c.key_count, 2);
    assert_string_equal(c.keys[1].chord, "\"");
    strbuf_clear(&out);
    config_show(&c, true, &out);
    struct json *j = json_parse(out.buf, out.len, &err);
    assert_non_null(j);
    assert_string_equal(json_get_string(json_get(j, "model"), "value", ""), "a\"b\\c\a");
    json_free(j);
    config_release(&c);
    strbuf_clear(&out);
    config_template(&out);
    struct toml *root = toml_parse(out.buf, out.len, "template", &err);
    assert_non_null(root);
    toml_free(root);
    for (size_t i = 0; i + 1 < out.len; i++) { /* "#key = " lines, not the "# help" ones */
        if (out.buf[i] == '#' && (i == 0 || out.buf[i - 1] == '\n') && out.buf[i + 1] != ' ') {
            out.buf[i] = ' ';
        }
    }
    temphome_write(&t, ".config/muthr/muthr.toml", out.buf);
    if (config_load(&c, &t.paths, &err) < 0) {
        fail_msg("%s\n%s", err.msg, out.buf);
    }
    assert_int_equal(c.warning_count, 0);
    config_release(&c);
    for (size_t i = 0; i < CONFIG_OPTION_COUNT; i++) {
        assert_non_null(CONFIG_OPTIONS[i].help);
    }
    temphome_close(&t);
}

/* What is wrong in [services] is told and left out; all the rest of the file holds. */
static void test_broken_services(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } CASES[] = {
        {"services = 3\n", ":2:12: services: expected a table; it is left out"},
        {"[services]\naddress = 5\n", ":3:11: services.address: expected a string, found an integer; it is left out"},
    };
    struct temphome t;
    temphome_open(&t);
    for (size_t i = 0; i < MT_ARRAY_LEN(CASES); i++) {
        struct config c;
        MT_CLEANUP(xfree)
        char *text = xasprintf("server_port = 81\n%s[tui]\ntheme = \"nord\"\n", CASES[i].text);
        temphome_write(&t, ".config/muthr/muthr.toml", text);
        assert_int_equal(config_load(&c, &t.paths, NULL), 0);
        assert_int_equal(c.warning_count, 1);
        if (strstr(c.warnings[0].text, CASES[i].part) == NULL) {
            fail_msg("\"%s\" does not say \"%s\"", c.warnings[0].text, CASES[i].part);
        }
        assert_int_equal(c.server_port, 81);
        assert_string_equal(c.theme, "nord");
        config_release(&c);
    }
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_broken_services),    cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_attention),          cmocka_unit_test(test_environment),
        cmocka_unit_test(test_malformed),          cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_show_is_valid_toml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
