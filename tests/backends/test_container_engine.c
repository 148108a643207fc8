/* SPDX-License-Identifier: Apache-2.0 */
/* The real program and its engine over the backend `container`, against the stand-in at three versions: every plan, and
 * what may go wrong in the middle of each. At the end a table of backend, version, plan and outcome. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/xmalloc.h"
#include "tests/backends/container_plans.h"
#include "tests/portable.h"
#include "tests/skip.h"

#define VERSIONS 3 /* standin_versions */

/* A sanitizer makes each of the thousands of processes several times as dear: the newest version only. */
#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED true
#endif
#endif
#if !defined(SANITIZED)
#define SANITIZED false
#endif

static char *shipped; /* MUTHR_TUI_DATA as it was */

struct plan {
    const char *name;
    void (*run)(void);
};

static const struct plan plans[] = {
    {"ensure, from none", plan_ensure_from_none},
    {"ensure, from stopped", plan_ensure_from_stopped},
    {"ensure, running", plan_ensure_running},
    {"ensure, drifted and stopped", plan_drifted_stopped},
    {"ensure, drifted and running", plan_drifted_running},
    {"provision", plan_provision},
    {"provision, failing", plan_provision_failing},
    {"seal", plan_seal},
    {"seal, kill -9 at each step", plan_seal_killed},
    {"seal, service down at each", plan_seal_service_down},
    {"golden image", plan_golden},
    {"stop", plan_stop},
    {"delete", plan_delete},
    {"delete, slow to shut down", plan_slow_shutdown},
    {"re-create", plan_recreate},
    {"cancel at each step", plan_cancel_at_each_step},
    {"kill -9 at each step, repair", plan_killed_at_each_step},
    {"service down at each step", plan_service_down_at_each_step},
    {"two verbs at once", plan_two_at_once},
    {"half answers", plan_half_answers},
    {"a container not ours", plan_foreign},
    {"a port that is taken", plan_port_clash},
    {"texts of errors", plan_error_texts},
    {"service and kernel offered", plan_service_offered},
    {"upgrade while it runs", plan_upgrade},
    {"odd names", plan_odd_names},
    {"limits rounded", plan_rounded_limits},
    {"session in a host", plan_session},
    {"shell on a terminal, resized", plan_shell_with_resize},
    {"task", plan_task},
    {"idle stop", plan_idle_stop},
};

struct cell {
    const char *version;
    const struct plan *plan;
    char outcome[8]; /* "": not wanted */
};
/* Row by version, in memory that the processes share: each version is gone through by one of its own. */
static struct cell (*cells)[MT_ARRAY_LEN(plans)];

static int set_up(void **state)
{
    const struct cell *c = *state;
    if (standin_unusable() || verb_setup(state) < 0) {
        return standin_unusable() ? 0 : -1;
    }
    plan_version = c->version;
    standin_open(vr.base, plan_version);
    if (shipped) {
        setenv("MUTHR_TUI_DATA", shipped, 1);
    } else {
        unsetenv("MUTHR_TUI_DATA");
    }
    setenv("MUTHR_TUI_BACKENDS", "container", 1);
    home_write(".config/muthr/muthr.toml", "[sandbox]\nbackend = \"container\"\nprofile = \"base\"\n");
    manifest_ready("base", "");
    return 0;
}

static int tear_down(void **state)
{
    struct ran r = RAN_INIT;
    if (standin_unusable()) {
        return 0;
    }
    standin_file("down", NULL);
    standin_file("faults", NULL);
    verb_run(&r, "delete", "--yes", "--force", "demo");
    verb_run(&r, "delete", "--yes", "--force", "other");
    ran_release(&r);
    standin_close();
    return verb_teardown(state);
}

static void run_plan(void **state)
{
    struct cell *c = *state;
    if (standin_unusable()) {
        str_copy(c->outcome, sizeof(c->outcome), "skipped");
        skip_because("%s", standin_unusable());
    }
    str_copy(c->outcome, sizeof(c->outcome), "FAILED");
    c->plan->run();
    str_copy(c->outcome, sizeof(c->outcome), "passed");
}

/* build/MODE/tests/backends/test_x -> build/MODE/muthr-tui, unless the environment names one. */
static void find_program(void)
{
    char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    for (int i = 0; i < 3; i++) {
        while (n > 0 && self[--n] != '/') {
        }
    }
    self[n > 0 ? n : 0] = '\0';
    char *program = xasprintf("%s/muthr-tui", self);
    setenv("MT_TEST_PROGRAM", program, 0);
    free(program);
}

/* One version's plans, those that the arguments choose: a version or a part of a plan's name. */
static int run_version(size_t v, int argc, char **argv)
{
    struct CMUnitTest tests[MT_ARRAY_LEN(plans)];
    char *names[MT_ARRAY_LEN(plans)];
    size_t n = 0;
    for (size_t p = 0; p < MT_ARRAY_LEN(plans); p++) {
        struct cell *c = &cells[v][p];
        bool wanted = !SANITIZED || v == VERSIONS - 1;
        *c = (struct cell){.version = standin_versions[v], .plan = &plans[p]};
        for (int i = 1; i < argc; i++) {
            wanted = wanted && (strcmp(argv[i], c->version) == 0 || strstr(c->plan->name, argv[i]));
        }
        if (wanted) {
            names[n] = xasprintf("container %s: %s", c->version, c->plan->name);
            tests[n] = (struct CMUnitTest){.name = names[n],
                                           .test_func = run_plan,
                                           .setup_func = set_up,
                                           .teardown_func = tear_down,
                                           .initial_state = c};
            n++;
        }
    }
    int failed = n > 0 ? _cmocka_run_group_tests("container", tests, n, NULL, NULL) : 0;
    for (size_t i = 0; i < n; i++) {
        free(names[i]);
    }
    return failed;
}

/* Prints what a version's process said. */
static void print_file(int fd)
{
    char buf[65536];
    ssize_t n;
    lseek(fd, 0, SEEK_SET);
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        fwrite(buf, 1, (size_t)n, stdout);
    }
    close(fd);
}

static void print_table(void)
{
    printf("\nbackend    version  plan                           outcome\n");
    for (size_t v = 0; standin_versions[v]; v++) {
        for (size_t p = 0; p < MT_ARRAY_LEN(plans); p++) {
            if (cells[v][p].outcome[0]) {
                printf("container  %-7s  %-29s  %s\n", standin_versions[v], plans[p].name, cells[v][p].outcome);
            }
        }
    }
}

int main(int argc, char **argv)
{
    pid_t pids[VERSIONS];
    FILE *said[VERSIONS];
    int failed = 0, status;
    shipped = xstrdup_null(getenv("MUTHR_TUI_DATA"));
    find_program();
    cells = mmap(NULL, VERSIONS * sizeof(*cells), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (size_t v = 0; v < VERSIONS; v++) {
        said[v] = tmpfile();
        pids[v] = fork();
        if (pids[v] == 0) {
            dup2(fileno(said[v]), 1);
            dup2(fileno(said[v]), 2);
            exit(run_version(v, argc, argv) != 0);
        }
    }
    for (size_t v = 0; v < VERSIONS; v++) {
        failed |= waitpid(pids[v], &status, 0) != pids[v] || status != 0;
        print_file(fileno(said[v]));
    }
    print_table();
    free(shipped);
    return failed;
}
