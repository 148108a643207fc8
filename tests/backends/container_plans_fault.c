/* SPDX-License-Identifier: Apache-2.0 */
/* What is in its way: given up, killed, left by the service in the middle of a step; bad answers; what is not ours. */
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "tests/backends/container_plans.h"
#include "tests/patience.h"
#include "tests/portable.h"

/* Commands that do something, in the order of a start from nothing. */
static const char *const acting[] = {"image.pull", "create", "start", "exec"};

/* The image is not here yet, so that a start fetches it. */
static void from_nothing(void)
{
    struct standin_ran r = STANDIN_RAN_INIT;
    verb_expect(0, "delete", "--yes", "--force", "demo");
    standin_run(&r, "image", "delete", "--force", "debian:13-slim");
    standin_ran_release(&r);
    standin_file("faults", NULL);
    standin_forget_calls();
}

static bool called_now(const void *command)
{
    return called(command) > 0;
}

/* The word as it stands in the calls: the first word of the command. */
static const char *first_word(const char *command)
{
    return strcmp(command, "image.pull") == 0 ? "image\",\"pull" : command;
}

/* Starts in the background, and waits until this command has been called and hangs. */
static pid_t start_until(const char *command)
{
    char *fault = xasprintf("%s 0 hang", command);
    from_nothing();
    standin_fault(fault);
    free(fault);
    pid_t pid = verb_begin("start");
    if (!verb_until(called_now, first_word(command), 20000)) {
        char *said = verb_said("err");
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        fail_msg("%s was not called: %s", command, said);
    }
    return pid;
}

void plan_cancel_at_each_step(void)
{
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        pid_t pid = start_until(acting[i]);
        uint64_t began = clock_mono_ms();
        kill(pid, SIGINT);
        assert_int_equal(verb_wait(pid, 15000), 1);
        uint64_t ms = clock_mono_ms() - began;
        print_message("  cancelled in %-11s after %4d ms\n", acting[i], (int)ms);
        if (ms > patience(4000)) {
            fail_msg("cancelling %s took %d ms", acting[i], (int)ms);
        }
        char *is = sandbox_status(DEMO);
        assert_true(strcmp(is, "creating") != 0 && strcmp(is, "provisioning") != 0);
        free(is);
    }
    expect_alive();
}

void plan_killed_at_each_step(void)
{
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        pid_t pid = start_until(acting[i]);
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        struct ran r = RAN_INIT;
        uint64_t began = clock_mono_ms();
        verb_run(&r, "start");
        print_message("  killed in %-11s up again after %4d ms\n", acting[i], (int)(clock_mono_ms() - began));
        if (r.code != 0) {
            fail_msg("after a kill in %s: %s", acting[i], r.err.buf);
        }
        ran_release(&r);
    }
    expect_alive();
}

/* The service goes down before a command's work, and when it is done and nothing was said. What the verb then says is
 * that, and once the service is up the next start brings it all up. */
void plan_service_down_at_each_step(void)
{
    static const char *const how[] = {"down", "lost"};
    struct ran r = RAN_INIT;
    manifest_of("base", "debian:13-slim", "");
    for (size_t i = 0; i < MT_ARRAY_LEN(acting); i++) {
        for (size_t k = 0; k < MT_ARRAY_LEN(how); k++) {
            if (k == 1 && strcmp(acting[i], "exec") == 0) {
                continue; /* its work is that of a program inside: there is no answer to lose */
            }
            char *fault = xasprintf("%s 0 %s", acting[i], how[k]);
            from_nothing();
            standin_fault(fault);
            verb_run(&r, "start");
            bool done = standin_faults_done();
            if (r.code == 0 || !done || !(strstr(r.err.buf, "service") || strstr(r.err.buf, "system start"))) {
                fail_msg("%s: exit %d, fired: %d, said: %.800s", fault, r.code, (int)done, r.err.buf);
            }
            verb_run(&r, "ls", "-o", "json"); /* no service is not "no containers" */
            standin_file("down", NULL);
            verb_run(&r, "start");
            if (r.code != 0) {
                fail_msg("after %s: %.800s", fault, r.err.buf);
            }
            free(fault);
        }
    }
    expect_alive();
    ran_release(&r);
}

