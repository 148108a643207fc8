/* SPDX-License-Identifier: Apache-2.0 */
/* The loan of a terminal, both sides, and the bytes of an echo. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/io/page.h"
#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "term/echo.h"
#include "term/loan.h"
#include "tests/skip.h"

/* The two sides of one page. */
struct two {
    struct loan *cockpit, *host;
};

static int set_up(void **state)
{
    static struct two two;
    int fd = -1;

    two.cockpit = loan_new(&fd);
    two.host = fd >= 0 ? loan_open(fd) : NULL;
    if (fd >= 0) {
        close(fd);
    }
    *state = two.cockpit != NULL && two.host != NULL ? &two : NULL;
    return 0;
}

static int tear_down(void **state)
{
    struct two *t = *state;

    if (t != NULL) {
        loan_drop(t->cockpit);
        loan_drop(t->host);
    }
    return 0;
}

static struct two *pair(void **state)
{
    if (*state == NULL) {
        skip_because("this system has no memory that two processes can share without trust");
    }
    return *state;
}

static struct loan_offer place(void)
{
    return (struct loan_offer){.x = 30, .y = 2, .cols = 80, .rows = 24, .pens = 1};
}

static void offer(struct two *t)
{
    struct loan_offer o = place();

    loan_prepare(t->cockpit, &o);
    loan_make_offer(t->cockpit, clock_mono_ms());
}

static struct loan_drawn drawn(void)
{
    return (struct loan_drawn){.row = 3, .col = 7, .count = 2, .cursor = 9, .text = "hi"};
}

static void test_used(void **state)
{
    struct two *t = pair(state);
    struct loan_drawn d = drawn(), got;
    struct loan_offer o;

    assert_false(loan_is_offered(t->host));
    assert_false(loan_take(t->host, &o, clock_mono_ms()));
    offer(t);
    assert_true(loan_is_offered(t->host));
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    assert_int_equal(o.x, 30);
    loan_use(t->host, &d);
    assert_false(loan_is_offered(t->host)); /* once */
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_DRAWN);
    assert_memory_equal(&got, &d, sizeof(d));
}

static void test_not_used(void **state)
{
    struct two *t = pair(state);
    struct loan_drawn got;
    struct loan_offer o;

    offer(t);
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_UNUSED);
    assert_false(loan_take(t->host, &o, clock_mono_ms())); /* too late */
    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    loan_give_back(t->host);
    assert_true(loan_is_offered(t->host));
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_UNUSED);
}

/* An offer of which nobody has taken notice in time is none. */
static void test_too_old(void **state)
{
    struct two *t = pair(state);
    struct loan_drawn got;
    struct loan_offer o;

    offer(t);
    assert_false(loan_take(t->host, &o, clock_mono_ms() + LOAN_MS + 10));
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_UNUSED);
}

/* A part was written; it was killed, or stopped, before it had; and it comes back later. */
static void test_broken(void **state)
{
    struct two *t = pair(state);
    struct loan_drawn d = drawn(), got;
    struct loan_offer o;

    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    loan_use(t->host, NULL);
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_BROKEN);
    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_LATE); /* and it did not wait for ever */
    assert_int_equal(loan_settle(t->cockpit), LOAN_LATE);
    loan_use(t->host, &d);
    assert_int_equal(loan_settle(t->cockpit), LOAN_BROKEN);
    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_LATE);
    loan_give_back(t->host);
    assert_false(loan_is_offered(t->host));
    assert_int_equal(loan_settle(t->cockpit), LOAN_UNUSED);
    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_LATE);
    offer(t);              /* nobody has waited for it any longer */
    loan_use(t->host, &d); /* what the late one said is not taken for an answer to this */
    assert_int_equal(loan_end(t->cockpit, &got), LOAN_UNUSED);
}

/* What a host says it has drawn must be within what it was allowed to. */
static void test_lies(void **state)
{
    static const struct loan_drawn lies[] = {
        {.row = 24, .col = 0, .count = 1, .cursor = 1, .text = "x"},
        {.row = -1, .col = 0, .count = 1, .cursor = 1, .text = "x"},
        {.row = 0, .col = 80, .count = 1, .cursor = 1, .text = "x"},
        {.row = 0, .col = INT32_MAX, .count = 2, .cursor = 1, .text = "xx"},
        {.row = 0, .col = -1, .count = 1, .cursor = 1, .text = "x"},
        {.row = 0, .col = 79, .count = 2, .cursor = 1, .text = "xx"},
        {.row = 0, .col = 0, .count = LOAN_CELLS_MAX + 1, .cursor = 1, .text = "x"},
        {.row = 0, .col = 0, .count = INT32_MIN, .cursor = 1, .text = "x"},
        {.row = 0, .col = 0, .count = 1, .cursor = 80, .text = "x"},
        {.row = 0, .col = 0, .count = 1, .cursor = -5, .text = "x"},
        {.row = 0, .col = 0, .count = 1, .cursor = 1, .pen = 1, .text = "x"},
        {.row = 0, .col = 0, .count = 1, .cursor = 1, .text = "\033"},
        {.row = 0, .col = 0, .count = 1, .cursor = 1, .text = "\303"},
    };
    struct two *t = pair(state);
    struct loan_drawn got;
    struct loan_offer o;

    for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        offer(t);
        assert_true(loan_take(t->host, &o, clock_mono_ms()));
        loan_use(t->host, &lies[i]);
        if (loan_end(t->cockpit, &got) != LOAN_BROKEN) {
            fail_msg("lie %zu was believed", i);
        }
    }
}

