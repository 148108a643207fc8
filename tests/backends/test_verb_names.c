/* SPDX-License-Identifier: Apache-2.0 */
/* What verbs call sessions, and what they say when there is nothing to do. */
#include "tests/backends/verb_rig.h"

#include <string.h>

#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"

/* Starts a session and returns its id; free(). */
static char *begin_session(const char *command)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", "--session", "-c", command);
    ran_expect(&r, 0);
    char *id = xstrndup(r.out.buf, strcspn(r.out.buf, "\n"));
    ran_release(&r);
    return id;
}

/* Who is meant: by the beginning of an id, by name; and the name is the host's to keep. No terminal here: exit 64 and
 * its word come from the cockpit, once the session was found. */
static void test_names_of_sessions(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "attach", "x");
    ran_expect(&r, 66);
    expect_text(&r.err, "There is none");
    verb_expect(0, "start", "--net", "none");
    char *one = begin_session("sleep 7711"), *two = begin_session("sleep 7712");
    size_t same = 0;
    while (one[same] != '\0' && one[same] == two[same]) {
        same++;
    }
    char *begin = xstrndup(one, same), *unique = xstrndup(one, same + 1);
    verb_run(&r, "attach", begin);
    ran_expect(&r, 64);
    expect_text(&r.err, "may be 2 sessions");
    expect_text(&r.err, one);
    expect_text(&r.err, two);
    verb_run(&r, "attach", unique);
    ran_expect(&r, 64);
    expect_text(&r.err, "must be a terminal");
    verb_run(&r, "attach", begin, "-o", "json"); /* not an option of it */
    ran_expect(&r, 64);

    verb_run(&r, "rename", unique, "  the web\tserver ");
    ran_expect(&r, 0);
    expect_text(&r.err, "the web server");
    verb_run(&r, "attach", "the web server");
    ran_expect(&r, 64);
    expect_text(&r.err, "must be a terminal");
    verb_run(&r, "sessions");
    expect_text(&r.out, "the web server");
    verb_run(&r, "sessions", "-o", "json");
    expect_text(&r.out, "\"name\": \"the web server\"");
    verb_run(&r, "rename", two, "the web server", "-o", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, "\"name\": \"the web server\"");
    verb_run(&r, "attach", "the web server");
    ran_expect(&r, 64);
    expect_text(&r.err, "may be 2 sessions");
    verb_expect(0, "rename", two, "");
    verb_run(&r, "sessions", "-o", "json");
    struct json *list = ran_json(&r);
    size_t named = 0;
    for (const struct json *row = json_first(list); row != NULL; row = json_next(row)) {
        named += json_get_string(row, "name", "")[0] != '\0';
    }
    assert_int_equal(named, 1);
    json_free(list);
    verb_expect(64, "rename", one,
                "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890");
    verb_expect(64, "rename", one);
    verb_expect(66, "rename", "nosuch", "x");
    free(one);
    free(two);
    free(begin);
    free(unique);
    ran_release(&r);
}

/* What has no sandbox is not said to have been stopped. */
static void test_nothing_to_stop(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    verb_run(&r, "stop", "demo");
    ran_expect(&r, 0);
    expect_text(&r.err, "nothing to stop");
    assert_null(strstr(r.err.buf, ": stopped"));
    verb_run(&r, "stop", "demo", "-o", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, "nothing to stop");
    verb_run(&r, "stop", "demo", "-o", "ndjson");
    ran_expect(&r, 0);
    expect_text(&r.out, "nothing to stop");
    verb_expect(0, "start", "--net", "none");
    verb_run(&r, "stop", "demo");
    ran_expect(&r, 0);
    assert_null(strstr(r.err.buf, "nothing to stop"));
    expect_text(&r.err, ": stopped");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names_of_sessions, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_stop, verb_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
