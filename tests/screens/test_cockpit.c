/* SPDX-License-Identifier: Apache-2.0 */
/* The cockpit as a person meets it: the real program, real sandboxes, on a terminal read back cell by cell. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/screens/harness.h"

#define READY "backend     bwrap"    /* the card of a workspace once the backend was looked at */
#define READY_RUNNING "network     " /* the card of one that runs */
#define PROMPT "workspace $"

/* What differs from run to run: the clock, the root's warning, times, the machine's name. */
static const char *const volatile_parts[] = {"[0-9]{2}:[0-9]{2}$", "running as root: .*$", NULL};

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

/* Three workspaces and nothing else. */
static void small_world(struct harness *h)
{
    harness_mkdir(h, "src/api");
    harness_mkdir(h, "src/docs");
    harness_mkdir(h, "src/homepage");
}

static void start_at(struct harness *h, int cols, int rows, const char *const *args, const char *const *env)
{
    harness_start(h, &(struct harness_opts){.cols = cols, .rows = rows, .args = args, .env = env});
}

/* Leaves by key; everything goes on. */
static void leave(struct harness *h)
{
    harness_key(h, "q");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_true(harness_tty_is_restored(h));
    assert_false(vt_is_alt(harness_vt(h)));
}

/* Opens a shell in the selected workspace. */
static void open_shell(struct harness *h)
{
    harness_wait_text(h, READY);
    harness_key(h, "Enter");
    harness_wait_text(h, PROMPT);
}

static void test_list(void **state)
{
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_settle(h);
    harness_golden(h, "list-120x36", volatile_parts);
    harness_key(h, "j");
    harness_wait_text(h, "muthr-docs");
    harness_key(h, "G");
    harness_wait_text(h, "muthr-homepage");
    harness_key(h, "g");
    harness_wait_text(h, "muthr-api");
    leave(h);
    assert_non_null(strstr(harness_bytes(h)->buf, "\033[?1049l"));
}

static void test_sizes(void **state)
{
    static const int sizes[][2] = {{80, 24}, {40, 12}, {20, 5}, {1, 1}, {2, 2}, {200, 50}, {120, 36}};
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    for (size_t i = 0; i < MT_ARRAY_LEN(sizes); i++) {
        harness_resize(h, sizes[i][0], sizes[i][1]);
        assert_true(harness_is_running(h));
        if (sizes[i][0] >= 40) {
            harness_wait_text(h, "homepage");
        } else {
            harness_wait_gone(h, "homepage");
        }
        if (i == 0) {
            harness_golden(h, "list-80x24", volatile_parts);
        }
    }
    /* Back where it was: nothing of the smaller frames is left. */
    harness_golden(h, "list-120x36", volatile_parts);
    leave(h);
}

static void test_help_palette_and_filter(void **state)
{
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_key(h, "?");
    harness_wait_text(h, "All keys");
    harness_wait_text(h, "A new session");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    harness_key(h, "F1");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    harness_key(h, ":");
    harness_wait_text(h, "sandbox.restart");
    harness_type(h, "theme");
    harness_wait_text(h, "app.theme");
    harness_wait_gone(h, "sandbox.restart");
    /* What is named so comes first; letters strewn over a name are no match. */
    harness_keys(h, "C-u");
    harness_type(h, "stop");
    harness_wait_gone(h, "app.theme");
    harness_wait_text(h, "sandbox.stop");
    harness_wait_gone(h, "list.open");
    int col, stop_row, start_row;
    assert_true(harness_find(h, "sandbox.stop", &col, &stop_row));
    assert_true(harness_find(h, "sandbox.start", &col, &start_row));
    assert_true(stop_row < start_row);
    harness_key(h, "Escape");
    harness_wait_gone(h, "sandbox.stop");
    /* Where the list cuts it, the selected line's text stands below in full. */
    harness_resize(h, 40, 12);
    harness_wait_gone(h, "network");
    harness_key(h, ":");
    harness_wait_text(h, "go into the session");
    harness_key(h, "Escape");
    harness_wait_gone(h, "go into the session");
    harness_resize(h, 120, 36);
    harness_wait_text(h, READY);
    harness_key(h, "/");
    harness_settle(h);
    harness_type(h, "ome");
    harness_wait_gone(h, " docs ");
    harness_wait_text(h, "homepage");
    harness_key(h, "Escape");
    harness_wait_text(h, " docs ");
    /* A chord that means nothing, and Ctrl-C, do nothing. */
    harness_keys(h, "C-c C-y");
    harness_key(h, "?");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    leave(h);
}