void plan_two_at_once(void)
{
    standin_forget_calls();
    pid_t one = verb_begin("start"), two = verb_begin("start");
    assert_int_equal(verb_wait(one, RIG_DEADLINE_MS), 0);
    assert_int_equal(verb_wait(two, RIG_DEADLINE_MS), 0);
    assert_int_equal(called("create"), 1);
    expect_alive();
}

/* --- what answers badly --- */

void plan_half_answers(void)
{
    struct ran r = RAN_INIT;
    verb_expect(0, "start");
    standin_fault("list 0 cut!");
    verb_run(&r, "ls", "-o", "json");
    assert_null(strstr(r.out.buf, "\"status\": \"none\""));
    standin_file("faults", NULL);
    standin_fault("inspect 0 cut!");
    standin_forget_calls();
    verb_run(&r, "start");
    assert_int_equal(called("create") + called("delete"), 0); /* half an answer is no "there is none" */
    standin_file("faults", NULL);
    expect_alive();
    ran_release(&r);
}

/* A container of that name that is not ours is never touched. */
void plan_foreign(void)
{
    struct standin_ran s = STANDIN_RAN_INIT;
    struct ran r = RAN_INIT;
    standin_run(&s, "create", "--name", DEMO, READY, "sleep", "60");
    assert_int_equal(s.code, 0);
    standin_forget_calls();
    verb_run(&r, "start");
    assert_int_not_equal(r.code, 0);
    verb_run(&r, "delete", "--yes", "--force", "demo");
    assert_int_equal(called("start") + called("delete") + called("stop") + called("rm"), 0);
    expect_container("stopped");
    standin_run(&s, "delete", DEMO);
    standin_ran_release(&s);
    ran_release(&r);
}

void plan_port_clash(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(in);
    struct ran r = RAN_INIT;
    int fd = self_socket(AF_INET, SOCK_STREAM, false);
    assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    getsockname(fd, (struct sockaddr *)&in, &len);
    char *ports = xasprintf("ports:\n  - \"%d:8080\"\n", ntohs(in.sin_port)), lost[60], has[60];
    str_format(lost, sizeof(lost), "port in use, not published: %d/tcp", ntohs(in.sin_port));
    str_format(has, sizeof(has), "\"host\": %d", ntohs(in.sin_port));
    manifest_ready("base", ports);
    verb_run(&r, "start"); /* S12: without that port, and says so */
    ran_expect(&r, 0);
    expect_text(&r.err, lost);
    expect_container("running");
    close(fd);
    verb_expect(0, "stop");
    verb_expect(0, "start"); /* it is free again: made anew with it */
    verb_run(&r, "ls", "--output", "json");
    ran_expect(&r, 0);
    expect_text(&r.out, has);
    free(ports);
    ran_release(&r);
}

/* The texts of the service's errors: each reaches the person, and the next start works. */
void plan_error_texts(void)
{
    static const struct {
        const char *fault, *said;
    } all[] = {
        {"create 0 full", "No space left on device"},
        {"create 0 error internalError something new", "something new"},
        {"start 0 error internalError something new", "something new"},
        {"start 0 exit 1 Error: not UTF-8 \xff", "not UTF-8"},
    };
    struct ran r = RAN_INIT;
    for (size_t i = 0; i < MT_ARRAY_LEN(all); i++) {
        verb_expect(0, "delete", "--yes", "--force", "demo");
        standin_fault(all[i].fault);
        verb_run(&r, "start");
        if (r.code == 0 || !strstr(r.err.buf, all[i].said) || !standin_faults_done()) {
            fail_msg("%s: exit %d, said: %.800s", all[i].fault, r.code, r.err.buf);
        }
        verb_run(&r, "start");
        if (r.code != 0) {
            fail_msg("after %s: %.800s", all[i].fault, r.err.buf);
        }
    }
    /* A time limit of the service's may be a moment's: tried again. */
    verb_expect(0, "delete", "--yes", "--force", "demo");
    standin_fault("start 0 timeout");
    verb_run(&r, "start");
    verb_expect(0, "start");
    expect_alive();
    ran_release(&r);
}

/* The service does not run: that is said with what starts it, and the verb for it never leaves a question open. A
 * plugin that is called like a command of ours changes nothing. */
