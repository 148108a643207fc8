/* SPDX-License-Identifier: Apache-2.0 */
/* Several sessions at once: splitting, typing, resizing, closing, ending, leaving and coming back, small terminals, the
 * mouse, focus reports and copy mode, in real shells. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

#define STATE ".local/state/muthr/layouts.json"

/* One shell at this size, which says "one" on its screen. */
static void begin(struct harness *h, int cols, int rows)
{
    world_start(h, cols, rows, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "clear; echo pane''-one\r");
    harness_wait_text(h, "pane-one");
}

/* Prefix and a key; then the new shell says its name. */
static void split(struct harness *h, const char *chords, const char *name)
{
    MT_CLEANUP(xfree) char *say = xasprintf("clear; echo pane''-%s\r", name);
    MT_CLEANUP(xfree) char *said = xasprintf("pane-%s", name);

    harness_keys(h, chords);
    harness_wait_gone(h, "Opening a shell");
    harness_type(h, say);
    harness_wait_text(h, said);
}

/* Types a command into the focused pane and waits for what it writes into a file of the project. */
static void ask(struct harness *h, const char *command, const char *want)
{
    MT_CLEANUP(xfree) char *line = xasprintf("%s >/workspace/.t; mv /workspace/.t /workspace/answer\r", command);
    MT_CLEANUP(xfree) char *path = path_join(harness_home(h), "src/api/answer");
    MT_CLEANUP(xfree) char *text = xasprintf("%s\n", want);

    harness_settle(h); /* the pane has its size */
    harness_type(h, line);
    world_wait_content(h, "src/api/answer", text);
    assert_int_equal(unlink(path), 0);
}

/* The program of the focused pane comes to have this size: it is told by a signal, which what is typed may overtake. */
static void expect_size(struct harness *h, const char *size)
{
    MT_CLEANUP(xfree)
    char *wait = xasprintf("until test \"$(stty size)\" = '%s'; do sleep .05; done; echo '%s'", size, size);

    ask(h, wait, size);
}

/* Where a text begins; the test fails when it is not there. */
static int column_of(struct harness *h, const char *text)
{
    int col = -1, row = -1;

    assert_true(harness_find(h, text, &col, &row));
    return col;
}

static int row_of(struct harness *h, const char *text)
{
    int col = -1, row = -1;

    assert_true(harness_find(h, text, &col, &row));
    return row;
}

struct place {
    int col, row;
    uint32_t ch;
};

/* harness_wait: is this character there? */
static bool is_at(struct harness *h, void *arg)
{
    const struct place *p = arg;

    return harness_cell(h, p->col, p->row)->ch == p->ch;
}

/* Waits until a character stands at a place. */
static void wait_char(struct harness *h, int col, int row, uint32_t ch)
{
    MT_CLEANUP(xfree) char *what = xasprintf("U+%04X is not in column %d of row %d", (unsigned)ch, col, row);

    harness_wait(h, is_at, &(struct place){col, row, ch}, what);
}

static void test_split_and_type(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    assert_true(harness_has(h, "pane-one"));
    assert_int_equal(row_of(h, "pane-one"), row_of(h, "pane-two"));
    assert_int_equal(column_of(h, "pane-one"), 35);
    assert_int_equal(column_of(h, "pane-two"), 78);
    split(h, "C-] -", "three");
    assert_int_equal(column_of(h, "pane-three"), 78);
    assert_int_equal(row_of(h, "pane-three"), 19);
    /* Every program has the size of its pane. */
    expect_size(h, "16 42");
    harness_keys(h, "C-] Up");
    expect_size(h, "16 42");
    harness_keys(h, "C-] Left");
    expect_size(h, "33 42");
    harness_type(h, "echo only''-here\r");
    harness_wait_text(h, "only-here");
    assert_int_equal(column_of(h, "only-here"), 35);
    /* Borders meet, and the title line of the pane with the focus is the heavy one. */
    harness_settle(h);
    wait_char(h, 34, 1, 0x250D);  /* list and first title: down and right, right heavy */
    wait_char(h, 77, 1, 0x252D);  /* between the titles: left heavy */
    wait_char(h, 77, 18, 0x251C); /* a light title line begins */
    wait_char(h, 77, 34, 0x2502);
    harness_keys(h, "C-] Right C-] Down");
    harness_settle(h);
    wait_char(h, 77, 18, 0x251D);
    wait_char(h, 34, 1, 0x250C);
    /* Four are the most. */
    split(h, "C-] |", "four");
    harness_keys(h, "C-] -");
    harness_wait_text(h, "4 panes are the most");
    expect_size(h, "16 20"); /* 42 columns for both of them, 21 and 20 and one between */
    world_leave_session(h);
}

