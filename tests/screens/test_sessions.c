/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a person works in them: hopping, pasting, floods, sizes, the mouse, colours, titles, and coming back. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/screens/world.h"

/* Starts at 120x36 and opens the first shell. */
static void begin(struct harness *h)
{
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
}

static void test_hop_and_prefix(void **state)
{
    struct harness *h = *state;

    begin(h);
    world_another_shell(h);
    harness_type(h, "clear; echo sec''ond; cat -v\r");
    harness_wait_text(h, "second");
    harness_key(h, "M-1");
    harness_wait_text(h, "before");
    harness_key(h, "M-2");
    harness_wait_text(h, "second");
    /* The prefix twice is the key itself, once. */
    harness_type(h, "a");
    harness_keys(h, "C-] C-]");
    harness_type(h, "b\r");
    harness_wait_text(h, "a^]b");
    assert_false(harness_has(h, "^]^]"));
    /* To the list and back; what it shows has not changed. */
    harness_keys(h, "C-] w");
    harness_wait_text(h, "Enter open");
    harness_key(h, "k");
    harness_wait_text(h, "before");
    harness_key(h, "j");
    harness_wait_text(h, "second");
    harness_key(h, "Enter");
    harness_wait_text(h, "C-] then");
    harness_key(h, "C-c");
    harness_wait_text(h, WORLD_PROMPT);
    world_leave_session(h);
}

#define PASTE_BYTES (1u << 20)

static void test_paste_of_a_megabyte(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;

    for (unsigned i = 0; text.len < PASTE_BYTES; i++) {
        strbuf_addf(&text, "%u: \t ünï 日本 🙂 \"quoted\" $HOME `x`; 0123456789\n", i * 2654435761u);
    }
    strbuf_truncate(&text, PASTE_BYTES - 1); /* cut in a character: that goes */
    while ((unsigned char)text.buf[text.len - 1] >= 0x80) {
        strbuf_truncate(&text, text.len - 1);
    }
    begin(h);
    MT_CLEANUP(xfree)
    char *take = xasprintf("stty -icanon -echo; echo taking$((1+1)); head -c %zu >/workspace/big; stty sane; "
                           "touch /workspace/taken\r",
                           text.len);
    harness_type(h, take);
    harness_wait_text(h, "taking2"); /* on the screen: the shell's end of bracketed paste was seen before it */
    harness_paste(h, text.buf, text.len);
    world_wait_file(h, "src/api/taken");
    world_read(h, "src/api/big", &got);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.buf, text.buf, text.len);
    harness_type(h, "echo $((6*7))xyz\r");
    harness_wait_text(h, "42xyz");
    world_leave_session(h);
}

static void test_flood_and_interrupt(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "yes abcdef''ghijklmnop\r"); /* the quotes: what is awaited is not what was typed */
    harness_wait_text(h, "abcdefghijklmnop");
    harness_settle(h);
    uint64_t before = clock_mono_ms();
    harness_key(h, "C-c");
    harness_type(h, "echo $((6*7))xyz\r");
    harness_wait_text(h, "42xyz");
    uint64_t took = clock_mono_ms() - before;
    print_message("from Ctrl-C to an answer: %llu ms\n", (unsigned long long)took);
    assert_true(took < patience(4000));
    /* Leaving is not held up by a flood either. */
    harness_type(h, "yes abcdefghijklmnop\r");
    harness_wait_gone(h, "42xyz");
    before = clock_mono_ms();
    world_leave_session(h);
    assert_true(clock_mono_ms() - before < patience(4000));
}

static void test_exit_status_is_kept(void **state)
{
    struct harness *h = *state;

    begin(h);
    world_another_shell(h);
    harness_type(h, "echo la''st words; exit 3\r");
    harness_wait_text(h, "exited 3");
    harness_wait_text(h, "last words");
    harness_signal(h, SIGKILL);
    (void)harness_wait_exit(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "exited 3");
    harness_key(h, "2");
    harness_wait_text(h, "last words");
    harness_wait_text(h, "Enter closes");
    world_leave_session(h); /* as the bottom line says, with the prefix or without */
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "exited 3");
    harness_key(h, "2");
    harness_wait_text(h, "Enter closes");
    harness_key(h, "Enter");
    harness_wait_gone(h, "exited 3");
    world_leave(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, " 1 ");
    harness_wait_text(h, WORLD_READY);
    assert_false(harness_has(h, "exited 3"));
    world_leave(h);
}

