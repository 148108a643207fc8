/* SPDX-License-Identifier: Apache-2.0 */
/* Copy mode with the real program and a real shell: searching, selecting by keys and mouse, what is copied, prompts and
 * outputs, files, the editor. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

/* A shell whose prompt is marked as bash's integrations do. */
static void begin_with(struct harness *h, const char *const *env)
{
    world_start(h, 120, 36, NULL, env);
    world_open_shell(h);
    harness_type(h, "PS1='\\[\\e]133;D\\a\\e]133;A\\a\\]> '; PS0='\\e]133;C\\a'; clear; echo re''ady\r");
    harness_wait_text(h, "ready");
}

static void begin(struct harness *h)
{
    begin_with(h, NULL);
}

static void copy_mode(struct harness *h)
{
    harness_keys(h, "C-] [");
    harness_wait_text(h, "copy mode");
}

/* The text of the last OSC 52 that was sent, decoded. */
static bool last_copied(struct harness *h, struct strbuf *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const struct strbuf *b = harness_bytes(h);
    const char *at = NULL;
    for (const char *p = b->buf; (p = strstr(p, "\033]52;c;")) != NULL; p += 7) {
        at = p + 7;
    }
    if (!at) {
        return false;
    }
    uint32_t bits = 0;
    int have = 0;
    for (; *at && strchr(digits, *at); at++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *at) - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            strbuf_addch(out, (char)(bits >> have & 0xff));
        }
    }
    return *at == '=' || *at == '\033';
}

static bool is_copied(struct harness *h, void *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    return last_copied(h, &got) && strcmp(got.buf, want) == 0;
}

static bool begins_copied(struct harness *h, void *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    return last_copied(h, &got) && strncmp(got.buf, want, strlen(want)) == 0;
}

static void wait_copied(struct harness *h, const char *want)
{
    harness_wait(h, is_copied, (void *)(uintptr_t)want, want);
    harness_wait_gone(h, "copy mode");
}

/* The style of the first cell of a text on the screen. */
static const struct cell *cell_of(struct harness *h, const char *text)
{
    int col, row;
    assert_true(harness_find(h, text, &col, &row));
    return harness_cell(h, col, row);
}

/* A key held down outruns what the host sends of the scrollback: the last view is filled all the same. */
static void test_held_key(void **state)
{
    struct harness *h = *state;
    char keys[1501];

    begin(h);
    harness_type(h, "seq -f 'row %g.' 5000; echo be''hind\r");
    harness_wait_text(h, "behind");
    copy_mode(h);
    memset(keys, 'k', sizeof(keys) - 1);
    keys[sizeof(keys) - 1] = '\0';
    harness_type(h, keys);
    harness_wait_text(h, "row 3503.");
    harness_wait_gone(h, "...");
    harness_key(h, "q");
    world_leave_session(h);
}

static void test_search(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "clear; for i in {1..300}; do echo row $i Alpha; done; echo the en''d\r");
    harness_wait_text(h, "the end");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    /* It goes on while it is typed, and comes back when it does not fit any more. */
    harness_type(h, "row 7");
    harness_wait_text(h, "match 11/11");
    harness_wait_text(h, "row 79 Alpha");
    harness_type(h, "0");
    harness_wait_text(h, "match 1/1");
    harness_type(h, "x");
    harness_wait_text(h, "no match");
    harness_keys(h, "Backspace Backspace Backspace");
    harness_type(h, "2[0-9]5 a");
    harness_wait_text(h, "match 10/10");
    harness_wait_text(h, "row 295 Alpha");
    harness_wait_gone(h, "wrapped");
    harness_key(h, "Enter");
    harness_wait_gone(h, "search back:");
    /* Every match in view is marked, the current one besides. */
    harness_settle(h);
    const struct cell *here = cell_of(h, "row 295"), *other = cell_of(h, "row 285");
    assert_true(other->attrs & CELL_BOLD);
    assert_true(here->attrs & CELL_BOLD);
    assert_true((here->attrs ^ other->attrs) & CELL_REVERSE);
    assert_false(cell_of(h, "row 284")->attrs & CELL_BOLD);
    harness_key(h, "n");
    harness_wait_text(h, "match 9/10");
    harness_key(h, "N");
    harness_wait_text(h, "match 10/10");
    harness_key(h, "N");
    harness_wait_text(h, "Search wrapped");
    harness_wait_text(h, "match 1/10, wrapped");
    /* No expression: taken as it is, and it says so. */
    harness_key(h, "/");
    harness_wait_text(h, "search:");
    harness_type(h, "[A");
    harness_wait_text(h, "searched as plain text");
    harness_wait_text(h, "no match");
    harness_key(h, "Escape");
    harness_wait_gone(h, "search:");
    harness_wait_text(h, "row 205 Alpha"); /* where it began */
    harness_key(h, "/");
    harness_wait_text(h, "search:");
    harness_type(h, "ALPHA\r"); /* smart case */
    harness_wait_text(h, "Not found: ALPHA");
    harness_key(h, "/");
    harness_wait_text(h, "search:");
    harness_type(h, "a\r");
    harness_wait_text(h, "00"); /* counted to the end */
    harness_key(h, "q");
    harness_wait_gone(h, "copy mode");
    harness_wait_text(h, "the end");
    world_leave_session(h);
}