/* Sessions that are there already are taken before a new one is made. */
static void test_next_session_is_taken(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    world_another_shell(h);
    harness_type(h, "clear; echo pane''-two\r");
    harness_wait_text(h, "pane-two");
    harness_keys(h, "C-] -");
    harness_wait_text(h, "before"); /* the first one, below: no third was made */
    assert_true(row_of(h, "pane-two") < row_of(h, "before"));
    harness_settle(h);
    assert_false(harness_has(h, "3 · shell"));
    /* A number that is in sight moves the focus; the title line tells where it is. */
    harness_key(h, "M-2");
    ask(h, "tput cols", "85");
    harness_settle(h);
    wait_char(h, 60, 1, 0x2501);
    wait_char(h, 60, 18, 0x2500);
    harness_key(h, "M-1");
    harness_settle(h);
    wait_char(h, 60, 1, 0x2500);
    wait_char(h, 60, 18, 0x2501);
    world_leave_session(h);
}

/* A new shell from the list stands alone, and says its name. */
static void shell_alone(struct harness *h, const char *name)
{
    MT_CLEANUP(xfree) char *say = xasprintf("clear; echo pane''-%s\r", name);
    MT_CLEANUP(xfree) char *said = xasprintf("pane-%s", name);

    harness_keys(h, "C-] w n");
    harness_wait_text(h, "New session");
    harness_key(h, "Enter");
    harness_wait_gone(h, "pane-two");
    harness_wait_gone(h, "Opening a shell");
    harness_type(h, say);
    harness_wait_text(h, said);
}

/* A session outside the workspace's panes joins them; they are never given up for it. */
static void test_outsider_joins(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    shell_alone(h, "three");
    harness_keys(h, "C-] -");
    harness_wait_text(h, "It joined the panes of api");
    harness_wait_text(h, "pane-one");
    harness_wait_text(h, "pane-two");
    assert_int_equal(column_of(h, "pane-three"), column_of(h, "pane-two")); /* below the one that had the focus */
    assert_true(row_of(h, "pane-three") > row_of(h, "pane-two"));
    expect_size(h, "16 42"); /* and it has the focus itself */
    split(h, "C-] |", "four");
    shell_alone(h, "five");
    harness_keys(h, "C-] |");
    harness_wait_text(h, "api has 4 panes already, and they are the most: 1 shows them, C-] x closes one");
    assert_true(harness_has(h, "pane-five"));
    harness_key(h, "M-1"); /* nothing of them is lost */
    harness_wait_text(h, "pane-one");
    harness_wait_text(h, "pane-two");
    harness_wait_text(h, "pane-three");
    harness_wait_text(h, "pane-four");
    world_leave_session(h);
}

/* Also on a screen of which only a part is drawn so far. */
static bool is_docs_on_the_right(struct harness *h, void *arg)
{
    int col;
    (void)arg;
    return harness_find(h, "from-docs", &col, NULL) && col == 78;
}

/* A jump to a session of another workspace leaves the panes of this one as they are. Brought into the pane that has the
 * focus, it stands there; what was there goes on. */
