/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/input.h"

/* Events as text: keys by name, "mouse press 1 3,4", "paste<...>", each with a space behind. */
static void record(void *arg, const struct input_event *ev)
{
    struct strbuf *out = arg;
    static const char *const kinds[] = {"press", "release", "motion"};

    switch (ev->kind) {
    case INPUT_KEY:
        key_format(ev->key, out);
        break;
    case INPUT_MOUSE:
        strbuf_addf(out, "%s%u@%d,%d", kinds[ev->mouse.kind], ev->mouse.button, ev->mouse.col, ev->mouse.row);
        if (ev->mouse.mods) {
            strbuf_addf(out, "+%u", ev->mouse.mods);
        }
        break;
    case INPUT_PASTE_BEGIN:
        strbuf_addstr(out, "<");
        return;
    case INPUT_PASTE:
        strbuf_add(out, ev->data, ev->len);
        return;
    case INPUT_PASTE_END:
        strbuf_addstr(out, ">");
        break;
    case INPUT_FOCUS_IN:
        strbuf_addstr(out, "focus");
        break;
    case INPUT_FOCUS_OUT:
        strbuf_addstr(out, "blur");
        break;
    case INPUT_KEY_RAW:
        strbuf_addf(out, "raw(%.*s)", (int)ev->len - 2, ev->data + 2);
        break;
    case INPUT_REPLY:
        strbuf_addf(out, "reply%zu", ev->len);
        break;
    }
    strbuf_addch(out, ' ');
}

/* Feeds bytes whole, then byte by byte: both must say the same. */
static void check(const char *bytes, size_t len, const char *want)
{
    for (size_t step = 1; step <= len; step = step == 1 && len > 1 ? len : len + 1) {
        struct strbuf got = STRBUF_INIT;
        struct input *in = input_new(record, &got);
        for (size_t at = 0; at < len; at += step) {
            input_feed(in, bytes + at, step < len - at ? step : len - at);
        }
        if (input_pending(in)) {
            input_flush(in);
        }
        assert_false(input_pending(in));
        assert_string_equal(got.buf, want);
        input_free(in);
        strbuf_release(&got);
    }
}
#define CHECK(bytes, want) check(bytes, sizeof(bytes) - 1, want)

static void test_plain_keys(void **state)
{
    (void)state;
    CHECK("aZ?", "a Z ? ");
    CHECK("\xC3\xA9\xE6\x97\xA5\xF0\x9F\x98\x80", "é 日 😀 ");
    CHECK("\r\t\x7f ", "Enter Tab Backspace Space ");
    CHECK("\x01\x1a\x1d\x1c\x1e\x1f\x0a\x08", "C-a C-z C-] C-\\ C-^ C-_ C-j C-h ");
    check("\0", 1, "C-Space ");
    CHECK("\033", "Escape ");
    CHECK("\033\033", "Escape Escape ");
}

static void test_alt(void **state)
{
    (void)state;
    CHECK("\033a\0331\033\xC3\xA9", "M-a M-1 M-é ");
    CHECK("\033\x02\033\r\033\x7f", "C-M-b M-Enter M-Backspace ");
    CHECK("\033[", "M-[ ");
    CHECK("\033O", "M-O ");
    CHECK("\033]", "M-] ");
    CHECK("\033\033[A", "M-Up ");
    CHECK("\033\033OA", "M-Up ");
}

static void test_xterm_forms(void **state)
{
    (void)state;
    CHECK("\033[A\033[B\033[C\033[D\033[H\033[F", "Up Down Right Left Home End ");
    CHECK("\033OA\033OB\033OC\033OD\033OH\033OF", "Up Down Right Left Home End ");
    CHECK("\033OP\033OQ\033OR\033OS\033[15~\033[17~\033[21~\033[23~\033[24~", "F1 F2 F3 F4 F5 F6 F10 F11 F12 ");
    CHECK("\033[2~\033[3~\033[5~\033[6~\033[1~\033[4~", "Insert Delete PgUp PgDn Home End ");
    CHECK("\033[1;5A\033[1;2D\033[1;3C\033[1;6H\033[3;5~\033[1;2P", "C-Up S-Left M-Right C-S-Home C-Delete S-F1 ");
    CHECK("\033[Z", "S-Tab ");
    CHECK("\033[I\033[O", "focus blur ");
    CHECK("\033OM\033Oj\033Op", "KPEnter KPStar KP0 ");
}

