/* SPDX-License-Identifier: Apache-2.0 */
/* What a program says besides its text, as a cockpit hears of it: bells, questions, notifications, title and folder,
 * the clipboard, colours; and what the host keeps of it: the number, the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "tests/backends/host_rig.h"

static struct rig rig;
static struct rig_client a;

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
    rig_close(&rig);
    return 0;
}

static bool has_bell(void *arg)
{
    return sessions_find(a.s, arg)->attention == ATTENTION_BELL;
}

static bool has_no_attention(void *arg)
{
    return sessions_find(a.s, arg)->attention == ATTENTION_NONE;
}

static void test_attention(void **state)
{
    char id[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "sleep 0.2; printf '\\007'; exec sleep 1000"));
    assert_true(rig_wait(&rig, has_bell, id, RIG_WAIT_MS));
    assert_true(sessions_find(a.s, id)->attention_since_ms > 0);
    sessions_attended(a.s, id);
    assert_true(rig_wait(&rig, has_no_attention, id, RIG_WAIT_MS));
}

static bool is_asking(void *arg)
{
    const struct session_info *i = sessions_find(a.s, arg);

    return i->attention == ATTENTION_WAITING && strcmp(i->attention_text, "Continue? [y/N]") == 0;
}

static bool is_seen(void *arg)
{
    return sessions_find(a.s, arg)->attention_seen;
}

/* A program that stands at a question waits; looking at it does not answer it, typing does. */
static void test_question(void **state)
{
    char id[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "printf 'Continue? [y/N] '; read -r x; exec sleep 1000"));
    assert_true(rig_wait(&rig, is_asking, id, RIG_WAIT_MS));
    assert_false(is_seen(id));
    sessions_attended(a.s, id);
    assert_true(rig_wait(&rig, is_seen, id, RIG_WAIT_MS));
    assert_true(is_asking(id));
    assert_int_equal(sessions_input(a.s, id, "y", 1), 1);
    assert_true(rig_wait(&rig, has_no_attention, id, RIG_WAIT_MS));
}

static bool is_number_three(void *arg)
{
    return sessions_find(a.s, arg)->number == 3;
}

/* The number that a cockpit gives is the host's to keep. */
static void test_number(void **state)
{
    const char *id = rig_shell(&a);

    (void)state;
    assert_int_equal(sessions_find(a.s, id)->number, 0);
    sessions_number(a.s, id, 3);
    assert_true(rig_wait(&rig, is_number_three, (void *)(uintptr_t)id, RIG_WAIT_MS));
}

static bool is_notified(void *arg)
{
    const struct session_info *i = sessions_find(a.s, arg);

    return i->attention == ATTENTION_NOTIFY && i->attention_text[0] != '\0';
}

/* The three kinds of notifications, without a bell; their text arrives, fit for the screen. */
static void test_notifications(void **state)
{
    static const char *const programs[][2] = {
        {"printf '\\033]9;Build finished\\007'; exec sleep 1000", "Build finished"},
        {"printf '\\033]777;notify;Agent;needs \\302\\205 you\\033\\\\'; exec sleep 1000",
         "Agent: needs \357\277\275 you"},
        {"printf '\\033]99;i=1;Hello\\033\\\\'; exec sleep 1000", "Hello"},
    };

    (void)state;
    for (size_t k = 0; k < MT_ARRAY_LEN(programs); k++) {
        char id[SESSION_ID_MAX];

        str_copy(id, sizeof(id), rig_start(&a, programs[k][0]));
        assert_true(rig_wait(&rig, is_notified, id, RIG_WAIT_MS));
        const char *text = sessions_find(a.s, id)->attention_text;
        assert_string_equal(text, programs[k][1]);
    }
}

static bool has_title_and_cwd(void *arg)
{
    return sessions_find(a.s, arg)->title[0] != '\0' && sessions_find(a.s, arg)->cwd[0] != '\0';
}

static void test_title_cwd_clipboard(void **state)
{
    const char *told =
        rig_start(&a, "read go; printf '\\033]2;my title\\007\\033]7;file://h/some/where\\007"
                      "\\033]52;c;aGVsbG8=\\007\\033[?2004h\\033[?1002;1006h'; echo to''ld; exec sleep 1000");
    const struct session_screen *s;
    char id[SESSION_ID_MAX];

    (void)state;
    str_copy(id, sizeof(id), told);
    sessions_view(a.s, id, 80, 24, NULL);
    rig_type(&a, id, "go\r");
    rig_expect(&a, id, "told");
    assert_true(rig_wait(&rig, has_title_and_cwd, id, RIG_WAIT_MS));
    assert_string_equal(sessions_find(a.s, id)->title, "my title");
    assert_string_equal(sessions_find(a.s, id)->cwd, "/some/where");
    assert_string_equal(a.clipboard.buf, "hello");
    s = sessions_screen(a.s, id);
    assert_true(s->bracketed_paste && s->mouse_sgr && s->mouse_mode == 1002);
    assert_true(s->modes.bracketed && s->modes.mouse == MOUSE_DRAG);
}

