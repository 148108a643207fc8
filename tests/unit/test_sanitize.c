/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/sanitize.h"

/* Writes tokens as text: T(abc) C(0d) E(interm final) S(leader params interm final) O(str) D(str). Neighbouring text is
 * joined. */
struct record {
    struct strbuf out;
    bool in_text;
    size_t longest;
    int max_params;
};

static void write_csi(struct strbuf *out, const struct token *t)
{
    strbuf_addstr(out, "S(");
    if (t->leader != 0) {
        strbuf_addch(out, (char)t->leader);
    }
    for (int i = 0; i < t->nparams; i++) {
        strbuf_addstr(out, i == 0 ? "" : t->sub[i] ? ":" : ";");
        if (t->param[i] >= 0) {
            strbuf_addf(out, "%d", t->param[i]);
        }
    }
}

static void on_token(const struct token *t, void *arg)
{
    struct record *r = arg;
    char text[4];
    if (t->kind == TOKEN_TEXT) {
        strbuf_addstr(&r->out, r->in_text ? "" : "T(");
        for (size_t i = 0; i < t->n; i++) {
            strbuf_add(&r->out, text, utf8_encode(t->cps[i], text));
        }
        r->in_text = true;
        return;
    }
    strbuf_addstr(&r->out, r->in_text ? ")" : "");
    r->in_text = false;
    if (t->kind == TOKEN_CONTROL) {
        strbuf_addf(&r->out, "C(%02x)", t->final);
    } else if (t->kind == TOKEN_OSC || t->kind == TOKEN_DCS) {
        r->longest = t->len > r->longest ? t->len : r->longest;
        if (t->len < 100) {
            strbuf_addf(&r->out, "%c%s(%s)", t->kind == TOKEN_OSC ? 'O' : 'D', t->bel ? "b" : "", t->str);
        }
    } else {
        if (t->kind == TOKEN_CSI) {
            r->max_params = t->nparams > r->max_params ? t->nparams : r->max_params;
            write_csi(&r->out, t);
        } else {
            strbuf_addstr(&r->out, "E(");
        }
        for (int i = 0; i < 2 && t->interm[i] != 0; i++) {
            strbuf_addch(&r->out, (char)t->interm[i]);
        }
        strbuf_addf(&r->out, "%c)", t->final);
    }
}

/* Feeds whole, then byte by byte, then in threes: the tokens must be the same. */
static void check_len(const char *in, size_t len, const char *want)
{
    for (size_t step = 0; step < 4; step++) {
        struct record r = {.out = STRBUF_INIT};
        struct sanitizer *s = xmalloc(sizeof(*s));
        sanitizer_init(s, on_token, &r);
        for (size_t i = 0; i < len;) {
            size_t n = step == 0 || len - i < step ? len - i : step;
            sanitizer_feed(s, in + i, n);
            i += n;
        }
        strbuf_addstr(&r.out, r.in_text ? ")" : "");
        assert_string_equal(r.out.buf, want);
        strbuf_release(&r.out);
        sanitizer_release(s);
        free(s);
    }
}

static void check(const char *in, const char *want)
{
    check_len(in, strlen(in), want);
}

static void test_basic(void **state)
{
    (void)state;
    check("ab\r\ncd", "T(ab)C(0d)C(0a)T(cd)");
    check("\033[m\033[1;;3:4H\033[?25h\033[>4;2m\033[!p\033[2 q", "S(m)S(1;;3:4H)S(?25h)S(>4;2m)S(!p)S(2 q)");
    check("\0337\033(0\033#8", "E(7)E((0)E(#8)");
    check("\033]0;hi\007\033]2;yo\033\\\033P$qm\033\\", "Ob(0;hi)O(2;yo)D($qm)");
    check_len("a\0b\x7f"
              "c",
              5, "T(abc)");
}

static void test_controls_inside(void **state)
{
    (void)state;
    check("\033[1\r2H", "C(0d)S(12H)");         /* C0 acts at once inside a CSI */
    check("\033[1\033[2J", "S(2J)");            /* ESC starts over */
    check("\033[1\030x\033]0;t\032y", "T(xy)"); /* CAN and SUB end */
    check("\033]0;ab\ncd\007", "Ob(0;abcd)");   /* controls in strings are dropped */
    check("\033]0;ab\033[1mx", "S(1m)T(x)");    /* a string that another sequence interrupts is given up */
}