/* A match, a selection and a copy over the edge of soft-wrapped rows, with wide characters. */
static void test_wrapped(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(
        h, "clear; printf 'x%.0s' {1..100}; printf 'SEA''M日本%.0s\\n' 1; echo; echo after; seq 40; echo do''ne\r");
    harness_wait_text(h, "done");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "xSEAM日本$\r");
    harness_wait_text(h, "match 1/1");
    harness_key(h, "V"); /* the whole line, both rows */
    harness_key(h, "y");
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    for (int i = 0; i < 100; i++) {
        strbuf_addch(&want, 'x');
    }
    strbuf_addstr(&want, "SEAM日本\n");
    wait_copied(h, want.buf);
    harness_wait_gone(h, "copy mode");
    /* By characters, over a blank line, which stays. */
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "本\r");
    harness_wait_text(h, "match 1/1");
    harness_keys(h, "v j j 0 e y");
    wait_copied(h, "本\n\nafter");
    world_leave_session(h);
}

static void test_keys(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "clear; printf 'one two-three four\\nfive six  seven\\n  eight nine\\n'; echo do''ne\r");
    harness_wait_text(h, "done");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "^one two\r");
    harness_wait_text(h, "match 1/1");
    harness_keys(h, "w v e y"); /* a word as vi has it */
    wait_copied(h, "two");
    copy_mode(h);
    harness_keys(h, "? Enter"); /* the same again */
    harness_wait_text(h, "match 1/1");
    harness_keys(h, "f f v $ y");
    wait_copied(h, "four");
    copy_mode(h);
    harness_keys(h, "? Enter");
    harness_wait_text(h, "match 1/1");
    /* A block, the cursor at its other end, and back. */
    harness_keys(h, "w C-v j j e o y");
    wait_copied(h, "two\n si\nght");
    copy_mode(h);
    harness_keys(h, "? Enter");
    harness_wait_text(h, "match 1/1");
    harness_keys(h, "j j ^ v b b y");
    wait_copied(h, "six  seven\n  e");
    copy_mode(h);
    harness_keys(h, "H v L Escape"); /* leaves without copying */
    harness_wait_gone(h, "copy mode");
    harness_settle(h);
    assert_true(is_copied(h, (void *)(uintptr_t) "six  seven\n  e"));
    world_leave_session(h);
}

static void test_prompts(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "seq 1 10''0\r");
    harness_wait_text(h, "100");
    harness_type(h, "echo sec''ond; echo; echo li''ne\r");
    harness_wait_text(h, "second");
    harness_type(h, "seq 200 260; echo bot''tom\r");
    harness_wait_text(h, "bottom");
    /* From the session: to the prompt before this one. */
    harness_keys(h, "C-] P");
    harness_wait_text(h, "copy mode");
    harness_wait_text(h, "> seq 200 260");
    harness_key(h, "[");
    harness_wait_text(h, "> echo sec");
    harness_key(h, "[");
    harness_wait_text(h, "> seq 1 10");
    harness_key(h, "]");
    harness_key(h, "]");
    harness_wait_text(h, "> seq 200 260");
    harness_wait_gone(h, "> echo sec");
    /* What the command before printed. */
    harness_keys(h, "O y");
    wait_copied(h, "second\n\nline\n");
    harness_wait_gone(h, "copy mode");
    harness_keys(h, "C-] O");
    harness_wait_text(h, "copy mode");
    harness_key(h, "y");
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    for (int i = 200; i <= 260; i++) {
        strbuf_addf(&want, "%d\n", i);
    }
    strbuf_addstr(&want, "bottom\n");
    wait_copied(h, want.buf);
    harness_wait_text(h, "62 lines");
    world_leave_session(h);
}

