/* SPDX-License-Identifier: Apache-2.0 */
/* Programs made with what agents' user interfaces are made with today: bubbletea, tui-rs (which ratatui is made from)
 * and textual, as in test_programs.c. The programs are ours (samples/), built with what Debian packages; each test is
 * skipped, and says why, where that is not there. Ink is in test_npm_programs.c, textual in
 * test_textual.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/screens/npm.h"
#include "tests/screens/stage.h"
#include "tests/screens/world.h"
#include "tests/skip.h"

#define GO_SOURCES "/usr/share/gocode/src/github.com/charmbracelet/bubbles"
#define CARGO_REGISTRY "/usr/share/cargo/registry"

static int group_tear_down(void **state)
{
    (void)state;
    npm_remove_xterm();
    return 0;
}

/* Runs a command of ours; fails the test with what it says. */
static void run(const char *command)
{
    MT_CLEANUP(strbuf) struct strbuf said = STRBUF_INIT;
    MT_CLEANUP(xfree) char *line = xasprintf("{ %s; } 2>&1 </dev/null", command);
    char buf[4096];
    size_t n;
    FILE *shell = popen(line, "r");

    assert_non_null(shell);
    while ((n = fread(buf, 1, sizeof(buf), shell)) > 0) {
        strbuf_add(&said, buf, n);
    }
    if (pclose(shell) != 0) {
        fprintf(stderr, "%s\n%s\n", command, said.buf);
        strbuf_release(&said);
        fail();
    }
}

static bool has_program(const char *name)
{
    MT_CLEANUP(xfree) char *command = xasprintf("command -v %s >/dev/null 2>&1", name);

    return system(command) == 0;
}

/* Pasted into both. */
static void paste(struct stage *s, const char *text)
{
    stage_rest(s);
    harness_paste(s->pane, text, strlen(text));
    harness_paste(s->bare, text, strlen(text));
}

/* --- bubbletea --- */

static void build_bubbletea(struct stage *s)
{
    MT_CLEANUP(strbuf) struct strbuf source = STRBUF_INIT;

    if (!has_program("go") || fs_read(GO_SOURCES "/textinput/textinput.go", 1u << 20, &source, NULL) != 0) {
        skip_because("bubbletea: no go, or no golang-github-charmbracelet-bubbles-dev");
    }
    if (!strstr(source.buf, "Model) SetCursorMode(")) {
        skip_because("bubbletea: the sample is for Debian 12's bubbles (0.14), and here is another one");
    }
    MT_CLEANUP(xfree)
    char *command = xasprintf("cd tests/screens/samples && GO111MODULE=off GOFLAGS= GOPATH=/usr/share/gocode "
                              "GOCACHE=%s/.gocache go build -o %s/src/api/sample bubbletea.go",
                              harness_home(s->bare), harness_home(s->pane));
    run(command);
}

/* All of it on the alternate screen, with every motion of the mouse. */
static void test_bubbletea(void **state)
{
    struct stage *s = *state;

    build_bubbletea(s);
    s = stage_open(state, 80, 24);
    stage_type(s, "./sample\r");
    stage_wait(s, "80x24 focus 0, nothing");
    s->ticks = true; /* sixty times a second */
    stage_same_as_xterm(s, "bubbletea-start");
    stage_keys(s, "Down Down");
    stage_wait(s, "key down");
    stage_same_as_xterm(s, "bubbletea-list");
    stage_keys(s, "Right Right");
    stage_wait(s, "👩");
    stage_same(s, "bubbletea-clusters");
    stage_type(s, "/");
    stage_wait(s, "Filter:");
    stage_type(s, "item 2");
    stage_wait(s, "Filter: item 2");
    stage_same(s, "bubbletea-filter");
    stage_keys(s, "Enter");
    stage_resize(s, 120, 36);
    stage_wait(s, "120x36 focus 0");
    stage_same(s, "bubbletea-120x36");
    stage_keys(s, "Tab");
    stage_type(s,
               "hello 日本 wïde 🎉 and on to the right of the field, so that it has to scroll, and scroll, and scroll");
    stage_same(s, "bubbletea-field");
    stage_keys(s, "Home Right Right BSpace");
    stage_type(s, "漢");
    stage_wait(s, "h漢llo");
    stage_same(s, "bubbletea-edited");
    stage_keys(s, "Tab");
    stage_type(s, "first 日本\rsecond\rthird\r");
    stage_type(s, "fourth");
    stage_wait(s, "fourth");
    stage_keys(s, "Up Up");
    stage_same(s, "bubbletea-area");
    stage_resize(s, 200, 50);
    stage_wait(s, "200x50 focus 2");
    stage_keys(s, "Tab Down Down Down");
    stage_wait(s, "focus 3, key down");
    stage_same(s, "bubbletea-200x50");
    stage_keys(s, "Tab");
    stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 130, 30);
    stage_wait(s, "wheel down at 130,30");
    stage_same(s, "bubbletea-wheel");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_NONE, 198, 48);
    stage_wait(s, "motion at 198,48");
    /* Down, and then up: this bubbletea does not take two out of one read. */
    stage_mouse(s, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 3, 3);
    stage_wait(s, "left at 3,3");
    stage_mouse(s, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 3, 3);
    stage_wait(s, "release at 3,3");
    stage_same(s, "bubbletea-mouse");
    stage_shake(s, 100);
    stage_set_size(s, 50, 14);
    stage_wait(s, "50x14 focus 4");
    stage_same(s, "bubbletea-small");
    stage_keys(s, "C-c");
    stage_wait(s, "$ ./sample");
    s->ticks = false;
    stage_same(s, "bubbletea-left");
    stage_close(s);
}

