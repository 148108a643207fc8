/* SPDX-License-Identifier: Apache-2.0 */
/* Agents and their kind from npm, as in test_programs.c. They show no screen twice (tips, versions, spinners): what the
 * one in the pane wrote is given to a bare terminal and to xterm.js. Without an account they come as far as their
 * prompt: first screens, typing, menus, other sizes, Ctrl-C.
 *
 * The agents are a gigabyte to install and new every week: they run with TEST_AGENTS=1 only (with STAGE_SCREENS=FOLDER
 * and, where the machine has other work, TEST_PATIENCE=6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/screens/npm.h"
#include "tests/screens/stage.h"
#include "tests/screens/world.h"
#include "tests/skip.h"

static int group_tear_down(void **state)
{
    (void)state;
    npm_remove_xterm();
    return 0;
}

/* Installs packages into the workspace. */
static void install(void **state, const char *packages)
{
    struct stage *s = *state;
    MT_CLEANUP(xfree) char *dir = path_join(harness_home(s->pane), "src/api");

    if (npm_install(dir, packages) != 0) {
        skip_because("npm's registry does not answer: %s was not run", packages);
    }
}

#define HOME_INSIDE "env HOME=/workspace/.home DISABLE_AUTOUPDATER=1 "

/* Ink: erases and writes again what it has on the normal screen. */
static void test_ink(void **state)
{
    struct stage *s = *state;

    install(state, "--ignore-scripts ink@5.2.1 react@18.3.1");
    harness_write(s->pane, "src/api/app.mjs",
                  "import React, { useState } from 'react';\n"
                  "import { render, Box, Text, Static, useApp, useInput } from 'ink';\n"
                  "const h = React.createElement;\n"
                  "function App() {\n"
                  "    const [v, setV] = useState('');\n"
                  "    const [lines, setLines] = useState([]);\n"
                  "    const { exit } = useApp();\n"
                  "    useInput((i, k) => {\n"
                  "        if (k.escape) exit();\n"
                  "        else if (k.return) { setLines([...lines, v]); setV(''); }\n"
                  "        else if (k.backspace || k.delete) setV(v.slice(0, -1));\n"
                  "        else setV((was) => was + i);\n"
                  "    });\n"
                  "    return h(React.Fragment, null,\n"
                  "        h(Static, { items: lines }, (l, i) => h(Text, { key: i, color: '#ff8800', dimColor: i % 2 "
                  "== 0 }, i + ' said: ' + l)),\n"
                  "        h(Box, { borderStyle: 'round', borderColor: 'cyan', paddingX: 1 }, h(Text, { color: 'green' "
                  "}, '> '), h(Text, null, v + '_')),\n"
                  "        h(Text, { bold: true, inverse: true }, ' ready 日本 '),\n"
                  "        h(Text, { italic: true, underline: true, strikethrough: true }, 'escape leaves'));\n"
                  "}\n"
                  "render(h(App));\n");
    s = stage_open_recorded(state, 80, 24, HOME_INSIDE "node app.mjs");
    stage_wait(s, "escape leaves");
    stage_same_as_xterm(s, "ink-start");
    stage_type(s, "hello world 日本");
    stage_wait(s, "日本_");
    stage_same_as_xterm(s, "ink-typed");
    for (int i = 0; i < 12; i++) {
        MT_CLEANUP(xfree) char *line = xasprintf("line %d of what was said", i);
        MT_CLEANUP(xfree) char *said = xasprintf("%d said: ", i);
        stage_type(s, line);
        stage_wait(s, "said_");
        stage_keys(s, "Enter");
        stage_wait(s, said);
    }
    stage_same_as_xterm(s, "ink-scrolled");
    stage_type(s, "a long text that goes on and on and on until it has to be wrapped in its box, and then some");
    stage_wait(s, "some_");
    stage_same_as_xterm(s, "ink-wrapped");
    stage_resize(s, 120, 36);
    stage_type(s, "!");
    stage_wait(s, "some!_");
    stage_same(s, "ink-wider");
    stage_resize(s, 50, 14);
    stage_type(s, "?");
    stage_wait(s, "some!?_");
    stage_same(s, "ink-small");
    stage_keys(s, "Escape");
    stage_close(s);
}