/* A line longer than the screen scrolls in its place: typing, moving and taking back go on. */
static void test_long_line(void **state)
{
    struct harness *h = *state;

    small_world(h);
    start_at(h, 80, 24, NULL, NULL);
    harness_wait_text(h, "homepage");
    harness_key(h, "/");
    harness_settle(h);
    for (int i = 0; i < 12; i++) {
        harness_type(h, "0123456789\xC3\xA9\xE4\xB8\xAD");
    }
    harness_type(h, "end");
    harness_wait_text(h, "end");
    harness_keys(h, "C-a");
    harness_wait_gone(h, "end");
    harness_keys(h, "Right Delete C-e Backspace Left");
    harness_wait_text(h, "\xE4\xB8\xAD"
                         "en");
    harness_key(h, "Escape");
    harness_wait_text(h, "homepage");
    leave(h);
}

static void test_theme_switch(void **state)
{
    struct harness *h = *state;
    static const char *const args[] = {"--theme", "light", NULL};
    int col, row;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_settle(h);
    assert_int_equal(harness_cell(h, 60, 20)->bg, cell_rgb(0x16, 0x18, 0x1d));
    harness_key(h, "T");
    harness_wait_text(h, "catppuccin");
    assert_true(harness_find(h, "light", &col, &row));
    harness_key(h, "Escape");
    harness_wait_gone(h, "catppuccin");
    leave(h);
    start_at(h, 120, 36, args, NULL);
    harness_wait_text(h, READY);
    harness_settle(h);
    assert_int_equal(harness_cell(h, 60, 20)->bg, cell_rgb(0xfb, 0xfb, 0xfa));
    leave(h);
}

static void test_no_color_and_ascii(void **state)
{
    struct harness *h = *state;
    static const char *const no_color[] = {"NO_COLOR=1", NULL};
    static const char *const ascii[] = {"--ascii", NULL};
    static const char *const plain_locale[] = {"LANG=C", NULL};

    small_world(h);
    harness_mkdir(h, "src/日本語");
    start_at(h, 120, 36, NULL, no_color);
    harness_wait_text(h, READY);
    harness_settle(h);
    bool seen_reverse = false;
    for (int y = 0; y < 36; y++) {
        for (int x = 0; x < 120; x++) {
            assert_int_equal(harness_cell(h, x, y)->fg, CELL_COLOR_DEFAULT);
            assert_int_equal(harness_cell(h, x, y)->bg, CELL_COLOR_DEFAULT);
            seen_reverse = seen_reverse || (harness_cell(h, x, y)->attrs & CELL_REVERSE);
        }
    }
    assert_true(seen_reverse); /* the selection */
    leave(h);
    for (int pass = 0; pass < 2; pass++) {
        start_at(h, 120, 36, pass == 0 ? ascii : NULL, pass == 0 ? NULL : plain_locale);
        harness_wait_text(h, READY);
        harness_settle(h);
        for (int y = 0; y < 36; y++) {
            for (int x = 0; x < 120; x++) {
                assert_true(harness_cell(h, x, y)->ch < 0x80);
            }
        }
        harness_wait_text(h, "??????");
        leave(h);
    }
}

static void test_odd_names(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf name = STRBUF_INIT;

    harness_mkdir(h, "src/日本語の長いプロジェクト名前");
    harness_mkdir(h, "src/with space");
    harness_mkdir(h, "src/-dash");
    harness_mkdir(h, "src/new\nline");
    harness_mkdir(h, "src/esc\033[31mred");
    harness_mkdir(h, "src/e\xCC\x81"
                     "accent 👩‍💻");
    strbuf_addstr(&name, "src/");
    for (int i = 0; i < 255; i++) {
        strbuf_addch(&name, 'x');
    }
    harness_mkdir(h, name.buf);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "with space");
    harness_wait_text(h, "xxxxxxxx");
    harness_settle(h);
    /* The divider stands straight: no name has moved it, whatever its width. */
    int col, row;
    assert_true(harness_find(h, "│", &col, &row));
    for (int y = row; y < 35; y++) {
        assert_int_equal(harness_cell(h, col, y)->ch, 0x2502);
    }
    assert_null(strstr(harness_bytes(h)->buf, "\033[31mred"));
    for (int i = 0; i < 8; i++) {
        harness_key(h, "j");
        harness_settle(h);
    }
    leave(h);
}

