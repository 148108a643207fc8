/* SPDX-License-Identifier: Apache-2.0 */
/* attention.toml: the shipped rules against screens of the real agents (tests/data/attention: captured as text at
 * 100x30 while the agents spoke with a scripted model; versions as in term/attention.toml), and the files' mistakes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "temphome.h"
#include "term/rules.h"

#define SHIPPED "term/attention.toml"

/* The lines of a captured screen that are not empty. */
static void read_screen(const char *name, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *path = xasprintf("tests/data/attention/%s.txt", name);
    assert_int_equal(fs_read(path, 1u << 20, &text, NULL), 0);
    for (const char *p = text.buf; *p != '\0';) {
        size_t len = strcspn(p, "\n");
        if (len > 0) {
            strbuf_add(out, p, len);
            strbuf_addch(out, '\n');
        }
        p += len + (p[len] == '\n');
    }
}

static void test_screens_of_agents(void **state)
{
    static const struct {
        const char *screen, *program;
        enum rules_state state;
        const char *shown;
    } cases[] = {
        {"claude-idle", "claude", RULES_IDLE, "its turn is over"},
        {"claude-working", "claude", RULES_WORKING, NULL},
        {"claude-working-tool", "claude", RULES_WORKING, NULL},
        {"claude-ask", "claude", RULES_WAITING, "Do you want to proceed?"},
        {"claude-trust", "claude", RULES_WAITING, "wants an answer"},
        {"claude-done", "claude", RULES_IDLE, "its turn is over"},
        {"codex-idle", "codex", RULES_IDLE, "its turn is over"},
        {"codex-working", "codex", RULES_WORKING, NULL},
        {"codex-ask", "codex", RULES_WAITING, "Would you like to run the following command?"},
        {"codex-refused", "codex", RULES_IDLE, "its turn is over"},
        {"codex-done", "codex", RULES_IDLE, "its turn is over"},
        {"opencode-idle", "opencode", RULES_IDLE, "its turn is over"},
        {"opencode-working", "opencode", RULES_WORKING, NULL},
        {"opencode-working-tool", "opencode", RULES_WORKING, NULL},
        {"opencode-ask", "opencode", RULES_WAITING, "permission required"},
        {"opencode-done", "opencode", RULES_IDLE, "its turn is over"},
    };
    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        MT_CLEANUP(strbuf) struct strbuf lines = STRBUF_INIT, shown = STRBUF_INIT;
        MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
        struct rules *r = rules_load(NULL, SHIPPED, cases[i].program, &problems);
        assert_non_null(r);
        assert_int_equal(problems.len, 0);
        read_screen(cases[i].screen, &lines);
        enum rules_state got = rules_judge(r, lines.buf, &shown);
        if (got != cases[i].state || (cases[i].shown != NULL && strcmp(shown.buf, cases[i].shown) != 0)) {
            fail_msg("%s: state %d, \"%s\"", cases[i].screen, (int)got, shown.buf);
        }
        rules_free(r);
    }
}

static void test_shipped_file_is_right(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    (void)state;
    assert_int_equal(rules_problems(SHIPPED, &problems), 12);
    assert_int_equal(problems.len, 0);
    assert_int_equal(rules_check(SHIPPED, NULL), 0);
    assert_null(rules_load(NULL, SHIPPED, "shell", NULL)); /* nothing to look at: no work */
    assert_null(rules_load("/nowhere/attention.toml", "", "claude", NULL));
}

/* Writes the person's own file; its path is to be freed. */
static char *own_file(const struct temphome *t, const char *text)
{
    temphome_write(t, ".config/muthr/attention.toml", text);
    return xasprintf("%s/.config/muthr/attention.toml", t->dir);
}

static void judge(const char *own, const char *shipped, const char *program, const char *lines, enum rules_state state,
                  const char *shown)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct rules *r = rules_load(own, shipped, program, NULL);
    assert_non_null(r);
    assert_int_equal(rules_judge(r, lines, &text), state);
    assert_string_equal(text.buf, shown);
    rules_free(r);
}

