/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tui/alert.h"
#include "tui/glyph.h"

static struct session_info calling(const char *id, enum attention_kind kind, uint64_t since)
{
    struct session_info s = {.state = SESSION_RUNNING, .attention = kind, .attention_since_ms = since};
    str_copy(s.id, sizeof(s.id), id);
    return s;
}

/* Once for each state that a session enters, not for what was there before, not more often than every 3 s. */
static void test_once(void **state)
{
    struct alerts a = {.begin_wall_ms = 1000};
    (void)state;
    struct session_info s = calling("a", ATTENTION_WAITING, 500);
    assert_false(alert_is_due(&a, &s, 1000)); /* it waited before we came */
    s.attention_since_ms = 20000;
    assert_true(alert_is_due(&a, &s, 20000));
    assert_false(alert_is_due(&a, &s, 30000)); /* another text, the same call */
    s.attention = ATTENTION_NONE;
    s.attention_since_ms = 0;
    assert_false(alert_is_due(&a, &s, 31000));
    s = calling("a", ATTENTION_BELL, 32000);
    assert_true(alert_is_due(&a, &s, 32000));
    for (uint64_t t = 32100; t < 35000; t += 100) { /* it rings again and again, and is looked at between */
        s.attention_since_ms = t;
        assert_false(alert_is_due(&a, &s, t));
    }
    s.attention_since_ms = 36000;
    assert_true(alert_is_due(&a, &s, 36000));
    s.attention_since_ms = 46000;
    s.attention_seen = true;
    assert_false(alert_is_due(&a, &s, 46000));
    struct session_info other = calling("b", ATTENTION_FAILED, 36001);
    assert_true(alert_is_due(&a, &other, 36001)); /* each for itself */
    other.attention = ATTENTION_FINISHED;
    other.attention_since_ms = 90000;
    assert_false(alert_is_due(&a, &other, 90000));
    assert_int_equal(a.count, 2);
    alert_forget(&a, "a");
    alert_forget(&a, "a");
    assert_int_equal(a.count, 1);
    alert_release(&a);
}

static void expect(bool bell, const char *notify, const char *where, const char *text, const char *bytes)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    alert_bytes(&out, bell, notify, where, text);
    assert_string_equal(out.buf, bytes);
}

static void test_bytes(void **state)
{
    (void)state;
    expect(true, "off", "api > claude", "asks: Go?", "\a");
    expect(false, "off", "api > claude", "asks: Go?", "");
    expect(true, "osc9", "api > claude", "asks: Go?", "\a\033]9;muthr: api > claude: asks: Go?\033\\");
    expect(false, "osc777", "a;b", "x;y", "\033]777;notify;muthr: a,b;x,y\033\\");
    expect(false, "osc99", "api", "says: hi",
           "\033]99;i=muthr:d=0;muthr: api\033\\\033]99;i=muthr:d=1:p=body;says: hi\033\\");
    /* nothing that a session says ends the string or begins another */
    expect(false, "osc9", "4;1;50", "a\033]52;c;eA==\a\302\234b\nc",
           "\033]9;muthr: 4,1,50: a\357\277\275]52,c,eA==\357\277\275\357\277\275b c\033\\");
}

static void test_long_text_is_cut(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    char text[1000];
    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    alert_bytes(&out, false, "osc9", text, text);
    assert_true(out.len < 450);
}

static void call_is(enum attention_kind kind, const char *text, const char *words, const char *brief)
{
    struct session_info s = calling("a", kind, 1);
    char out[200];
    str_copy(s.attention_text, sizeof(s.attention_text), text);
    glyph_call(&s, false, out, sizeof(out));
    assert_string_equal(out, words);
    glyph_call(&s, true, out, sizeof(out));
    assert_string_equal(out, brief);
}

static void test_words(void **state)
{
    (void)state;
    call_is(ATTENTION_WAITING, "Do you want to proceed?", "asks: Do you want to proceed?", "asks");
    call_is(ATTENTION_WAITING, "Password:", "asks: Password:", "asks");
    call_is(ATTENTION_WAITING, "its turn is over", "its turn is over", "waits");
    call_is(ATTENTION_WAITING, "", "went quiet", "quiet");
    call_is(ATTENTION_BELL, "", "rang the bell", "rang");
    call_is(ATTENTION_NOTIFY, "Built", "says: Built", "says");
    call_is(ATTENTION_NOTIFY, "", "sent a notification", "says");
    call_is(ATTENTION_FAILED, "", "", "");
    call_is(ATTENTION_NONE, "", "", "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_long_text_is_cut),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
