/* SPDX-License-Identifier: Apache-2.0 */
/* What a key costs a host, and what the host knows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

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

static bool has_new_frame(void *arg)
{
    return a.frames > *(int *)arg;
}

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

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
#if defined(__linux__)
        T(test_a_key_wakes_it_twice),
#endif
        T(test_a_key_without_echo_is_known),
        T(test_who_typed_last),
    };

    return cmocka_run_group_tests_name("host_typing", tests, NULL, NULL);
}