static void test_utf8(void **state)
{
    (void)state;
    check("é€😀", "T(é€😀)");
    check("\xff\xfe", "T(\xef\xbf\xbd\xef\xbf\xbd)");
    check("\xe2\x82z", "T(\xef\xbf\xbdz)"); /* cut short (K6) */
    check("\xe2\x82\033[m", "T(\xef\xbf\xbd)S(m)");
    check("\xed\xa0\x80", "T(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd)"); /* a surrogate */
    check("\xc0\xaf\xf4\x90\x80\x80", "T(\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd)");
    check("a\xc2\x9b"
          "31mb",
          "T(a31mb)"); /* C1 as UTF-8 is no CSI */
    check("\x9b"
          "31m",
          "T(\xef\xbf\xbd"
          "31m)");                                               /* nor is the raw byte */
    check("\033]0;\xe2\x9c\xb3 x\033\\", "O(0;\xe2\x9c\xb3 x)"); /* UTF-8 with byte 9c is no terminator */
}

static void test_swallowed(void **state)
{
    (void)state;
    check("a\033_apc\033\\b\033^pm\033\\c\033Xsos\033\\d", "T(abcd)");
    check("\033_G;x\007y\033\\z", "T(z)");
    check("\033[1 2m\033[?1?2h\033[1<m\033[ !\"qx", "T(x)"); /* malformed ones go whole */
}

static void test_params(void **state)
{
    (void)state;
    struct record r = {.out = STRBUF_INIT};
    struct sanitizer *s = xmalloc(sizeof(*s));
    sanitizer_init(s, on_token, &r);
    check("\033[99999999999999999999;4294967297m", "S(65535;65535m)"); /* K7 */
    sanitizer_feed(s, "\033[", 2);
    for (int i = 0; i < 200000; i++) { /* K1 */
        sanitizer_feed(s, i % 2 ? "38;" : "5:", i % 2 ? 3 : 2);
    }
    sanitizer_feed(s, "7mok", 4);
    assert_int_equal(r.max_params, SANITIZE_PARAMS_MAX);
    assert_non_null(strstr(r.out.buf, "T(ok"));
    strbuf_release(&r.out);
    sanitizer_release(s);
    free(s);
}

/* An 8 MB title is swallowed, a clipboard write of 1 MB is not, and memory is given back. */
static void test_long_strings(void **state)
{
    (void)state;
    struct record r = {.out = STRBUF_INIT};
    struct sanitizer *s = xmalloc(sizeof(*s));
    char chunk[1024];
    memset(chunk, 'A', sizeof(chunk));
    sanitizer_init(s, on_token, &r);
    sanitizer_feed(s, "\033]0;", 4);
    for (int i = 0; i < 8192; i++) {
        sanitizer_feed(s, chunk, sizeof(chunk));
        assert_true(s->str.cap < 3 * SANITIZE_STRING_MAX);
    }
    sanitizer_feed(s, "\007after", 6);
    assert_int_equal(r.longest, 0);
    sanitizer_feed(s, "\033]52;c;", 7);
    for (int i = 0; i < 1300; i++) {
        sanitizer_feed(s, chunk, sizeof(chunk));
    }
    sanitizer_feed(s, "\033\\", 2);
    assert_int_equal(r.longest, 1300 * 1024 + 5);
    assert_true(s->str.cap < 3 * SANITIZE_STRING_MAX);
    sanitizer_feed(s, "\033]52;c;", 7);
    for (int i = 0; i < 3000; i++) {
        sanitizer_feed(s, chunk, sizeof(chunk));
    }
    sanitizer_feed(s, "\033\\end", 5);
    assert_int_equal(r.longest, 1300 * 1024 + 5);
    assert_string_equal(r.out.buf, "T(after)T(end");
    strbuf_release(&r.out);
    sanitizer_release(s);
    free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_basic),     cmocka_unit_test(test_controls_inside), cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_swallowed), cmocka_unit_test(test_params),          cmocka_unit_test(test_long_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
