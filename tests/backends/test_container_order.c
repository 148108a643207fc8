/* SPDX-License-Identifier: Apache-2.0 */
/* macOS' order of backends, with what stands for `container` and for sandbox-exec: where new sandboxes go and why, both
 * at once, and the service of the first one down meanwhile. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/engine/pick.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/backends/standin_rig.h"
#include "tests/backends/verb_rig.h"
#include "tests/portable.h"
#include "tests/skip.h"

#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"
#define READY "localhost/muthr-ready:latest"

/* The platform's order, but for podman, which is another test's. */
static void use_order_of_macos(void)
{
    MT_CLEANUP(strbuf) struct strbuf names = STRBUF_INIT;
    const char *const *order = pick_order(PICK_MACOS);
    for (size_t i = 0; order[i] != NULL; i++) {
        if (strcmp(order[i], "podman") != 0) {
            strbuf_addf(&names, "%s%s", names.len > 0 ? "," : "", order[i]);
        }
    }
    assert_string_equal(names.buf, "container,seatbelt");
    setenv("MUTHR_TUI_BACKENDS", names.buf, 1);
}

static int set_up(void **state)
{
    if (standin_unusable() || verb_setup(state) < 0) {
        return standin_unusable() ? 0 : -1;
    }
    standin_open(vr.base, "1.2.2");
    unsetenv("MUTHR_TUI_DATA");
    use_order_of_macos();
    home_write(".config/muthr/muthr.toml", "[sandbox]\nallow_gpu = true\n");
    home_write(MANIFESTS "base.yaml", "name: base\nimage: " READY "\n");
    home_write(MANIFESTS "metal.yaml", "name: metal\ngpu: mps-only\n");
    home_write(".config/muthr/sandbox.d/container/provision.d/metal.sh", "echo \"[PROC] nothing\"\n");
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"demo", "other", "a b"};
    struct ran r = RAN_INIT;
    if (standin_unusable()) {
        return 0;
    }
    standin_file("down", NULL);
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        verb_run(&r, "delete", "--yes", "--force", names[i]);
    }
    ran_release(&r);
    standin_close();
    return verb_teardown(state);
}

static void expect_fact(const char *sandbox, const char *key, const char *want)
{
    struct ran r = RAN_INIT;
    const char *value = "";
    verb_run(&r, "ls", "-o", "json");
    struct json *list = ran_json(&r);
    for (const struct json *row = json_first(list); row; row = json_next(row)) {
        value = strcmp(json_get_string(row, "name", ""), sandbox) == 0 ? json_get_string(row, key, "") : value;
    }
    assert_string_equal(value, want);
    json_free(list);
    ran_release(&r);
}

static void expect_shell(const char *project)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "shell", project, "-c", "echo alive");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "alive\n");
    ran_release(&r);
}

/* demo in a container, other beside it under seatbelt, because its profile wants the GPU. */
static void bring_up_both(void)
{
    struct ran r = RAN_INIT;
    verb_expect(0, "start", "demo");
    expect_fact("muthr-demo", "backend", "container");
    expect_fact("muthr-demo", "backend_why", "the first that works here; seatbelt works too");
    verb_run(&r, "start", "other", "--profile", "metal");
    ran_expect(&r, 0);
    expect_text(&r.err, "seatbelt runs it: container cannot give it the GPU");
    expect_fact("muthr-other", "backend", "seatbelt");
    expect_fact("muthr-other", "backend_why", "the first here that can do what is wanted; container works too");
    ran_release(&r);
}

static void test_both(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    bring_up_both();
    expect_shell("demo");
    expect_shell("other");
    verb_run(&r, "doctor");
    expect_text(&r.out, "go to container: the first that works here; seatbelt works too");
    verb_expect(0, "stop", "--all", "--backend", "seatbelt");
    expect_status("muthr-demo", "running");
    expect_status("muthr-other", "stopped");
    ran_release(&r);
}

static void test_service_down(void **state)
{
    struct ran r = RAN_INIT;
    (void)state;
    if (standin_unusable()) {
        skip_because("%s", standin_unusable());
    }
    bring_up_both();
    standin_file("down", "");
    verb_run(&r, "ls");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "the sandboxes of container cannot be listed");
    expect_fact("muthr-demo", "status", "unknown"); /* not gone */
    expect_fact("muthr-other", "status", "running");
    expect_shell("other");
    verb_run(&r, "start", "demo");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "muthr-demo is run by container, and backend container cannot be used");
    verb_run(&r, "doctor");
    expect_text(&r.out, "1 sandbox of it cannot be seen; it would be better than seatbelt for images");
    expect_text(&r.out, "muthr-tui backend start container");
    expect_text(&r.out, "go to seatbelt: the only one that works here");
    verb_run(&r, "start", "a b"); /* its profile's image is lost with that, for as long as it lives */
    ran_expect(&r, 0);
    expect_fact("muthr-ab-04833892", "backend", "seatbelt");
    expect_fact("muthr-ab-04833892", "image_notice", "the image " READY " is not used: container cannot be used here");
    standin_file("down", NULL);
    expect_status("muthr-demo", "running");
    expect_shell("demo");
    expect_fact("muthr-ab-04833892", "backend", "seatbelt"); /* it stays where it is */
    ran_release(&r);
}

/* build/MODE/tests/backends/test_x: the program, and what stands for sandbox-exec. */
static void find_programs(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    self[n > 0 ? n : 0] = '\0';
    char *end = strstr(self, "/tests/backends/");
    if (end != NULL) {
        *end = '\0';
        MT_CLEANUP(xfree) char *program = xasprintf("%s/muthr-tui", self);
        MT_CLEANUP(xfree) char *play = xasprintf("%s/tests/play/sandbox-exec", self);
        setenv("MT_TEST_PROGRAM", program, 0);
        setenv("MUTHR_TEST_SANDBOX_EXEC", play, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_service_down, set_up, tear_down),
    };
    find_programs();
    return cmocka_run_group_tests_name("macOS' order", tests, NULL, NULL);
}
