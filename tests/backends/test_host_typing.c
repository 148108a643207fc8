/* SPDX-License-Identifier: Apache-2.0 */
/* Typing: what a key costs a host and what the host knows of it, whose size counts, and what is pasted: all of it, in
 * order, and bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

static struct rig rig;
static struct rig_client a, b;

static int setup(void **state)
{
    (void)state;
    rig_open(&rig);
    rig_client_open(&a, &rig);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (a.s != NULL) {
        rig_client_close(&a);
    }
    if (b.s != NULL) {
        rig_client_close(&b);
    }
    rig_close(&rig);
    return 0;
}

#if defined(__linux__)
static bool has_new_frame(void *arg)
{
    return a.frames > *(int *)arg;
}
#endif

static bool is_asking(void *arg)
{
    return sessions_find(a.s, arg)->attention == ATTENTION_WAITING;
}

static bool is_answered(void *arg)
{
    return sessions_find(a.s, arg)->attention == ATTENTION_NONE;
}

/* A program on its terminal that is viewed, after its first frames: it is typed into directly then. */
static const char *viewed(const char *script)
{
    const char *id = rig_start(&a, script);

    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    rig_turn(&rig, 200);
    return id;
}

#if defined(__linux__)
/* By the echo, and by the word that its frame was taken. A message that it is going to be typed was a third time, when
 * the program wanted the processor. */
static void test_a_key_wakes_it_twice(void **state)
{
    enum { KEYS = 60 };
    const char *id = viewed("stty raw -echo; echo ready; exec cat");
    int pid = sessions_find(a.s, id)->host_pid;
    long before, wakes;

    (void)state;
    before = rig_proc_status(pid, "voluntary_ctxt_switches:");
    for (int i = 0; i < KEYS; i++) {
        int frames = a.frames;

        rig_type(&a, id, "k");
        assert_true(rig_wait(&rig, has_new_frame, &frames, RIG_WAIT_MS));
        rig_turn(&rig, 10);
    }
    wakes = rig_proc_status(pid, "voluntary_ctxt_switches:") - before;
    print_message("%d keys, the host woke %ld times\n", KEYS, wakes);
    assert_true(before > 0);
    assert_true(wakes < KEYS * 14 / 5); /* some are for its metadata */
}
#endif

#if defined(__linux__)
/* Bytes that a process of ours has read so far. */
static uint64_t bytes_read(int pid)
{
    char path[64], text[256];
    unsigned long long n = 0;

    snprintf(path, sizeof(path), "/proc/%d/io", pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof(text), f));
    assert_int_equal(sscanf(text, "rchar: %llu", &n), 1);
    fclose(f);
    return n;
}

static bool is_flooding(void *arg)
{
    return sessions_find(a.s, arg)->flooding;
}

static bool is_exited(void *arg)
{
    return sessions_find(a.s, arg)->state == SESSION_EXITED;
}

/* Types into one session for so long; how much the other one's host reads in a second of that. */
static double rate_beside(const char *typed, int flood_pid, uint64_t ms)
{
    uint64_t from = clock_mono_ms(), before = bytes_read(flood_pid), now = from;

    while (now < from + ms) {
        rig_type(&a, typed, "k");
        rig_turn(&rig, 20);
        now = clock_mono_ms();
    }
    return (double)(bytes_read(flood_pid) - before) * 1000 / (double)(now - from);
}

/* A flood takes its time while somebody types elsewhere: 8 KB in 5 ms. It would not be called a flood with as
 * little as that. Keys for itself are for it as ever. */
static void test_a_flood_yields(void **state)
{
    char flood[SESSION_ID_MAX], typed[SESSION_ID_MAX];

    (void)state;
    str_copy(typed, sizeof(typed), viewed("stty raw -echo; echo ready; exec cat"));
    str_copy(flood, sizeof(flood), rig_start(&a, "exec yes 'a line of output that nobody reads'"));
    assert_true(rig_wait(&rig, is_flooding, flood, RIG_WAIT_MS));
    int pid = sessions_find(a.s, flood)->host_pid;
    rate_beside(typed, pid, 200);
    double slow = rate_beside(typed, pid, 800);
    print_message("%.2f MB a second while somebody types elsewhere\n", slow / 1e6);
    assert_true(slow > 0 && slow < 2.2e6);
    assert_true(is_flooding(flood));
    sessions_view(a.s, flood, 80, 24, NULL);
    rig_type(&a, flood, "\003");
    assert_true(rig_wait(&rig, is_exited, flood, RIG_WAIT_MS));
    assert_false(is_flooding(flood));
}
#endif

/* Nothing comes back of what is typed, and the host knows of it all the same: the question is answered. */
static void test_a_key_without_echo_is_known(void **state)
{
    char id[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), viewed("stty -echo; echo ready; printf 'Continue? [y/N] '; read -r x; exec sleep 1000"));
    assert_true(rig_wait(&rig, is_asking, id, RIG_WAIT_MS));
    rig_type(&a, id, "y");
    assert_true(rig_wait(&rig, is_answered, id, RIG_WAIT_MS));
}

/* --- who typed last --- */

struct width {
    struct rig_client *c;
    const char *id;
    int cols;
};

static bool has_width(void *arg)
{
    const struct width *w = arg;
    const struct session_screen *sc = sessions_screen(w->c->s, w->id);

    return sc != NULL && sc->cols == w->cols;
}

