/* SPDX-License-Identifier: Apache-2.0 */
/* Echoes that a session's host draws itself on the lent terminal: they are drawn, and whatever is typed into whatever
 * program, the screen is the one that a cockpit shows which nobody types into, and whose host so draws nothing. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "tests/screens/world.h"
#include "tests/skip.h"

#define TRIES 20

static void nap(unsigned ms)
{
    usleep(ms * 1000);
}

static char unlike[200]; /* the last difference */

/* The two terminals show the same, cell by cell, and have the cursor at the same place. */
static bool alike(struct harness *h, void *arg)
{
    struct harness *other = arg;

    harness_take(other);
    struct vt *a = harness_vt(h), *b = harness_vt(other);
    struct vt_cursor ca = vt_cursor(a), cb = vt_cursor(b);
    if (ca.visible != cb.visible || (ca.visible && (ca.col != cb.col || ca.row != cb.row))) {
        str_format(unlike, sizeof(unlike), "cursor %d,%d (%d) and %d,%d (%d)", ca.col, ca.row, ca.visible, cb.col,
                   cb.row, cb.visible);
        return false;
    }
    for (int y = 1; y + 1 < vt_rows(a); y++) {
        for (int x = 0; x < vt_cols(a); x++) {
            const struct cell *p = harness_cell(h, x, y), *q = harness_cell(other, x, y);
            bool blank = (p->ch == 0 || p->ch == ' ') && (q->ch == 0 || q->ch == ' ');
            bool cluster = CELL_IS_CLUSTER(p->ch) && CELL_IS_CLUSTER(q->ch);
            if ((p->ch != q->ch && !blank && !cluster) || p->bg != q->bg || p->width != q->width ||
                (!blank && (p->fg != q->fg || (p->attrs & ~CELL_EXTRA_MASK) != (q->attrs & ~CELL_EXTRA_MASK)))) {
                str_format(unlike, sizeof(unlike), "at %d,%d: %x %x/%x/%x/%d and %x %x/%x/%x/%d", x, y, p->ch, p->fg,
                           p->bg, p->attrs, p->width, q->ch, q->fg, q->bg, q->attrs, q->width);
                return false;
            }
        }
    }
    return true;
}

/* A shell, and a second cockpit that looks at the same session, with the focus in it. */
static struct harness *begin(struct harness *h)
{
    world_start(h, 100, 24, NULL, NULL);
    world_open_shell(h);
    struct harness *other = world_join(h, 100, 24);
    harness_wait_text(other, " 1 ");
    harness_key(other, "1");
    harness_wait_text(other, WORLD_PROMPT);
    return other;
}

static void end(struct harness *h, struct harness *other)
{
    world_leave_session(other);
    harness_free(other);
    world_leave_session(h);
}

/* Has a signal stopped it? (Linux: /proc) */
static bool stopped(pid_t pid)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f) {
        return false;
    }
    const char *at = fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
    fclose(f);
    return at && at[2] == 'T';
}

/* A program says that it has got a key, waits, and echoes it. Meanwhile the cockpit is stopped: what is on the terminal
 * then the host has drawn. */
static void test_host_draws(void **state)
{
    struct harness *h = *state;
    int col, row, tries = 0;
    bool drawn = false;

#if !defined(__linux__)
    skip_because("terminals are lent on Linux only");
#endif
    world_start(h, 120, 36, NULL, NULL);
    world_open_shell(h);
    harness_type(h,
                 "clear; stty -icanon -echo; echo rea''dy; while IFS= read -rn1 k; do : >/workspace/got; sleep 0.06; "
                 "printf %s \"$k\"; done\r");
    harness_wait_text(h, "ready");
    harness_settle(h);
    assert_true(harness_find(h, "ready", &col, &row));
    MT_CLEANUP(xfree) char *got = xasprintf("%s/src/api/got", harness_home(h));
    for (; tries < TRIES && !drawn; tries++) {
        harness_settle(h);
        nap(20);
        harness_type(h, "x");
        world_wait_file(h, "src/api/got");
        harness_signal(h, SIGSTOP);
        uint64_t until = clock_mono_ms() + 400;
        while (!drawn && clock_mono_ms() < until) {
            harness_take(h);
            drawn = stopped(harness_pid(h)) && harness_cell(h, col + tries, row + 1)->ch == 'x';
            nap(5);
        }
        harness_signal(h, SIGCONT);
        assert_int_equal(unlink(got), 0);
        char line[TRIES + 1] = "";
        memset(line, 'x', (size_t)tries + 1);
        harness_wait_text(h, line);
    }
    print_message("drawn by the host at try %d\n", tries);
    assert_true(drawn);
    harness_type(h, "abc");
    harness_wait_text(h, "xabc");
    world_leave_session(h);
}

