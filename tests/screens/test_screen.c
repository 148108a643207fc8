/* SPDX-License-Identifier: Apache-2.0 */
/* tui/screen.c on a real pseudo-terminal: this binary, started again with a scene's name, is the program. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/loop.h"
#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/loan.h"
#include "tests/portable.h"
#include "tests/screens/harness.h"
#include "tests/skip.h"
#include "tui/screen.h"

/* --- the program --- */

struct scene {
    struct loop *loop;
    struct screen *screen;
    struct surface frame;
    const char *name;
    char last[32];
    int frames;
};

static void paint(struct scene *s)
{
    surface_fill(&s->frame, s->frame.clip, (struct style){.bg = cell_rgb(10, 20, 30)});
    surface_textf(&s->frame, 0, 0, -1, (struct style){.fg = cell_rgb(1, 200, 3), .bg = cell_rgb(10, 20, 30)},
                  "scene %s %dx%d", s->name, s->frame.cols, s->frame.rows);
    surface_textf(&s->frame, 0, 1, -1, (struct style){.bg = cell_rgb(10, 20, 30)}, "last key %s", s->last);
    if (screen_present(s->screen, &s->frame)) {
        screen_sync_idle(s->screen);
    }
}

/* Uses up the stack. The depth is asked for, so that no compiler sees an endless recursion. */
static int recurse(volatile const char *p, int depth)
{
    volatile char big[4096];

    big[0] = p ? p[0] : 1;
    return depth == 0 ? 0 : recurse(big, depth - 1) + big[0];
}

/* Lends the terminal; NULL where there are no loans. */
static struct loan *lend(struct scene *s)
{
    struct screen_place place = {.at = {0, 0, s->frame.cols, s->frame.rows}, .looks = 1};
    int fd = -1;
    struct loan *loan = loan_new(&fd);

    if (loan) {
        close(fd);
        screen_prepare_loan(s->screen, loan, &place);
        screen_lend(s->screen);
    }
    return loan;
}

/* What a host does with it, if it may. */
static void draw_as_host(struct loan *loan, unsigned pause_ms)
{
    static const struct loan_drawn drawn = {.row = 9, .col = 9, .count = 1, .cursor = 10, .text = "Z"};
    struct loan_offer offer;

    if (loan_take(loan, &offer, clock_mono_ms())) {
        usleep(pause_ms * 1000);
        if (write(STDOUT_FILENO, "\033[10;10HZ", 9) == 9) {
            loan_use(loan, &drawn);
        }
    }
}

/* A host takes the terminal, is kept from running right then, and writes later. */
static void lend_to_slow_host(struct scene *s)
{
    struct loan *loan = lend(s);

    if (!loan) {
        return;
    }
    if (fork() == 0) {
        draw_as_host(loan, 100);
        _exit(0);
    }
    while (loan_is_offered(loan)) {
        usleep(1000);
    }
    loan_drop(loan);
}

/* A key that brought nothing, and long after it one whose echo the host draws. */
static void lend_again(struct scene *s)
{
    struct loan *loan = lend(s);

    if (loan) {
        usleep((LOAN_MS + 10) * 1000);
        screen_lend(s->screen);
        draw_as_host(loan, 0);
        loan_drop(loan);
    }
}

/* A fatal signal with a key on its way: the terminal is given back, and then the echo comes. */
static void die_lent(struct scene *s)
{
    struct loan *loan = lend(s);

    screen_emergency_restore();
    if (loan) {
        draw_as_host(loan, 0);
    }
    exit(7);
}

static void on_input(void *arg, const char *data, size_t len)
{
    struct scene *s = arg;
    volatile int *nowhere = (volatile int *)(uintptr_t)4096; /* not NULL: the sanitizer would end us before the fault */

    /* Our terminal reports its focus whenever it likes. */
    while (len >= 3 && memcmp(data, "\033[I", 3) == 0) {
        data += 3;
        len -= 3;
    }
    if (len >= 3 && memcmp(data + len - 3, "\033[I", 3) == 0) {
        len -= 3;
    }
    if (len == 0) {
        return;
    }
    snprintf(s->last, sizeof(s->last), "%c", data[len - 1]);
    switch (data[len - 1]) {
    case 'q':
        loop_stop(s->loop);
        return;
    case 'b':
        MT_BUG("on purpose");
    case 'v':
        *nowhere = 1;
        return;
    case 'o':
        recurse(NULL, 1 << 30);
        return;
    case 'x':
        exit(7);
    case 'f':
        die_lent(s);
        return;
    case 'l':
        lend_to_slow_host(s);
        break;
    case 'r':
        lend_again(s);
        return;
    case 's':
        screen_suspend(s->screen);
        printf("suspended\n");
        fflush(stdout);
        screen_resume(s->screen, NULL);
        break;
    default:
        break;
    }
    paint(s);
}

