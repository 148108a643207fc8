/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a cockpit sees them, from start to end: real hosts, real programs on real ptys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "term/session_dir.h"
#include "tests/backends/host_rig.h"
#include "tests/patience.h"

static struct rig rig;
static struct rig_client a;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (a.s != NULL) {
        rig_client_close(&a);
    }
    rig_close(&rig);
    return 0;
}

static void test_echo(void **state)
{
    const struct session_info *i;
    const struct session_screen *s;
    const char *id = rig_shell(&a);

    (void)state;
    rig_type(&a, id, "echo sum=$((40+2))\r");
    rig_expect(&a, id, "sum=42");
    i = sessions_find(a.s, id);
    assert_int_equal(i->state, SESSION_RUNNING);
    assert_string_equal(i->sandbox, "muthr-test");
    assert_int_equal(i->kind, SESSION_SHELL);
    assert_true(i->host_pid > 1 && i->pid > 1 && i->host_pid != i->pid);
    assert_int_equal(kill(i->pid, 0), 0);
    s = sessions_screen(a.s, id);
    assert_int_equal(s->cols, 80);
    assert_true(s->cursor_visible);
    assert_true(s->cursor_row >= 1);
    assert_int_equal(a.added, 1);
}

static void test_resize(void **state)
{
    const char *id = rig_shell(&a);

    (void)state;
    rig_type(&a, id, "stty size\r");
    rig_expect(&a, id, "24 80");
    assert_int_equal(sessions_view(a.s, id, 101, 37, NULL), 0);
    rig_type(&a, id, "stty size\r");
    rig_expect(&a, id, "37 101");
    assert_int_equal(sessions_screen(a.s, id)->rows, 37);
    assert_int_equal(sessions_view(a.s, id, 1, 1, NULL), 0); /* never below what the terminal can bear */
    rig_turn(&rig, 50);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_type(&a, id, "echo al''ive\r");
    rig_expect(&a, id, "alive");
}

/* Reading what was already printed must not keep Ctrl-C waiting. */
static void test_flood_and_ctrl_c(void **state)
{
    const char *id = rig_shell(&a);
    uint64_t start;

    (void)state;
    rig_type(&a, id, "yes\r");
    rig_expect(&a, id, "y\ny\ny\ny\ny\n");
    rig_turn(&rig, 500);
    assert_true(a.frames > 5);
    start = clock_mono_ms();
    rig_type(&a, id, "\003");
    rig_expect(&a, id, "^C");
    print_message("Ctrl-C while flooding: %d ms\n", (int)(clock_mono_ms() - start));
    assert_true(clock_mono_ms() - start < patience(2000));
    rig_type(&a, id, "echo back=$((1+1))\r");
    rig_expect(&a, id, "back=2");
}

static int by_value(const void *x, const void *y)
{
    uint64_t l = *(const uint64_t *)x, r = *(const uint64_t *)y;

    return l < r ? -1 : l > r;
}

static bool has_new_frame(void *arg)
{
    return a.frames > *(int *)arg;
}

/* The first output after a key goes at once, not at the next frame. */
static void test_echo_is_quick(void **state)
{
    enum { KEYS = 100 };
    const char *id = rig_start(&a, "stty raw -echo; echo ready; exec cat");
    uint64_t us[KEYS];

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    rig_turn(&rig, 100);
    for (int i = 0; i < KEYS; i++) {
        int before = a.frames;
        uint64_t start = clock_mono_ns();

        rig_type(&a, id, "k");
        assert_true(rig_wait(&rig, has_new_frame, &before, RIG_WAIT_MS));
        us[i] = (clock_mono_ns() - start) / 1000;
    }
    qsort(us, KEYS, sizeof(us[0]), by_value);
    print_message("key to frame, back to back: p50 %d us, p95 %d us\n", (int)us[KEYS / 2], (int)us[KEYS * 95 / 100]);
    assert_true(us[KEYS / 2] < 12000); /* a frame limit that held keys back would make it 16 ms */
}

