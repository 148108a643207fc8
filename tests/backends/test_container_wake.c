/* SPDX-License-Identifier: Apache-2.0 */
/* `backend start`: the service of Apple's container, by the real program over the stand-in: never without a word on the
 * kernel, never waiting for a key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/backends/verb_rig.h"
#include "tests/patience.h"
#include "tests/portable.h"
#include "tests/skip.h"

static int set_up(void **state)
{
    if (verb_setup(state) != 0) {
        return -1;
    }
    setenv("MUTHR_TUI_BACKENDS", "container", 1);
    if (!standin_unusable()) {
        standin_open(vr.base, "1.2.2");
        standin_file("down", "");
        standin_file("no-kernel", "");
    }
    return 0;
}

static int tear_down(void **state)
{
    if (!standin_unusable()) {
        standin_file("down", NULL);
        standin_close();
    }
    unsetenv("MUTHR_TUI_BACKENDS");
    return verb_teardown(state);
}

/* Does one of the calls hold these words? */
static bool was_called(const void *words)
{
    char *all = standin_calls();
    bool found = strstr(all, words) != NULL;
    free(all);
    return found;
}

static void test_words(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    verb_run(&r, "doctor");
    expect_text(&r.out, "muthr-tui backend start container");
    verb_run(&r, "start", "demo");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "backend start container");
    /* nobody is there to be asked */
    verb_run(&r, "backend", "start", "container");
    ran_expect(&r, 77);
    expect_text(&r.err, "--kernel yes");
    assert_false(was_called("[\"system\",\"start\""));
    verb_expect(64, "backend", "start", "container", "--kernel", "maybe");
    verb_expect(64, "backend", "stop", "container");
    verb_run(&r, "backend", "start", "podman", "--kernel", "no");
    assert_int_not_equal(r.code, 0);
    verb_run(&r, "backend", "start", "container", "--kernel", "no", "-o", "json");
    ran_expect(&r, 0);
    struct json *row = ran_json(&r);
    assert_true(json_get_bool(row, "started", false));
    json_free(row);
    assert_true(was_called("[\"system\",\"start\",\"--disable-kernel-install\"]"));
    verb_run(&r, "backend", "start", "container"); /* it works: nothing to ask */
    ran_expect(&r, 0);
    expect_text(&r.err, "works already");
    ran_release(&r);
}

/* One that hangs is ended by Ctrl-C. */
static void test_cancelled(void **state)
{
    (void)state;
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    standin_fault("system.start 0 hang");
    pid_t pid = verb_begin("backend", "start", "container", "--kernel", "yes");
    assert_true(
        verb_until(was_called, "[\"system\",\"start\",\"--enable-kernel-install\"]", patience(RIG_DEADLINE_MS)));
    kill(pid, SIGINT);
    assert_int_not_equal(verb_wait(pid, patience(RIG_DEADLINE_MS)), 0);
    char *said = verb_said("err");
    assert_non_null(strstr(said, "cancelled"));
    free(said);
}

int main(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    for (int i = 0; i < 3; i++) { /* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui */
        while (n > 0 && self[--n] != '/') {
        }
    }
    self[n > 0 ? n : 0] = '\0';
    char *program = xasprintf("%s/muthr-tui", self);
    setenv("MT_TEST_PROGRAM", program, 0);
    free(program);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_cancelled, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