static void test_other_workspace(void **state)
{
    struct harness *h = *state;
    static const char *const start[] = {"start", "docs", NULL};
    static const char *const shell[] = {"shell", "docs", "--session", "-c", "echo from-''docs; exec cat", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    assert_int_equal(harness_run(h, start, &out), 0);
    assert_int_equal(harness_run(h, shell, &out), 0);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "Enter goes to its session"); /* what runs is selected at the start, not the first row */
    harness_key(h, "g");
    world_open_shell(h);
    harness_type(h, "clear; echo pane''-one\r");
    harness_wait_text(h, "pane-one");
    split(h, "C-] |", "two");
    harness_key(h, "M-1"); /* the one of docs was numbered first */
    harness_wait_text(h, "from-docs");
    harness_wait_gone(h, "pane-two");
    harness_wait_gone(h, "pane-one");
    harness_key(h, "M-3");
    harness_wait_text(h, "pane-two");
    harness_wait_text(h, "pane-one");
    harness_keys(h, "C-] J");
    harness_wait_text(h, "Bring a session into this pane");
    harness_type(h, "docs");
    harness_key(h, "Enter");
    harness_wait(h, is_docs_on_the_right, NULL, "docs is not in the pane on the right");
    harness_wait_gone(h, "pane-two");
    harness_wait_text(h, "pane-one");
    harness_type(h, "typed''there\r");
    harness_wait_text(h, "typed''there");
    harness_key(h, "M-3");
    harness_wait_text(h, "pane-two");
    harness_wait_gone(h, "from-docs");
    world_leave_session(h);
}

static void test_resize(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_keys(h, "C-] C-Left C-Left S-Left"); /* the last two without the prefix */
    expect_size(h, "33 45");
    harness_keys(h, "C-] M-Right M-Right");
    expect_size(h, "33 35");
    harness_keys(h, "C-] -");
    harness_wait_gone(h, "Opening a shell");
    harness_keys(h, "C-] M-Up");
    expect_size(h, "21 35");
    harness_keys(h, "C-] =");
    expect_size(h, "16 42");
    /* Borders stop where a pane would be too small. */
    for (int i = 0; i < 12; i++) {
        harness_keys(h, "C-] M-Right");
    }
    expect_size(h, "16 20");
    /* Mad resizes of everything: in the end each program has the size of its pane. */
    for (int i = 0; i < 60; i++) {
        harness_resize(h, 44 + i * 37 % 130, 12 + i * 13 % 40);
        harness_keys(h, i % 2 ? "C-] M-Left" : "C-] M-Down");
    }
    harness_resize(h, 120, 36);
    harness_keys(h, "C-] =");
    expect_size(h, "16 42");
    harness_keys(h, "C-] Up");
    expect_size(h, "16 42");
    harness_keys(h, "C-] Left");
    expect_size(h, "33 42");
    world_leave_session(h);
}

/* Closing a pane closes the view. */
static void test_close(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_keys(h, "C-] x");
    harness_wait_text(h, "only one pane");
    split(h, "C-] |", "two");
    harness_type(h, "sleep 1000 &\r");
    harness_keys(h, "C-] x");
    harness_wait_text(h, "Only the view of shell is closed: it goes on; 2 shows it again");
    harness_wait_gone(h, "pane-two");
    expect_size(h, "33 85");
    harness_key(h, "M-2");
    harness_wait_text(h, "pane-two");
    ask(h, "jobs | grep -c sleep", "1");
    expect_size(h, "33 85");
    world_leave_session(h);
}

static void test_end(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    split(h, "C-] -", "three");
    harness_type(h, "echo la''st words; exit 3\r");
    harness_wait_text(h, "exited 3");
    harness_wait_text(h, "last words");
    assert_true(harness_has(h, "pane-one") && harness_has(h, "pane-two"));
    /* Again: the new one stands where the old one stood. */
    harness_key(h, "r");
    harness_wait_gone(h, "last words");
    harness_type(h, "clear; echo pane''-again\r");
    harness_wait_text(h, "pane-again");
    assert_int_equal(row_of(h, "pane-again"), 19);
    assert_int_equal(column_of(h, "pane-again"), 78);
    /* Closed: its neighbour has the room, and the focus. */
    harness_type(h, "echo mo''re words; exit 4\r");
    harness_wait_text(h, "more words");
    harness_wait_text(h, "exited 4");
    harness_key(h, "Enter");
    harness_wait_gone(h, "more words");
    expect_size(h, "33 42");
    assert_true(harness_has(h, "pane-two"));
    /* One that ends where the focus is not. */
    harness_type(h, "(sleep 0.3; kill -9 $$) &\r");
    harness_keys(h, "C-] Left");
    harness_wait_text(h, "exited 137");
    expect_size(h, "33 42");
    harness_keys(h, "C-] Right");
    harness_key(h, "Enter");
    harness_wait_gone(h, "exited 137");
    expect_size(h, "33 85");
    world_leave_session(h);
}