static void test_frames_are_limited(void **state)
{
    const char *id = rig_start(&a, "yes");
    int before;

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "y\ny");
    before = a.frames;
    rig_turn(&rig, 1000);
    assert_true(a.frames - before > 5);
    assert_true(a.frames - before <= 75);
    before = a.frames;
    a.greedy = false; /* no credit: no frame but the one on its way */
    rig_turn(&rig, 300);
    assert_true(a.frames - before <= 1);
    sessions_unview(a.s, id);
    before = a.frames;
    a.changed = 0;
    rig_turn(&rig, 2100);
    assert_int_equal(a.frames, before); /* nothing but metadata when nobody looks */
    assert_true(a.changed <= 4);
}

/* --- how a session ends --- */

static void test_exit_status_is_kept(void **state)
{
    const struct session_info *i;
    char *path;
    char id[SESSION_ID_MAX];
    int host;

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "echo last words; exit 7"));
    rig_expect_state(&a, id, SESSION_EXITED);
    rig_client_close(&a);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 1);
    i = sessions_find(a.s, id);
    assert_non_null(i);
    assert_int_equal(i->state, SESSION_EXITED);
    assert_int_equal(i->exit_code, 7);
    assert_int_equal(i->exit_signal, 0);
    assert_int_equal(i->attention, ATTENTION_FAILED);
    assert_string_equal(i->last_line, "last words");
    host = i->host_pid;
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect(&a, id, "last words");
    sessions_dismiss(a.s, id);
    rig_expect_removed(&a, id);
    assert_int_equal(a.lost, 0);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false));
    assert_true(rig_wait_gone(&rig, host));
    free(path);
}

static void test_dismiss_is_refused_while_running(void **state)
{
    const char *id = rig_shell(&a);

    (void)state;
    sessions_dismiss(a.s, id);
    rig_type(&a, id, "echo still=$((2+2))\r");
    rig_expect(&a, id, "still=4");
}

static void test_kill_of_a_stubborn_program(void **state)
{
    const char *id = rig_start(&a, "trap '' HUP TERM INT; echo ready; while :; do sleep 1; done");

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    sessions_kill(a.s, id);
    rig_expect_state(&a, id, SESSION_EXITED);
    assert_int_equal(sessions_find(a.s, id)->exit_signal, SIGKILL);
    assert_int_equal(sessions_find(a.s, id)->attention, ATTENTION_FINISHED); /* asked for: not a failure */
}

static void test_signal(void **state)
{
    const char *id = rig_start(&a, "trap 'echo got usr1' USR1; echo ready; while :; do sleep 0.05; done");

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    sessions_signal(a.s, id, SIGUSR1);
    rig_expect(&a, id, "got usr1");
}

static void test_host_killed(void **state)
{
    char id[SESSION_ID_MAX];
    char *path;

    (void)state;
    str_copy(id, sizeof(id), rig_shell(&a));
    kill(sessions_find(a.s, id)->host_pid, SIGKILL);
    rig_expect_removed(&a, id);
    assert_int_equal(a.lost, 1);
    assert_string_equal(a.last_removed, id);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false)); /* swept */
    free(path);
}

/* The host's own TERM: the program ends, the socket goes. */
static void test_host_terminated(void **state)
{
    char id[SESSION_ID_MAX];
    char *path;
    int pid;

    (void)state;
    str_copy(id, sizeof(id), rig_shell(&a));
    pid = sessions_find(a.s, id)->pid;
    kill(sessions_find(a.s, id)->host_pid, SIGTERM);
    rig_expect_removed(&a, id);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false));
    assert_true(rig_wait_gone(&rig, pid));
    free(path);
}

/* --- many, none, and nothing to do --- */

static void test_ten_sessions(void **state)
{
    char ids[10][SESSION_ID_MAX];

    (void)state;
    for (int i = 0; i < 10; i++) {
        char script[64];

        str_format(script, sizeof(script), "echo session %d; exec sleep 1000", i);
        str_copy(ids[i], SESSION_ID_MAX, rig_start(&a, script));
    }
    assert_int_equal(sessions_count(a.s), 10);
    for (size_t i = 1; i < 10; i++) {
        assert_true(strcmp(sessions_at(a.s, i - 1)->id, sessions_at(a.s, i)->id) < 0);
    }
    rig_client_close(&a);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 10);
    for (int i = 0; i < 10; i++) {
        char text[32];

        str_format(text, sizeof(text), "session %d", i);
        assert_int_equal(sessions_view(a.s, ids[i], 80, 24, NULL), 0);
        rig_expect(&a, ids[i], text);
    }
}

