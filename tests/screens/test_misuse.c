/* SPDX-License-Identifier: Apache-2.0 */
/* What goes wrong in terminals every day, in a pane beside a bare one: a binary on the screen and `reset` after it, a
 * program that dies and leaves its modes behind, sizes that change all the time, a tiny screen, ten megabytes pasted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/screens/npm.h"
#include "tests/screens/stage.h"
#include "tests/screens/world.h"

static int group_tear_down(void **state)
{
    (void)state;
    npm_remove_xterm();
    return 0;
}

/* No mode of keys, mouse or paste is left. */
static void assert_plain(struct harness *h)
{
    const struct key_modes *m = vt_modes(harness_vt(h));

    assert_int_equal(m->mouse, 0);
    assert_false(m->app_cursor || m->app_keypad);
}

#define NOISE "cat noise /bin/ls; stty -icanon -echo min 0 time 10; cat >/dev/null; stty sane"

/* The bare shell has come to its prompt. */
static bool bare_has_seen(struct harness *h, void *arg)
{
    struct stage *s = arg;
    MT_CLEANUP(xfree) char *path = xasprintf("%s/src/api/seen-bare", harness_home(s->pane));
    (void)h;
    return fs_exists(path);
}

static void test_binary_and_reset(void **state)
{
    struct stage *s = stage_open(state, 80, 24);
    MT_CLEANUP(strbuf) struct strbuf noise = STRBUF_INIT;
    uint32_t seed = 12345;

    /* Bytes of all kinds, then what programs like to leave behind. */
    for (int i = 0; i < 300000; i++) {
        seed = seed * 1103515245u + 12345u;
        char c = (char)(seed >> 16);
        strbuf_addch(&noise, c ? c : 'x'); /* harness_write takes text */
    }
    strbuf_addstr(&noise,
                  "\x18\x1b[?1049h\x1b[?1003;1006h\x1b[?25l\x1b[?1h\x1b=\x1b(0\x1b[7;31;44m\x1b[5;9r\x1b[?6h\x1b[4h"
                  "\x1b]4;1;rgb:00/ff/00\x07\x1b]0;strange\x07");
    harness_write(s->pane, "src/api/noise", noise.buf);
    /* What the noise asks for is answered as if it were typed: a cat takes it until nothing more comes. */
    harness_type(s->pane, NOISE "; touch seen-in-pane\r");
    harness_type(s->bare, NOISE "; touch seen-bare\r");
    world_wait_file(s->pane, "src/api/seen-in-pane");
    harness_watch(s->bare, bare_has_seen, s, "the bare terminal does not take all");
    stage_type(s, "reset; clear; echo ba''ck\r");
    stage_wait(s, "back");
    stage_keys(s, "C-l");
    stage_wait_gone(s, "back");
    stage_type(s, "printf 'plain lqk \\e[31mred\\e[m\\n'; seq 40; echo ag''ain\r");
    stage_wait(s, "again");
    stage_same(s, "reset");
    assert_plain(s->bare);
    /* The pane takes no clicks for the program. */
    harness_click(s->pane, 10, 10);
    stage_type(s, "clear; echo cli''cked\r");
    stage_wait(s, "clicked");
    stage_same(s, "clicked");
    stage_close(s);
}

/* Killed on the alternate screen, with the mouse on and keys of applications: as in any terminal the prompt is there,
 * and `reset` makes it all well. */
static void test_killed_on_the_alternate_screen(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    stage_type(s, "echo be''fore; vim -u vimrc lines.txt\r");
    stage_wait(s, "line 5:");
    stage_same_as_xterm(s, "vim");
    harness_keys(s->pane, "C-z");
    harness_keys(s->bare, "C-z");
    stage_wait(s, "Stopped");
    stage_type(s, "fg\r");
    stage_wait_gone(s, "Stopped");
    stage_wait(s, "line 5:");
    stage_same_as_xterm(s, "fg");
    stage_type(s, ":call system('kill -9 ' . getpid())\r");
    stage_wait(s, "Killed");
    stage_same(s, "killed");
    stage_type(s, "echo still he''re\r");
    stage_wait(s, "still here");
    stage_same(s, "prompt");
    stage_type(s, "reset\r");
    stage_wait_gone(s, "still here");
    stage_type(s, "clear; echo we''ll\r");
    stage_wait(s, "well");
    stage_keys(s, "Up");
    stage_wait(s, "$ clear; echo we''ll");
    stage_same_as_xterm(s, "reset");
    assert_plain(s->bare);
    stage_close(s);
}