/* A command's session is run again with its command, by a cockpit that did not start it. */
static void test_command_runs_again(void **state)
{
    struct harness *h = *state;
    static const char *const start[] = {"start", "api", NULL};
    static const char *const command[] = {"shell",
                                          "api",
                                          "--session",
                                          "-c",
                                          "echo once >>/workspace/runs; until rm /workspace/go 2>/dev/null; do sleep "
                                          "0.05; done; exit 3",
                                          NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    assert_int_equal(harness_run(h, start, &out), 0);
    assert_int_equal(harness_run(h, command, &out), 0);
    harness_write(h, "src/api/go", "");
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "exited 3");
    harness_key(h, "1");
    harness_wait_text(h, "r runs it again");
    world_read(h, "src/api/runs", &out);
    assert_string_equal(out.buf, "once\n");
    harness_key(h, "r");
    harness_wait_gone(h, "exited 3");
    harness_write(h, "src/api/go", "");
    harness_wait_text(h, "exited 3");
    harness_wait_text(h, "r runs it again");
    world_read(h, "src/api/runs", &out);
    assert_string_equal(out.buf, "once\nonce\n");
    harness_key(h, "Enter");
    harness_wait_gone(h, "exited 3");
    world_leave(h);
}

/* The rows of the session: right of the divider, below the title. */
static void pane_text(struct harness *h, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    strbuf_clear(out);
    for (int y = 2; y < 35; y++) {
        strbuf_clear(&line);
        harness_row(h, y, &line);
        const char *at = strstr(line.buf, "│");
        strbuf_addf(out, "%s\n", at ? at : "");
    }
}

static void test_come_back(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf before = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf after = STRBUF_INIT;

    begin(h);
    harness_type(h, "echo ear''ly-line; seq 1 3000; printf '\\033[1;33mcol''oured\\033[m wi''de:日本\\n'; read\r");
    harness_wait_text(h, "coloured wide:日本");
    harness_settle(h);
    pane_text(h, &before);
    world_leave_session(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    /* Not even the first frame says that there is no sandbox and offers to make one. */
    assert_null(strstr(harness_bytes(h)->buf, "makes"));
    harness_key(h, "1");
    harness_wait_text(h, "coloured wide:日本");
    harness_wait_text(h, "C-] then");
    harness_settle(h);
    pane_text(h, &after);
    assert_string_equal(before.buf, after.buf);
    /* The scrollback is there too. */
    harness_keys(h, "C-] [");
    harness_wait_text(h, "copy mode");
    harness_key(h, "?");
    harness_wait_text(h, "search back:");
    harness_type(h, "early-line\r");
    harness_wait_text(h, "early-line");
    harness_wait_gone(h, "coloured");
    harness_key(h, "q");
    harness_wait_text(h, "coloured wide:日本");
    /* Downward from the bottom it goes round, and says so. */
    harness_keys(h, "C-] [");
    harness_wait_text(h, "copy mode");
    harness_key(h, "/");
    harness_wait_text(h, "search:");
    harness_type(h, "early-line\r");
    harness_wait_text(h, "Search wrapped");
    harness_wait_gone(h, "coloured");
    harness_key(h, "q");
    harness_wait_text(h, "coloured wide:日本");
    harness_wait_gone(h, "copy mode");
    world_leave_session(h);
}

/* A session keeps its number when another takes that of one that ended, and the next cockpit shows the same. */
static void test_numbers_stay(void **state)
{
    struct harness *h = *state;

    begin(h);
    world_another_shell(h);
    harness_type(h, "clear; echo sec''ond\r");
    harness_wait_text(h, "second");
    harness_key(h, "M-1");
    harness_wait_gone(h, "second");
    harness_type(h, "exit\r");
    harness_wait_text(h, "exited 0");
    harness_key(h, "Enter");
    harness_wait_gone(h, "exited 0");
    harness_wait_text(h, "Enter open");
    harness_key(h, "2");
    harness_wait_text(h, "second");
    harness_wait_text(h, "C-] then");
    world_another_shell(h);
    harness_type(h, "clear; echo thi''rd\r");
    harness_wait_text(h, "third");
    harness_key(h, "M-2");
    harness_wait_text(h, "before");
    world_leave_session(h);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, WORLD_READY);
    harness_wait_text(h, " 1 ");
    harness_key(h, "1");
    harness_wait_text(h, "third");
    harness_key(h, "M-2");
    harness_wait_text(h, "before");
    world_leave_session(h);
}