static void test_other_terminals(void **state)
{
    (void)state;
    CHECK("\033[[A\033[[E", "F1 F5 "); /* Linux console */
    CHECK("\033[7~\033[8~\033[a\033Oa\033[3$\033[3^\033[5@",
          "Home End S-Up C-Up S-Delete C-Delete C-S-PgUp "); /* rxvt */
    CHECK("\033[11~\033[14~", "F1 F4 ");
    CHECK("\033[13;2u\033[97;5u\033[27u\033[9;2u\033[97;2u\033[97:65;2u", "S-Enter C-a Escape S-Tab A A "); /* kitty */
    CHECK("\033[97;1:3u\033[1;1:3A\033[3;1:3~", "raw(97;1:3u) raw(1;1:3A) raw(3;1:3~) "); /* kitty: releases */
    CHECK("\033[57441;2u\033[57358u", "raw(57441;2u) raw(57358u) ");                      /* its Shift, Caps Lock */
    CHECK("\033[57414u\033[57399u\033[57420u", "KPEnter KP0 Down ");
    CHECK("\033[27;2;13~\033[27;5;97~\033[27;6;65~\033[27;2;65~", "S-Enter C-a C-S-a A "); /* modifyOtherKeys */
}

static void test_mouse(void **state)
{
    (void)state;
    CHECK("\033[<0;5;3M\033[<0;5;3m", "press1@4,2 release1@4,2 ");
    CHECK("\033[<64;1;1M\033[<65;200;100M", "press4@0,0 press5@199,99 ");
    CHECK("\033[<35;9;9M\033[<32;9;9M\033[<18;1;1M", "motion0@8,8 motion1@8,8 press3@0,0+4 ");
    CHECK("\033[M !!\033[M#!!\033[M`!!", "press1@0,0 release0@0,0 press4@0,0 ");
    CHECK("\033[32;5;3M", "press1@4,2 "); /* urxvt */
    CHECK("\033[<0;0;0M\033[<0;5M", "");  /* nowhere */
    CHECK("\033[<128;5;3M", "");          /* extra buttons */
}

static void test_paste(void **state)
{
    (void)state;
    CHECK("\033[200~hi\nthere\033[201~x", "<hi\nthere> x ");
    CHECK("\033[200~\033[20\033[201\033[201~", "<\033[20\033[201> ");
    CHECK("\033[200~\033\033[201~q", "<\033> q ");
    CHECK("a\033[200~\033[201~\033[Ab", "a <> Up b ");
    CHECK("\033[200~\033[200~x\033[201~", "<\033[200~x> ");
}

static size_t pasted, pieces;

static void count_paste(void *arg, const struct input_event *ev)
{
    (void)arg;
    if (ev->kind == INPUT_PASTE) {
        pasted += ev->len;
        pieces++;
    }
}

static void test_big_paste_is_not_held(void **state)
{
    struct input *in = input_new(count_paste, NULL);
    char *block = xmalloc(1 << 16);

    (void)state;
    memset(block, 'p', 1 << 16);
    pasted = pieces = 0;
    input_feed(in, "\033[200~", 6);
    for (int i = 0; i < 16; i++) {
        input_feed(in, block, 1 << 16);
        assert_int_equal(pasted, (size_t)(i + 1) << 16); /* passed on at once */
    }
    assert_false(input_pending(in));
    input_feed(in, "\033[201~", 6);
    assert_int_equal(pasted, 1 << 20);
    assert_int_equal(pieces, 16);
    free(block);
    input_free(in);
}

static void test_replies_are_swallowed(void **state)
{
    (void)state;
    CHECK("\033[?62;22ca", "reply9 a ");
    CHECK("\033]11;rgb:1a1a/1b1b/1c1c\033\\a", "reply25 a ");
    CHECK("\033]11;rgb:1a1a/1b1b/1c1c\007a", "reply24 a ");
    CHECK("\033P>|term(1)\033\\a", "reply13 a ");
    CHECK("\033[?2026;2$ya", "reply11 a ");
    CHECK("\033[24;80Ra", "reply8 a ");
    CHECK("\033[>1;10;0ca", "reply10 a ");
}

/* A terminal that answers with kilobytes: nothing of it is taken for keys (`:`, `d`, `y`), what follows is. */
static void test_long_replies(void **state)
{
    static const struct {
        const char *begin, *piece, *end;
    } forms[] = {{"\033P1$r", "4:3;dy", "\033\\"}, {"\033]11;rgb:", "q:dy", "\007"}, {"\033_", "q", "\033\\"},
                 {"\033]4;", "q", "\033[A"},       {"\033[?", "62;1;", "c"},         {"\033\033[", "1;", "~"},
                 {"\033P", "q\xc3\xa9", "\r"}};

    (void)state;
    for (size_t i = 0; i < sizeof(forms) / sizeof(*forms); i++) {
        for (size_t len = 480; len < 1600; len += 7) { /* the end falls everywhere, also across the buffer's */
            MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
            const char *want = forms[i].end[1] == '[' ? "Up a " : forms[i].end[0] == '\r' ? "Enter a " : "a ";

            strbuf_addstr(&bytes, forms[i].begin);
            while (bytes.len < len + 60) {
                strbuf_addstr(&bytes, forms[i].piece);
            }
            strbuf_addf(&bytes, "%sa", forms[i].end);
            check(bytes.buf, bytes.len, want);
        }
    }
}

