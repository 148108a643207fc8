/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks on real podman: they outlive the verb, are started again, end with their sandbox, and no value of their
 * environment stands in a command line. */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tests/backends/podman_home.h"

static bool is_gone(const void *word)
{
    return verb_process("", word) == 0;
}

static void test_tasks(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"podman\"\n[tasks.serve]\n"
                                           "command = \"echo up $SECRET; exec sleep 7811\"\n"
                                           "env = { SECRET = \"s3cr3t-7812\" }\nrestart = \"always\"\n");
    verb_run(&r, "task", "run", "serve", "--quiet");
    ran_expect(&r, 0);
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    MT_CLEANUP(xfree) char *id = xstrdup(r.out.buf);
    verb_run(&r, "task", "run", "--name", "crash", "--restart", "on-failure", "--max-restarts", "1", "--wait",
             "--timeout", "60", "--", "sh", "-c", "echo boom; exit 9");
    ran_expect(&r, 9);
    expect_text(&r.err, "failed: exited 9 after 1 restart");
    verb_run(&r, "task", "logs", id);
    assert_string_equal(r.out.buf, "up s3cr3t-7812\n");
    assert_int_equal(verb_process("", "s3cr3t-7812"), 0);
    assert_int_not_equal(verb_process("sleep", "7811"), 0);
    verb_run(&r, "task", "run", "serve");
    ran_expect(&r, 1);
    expect_text(&r.err, id);
    verb_expect(0, "task", "restart", "serve");
    verb_expect(0, "task", "stop", "serve"); /* for good, whatever its policy */
    assert_true(verb_until(is_gone, "7811", RIG_DEADLINE_MS));
    verb_expect(0, "wait", id, "--state", "exited", "--timeout", "30");
    /* With the sandbox they end, and do not come back. */
    verb_run(&r, "task", "run", "serve", "--quiet");
    ran_expect(&r, 0);
    r.out.buf[strcspn(r.out.buf, "\n")] = '\0';
    verb_expect(0, "stop", "demo", "--quiet");
    verb_expect(0, "wait", r.out.buf, "--state", "exited", "--timeout", "30");
    home_expect_status("muthr-demo", "stopped");
    ran_release(&r);
}

/* Ports are those inside, of each task its own, also when it comes back. */
static void test_ports(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"podman\"\n");
    verb_expect(0, "task", "run", "--quiet", "--wait", "--timeout", "60", "--name", "web", "--ready-port", "3456", "-c",
                "exec httpd -f -p 3456");
    verb_expect(0, "task", "run", "--quiet", "--wait", "--timeout", "60", "--name", "api", "--ready-port", "8000", "-c",
                "httpd -f -p 127.0.0.1:8000; exit 1");
    for (int i = 0; i < 2; i++) {
        verb_run(&r, "task", "ls", "-o", "json");
        struct json *list = ran_json(&r);
        size_t count = 0;
        for (const struct json *t = json_first(list); t != NULL; t = json_next(t), count++) {
            bool web = strcmp(json_get_string(t, "name", ""), "web") == 0;
            assert_string_equal(json_get_string(t, "ports", ""), web ? "3456" : "8000");
        }
        json_free(list);
        assert_int_equal(count, 2);
        verb_expect(0, "task", "restart", "web", "--quiet");
        verb_expect(0, "wait", "web", "--state", "ready", "--timeout", "60");
    }
    verb_expect(0, "task", "stop", "web", "api", "--quiet");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tasks, home_setup, home_teardown),
        cmocka_unit_test_setup_teardown(test_ports, home_setup, home_teardown),
    };
    return cmocka_run_group_tests(tests, home_open, home_close);
}

int main(void)
{
    return pod_main(run);
}