/* On the normal screen: it goes up and writes its lines again. */
static void test_bubbletea_inline(void **state)
{
    struct stage *s = *state;

    build_bubbletea(s);
    s = stage_open(state, 80, 24);
    stage_type(s, "seq 30; ./sample inline\r");
    stage_wait(s, "80x24 focus 1");
    s->ticks = true;
    stage_same_as_xterm(s, "inline-start");
    stage_type(s, "hello 日本 wïde 🎉");
    stage_wait(s, "hello 日本 wïde 🎉");
    stage_same_as_xterm(s, "inline-typed");
    stage_keys(s, "BSpace BSpace C-a Delete");
    stage_wait(s, "> ello");
    stage_same_as_xterm(s, "inline-edited");
    stage_set_size(s, 120, 36);
    stage_wait(s, "120x36 focus 1");
    stage_same(s, "inline-120x36");
    stage_type(s, "more");
    stage_wait(s, "more");
    stage_same(s, "inline-more");
    stage_keys(s, "C-c");
    stage_rest(s);
    s->ticks = false;
    stage_type(s, "clear; echo le''ft\r");
    stage_wait(s, "left");
    stage_same(s, "inline-left");
    stage_close(s);
}

/* --- tui-rs, from which ratatui was made --- */

static void build_ratatui(struct stage *s)
{
    if (!has_program("cargo") || !fs_exists(CARGO_REGISTRY "/tui-0.19.0") ||
        !fs_exists(CARGO_REGISTRY "/crossterm-0.25.0")) {
        skip_because("ratatui: no cargo, or no librust-tui-dev 0.19 and librust-crossterm-dev 0.25");
    }
    harness_write(s->bare, "rust/.cargo/config.toml",
                  "[source.crates-io]\nreplace-with = \"debian\"\n[source.debian]\ndirectory = \"" CARGO_REGISTRY
                  "\"\n");
    harness_write(
        s->bare, "rust/Cargo.toml",
        "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\ntui = \"0.19\"\n"
        "crossterm = { version = \"0.25\", features = [\"bracketed-paste\"] }\n");
    harness_mkdir(s->bare, "rust/src");
    MT_CLEANUP(xfree)
    char *command = xasprintf("cp tests/screens/samples/ratatui.rs %s/rust/src/main.rs && cd %s/rust && "
                              "cargo build --offline && cp target/debug/sample %s/src/api/sample",
                              harness_home(s->bare), harness_home(s->bare), harness_home(s->pane));
    run(command);
}

static void test_ratatui(void **state)
{
    struct stage *s = *state;

    build_ratatui(s);
    s = stage_open(state, 80, 24);
    stage_type(s, "./sample\r");
    stage_wait(s, "80x24 tab 0, nothing");
    stage_same_as_xterm(s, "ratatui-start");
    stage_keys(s, "Down Down PgDn");
    stage_wait(s, "key PageDown");
    stage_same_as_xterm(s, "ratatui-list");
    stage_type(s, "hello 日本 ünï");
    stage_wait(s, "hello 日本 ünï");
    stage_same_as_xterm(s, "ratatui-input");
    paste(s, "pasted 漢字, in one");
    stage_wait(s, "pasted 漢字, in one");
    stage_same_as_xterm(s, "ratatui-pasted");
    stage_keys(s, "Up Up Up");
    stage_wait(s, "👩");
    stage_same(s, "ratatui-clusters");
    stage_keys(s, "Tab");
    stage_wait(s, "Sparkline");
    stage_same(s, "ratatui-charts");
    stage_resize(s, 120, 36);
    stage_wait(s, "120x36 tab 1");
    stage_same(s, "ratatui-120x36");
    stage_keys(s, "F2");
    stage_wait(s, "A popup 日本");
    stage_same(s, "ratatui-popup");
    stage_keys(s, "Tab");
    stage_wait(s, "tab 2");
    stage_same(s, "ratatui-table-below");
    stage_resize(s, 200, 50);
    stage_wait(s, "200x50 tab 2");
    stage_keys(s, "F2");
    stage_wait_gone(s, "A popup");
    stage_same(s, "ratatui-200x50");
    stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 190, 30);
    stage_wait(s, "ScrollDown at 190,30");
    stage_mouse(s, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 10, 5);
    stage_wait(s, "Down(Left) at 10,5");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 150, 45);
    stage_wait(s, "Drag(Left) at 150,45");
    stage_mouse(s, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 150, 45);
    stage_wait(s, "Up(Left) at 150,45");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_NONE, 199, 0);
    stage_wait(s, "Moved at 199,0");
    stage_same(s, "ratatui-mouse");
    stage_shake(s, 100); /* the table: how far a list is scrolled depends on the sizes it has seen */
    stage_set_size(s, 40, 14);
    stage_wait(s, "40x14 tab 2");
    stage_same(s, "ratatui-small");
    stage_keys(s, "Tab");
    stage_wait(s, "tab 0");
    stage_same(s, "ratatui-small-list");
    stage_keys(s, "Escape");
    stage_wait(s, "$ ./sample");
    stage_same(s, "ratatui-left");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bubbletea, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_bubbletea_inline, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_ratatui, stage_set_up, stage_tear_down),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, group_tear_down);
}