static void test_many_workspaces(void **state)
{
    struct harness *h = *state;

    for (int i = 0; i < 200; i++) {
        char name[32];
        snprintf(name, sizeof(name), "src/project-%03d", i);
        harness_mkdir(h, name);
    }
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "200 workspaces");
    harness_wait_text(h, "project-000");
    harness_key(h, "G");
    harness_wait_text(h, "project-199");
    harness_resize(h, 120, 20); /* a lower list keeps the selection in sight, a higher one is filled */
    harness_wait_text(h, "184-200 of 200");
    harness_resize(h, 120, 36);
    harness_wait_text(h, "-200 of 200");
    harness_wait_text(h, "project-170");
    harness_key(h, "g");
    harness_wait_text(h, "project-000");
    harness_keys(h, "PgDn PgDn");
    harness_wait_gone(h, "project-000");
    harness_key(h, "/");
    harness_settle(h);
    harness_type(h, "150");
    harness_wait_text(h, "project-150");
    harness_wait_gone(h, "project-151");
    harness_key(h, "Escape");
    harness_wait_text(h, "of 200");
    leave(h);
}

static void test_first_run(void **state)
{
    struct harness *h = *state;
    static const char *const elsewhere[] = {"MUTHR_WORKSPACE_ROOT=~/nowhere", NULL};

    start_at(h, 120, 36, NULL, elsewhere);
    harness_wait_text(h, "~/nowhere does not exist");
    harness_settle(h);
    harness_golden(h, "first-run-120x36", volatile_parts);
    harness_key(h, "Enter");
    harness_wait_text(h, "hello");
    leave(h);
    char *readme = xasprintf("%s/nowhere/hello/README.md", harness_home(h));
    assert_int_equal(access(readme, R_OK), 0);
    free(readme);
}

/* A machine where bwrap cannot run anything (no PATH to programs): said on the screen, and the list can be looked at
 * all the same. */
static void test_no_backend(void **state)
{
    struct harness *h = *state;
    /* Where it looks first there is something else, and nothing in the search path. */
    const char *const args[] = {
        "-rm", "sh", "-c", "mount --bind /dev/null /usr/bin/bwrap && PATH=/nonexistent exec \"$0\"", harness_program(h),
        NULL};

    small_world(h);
    harness_start(h, &(struct harness_opts){.cols = 120, .rows = 36, .program = "/usr/bin/unshare", .args = args});
    harness_wait_text(h, "Nothing here can run a sandbox yet");
    harness_wait_text(h, "bwrap");
    harness_settle(h);
    harness_key(h, "Escape");
    harness_wait_text(h, "homepage");
    leave(h);
}

static void test_broken_config(void **state)
{
    struct harness *h = *state;

    small_world(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \n");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "homepage");
    harness_wait_text(h, "muthr.toml:2:");
    leave(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\ntheme = \"nosuch\"\n[tui.keys]\n\"Entr\" = \"list.open\"\n");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "homepage");
    harness_settle(h);
    harness_key(h, "E");
    harness_wait_text(h, "nosuch");
    harness_wait_text(h, "Entr");
    harness_key(h, "Escape");
    harness_wait_gone(h, "nosuch");
    leave(h);
}

static void test_rebound_key(void **state)
{
    struct harness *h = *state;

    small_world(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui.keys]\n\"X\" = \"app.help\"\n\"?\" = \"none\"\n");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_wait_text(h, "X all keys"); /* the bottom line follows */
    harness_key(h, "X");
    harness_wait_text(h, "All keys");
    harness_key(h, "Escape");
    harness_wait_gone(h, "All keys");
    leave(h);
}

/* While it runs: what is wrong in the file is told with its place, and that it is mended, too. */
static void test_config_is_mended(void **state)
{
    struct harness *h = *state;

    small_world(h);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\n");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nscrollback_lines = \"many\"\n");
    harness_wait_text(h, "muthr.toml:2:20: tui.scrollback_lines: expected a whole number");
    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nscrollback_lines = 3000\n");
    harness_wait_text(h, "muthr.toml is read again, and in force");
    harness_write(h, ".config/muthr/muthr.toml", "[tui.keys]\n\"Ctrl-q\" = \"app.quit\"\n");
    harness_wait_text(h, "there is no key \"Ctrl-q\" (the line is ignored; keys are written C-x");
    leave(h);
}