static void test_wide_and_coloured(void **state)
{
    const char *id = rig_start(&a, "printf '\\033[1;38;2;1;2;3m\\346\\274\\242e\\314\\201x\\033[m'; echo; echo to''ld; "
                                   "exec sleep 1000");
    const struct cell *row;
    char tmp[8];

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "told");
    row = sessions_row(a.s, id, 0, NULL);
    assert_int_equal(row[0].ch, 0x6f22);
    assert_int_equal(row[0].width, 2);
    assert_int_equal(row[1].width, 0);
    assert_int_equal(row[0].fg, cell_rgb(1, 2, 3));
    assert_true(row[0].attrs & CELL_BOLD);
    assert_string_equal(cluster_text(sessions_clusters(a.s, id), row[2].ch, tmp, NULL), "e\xcc\x81");
    assert_int_equal(row[3].ch, 'x');
}

static void test_log_file(void **state)
{
    static const char *const ARGV[] = {"sh", "-c", "seq 1 100000", NULL};
    char *path = path_join(rig.base, "logs/s.log");
    struct session_start spec = {.argv = ARGV, .log_path = path, .log_max_bytes = 128 << 10, .kind = SESSION_PROVISION};
    struct strbuf got = STRBUF_INIT;

    (void)state;
    assert_true(rig_start_spec(&a, &spec));
    rig_expect_state(&a, a.start_id, SESSION_EXITED);
    assert_string_equal(sessions_find(a.s, a.start_id)->log_path, path);
    assert_int_equal(sessions_find(a.s, a.start_id)->kind, SESSION_PROVISION);
    assert_int_equal(fs_read(path, 128 << 10, &got, NULL), 0); /* no longer than its cap */
    assert_memory_equal(got.buf, "1\r\n2\r\n3\r\n", 9);
    assert_true(got.len > 16 && strcmp(got.buf + got.len - 15, "99999\r\n100000\r\n") == 0);
    assert_non_null(strstr(got.buf, "bytes left out]"));
    strbuf_release(&got);
    free(path);
}

/* What a question about the screen brought. */
struct looked {
    int answers, cols, rows;
    size_t count;
    bool asks;
};

static void on_looked(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                      const struct error *err)
{
    struct looked *l = arg;

    l->answers++;
    if (err == NULL) {
        l->cols = screen->cols;
        l->rows = screen->rows;
        l->count = rows->count;
        l->asks = rows->cells[0].ch == 'S';
    }
}

static bool has_looked(void *arg)
{
    return ((struct looked *)arg)->answers > 0;
}

static bool calls_for_a_person(void *arg)
{
    struct rig_client *c = arg;
    const struct session_info *s = sessions_find(c->s, c->start_id);

    return s != NULL && session_wants_person(s);
}

/* Whoever asks for the screen is no viewer of it: the size stays the viewer's, and the question unseen. */
static void test_look(void **state)
{
    struct rig_client other;
    struct looked l = {0};
    const char *id = rig_start(&a, "printf 'Sure? '; read x");

    (void)state;
    assert_int_equal(sessions_view(a.s, id, 101, 37, NULL), 0);
    rig_expect(&a, id, "Sure?");
    assert_true(rig_wait(&rig, calls_for_a_person, &a, RIG_WAIT_MS));
    rig_client_open(&other, &rig);
    rig_expect_count(&other, 1);
    assert_int_equal(sessions_look(other.s, id, on_looked, &l, NULL), 0);
    assert_true(rig_wait(&rig, has_looked, &l, RIG_WAIT_MS));
    assert_int_equal(l.cols, 101);
    assert_int_equal(l.rows, 37);
    assert_int_equal(l.count, 37);
    assert_true(l.asks);
    rig_client_close(&other);
    rig_turn(&rig, 100);
    assert_int_equal(sessions_screen(a.s, id)->cols, 101);
    assert_true(calls_for_a_person(&a));
    assert_int_equal(sessions_look(a.s, "nosuch", on_looked, &l, NULL), -1);
    sessions_kill(a.s, id);
    rig_expect_state(&a, id, SESSION_EXITED);
    l = (struct looked){0};
    assert_int_equal(sessions_look(a.s, id, on_looked, &l, NULL), 0); /* the last screen */
    assert_true(rig_wait(&rig, has_looked, &l, RIG_WAIT_MS));
    assert_true(l.asks);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_attention),           T(test_question),          T(test_number),   T(test_notifications),
        T(test_title_cwd_clipboard), T(test_wide_and_coloured), T(test_log_file), T(test_look),
    };

    return cmocka_run_group_tests_name("host_tells", tests, NULL, NULL);
}
