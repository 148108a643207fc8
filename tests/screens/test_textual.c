/* SPDX-License-Identifier: Apache-2.0 */
/* A program made with textual (samples/textual.py, for Debian 12's python3-textual), as in test_programs.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "tests/screens/npm.h"
#include "tests/screens/stage.h"
#include "tests/skip.h"

static int group_tear_down(void **state)
{
    (void)state;
    npm_remove_xterm();
    return 0;
}

static void test_textual(void **state)
{
    struct stage *s = *state;
    MT_CLEANUP(strbuf) struct strbuf program = STRBUF_INIT;

    if (system("/usr/bin/python3 -c 'import textual.views' >/dev/null 2>&1") != 0) {
        skip_because("textual: no python3-textual of the first series (Debian 12's)");
    }
    assert_int_equal(fs_read("tests/screens/samples/textual.py", 1u << 20, &program, NULL), 0);
    harness_write(s->pane, "src/api/textual.py", program.buf);
    s = stage_open(state, 80, 24);
    stage_type(s, "/usr/bin/python3 textual.py\r");
    stage_wait(s, "80x24 nothing");
    stage_wait(s, "Table 表");
    s->ticks = true; /* ten times a second */
    stage_same_as_xterm(s, "textual-start");
    stage_type(s, "hello wide");
    stage_wait(s, "hello wide_");
    stage_same_as_xterm(s, "textual-typed");
    stage_type(s, "日本");
    stage_wait(s, "日本_");
    stage_same_as_xterm(s, "textual-wide");
    stage_click(s, 10, 3);
    stage_wait(s, "clicked branch 1");
    stage_wait(s, "leaf 2");
    stage_same_as_xterm(s, "textual-tree");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_NONE, 14, 5); /* what is under it is underlined */
    stage_same_as_xterm(s, "textual-hover");
    stage_resize(s, 120, 36);
    stage_wait(s, "120x36");
    stage_same_as_xterm(s, "textual-120x36");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_NONE, 60, 20);
    for (int i = 0; i < 5; i++) {
        stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 60, 20);
    }
    stage_wait_gone(s, "Table 表");
    stage_same_as_xterm(s, "textual-wheel");
    stage_resize(s, 200, 50);
    stage_wait(s, "200x50");
    stage_same(s, "textual-200x50");
    stage_click(s, 100, 46);
    stage_wait(s, "pressed press");
    stage_same(s, "textual-button");
    stage_resize(s, 60, 18);
    stage_wait(s, "60x18");
    stage_same_as_xterm(s, "textual-small");
    stage_keys(s, "Escape");
    stage_wait(s, "$ /usr/bin/python3 textual.py");
    s->ticks = false;
    stage_same(s, "textual-left");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_textual, stage_set_up, stage_tear_down)};

    return cmocka_run_group_tests(tests, NULL, group_tear_down);
}
