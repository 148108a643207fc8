/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "term/keys.h"

static const struct key_modes plain;

static struct key parse(const char *name)
{
    struct key k = {0};
    struct error err = ERROR_INIT;
    assert_int_equal(key_parse(name, &k, &err), 0);
    return k;
}

static void assert_bytes(const char *name, const struct key_modes *m, const char *want)
{
    struct strbuf out = STRBUF_INIT;
    key_encode(parse(name), m, &out);
    assert_string_equal(out.buf, want);
    strbuf_release(&out);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } names[] = {
        {"C-b", "C-b"},
        {"c-B", "C-b"},
        {"M-1", "M-1"},
        {"A-x", "M-x"},
        {"F1", "F1"},
        {"f12", "F12"},
        {"Enter", "Enter"},
        {"return", "Enter"},
        {"C-]", "C-]"},
        {"S-Tab", "S-Tab"},
        {"S-a", "A"},
        {"M-C-Up", "C-M-Up"},
        {"é", "é"},
        {"PageUp", "PgUp"},
        {"Space", "Space"},
        {" ", "Space"},
        {"-", "-"},
        {"C--", "C--"},
        {"C-Space", "C-Space"},
        {"S-F5", "S-F5"},
        {"M-A", "M-A"},
        {"D-x", "D-x"},
        {"del", "Delete"},
        {"Esc", "Escape"},
        {"KPEnter", "KPEnter"},
        {"S-?", "?"},
        {"M-S-Left", "M-S-Left"},
    };
    char text[32];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct key k = parse(names[i].in);
        key_format_into(k, text, sizeof(text));
        assert_string_equal(text, names[i].out);
        assert_true(key_equal(parse(text), k));
    }
}

static void test_bad_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",     "C-",   "Foo", "ab",       "C-C-",   "F25",
                                      "\x01", "\xff", "X-a", "\xc2\x80", "C-Bogus"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct key k;
        struct error err = ERROR_INIT;
        assert_int_equal(key_parse(bad[i], &k, &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
        assert_non_null(err.hint);
    }
}

static void test_legacy(void **state)
{
    (void)state;
    const struct key_modes app = {.app_cursor = true, .app_keypad = true};
    const struct key_modes lnm = {.newline = true, .backarrow = true};
    assert_bytes("a", &plain, "a");
    assert_bytes("M-a", &plain, "\033a");
    assert_bytes("C-c", &plain, "\003");
    assert_bytes("C-M-c", &plain, "\033\003");
    assert_bytes("C-]", &plain, "\035");
    assert_bytes("C-[", &plain, "\033");
    assert_bytes("C-i", &plain, "\t"); /* B16 */
    assert_bytes("C-m", &plain, "\r");
    assert_bytes("S-Space", &plain, " ");
    assert_bytes("C-/", &plain, "\037");
    assert_bytes("Enter", &plain, "\r");
    assert_bytes("Enter", &lnm, "\r\n");
    assert_bytes("Backspace", &plain, "\177");
    assert_bytes("C-Backspace", &plain, "\b");
    assert_bytes("Backspace", &lnm, "\b");
    assert_bytes("S-Tab", &plain, "\033[Z");
    assert_bytes("Up", &plain, "\033[A");
    assert_bytes("Up", &app, "\033OA");
    assert_bytes("C-Up", &app, "\033[1;5A");
    assert_bytes("M-S-Left", &plain, "\033[1;4D");
    assert_bytes("F1", &plain, "\033OP");
    assert_bytes("S-F1", &plain, "\033[1;2P");
    assert_bytes("F5", &plain, "\033[15~");
    assert_bytes("C-F12", &plain, "\033[24;5~");
    assert_bytes("PgUp", &plain, "\033[5~");
    assert_bytes("S-Delete", &plain, "\033[3;2~");
    assert_bytes("KP5", &plain, "5");
    assert_bytes("KP5", &app, "\033Ou");
    assert_bytes("KPEnter", &app, "\033OM");
    assert_bytes("é", &plain, "é");
    assert_bytes("M-é", &plain, "\033é");
    struct strbuf out = STRBUF_INIT; /* C-Space is a NUL byte */
    key_encode(parse("C-Space"), &plain, &out);
    assert_int_equal(out.len, 1);
    assert_int_equal(out.buf[0], 0);
    strbuf_clear(&out);
    key_encode((struct key){KEYSYM_NONE, 0}, &plain, &out);
    key_encode((struct key){KEYSYM_LAST, 0}, &plain, &out);
    key_encode((struct key){0xffffffff, 0xff}, &plain, &out);
    key_encode((struct key){3, 0}, &plain, &out);
    assert_int_equal(out.len, 0);
    strbuf_release(&out);
}

static void test_kitty(void **state)
{
    (void)state;
    const struct key_modes m = {.kitty = 1}, all = {.kitty = 9};
    assert_bytes("a", &m, "a");
    assert_bytes("A", &m, "A");
    assert_bytes("Enter", &m, "\r");
    assert_bytes("S-Enter", &m, "\033[13;2u");
    assert_bytes("C-i", &m, "\033[105;5u");
    assert_bytes("C-c", &m, "\033[99;5u");
    assert_bytes("M-A", &m, "\033[97;4u");
    assert_bytes("Escape", &m, "\033[27u");
    assert_bytes("Tab", &m, "\t");
    assert_bytes("S-Tab", &m, "\033[9;2u");
    assert_bytes("Up", &m, "\033[A");
    assert_bytes("C-F3", &m, "\033[13;5~");
    assert_bytes("a", &all, "\033[97u");
    assert_bytes("Enter", &all, "\033[13u");
}