/* Two panes as begin() and split() left them. */
static void expect_two(struct harness *h)
{
    harness_wait_text(h, "pane-one");
    harness_wait_text(h, "pane-two");
    assert_int_equal(column_of(h, "pane-one"), 35);
    assert_int_equal(column_of(h, "pane-two"), 83);
}

static void test_leave_and_return(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_keys(h, "C-] M-Right");
    /* To the list, to another workspace, and back. */
    harness_keys(h, "C-] w G");
    harness_wait_gone(h, "pane-one");
    harness_keys(h, "g Enter");
    expect_two(h);
    world_leave_session(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Enter");
    expect_two(h);
    expect_size(h, "33 37"); /* the same one has the focus */
    harness_signal(h, SIGKILL);
    (void)harness_wait_exit(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "2");
    expect_two(h);
    world_leave_session(h);
    /* A file that says nothing of use is put aside with a word; sessions are where they were. */
    harness_write(h, STATE, "{\"version\":1,\"layouts\":[");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "The layout of panes is not what it was");
    harness_wait_text(h, "2 · shell");
    harness_key(h, "2");
    harness_wait_text(h, "pane-two");
    harness_settle(h);
    assert_false(harness_has(h, "pane-one"));
    world_read(h, STATE ".broken-1", &text);
    assert_string_equal(text.buf, "{\"version\":1,\"layouts\":[");
    harness_keys(h, "Enter C-] q");
    assert_int_equal(harness_wait_exit(h), 0);
}

/* Two cockpits: each follows what the other makes of the panes, but is not torn out of what it looks at. */
static void test_two_cockpits(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf before = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf after = STRBUF_INIT;

    begin(h, 120, 36);
    struct harness *other = world_join(h, 120, 36);
    harness_wait_text(other, "1 · shell");
    harness_key(other, "1");
    harness_wait_text(other, "pane-one");
    split(h, "C-] |", "two");
    harness_wait_text(other, "pane-two"); /* it came beside what is looked at there */
    assert_true(harness_has(other, "pane-one"));
    assert_int_equal(column_of(other, "pane-two"), 78);
    harness_type(other, "echo st''ill here\r");
    harness_wait_text(other, "still here");
    assert_int_equal(column_of(other, "still here"), 35);
    /* Closed in one of them: the other one stays in its panes until it goes elsewhere. */
    harness_keys(h, "C-] x");
    harness_wait_text(h, "Only the view");
    world_wait_content(h, STATE, "{\n  \"version\": 1,\n  \"layouts\": {}\n}\n");
    harness_keys(other, "C-] Right");
    harness_type(other, "echo al''so here\r");
    harness_wait_text(other, "also here");
    assert_true(harness_has(other, "pane-one"));
    harness_keys(other, "C-] w g");
    harness_wait_gone(other, "also here");
    harness_key(other, "2");
    harness_wait_text(other, "also here");
    harness_settle(other);
    assert_false(harness_has(other, "pane-one"));
    world_read(h, STATE, &before);
    world_leave_session(other);
    harness_free(other);
    world_read(h, STATE, &after); /* and wrote nothing of it back */
    assert_string_equal(before.buf, after.buf);
    world_leave_session(h);
}

