/* SPDX-License-Identifier: Apache-2.0 */
/* Who needs a person: agents played by scripts that show captured screens (tests/data/attention), in real sandboxes;
 * what the list says of them, where `a` leads, and what the outer terminal is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"

/* Puts a program of this name into a workspace: each Enter, or a file "next", shows the next of the screens; each ends
 * with a blank line and a newline. "ring" is a bell. */
static void put_agent(struct harness *h, const char *workspace, const char *name, const char *const *screens)
{
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = xasprintf("src/%s/%s", workspace, name);
    MT_CLEANUP(xfree) char *full = path_join(harness_home(h), path);

    strbuf_addstr(&script, "#!/bin/sh\ncd /workspace || exit 1\nstty -echo\n");
    for (; *screens != NULL; screens++) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        MT_CLEANUP(xfree) char *from = xasprintf("tests/data/attention/%s.txt", *screens);
        MT_CLEANUP(xfree) char *to = xasprintf("src/%s/%s", workspace, *screens);

        if (strcmp(*screens, "ring") == 0) {
            strbuf_addstr(&script, "printf '\\a'\n");
            continue;
        }
        if (strcmp(*screens, "wait") == 0) {
            strbuf_addstr(&script, "until [ -e next ]; do sleep 0.05; done; rm -f next\n");
            continue;
        }
        if (strcmp(*screens, "key") == 0) {
            strbuf_addstr(&script, "read -r x\n");
            continue;
        }
        assert_int_equal(fs_read(from, 1u << 20, &text, NULL), 0);
        harness_write(h, to, text.buf);
        strbuf_addf(&script, "printf '\\033[2J\\033[H'; cat %s\n", *screens);
    }
    strbuf_addstr(&script, "exec sleep 1000\n");
    harness_write(h, path, script.buf);
    assert_int_equal(chmod(full, 0755), 0);
}

/* Starts it as a session. */
static void start_agent(struct harness *h, const char *workspace, const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    MT_CLEANUP(xfree) char *command = xasprintf("./%s", name);
    const char *const args[] = {"shell", workspace, "--session", "-c", command, NULL};

    if (harness_run(h, args, &out) != 0) {
        fail_msg("%s", out.buf);
    }
}

static void go_on(struct harness *h, const char *workspace)
{
    MT_CLEANUP(xfree) char *path = xasprintf("src/%s/next", workspace);

    harness_write(h, path, "");
}

/* How often a text stands in what the outer terminal got. */
static int count_sent(struct harness *h, const char *text)
{
    const struct strbuf *bytes = harness_bytes(h);
    size_t n = strlen(text);
    int count = 0;

    for (size_t i = 0; i + n <= bytes->len; i++) {
        count += memcmp(bytes->buf + i, text, n) == 0;
    }
    return count;
}

static bool was_sent(struct harness *h, void *arg)
{
    return count_sent(h, arg) > 0;
}

static void wait_sent(struct harness *h, const char *text)
{
    harness_wait(h, was_sent, (void *)(uintptr_t)text, text);
}

#define ASKS_SENT "\033]9;muthr: docs > ./claude: asks: Do you want to proceed?\033\\"