/* Turborepo's screen of running tasks is made with ratatui, and has a terminal for each of them. */
static void test_turbo(void **state)
{
    struct stage *s = *state;

    install(state, "turbo@2.11.11");
    harness_write(
        s->pane, "src/api/package.json",
        "{\"name\":\"sample\",\"private\":true,\"packageManager\":\"npm@9.2.0\",\"scripts\":{\"one\":\"sh one.sh\","
        "\"two\":\"sh two.sh\"}}\n");
    harness_write(s->pane, "src/api/package-lock.json",
                  "{\"name\":\"sample\",\"lockfileVersion\":3,\"packages\":{\"\":{\"name\":\"sample\"}}}\n");
    harness_write(s->pane, "src/api/turbo.json",
                  "{\"ui\":\"tui\",\"tasks\":{\"one\":{\"cache\":false,\"persistent\":true,\"interactive\":true},"
                  "\"two\":{\"cache\":false,\"persistent\":true,\"interactive\":true}}}\n");
    harness_write(s->pane, "src/api/one.sh", "seq -f 'one %g 日本 ünï' 60; cat\n");
    harness_write(s->pane, "src/api/two.sh",
                  "printf '\\033[31mred\\033[m \\033[1;38;2;1;200;3m漢字\\033[m two\\n'; cat\n");
    s = stage_open_recorded(state, 80, 24,
                            HOME_INSIDE "TURBO_TELEMETRY_DISABLED=1 node_modules/.bin/turbo run one two --no-daemon");
    stage_wait(s, "one 60");
    stage_wait(s, "two");
    stage_same_as_xterm(s, "turbo-start");
    stage_keys(s, "Down");
    stage_wait(s, "漢字 two");
    stage_same_as_xterm(s, "turbo-second");
    stage_type(s, "i");
    stage_wait(s, "Ctrl-z");
    stage_type(s, "echoed 日本");
    stage_keys(s, "Enter");
    stage_wait(s, "echoed 日");
    stage_same_as_xterm(s, "turbo-typed");
    stage_keys(s, "C-z");
    stage_wait_gone(s, "Ctrl-z");
    stage_resize(s, 120, 36);
    stage_same_as_xterm(s, "turbo-120x36");
    stage_keys(s, "Up");
    stage_wait(s, "one 60");
    stage_type(s, "t");
    stage_wait_gone(s, "one 60");
    stage_same_as_xterm(s, "turbo-scrolled");
    stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 60, 10);
    stage_same_as_xterm(s, "turbo-wheel");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "turbo-200x50");
    stage_resize(s, 60, 16);
    stage_same_as_xterm(s, "turbo-small");
    stage_keys(s, "C-c");
    harness_wait_text(s->pane, "exited");
    stage_close(s);
}

/* The last one made with bubbletea, whose second series it was. Its command is a link to a path outside the sandbox. */
static void test_opencode_of_bubbletea(void **state)
{
    install(state, "opencode-ai@0.5.29");
    struct stage *s = stage_open_recorded(
        state, 80, 24, HOME_INSIDE "OPENCODE_DISABLE_DEFAULT_PLUGINS=1 node_modules/opencode-linux-*/bin/opencode");

    stage_wait(s, "enter send");
    stage_same_as_xterm(s, "bubbletea2-start");
    stage_type(s, "hello 日本 wïde");
    stage_wait(s, "hello 日本 wïde");
    stage_same_as_xterm(s, "bubbletea2-typed");
    stage_keys(s, "Left Left C-a Right Delete End");
    stage_wait(s, "hllo 日本 wïde");
    stage_same_as_xterm(s, "bubbletea2-edited");
    stage_resize(s, 120, 36);
    stage_same_as_xterm(s, "bubbletea2-120x36");
    stage_keys(s, "C-c");
    stage_wait_gone(s, "hllo");
    stage_type(s, "/");
    stage_wait(s, "/editor");
    stage_same_as_xterm(s, "bubbletea2-menu");
    stage_keys(s, "Escape BSpace");
    stage_wait_gone(s, "/editor");
    stage_keys(s, "C-x m");
    stage_wait(s, "Select Model");
    stage_same_as_xterm(s, "bubbletea2-models");
    stage_keys(s, "Down Down");
    stage_same_as_xterm(s, "bubbletea2-moved");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "bubbletea2-200x50");
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_NONE, 100, 25);
    stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 100, 25);
    stage_same_as_xterm(s, "bubbletea2-wheel");
    stage_keys(s, "Escape");
    stage_wait_gone(s, "Select Model");
    stage_resize(s, 60, 20);
    stage_same_as_xterm(s, "bubbletea2-small");
    stage_keys(s, "C-c C-c");
    harness_wait_text(s->pane, "exited");
    stage_close(s);
}

