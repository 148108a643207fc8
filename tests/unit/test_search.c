/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "term/pattern.h"
#include "term/search.h"

static struct vt *terminal(const char *text)
{
    struct vt *vt = vt_new(&(struct vt_opts){.cols = 10, .rows = 3});
    vt_feed(vt, text, strlen(text));
    return vt;
}

/* Searches to the end, by turns as short as can be. */
static struct search_result run(struct vt *vt, struct search_opts o)
{
    struct search *s = search_new(vt, &o);
    while (search_step(s, 0) != SEARCH_DONE) {
    }
    struct search_result r = *search_result(s);
    search_free(s);
    return r;
}

static struct search_result find(struct vt *vt, const char *needle, uint64_t line, int col, bool backward, bool wrap)
{
    return run(vt, (struct search_opts){
                       .needle = needle, .line = line, .col = col, .backward = backward, .wrap = wrap, .count = true});
}

static void test_directions(void **state)
{
    (void)state;
    struct vt *vt = terminal("Foo bar\r\nfoo foo\r\n你foo\r\nnone\r\nFOO");
    struct search_result m = find(vt, "foo", 0, 0, false, false);
    assert_true(m.found && m.line == 1 && m.col == 0 && m.end_col == 3 && m.end_line == 1);
    assert_int_equal(m.total, 5);
    assert_int_equal(m.index, 2);
    m = find(vt, "foo", 1, 0, false, false);
    assert_true(m.found && m.line == 1 && m.col == 4 && m.index == 3);
    m = find(vt, "foo", 1, 4, false, false);
    assert_true(m.found && m.line == 2 && m.col == 2); /* behind a wide character */
    m = find(vt, "foo", 2, 2, false, false);
    assert_true(m.found && m.line == 4 && !m.wrapped);
    m = find(vt, "foo", 4, 0, false, false);
    assert_false(m.found);
    m = find(vt, "foo", 4, 0, false, true);
    assert_true(m.found && m.wrapped && m.line == 0 && m.index == 1);
    m = find(vt, "foo", 4, 0, true, false);
    assert_true(m.found && m.line == 2);
    m = find(vt, "foo", 1, 5, true, false);
    assert_true(m.found && m.line == 1 && m.col == 4);
    m = find(vt, "foo", 0, 0, true, true);
    assert_true(m.found && m.wrapped && m.line == 4 && m.index == 5);
    m = find(vt, "FOO", 0, 0, false, true); /* smart case */
    assert_true(m.found && m.line == 4 && m.total == 1);
    m = find(vt, "FOO", 4, 0, false, true); /* the only one: round and back to it */
    assert_true(m.found && m.wrapped && m.line == 4);
    m = find(vt, "你", 0, 0, false, true);
    assert_true(m.found && m.line == 2 && m.col == 0 && m.end_col == 2);
    assert_false(find(vt, "", 0, 0, false, true).found);
    assert_false(find(vt, "xyzzy", 999, 0, true, true).found);
    m = run(vt, (struct search_opts){.needle = "foo", .line = 1, .col = 4, .here = true});
    assert_true(m.found && m.line == 1 && m.col == 4);
    vt_free(vt);
}

/* A match goes over the edge of soft-wrapped rows, in the scrollback, on the screen and between them. */
static void test_soft_wrap(void **state)
{
    (void)state;
    struct vt *vt = terminal("0123456789abcdef\r\nx\r\ny\r\nz");
    struct search_result m = find(vt, "89ab", 3, 0, true, true);
    assert_true(m.found && m.line == 0 && m.col == 8 && m.end_line == 1 && m.end_col == 2);
    vt_free(vt);
    vt = terminal("x\r\nyz\r\n0123456789abcdef"); /* rows 0..3: the screen begins at 1 */
    m = find(vt, "9a", 0, 0, false, true);
    assert_true(m.found && m.line == 2 && m.col == 9 && m.end_line == 3 && m.end_col == 1);
    vt_free(vt);
    vt = terminal("0123456789abcdef\r\nx\r\ny");
    m = find(vt, "^0.*f$", 2, 0, true, true);
    assert_true(m.found && m.line == 0 && m.end_line == 1 && m.end_col == 6);
    /* Two lines are no line. */
    assert_false(find(vt, "fx", 0, 0, false, true).found);
    vt_free(vt);
}