static void test_start_fails(void **state)
{
    static const char *const ARGV[] = {"/nonexistent/program", NULL};
    struct session_start spec = {.argv = ARGV};
    struct strvec ids = STRVEC_INIT;

    (void)state;
    assert_false(rig_start_spec(&a, &spec));
    assert_int_equal(a.start_err.code, ERROR_NOT_FOUND);
    assert_int_equal(session_dir_list(rig.dir, &ids, NULL), 0);
    assert_int_equal(ids.len, 0);
    strvec_release(&ids);
}

static void count_done(void *arg, const char *id, const struct error *err)
{
    (void)id;
    assert_non_null(err);
    assert_int_equal(err->code, ERROR_CANCELED);
    ++*(int *)arg;
}

/* Closing in the middle of a start: told once, nothing left behind on our side. */
static void test_close_while_starting(void **state)
{
    static const char *const ARGV[] = {"sleep", "1000", NULL};
    struct session_start spec = {.executable = "/proc/self/exe", .argv = ARGV, .cols = 80, .rows = 24};
    int done = 0;

    (void)state;
    assert_int_equal(sessions_start(a.s, &spec, count_done, &done, NULL), 0);
    rig_client_close(&a);
    rig_turn(&rig, 200);
    assert_int_equal(done, 1);
}

/* Nothing of the cockpit is left in host or program: descriptors, directory, terminal variables. */
static void test_hygiene(void **state)
{
    char *marker = path_join(rig.base, "marker"), path[64], link[256];
    int fd = open(marker, O_CREAT | O_RDWR, 0600), host; /* without CLOEXEC, on purpose */
    struct dirent *e;
    const char *id;
    ssize_t n;
    DIR *d;

    (void)state;
    setenv("TMUX", "/outer", 1);
    setenv("KITTY_WINDOW_ID", "3", 1);
    id = rig_start(&a, "echo [$TERM][$COLORTERM][$TMUX$KITTY_WINDOW_ID][$(ls /proc/self/fd | wc -l)]; exec sleep 1000");
    unsetenv("TMUX");
    unsetenv("KITTY_WINDOW_ID");
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "[xterm-256color][truecolor][][4]"); /* 0-2 and ls's own */
    host = sessions_find(a.s, id)->host_pid;
    str_format(path, sizeof(path), "/proc/%d/fd", host);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        assert_null(strstr(link, "marker"));
    }
    closedir(d);
    str_format(path, sizeof(path), "/proc/%d/cwd", host);
    n = readlink(path, link, sizeof(link) - 1);
    link[n > 0 ? n : 0] = '\0';
    assert_string_equal(link, "/");
    assert_true(getsid(host) != getsid(0));
    close(fd);
    free(marker);
}

static void test_idle_host_sleeps(void **state)
{
    const char *id = rig_shell(&a);
    int pid = sessions_find(a.s, id)->host_pid;
    long before;

    (void)state;
    rig_turn(&rig, 4000); /* until the last output is no longer "work" */
    before = rig_proc_status(pid, "voluntary_ctxt_switches:");
    rig_turn(&rig, 2000);
    assert_true(before > 0);
    assert_true(rig_proc_status(pid, "voluntary_ctxt_switches:") - before <= 2);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_echo),
        T(test_resize),
        T(test_flood_and_ctrl_c),
        T(test_echo_is_quick),
        T(test_frames_are_limited),
        T(test_exit_status_is_kept),
        T(test_dismiss_is_refused_while_running),
        T(test_kill_of_a_stubborn_program),
        T(test_signal),
        T(test_host_killed),
        T(test_host_terminated),
        T(test_ten_sessions),
        T(test_start_fails),
        T(test_close_while_starting),
        T(test_hygiene),
        T(test_idle_host_sleeps),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