static void test_modify_other(void **state)
{
    (void)state;
    const struct key_modes one = {.modify_other = 1}, two = {.modify_other = 2};
    assert_bytes("C-c", &one, "\003");
    assert_bytes("M-c", &one, "\033c");
    assert_bytes("S-Enter", &one, "\033[27;2;13~");
    assert_bytes("C-Enter", &one, "\033[27;5;13~");
    assert_bytes("S-Tab", &one, "\033[Z");
    assert_bytes("C-,", &one, "\033[27;5;44~");
    assert_bytes("a", &two, "a");
    assert_bytes("A", &two, "A");
    assert_bytes("C-c", &two, "\033[27;5;99~");
    assert_bytes("M-c", &two, "\033[27;3;99~");
    assert_bytes("S-Enter", &two, "\033[27;2;13~");
    assert_bytes("Enter", &two, "\r");
}

static void assert_mouse(struct mouse_event ev, struct key_modes m, const char *want)
{
    struct strbuf out = STRBUF_INIT;
    mouse_encode(&ev, &m, &out);
    assert_string_equal(out.buf, want);
    strbuf_release(&out);
}

static void test_mouse(void **state)
{
    (void)state;
    const struct mouse_event press = {.row = 2, .col = 4, .kind = MOUSE_PRESS, .button = MOUSE_BUTTON_LEFT};
    const struct mouse_event release = {.row = 2, .col = 4, .kind = MOUSE_RELEASE, .button = MOUSE_BUTTON_LEFT};
    const struct mouse_event drag = {.row = 2, .col = 4, .kind = MOUSE_MOTION, .button = MOUSE_BUTTON_LEFT};
    const struct mouse_event hover = {.row = 2, .col = 4, .kind = MOUSE_MOTION};
    const struct mouse_event wheel = {
        .row = 2, .col = 4, .kind = MOUSE_PRESS, .button = MOUSE_WHEEL_UP, .mods = KEYMOD_CTRL};
    const struct mouse_event far = {.row = 2, .col = 400, .kind = MOUSE_PRESS, .button = MOUSE_BUTTON_LEFT};
    struct key_modes off = {0};
    struct key_modes x10 = {.mouse = MOUSE_X10}, click = {.mouse = MOUSE_CLICK};
    struct key_modes sgr = {.mouse = MOUSE_DRAG, .mouse_enc = MOUSE_ENC_SGR};
    struct key_modes move = {.mouse = MOUSE_MOVE, .mouse_enc = MOUSE_ENC_SGR};
    assert_mouse(press, off, ""); /* B5 */
    assert_mouse(release, off, "");
    assert_mouse(press, x10, "\033[M %#");
    assert_mouse(release, x10, "");
    assert_mouse(release, click, "\033[M#%#");
    assert_mouse(drag, click, "");
    assert_mouse(far, click, ""); /* does not fit the old form */
    assert_mouse(press, sgr, "\033[<0;5;3M");
    assert_mouse(release, sgr, "\033[<0;5;3m");
    assert_mouse(drag, sgr, "\033[<32;5;3M");
    assert_mouse(hover, sgr, "");
    assert_mouse(hover, move, "\033[<35;5;3M");
    assert_mouse(wheel, sgr, "\033[<80;5;3M");
    assert_mouse(far, sgr, "\033[<0;401;3M");
    assert_mouse(press, (struct key_modes){.mouse = MOUSE_CLICK, .mouse_enc = MOUSE_ENC_URXVT}, "\033[32;5;3M");
    assert_mouse(far, (struct key_modes){.mouse = MOUSE_CLICK, .mouse_enc = MOUSE_ENC_UTF8}, "\033[M \xc6\xb1#");
    assert_mouse(wheel, (struct key_modes){.alt_screen = true, .alt_scroll = true}, "\033[A\033[A\033[A");
    assert_mouse((struct mouse_event){.row = -1, .col = 2, .button = MOUSE_BUTTON_LEFT}, sgr, "");
}

static void assert_paste(const char *text, bool bracketed, const char *want)
{
    struct strbuf out = STRBUF_INIT;
    struct key_modes m = {.bracketed = bracketed};
    paste_encode(text, strlen(text), &m, &out);
    assert_string_equal(out.buf, want);
    strbuf_release(&out);
}

static void test_paste(void **state)
{
    (void)state;
    assert_paste("a\nb\r\nc\td é", false, "a\rb\rc\td é");
    assert_paste("x", true, "\033[200~x\033[201~");
    assert_paste("x\033[201~rm -rf\n\003\xc2\x9b"
                 "201~",
                 true, "\033[200~x[201~rm -rf\r201~\033[201~");
    struct strbuf out = STRBUF_INIT;
    focus_encode(true, &plain, &out);
    assert_int_equal(out.len, 0);
    focus_encode(false, &(struct key_modes){.focus = true}, &out);
    assert_string_equal(out.buf, "\033[O");
    strbuf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),        cmocka_unit_test(test_bad_names), cmocka_unit_test(test_legacy),
        cmocka_unit_test(test_kitty),        cmocka_unit_test(test_mouse),     cmocka_unit_test(test_paste),
        cmocka_unit_test(test_modify_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