static void test_shaken(void **state)
{
    struct stage *s = stage_open(state, 120, 36);

    stage_type(s, "vim -u vimrc -c 'set statusline=%{&columns}x%{&lines}' -c 'vsplit hello.c' lines.txt\r");
    stage_wait(s, "quick brown");
    stage_wait(s, "#include");
    stage_shake(s, 200);
    stage_set_size(s, 100, 30);
    stage_wait(s, "100x30");
    /* How windows and views came out depends on which sizes were seen; a file that fits does not. */
    stage_type(s, ":only | edit! hello.c | 1 | redraw! | echo \"now\" &columns &lines\r");
    stage_wait(s, "now 100 30");
    stage_keys(s, "C-l"); /* what stands in the last row came and went with the sizes */
    stage_wait_gone(s, "now 100 30");
    stage_same(s, "vim");
    stage_type(s, ":qa!\r");
    stage_wait_gone(s, "#include");
    stage_type(s, "clear; seq 5000 | fzf\r");
    stage_wait(s, "5000/5000");
    stage_shake(s, 200);
    stage_set_size(s, 40, 12);
    stage_type(s, "77");
    stage_wait(s, "> 77");
    stage_wait_gone(s, "5000/5000");
    stage_same(s, "fzf");
    stage_keys(s, "Escape");
    stage_wait(s, "$");
    stage_close(s);
}

#define PASTE_BYTES (10u << 20)

static void test_ten_megabytes(void **state)
{
    struct stage *s = stage_open(state, 80, 24);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;

    for (unsigned i = 0; text.len < PASTE_BYTES; i++) {
        strbuf_addf(&text, "%u: \t ünï 日本 🙂 \"quoted\" $HOME `x`; 0123456789\n", i * 2654435761u);
    }
    MT_CLEANUP(xfree)
    char *take =
        xasprintf("stty -icanon -echo; echo taking$((1+1)); head -c %zu >big; stty sane; touch taken\r", text.len);
    harness_type(s->pane, take);
    harness_wait_text(s->pane, "taking2");
    harness_paste(s->pane, text.buf, text.len);
    world_wait_file(s->pane, "src/api/taken");
    world_read(s->pane, "src/api/big", &got);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.buf, text.buf, text.len);
    /* Into an editor, which takes its time: typed text, and bracketed. */
    strbuf_truncate(&text, 1u << 20);
    while ((unsigned char)text.buf[text.len - 1] != '\n') {
        strbuf_truncate(&text, text.len - 1);
    }
    stage_rest(s);
    harness_type(s->pane, "clear; vim -u vimrc -c 'set paste nonumber nosmartindent' pasted\r");
    harness_wait_text(s->pane, "[New]");
    stage_rest(s);
    harness_type(s->pane, "i");
    harness_wait_text(s->pane, "INSERT (paste)");
    stage_rest(s);
    harness_paste(s->pane, text.buf, text.len);
    stage_rest(s);
    harness_type(s->pane, "\x1b");
    harness_wait_gone(s->pane, "INSERT (paste)");
    stage_rest(s);
    harness_type(s->pane, ":wq\r");
    harness_wait_gone(s->pane, ":wq");
    world_wait_file(s->pane, "src/api/pasted");
    stage_rest(s);
    harness_type(s->pane, "touch written\r");
    world_wait_file(s->pane, "src/api/written");
    strbuf_addch(&text, '\n'); /* the line that was there */
    world_read(s->pane, "src/api/pasted", &got);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.buf, text.buf, text.len);
    harness_type(s->bare, "clear\r");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_binary_and_reset, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_killed_on_the_alternate_screen, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_shaken, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_ten_megabytes, stage_set_up, stage_tear_down),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, group_tear_down);
}
