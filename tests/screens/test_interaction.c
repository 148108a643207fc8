/* SPDX-License-Identifier: Apache-2.0 */
/* Keys, mouse, dialogs, themes and configuration of the cockpit, and how it looks where terminals can less. Runs once
 * more as an ordinary user for what only such a one meets: no network of its own for a sandbox. */
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/portable.h"
#include "tests/screens/world.h"
#include "tests/skip.h"

/* Starts at 120x36 and waits until the list can be worked with. */
static void begin(struct harness *h)
{
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
}

/* Is this text drawn on this background? */
struct tint {
    const char *text;
    uint32_t bg;
};

static bool has_background(struct harness *h, void *arg)
{
    const struct tint *t = arg;
    int col, row;

    return harness_find(h, t->text, &col, &row) && harness_cell(h, col, row)->bg == t->bg;
}

static void wait_background(struct harness *h, const char *text, uint32_t bg)
{
    struct tint t = {text, bg};

    harness_wait(h, has_background, &t, "the background does not change");
}

#define DARK cell_rgb(0x16, 0x18, 0x1d)
#define LIGHT cell_rgb(0xfb, 0xfb, 0xfa)

static void test_mouse_in_the_list(void **state)
{
    struct harness *h = *state;
    int col, row;

    for (int i = 0; i < 60; i++) {
        char name[32];
        snprintf(name, sizeof(name), "src/project-%02d", i);
        harness_mkdir(h, name);
    }
    begin(h);
    assert_true(harness_find(h, "docs", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "muthr-docs");
    /* The wheel scrolls what it is over; the selection stays. */
    for (int i = 0; i < 12; i++) {
        harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_DOWN, col, 10);
    }
    harness_wait_text(h, "project-40");
    harness_wait_gone(h, " api ");
    harness_wait_text(h, "muthr-docs");
    for (int i = 0; i < 20; i++) {
        harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_UP, col, 10);
    }
    harness_wait_text(h, " api ");
    /* Twice opens. */
    assert_true(harness_find(h, "homepage", &col, &row));
    harness_click(h, col, row);
    harness_click(h, col, row);
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_text(h, "homepage › shell");
    world_leave_session(h);
    assert_true(harness_has(h, "1 session goes on; `muthr-tui` brings it back"));
}

static void test_palette_and_filter(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_key(h, ":");
    harness_wait_text(h, "sandbox.restart");
    harness_type(h, "all keys");
    harness_wait_gone(h, "sandbox.restart");
    harness_key(h, "Enter");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    /* One that cannot be done now says why. */
    harness_key(h, ":");
    harness_wait_text(h, "sandbox.restart");
    harness_type(h, "sandbox.stop");
    harness_wait_gone(h, "sandbox.restart");
    harness_key(h, "Enter");
    harness_wait_text(h, "it does not run");
    /* A filter is as good as a list: moving, Enter keeps it, Esc clears it. */
    harness_key(h, "/");
    harness_settle(h);
    harness_type(h, "o");
    harness_wait_gone(h, " api ");
    harness_type(h, "c");
    harness_wait_gone(h, "homepage");
    harness_key(h, "Enter");
    harness_wait_text(h, "muthr-docs");
    harness_key(h, "Escape");
    harness_wait_text(h, "homepage");
    harness_key(h, "/");
    harness_settle(h);
    harness_type(h, "nosuchthing");
    harness_wait_text(h, "Nothing matches");
    harness_key(h, "Escape");
    harness_wait_text(h, " api ");
    world_leave(h);
}

static void test_theme_preview_and_keep(void **state)
{
    struct harness *h = *state;
    int light, now;

    begin(h);
    wait_background(h, "muthr-api", DARK);
    harness_key(h, "T");
    harness_wait_text(h, "catppuccin");
    assert_true(harness_find(h, "  light", NULL, &light));
    assert_true(harness_find(h, "  default", NULL, &now));
    for (int i = now; i < light; i++) {
        harness_key(h, "j");
    }
    wait_background(h, "muthr-api", LIGHT); /* live */
    harness_key(h, "Escape");
    wait_background(h, "muthr-api", DARK); /* not kept */
    harness_wait_gone(h, "catppuccin");
    harness_key(h, "T");
    harness_wait_text(h, "catppuccin");
    for (int i = now; i < light; i++) {
        harness_key(h, "j");
    }
    harness_key(h, "Enter");
    harness_wait_gone(h, "catppuccin");
    wait_background(h, "muthr-api", LIGHT);
    harness_wait_text(h, "Theme light for this run");
    world_leave(h);
}