static void on_resize(void *arg, int cols, int rows)
{
    struct scene *s = arg;

    surface_resize(&s->frame, cols, rows);
    paint(s);
}

static void on_writable(void *arg)
{
    struct scene *s = arg;

    paint(s);
}

static void on_end(void *arg)
{
    struct scene *s = arg;

    loop_stop(s->loop);
}

static void on_term(void *arg, int signum)
{
    (void)signum;
    on_end(arg);
}

static int play(const char *name)
{
    struct scene s = {.loop = loop_new(), .name = name};
    struct screen_opts opts = {.mouse = true,
                               .on_input = on_input,
                               .on_resize = on_resize,
                               .on_writable = on_writable,
                               .on_hangup = on_end,
                               .arg = &s,
                               .no_color = getenv("NO_COLOR") != NULL};
    struct error err = ERROR_INIT;
    int cols, rows;

    if (screen_open(&s.screen, s.loop, &opts, &err) != 0) {
        fprintf(stderr, "error: %s\nhint: %s\n", err.msg, err.hint ? err.hint : "");
        loop_free(s.loop);
        return 64;
    }
    struct signal_watch *term = signal_watch_new(s.loop, SIGTERM, on_term, &s, &err);
    screen_size(s.screen, &cols, &rows);
    surface_init(&s.frame, cols, rows);
    paint(&s);
    loop_run(s.loop);
    screen_close(s.screen);
    signal_watch_close(term);
    surface_release(&s.frame);
    return loop_free(s.loop) == 0 ? 0 : 3;
}

/* --- the tests --- */

static int set_up(void **state)
{
    *state = harness_new();
    return 0;
}

static int tear_down(void **state)
{
    harness_free(*state);
    return 0;
}

static void start(struct harness *h, const char *name, const char *const *env)
{
    static char self[4096];
    ssize_t n = self_path(self, sizeof(self) - 1);
    const char *args[] = {name, NULL};

    assert_true(n > 0);
    harness_start(h, &(struct harness_opts){.program = self, .args = args, .env = env, .cols = 80, .rows = 24});
}

/* The terminal is as it was: settings, screen, modes, pen, cursor. */
static void assert_restored(struct harness *h)
{
    static const char *const wanted[] = {"\033[?1049l", "\033[?2004l", "\033[?1004l", "\033[?1002l",
                                         "\033[?1006l", "\033[?7h",    "\033[?25h"};
    const struct strbuf *bytes = harness_bytes(h);

    assert_true(harness_tty_is_restored(h));
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        if (!strstr(bytes->buf, wanted[i])) {
            fail_msg("ESC%s was not sent", wanted[i] + 1);
        }
    }
    assert_false(vt_is_alt(harness_vt(h)));
    assert_true(vt_cursor(harness_vt(h)).visible);
    assert_int_equal(vt_modes(harness_vt(h))->mouse, MOUSE_OFF);
    assert_false(vt_modes(harness_vt(h))->bracketed);
    assert_false(vt_modes(harness_vt(h))->focus);
}

static void test_shows_and_quits(void **state)
{
    struct harness *h = *state;

    start(h, "plain", NULL);
    harness_wait_text(h, "scene plain 80x24");
    assert_true(vt_is_alt(harness_vt(h)));
    assert_int_equal(vt_modes(harness_vt(h))->mouse, MOUSE_DRAG);
    assert_true(vt_modes(harness_vt(h))->bracketed);
    assert_false(harness_tty_is_restored(h));
    assert_int_equal(harness_cell(h, 0, 0)->fg, cell_rgb(1, 200, 3));
    assert_int_equal(harness_cell(h, 70, 20)->bg, cell_rgb(10, 20, 30));
    harness_settle(h);
    harness_type(h, "k");
    harness_wait_text(h, "last key k");
    harness_resize(h, 100, 30);
    harness_wait_text(h, "scene plain 100x30");
    harness_resize(h, 1, 1);
    harness_wait_text(h, "s");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "scene plain 80x24");
    harness_type(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_restored(h);
}

static void test_every_violent_end(void **state)
{
    static const struct {
        const char *key;
        int signum, status;
    } ends[] = {{"v", 0, 128 + SIGSEGV},
                {"o", 0, 128 + SIGSEGV},
                {"b", 0, 128 + SIGABRT},
                {"x", 0, 7},
                {"f", 0, 7},
                {NULL, SIGSEGV, 128 + SIGSEGV},
                {NULL, SIGBUS, 128 + SIGBUS},
                {NULL, SIGABRT, 128 + SIGABRT},
                {NULL, SIGFPE, 128 + SIGFPE},
                {NULL, SIGILL, 128 + SIGILL},
                {NULL, SIGTERM, 0}};
    struct harness *h = *state;

    for (size_t i = 0; i < MT_ARRAY_LEN(ends); i++) {
        start(h, "end", NULL);
        harness_wait_text(h, "scene end");
        if (ends[i].key) {
            harness_type(h, ends[i].key);
        } else {
            harness_signal(h, ends[i].signum);
        }
        int status = harness_wait_exit(h);
#if !defined(__SANITIZE_ADDRESS__)
        assert_int_equal(status, ends[i].status); /* the sanitizer ends with its own */
#else
        (void)status;
#endif
        assert_restored(h);
        assert_false(harness_has(h, "Z"));
    }
}