/* Asks the session for its size from this cockpit. */
static void ask_size(struct harness *h, int *cols, int *rows)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    world_run(h, "stty size >/workspace/size");
    world_read(h, "src/api/size", &out);
    assert_int_equal(sscanf(out.buf, "%d %d", rows, cols), 2);
}

/* The size is that of the cockpit that was typed in last. */
static void test_two_cockpits(void **state)
{
    struct harness *h = *state;
    int cols, rows, divider, other_cols, other_rows;

    begin(h);
    ask_size(h, &cols, &rows);
    assert_true(harness_find(h, "│", &divider, NULL));
    assert_int_equal(cols, 120 - divider - 1);
    struct harness *second = world_join(h, 80, 24);
    harness_wait_text(second, " 1 ");
    harness_key(second, "1");
    harness_wait_text(second, WORLD_PROMPT);
    harness_type(second, "stty size >/workspace/size; touch /workspace/.ran\r");
    world_wait_file(h, "src/api/.ran");
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    world_read(h, "src/api/size", &out);
    assert_int_equal(sscanf(out.buf, "%d %d", &other_rows, &other_cols), 2);
    assert_int_equal(other_cols, 80);
    assert_true(other_rows < 24 && other_rows > 18);
    /* Both see what either types. */
    harness_type(second, "clear; echo bo''th\r");
    harness_wait_text(second, "both");
    harness_wait_text(h, "both");
    int again_cols, again_rows;
    MT_CLEANUP(xfree) char *ran = xasprintf("%s/src/api/.ran", harness_home(h));
    assert_int_equal(unlink(ran), 0);
    ask_size(h, &again_cols, &again_rows);
    assert_int_equal(again_cols, cols);
    assert_int_equal(again_rows, rows);
    world_leave_session(second);
    harness_free(second);
    harness_type(h, "echo $((6*7))xyz\r");
    harness_wait_text(h, "42xyz");
    world_leave_session(h);
}

static void test_resize_storm(void **state)
{
    struct harness *h = *state;
    unsigned seed = 20240229;

    begin(h);
    harness_type(h, "yes $'\\e[31mabcd'$'efgh\\e[m 日本 🙂 ijklmnop'\r");
    harness_wait_text(h, "abcdefgh");
    for (int i = 0; i < 40; i++) {
        seed = seed * 1103515245u + 12345u;
        int cols = 1 + (int)(seed >> 16) % 200;
        seed = seed * 1103515245u + 12345u;
        int rows = 1 + (int)(seed >> 16) % 60;
        if (i % 10 == 5) {
            cols = rows = 1;
        }
        harness_resize(h, cols, rows);
        if (i % 4 == 0) {
            harness_settle(h);
        }
        assert_true(harness_is_running(h));
    }
    harness_resize(h, 120, 36);
    harness_wait_text(h, "abcdefgh");
    harness_key(h, "C-c");
    harness_type(h, "clear; echo $((6*7))xyz\r");
    harness_wait_text(h, "42xyz");
    harness_wait_gone(h, "abcdefgh");
    harness_wait_text(h, "homepage");
    int cols, rows, divider;
    ask_size(h, &cols, &rows);
    assert_true(harness_find(h, "│", &divider, NULL));
    assert_int_equal(cols, 120 - divider - 1);
    world_leave_session(h);
}