/* A theme of one's own, followed while it is edited; a broken one is told with its place and changes nothing. */
static void test_theme_reload(void **state)
{
    struct harness *h = *state;
    static const char format[] = "name = \"mine\"\n[palette]\nbg = \"%s\"\nfg = \"#eeeeee\"\n"
                                 "[roles]\ntext = { fg = \"fg\", bg = \"bg\" }\n";
    char text[256];

    snprintf(text, sizeof(text), format, "#102030");
    harness_write(h, ".config/muthr/themes/mine.toml", text);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"mine\"\n");
    begin(h);
    wait_background(h, "muthr-api", cell_rgb(0x10, 0x20, 0x30));
    snprintf(text, sizeof(text), format, "#203010");
    harness_write(h, ".config/muthr/themes/mine.toml", text);
    wait_background(h, "muthr-api", cell_rgb(0x20, 0x30, 0x10));
    harness_write(h, ".config/muthr/themes/mine.toml", "name = \"mine\"\n[roles]\ntext = {\n");
    harness_wait_text(h, "mine.toml:3:");
    wait_background(h, "muthr-api", cell_rgb(0x20, 0x30, 0x10)); /* the old one stays */
    snprintf(text, sizeof(text), format, "#301020");
    harness_write(h, ".config/muthr/themes/mine.toml", text);
    wait_background(h, "muthr-api", cell_rgb(0x30, 0x10, 0x20));
    world_leave(h);
}

/* The configuration, followed while it is edited. */
static void test_config_reload(void **state)
{
    struct harness *h = *state;

    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"default\"\n");
    begin(h);
    wait_background(h, "muthr-api", DARK);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"light\"\n[tui.keys]\n\"X\" = \"app.help\"\n");
    wait_background(h, "muthr-api", LIGHT);
    harness_key(h, "X");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"default\"\nascii = maybe\n");
    harness_wait_text(h, "muthr.toml:3:");
    wait_background(h, "muthr-api", LIGHT); /* nothing of a broken file is used */
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"default\"\n");
    wait_background(h, "muthr-api", DARK);
    /* Names that nobody knows. */
    harness_write(h, ".config/muthr/muthr.toml",
                  "[tui]\ntheme = \"nosuch\"\n[tui.keys]\n\"Entr\" = \"app.help\"\n\"Y\" = \"app.nothing\"\n");
    harness_wait_text(h, "nosuch");
    wait_background(h, "muthr-api", DARK);
    harness_key(h, "E");
    harness_wait_text(h, "Entr");
    harness_wait_text(h, "app.nothing");
    harness_key(h, "Escape");
    harness_wait_gone(h, "app.nothing");
    world_leave(h);
}

/* The terminal has been told this after that. */
struct said {
    const char *what, *after;
};

static bool was_said(struct harness *h, void *arg)
{
    const struct said *s = arg;
    const char *last = NULL;
    for (const char *at = harness_bytes(h)->buf; (at = strstr(at, s->after)) != NULL; at++) {
        last = at;
    }
    return last && strstr(last, s->what);
}