/* Nor is an offer that makes no sense taken. */
static void test_bad_offers(void **state)
{
    struct two *t = pair(state);
    struct loan_offer bad[4] = {place(), place(), place(), place()}, o;
    struct loan_drawn got;

    bad[0].pens = LOAN_PENS + 1;
    bad[1].pen[0].len = LOAN_PEN_MAX + 1;
    bad[2].x = INT32_MAX;
    bad[3].y = -1;
    for (size_t i = 0; i < 4; i++) {
        loan_prepare(t->cockpit, &bad[i]);
        loan_make_offer(t->cockpit, clock_mono_ms());
        assert_false(loan_take(t->host, &o, clock_mono_ms()));
        assert_int_equal(loan_end(t->cockpit, &got), LOAN_UNUSED);
    }
}

/* By a signal handler. */
static void test_withdrawn(void **state)
{
    struct two *t = pair(state);
    struct loan_drawn d = drawn();
    struct loan_offer o;

    offer(t);
    loan_withdraw(loan_word(t->cockpit));
    assert_false(loan_take(t->host, &o, clock_mono_ms()));
    offer(t);
    assert_true(loan_take(t->host, &o, clock_mono_ms()));
    loan_withdraw(loan_word(t->cockpit)); /* it does not wait for ever */
    loan_use(t->host, &d);
    loan_withdraw(loan_word(t->cockpit));
    assert_false(loan_is_offered(t->host));
}

/* Whoever made an offer can end it also when the session has let go of the loan meanwhile. */
static void test_holders(void **state)
{
    struct two *t = pair(state);
    struct loan *held = loan_hold(t->cockpit);
    struct loan_drawn got;

    offer(t);
    loan_drop(t->cockpit);
    t->cockpit = NULL;
    assert_int_equal(loan_end(held, &got), LOAN_UNUSED);
    loan_drop(held);
}

/* The terminal belongs to one of the two at a time, whatever the moment: a host in another process takes and uses every
 * offer, and is killed in the middle. */