/* One that never ends is given up. */
static void test_endless_reply(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct input *in = input_new(record, &got);

    (void)state;
    input_feed(in, "\033P1$r", 5);
    for (int i = 0; i < 1000; i++) {
        input_feed(in, "qqq", 3);
        assert_true(input_pending(in));
        assert_true(input_wait_ms(in) > 100);
    }
    input_flush(in);
    assert_false(input_pending(in));
    input_feed(in, "a", 1);
    assert_string_equal(got.buf, "a ");
    input_free(in);
}

static void test_broken_sequences(void **state)
{
    (void)state;
    CHECK("\033[12\033[A", "Up "); /* cut off by another */
    CHECK("\033[1;\ra", "Enter a ");
    CHECK("\xff\xc3(\x80x", "( x ");  /* no UTF-8 */
    CHECK("\033]abc\rx", "Enter x "); /* a key during what looked like a reply */
    CHECK("\033[99999999999999999999;5A", "C-Up ");
    CHECK("\033[1;2;3;4;5;6;7;8;9;10;11;12A", "S-Up ");
}

static void test_cut_utf8_waits(void **state)
{
    struct strbuf got = STRBUF_INIT;
    struct input *in = input_new(record, &got);

    (void)state;
    input_feed(in, "\xE6\x97", 2);
    assert_false(input_pending(in)); /* a slow line must not break it in two */
    input_feed(in, "\xA5", 1);
    assert_string_equal(got.buf, "日 ");
    input_free(in);
    strbuf_release(&got);
}

static void test_terminal_sequences(void **state)
{
    struct strbuf got = STRBUF_INIT;
    struct input *in = input_new(record, &got);

    (void)state;
    input_add_sequence(in, "\033[zz", (struct key){KEYSYM_F1 + 4, 0});
    input_add_sequence(in, "\b", (struct key){KEYSYM_BACKSPACE, 0});
    input_add_sequence(in, "abc", (struct key){KEYSYM_UP, 0}); /* refused: would swallow typing */
    input_feed(in, "\033[zz\babc", 8);
    assert_string_equal(got.buf, "F5 Backspace a b c ");
    input_free(in);
    strbuf_release(&got);
}

static void ignore(void *arg, const struct input_event *ev)
{
    size_t *count = arg;

    *count += 1 + (ev->kind == INPUT_PASTE ? ev->data[0] == 0 : 0);
}

/* Random bytes in random pieces: bounded memory, no hang, and afterwards the next key is understood. */
static void test_noise(void **state)
{
    uint32_t seed = 42;
    static const char alphabet[] = "\033\033\033[[<>?;:0123456789MmuAR~OP]\\_\x07\x9b\xc3\xa9 \r200~201~a";

    (void)state;
    for (int round = 0; round < 300; round++) {
        size_t count = 0;
        struct input *in = input_new(ignore, &count);
        for (int i = 0; i < 200; i++) {
            char piece[16];
            size_t n = 0;
            seed = seed * 1664525u + 1013904223u;
            for (size_t want = 1 + (seed >> 8) % 15; n < want; n++) {
                seed = seed * 1664525u + 1013904223u;
                piece[n] = (seed >> 28) ? alphabet[(seed >> 8) % (sizeof(alphabet) - 1)] : (char)(seed >> 16);
            }
            input_feed(in, piece, n);
        }
        input_feed(in, "\033[201~", 6);
        input_flush(in);
        count = 0;
        input_feed(in, "\033[A", 3);
        assert_int_equal(count, 1);
        input_free(in);
    }
}

/* What came besides the key: only where a sequence says more than the key does. */
static void on_more(void *arg, const struct input_event *ev)
{
    strbuf_addf(arg, "%.*s|", (int)ev->len, ev->len ? ev->data : "");
}