/* Where all programs of a layout have ended, Enter on the workspace opens something new. */
static void test_all_ended(void **state)
{
    struct harness *h = *state;
    static const char *const stop[] = {"stop", "api", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_keys(h, "C-] w g");
    harness_wait_gone(h, "pane-two");
    assert_int_equal(harness_run(h, stop, &out), 0);
    harness_wait_text(h, "api                  stopped");
    harness_key(h, "Enter");
    harness_wait_text(h, WORLD_PROMPT);
    expect_size(h, "33 85");
    world_leave_session(h);
}

/* What the cockpit missed: a pane whose session went away while it was not there. */
static void test_gone_meanwhile(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_type(h, "exit\r");
    harness_wait_text(h, "exited 0");
    struct harness *other = world_join(h, 120, 36);
    harness_wait_text(other, "exited 0");
    harness_key(other, "2");
    harness_wait_text(other, "Enter closes");
    harness_signal(h, SIGKILL);
    (void)harness_wait_exit(h);
    harness_key(other, "Enter");
    harness_wait_gone(other, "Enter closes");
    world_leave_session(other);
    harness_free(other);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Enter");
    harness_wait_text(h, "pane-one");
    expect_size(h, "33 85");
    world_leave_session(h);
}

/* In a session its own keys come first: in the help, in the bottom line, and with the prefix among the commands. */
static void test_keys_are_told(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_wait_text(h, "arrows panes");
    harness_keys(h, "C-] ?");
    harness_wait_text(h, "Session: C-] first");
    harness_wait_text(h, "Scroll back, search and copy");
    assert_false(harness_has(h, "Show the sessions of the workspace"));
    harness_key(h, "Escape");
    harness_wait_gone(h, "Session: C-] first");
    harness_keys(h, "C-] :");
    harness_wait_text(h, "Commands");
    harness_type(h, "split.close");
    harness_wait_text(h, "C-] x");
    harness_key(h, "Enter");
    harness_wait_text(h, "pane-one");
    harness_wait_gone(h, "arrows panes");
    world_leave_session(h);
}

static void test_small_terminal(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_resize(h, 80, 24);
    harness_wait_text(h, "pane-one");
    expect_size(h, "21 39");
    harness_resize(h, 40, 12);
    harness_wait_gone(h, "pane-one");
    harness_wait_text(h, "pane-two");
    harness_wait_text(h, "+1 hidden");
    expect_size(h, "9 40");
    harness_keys(h, "C-] Left"); /* through all of them all the same */
    harness_wait_text(h, "pane-one");
    assert_false(harness_has(h, "pane-two"));
    harness_keys(h, "C-] |");
    harness_wait_text(h, "No room");
    harness_keys(h, "C-] C-Left");
    harness_wait_text(h, "panes are hidden");
    harness_resize(h, 30, 5);
    harness_wait_text(h, "too small");
    harness_resize(h, 120, 36);
    harness_wait_text(h, "pane-two");
    harness_wait_text(h, "pane-one");
    expect_size(h, "33 42");
    /* Zoomed: one alone, and all again. */
    harness_keys(h, "C-] z");
    harness_wait_text(h, "+1 behind zoom");
    harness_wait_gone(h, "pane-two");
    expect_size(h, "33 120");
    harness_keys(h, "C-] Right");
    harness_wait_text(h, "pane-two");
    harness_keys(h, "C-] z");
    harness_wait_text(h, "pane-one");
    expect_size(h, "33 42");
    world_leave_session(h);
}

static void test_mouse(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_click(h, 50, 20);
    harness_type(h, "echo cli''cked\r");
    harness_wait_text(h, "clicked");
    assert_int_equal(column_of(h, "clicked"), 35);
    /* The border follows the button. */
    harness_mouse(h, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 77, 10);
    harness_mouse(h, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 70, 10);
    harness_mouse(h, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 65, 12);
    harness_mouse(h, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 65, 12);
    expect_size(h, "33 30");
    /* A title line gives its pane the focus, and moves the border that it is. */
    split(h, "C-] -", "three");
    harness_click(h, 100, 1);
    expect_size(h, "33 54");
    harness_mouse(h, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 45, 18);
    harness_mouse(h, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 45, 10);
    harness_mouse(h, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 45, 10);
    expect_size(h, "24 30");
    /* Reports go to the pane under the pointer, in its own places, focused or not. */
    harness_click(h, 100, 20);
    harness_type(h, "clear; stty -echo; printf '\\033[?1000;1006h'; echo re''ady; cat -v\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    harness_click(h, 70, 5); /* columns from 66 on, rows from 2 on */
    harness_key(h, "Enter");
    harness_wait_text(h, "^[[<0;5;4M^[[<0;5;4m");
    harness_keys(h, "C-] Left");
    harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_UP, 66, 2);
    harness_keys(h, "C-] Right Enter");
    harness_wait_text(h, "^[[<64;1;1M");
    /* A button that went down in it comes up in it. */
    harness_mouse(h, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 68, 4);
    harness_mouse(h, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 50, 4);
    harness_key(h, "Enter");
    harness_wait_text(h, "^[[<0;3;3M^[[<0;1;3m");
    harness_key(h, "C-c");
    harness_type(h, "stty echo; printf '\\033[?1000;1006l'\r");
    expect_size(h, "33 54");
    world_leave_session(h);
}

/* Programs that asked hear of it when the focus moves between panes. */
static void test_focus_reports(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_type(h, "stty -echo -icanon; printf '\\033[?1004h'; echo re''ady; cat -v\r");
    harness_wait_text(h, "ready");
    harness_keys(h, "C-] Left");
    harness_wait_text(h, "^[[O");
    harness_keys(h, "C-] Right");
    harness_wait_text(h, "^[[O^[[I");
    world_leave_session(h);
}

/* Copy mode is a pane's own: the other one goes on, and the prefix leads to it. */
static void test_copy_mode(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    harness_type(h, "seq -f line-%g 100\r");
    harness_wait_text(h, "line-100");
    split(h, "C-] |", "two");
    harness_keys(h, "C-] Left C-] [");
    harness_wait_text(h, "copy mode");
    harness_key(h, "g");
    harness_wait_text(h, "pane-one");
    harness_keys(h, "C-] Right");
    harness_type(h, "seq -f other-%g 50\r");
    harness_wait_text(h, "other-50");
    assert_true(harness_has(h, "pane-one")); /* still at the top of its scrollback */
    assert_true(harness_has(h, "copy mode"));
    /* The wheel looks back in the pane under the pointer. */
    harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 50, 20);
    harness_wait_gone(h, "pane-one");
    assert_true(harness_has(h, "other-50"));
    expect_size(h, "33 42");
    /* A paste goes to the pane with the focus. */
    harness_paste(h, "echo pas''ted", 13);
    harness_key(h, "Enter");
    harness_wait_text(h, "pasted");
    assert_int_equal(column_of(h, "pasted"), 78);
    harness_keys(h, "C-] Left q");
    harness_wait_text(h, "line-100");
    harness_wait_gone(h, "copy mode");
    world_leave_session(h);
}