static void test_mouse(void **state)
{
    struct harness *h = *state;
    int col, row;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    assert_true(harness_find(h, "docs", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "muthr-docs");
    assert_true(harness_find(h, "homepage", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "muthr-homepage");
    leave(h);
}

/* Two shells in a real sandbox, hopping, leaving and coming back: the same screens. */
static void test_shells_survive(void **state)
{
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    open_shell(h);
    harness_type(h, "echo fir''st\r");
    harness_wait_text(h, "first");
    harness_keys(h, "C-] n");
    harness_wait_text(h, "shell");
    harness_key(h, "Enter");
    harness_wait_gone(h, "first");
    harness_wait_text(h, PROMPT);
    harness_type(h, "echo sec''ond\r");
    harness_wait_text(h, "second");
    harness_key(h, "M-1");
    harness_wait_text(h, "first");
    harness_wait_gone(h, "second");
    harness_key(h, "M-2");
    harness_wait_text(h, "second");
    /* kill -9: a new cockpit shows the same. */
    harness_signal(h, SIGKILL);
    assert_int_equal(harness_wait_exit(h), 128 + SIGKILL);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "  2 ");
    harness_key(h, "1");
    harness_wait_text(h, "first");
    harness_key(h, "M-2");
    harness_wait_text(h, "second");
    harness_type(h, "echo $((6*7))xyz\r");
    harness_wait_text(h, "42xyz");
    /* Leaving says that they go on; coming back finds them. */
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
    assert_true(harness_has(h, "2 sessions"));
    assert_true(harness_tty_is_restored(h));
    start_at(h, 80, 24, NULL, NULL);
    harness_wait_text(h, "  2 ");
    harness_key(h, "2");
    harness_wait_text(h, "42xyz");
    /* The window goes away: the program ends, the shells do not. */
    harness_hang_up(h);
    (void)harness_wait_exit(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "  1 ");
    harness_key(h, "1");
    harness_wait_text(h, "first");
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
}

static void test_ends_restore_the_terminal(void **state)
{
    static const int ends[] = {SIGTERM, SIGHUP, SIGSEGV, SIGBUS, SIGABRT, SIGQUIT, SIGUSR1, SIGXCPU};
    struct harness *h = *state;

    small_world(h);
    for (size_t i = 0; i < MT_ARRAY_LEN(ends); i++) {
        start_at(h, 120, 36, NULL, NULL);
        harness_wait_text(h, READY);
        harness_signal(h, ends[i]);
        (void)harness_wait_exit(h);
        assert_true(harness_tty_is_restored(h));
        assert_false(vt_is_alt(harness_vt(h)));
        assert_true(vt_cursor(harness_vt(h)).visible);
        assert_int_equal(vt_modes(harness_vt(h))->mouse, MOUSE_OFF);
        assert_false(vt_modes(harness_vt(h))->bracketed);
    }
}

/* Enter before backends were looked at is not refused. */
static void test_enter_at_once(void **state)
{
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, " api ");
    /* `c` must not cancel, nor `d` ask: who types on means the shell that is coming. */
    harness_send(h, "\rcd /; echo typed-$((40+4))\r", 28);
    harness_wait_text(h, PROMPT);
    harness_wait_text(h, "typed-44");
}

/* Keys that come in one read with the one that changes the session go to the new one, and none is lost. */
static void test_keys_follow_the_selection(void **state)
{
    static const char batch[] = "\0351echo in-$((40+1)) > one\r\0352echo in-$((40+2)) > two\r\0351cat one two\r";
    static const char again[] = "\recho back-$((40+3))\r";
    struct harness *h = *state;

    small_world(h);
    start_at(h, 120, 36, NULL, NULL);
    open_shell(h);
    harness_keys(h, "C-] n Enter");
    harness_wait_text(h, "  2 ");
    harness_wait_text(h, PROMPT);
    harness_send(h, batch, sizeof(batch) - 1);
    harness_keys(h, "C-] 2");
    harness_type(h, "until [ -s one ]; do :; done; cat one two"); /* the other shell has its own pace */
    harness_key(h, "Enter");
    harness_wait_text(h, "in-41");
    harness_wait_text(h, "in-42");
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
    /* A new cockpit: Enter and what is typed behind it at once. */
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY_RUNNING);
    harness_send(h, again, sizeof(again) - 1);
    harness_wait_text(h, "back-43");
}

/* Deleting what is being provisioned does not wait until that is done. */
static void test_delete_while_provisioning(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    static const char *const ls[] = {"ls", NULL};

    small_world(h);
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/slow.sh", "echo '[PROC] waiting'\nsleep 600\n");
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"slow\"\n");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_key(h, "S");
    harness_wait_text(h, "[PROC] waiting");
    harness_key(h, "d");
    harness_wait_text(h, "is canceled");
    harness_key(h, "y");
    harness_wait_text(h, "the sandbox is deleted");
    harness_wait_gone(h, "start failed");
    harness_wait_gone(h, "did not come up");
    leave(h);
    assert_int_equal(harness_run(h, ls, &out), 0);
    assert_null(strstr(out.buf, "muthr-api"));
}

