/* SPDX-License-Identifier: Apache-2.0 */
/* What stands between a program and the outer terminal: colours, keys, links, the clipboard. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/screens/world.h"
#include "tui/theme.h"

static void begin(struct harness *h)
{
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
}

/* A program that asks for the background is told the theme's, and again when the theme changes. */
static void test_colors(void **state)
{
    struct harness *h = *state;
    struct theme t;

    theme_default(&t);
    unsigned r = t.pane_bg >> 16 & 0xff, g = t.pane_bg >> 8 & 0xff, b = t.pane_bg & 0xff;
    MT_CLEANUP(xfree) char *want = xasprintf("is 11;rgb:%02x%02x/%02x%02x/%02x%02x", r, r, g, g, b, b);
    begin(h);
    harness_type(h, "IFS= read -rs -d $'\\a' -p $'\\e]11;?\\a' x; echo \"is ${x#*]}\"\r");
    harness_wait_text(h, want);
    world_leave_session(h);
}

/* With a theme that leaves colours to the terminal: that one turns light, says so, is asked, and the program is told,
 * and asks in its turn. */
static void test_colors_of_the_terminal(void **state)
{
    static const char *const args[] = {"--theme", "mono", NULL};
    struct harness *h = *state;

    world_start(h, 120, 36, args, NULL);
    world_open_shell(h);
    harness_type(h, "stty -echo; printf '\\e[?2031h'; echo rea''dy; IFS= read -rs -d n x; echo \"told ${x#*[}\"; "
                    "IFS= read -rs -d $'\\a' -p $'\\e]11;?\\a' x; echo \"is ${x#*]}\"\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    vt_set_colors(harness_vt(h), 0x202020, 0xf0f1f2, 0x202020);
    harness_wait_text(h, "told ?997;2");
    harness_wait_text(h, "is 11;rgb:f0f0/f1f1/f2f2");
    world_leave_session(h);
}

/* Shift-Enter reaches a program that asked for it, and what goes beyond a key as it came. */
static void test_keyboard(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "printf '\\e[>1u'; stty raw -echo; echo rea''dy; cat -v\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    assert_int_equal(vt_modes(harness_vt(h))->kitty, 1);
    harness_key(h, "S-Enter");
    harness_wait_text(h, "^[[13;2u");
    harness_key(h, "C-i");
    harness_wait_text(h, "^[[105;5u");
    harness_send(h, "\033[97;5:3u", 9); /* a release is nothing that was asked for */
    harness_key(h, "M-x");
    harness_wait_text(h, "^[[105;5u^[[120;3u");
    /* The prefix is one here too. */
    harness_keys(h, "C-] w");
    harness_keys(h, "n");
    harness_wait_text(h, "New session in api");
    harness_key(h, "Escape");
    world_leave(h);
}

static void test_keyboard_releases(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "printf '\\e[>3u'; stty raw -echo; echo rea''dy; cat -v\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    harness_send(h, "\033[97;5:2u\033[97;5:3u\033[57441;1:3u", 30);
    harness_wait_text(h, "^[[97;5:2u^[[97;5:3u^[[57441;1:3u");
    world_leave_session(h);
}

/* A lone ESC is the Escape key within 25 ms, and everything behind Alt arrives. */
static void test_escape_and_alt(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "stty raw -echo; echo rea''dy; cat -v\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    uint64_t before = clock_mono_ms();
    harness_send(h, "\033", 1);
    harness_wait_text(h, "^[");
    uint64_t took = clock_mono_ms() - before;
    print_message("ESC to its echo: %llu ms\n", (unsigned long long)took);
    assert_true(took >= 20 && took < patience(1000)); /* 25 and the way there and back, on a machine that is busy */
    harness_send(h, "x\033[", 3);
    harness_wait_text(h, "x^[[");
    harness_send(h, "y\033O", 3);
    harness_wait_text(h, "y^[O");
    harness_send(h, "z\033\303\251", 4);
    harness_wait_text(h, "z^[M-CM-)");
    harness_send(h, "w\033\033[A", 5);
    harness_wait_text(h, "w^[[1;3A");
    world_leave_session(h);
}

#if defined(__SANITIZE_ADDRESS__)
#define PASTE_BYTES (2u << 20) /* an order of magnitude slower */
#else
#define PASTE_BYTES (10u << 20)
#endif

/* Ten megabytes, slowly read: the terminal waits, nothing is lost or doubled, and no end marker gets in. */
static void test_paste_of_ten_megabytes(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, got = STRBUF_INIT;

    for (unsigned i = 0; text.len + 64 < PASTE_BYTES; i++) {
        strbuf_addf(&text, "%u: \t ünï 日本 🙂 0123456789 abcdefghij\n", i * 2654435761u);
    }
    begin(h);
    MT_CLEANUP(xfree)
    char *take = xasprintf("stty raw -echo; echo taking$((1+1)); { sleep 1; head -c %zu; } >/workspace/big; stty sane; "
                           "touch /workspace/taken\r",
                           text.len);
    harness_type(h, take);
    harness_wait_text(h, "taking2");
    uint64_t before = clock_mono_ms();
    harness_paste(h, text.buf, text.len);
    world_wait_file(h, "src/api/taken");
    print_message("10 MB: %llu ms\n", (unsigned long long)(clock_mono_ms() - before));
    world_read(h, "src/api/big", &got);
    for (size_t i = 0; i < text.len; i++) { /* raw: line ends arrive as they are typed */
        text.buf[i] = text.buf[i] == '\n' ? '\r' : text.buf[i];
    }
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.buf, text.buf, text.len);
    world_leave_session(h);
}

/* Whoever pastes into a program that is busy and goes to another session loses nothing of it. */
static void test_paste_and_leave(void **state)
{
    struct harness *h = *state;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, got = STRBUF_INIT;

    for (unsigned i = 0; text.len + 64 < PASTE_BYTES; i++) {
        strbuf_addf(&text, "%u: 0123456789 abcdefghijklmnopqrstuvwxyz\r", i * 2654435761u);
    }
    begin(h);
    MT_CLEANUP(xfree)
    char *take =
        xasprintf("stty raw -echo; echo taking$((1+1)); until [ -e go ]; do sleep 0.1; done; head -c %zu >big; "
                  "stty sane; touch taken\r",
                  text.len);
    harness_type(h, take);
    harness_wait_text(h, "taking2");
    harness_paste(h, text.buf, text.len);
    harness_keys(h, "C-] n");
    harness_wait_text(h, "New session");
    harness_key(h, "Enter");
    harness_wait_gone(h, "taking2");
    harness_wait_text(h, WORLD_PROMPT);
    harness_type(h, "touch go\r");
    world_wait_file(h, "src/api/taken");
    world_read(h, "src/api/big", &got);
    assert_int_equal(got.len, text.len);
    assert_memory_equal(got.buf, text.buf, text.len);
    world_leave_session(h);
}

/* Nothing reaches the clipboard without a yes; then it does. */
static void test_clipboard_asks(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "printf '\\e]52;c;c2VjcmV0\\a'\r");
    harness_wait_text(h, "wants to set the clipboard (6 bytes: \"secret\")");
    harness_settle(h);
    assert_null(strstr(harness_bytes(h)->buf, "\033]52;c;c2VjcmV0"));
    harness_keys(h, "C-] Y");
    harness_wait_text(h, "On the clipboard: 6 bytes");
    assert_non_null(strstr(harness_bytes(h)->buf, "\033]52;c;c2VjcmV0"));
    harness_keys(h, "C-] Y");
    harness_wait_text(h, "no session asks for it");
    world_leave_session(h);
}

static void test_clipboard_off(void **state)
{
    struct harness *h = *state;

    harness_write(h, ".config/muthr/muthr.toml", "[tui]\nclipboard = \"off\"\n");
    begin(h);
    harness_type(h, "printf '\\e]52;c;c2VjcmV0\\a'; echo do''ne\r");
    harness_wait_text(h, "done");
    harness_settle(h);
    assert_false(harness_has(h, "wants to set"));
    assert_null(strstr(harness_bytes(h)->buf, "\033]52;c;c2VjcmV0"));
    world_leave_session(h);
}

/* More links on one screen than a byte could tell apart, all outward. */
static void test_links(void **state)
{
    struct harness *h = *state;
    int found = 0;

    begin(h);
    harness_type(h, "clear; for i in $(seq 400); do printf '\\e]8;;http://h/%d\\e\\\\x\\e]8;;\\e\\\\' $i; done; echo; "
                    "echo every''one\r");
    harness_wait_text(h, "everyone");
    harness_settle(h);
    for (int row = 0; row < 36; row++) {
        for (int col = 0; col < 120; col++) {
            const struct cell *c = harness_cell(h, col, row);
            const struct extra *e = extra_get(vt_extras(harness_vt(h)), cell_extra(c));
            MT_CLEANUP(xfree) char *want = xasprintf("http://h/%d", found + 1);
            found += e != NULL && e->uri != NULL && strcmp(e->uri, want) == 0;
        }
    }
    assert_int_equal(found, 400);
    world_leave_session(h);
}

/* A program died and left everything on: the prefix and Ctrl-r make the terminal as new, for the cockpit too. */
static void test_reset(void **state)
{
    struct harness *h = *state;

    begin(h);
    harness_type(h, "clear; echo on-''screen\r");
    harness_wait_text(h, "on-screen");
    harness_type(h, "printf '\\e[?1049h\\e[?1003;1006h\\e[>3u\\e[?25l\\e[5;9r'\r");
    harness_wait_gone(h, "on-screen");
    harness_settle(h);
    assert_false(vt_cursor(harness_vt(h)).visible);
    harness_keys(h, "C-] C-r");
    harness_wait_text(h, "The terminal is as new");
    harness_type(h, "echo as-''new\r");
    harness_wait_text(h, "as-new");
    assert_true(vt_cursor(harness_vt(h)).visible);
    harness_keys(h, "C-] [ g");
    harness_wait_text(h, "on-screen");
    harness_key(h, "q");
    harness_type(h, "exit\r"); /* what an ended program left is kept */
    harness_wait_text(h, "exited 0");
    harness_keys(h, "C-] Delete");
    harness_wait_text(h, "its program has ended");
    assert_true(harness_has(h, "as-new"));
    harness_key(h, "Enter");
    harness_wait_gone(h, "as-new");
    world_leave(h);
}

/* The cockpit asks its terminal for motion without a button while a program in sight wants it. */
static bool is_hovering(struct harness *h, void *arg)
{
    (void)arg;
    return vt_modes(harness_vt(h))->mouse == MOUSE_MOVE;
}

/* Only with a button, as without such a program. */
static bool is_dragging(struct harness *h, void *arg)
{
    (void)arg;
    return vt_modes(harness_vt(h))->mouse == MOUSE_DRAG;
}

static void test_hover(void **state)
{
    struct harness *h = *state;

    begin(h);
    assert_true(is_dragging(h, NULL));
    harness_type(h, "printf '\\e[?1003;1006h'; echo list''ening; cat -v; printf '\\e[?1003l'; echo do''ne\r");
    harness_wait_text(h, "listening");
    harness_wait(h, is_hovering, NULL, "motion is not asked for");
    harness_mouse(h, MOUSE_MOTION, MOUSE_BUTTON_NONE, 100, 20);
    harness_wait_text(h, "^[[<35;");
    harness_keys(h, "C-] w"); /* the list has the keys, and there the mouse is not looked at */
    harness_wait(h, is_dragging, NULL, "motion is still asked for");
    harness_key(h, "Enter");
    harness_wait(h, is_hovering, NULL, "motion is not asked for again");
    harness_keys(h, "Enter C-d");
    harness_wait_text(h, "done");
    harness_wait(h, is_dragging, NULL, "motion is still asked for");
    world_leave_session(h);
    assert_int_equal(vt_modes(harness_vt(h))->mouse, MOUSE_OFF);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(test_colors),
        TEST(test_colors_of_the_terminal),
        TEST(test_keyboard),
        TEST(test_keyboard_releases),
        TEST(test_clipboard_asks),
        TEST(test_escape_and_alt),
        TEST(test_paste_of_ten_megabytes),
        TEST(test_paste_and_leave),
        TEST(test_clipboard_off),
        TEST(test_links),
        TEST(test_hover),
        TEST(test_reset),
    };

    if (argc > 1) {
        cmocka_set_test_filter(argv[1]);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