void plan_service_offered(void)
{
    struct ran r = RAN_INIT;
    standin_file("plugins/container-update", "#!/bin/sh\necho updated >>\"$CONTAINER_STANDIN/updated\"\n");
    standin_file("down", "");
    standin_file("no-kernel", "");
    verb_run(&r, "start");
    assert_int_equal(r.code, 69);
    expect_text(&r.err, "service");
    verb_run(&r, "backend", "start", "container", "--kernel", "yes");
    ran_expect(&r, 0);
    char *calls = standin_calls();
    assert_non_null(strstr(calls, "\"--enable-kernel-install\""));
    assert_null(strstr(calls, "\"update\""));
    free(calls);
    verb_expect(0, "start");
    expect_alive();
    ran_release(&r);
}

/* --- sealing --- */

/* What sealing does after the script has run, and how many calls of the kind came before. */
static const struct {
    const char *command;
    int skip;
} sealing[] = {{"stop", 0}, {"export", 0}, {"build", 0}, {"delete", 0}, {"create", 1}, {"start", 1}};

static int sealing_at; /* the one that is waited for */

static bool sealing_called(const void *unused)
{
    (void)unused;
    return called(sealing[sealing_at].command) > sealing[sealing_at].skip;
}

/* Half done or not: nothing that has a network is told to have none. */
static void expect_no_pretence(const char *when)
{
    struct ran r = RAN_INIT;
    char *is = standin_state(DEMO);
    if (strcmp(is, "running") == 0 && networks_of_demo() > 0) {
        verb_run(&r, "ls", "-o", "json");
        if (strstr(r.out.buf, "\"network\": \"none\"")) {
            fail_msg("%s: it has a network, and is told to have none: %.800s", when, r.out.buf);
        }
    }
    free(is);
    ran_release(&r);
}

/* The next start finishes it. */
static void expect_sealed(const char *when)
{
    struct ran r = RAN_INIT;
    verb_run(&r, "start", "--profile", "cut");
    if (r.code != 0 || networks_of_demo() != 0) {
        fail_msg("%s: exit %d, %d networks, said: %.800s", when, r.code, networks_of_demo(), r.err.buf);
    }
    verb_run(&r, "shell", "demo", "-c", "cat /root/made");
    if (strcmp(r.out.buf, "made\n") != 0) {
        fail_msg("%s: what the script made is not there: %.400s", when, r.err.buf);
    }
    ran_release(&r);
}

void plan_seal_killed(void)
{
    if (!plays(0, 10)) {
        return; /* there is no sealing to interrupt: plan_seal */
    }
    profile_cut();
    for (size_t i = 0; i < MT_ARRAY_LEN(sealing); i++) {
        char *fault = xasprintf("%s %d hang", sealing[i].command, sealing[i].skip);
        verb_expect(0, "delete", "--yes", "--force", "demo");
        standin_forget_calls();
        standin_file("faults", NULL);
        standin_fault(fault);
        sealing_at = (int)i;
        pid_t pid = verb_begin("start", "--profile", "cut");
        if (!verb_until(sealing_called, NULL, 20000)) {
            kill(pid, SIGKILL);
            verb_wait(pid, 5000);
            fail_msg("%s did not come", fault);
        }
        kill(pid, SIGKILL);
        verb_wait(pid, 5000);
        standin_end_hung();
        expect_no_pretence(fault);
        expect_sealed(fault);
        free(fault);
    }
}

void plan_seal_service_down(void)
{
    static const char *const how[] = {"down", "lost"};
    struct ran r = RAN_INIT;
    if (!plays(0, 10)) {
        return;
    }
    profile_cut();
    for (size_t i = 0; i < MT_ARRAY_LEN(sealing); i++) {
        char *fault = xasprintf("%s %d %s", sealing[i].command, sealing[i].skip, how[i % 2]);
        verb_expect(0, "delete", "--yes", "--force", "demo");
        standin_file("faults", NULL);
        standin_fault(fault);
        uint64_t began = clock_mono_ms();
        verb_run(&r, "start", "--profile", "cut");
        if (r.code == 0) {
            fail_msg("%s: exit 0", fault);
        }
        print_message("  %-13s told after %5d ms\n", fault, (int)(clock_mono_ms() - began));
        standin_file("down", NULL);
        expect_no_pretence(fault);
        expect_sealed(fault);
        free(fault);
    }
    ran_release(&r);
}
