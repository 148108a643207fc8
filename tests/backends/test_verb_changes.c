/* SPDX-License-Identifier: Apache-2.0 */
/* changes, apply and discard as a person runs them; manifests as `profiles` and `doctor` tell of them. */
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/verb_rig.h"

#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"

static void inside(const char *script)
{
    verb_expect(0, "shell", "demo", "--no-tty", "-c", script);
}

static void test_changes(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(MANIFESTS "base.yaml", "backend: bwrap\nsecurity: {network: none, workspace_mode: overlay}\n");
    home_write("src/demo/edit", "one\n");
    verb_expect(66, "changes", "demo"); /* no sandbox yet */
    verb_expect(0, "start", "demo");
    inside("echo two >edit; echo in >clash; echo new >./-rf; mkdir .vscode; echo {} >.vscode/tasks.json; printf x "
           ">\"$(printf 'a\\nb')\"");
    char *text = home_read("src/demo/edit");
    assert_string_equal(text, "one\n");
    free(text);
    verb_run(&r, "changes", "demo", "-o", "json");
    ran_expect(&r, 0);
    struct json *list = ran_json(&r);
    size_t n = 0, odd = 0, risky = 0;
    for (const struct json *row = json_first(list); row != NULL; row = json_next(row)) {
        n++;
        odd += strcmp(json_get_string(row, "path_hex", ""), "610a62") == 0;
        risky += json_get_bool(row, "risky", false);
    }
    json_free(list);
    assert_int_equal(n, 5);
    assert_int_equal(odd, 1);
    assert_int_equal(risky, 1);
    verb_expect(77, "apply", "demo"); /* no terminal to ask on */
    verb_run(&r, "apply", "demo", "--yes", "--", "-rf");
    ran_expect(&r, 0);
    assert_true(home_exists("src/demo/-rf"));
    expect_text(&r.err, "demo: 1 applied, 0 held back");
    home_write("src/demo/clash", "mine\n");
    verb_run(&r, "apply", "demo", "--yes");
    ran_expect(&r, 0);
    expect_text(&r.err, "2 applied, 2 held back: .vscode/tasks.json");
    verb_run(&r, "apply", "demo", "--yes", "clash"); /* what is named and not taken is no success */
    ran_expect(&r, 1);
    expect_text(&r.err, "demo: 0 applied, 1 held back");
    text = home_read("src/demo/clash");
    assert_string_equal(text, "mine\n");
    free(text);
    text = home_read("src/demo/edit");
    assert_string_equal(text, "two\n");
    free(text);
    assert_false(home_exists("src/demo/.vscode/tasks.json"));
    verb_run(&r, "delete", "demo", "--yes");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "changes that were not applied");
    verb_run(&r, "discard", "demo", "nothing-there", "--yes");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "there is no change at 'nothing-there'");
    verb_expect(0, "discard", "demo", ".vscode/", "clash", "--yes");
    verb_run(&r, "changes", "demo");
    ran_expect(&r, 0);
    expect_text(&r.err, "No changes");
    verb_expect(0, "delete", "demo", "--yes");
    ran_release(&r);
}

static void test_direct(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(MANIFESTS "base.yaml", "security: {network: none}\nnonsense: 1\n");
    verb_expect(0, "start", "demo");
    verb_run(&r, "apply", "demo", "--yes");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "is no overlay");
    verb_run(&r, "profiles");
    ran_expect(&r, 0);
    expect_text(&r.err, "base.yaml:2: nonsense: unknown key");
    verb_run(&r, "doctor");
    expect_text(&r.out, "nonsense: unknown key");
    home_write(MANIFESTS "base.yaml", "resources:\n  memory: 12 parsecs\n");
    verb_run(&r, "profiles", "-o", "json");
    expect_text(&r.out, "\"usable\": false");
    expect_text(&r.out, "12 parsecs");
    ran_release(&r);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_changes, verb_setup, verb_teardown),
        cmocka_unit_test_setup_teardown(test_direct, verb_setup, verb_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return fixture_main(argc, argv, run);
}