/* The mouse is let go, and taken again, without leaving. */
static void test_mouse_reload(void **state)
{
    struct harness *h = *state;
    struct said off = {"\033[?1000l", "\033[?1000h"}, on = {"\033[?1000h", "\033[?1000l"};
    int col, row;

    begin(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nmouse = false\n");
    harness_wait(h, was_said, &off, "the mouse is not let go");
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nmouse = true\n");
    harness_wait(h, was_said, &on, "the mouse is not taken again");
    assert_true(harness_find(h, "docs", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "muthr-docs");
    world_leave(h);
}

static void test_stop_and_delete(void **state)
{
    struct harness *h = *state;

    begin(h);
    world_open_shell(h);
    harness_keys(h, "C-] w");
    harness_wait_text(h, "Enter open");
    harness_key(h, "k");
    harness_wait_text(h, "muthr-api");
    harness_key(h, "s");
    harness_wait_text(h, "Stop api? 1 session ends (y/N)");
    harness_key(h, "Enter"); /* No */
    harness_wait_gone(h, "(y/N)");
    harness_wait_text(h, "1 running");
    harness_key(h, "d");
    harness_wait_text(h, "Delete api?");
    harness_wait_text(h, "Stays:  the project folder ~/src/api");
    harness_key(h, "Enter"); /* is no answer to that */
    harness_settle(h);
    harness_wait_text(h, "Delete api?");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Delete api?");
    harness_wait_text(h, "1 running");
    harness_key(h, "s");
    harness_wait_text(h, "(y/N)");
    harness_key(h, "y");
    harness_wait_text(h, "0 running");
    harness_wait_text(h, "stopped");
    harness_key(h, "d");
    harness_wait_text(h, "Delete api?");
    harness_key(h, "y");
    harness_wait_text(h, "api: the sandbox is deleted, the folder is where it was");
    harness_wait_text(h, "· no sandbox");
    world_leave(h);
    MT_CLEANUP(xfree) char *folder = xasprintf("%s/src/api", harness_home(h));
    assert_true(fs_is_dir(folder));
}

static void test_new_session_and_leaving(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_key(h, "n");
    harness_wait_text(h, "New session in api");
    harness_wait_text(h, "The sandbox is started first.");
    harness_wait_text(h, "this profile has none"); /* no agent */
    harness_key(h, "c");
    harness_wait_text(h, "sh -c");
    harness_type(h, "echo sa''id; exec cat\r");
    harness_wait_text(h, "said");
    harness_wait_text(h, "C-] then");
    /* Q: what would stop, what stays; nothing unless chosen. */
    harness_keys(h, "C-] Q");
    harness_wait_text(h, "Leave, and stop what is marked");
    harness_wait_text(h, "1 session");
    harness_key(h, "Enter");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_true(harness_has(h, "1 session goes on"));
    begin(h);
    harness_wait_text(h, "1 running");
    harness_key(h, "Q");
    harness_wait_text(h, "Leave, and stop what is marked");
    harness_key(h, "Space");
    harness_settle(h);
    harness_key(h, "Enter");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_true(harness_tty_is_restored(h));
    assert_false(harness_has(h, "goes on"));
    begin(h);
    harness_wait_text(h, "0 running");
    world_leave(h);
}

/* No colour anywhere in the bytes: only attributes. */
static void assert_no_colour(const struct strbuf *bytes)
{
    for (const char *p = bytes->buf; (p = strstr(p, "\033[")) != NULL;) {
        p += 2;
        size_t n = strspn(p, "0123456789;:");
        if (p[n] != 'm') {
            continue;
        }
        for (const char *q = p; q < p + n;) {
            long v = strtol(q, NULL, 10);
            if ((v >= 30 && v <= 49) || (v >= 58 && v <= 59) || v >= 90) {
                fail_msg("a colour: ESC[%.*sm", (int)n, p);
            }
            q += strcspn(q, ";:m") + 1;
        }
    }
}

static void assert_ascii(const struct strbuf *bytes)
{
    for (size_t i = 0; i < bytes->len; i++) {
        if ((unsigned char)bytes->buf[i] >= 0x80) {
            fail_msg("a byte of %02x at %zu", (unsigned char)bytes->buf[i], i);
        }
    }
}

/* Goes through list, help, palette, themes and a session. */
static void tour(struct harness *h)
{
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "?");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    harness_key(h, ":");
    harness_wait_text(h, "sandbox.restart");
    harness_key(h, "Escape");
    harness_wait_gone(h, "sandbox.restart");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    harness_type(h, "printf '\\033[31;48;5;22mr''ed\\033[m \\303\\251\\346\\227\\245\\n'\r");
    harness_wait_text(h, "red");
    world_leave_session(h);
}

static void test_no_color_and_ascii(void **state)
{
    struct harness *h = *state;
    static const char *const no_color[] = {"NO_COLOR=1", NULL};
    static const char *const ascii[] = {"--ascii", NULL};

    harness_mkdir(h, "src/日本語");
    world_start(h, 120, 36, NULL, no_color);
    tour(h);
    assert_no_colour(harness_bytes(h));
    harness_mkdir(h, "src/ünïcode");
    world_start(h, 120, 36, ascii, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "1");
    harness_wait_text(h, "red");
    world_leave_session(h);
    assert_ascii(harness_bytes(h));
}

/* Without colours the selected row is seen, wherever the focus is. */
static void test_no_color_selection(void **state)
{
    struct harness *h = *state;
    static const char *const no_color[] = {"NO_COLOR=1", NULL};
    static const int sizes[][2] = {{120, 36}, {100, 24}};
    int col = 0, row = 0;

    for (size_t i = 0; i < MT_ARRAY_LEN(sizes); i++) {
        world_start(h, sizes[i][0], sizes[i][1], NULL, no_color);
        if (i == 0) {
            world_open_shell(h);
        } else {
            harness_wait_text(h, "shell");
            harness_keys(h, "1");
        }
        harness_wait_text(h, "C-] then");
        assert_true(harness_find(h, "1 \302\267 shell", &col, &row));
        assert_int_equal(harness_cell(h, 0, row)->ch, '>');
        assert_true(CELL_UNDERLINE(harness_cell(h, col, row)->attrs) != 0);
        assert_true(harness_cell(h, 0, row - 1)->ch != '>');
        harness_keys(h, "C-] w");
        harness_wait_text(h, "Enter open");
        assert_true((harness_cell(h, col, row)->attrs & CELL_REVERSE) != 0);
        world_leave(h);
    }
}

static void test_terminals_that_cannot(void **state)
{
    struct harness *h = *state;
    static const char *const dumb[] = {"TERM=dumb", NULL};
    static const char *const no_term[] = {"TERM", NULL};
    static const char *const unknown[] = {"TERM=no-such-terminal", NULL};
    static const char *const none[] = {NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    world_start(h, 80, 24, NULL, dumb);
    assert_int_equal(harness_wait_exit(h), 64);
    assert_true(harness_has(h, "TERM=dumb"));
    world_start(h, 80, 24, NULL, no_term);
    assert_int_equal(harness_wait_exit(h), 64);
    assert_true(harness_has(h, "TERM"));
    world_start(h, 80, 24, NULL, unknown);
    assert_int_equal(harness_wait_exit(h), 64);
    assert_true(harness_has(h, "no-such-terminal"));
    assert_int_equal(harness_run(h, none, &out), 64);
    assert_non_null(strstr(out.buf, "terminal"));
    assert_non_null(strstr(out.buf, "for scripts there are verbs"));
}

/* --- as an ordinary user --- */

static void test_choice_of_network(void **state)
{
    struct harness *h = *state;
    int col, row;

    if (geteuid() == 0 || access("/dev/net/tun", R_OK | W_OK) == 0) {
        skip_because("a network of its own is to be had");
    }
    begin(h);
    harness_key(h, "Enter");
    harness_wait_text(h, "api: which network?");
    harness_wait_text(h, "/dev/net/tun");
    harness_wait_text(h, "share this machine's network");
    harness_key(h, "s");
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_text(h, "net:shared");
    assert_true(harness_find(h, "net:shared", &col, &row));
    uint32_t warn = harness_cell(h, col, row)->fg;
    assert_true(harness_find(h, "bwrap", &col, &row));
    assert_true(warn != harness_cell(h, col, row)->fg);           /* stands out */
    harness_wait_text(h, "api: network is shared with the host"); /* the shell that opens does not cover it */
    harness_keys(h, "C-] w Escape");
    harness_wait_text(h, "Enter open");
    harness_click(h, 6, 4);
    harness_wait_text(h, "muthr-docs");
    harness_key(h, "Enter");
    harness_wait_text(h, "docs: which network?");
    harness_key(h, "n");
    harness_wait_text(h, "docs › shell");
    harness_wait_text(h, WORLD_PROMPT);
    harness_wait_text(h, "net:none");
    world_leave_session(h);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_set_up, world_tear_down)

/* Runs a program and waits. */
static int run_program(const char *const *argv)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* In the child: becomes the user for good and runs the copy of this test. */
MT_NORETURN static void become_user(const struct passwd *pw, const char *test)
{
    if (setgroups(0, NULL) == 0 && setgid(pw->pw_gid) == 0 && setuid(pw->pw_uid) == 0 && chdir("/") == 0) {
        execl(test, test, "test_choice_of_network", (char *)NULL);
    }
    _exit(99);
}

/* The same program again as an ordinary user made for it, with copies that such a one may read. */
static int again_as_user(void)
{
    char self[4096], name[32], folder[] = "/tmp/mt-scr-user-XXXXXX";
    ssize_t n = self_path(self, sizeof(self) - 1);
    int rc = 1;

    if (n <= 0 || !mkdtemp(folder) || chmod(folder, 0755) != 0) {
        return 1;
    }
    self[n] = '\0';
    MT_CLEANUP(xfree) char *built = xasprintf("%.*s/muthr-tui", (int)(strstr(self, "/tests/screens/") - self), self);
    MT_CLEANUP(xfree) char *data = xasprintf("%.*s/data", (int)(strstr(self, "/tests/screens/") - self), self);
    MT_CLEANUP(xfree) char *test = xasprintf("%s/test", folder);
    MT_CLEANUP(xfree) char *program = xasprintf("%s/muthr-tui", folder);
    MT_CLEANUP(xfree) char *data_copy = xasprintf("%s/data", folder);
    snprintf(name, sizeof(name), "mtscr%d", (int)getpid());
    if (run_program((const char *const[]){"useradd", "-M", name, NULL}) == 0 &&
        run_program((const char *const[]){"cp", self, test, NULL}) == 0 &&
        run_program((const char *const[]){"cp", built, program, NULL}) == 0 &&
        run_program((const char *const[]){"cp", "-rL", data, data_copy, NULL}) == 0 &&
        run_program((const char *const[]){"chmod", "-R", "a+rX", folder, NULL}) == 0) {
        const struct passwd *pw = getpwnam(name);
        int status = 0;
        setenv("MUTHR_TUI_BIN", program, 1);
        fprintf(stderr, "--- again as the ordinary user %s ---\n", name);
        pid_t pid = pw ? fork() : -1;
        if (pid == 0) {
            become_user(pw, test);
        }
        rc = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    (void)run_program((const char *const[]){"userdel", name, NULL});
    fs_remove_tree(folder, NULL);
    return rc;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_mouse_in_the_list),      TEST(test_palette_and_filter),
        TEST(test_theme_preview_and_keep), TEST(test_theme_reload),
        TEST(test_mouse_reload),           TEST(test_config_reload),
        TEST(test_stop_and_delete),        TEST(test_new_session_and_leaving),
        TEST(test_no_color_and_ascii),     TEST(test_terminals_that_cannot),
        TEST(test_no_color_selection),
    };
    const struct CMUnitTest as_user[] = {TEST(test_choice_of_network)};
    bool root = geteuid() == 0, choice = argc > 1 && strcmp(argv[1], "test_choice_of_network") == 0;
    int failed = 0;

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    if (!choice) {
        failed += cmocka_run_group_tests_name("interaction", tests, NULL, NULL);
    }
    /* Root has the isolated network where it can be had at all: the question is an ordinary user's. */
    if (!root) {
        failed += cmocka_run_group_tests_name("interaction as an ordinary user", as_user, NULL, NULL);
    } else if (argc < 2 || choice) {
        failed += again_as_user();
    }
    return failed;
}
