/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/podman_debian.h"
#include "tests/backends/podman_rig.h"

static const char *missing;

static int setup(void **state)
{
    (void)state;
    if (pod_open() < 0) {
        return -1;
    }
    missing = pod_debian_why_not();
    return missing ? 0 : pod_debian();
}

static int teardown(void **state)
{
    (void)state;
    return pod_close();
}

/* The image is what it says, and its package manager reaches the mirror from inside. */
static void apt_works_inside(void **state)
{
    (void)state;
    if (missing) {
        print_message("skipped: %s\n", missing);
        skip();
    }
    char *text = pod_text("run", "--rm", "--pull=never", POD_DEBIAN, "sh", "-c",
                          "apt-get -o APT::Update::Error-Mode=any update >&2 && . /etc/os-release && echo $ID");
    assert_true(strcmp(text, "debian") == 0 || strcmp(text, "ubuntu") == 0);
    free(text);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(apt_works_inside),
    };
    return cmocka_run_group_tests_name("podman, a real Debian", tests, setup, teardown);
}

int main(void)
{
    return pod_main(run);
}
