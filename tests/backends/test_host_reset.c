/* SPDX-License-Identifier: Apache-2.0 */
/* A terminal that its program left in a strange state is made as new by the host; a host that is too old to know how
 * says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "core/io/sock.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "term/meta.h"
#include "term/proto.h"
#include "term/session_dir.h"
#include "tests/backends/host_rig.h"

#define OLD_ID "old-host-1"

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
    if (b.s != NULL) {
        rig_client_close(&b);
    }
    if (a.s != NULL) {
        rig_client_close(&a);
    }
    rig_close(&rig);
    return 0;
}

struct expected {
    struct rig_client *c;
    const char *id;
    bool strange;
};

/* rig_wait: have the modes of a terminal come to be those of a new one, or strange ones? */
static bool has_modes(void *arg)
{
    const struct expected *e = arg;
    const struct session_screen *s = sessions_screen(e->c->s, e->id);

    return s != NULL && s->alt_screen == e->strange && (s->mouse_mode != 0) == e->strange &&
           (s->kitty_flags != 0) == e->strange && s->bracketed_paste == e->strange && s->focus_report == e->strange &&
           s->app_cursor == e->strange && s->reverse_video == e->strange && s->cursor_visible != e->strange &&
           s->cursor_styled == e->strange;
}

static void expect_modes(struct rig_client *c, const char *id, bool strange)
{
    struct expected e = {c, id, strange};

    assert_true(rig_wait(&rig, has_modes, &e, RIG_WAIT_MS));
}

struct lines {
    bool done;
    struct strbuf text;
};

/* sessions_history_fn: the characters. */
static void on_lines(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct lines *l = arg;

    (void)first;
    assert_null(err);
    for (size_t i = 0; i < rows->count; i++) {
        for (int col = 0; col < rows->cols; col++) {
            uint32_t ch = rows->cells[i * (size_t)rows->cols + (size_t)col].ch;
            strbuf_addch(&l->text, ch >= ' ' && ch < 127 ? (char)ch : ' ');
        }
    }
    l->done = true;
}

static bool is_done(void *arg)
{
    return ((const struct lines *)arg)->done;
}

/* Everything at once: modes, margins, colours, charset, and a title that was begun and never ended. */
static void test_reset(void **state)
{
    struct lines kept = {.text = STRBUF_INIT};

    (void)state;
    const char *id =
        rig_start(&a, "stty -echo -icanon; echo before-it; printf '\\033[3;5r\\033[?6h\\033[?1h\\033[?2004h"
                      "\\033[?1003h\\033[?1006h\\033[?1004h\\033[?5h\\033[?7l\\033[4h\\033[3 q\\033(0"
                      "\\033[?1049h\\033[>1u\\033[41;5m\\033[?25l in-alt \\033]0;title'; read -r x; "
                      "echo; echo after-it; tput cup 23 0; echo last-row; exec cat");
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_client_open(&b, &rig);
    rig_expect_count(&b, 1);
    assert_int_equal(sessions_view(b.s, id, 80, 24, NULL), 0);
    expect_modes(&a, id, true);
    expect_modes(&b, id, true);
    rig_type(&a, id, "lost in the title\n"); /* whatever it prints now is swallowed */
    rig_turn(&rig, 50);
    assert_int_equal(sessions_reset(a.s, id, NULL), 0);
    expect_modes(&a, id, false);
    expect_modes(&b, id, false); /* every viewer is told */
    rig_type(&a, id, "typed after it\n");
    rig_expect(&a, id, "typed after it");
    rig_expect(&b, id, "typed after it");
    const struct cell *row = sessions_row(a.s, id, 0, NULL);
    assert_int_equal(row[0].attrs, 0);
    assert_int_equal(row[0].bg, CELL_BLANK.bg);
    /* What was on the normal screen is in the scrollback. */
    uint64_t first = sessions_screen(a.s, id)->history_first;
    assert_int_equal(sessions_screen(a.s, id)->history_lines > 0, true);
    assert_int_equal(sessions_history(a.s, id, first, 10, 80, on_lines, &kept, NULL), 0);
    assert_true(rig_wait(&rig, is_done, &kept, RIG_WAIT_MS));
    assert_non_null(strstr(kept.text.buf, "before-it"));
    assert_null(strstr(kept.text.buf, "in-alt"));
    strbuf_release(&kept.text);
    /* And it scrolls as a new one does: no margins. */
    for (int i = 0; i < 30; i++) {
        MT_CLEANUP(xfree) char *line = xasprintf("line-%d\n", i);
        rig_type(&a, id, line);
    }
    rig_expect(&a, id, "line-29");
    rig_expect(&a, id, "line-8");
}

/* What an ended program left is kept as it was. */
static void test_ended(void **state)
{
    (void)state;
    const char *id = rig_start(&a, "echo last words; printf '\\033[?5h'; exit 3");
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect_state(&a, id, SESSION_EXITED);
    rig_expect(&a, id, "last words");
    assert_int_equal(sessions_reset(a.s, id, NULL), 0);
    rig_turn(&rig, 50);
    rig_expect(&a, id, "last words");
    assert_true(sessions_screen(a.s, id)->reverse_video);
    assert_int_equal(sessions_reset(a.s, "nobody", NULL), -1);
}

/* --- a host of the first version --- */

static struct sock *old_client;
static int resets;

static void old_on_frame(void *arg, uint8_t type, const uint8_t *data, size_t len)
{
    (void)arg;
    (void)data;
    (void)len;
    resets += type == PROTO_RESET || type == PROTO_RENAME;
}

static void old_on_close(void *arg, const struct error *err)
{
    (void)arg;
    (void)err;
    sock_close(old_client);
    old_client = NULL;
}

/* Greets as the program of version 0.0.1 did. */
static void old_on_client(void *arg, struct sock *client)
{
    static const struct sock_events EVENTS = {.on_frame = old_on_frame, .on_close = old_on_close};
    static const uint8_t HELLO[] = {1, 0, 1, 0, 5, '0', '.', '0', '.', '1'};
    struct session_info info = {.kind = SESSION_TASK, .state = SESSION_RUNNING, .id = OLD_ID, .cols = 80, .rows = 24};
    MT_CLEANUP(strbuf) struct strbuf meta = STRBUF_INIT;

    (void)arg;
    assert_null(old_client);
    old_client = client;
    sock_set_events(client, &EVENTS, NULL);
    sock_send(client, PROTO_HELLO, HELLO, sizeof(HELLO));
    meta_write(&info, &meta);
    sock_send(client, PROTO_META, meta.buf, meta.len);
}

static void test_old_host(void **state)
{
    MT_CLEANUP(xfree) char *path = session_dir_socket(rig.dir, OLD_ID);
    struct sock_server *server = NULL;
    struct error err = ERROR_INIT;

    (void)state;
    assert_int_equal(sock_listen(&server, rig.loop, path, old_on_client, NULL, NULL), 0);
    rig_expect_count(&a, 1);
    assert_int_equal(sessions_reset(a.s, OLD_ID, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_string_equal(err.msg, "its host is of an older muthr-tui (0.0.1), which cannot do that");
    assert_int_equal(sessions_rename(a.s, OLD_ID, "name", &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_int_equal(sessions_restart(a.s, OLD_ID, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    rig_turn(&rig, 20);
    assert_int_equal(resets, 0); /* it is not even asked */
    rig_client_close(&a);
    a.s = NULL;
    sock_server_close(server);
    rig_turn(&rig, 20);
    assert_null(old_client);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_reset),
        T(test_ended),
        T(test_old_host),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