static void test_wide_and_combining(void **state)
{
    (void)state;
    struct vt *vt = terminal("a好b\r\ncafe\xcc\x81 x\r\n\xc3\x9c"
                             "ber");
    struct search_result m = find(vt, "a.b", 2, 0, true, true); /* one character, two columns, three bytes */
    assert_true(m.found && m.line == 0 && m.col == 0 && m.end_col == 4);
    m = find(vt, "e\xcc\x81", 0, 0, false, true);
    assert_true(m.found && m.line == 1 && m.col == 3 && m.end_col == 4);
    m = find(vt, "cafe", 0, 0, false, true); /* the mark belongs to the cell */
    assert_true(m.found && m.line == 1 && m.end_col == 4);
    m = find(vt, ".ber", 0, 0, false, true);
    assert_true(m.found && m.line == 2 && m.col == 0 && m.end_col == 4);
    vt_free(vt);
}

static bool matches(const char *needle, const char *text, size_t *start, size_t *end)
{
    struct pattern *p = pattern_new(needle);
    bool found = pattern_match(p, text, strlen(text), 0, start, end);
    pattern_free(p);
    return found;
}

static void test_pattern(void **state)
{
    size_t a, b;
    (void)state;
    assert_true(matches("er+or", "an ERRROR", &a, &b) && a == 3 && b == 9);
    assert_false(matches("Er+or", "an errror", &a, &b));
    assert_true(matches("\\Wx", "a X", &a, &b)); /* the W of an escape asks for no case */
    assert_true(matches("x*", "aaxx", &a, &b) && a == 2 && b == 4);
    assert_false(matches("x*", "aa", &a, &b)); /* nothing is no match */
    assert_true(matches("(foo", "a (foo)", &a, &b) && a == 2 && b == 6);
    assert_true(matches("1.5", "1x5", &a, &b));
    assert_true(matches("(a)\\1", "x(a)\\1", &a, &b) && a == 1); /* taken literally */
    struct pattern *p = pattern_new("[a");
    assert_non_null(pattern_trouble(p));
    assert_non_null(strstr(pattern_trouble(p), "plain text"));
    pattern_free(p);
    p = pattern_new("((a{1,200}){1,200}){1,200}"); /* would take gigabytes */
    assert_non_null(pattern_trouble(p));
    pattern_free(p);
    p = pattern_new("a{2,3}b?");
    assert_null(pattern_trouble(p));
    pattern_free(p);
}

/* Prompts as a shell marks them: A before the prompt, C before the output, D behind it. */
static void test_prompts(void **state)
{
    (void)state;
    struct vt *vt = terminal("\033]133;A\007$ one\r\n\033]133;C\007out1\r\nout2\r\n\033]133;D;0\007" /* 0, 1-2 */
                             "\033]133;A\007$ true\r\n\033]133;C\007\033]133;D;0\007"                /* 3, none */
                             "\033]133;A\007$ printf\r\n\033]133;C\007abc\033]133;D;0\007"           /* 4, 5 */
                             "\033]133;A\007$ ");                                                    /* 5 */
    struct search_result m = run(vt, (struct search_opts){.kind = SEARCH_PROMPT, .line = 5, .backward = true});
    assert_true(m.found && m.line == 4);
    m = run(vt, (struct search_opts){.kind = SEARCH_PROMPT, .line = 3, .backward = true});
    assert_true(m.found && m.line == 0);
    assert_false(run(vt, (struct search_opts){.kind = SEARCH_PROMPT, .line = 0, .backward = true}).found);
    m = run(vt, (struct search_opts){.kind = SEARCH_PROMPT, .line = 0});
    assert_true(m.found && m.line == 3);
    assert_false(run(vt, (struct search_opts){.kind = SEARCH_PROMPT, .line = 5}).found);
    m = run(vt, (struct search_opts){.kind = SEARCH_OUTPUT, .line = 5});
    assert_true(m.found && m.line == 5 && m.end_line == 5);
    m = run(vt, (struct search_opts){.kind = SEARCH_OUTPUT, .line = 4}); /* "true" printed nothing */
    assert_true(m.found && m.line == 1 && m.end_line == 2);
    vt_free(vt);
    vt = terminal("\033]133;A\007$ long\r\n\033]133;C\007a\r\nb"); /* still running */
    m = run(vt, (struct search_opts){.kind = SEARCH_OUTPUT, .line = 2});
    assert_true(m.found && m.line == 1 && m.end_line == 2);
    vt_feed(vt, "\033[H\033[2J", 7); /* the screen is cleared: its marks are gone */
    assert_false(run(vt, (struct search_opts){.kind = SEARCH_OUTPUT, .line = 2}).found);
    vt_free(vt);
}