static void test_more_than_keys(void **state)
{
    static const struct {
        const char *bytes, *want;
    } cases[] = {
        {"a\033[A\033[1;5C\033[3~\033[97;5u\033[27;5;105~", "||||||"},
        {"\033[97;1:2u", "\033[97;1:2u|"},     /* a repeat */
        {"\033[1;1:2A", "\033[1;1:2A|"},       /* of an arrow */
        {"\033[97:65;2u", "\033[97:65;2u|"},   /* the shifted key */
        {"\033[97::99;5u", "\033[97::99;5u|"}, /* the key of the layout */
        {"\033[97;;97u", "\033[97;;97u|"},     /* the text */
        {"\033[97;65u", "\033[97;65u|"},       /* Caps Lock is on */
        {"\033[57400u", "\033[57400u|"},       /* keypad 1 */
        {"\033[97;1:2ua", "\033[97;1:2u||"},   /* the next has nothing of it */
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
        struct input *in = input_new(on_more, &got);
        input_feed(in, cases[i].bytes, strlen(cases[i].bytes));
        assert_string_equal(got.buf, cases[i].want);
        input_free(in);
    }
}

/* What a terminal sends for a key is what a program gets that asked for nothing: byte for byte, through both tables. */
static void add_bytes(void *arg, const struct input_event *ev)
{
    static const struct key_modes plain;

    assert_int_equal(ev->kind, INPUT_KEY);
    key_encode(ev->key, &plain, arg);
}

static void test_there_and_back(void **state)
{
    static const char *const keys[] = {
        "a",
        "Z",
        "~",
        " ",
        "\r",
        "\t",
        "\177",
        "\033",
        "\001",
        "\002",
        "\010",
        "\012",
        "\032",
        "\034",
        "\035",
        "\036",
        "\037",
        "\303\251",
        "\346\227\245",
        "\360\237\230\200",
        "e\314\201", /* a dead key that was composed, or was not */
        "\033a",
        "\033Z",
        "\0331",
        "\033\303\251",
        "\033\346\227\245",
        "\033\r",
        "\033\t",
        "\033\177",
        "\033\001",
        "\033\032",
        "\033\033",
        "\033[",
        "\033O",
        "\033]",
        "\033P",
        "\033 ",
        "\033[A",
        "\033[B",
        "\033[C",
        "\033[D",
        "\033[E",
        "\033[H",
        "\033[F",
        "\033[2~",
        "\033[3~",
        "\033[5~",
        "\033[6~",
        "\033[Z",
        "\033[1;2A",
        "\033[1;3B",
        "\033[1;4C",
        "\033[1;5D",
        "\033[1;6H",
        "\033[1;7F",
        "\033[1;8A",
        "\033[3;5~",
        "\033[5;2~",
        "\033OP",
        "\033OQ",
        "\033OR",
        "\033OS",
        "\033[15~",
        "\033[17~",
        "\033[18~",
        "\033[19~",
        "\033[20~",
        "\033[21~",
        "\033[23~",
        "\033[24~",
        "\033[25~",
        "\033[26~",
        "\033[28~",
        "\033[29~",
        "\033[31~",
        "\033[32~",
        "\033[33~",
        "\033[34~",
        "\033[42~",
        "\033[45~",
        "\033[1;2P",
        "\033[1;5S",
        "\033[15;2~",
        "\033[24;8~",
    };

    (void)state;
    for (size_t i = 0; i < MT_ARRAY_LEN(keys); i++) {
        MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
        struct input *in = input_new(add_bytes, &got);
        input_feed(in, keys[i], strlen(keys[i]));
        input_flush(in);
        if (strcmp(got.buf, keys[i]) != 0) {
            print_error("key %zu: ESC%s became ESC%s\n", i, keys[i] + 1, got.len ? got.buf + 1 : "");
        }
        assert_string_equal(got.buf, keys[i]);
        input_free(in);
    }
}

/* A lone ESC waits for 20 ms, an answer of the terminal in pieces longer. */
static void test_waits(void **state)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct input *in = input_new(record, &got);

    (void)state;
    input_feed(in, "\033", 1);
    assert_true(input_pending(in));
    assert_int_equal(input_wait_ms(in), 20);
    input_feed(in, "]", 1);
    assert_int_equal(input_wait_ms(in), 20); /* Alt-] */
    input_feed(in, "10;rgb:ff", 9);
    assert_true(input_wait_ms(in) > 100);
    input_feed(in, "ff/ffff/ffff\033\\x", 15);
    assert_string_equal(got.buf, "reply25 x ");
    input_free(in);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more_than_keys),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_long_replies),
        cmocka_unit_test(test_endless_reply),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_plain_keys),
        cmocka_unit_test(test_alt),
        cmocka_unit_test(test_xterm_forms),
        cmocka_unit_test(test_other_terminals),
        cmocka_unit_test(test_mouse),
        cmocka_unit_test(test_paste),
        cmocka_unit_test(test_big_paste_is_not_held),
        cmocka_unit_test(test_replies_are_swallowed),
        cmocka_unit_test(test_broken_sequences),
        cmocka_unit_test(test_cut_utf8_waits),
        cmocka_unit_test(test_terminal_sequences),
        cmocka_unit_test(test_noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