static void test_suspend_and_resume(void **state)
{
    struct harness *h = *state;

    start(h, "susp", NULL);
    harness_wait_text(h, "scene susp");
    harness_type(h, "s");
    harness_wait_text(h, "last key s");
    assert_non_null(strstr(harness_bytes(h)->buf, "suspended\r\n")); /* cooked again in between */
    assert_true(vt_is_alt(harness_vt(h)));
    assert_false(harness_tty_is_restored(h));
    harness_signal(h, SIGCONT); /* as after a SIGSTOP: everything is said again */
    harness_settle(h);
    harness_wait_text(h, "scene susp");
    harness_type(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_restored(h);
}

/* A host that has taken the terminal and is kept from running for longer than anybody waits for it: what it writes over
 * the next frame goes with the one after that, and nothing comes when the terminal was given back. */
static void test_late_echo(void **state)
{
    struct harness *h = *state;

#if !defined(__linux__)
    skip_because("terminals are lent on Linux only");
#endif
    start(h, "late", NULL);
    harness_wait_text(h, "scene late");
    harness_type(h, "l");
    harness_wait_text(h, "last key l");
    harness_wait_text(h, "Z");
    harness_type(h, "j");
    harness_wait_text(h, "last key j");
    harness_wait_gone(h, "Z");
    harness_settle(h);
    harness_type(h, "l");
    harness_wait_text(h, "last key l");
    harness_type(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    usleep(150 * 1000);
    harness_take(h);
    assert_restored(h);
    assert_false(harness_has(h, "Z"));
}

/* Each key is an offer of its own, and what was drawn the next frame knows of. */
static void test_lent_again(void **state)
{
    struct harness *h = *state;

#if !defined(__linux__)
    skip_because("terminals are lent on Linux only");
#endif
    start(h, "again", NULL);
    harness_wait_text(h, "scene again");
    harness_type(h, "r");
    harness_wait_text(h, "Z");
    harness_type(h, "j");
    harness_wait_gone(h, "Z");
    harness_type(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_restored(h);
}

static void test_hang_up_ends(void **state)
{
    struct harness *h = *state;

    start(h, "hup", NULL);
    harness_wait_text(h, "scene hup");
    harness_hang_up(h);
    int status = harness_wait_exit(h);
    assert_true(status == 0 || status == 128 + SIGHUP);
}

static void test_colours(void **state)
{
    struct harness *h = *state;
    static const struct {
        const char *env[4];
        int kind;
    } cases[] = {{{"COLORTERM=24bit", NULL}, CELL_KIND_RGB},
                 {{"COLORTERM", NULL}, CELL_KIND_INDEXED},
                 {{"COLORTERM", "TERM=linux", NULL}, CELL_KIND_INDEXED},
                 {{"NO_COLOR=1", NULL}, CELL_KIND_DEFAULT},
                 {{"COLORTERM", "TERM=vt100", NULL}, CELL_KIND_DEFAULT}};

    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        start(h, "colour", cases[i].env);
        harness_wait_text(h, "scene colour");
        assert_int_equal(CELL_COLOR_KIND(harness_cell(h, 0, 0)->fg), cases[i].kind);
        harness_type(h, "q");
        assert_int_equal(harness_wait_exit(h), 0);
        assert_true(harness_tty_is_restored(h));
    }
}

static void test_unusable_terminals(void **state)
{
    struct harness *h = *state;
    static const char *const envs[][2] = {
        {"TERM=dumb", NULL}, {"TERM", NULL}, {"TERM=no-such-terminal", NULL}, {"TERM=../etc", NULL}};

    for (size_t i = 0; i < MT_ARRAY_LEN(envs); i++) {
        start(h, "bad", envs[i]);
        assert_int_equal(harness_wait_exit(h), 64);
        assert_true(harness_has(h, "error: "));
        assert_true(harness_has(h, "hint: set TERM"));
        assert_true(harness_tty_is_restored(h));
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_shows_and_quits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_every_violent_end, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_suspend_and_resume, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_echo, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lent_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hang_up_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_colours, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_unusable_terminals, set_up, tear_down),
    };
    if (argc > 1) {
        return play(argv[1]);
    }
    return cmocka_run_group_tests_name("screen", tests, NULL, NULL);
}