/* A folder that is gone, and another one in its place, while the sandbox runs: both are said, at once. */
static void test_folder_replaced(void **state)
{
    struct harness *h = *state;
    char folder[600], away[600];

    small_world(h);
    snprintf(folder, sizeof(folder), "%s/src/api", harness_home(h));
    snprintf(away, sizeof(away), "%s/away", harness_home(h));
    start_at(h, 120, 36, NULL, NULL);
    open_shell(h);
    assert_int_equal(rename(folder, away), 0);
    harness_wait_text(h, "folder gone");
    harness_mkdir(h, "src/api");
    harness_wait_text(h, "folder replaced");
    harness_keys(h, "C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
}

/* q with a frame due, before anything was looked at, and with keys behind it. */
static void test_leave_at_once(void **state)
{
    struct harness *h = *state;

    small_world(h);
    for (int i = 0; i < 3; i++) {
        start_at(h, 100, 30, NULL, NULL);
        harness_wait_text(h, i == 0 ? "muthr" : i == 1 ? " api " : READY);
        harness_type(h, "qjjS?");
        assert_int_equal(harness_wait_exit(h), 0);
        assert_true(harness_tty_is_restored(h));
    }
}

/* Another root has a project of the same name, whose sandbox is there: no key is offered that is refused. */
static void test_sandbox_of_another_root(void **state)
{
    struct harness *h = *state;
    static const char *const alt[] = {"--root", "~/alt", NULL};

    small_world(h);
    harness_write(h, ".config/muthr/muthr.toml", "[sandbox]\nprofile = \"bad\"\n");
    harness_write(h, ".config/muthr/sandbox.d/container/provision.d/bad.sh", "exit 3\n");
    harness_write(h, "alt/api/file", "");
    start_at(h, 120, 36, NULL, NULL);
    harness_wait_text(h, READY);
    harness_key(h, "S");
    harness_wait_text(h, "exit 3");
    leave(h);
    start_at(h, 120, 36, alt, NULL);
    harness_wait_text(h, "provisioning with bad failed");
    harness_wait_text(h, "~/src/api");
    harness_wait_text(h, "It is the sandbox of the project of this name there, and is left alone here");
    assert_false(harness_has(h, "restarts it"));
    assert_false(harness_has(h, "changed "));
    static const char *const refused[] = {"r", "S", "s", "d", "p", "n"};
    for (size_t i = 0; i < MT_ARRAY_LEN(refused); i++) {
        harness_key(h, refused[i]);
        harness_wait_text(h, "left alone: it is the sandbox of the project in ~/src (--root with that folder works");
        harness_key(h, "Escape");
        harness_wait_gone(h, "left alone: it is");
    }
    leave(h);
}

/* A link that leads nowhere cannot be created; it is told as what it is. */
static void test_root_is_a_dangling_link(void **state)
{
    static const char *const env[] = {"MUTHR_WORKSPACE_ROOT=~/link", NULL};
    struct harness *h = *state;
    char link[600];

    snprintf(link, sizeof(link), "%s/link", harness_home(h));
    assert_int_equal(symlink("nowhere", link), 0);
    start_at(h, 100, 30, NULL, env);
    harness_wait_text(h, "is a symbolic link to nowhere");
    harness_wait_text(h, "choose another folder");
    leave(h);
}

static void test_no_terminal(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    static const char *const none[] = {NULL};
    static const char *const dumb[] = {"TERM=dumb", NULL};

    assert_int_equal(harness_run(h, none, &out), 64);
    assert_non_null(strstr(out.buf, "terminal"));
    start_at(h, 80, 24, NULL, dumb);
    assert_int_equal(harness_wait_exit(h), 64);
    assert_true(harness_has(h, "TERM=dumb"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_list),
        TEST(test_sizes),
        TEST(test_help_palette_and_filter),
        TEST(test_long_line),
        TEST(test_theme_switch),
        TEST(test_no_color_and_ascii),
        TEST(test_odd_names),
        TEST(test_many_workspaces),
        TEST(test_first_run),
        TEST(test_no_backend),
        TEST(test_broken_config),
        TEST(test_rebound_key),
        TEST(test_config_is_mended),
        TEST(test_mouse),
        TEST(test_shells_survive),
        TEST(test_ends_restore_the_terminal),
        TEST(test_enter_at_once),
        TEST(test_keys_follow_the_selection),
        TEST(test_delete_while_provisioning),
        TEST(test_folder_replaced),
        TEST(test_leave_at_once),
        TEST(test_root_is_a_dangling_link),
        TEST(test_sandbox_of_another_root),
        TEST(test_no_terminal),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests_name("cockpit", tests, NULL, NULL);
}