static void test_own_rules_come_first(void **state)
{
    struct temphome t;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree)
    char *own = own_file(&t, "[[rule]]\n"
                             "agent = [\"claude*\", 'mine']\n"
                             "lines = 2\n"
                             "match = '^Deploy .*\\?$'\n"
                             "unless = 'dry run'\n"
                             "state = \"blocked\"\n"
                             "[[rule]]\n"
                             "agent = 'claude'\n"
                             "match = 'quiet please'\n"
                             "state = 'none'\n");
    judge(own, SHIPPED, "mine", "Deploy to prod?\n> \n", RULES_WAITING, "Deploy to prod?");
    judge(own, SHIPPED, "claude-next", "\342\224\202 x\n", RULES_NONE, "");
    judge(own, SHIPPED, "mine", "Deploy to prod?\none\ntwo\n", RULES_NONE, ""); /* too far up */
    judge(own, SHIPPED, "mine", "Deploy to prod?\ndry run\n", RULES_NONE, "");
    judge(own, SHIPPED, "claude", "quiet please\nDo you want to proceed?\n", RULES_NONE, "");
    judge(own, SHIPPED, "claude", "Do you want to proceed?\n", RULES_WAITING, "Do you want to proceed?");
    temphome_close(&t);
}

static void test_replace(void **state)
{
    struct temphome t;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree)
    char *own = own_file(&t, "replace = [\"codex\"]\n"
                             "[[rule]]\nagent = 'claude'\nmatch = 'x'\nstate = 'idle'\n");
    assert_null(rules_load(own, SHIPPED, "codex", NULL));
    judge(own, SHIPPED, "claude", "Do you want to proceed?\n", RULES_WAITING, "Do you want to proceed?");
    temphome_close(&t);
}

/* Every mistake is told with its place, and costs nothing but its rule. */
static void test_mistakes(void **state)
{
    static const char *const told[] = {
        ":2:9: match: not a regular expression: ",
        ":6:1: a rule needs agent, match and state",
        ":12:9: state: expected ",
        ":15:9: lines: expected a whole number from 1 to 60",
        ":20:7: moo: a rule has no such key",
        ":24:7: color: there is only replace, [[rule]] and [[agent]]",
    };
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct temphome t;
    struct error err = ERROR_INIT;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree)
    char *own = own_file(&t, "[[rule]]\n"
                             "match = '(open'\n"
                             "agent = 'a'\n"
                             "state = 'idle'\n"
                             "\n"
                             "[[rule]]\n"
                             "agent = 'a'\n"
                             "match = 'x'\n"
                             "[[rule]]\n"
                             "agent = 'a'\n"
                             "match = 'x'\n"
                             "state = 'sleepy'\n"
                             "[[rule]]\n"
                             "agent = 'a'\n"
                             "lines = 61\n"
                             "match = 'x'\n"
                             "state = 'idle'\n"
                             "[[rule]]\n"
                             "agent = 'a'\n"
                             "moo = 1\n"
                             "match = 'x'\n"
                             "state = 'idle'\n"
                             "[color]\n"
                             "red = 1\n"
                             "[[rule]]\nagent = 'a'\nmatch = 'ok'\nstate = 'working'\n");
    assert_int_equal(rules_problems(own, &problems), 1);
    for (size_t i = 0; i < problems.len; i++) {
        const char *place = i < MT_ARRAY_LEN(told) - 1 ? told[i] : ": there is only replace, [[rule]] and [[agent]]";
        if (strncmp(problems.v[i], own, strlen(own)) != 0 || strstr(problems.v[i], place) == NULL) {
            fail_msg("%zu: %s", i, problems.v[i]);
        }
    }
    assert_int_equal(problems.len, MT_ARRAY_LEN(told));
    assert_int_equal(rules_check(own, &err), -1);
    assert_non_null(strstr(err.msg, "attention.toml:2:9: "));
    judge(own, "", "a", "ok\n", RULES_WORKING, "ok");
    temphome_close(&t);
}