/* Lines that are dropped and pushed between two turns do not move what was found. */
static void test_between_turns(void **state)
{
    (void)state;
    struct vt *vt = vt_new(&(struct vt_opts){.cols = 20, .rows = 3, .scrollback_lines = 100});
    for (int i = 0; i < 90; i++) {
        char line[32];
        (void)str_format(line, sizeof(line), "line %d\r\n", i);
        vt_feed(vt, line, strlen(line));
    }
    struct search *s = search_new(vt, &(struct search_opts){.needle = "line 70", .line = 0, .wrap = true});
    while (search_step(s, 0) != SEARCH_DONE) {
        vt_feed(vt, "more\r\n", 6);
    }
    assert_true(search_result(s)->found);
    assert_int_equal(search_result(s)->line, 70);
    search_free(s);
    vt_free(vt);
}

/* A step keeps to its time whatever there is; the count is bounded. */
static void test_bounded(void **state)
{
    (void)state;
    struct vt *vt =
        vt_new(&(struct vt_opts){.cols = 80, .rows = 24, .scrollback_lines = 300000, .scrollback_bytes = 64u << 20});
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 200000; i++) {
        strbuf_addf(&b, "%d the quick brown fox jumps over the lazy dog\r\n", i);
    }
    vt_feed(vt, b.buf, b.len);
    strbuf_release(&b);
    struct search *s =
        search_new(vt, &(struct search_opts){.needle = "no[t] there", .line = 199999, .backward = true, .wrap = true});
    uint64_t turns = 0, longest = 0;
    for (enum search_state st = SEARCH_LOOKING; st != SEARCH_DONE; turns++) {
        uint64_t from = clock_mono_ns();
        st = search_step(s, from + 2000000);
        longest = MT_MAX(longest, clock_mono_ns() - from);
    }
    assert_false(search_result(s)->found);
    assert_true(turns > 5);
    assert_true(longest < 200000000); /* far above what it takes, for a machine that does other things */
    search_free(s);
    struct search_result m = find(vt, "fox", 150000, 0, false, true);
    assert_true(m.found && m.line == 150000 && m.capped && m.total == SEARCH_COUNT_MAX && m.index == 0);
    /* One line without end is looked at in parts. */
    for (int i = 0; i < 3000; i++) {
        vt_feed(vt, "abcdefghijklmnopqrstuvwxyz", 26);
    }
    m = find(vt, "xyzabc", 10, 0, true, true);
    assert_true(m.found);
    vt_free(vt);
}

/* The whole lines of scrollback at another width are what their rows say, one by one. Returns how many rows could be
 * had that way. */