/* The shell of a new sandbox marks its prompts itself. */
/* The prompt stands below the first place of a text, or behind it: what is typed now is not echoed into its output. */
static bool has_prompt_after(struct harness *h, void *text)
{
    MT_CLEANUP(strbuf) struct strbuf rows = STRBUF_INIT;
    int row;

    if (!harness_find(h, text, NULL, &row)) {
        return false;
    }
    harness_row(h, row, &rows);
    harness_row(h, row + 1, &rows);
    return strstr(strstr(rows.buf, text), "workspace $") != NULL;
}

static void wait_prompt_after(struct harness *h, const char *text)
{
    harness_wait(h, has_prompt_after, (void *)(uintptr_t)text, text);
}

static void test_shipped_marks(void **state)
{
    struct harness *h = *state;

    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "seq 1 6; echo sev''en\r");
    wait_prompt_after(h, "seven");
    harness_type(h, "printf 'no new''line!'\r");
    wait_prompt_after(h, "no newline!");
    harness_type(h, "seq 50 1''10; echo e''nd\r");
    wait_prompt_after(h, "│end");
    harness_keys(h, "C-] P");
    harness_wait_text(h, "copy mode");
    harness_wait_text(h, "workspace $ seq 50");
    harness_keys(h, "O y"); /* it ended within the prompt's row */
    harness_wait_gone(h, "copy mode");
    harness_keys(h, "C-] P");
    harness_wait_text(h, "copy mode");
    harness_keys(h, "[ O y");
    wait_copied(h, "1\n2\n3\n4\n5\n6\nseven\n");
    world_leave_session(h);
}

static void drag(struct harness *h, unsigned mods, int col, int row, int to_col, int to_row)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    unsigned m = mods & KEYMOD_ALT ? 8 : 0;
    strbuf_addf(&b, "\033[<%u;%d;%dM", m, col + 1, row + 1);
    strbuf_addf(&b, "\033[<%u;%d;%dM", m + 32, to_col + 1, to_row + 1);
    strbuf_addf(&b, "\033[<%u;%d;%dm", m, to_col + 1, to_row + 1);
    harness_send(h, b.buf, b.len);
}

static void test_mouse(void **state)
{
    struct harness *h = *state;
    int col, row;

    begin(h);
    harness_type(h, "clear; printf 'alpha /usr/lib beta\\nsecond row here\\nthird\\n'; echo do''ne\r");
    harness_wait_text(h, "done");
    assert_true(harness_find(h, "alpha /usr", &col, &row));
    drag(h, 0, col, row, col + 5, row + 1);
    wait_copied(h, "alpha /usr/lib beta\nsecond");
    harness_wait_gone(h, "copy mode");
    drag(h, KEYMOD_ALT, col, row, col + 4, row + 2);
    wait_copied(h, "alpha\nsecon\nthird");
    harness_wait_gone(h, "copy mode");
    harness_click(h, col + 8, row);
    harness_click(h, col + 8, row);
    wait_copied(h, "/usr/lib");
    harness_click(h, col + 8, row);
    wait_copied(h, "alpha /usr/lib beta\n");
    harness_wait_gone(h, "copy mode");
    /* Beyond the edge the view goes on by itself, to the oldest line. */
    harness_type(h, "clear; seq 1 90; echo low''est\r");
    harness_wait_text(h, "lowest");
    assert_true(harness_find(h, "lowest", &col, &row));
    harness_mouse(h, MOUSE_PRESS, MOUSE_BUTTON_LEFT, col + 5, row);
    harness_mouse(h, MOUSE_MOTION, MOUSE_BUTTON_LEFT, col, 0);
    harness_wait_text(h, " 1/92");
    harness_mouse(h, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, col, 0);
    harness_wait_gone(h, "copy mode");
    harness_wait(h, begins_copied, (void *)(uintptr_t) "1\n2\n3\n", "the copy does not begin with the oldest line");
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    assert_true(last_copied(h, &got));
    assert_string_equal(got.buf + got.len - 10, "\n90\nlowest");
    world_leave_session(h);
}