static void expect_width(struct rig_client *c, const char *id, int cols)
{
    struct width w = {c, id, cols};

    if (!rig_wait(&rig, has_width, &w, RIG_WAIT_MS)) {
        const struct session_screen *sc = sessions_screen(c->s, id);

        fail_msg("the screen has %d columns, not %d, as %s sees it", sc != NULL ? sc->cols : -1, cols,
                 c == &a ? "the first" : "the second");
    }
}

/* Both see it: what was asked for before is done then. */
static void expect_both(const char *id, int cols)
{
    expect_width(&a, id, cols);
    expect_width(&b, id, cols);
}

/* The size is that of who typed last, also when what is typed has no echo, and after a second look. */
static void test_who_typed_last(void **state)
{
    char id[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), viewed("stty raw -echo; echo ready; exec sleep 1000"));
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    sessions_view(b.s, id, 60, 20, NULL);
    expect_both(id, 60);
    rig_turn(&rig, 100);
    rig_type(&a, id, "k");
    expect_both(id, 80);
    rig_type(&b, id, "k");
    expect_both(id, 60);
    sessions_unview(a.s, id);
    sessions_view(a.s, id, 70, 22, NULL);
    expect_both(id, 70);
    rig_turn(&rig, 100);
    rig_type(&b, id, "k");
    expect_both(id, 60);
    rig_type(&a, id, "k");
    expect_both(id, 70);
}

static void test_two_clients(void **state)
{
    const char *id = rig_shell(&a);

    (void)state;
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    assert_int_equal(sessions_view(b.s, id, 60, 20, NULL), 0);
    rig_type(&b, id, "stty size\r"); /* who began to view last counts */
    rig_expect(&b, id, "20 60");
    rig_expect(&a, id, "20 60");            /* both see it */
    rig_type(&a, id, "clear; stty size\r"); /* who typed last counts */
    rig_expect(&a, id, "24 80");
    rig_expect(&b, id, "24 80");
    assert_int_equal(sessions_screen(b.s, id)->cols, 80);
    rig_type(&b, id, "clear; stty size\r");
    rig_expect(&b, id, "20 60");
    rig_client_close(&b); /* the size goes back to who is left */
    rig_type(&a, id, "clear; stty size\r");
    rig_expect(&a, id, "24 80");
}

static void test_paste(void **state)
{
    enum { LEN = 1000000 };
    char *file = path_join(rig.base, "pasted"), *script, *data = xmalloc(LEN);
    struct strbuf got = STRBUF_INIT;
    const char *id;
    size_t sent = 0;

    (void)state;
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (char)(i % 251 + i / 251 % 5);
    }
    script = xasprintf("stty raw -echo; echo ready; head -c %d > %s; echo done", LEN, file);
    id = rig_start(&a, script);
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    while (sent < LEN) {
        size_t n = sessions_input(a.s, id, data + sent, LEN - sent);

        sent += n;
        if (n == 0) {
            loop_turn(rig.loop, true);
        }
    }
    rig_expect(&a, id, "done");
    assert_int_equal(fs_read(file, LEN + 1, &got, NULL), 0);
    assert_int_equal(got.len, LEN);
    assert_memory_equal(got.buf, data, LEN);
    strbuf_release(&got);
    free(script);
    free(file);
    free(data);
}

/* Keys, which go into the terminal directly, and pieces of a paste, which go by the host, one behind the other: none
 * overtakes, also while the program is slow to read. */
static void test_keys_and_pastes(void **state)
{
    enum { LEN = 400000 };
    char *file = path_join(rig.base, "mixed"), *script, *data = xmalloc(LEN);
    struct strbuf got = STRBUF_INIT;
    const char *id;
    size_t sent = 0;
    unsigned turn = 0;

    (void)state;
    for (size_t i = 0; i < LEN; i++) {
        data[i] = (char)('!' + i % 89 + i / 89 % 5);
    }
    script = xasprintf("stty raw -echo; echo ready; sleep 0.3; head -c %d > %s; echo done", LEN, file);
    id = rig_start(&a, script);
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    while (sent < LEN) {
        size_t want = turn % 3 != 0 ? 1 + turn % 7 : 5000 + turn % 100;

        sent += sessions_input(a.s, id, data + sent, MT_MIN(want, LEN - sent));
        if (turn++ % 5 == 0) {
            rig_turn(&rig, 1);
        }
    }
    rig_expect(&a, id, "done");
    assert_int_equal(fs_read(file, LEN + 1, &got, NULL), 0);
    assert_int_equal(got.len, LEN);
    assert_memory_equal(got.buf, data, LEN);
    strbuf_release(&got);
    free(script);
    free(file);
    free(data);
}

/* A program that does not read: input is bounded, and the session can still be ended. */
static void test_input_is_bounded(void **state)
{
    enum { LEN = 80 << 20 };
    const char *id = rig_start(&a, "stty raw -echo; echo ready; sleep 1000");
    char *data = xcalloc(1, LEN);
    size_t sent = 0;

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    for (int n = 0; n < 20; n++) {
        sent += sessions_input(a.s, id, data, LEN - sent);
        rig_turn(&rig, 20);
    }
    assert_true(sent >= 64 << 20 && sent < 66 << 20);
    free(data);
    sessions_kill(a.s, id);
    rig_expect_state(&a, id, SESSION_EXITED);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
#if defined(__linux__)
        T(test_a_key_wakes_it_twice),
        T(test_a_flood_yields),
#endif
        T(test_a_key_without_echo_is_known),
        T(test_who_typed_last),
        T(test_two_clients),
        T(test_paste),
        T(test_keys_and_pastes),
        T(test_input_is_bounded),
    };

    return cmocka_run_group_tests_name("host_typing", tests, NULL, NULL);
}
