/* SPDX-License-Identifier: Apache-2.0 */
/* What a sandbox goes through when nothing is in its way. */
#include <stdlib.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tests/backends/container_plans.h"
#include "tests/patience.h"

static int64_t cpus_of_demo(void)
{
    struct json *all = inspected();
    int64_t n = json_get_int(json_get(json_get(json_first(all), "configuration"), "resources"), "cpus", -1);
    json_free(all);
    return n;
}

void plan_ensure_from_none(void)
{
    verb_expect(0, "start");
    expect_container("running");
    expect_status(DEMO, "running");
    expect_alive();
}

void plan_ensure_from_stopped(void)
{
    verb_expect(0, "start");
    verb_expect(0, "stop");
    expect_container("stopped");
    standin_forget_calls();
    verb_expect(0, "start");
    assert_int_equal(called("create"), 0);
    expect_alive();
}

void plan_ensure_running(void)
{
    verb_expect(0, "start");
    standin_forget_calls();
    verb_expect(0, "start");
    assert_int_equal(called("create") + called("start") + called("stop") + called("delete"), 0);
    expect_alive();
}

void plan_drifted_stopped(void)
{
    manifest_ready("base", "resources:\n  cpus: 2\n");
    verb_expect(0, "start");
    assert_int_equal(cpus_of_demo(), 2);
    verb_expect(0, "stop");
    manifest_ready("base", "resources:\n  cpus: 3\n");
    verb_expect(0, "start");
    assert_int_equal(cpus_of_demo(), 3);
    expect_alive();
}

void plan_drifted_running(void)
{
    struct ran r = RAN_INIT;
    manifest_ready("base", "resources:\n  cpus: 2\n");
    verb_expect(0, "start");
    manifest_ready("base", "resources:\n  cpus: 3\n");
    verb_run(&r, "start");
    ran_expect(&r, 0);
    assert_int_equal(cpus_of_demo(), 2); /* never under the person's feet */
    verb_expect(0, "start", "--recreate");
    assert_int_equal(cpus_of_demo(), 3);
    expect_alive();
    ran_release(&r);
}

void plan_provision(void)
{
    profile_write("mine", "echo '[PROC] one'\necho x >>/workspace/ran\necho '[ OK ] two'\n");
    manifest_ready("mine", "");
    verb_expect(0, "start", "--profile", "mine");
    verb_expect(0, "provision");
    char *ran = home_read("src/demo/ran");
    assert_string_equal(ran, "x\n"); /* the same revision: once */
    free(ran);
    expect_container("running");
}

void plan_provision_failing(void)
{
    struct ran r = RAN_INIT;
    profile_write("mine", "echo '[PROC] one'\nexit 9\n");
    manifest_ready("mine", "");
    verb_run(&r, "start", "--profile", "mine");
    ran_expect(&r, 1);
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "\"provisioned\": false");
    expect_text(&r.out, "failed (exit 9)");
    profile_write("mine", "echo '[ OK ] now'\n");
    verb_expect(0, "start", "--profile", "mine");
    expect_alive();
    ran_release(&r);
}

/* Provisioned with a network, and then without one: really, or not at all. */
void plan_seal(void)
{
    struct ran r = RAN_INIT;
    profile_cut();
    verb_run(&r, "start", "--profile", "cut");
    if (plays(0, 10)) {
        ran_expect(&r, 0);
        assert_int_equal(networks_of_demo(), 0);
        verb_run(&r, "shell", "demo", "-c", "grep -c : /proc/net/dev; cat /root/made");
        ran_expect(&r, 0);
        assert_string_equal(r.out.buf, "1\nmade\n"); /* the loopback, and what the script made */
        verb_expect(0, "stop");
        verb_expect(0, "start", "--profile", "cut");
        assert_int_equal(networks_of_demo(), 0);
    } else {
        assert_int_not_equal(r.code, 0); /* nothing can be made of a container before `export`: refused */
        char *is = standin_state(DEMO);
        assert_true(strcmp(is, "running") != 0 || networks_of_demo() == 0);
        free(is);
    }
    ran_release(&r);
}