static size_t check_lines(struct vt *vt)
{
    struct strbuf line = STRBUF_INIT, rows = STRBUF_INIT;
    size_t count = vt_history_count(vt), checked = 0;
    for (size_t i = 0; i < count; i++) {
        size_t above = 0, n = 0;
        strbuf_clear(&line);
        strbuf_clear(&rows);
        if (!vt_history_line_text(vt, i, &line, &above, &n)) {
            assert_int_equal(line.len, 0);
            continue;
        }
        checked++;
        assert_true(above < n && i + above < count && i + above + 1 >= n);
        for (size_t k = 0; k < n; k++) {
            bool wrapped = k + 1 == n;
            assert_int_equal(vt_history_text(vt, i + above - k, &rows, &wrapped), 0);
            assert_int_equal(wrapped, k + 1 < n);
        }
        assert_string_equal(line.buf, rows.buf);
    }
    strbuf_release(&line);
    strbuf_release(&rows);
    return checked;
}

/* Wide characters, clusters, blanks, colours and empty lines, wrapped anew at many widths. */
static void test_whole_lines(void **state)
{
    static const char *const parts[] = {"word ", "你好", "e\xcc\x81", "👩‍💻",       "  ",     "🇩🇪",
                                        "\r\n",  "x",    "─────",     "\033[41mred\033[m", "☎️", "\r\n"};
    uint32_t seed = 7;
    (void)state;
    struct vt *vt = vt_new(&(struct vt_opts){.cols = 23, .rows = 4, .scrollback_lines = 5000});
    for (int i = 0; i < 8000; i++) {
        seed = seed * 1664525u + 1013904223u;
        const char *part = parts[(seed >> 16) % (sizeof(parts) / sizeof(parts[0]))];
        vt_feed(vt, part, strlen(part));
    }
    assert_int_equal(check_lines(vt), 0); /* as it was pushed: its rows are asked for */
    for (int cols = 2; cols < 60; cols += 3) {
        vt_resize(vt, cols, 4);
        assert_true(check_lines(vt) > 500);
        struct search_result m = find(vt, "word 你", 0, 0, false, false), w = find(vt, "rd 你", 0, 0, false, false);
        assert_true(m.found && w.found && m.total > 10 && m.total == w.total);
    }
    vt_free(vt);
}

/* After a change of width the rows are not counted at once: no turn is longer than the others. */
static void test_counting_in_turns(void **state)
{
    (void)state;
    struct vt *vt =
        vt_new(&(struct vt_opts){.cols = 80, .rows = 24, .scrollback_lines = 100000, .scrollback_bytes = 64u << 20});
    struct strbuf b = STRBUF_INIT;
    for (int i = 0; i < 60000; i++) {
        strbuf_addf(&b, "%d the quick brown fox jumps over the lazy dog\r\n", i);
    }
    vt_feed(vt, b.buf, b.len);
    strbuf_release(&b);
    vt_resize(vt, 30, 24);
    struct search *s =
        search_new(vt, &(struct search_opts){.needle = "^5 the", .line = 1, .wrap = true, .count = true});
    int turns = 0;
    assert_false(vt_history_settle(vt));
    while (search_step(s, 0) != SEARCH_DONE) {
        if (turns++ == 20) {
            vt_resize(vt, 40, 24); /* and once more, before they are */
            assert_false(vt_history_settle(vt));
        }
    }
    assert_true(turns > 60);
    assert_true(search_result(s)->found && search_result(s)->total == 1);
    struct strbuf text = STRBUF_INIT;
    uint64_t line = search_result(s)->line;
    assert_int_equal(vt_history_text(vt, (size_t)(vt_history_total(vt) - 1 - line), &text, NULL), 0);
    assert_string_equal(text.buf, "5 the quick brown fox jumps over the laz");
    strbuf_release(&text);
    search_free(s);
    vt_free(vt);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_directions),
        cmocka_unit_test(test_soft_wrap),
        cmocka_unit_test(test_wide_and_combining),
        cmocka_unit_test(test_pattern),
        cmocka_unit_test(test_prompts),
        cmocka_unit_test(test_between_turns),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_whole_lines),
        cmocka_unit_test(test_counting_in_turns),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