static void test_broken_file(void **state)
{
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    struct temphome t;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree) char *own = own_file(&t, "[[rule]]\nagent = \n");
    struct rules *r = rules_load(own, SHIPPED, "claude", &problems);
    assert_non_null(r); /* the shipped ones */
    assert_int_equal(problems.len, 1);
    assert_non_null(strstr(problems.v[0], "attention.toml:2:9: "));
    assert_int_equal(rules_check(own, NULL), -1);
    rules_free(r);
    temphome_close(&t);
}

/* What is shown is one line, without frames, fit for the screen. */
static void test_shown_text(void **state)
{
    struct temphome t;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree) char *own = own_file(&t, "[[rule]]\nagent='a'\nmatch='proceed'\nstate='waiting'\n");
    judge(own, "", "a", "one\n\342\224\202 \342\235\257 Shall we proceed? \342\224\202\ntwo\n", RULES_WAITING,
          "Shall we proceed?");
    judge(own, "", "a", "proceed\302\233m\377\n", RULES_WAITING, "proceed\357\277\275m\357\277\275");
    temphome_close(&t);
}

static void test_titles(void **state)
{
    struct temphome t;
    (void)state;
    temphome_open(&t);
    MT_CLEANUP(xfree) char *own = own_file(&t, "[[agent]]\nname = 'mine'\ntitles = 'Mine: *'\n");
    struct rules_programs *titles = rules_programs_load(own, SHIPPED);
    assert_string_equal(rules_programs_by_title(titles, "\342\234\263 Claude Code"), "claude");
    assert_string_equal(rules_programs_by_title(titles, "\342\234\263 Mend the door"), "claude");
    assert_string_equal(rules_programs_by_title(titles, "OC | All done."), "opencode");
    assert_string_equal(rules_programs_by_title(titles, "Mine: x"), "mine");
    assert_null(rules_programs_by_title(titles, "me@host: ~/src"));
    assert_null(rules_programs_by_title(titles, ""));
    assert_null(rules_programs_by_title(NULL, "OpenCode"));
    assert_true(rules_programs_know(titles, "codex"));
    assert_true(rules_programs_know(titles, "claude"));
    assert_false(rules_programs_know(titles, "bash"));
    assert_false(rules_programs_know(titles, "mine")); /* it has a title and no rule */
    rules_programs_free(titles);
    assert_null(rules_programs_load("", "/nowhere"));
    free(own);
    own = own_file(&t, "[[rule]]\nagent = ['my-*', '*', '?*']\nmatch = 'x'\nstate = 'idle'\n");
    titles = rules_programs_load(own, "");
    assert_true(rules_programs_know(titles, "my-agent"));
    assert_false(rules_programs_know(titles, "bash")); /* for whatever runs: nothing is known by that */
    rules_programs_free(titles);
    MT_CLEANUP(strvec) struct strvec problems = STRVEC_INIT;
    free(own);
    own = own_file(&t, "[[agent]]\nname = 'mine'\n");
    rules_problems(own, &problems);
    assert_int_equal(problems.len, 1);
    assert_non_null(strstr(problems.v[0], ":1:1: an agent needs a name and titles"));
    temphome_close(&t);
}

static void test_program(void **state)
{
    char name[20];
    (void)state;
    rules_program("/usr/bin/claude --resume", name, sizeof(name));
    assert_string_equal(name, "claude");
    rules_program("codex; ls", name, sizeof(name));
    assert_string_equal(name, "codex");
    rules_program("", name, sizeof(name));
    assert_string_equal(name, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_screens_of_agents),
        cmocka_unit_test(test_shipped_file_is_right),
        cmocka_unit_test(test_own_rules_come_first),
        cmocka_unit_test(test_replace),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_broken_file),
        cmocka_unit_test(test_shown_text),
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_titles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