static void test_opencode(void **state)
{
    install(state, "opencode-ai");
    struct stage *s = stage_open_recorded(state, 80, 24, HOME_INSIDE "node_modules/.bin/opencode");

    stage_wait(s, "Ask anything");
    stage_wait(s, "ctrl+p");
    stage_type(s, "hello 日本");
    stage_wait(s, "hello 日本");
    stage_same_as_xterm(s, "opencode-typed");
    stage_keys(s, "C-u");
    stage_wait_gone(s, "hello");
    stage_type(s, "/");
    stage_wait(s, "/connect");
    stage_same_as_xterm(s, "opencode-menu");
    stage_resize(s, 120, 36);
    stage_same_as_xterm(s, "opencode-menu-120x36");
    stage_keys(s, "Escape");
    stage_wait_gone(s, "/agents");
    stage_keys(s, "C-u C-p");
    stage_wait(s, "Suggested");
    stage_same_as_xterm(s, "opencode-palette");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "opencode-200x50");
    stage_resize(s, 60, 20);
    stage_keys(s, "Escape");
    stage_wait_gone(s, "Suggested");
    stage_same_as_xterm(s, "opencode-small");
    stage_keys(s, "C-c");
    harness_wait_text(s->pane, "exited 0");
    stage_close(s);
}

static void test_claude(void **state)
{
    struct stage *s = *state;

    install(state, "@anthropic-ai/claude-code");
    /* Beyond the first steps, which need the network; the key is none. */
    harness_write(s->pane, "src/api/.home/.claude.json", "{\"hasCompletedOnboarding\":true,\"theme\":\"dark\"}\n");
    s = stage_open_recorded(state, 120, 36, HOME_INSIDE "ANTHROPIC_API_KEY=none node_modules/.bin/claude");
    stage_wait(s, "Yes, I trust this folder");
    stage_same_as_xterm(s, "claude-trust");
    stage_keys(s, "Down Up Enter");
    stage_wait(s, "API key");
    stage_same_as_xterm(s, "claude-key");
    stage_keys(s, "Up Enter");
    stage_wait(s, "? for shortcuts");
    stage_type(s, "hello 日本 what is this");
    stage_wait(s, "hello 日本 what is this");
    stage_same_as_xterm(s, "claude-typed");
    stage_resize(s, 80, 24);
    stage_same(s, "claude-80x24");
    stage_keys(s, "C-u");
    stage_wait_gone(s, "what is this");
    stage_type(s, "/");
    stage_wait(s, "/add-dir");
    stage_same(s, "claude-menu");
    stage_resize(s, 200, 50);
    stage_same(s, "claude-200x50");
    stage_keys(s, "BSpace C-c");
    stage_wait(s, "Ctrl-C again");
    stage_same(s, "claude-ctrl-c");
    stage_keys(s, "C-c C-c");
    harness_wait_text(s->pane, "exited 0");
    stage_close(s);
}

static void test_codex(void **state)
{
    install(state, "@openai/codex");
    struct stage *s = stage_open_recorded(
        state, 120, 36,
        HOME_INSIDE
        "sh -c \"echo none | node_modules/.bin/codex login --with-api-key; exec node_modules/.bin/codex --no-daemon\"");

    stage_wait(s, "? for shortcuts");
    stage_same_as_xterm(s, "codex-start");
    stage_type(s, "hello 日本 what is this");
    stage_wait(s, "hello 日本 what is this");
    stage_same_as_xterm(s, "codex-typed");
    stage_resize(s, 80, 24);
    stage_same_as_xterm(s, "codex-80x24");
    stage_keys(s, "C-u");
    stage_wait_gone(s, "what is this");
    stage_type(s, "/");
    stage_wait(s, "/model");
    stage_same_as_xterm(s, "codex-menu");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "codex-200x50");
    stage_keys(s, "BSpace C-c");
    harness_wait_text(s->pane, "exited");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest small[] = {
        cmocka_unit_test_setup_teardown(test_ink, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_turbo, stage_set_up, stage_tear_down),
    };
    const struct CMUnitTest agents[] = {
        cmocka_unit_test_setup_teardown(test_opencode_of_bubbletea, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_opencode, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_claude, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_codex, stage_set_up, stage_tear_down),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return getenv("TEST_AGENTS") ? cmocka_run_group_tests(agents, NULL, group_tear_down)
                                 : cmocka_run_group_tests(small, NULL, group_tear_down);
}