static void test_mouse(void **state)
{
    struct harness *h = *state;
    int divider, col, row;

    harness_write(h, "src/api/mouse.sh", "stty -icanon -echo\nprintf '\\033[?1000h\\033[?1006hlistening\\n'\ncat -v\n");
    begin(h);
    assert_true(harness_find(h, "│", &divider, NULL));
    /* Not asked for: the wheel looks at what has scrolled by, and comes back. */
    harness_type(h, "seq 1 200; echo bot''tom\r");
    harness_wait_text(h, "bottom");
    for (int i = 0; i < 3; i++) {
        harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_UP, divider + 10, 12);
    }
    harness_wait_text(h, "copy mode");
    harness_wait_gone(h, "bottom");
    harness_key(h, "q");
    harness_wait_text(h, "bottom");
    harness_wait_gone(h, "copy mode");
    /* Asked for: the program gets it, in its own coordinates. */
    harness_type(h, "clear; bash mouse.sh\r");
    harness_wait_text(h, "listening");
    assert_true(harness_find(h, "listening", &col, &row));
    harness_click(h, col + 4, row + 2);
    harness_wait_text(h, "^[[<0;5;");
    harness_mouse(h, MOUSE_PRESS, MOUSE_WHEEL_UP, col + 4, row + 2);
    harness_wait_text(h, "^[[<64;5;");
    assert_false(harness_has(h, "copy mode"));
    /* A click in the list takes the focus there, one in the session back. */
    harness_wait_text(h, "C-] then");
    assert_true(harness_find(h, "docs", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "muthr-docs");
    harness_wait_text(h, "Enter open");
    assert_true(harness_find(h, "1 · shell", &col, &row) || harness_find(h, "shell", &col, &row));
    harness_click(h, col, row);
    harness_wait_text(h, "listening");
    harness_click(h, divider + 20, 20);
    harness_wait_text(h, "C-] then");
    harness_key(h, "C-c");
    harness_wait_text(h, WORLD_PROMPT);
    world_leave_session(h);
}

static void test_true_colour(void **state)
{
    struct harness *h = *state;
    static const char *const few[] = {"COLORTERM", NULL};
    int col, row;

    harness_write(h, "src/api/colour.sh",
                  "clear; printf '\\033[38;2;10;200;30mgreen\\033[48;2;60;10;90mcell\\033[m\\n'\n");
    begin(h);
    harness_type(h, "bash colour.sh\r");
    harness_wait_text(h, "greencell");
    assert_true(harness_find(h, "greencell", &col, &row));
    assert_int_equal(harness_cell(h, col, row)->fg, cell_rgb(10, 200, 30));
    assert_int_equal(harness_cell(h, col + 6, row)->bg, cell_rgb(60, 10, 90));
    world_leave_session(h);
    world_start(h, 120, 36, NULL, few);
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "1");
    harness_wait_text(h, "greencell");
    assert_true(harness_find(h, "greencell", &col, &row));
    uint32_t fg = harness_cell(h, col, row)->fg;
    assert_int_equal(CELL_COLOR_KIND(fg), CELL_KIND_INDEXED);
    uint32_t rgb = cell_palette_rgb(fg & 0xff); /* near what was meant */
    assert_in_range(rgb >> 8 & 0xff, 170, 230);
    assert_true((rgb >> 16 & 0xff) < 60 && (rgb & 0xff) < 80);
    assert_null(strstr(harness_bytes(h)->buf, "8;2;"));
    world_leave_session(h);
}

static void test_titles(void **state)
{
    struct harness *h = *state;

    harness_write(h, "src/api/title.sh",
                  "printf '\\033]2;nice \\342\\200\\256\\001title \\302\\23331mred\\a'\nclear; echo s''et; cat\n");
    begin(h);
    harness_type(h, "bash title.sh\r");
    harness_wait_text(h, "set");
    harness_wait_text(h, "nice ");
    assert_null(strstr(harness_bytes(h)->buf, "\342\200\256"));
    assert_null(strstr(harness_bytes(h)->buf, "\302\233"));
    assert_null(strchr(harness_bytes(h)->buf, '\001'));
    print_message("outer title: %s\n", harness_title(h));
    harness_key(h, "C-c");
    world_leave_session(h);
}

