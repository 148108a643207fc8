/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/model/config.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

/* Loads the settings `text`; they must load, whatever is wrong with a host. */
static void load(struct temphome *t, struct config *c, const char *text)
{
    struct error err = ERROR_INIT;
    temphome_write(t, ".config/muthr/muthr.toml", text);
    if (config_load(c, &t->paths, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static void test_good(void **state)
{
    struct temphome t;
    struct config c;
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    (void)state;
    temphome_open(&t);
    load(&t, &c,
         "[[hosts]]\nname = \"gpu1\"\nurl = \"ssh://me@gpu1:2222/run/podman.sock\"\nworkspace_root = \"/home/me/src\"\n"
         "[[hosts]]\nname = \"near\"\nurl = \"unix:///run/near.sock\"\ncolour = 3\n");
    assert_int_equal(c.host_count, 2);
    assert_int_equal(c.warning_count, 1);
    assert_non_null(strstr(c.warnings[0].text, ":8:1: hosts.colour: there is no such setting"));
    assert_string_equal(c.hosts[0].workspace_root, "/home/me/src");
    assert_null(c.hosts[1].workspace_root);
    config_show(&c, false, &shown);
    config_release(&c);
    load(&t, &c, shown.buf); /* what is shown can be read */
    assert_int_equal(c.warning_count, 0);
    assert_int_equal(c.host_count, 2);
    assert_string_equal(c.hosts[0].url, "ssh://me@gpu1:2222/run/podman.sock");
    assert_null(c.hosts[1].workspace_root);
    config_release(&c);
    temphome_close(&t);
}

/* A bad entry is a warning with its place; the others and the rest of the file stay. */
static void test_bad(void **state)
{
    static const struct {
        const char *entry, *warning;
    } cases[] = {
        {"[[hosts]]\nurl = \"ssh://a\"", ":1:1: hosts.name: a host needs a name"},
        {"[[hosts]]\nname = \"A\"\nurl = \"ssh://a\"", ":2:8: hosts.name: a host needs a name"},
        {"[[hosts]]\nname = 3\nurl = \"ssh://a\"", ":2:8: hosts.name: expected a string"},
        {"[[hosts]]\nname = \"a\"", ":1:1: hosts.url: a host needs a url"},
        {"[[hosts]]\nname = \"a\"\nurl = \"http://a\"", ":3:7: hosts.url: a host needs a url"},
        {"[[hosts]]\nname = \"a\"\nurl = \"ssh://-oProxyCommand=x\"", ":3:7: hosts.url: a host needs a url"},
        {"[[hosts]]\nname = \"a\"\nurl = \"ssh://a b\"", ":3:7: hosts.url: the url holds a space"},
        {"[[hosts]]\nname = \"a\"\nurl = true", ":3:7: hosts.url: expected a string"},
        {"[[hosts]]\nname = \"a\"\nurl = \"ssh://a\"\nworkspace_root = \"src\"",
         ":4:18: hosts.workspace_root: workspace_root of a host is an absolute path"},
        {"hosts = 3", ":1:1: hosts: expected [[hosts]] tables"},
        {"hosts = [3]", ":1:10: hosts: expected [[hosts]] tables"},
    };
    struct temphome t;
    (void)state;
    temphome_open(&t);
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        bool list = cases[i].entry[0] == '[';
        struct config c;
        char *text = xasprintf("%s\n%s[sandbox]\npids = 99\n", cases[i].entry,
                               list ? "[[hosts]]\nname = \"good\"\nurl = \"ssh://good\"\n" : "");
        load(&t, &c, text);
        assert_int_equal(c.pids, 99);
        assert_int_equal(c.host_count, list ? 1 : 0);
        if (c.warning_count != 1 || !strstr(c.warnings[0].text, cases[i].warning) ||
            !strstr(c.warnings[0].text, "left out")) {
            fail_msg("%s: %s", cases[i].entry, c.warning_count > 0 ? c.warnings[0].text : "no warning");
        }
        config_release(&c);
        free(text);
    }
    struct config c;
    load(&t, &c, "[[hosts]]\nname = \"a\"\nurl = \"ssh://one\"\n[[hosts]]\nname = \"a\"\nurl = \"ssh://two\"\n");
    assert_int_equal(c.host_count, 1);
    assert_string_equal(c.hosts[0].url, "ssh://one");
    assert_non_null(strstr(c.warnings[0].text, ":5:8: hosts.name: two hosts have this name"));
    config_release(&c);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