/* Waits until they are alike; else the other one's screen is told, too. */
static void wait_alike(struct harness *h, struct harness *other, const char *what)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    uint64_t until = clock_mono_ms() + HARNESS_DEADLINE_MS / 2;

    while (clock_mono_ms() < until) {
        harness_take(h);
        if (alike(h, other)) {
            return;
        }
        nap(5);
    }
    harness_dump_text(other, &text);
    print_message("%s; the other one:\n%s\n", unlike, text.buf);
    harness_wait(h, alike, other, what);
}

static uint32_t next(uint32_t *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Some keys, at the pace of a hand or all at once. */
static void type_some(struct harness *h, uint32_t *seed)
{
    static const char *const keys[] = {
        "a",    "b",          "-",    " ",     "ls ",   "\177",        "\177",    "\033[D", "\033[D", "\033[C",
        "\001", "\005",       "\027", "é",     "漢",    "👩‍🚀", "\033[3~", "\x0b",   "\x19",   "~",
        "'q' ", "0123456789", "\x14", "\033b", "\033f", "\177\177",    "字字",    "x",      "y",      "z",
    };
    uint32_t n = 1 + next(seed) % 12, pace = next(seed) % 3;

    for (uint32_t i = 0; i < n; i++) {
        harness_type(h, keys[next(seed) % MT_ARRAY_LEN(keys)]);
        if (pace > 0) {
            nap(pace * 3);
        }
    }
}

/* Whatever a line editor does with the line. */
static void test_line_editor(void **state)
{
    struct harness *h = *state;
    uint32_t seed = 20261122;
    struct harness *other = begin(h);

    for (int i = 0; i < 60; i++) {
        type_some(h, &seed);
        if (i % 10 == 9) {
            harness_type(h, "\025");
        }
        wait_alike(h, other, "two cockpits show the same line differently");
    }
    harness_type(h, "\025");
    end(h, other);
}

/* The terminal's own echo, coloured text, and an editor on the alternate screen. */
static void test_programs(void **state)
{
    static const char *const programs[] = {
        "clear; cat; clear\r",
        "clear; printf '\\e[1;32m> '; cat; printf '\\e[m'; clear\r",
        "clear; printf '\\e[4;38;2;200;100;50;48;5;18m> '; stty raw -echo; echo; exec 3<&0; head -c 120 <&3; stty "
        "sane; "
        "printf '\\e[m'; clear\r",
        "TERM=xterm vi -u NONE -n\r",
    };
    struct harness *h = *state;
    uint32_t seed = 7;
    struct harness *other = begin(h);

    for (size_t p = 0; p < MT_ARRAY_LEN(programs); p++) {
        harness_type(h, programs[p]);
        nap(300);
        if (p == 3) {
            harness_type(h, "i");
        }
        for (int i = 0; i < 15; i++) {
            for (int k = 0; k < 8; k++) {
                char key[2] = {(char)('a' + next(&seed) % 26), '\0'};
                harness_type(h, next(&seed) % 5 == 0 ? "\177" : key);
                nap(next(&seed) % 4);
            }
            wait_alike(h, other, programs[p]);
        }
        if (p == 3) {
            harness_type(h, "\033");
            nap(100);
            harness_type(h, ":q!\r");
        } else if (p == 2) {
            for (int i = 0; i < 120; i++) {
                harness_type(h, "e"); /* the rest of what it reads, or ours */
            }
            harness_type(h, "\025");
        } else {
            harness_type(h, "\025\004");
        }
        harness_wait_text(h, WORLD_PROMPT);
        wait_alike(h, other, "the prompt afterwards");
    }
    end(h, other);
}

/* A dialog, zoom and other sizes, with keys all the time: what is lent is taken back before. */
static void test_while_things_move(void **state)
{
    struct harness *h = *state;
    uint32_t seed = 99;
    struct harness *other = begin(h);

    for (int i = 0; i < 12; i++) {
        type_some(h, &seed);
        harness_type(h, "q");
        harness_key(h, "C-]");
        harness_type(h, "?");
        harness_type(h, "\033");
        nap(60); /* alone it is Escape */
        type_some(h, &seed);
        harness_resize(h, 90 + i, 22);
        type_some(h, &seed);
        harness_resize(h, 100, 24);
        type_some(h, &seed);
        harness_keys(h, "C-] z");
        type_some(h, &seed);
        harness_keys(h, "C-] z");
        type_some(h, &seed);
        wait_alike(h, other, "two cockpits show the same line differently");
        harness_type(h, "\025");
    }
    end(h, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_host_draws, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_line_editor, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_programs, world_set_up, world_tear_down),
        cmocka_unit_test_setup_teardown(test_while_things_move, world_set_up, world_tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