/* Is what is in a file of the home directory this? */
static void assert_file(struct harness *h, const char *relative, const char *want)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    world_read(h, relative, &got);
    assert_string_equal(got.buf, want);
}

static void clear_prompt(struct harness *h)
{
    harness_key(h, "C-u");
}

static void test_save(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(xfree) char *path = xasprintf("%s/all.txt", harness_home(h));
    struct stat st;

    begin(h);
    harness_type(h, "clear; seq 1 2000; echo sto''p\r");
    harness_wait_text(h, "stop");
    copy_mode(h);
    harness_key(h, "s");
    harness_wait_text(h, "write everything to:");
    harness_wait_text(h, "~/api-shell-");
    clear_prompt(h);
    harness_type(h, "~/all.txt\r");
    harness_wait_text(h, "to ~/all.txt");
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT, lines = STRBUF_INIT;
    world_read(h, "all.txt", &all);
    for (int i = 1; i <= 2000; i++) {
        strbuf_addf(&lines, "%d\n", i);
    }
    strbuf_addstr(&lines, "stop\n");
    assert_non_null(strstr(all.buf, lines.buf));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    /* It is there: not without a word. */
    harness_keys(h, "G k V s");
    harness_wait_text(h, "write selection to:");
    clear_prompt(h);
    harness_type(h, "~/all.txt\r");
    harness_wait_text(h, "is there already");
    harness_key(h, "Escape");
    harness_wait_gone(h, "is there already");
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal((size_t)st.st_size, all.len);
    harness_key(h, "s");
    harness_wait_text(h, "write selection to:");
    clear_prompt(h);
    harness_type(h, "~/all.txt\r");
    harness_wait_text(h, "is there already");
    harness_key(h, "Enter");
    harness_wait_text(h, "Wrote 1 line");
    assert_file(h, "all.txt", "stop\n");
    /* What cannot be. */
    harness_key(h, "s");
    harness_wait_text(h, "write selection to:");
    clear_prompt(h);
    harness_type(h, "~/no/such/folder.txt\r");
    harness_wait_text(h, "No such file or directory");
    clear_prompt(h);
    harness_type(h, "~/src\r");
    harness_wait_text(h, "is a folder");
    clear_prompt(h);
    /* A path longer than the screen is wide hides no word of why not. */
    static const int sizes[][2] = {{80, 24}, {40, 12}, {120, 36}};
    char far[420] = "~/";
    for (size_t i = 2; i < sizeof(far) - 1; i++) {
        far[i] = i % 50 == 0 ? '/' : 'f';
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(sizes); i++) {
        harness_resize(h, sizes[i][0], sizes[i][1]);
        harness_type(h, far);
        harness_key(h, "Enter");
        harness_wait_text(h, "directory"); /* where the words before it are wrapped depends on the folder's name */
        assert_true(harness_has(h, "No such"));
        clear_prompt(h);
        harness_wait_gone(h, "directory");
    }
    harness_type(h, "/dev/full\r");
    harness_wait_text(h, "is there already");
    harness_key(h, "Enter");
    harness_wait_text(h, "No space left");
    harness_key(h, "q");
    harness_wait_gone(h, "copy mode");
    world_leave_session(h);
}

static void test_editor(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(xfree) char *script = xasprintf("%s/edit.sh", harness_home(h));
    MT_CLEANUP(xfree) char *visual = xasprintf("VISUAL=%s --flag", script);

    /* Reads a key from the terminal it was given, in the mode a program expects, and keeps a copy of the text. */
    harness_write(
        h, "edit.sh",
        "#!/bin/sh\nprintf 'editing %s, %d lines\\n' \"$1\" $(wc -l <\"$2\"); read -r line; cp \"$2\" ~/seen.txt\n"
        "ls -l \"$2\" >~/mode.txt; echo \"$2\" >~/name.txt; [ \"$line\" = change ] && echo more >>\"$2\"\n"
        "exit 0\n");
    assert_int_equal(chmod(script, 0755), 0);
    begin_with(h, (const char *const[]){visual, NULL});
    harness_type(h, "clear; seq 1 60; echo sto''p\r");
    harness_wait_text(h, "stop");
    copy_mode(h);
    harness_keys(h, "k V E");
    harness_wait_text(h, "editing --flag, 1 lines");
    assert_false(vt_is_alt(harness_vt(h)));
    /* Ctrl-C of its terminal is not ours. */
    harness_signal(h, SIGINT);
    harness_type(h, "ok\r");
    harness_wait_text(h, "copy mode");
    assert_true(vt_is_alt(harness_vt(h)));
    world_wait_content(h, "seen.txt", "stop\n");
    MT_CLEANUP(strbuf) struct strbuf mode = STRBUF_INIT, name = STRBUF_INIT;
    world_read(h, "mode.txt", &mode);
    assert_memory_equal(mode.buf, "-rw-------", 10);
    world_read(h, "name.txt", &name);
    strbuf_truncate(&name, name.len - 1);
    harness_settle(h);
    assert_int_equal(access(name.buf, F_OK), -1); /* the copy is gone */
    /* Everything; and a copy that was changed stays. */
    harness_keys(h, "V E");
    harness_wait_text(h, "editing --flag, 62 lines");
    harness_type(h, "change\r");
    harness_wait_text(h, "What you changed is in");
    strbuf_clear(&name);
    world_read(h, "name.txt", &name);
    strbuf_truncate(&name, name.len - 1);
    assert_int_equal(unlink(name.buf), 0);
    harness_key(h, "q");
    harness_wait_gone(h, "copy mode");
    world_leave_session(h);
}

