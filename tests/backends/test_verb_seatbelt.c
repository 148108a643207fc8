/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's plans over process sandboxes, by the real program's verbs and with the stand-in for sandbox-exec. Ends
 * with a table: backend, plan, passed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "tests/backends/bwrap_fixture.h"
#include "tests/backends/seat_stand_in.h"
#include "tests/backends/verb_rig.h"

#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"

static int setup(void **state)
{
    setenv("MUTHR_TUI_BACKENDS", "seatbelt", 1);
    int rc = verb_setup(state);
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"seatbelt\"\n");
    return rc;
}

static void passed(const char *plan)
{
    print_message("seatbelt %s passed\n", plan);
}

/* The only sandbox's row of `ls -o json`. *list is to be freed. */
static const struct json *row_of(struct json **list)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "ls", "-o", "json");
    *list = ran_json(&r);
    ran_release(&r);
    assert_non_null(json_first(*list));
    return json_first(*list);
}

static void test_ensure_stop_delete(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    struct json *list;
    home_write("src/demo/sub/file", "kept");
    verb_run(&r, "start", "--net", "none");
    ran_expect(&r, 0);
    expect_text(&r.err, "muthr-demo: running");
    const struct json *row = row_of(&list);
    assert_string_equal(json_get_string(row, "backend", ""), "seatbelt");
    assert_string_equal(json_get_string(row, "network", ""), "none");
    assert_int_equal(strncmp(json_get_string(row, "network_detail", ""), "localhost only: listens on ", 27), 0);
    assert_non_null(strstr(json_get_string(row, "warning", ""), "NOTHING CONFINES IT"));
    assert_null(json_get_string(row, "drift", NULL));
    json_free(list);
    verb_run(&r, "ls");
    expect_text(&r.err, "muthr-demo: network none, localhost only: listens on ");
    verb_expect(0, "start", "--net", "none");
    passed("ensure");
    MT_CLEANUP(xfree) char *sub = path_join(vr.src, "demo/sub");
    MT_CLEANUP(xfree) char *want = xasprintf("%s\n%s/demo\nseatbelt\n", sub, vr.src);
    verb_run_with(&r, &(struct verb_how){.cwd = sub}, "shell", "-c",
                  "pwd; echo $MUTHR_WORKSPACE_MOUNT; echo $MUTHR_BACKEND");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, want);
    verb_run(&r, "shell", "-c", "cat; exit 3");
    ran_expect(&r, 3);
    passed("exec");
    verb_expect(0, "stop");
    expect_status("muthr-demo", "stopped");
    passed("stop");
    verb_expect(0, "delete", "--yes");
    expect_status("muthr-demo", "");
    MT_CLEANUP(xfree) char *kept = home_read("src/demo/sub/file");
    assert_string_equal(kept, "kept");
    passed("delete");
    ran_release(&r);
}

/* Provisioned with the network, sealed afterwards: everything from then on is under the closed profile. */
static void test_provision_and_seal(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    struct json *list;
    home_write(MANIFESTS "web.yaml", "name: web\nsecurity: {network: none, connect: [5432]}\n");
    profile_write("web", "set -e\ngrep -c '^; network: full' \"$HOME/../sandbox.sb\" >\"$MUTHR_WORKSPACE_MOUNT/open\"\n"
                         "echo \"$0\" >\"$MUTHR_WORKSPACE_MOUNT/script\"\nmkdir -p ~/.local/bin\n"
                         "printf '#!/bin/sh\\necho provisioned\\n' >~/.local/bin/tool\nchmod +x ~/.local/bin/tool\n");
    verb_run(&r, "start", "-p", "web");
    ran_expect(&r, 0);
    MT_CLEANUP(xfree) char *open = home_read("src/demo/open"), *script = home_read("src/demo/script");
    assert_string_equal(open, "1\n");
    assert_non_null(strstr(script, "/seatbelt/muthr-demo/tmp/muthr-provision-web/web.sh"));
    const struct json *row = row_of(&list);
    assert_string_equal(json_get_string(row, "network", ""), "none");
    assert_non_null(strstr(json_get_string(row, "network_detail", ""), "connects to 5432"));
    json_free(list);
    verb_run(&r, "shell", "-c", "tool; grep -c '^; network: localhost-only' \"$HOME/../sandbox.sb\"");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "provisioned\n1\n");
    passed("provision");
    verb_expect(0, "stop");
    verb_expect(0, "start");
    row = row_of(&list);
    assert_string_equal(json_get_string(row, "network", ""), "none");
    json_free(list);
    passed("seal");
    profile_write("web", "echo broken >&2\nexit 9\n");
    verb_run(&r, "provision", "-p", "web");
    assert_int_not_equal(r.code, 0);
    passed("provision-fails");
    verb_expect(0, "delete", "--yes");
    ran_release(&r);
}

/* B2: the GPU is off until the user's configuration allows it; then a stopped sandbox gets it at its next start. */
static void test_gpu(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(MANIFESTS "base.yaml", "name: base\ngpu: mps-only\nsecurity: {network: none}\n");
    verb_run(&r, "start");
    ran_expect(&r, 0);
    expect_text(&r.err, "gpu: mps-only is left out: sandbox.allow_gpu = true would allow it");
    verb_run(&r, "shell", "-c", "grep -c '^; GPU' \"$HOME/../sandbox.sb\"");
    assert_string_equal(r.out.buf, "0\n");
    verb_expect(0, "stop");
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"seatbelt\"\nallow_gpu = true\n");
    verb_expect(0, "start");
    verb_run(&r, "shell", "-c", "grep '^; GPU' \"$HOME/../sandbox.sb\"");
    assert_string_equal(r.out.buf, "; GPU: mps-only\n");
    verb_expect(0, "delete", "--yes");
    passed("gpu");
    ran_release(&r);
}

/* What it cannot be, it says before anything is made. */
static void test_refused(void **state)
{
    (void)state;
    struct ran r = RAN_INIT;
    home_write(MANIFESTS "base.yaml", "name: base\nsecurity: {network: none, workspace_mode: overlay}\n");
    verb_run(&r, "start");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "cannot give a sandbox an overlay workspace here");
    expect_status("muthr-demo", "");
    home_write(MANIFESTS "base.yaml", "name: base\n");
    home_write("src/quo\"te/file", "");
    verb_run_with(&r, &(struct verb_how){.cwd = vr.src}, "start", "quo\"te", "--net", "none");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "cannot stand in a sandbox profile");
    passed("refused");
    ran_release(&r);
}

static int run(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, verb_teardown)
    const struct CMUnitTest tests[] = {
        T(test_ensure_stop_delete),
        T(test_provision_and_seal),
        T(test_gpu),
        T(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    return stand_in_main(argc, argv, run);
}