/* What changes in one pane is all that is drawn; a session out of sight costs nothing. */
static void test_only_what_changed(void **state)
{
    struct harness *h = *state;

    begin(h, 120, 36);
    split(h, "C-] |", "two");
    harness_settle(h);
    harness_type(h, "zqj");
    harness_wait_text(h, "zqj");
    harness_settle(h);
    size_t before, key = SIZE_MAX;
    for (int i = 0; i < 5; i++) { /* the least of them: the list may change its word for the session meanwhile */
        char typed[] = "zqjxxxxx";
        typed[4 + i] = '\0';
        before = harness_bytes(h)->len;
        harness_type(h, "x");
        harness_wait_text(h, typed);
        harness_settle(h);
        key = MT_MIN(key, harness_bytes(h)->len - before);
    }
    print_message("one key: %zu bytes\n", key);
    assert_true(key < 100);
    /* A flood in the other pane is not sent while this one is zoomed. */
    harness_keys(h, "C-u C-] Left");
    harness_type(h, "while sleep 0.02; do date; done\r");
    harness_keys(h, "C-] Right C-] z");
    harness_wait_text(h, "behind zoom");
    ask(h, "sleep 0.3; tput cols", "120"); /* what was on its way has come */
    harness_settle(h);
    before = harness_bytes(h)->len;
    ask(h, "sleep 0.7; tput cols", "120");
    harness_settle(h);
    size_t calm = harness_bytes(h)->len - before;
    print_message("beside a flood out of sight: %zu bytes\n", calm);
    assert_true(calm < 1500);
    world_leave_session(h);
}

static void test_ascii(void **state)
{
    struct harness *h = *state;
    static const char *const args[] = {"--ascii", NULL};

    world_start(h, 120, 36, args, NULL);
    world_open_shell(h);
    split(h, "C-] |", "two");
    split(h, "C-] -", "three");
    harness_settle(h);
    wait_char(h, 77, 18, '+');
    wait_char(h, 77, 10, '|');
    wait_char(h, 100, 18, '=');
    wait_char(h, 100, 1, '-');
    wait_char(h, 34, 1, '+');
    world_leave_session(h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_split_and_type, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_next_session_is_taken, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_outsider_joins, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_other_workspace, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_resize, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_close, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_end, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_leave_and_return, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_two_cockpits, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_all_ended, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_gone_meanwhile, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_keys_are_told, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_small_terminal, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_mouse, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_focus_reports, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_copy_mode, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_only_what_changed, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_ascii, world_set_up, world_tear_down),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