static void test_no_editor(void **state)
{
    struct harness *h = *state;

    begin_with(h, (const char *const[]){"VISUAL=", "EDITOR=no-such-editor", NULL});
    copy_mode(h);
    harness_key(h, "E");
    harness_wait_text(h, "which is not there");
    harness_wait_text(h, "s writes to a file");
    harness_key(h, "q");
    world_leave_session(h);
}

static bool is_reversed(struct harness *h, void *text)
{
    return (cell_of(h, text)->attrs & CELL_REVERSE) != 0;
}

/* Without colour everything can be told apart all the same. */
static void test_no_color(void **state)
{
    struct harness *h = *state;

    begin_with(h, (const char *const[]){"NO_COLOR=1", NULL});
    harness_type(h, "clear; printf 'hit a\\nhit b\\nplain\\n'; echo do''ne\r");
    harness_wait_text(h, "done");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "^hit\r");
    harness_wait_text(h, "match 2/2");
    harness_settle(h);
    unsigned here = cell_of(h, "hit b")->attrs, other = cell_of(h, "hit a")->attrs, plain = cell_of(h, "plain")->attrs;
    assert_int_not_equal(here, other);
    assert_int_not_equal(other, plain);
    assert_false(plain & CELL_REVERSE);
    harness_keys(h, "j V");
    harness_wait(h, is_reversed, (void *)(uintptr_t) "plain", "what is selected cannot be seen");
    harness_key(h, "q");
    world_leave_session(h);
}

/* The prefix and PgUp is a page back already. */
static void test_page_back(void **state)
{
    struct harness *h = *state;
    int col, row;

    begin(h);
    harness_type(h, "clear; seq 1000 11''00\r");
    harness_wait_text(h, "1100");
    harness_keys(h, "C-] PgUp");
    harness_wait_gone(h, "1100");
    harness_wait_text(h, "1050");
    assert_true(harness_has(h, "copy mode"));
    harness_key(h, "q");
    harness_wait_gone(h, "1050");
    /* The place does not hide what the cursor is on in the first row. */
    harness_type(h, "clear; for i in {100..140}; do printf '%84s\\n' ed''ge$i; done\r");
    harness_wait_text(h, "edge140");
    harness_keys(h, "C-] [");
    harness_wait_text(h, "copy mode");
    harness_key(h, "H");
    harness_settle(h);
    assert_true(harness_find(h, "edge110", &col, &row));
    assert_int_equal(row, 3);
    assert_false(harness_has(h, "edge109"));
    harness_key(h, "$");
    harness_wait_text(h, "edge109");
    harness_key(h, "q");
    harness_wait_text(h, "edge140");
    harness_type(h, "clear; seq 1000 11''00\r");
    harness_wait_text(h, "1100");
    world_leave_session(h);
}

/* A row of twenty letters under two marks each, no two of them alike in as many rows as are printed here. */
static void cluster_row(struct strbuf *out, int row)
{
    strbuf_addf(out, "row %04d ", row);
    for (int n = row * 20; n < row * 20 + 20; n++) {
        strbuf_addch(out, (char)('a' + n % 26));
        strbuf_addch(out, (char)0xcc);
        strbuf_addch(out, (char)(0x80 + n / 26 % 48));
        strbuf_addch(out, (char)0xcc);
        strbuf_addch(out, (char)(0x80 + n / 1248 % 48));
    }
}