/* Two agents work and ask, one after the other; `a` leads to them in that order and round. */
static void test_two_agents(void **state)
{
    struct harness *h = *state;
    static const char *const claude[] = {"claude-working", "wait", "ring", "claude-ask", "key", "claude-working", NULL};
    static const char *const codex[] = {"codex-working", "wait", "codex-ask", NULL};
    static const char *const list[] = {"sessions", "--output", "json", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    harness_write(h, ".config/muthr/muthr.toml", "[attention]\nnotify = \"osc9\"\n");
    put_agent(h, "docs", "claude", claude);
    put_agent(h, "api", "codex", codex);
    start_agent(h, "docs", "claude");
    start_agent(h, "api", "codex");
    world_start(h, 160, 36, NULL, NULL);
    harness_wait_text(h, "working");
    assert_false(harness_has(h, "1 needs you"));
    go_on(h, "docs");
    wait_sent(h, ASKS_SENT); /* the bell before it was for this: told once, in words */
    harness_wait_text(h, "asks: Do you");
    harness_wait_text(h, "1 needs you");
    assert_int_equal(harness_run(h, list, &out), 0);
    assert_non_null(strstr(out.buf, "\"attention_text\": \"Do you want to proceed?\""));
    assert_non_null(strstr(out.buf, "\"attention_since\": \"20"));
    assert_non_null(strstr(out.buf, "\"needs_you\": true"));
    go_on(h, "api");
    harness_wait_text(h, "asks: Would");
    harness_wait_text(h, "2 need you");
    harness_settle(h);
    harness_key(h, "a");
    harness_wait_text(h, "docs \342\200\272 ./claude");
    harness_wait_text(h, "Bash command");
    harness_wait_text(h, "1 needs you"); /* looked at, not answered */
    harness_wait_text(h, "waiting");
    harness_keys(h, "C-] a");
    harness_wait_text(h, "api \342\200\272 ./codex");
    harness_wait_text(h, "Press enter to confirm");
    harness_wait_gone(h, "1 needs you");
    harness_keys(h, "C-] a"); /* nobody new: round to those that still wait */
    harness_wait_text(h, "docs \342\200\272 ./claude");
    harness_wait_text(h, "Bash command");
    harness_type(h, "1\r");
    harness_wait_text(h, "esc to interrupt");
    harness_wait_text(h, "working");
    assert_int_equal(count_sent(h, "\033]9;muthr: docs"), 1);
    assert_int_equal(count_sent(h, "\033]9;muthr: api"), 1);
    world_leave_session(h);
}

/* What a person looks at does not ring outside, unless the outer terminal has lost the focus. */
static void test_watched(void **state)
{
    struct harness *h = *state;

    harness_write(h, ".config/muthr/muthr.toml", "[attention]\nbell = false\nnotify = \"osc777\"\n");
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    world_run(h, "printf '\\033]9;first\\007'");
    harness_wait_text(h, "api > shell: first");
    harness_send(h, "\033[O", 3);
    harness_settle(h);
    world_run(h, "printf '\\033]9;second\\007'");
    wait_sent(h, "\033]777;notify;muthr: api > shell;says: second\033\\");
    assert_int_equal(count_sent(h, "says: first"), 0);
    for (int i = 0; i < 5; i++) { /* again and again: it was told */
        world_run(h, "printf '\\033]9;second\\007\\a'");
    }
    harness_settle(h);
    assert_int_equal(count_sent(h, "\033]777;"), 1);
    harness_send(h, "\033[I", 3);
    harness_settle(h);
    world_leave_session(h);
}

/* What called before the cockpit came is on its screen, but does not ring. */
static void test_attach_is_silent(void **state)
{
    struct harness *h = *state;
    static const char *const claude[] = {"claude-ask", NULL};

    harness_write(h, ".config/muthr/muthr.toml", "[attention]\nnotify = \"osc99\"\n");
    put_agent(h, "docs", "claude", claude);
    start_agent(h, "docs", "claude");
    world_start(h, 160, 36, NULL, NULL);
    harness_wait_text(h, "asks: Do you");
    harness_settle(h);
    world_leave(h);
    world_start(h, 160, 36, NULL, NULL);
    harness_wait_text(h, "asks: Do you");
    harness_settle(h);
    assert_int_equal(count_sent(h, "\033]99;"), 0);
    world_leave(h);
}

/* A mistake in attention.toml is told with its place, at the start, when it is saved, and by doctor. */
static void test_mistakes_are_told(void **state)
{
    struct harness *h = *state;
    static const char *const doctor[] = {"doctor", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    harness_write(h, ".config/muthr/attention.toml", "[[rule]]\nagent = 'x'\nmatch = '('\nstate = 'idle'\n");
    assert_int_not_equal(harness_run(h, doctor, &out), 0);
    assert_non_null(strstr(out.buf, "attention.toml:3:9: match: not a regular expression"));
    world_start(h, 120, 36, NULL, NULL);
    harness_wait_text(h, "attention.toml:3:9");
    harness_wait_text(h, WORLD_READY);
    harness_key(h, "Escape");
    harness_wait_gone(h, "attention.toml:3:9");
    harness_write(h, ".config/muthr/attention.toml", "[[rule]]\nagent = 'x'\nstate = 'asleep'\nmatch = 'a'\n");
    harness_wait_text(h, "attention.toml:3:9: state");
    harness_key(h, "Escape");
    harness_wait_gone(h, "attention.toml:3:9");
    world_leave(h);
}

/* Typed into a shell inside the sandbox: its host, outside, sees who stands in the foreground there. */
static void test_typed_into_a_shell(void **state)
{
    struct harness *h = *state;
    static const char *const codex[] = {"codex-ask", "key", NULL};

    put_agent(h, "api", "codex", codex);
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h, "./codex\r");
    harness_wait_text(h, "Press enter to confirm");
    harness_keys(h, "C-] w g");
    harness_wait_text(h, "asks: Would you like to");
    harness_keys(h, "1 Enter C-c"); /* it goes on, and is ended */
    harness_type(h, "clear; cat codex-ask\r");
    harness_wait_text(h, "Press enter to confirm");
    harness_keys(h, "C-] w g");
    harness_wait_gone(h, "asks:");
    world_leave(h);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_agents, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_watched, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_attach_is_silent, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_typed_into_a_shell, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_mistakes_are_told, world_set_up, world_tear_down),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