void plan_golden(void)
{
    struct ran r = RAN_INIT;
    profile_write("mine", "echo made >/var/lib/made\n");
    manifest_ready("mine", "");
    verb_run(&r, "image", "build", "--profile", "mine", "demo");
    if (!plays(0, 10)) {
        assert_int_not_equal(r.code, 0);
        expect_text(&r.err, "container 0.7.1 cannot make an image of a sandbox");
        ran_release(&r);
        return;
    }
    ran_expect(&r, 0);
    verb_run(&r, "shell", "other", "--profile", "mine", "-c", "cat /var/lib/made");
    ran_expect(&r, 0);
    assert_string_equal(r.out.buf, "made\n");
    char *calls = standin_calls();
    assert_non_null(strstr(calls, "localhost/muthr-profile-mine"));
    free(calls);
    ran_release(&r);
}

void plan_stop(void)
{
    verb_expect(0, "start");
    uint64_t began = clock_mono_ms();
    verb_expect(0, "stop");
    assert_in_range(clock_mono_ms() - began, 0, patience(4000)); /* its first process ends at the signal */
    expect_container("stopped");
    verb_expect(0, "stop");
}

void plan_delete(void)
{
    verb_expect(0, "start");
    verb_expect(0, "delete", "--yes", "demo");
    expect_container("");
    expect_status(DEMO, "");
    assert_true(src_exists("demo"));
}

void plan_recreate(void)
{
    verb_expect(0, "start");
    standin_forget_calls();
    manifest_ready("base", "resources:\n  memory: 300Mi\n");
    verb_expect(0, "start", "--recreate");
    assert_int_equal(called("create"), 1);
    expect_alive();
}

/* What `stopping` lasts, a deletion waits for. */
void plan_slow_shutdown(void)
{
    standin_file("shutdown_ms", "700");
    verb_expect(0, "start");
    verb_expect(0, "delete", "--yes", "demo");
    expect_container("");
}

/* The tool is brought up to date while a sandbox runs: what was made by the old one goes on with the new one. */
void plan_upgrade(void)
{
    verb_expect(0, "start");
    standin_version("1.2.2");
    expect_status(DEMO, "running");
    expect_alive();
    verb_expect(0, "stop");
    verb_expect(0, "start");
    expect_alive();
}

/* Folders with names that the tool cannot take: a blank can be mounted, a colon cannot, and that is said. */
void plan_odd_names(void)
{
    struct ran r = RAN_INIT;
    home_write("src/demo/a b/x", "");
    verb_run(&r, "start", "a b");
    ran_expect(&r, 0);
    verb_run(&r, "shell", "a b", "-c", "pwd; touch made");
    ran_expect(&r, 0);
    assert_true(src_exists("a b/made"));
    verb_expect(0, "delete", "--yes", "--force", "a b");
    home_write("src/co:lon/x", "");
    standin_forget_calls();
    verb_run(&r, "start", "co:lon");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "':'");
    home_write("src/equal=s/x", "");
    verb_run(&r, "start", "equal=s");
    assert_int_not_equal(r.code, 0);
    expect_text(&r.err, "'='");
    assert_int_equal(called("create"), 0);
    ran_release(&r);
}

/* Whole processors and 200 MiB: rounded up, and said so. */
void plan_rounded_limits(void)
{
    struct ran r = RAN_INIT;
    manifest_ready("base", "resources:\n  cpus: 1.5\n  memory: 100Mi\n");
    verb_expect(0, "start");
    assert_int_equal(cpus_of_demo(), 2);
    struct json *all = inspected();
    assert_int_equal(
        json_get_int(json_get(json_get(json_first(all), "configuration"), "resources"), "memoryInBytes", 0), 200 << 20);
    json_free(all);
    verb_run(&r, "ls", "-o", "json");
    expect_text(&r.out, "cpus 1.5 raised to 2");
    expect_text(&r.out, "200 MiB");
    ran_release(&r);
}