/* A shell with a function that prints such rows: [from, to). */
static void begin_with_clusters(struct harness *h)
{
    begin(h);
    harness_type(h,
                 "rows() { for ((r = $1; r < $2; r++)); do s=; for ((n = r * 20; n < r * 20 + 20; n++)); do "
                 "printf -v e '\\\\x%x\\\\xcc\\\\x%x\\\\xcc\\\\x%x' $((97 + n % 26)) $((128 + n / 26 % 48)) "
                 "$((128 + n / 1248 % 48)); s+=$e; done; printf \"row %04d $s\\n\" $r; done; }; clear; echo re''ady\r");
    harness_wait_text(h, "ready");
}

/* Are rows [from, to) of those on the screen as they were printed? */
static void assert_rows(struct harness *h, int from, int to)
{
    MT_CLEANUP(strbuf) struct strbuf screen = STRBUF_INIT;
    harness_settle(h);
    harness_dump_text(h, &screen);
    for (int row = from; row < to; row++) {
        MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
        cluster_row(&want, row);
        if (!strstr(screen.buf, want.buf)) {
            fail_msg("no \"%s\" in\n%s", want.buf, screen.buf);
        }
    }
}

/* The place in copy mode says that there are more lines than so many. */
static bool is_beyond(struct harness *h, void *lines)
{
    MT_CLEANUP(strbuf) struct strbuf screen = STRBUF_INIT;
    harness_dump_text(h, &screen);
    for (const char *at = screen.buf; (at = strchr(at, '/')) != NULL; at++) {
        if (strtol(at + 1, NULL, 10) > *(const int *)lines) {
            return true;
        }
    }
    return false;
}

/* What copy mode shows stays what was printed while the program goes on: other clusters, thousands of them, come to the
 * screen below, and one table does not hold them all. */
static void test_clusters_stay(void **state)
{
    struct harness *h = *state;
    int lines = 640;

    begin_with_clusters(h);
    harness_type(h, "rows 0 100; echo pri''nted; "
                    "(until [ -e go ]; do sleep 0.05; done; "
                    "for i in {1..18}; do rows $((i * 30 + 100)) $((i * 30 + 130)); sleep 0.05; done) &\r");
    harness_wait_text(h, "printed");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "row 0040\r");
    harness_wait_text(h, "match 1/1");
    assert_rows(h, 30, 50);
    harness_write(h, "src/api/go", "");
    harness_wait(h, is_beyond, &lines, "more than 640 lines");
    assert_rows(h, 30, 50);
    /* What is found is marked in view, by the same text. */
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
    int col, row;
    cluster_row(&want, 39);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, want.buf + strlen("row 0039 "));
    harness_wait_text(h, "match 1/1");
    harness_key(h, "Enter");
    harness_wait_gone(h, "search back:");
    harness_settle(h);
    assert_true(harness_find(h, "row 0039 ", &col, &row));
    assert_false(harness_cell(h, col, row)->attrs & CELL_BOLD);
    assert_true(harness_cell(h, col + (int)strlen("row 0039 "), row)->attrs & CELL_BOLD);
    /* And so is what is copied. */
    harness_keys(h, "j 0 v j $ y");
    strbuf_clear(&want);
    cluster_row(&want, 40);
    strbuf_addch(&want, '\n');
    cluster_row(&want, 41);
    wait_copied(h, want.buf);
    world_leave_session(h);
}

/* Copied text has each of its clusters, however many there are: in one piece of scrollback more than a table holds. */
static void test_clusters_copied(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;

    begin_with_clusters(h);
    harness_type(h, "rows 0 800; echo pri''nted\r");
    harness_wait_text(h, "printed");
    copy_mode(h);
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "row 0000\r");
    harness_wait_text(h, "match 1/1");
    harness_keys(h, "V G k k y");
    for (int row = 0; row < 800; row++) {
        cluster_row(&want, row);
        strbuf_addch(&want, '\n');
    }
    harness_wait(h, is_copied, want.buf, "every row as it was printed");
    world_leave_session(h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_page_back, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_search, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_held_key, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_wrapped, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_keys, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_prompts, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_shipped_marks, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_mouse, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_save, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_editor, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_no_editor, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_no_color, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_clusters_stay, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_clusters_copied, world_set_up, world_tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