static void test_race(void **state)
{
    struct two *t = pair(state);
    size_t used = 0, not_used = 0;
    struct loan_drawn got;
    pid_t pid = fork();

    if (pid == 0) {
        for (;;) {
            struct loan_offer o;
            if (loan_take(t->host, &o, clock_mono_ms())) {
                struct loan_drawn d = {.row = o.y % 24, .col = o.x % 80, .count = 1, .cursor = 0, .text = "x"};
                loan_use(t->host, &d);
            }
        }
    }
    assert_true(pid > 0);
    uint64_t until = clock_mono_ms() + 300;
    for (int i = 0; clock_mono_ms() < until; i++) {
        struct loan_offer o = place();

        o.x = i % 80;
        o.y = i % 24;
        loan_prepare(t->cockpit, &o);
        loan_make_offer(t->cockpit, clock_mono_ms());
        for (int n = 0; n < i % 2000 && loan_is_offered(t->cockpit); n++) {
        }
        enum loan_end end = loan_end(t->cockpit, &got);
        if (end == LOAN_DRAWN) {
            assert_int_equal(got.col, o.x);
            assert_int_equal(got.row, o.y);
            used++;
        } else if (end == LOAN_UNUSED) { /* broken: it had it, and did not get the processor in time */
            not_used++;
        }
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    print_message("used %zu, taken back %zu\n", used, not_used);
    assert_true(used > 0);
    offer(t);
    assert_int_not_equal(loan_end(t->cockpit, &got), LOAN_DRAWN);
}

/* Only memory that cannot go away is mapped. */
static void test_pages(void **state)
{
    int fds[2], fd;
    void *page;

    pair(state);
    assert_int_equal(pipe(fds), 0);
    assert_null(loan_open(fds[0]));
    assert_null(loan_open(-1));
    close(fds[0]);
    close(fds[1]);
    page = page_new(4096, &fd);
    assert_non_null(page);
    assert_int_not_equal(ftruncate(fd, 0), 0);
    assert_null(page_map(fd, 8192));
    assert_null(loan_open(fd)); /* of another size */
    void *again = page_map(fd, 4096);
    assert_non_null(again);
    memcpy(page, "the same", 9);
    assert_string_equal(again, "the same");
    page_unmap(page, 4096);
    page_unmap(again, 4096);
    close(fd);
}

/* --- echoes --- */

static void put(struct cell *row, int at, const char *text)
{
    for (; *text != '\0'; text++, at++) {
        row[at] = (struct cell){.ch = (unsigned char)*text, .width = 1};
    }
}

static struct loan_offer echo_offer(void)
{
    struct loan_offer o = place();

    o.pens = 2;
    o.pen[0].len = 5;
    memcpy(o.pen[0].bytes, "\033[37m", 5);
    o.pen[1].fg = cell_indexed(2);
    o.pen[1].attrs = CELL_BOLD;
    o.pen[1].len = 7;
    memcpy(o.pen[1].bytes, "\033[1;32m", 7);
    return o;
}

/* The bytes, "-": none. */
static const char *bytes_of(const struct loan_offer *o, const struct cell *row, int y, int from, int to)
{
    static char text[200];
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct loan_drawn d;

    if (!echo_write(o, row, y, from, to, &out, &d)) {
        assert_int_equal(out.len, 0);
        return "-";
    }
    assert_int_equal(d.row, y);
    assert_int_equal(d.cursor, to);
    assert_true(out.len < sizeof(text));
    memcpy(text, out.buf, out.len + 1);
    return text;
}

static void test_echo(void **state)
{
    struct loan_offer o = echo_offer();
    struct cell row[100];

    (void)state;
    cell_fill(row, 100, CELL_BLANK);
    put(row, 0, "$ ls -l");
    assert_string_equal(bytes_of(&o, row, 3, 6, 7), "\033[6;37H\033[37ml\033[m");
    assert_string_equal(bytes_of(&o, row, 0, 2, 7), "\033[3;33H\033[37mls -l\033[m");
    assert_string_equal(bytes_of(&o, row, 0, 8, 7), "\033[3;38H\033[37m \033[m\033[1D"); /* taken back */
    assert_string_equal(bytes_of(&o, row, 0, 7, 4), "\033[3;35H\033[37m -l\033[m\033[3D");
    o.pen[0].len = 0; /* the terminal's own colours */
    assert_string_equal(bytes_of(&o, row, 3, 6, 7), "\033[6;37Hl");
    for (int i = 2; i < 7; i++) {
        row[i].fg = cell_indexed(2);
        row[i].attrs = CELL_BOLD;
    }
    assert_string_equal(bytes_of(&o, row, 3, 6, 7), "\033[6;37H\033[1;32ml\033[m");
    assert_string_equal(bytes_of(&o, row, 3, 1, 7), "-"); /* of two pens */
}

static void test_echo_refuses(void **state)
{
    struct loan_offer o = echo_offer();
    struct cell row[100];

    (void)state;
    cell_fill(row, 100, CELL_BLANK);
    put(row, 0, "abcdef");
    row[1].ch = 0xe9;
    row[2].ch = CELL_CLUSTER | 1;
    row[3] = (struct cell){.ch = 0x4e00, .width = 2};
    row[4] = (struct cell){.width = 0};
    row[5].fg = cell_indexed(1);
    for (int i = 1; i < 6; i++) {
        assert_string_equal(bytes_of(&o, row, 0, i, i + 1), "-");
    }
    cell_set_extra(&row[6], 9); /* leads somewhere */
    assert_string_equal(bytes_of(&o, row, 0, 6, 7), "-");
    cell_set_extra(&row[7], 0x100);
    assert_string_equal(bytes_of(&o, row, 0, 7, 8), "-");
    row[8].ch = 0x1b;
    assert_string_equal(bytes_of(&o, row, 0, 8, 9), "-");
    assert_string_equal(bytes_of(&o, row, 0, 9, 9 + LOAN_CELLS_MAX + 1), "-"); /* no echo, that */
    assert_string_equal(bytes_of(&o, row, 0, 79, 80), "-");                    /* out of sight */
    assert_string_equal(bytes_of(&o, row, 24, 0, 1), "-");
    assert_string_not_equal(bytes_of(&o, row, 23, 78, 79), "-");
    o.pens = 0;
    assert_string_equal(bytes_of(&o, row, 0, 0, 1), "-");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_not_used, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_old, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_broken, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_lies, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_offers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_withdrawn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_holders, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_race, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_pages, set_up, tear_down),
        cmocka_unit_test(test_echo),
        cmocka_unit_test(test_echo_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
