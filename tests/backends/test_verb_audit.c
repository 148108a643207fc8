/* SPDX-License-Identifier: Apache-2.0 */
/* The audit log of real sessions: verbs, and hosts that outlive them. */
#include <stdlib.h>
#include <string.h>

#include "core/util/audit.h"
#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/verb_rig.h"

#define BASE ".config/muthr/sandbox.d/container/manifests/base.yaml"
#define DEFAULT_LOG ".local/state/muthr/audit.ndjson"

/* How often the event is in the log. */
static size_t count(const char *relative, const char *event)
{
    MT_CLEANUP(xfree) char *text = home_exists(relative) ? home_read(relative) : xstrdup("");
    MT_CLEANUP(xfree) char *needle = xasprintf("\"event\":\"%s\"", event);
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, needle)) != NULL; p++) {
        n++;
    }
    return n;
}

static bool has_two_exits(const void *relative)
{
    return count(relative, "session_exit") == 2;
}

static void test_sessions(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(BASE, "security: {network: none}\n");
    home_write(".config/muthr/muthr.toml", "[tui]\naudit = true\n");
    verb_expect(0, "start", "demo");
    verb_expect(7, "shell", "demo", "--no-tty", "--env", "TOKEN=hush", "-c", "exit 7");
    verb_expect(0, "shell", "demo", "--session", "--env", "TOKEN=hush", "-c", "exit 0"); /* ends in its host */
    assert_true(verb_until(has_two_exits, DEFAULT_LOG, RIG_DEADLINE_MS));
    assert_int_equal(count(DEFAULT_LOG, "session_start"), 2);
    assert_int_equal(count(DEFAULT_LOG, "command"), 2);
    MT_CLEANUP(xfree) char *text = home_read(DEFAULT_LOG);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "TOKEN=***"));
    assert_non_null(strstr(text, "\"exit_code\":7"));
    MT_CLEANUP(xfree) char *path = xasprintf("%s/" DEFAULT_LOG, vr.home);
    verb_expect(0, "doctor", "--audit", path);
    char *seven = strstr(text, "\"exit_code\":7");
    seven[strlen("\"exit_code\":")] = '0';
    home_write(DEFAULT_LOG, text);
    verb_run(&r, "doctor", "--audit", path);
    ran_expect(&r, 1);
    expect_text(&r.out, "line 4 is broken");
    verb_expect(0, "delete", "demo", "--yes");
    ran_release(&r);
}

/* A log that cannot be written is said, and stops nothing. */
static void test_loss(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(BASE, "security: {network: none}\n");
    home_write("blocked", "a file, no folder\n");
    verb_expect(0, "start", "demo", "--audit-log", "own.log");
    MT_CLEANUP(xfree) char *path = xasprintf("%s/blocked/audit.log", vr.home);
    verb_run(&r, "shell", "demo", "--audit-log", path, "--no-tty", "-c", "echo goes on");
    ran_expect(&r, 0);
    expect_text(&r.out, "goes on");
    expect_text(&r.err, "not written down");
    verb_expect(0, "delete", "demo", "--yes");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sessions, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_loss, verb_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