/* A session of its own that says which one it is. */
static void put_session(struct harness *h, const char *workspace, int n)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char command[64];

    snprintf(command, sizeof(command), "echo this-is-%d-of-%s; exec cat", n, workspace);
    const char *const args[] = {"shell", workspace, "--session", "-c", command, NULL};
    assert_int_equal(harness_run(h, args, &out), 0);
}

/* A call for a person says from the first moment for how long it has stood, without a clock that ticks. */
static void test_young_call(void **state)
{
    struct harness *h = *state;
    static const char *const args[] = {"shell", "docs", "--session", "-c", "printf 'ring\\a'; exec cat", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    assert_int_equal(harness_run(h, args, &out), 0);
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "rang <1m");
    harness_settle(h);
    harness_key(h, "a");
    harness_wait_text(h, "ring");
    world_leave_session(h);
}

/* More sessions than digits: all have numbers, and each can be reached. */
static void test_twelve_sessions(void **state)
{
    struct harness *h = *state;

    put_session(h, "api", 1);
    put_session(h, "docs", 2);
    for (int n = 3; n <= 12; n++) {
        put_session(h, "api", n);
    }
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "12 ·");
    harness_wait_text(h, " 9 ·");
    /* By number, in the list of all of them. */
    harness_key(h, "0");
    harness_wait_text(h, "Go to a session");
    harness_wait_text(h, "10  api › ");
    harness_type(h, "12");
    harness_wait_gone(h, "10  api › ");
    harness_key(h, "Enter");
    harness_wait_text(h, "this-is-12-of-api");
    harness_wait_text(h, "C-] then");
    /* Step by step, in the order of the list and round its ends. */
    harness_keys(h, "C-] ,");
    harness_wait_text(h, "this-is-11-of-api");
    harness_keys(h, "C-] ,");
    harness_wait_text(h, "this-is-10-of-api");
    harness_keys(h, "C-] . C-] .");
    harness_wait_text(h, "this-is-12-of-api");
    harness_keys(h, "C-] .");
    harness_wait_text(h, "this-is-2-of-docs"); /* older, but below in the list */
    harness_keys(h, "C-] .");
    harness_wait_text(h, "this-is-1-of-api");
    harness_keys(h, "C-] ,");
    harness_wait_text(h, "this-is-2-of-docs");
    /* From inside a session, by what a line says; one that fits nothing changes nothing. */
    harness_key(h, "M-0");
    harness_wait_text(h, "Go to a session");
    harness_type(h, "nosuchthing");
    harness_wait_text(h, "Nothing matches");
    harness_key(h, "Escape");
    harness_wait_gone(h, "Go to a session");
    harness_wait_text(h, "this-is-2-of-docs");
    harness_key(h, "M-0");
    harness_wait_text(h, "Go to a session");
    harness_type(h, "1");
    harness_settle(h);
    harness_key(h, "Enter"); /* the first of those that begin with it */
    harness_wait_text(h, "this-is-1-of-api");
    harness_key(h, "M-3");
    harness_wait_text(h, "this-is-3-of-api");
    world_leave_session(h);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_hop_and_prefix),      TEST(test_paste_of_a_megabyte),
        TEST(test_flood_and_interrupt), TEST(test_exit_status_is_kept),
        TEST(test_come_back),           TEST(test_two_cockpits),
        TEST(test_resize_storm),        TEST(test_mouse),
        TEST(test_true_colour),         TEST(test_titles),
        TEST(test_numbers_stay),        TEST(test_twelve_sessions),
        TEST(test_young_call),          TEST(test_command_runs_again),
    };
    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests_name("sessions", tests, NULL, NULL);
}
