/* SPDX-License-Identifier: Apache-2.0 */
/* Real podman and real bwrap in one cockpit: a sandbox of each, shells in both, one backend that breaks while the other
 * goes on, and two sandboxes of one name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/backends/podman_rig.h"
#include "tests/screens/world.h"

static int group_set_up(void **state)
{
    (void)state;
    int rc = pod_open() < 0 ? -1 : pod_ready();
    setenv("MUTHR_TUI_BACKENDS", "podman,bwrap", 1);
    return rc;
}

static int group_tear_down(void **state)
{
    (void)state;
    return pod_close();
}

/* A podman that is the real one until it is told to break. */
static void podman_works(void)
{
    MT_CLEANUP(xfree)
    char *script = xasprintf("#!/bin/sh\n# Stands for nothing: it is podman, and can be taken away.\nexec %s \"$@\"\n",
                             pod.podman);
    pod_stand_in("podman", script);
}

static void podman_breaks(void)
{
    pod_stand_in("podman", "#!/bin/sh\n# Stands for a podman whose storage is broken.\n"
                           "echo 'Error: the storage is on fire' >&2; exit 125\n");
}

static int set_up(void **state)
{
    podman_works();
    int rc = world_set_up(state);
    struct harness *h = *state;
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"base\"\n[tui]\nlist_width = 50\n");
    harness_write(h, ".config/muthr/sandbox.d/container/manifests/base.yaml", "name: base\nimage: " POD_READY "\n");
    return rc;
}

static int tear_down(void **state)
{
    pod_stand_in("podman", NULL);
    int rc = world_tear_down(state);
    pod_do("rm", "-fa", "-t", "0");
    return rc;
}

/* api with podman, docs with bwrap; docs is selected. */
static void bring_up_both(struct harness *h)
{
    harness_wait_text(h, "the first that works here; bwrap works too");
    harness_wait_text(h, "image       " POD_READY);
    harness_key(h, "S");
    harness_wait_text(h, "api is up");
    harness_keys(h, "j B");
    harness_wait_text(h, "What runs docs?");
    harness_wait_text(h, "containers made from images");
    harness_wait_text(h, "processes, walled in");
    harness_wait_text(h, "Without a choice: podman, the first that works here; bwrap works too");
    harness_keys(h, "j Enter");
    harness_wait_text(h, "2 running");
}

static void test_side_by_side(void **state)
{
    struct harness *h = *state;
    int col, row;

    world_start(h, 140, 36, NULL, NULL);
    bring_up_both(h);
    harness_wait_text(h, "podman      "); /* who runs which stands in the list */
    assert_true(harness_find(h, "bwrap", &col, &row));
    harness_key(h, "Enter");
    harness_wait_text(h, "workspace $");
    harness_type(h, "echo in-$((6*7))-bwrap\r");
    harness_wait_text(h, "in-42-bwrap");
    harness_keys(h, "C-] w k k");
    harness_wait_text(h, "muthr-api");
    harness_key(h, "Enter");
    harness_wait_text(h, "/workspace #");
    harness_type(h, "echo in-$((6*7))-podman\r");
    harness_wait_text(h, "in-42-podman");
    harness_keys(h, "C-] w");

    podman_breaks(); /* and something happens to it, so that it is looked at */
    pod_do("pause", "muthr-api");
    harness_wait_text(h, "unknown");
    harness_wait_text(h, "1 running");
    assert_true(harness_has(h, "docs"));
    podman_works();
    pod_do("unpause", "muthr-api");
    harness_wait_text(h, "2 running");
    world_leave(h);
}

static void choose_heavy(struct harness *h)
{
    harness_key(h, "p");
    harness_wait_text(h, "Profile for api");
    harness_type(h, "heavy");
    harness_key(h, "Enter");
    harness_wait_gone(h, "Profile for api");
}

/* A profile that names another backend than the one that has the sandbox: the card says so, and the keys that move it,
 * which do. */
static void test_profile_of_the_other(void **state)
{
    struct harness *h = *state;

    harness_write(h, ".config/muthr/sandbox.d/container/manifests/heavy.yaml",
                  "name: heavy\nbackend: podman\nimage: " POD_READY "\n");
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/heavy.sh", "true\n");
    world_start(h, 140, 36, NULL, NULL);
    harness_wait_text(h, "the first that works here; bwrap works too");
    harness_key(h, "B");
    harness_wait_text(h, "What runs api?");
    harness_keys(h, "j Enter");
    harness_wait_text(h, "1 running");
    choose_heavy(h);
    harness_wait_text(h, "the profile heavy wants podman, the sandbox is bwrap's: delete it first to move it");
    harness_wait_text(h, "workspace $");
    harness_keys(h, "C-] w k");
    harness_wait_text(h, "the profile heavy wants podman. To move it: d deletes the sandbox");
    harness_wait_text(h, WORLD_READY);
    harness_keys(h, "d y");
    harness_wait_text(h, "makes a sandbox for this folder");
    harness_wait_gone(h, "wants podman");
    choose_heavy(h);
    harness_wait_text(h, "/workspace #");
    harness_keys(h, "C-] w k");
    harness_wait_text(h, "backend     podman");
    assert_false(harness_has(h, "wants podman"));
    world_leave(h);
}

static void test_two_of_one_name(void **state)
{
    struct harness *h = *state;

    world_start(h, 140, 36, NULL, NULL);
    harness_wait_text(h, "the first that works here");
    harness_key(h, "S");
    harness_wait_text(h, "api is up");
    world_leave(h);
    podman_breaks();
    world_start(h, 140, 36, NULL, NULL);
    harness_wait_text(h, "unknown");
    harness_wait_text(h, "It is as it was when podman works again.");
    harness_key(h, "B");
    harness_wait_text(h, "What runs api?");
    harness_keys(h, "j Enter");
    harness_wait_text(h, "Make another one with bwrap?");
    harness_key(h, "y");
    harness_wait_text(h, "is not used: podman"); /* its image */
    harness_wait_text(h, "1 running");
    world_leave(h);
    podman_works();
    world_start(h, 140, 36, NULL, NULL);
    harness_wait_text(h, "two sandboxes have this name: one of podman, one of bwrap");
    harness_key(h, "S");
    harness_wait_text(h, "two sandboxes are called muthr-api");
    harness_keys(h, "B");
    harness_wait_text(h, "Which sandbox of api is to stay?");
    harness_keys(h, "j Enter");
    harness_wait_text(h, "Delete the podman sandbox of api?");
    harness_key(h, "y");
    harness_wait_gone(h, "two sandboxes");
    harness_wait_text(h, "1 running");
    assert_true(pod_is("muthr-api", ""));
    world_leave(h);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_side_by_side, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_profile_of_the_other, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_two_of_one_name, set_up, tear_down),
    };
    return cmocka_run_group_tests_name("cockpit over podman and bwrap", tests, group_set_up, group_tear_down);
}

int main(void)
{
    return pod_main(run);
}
