/* SPDX-License-Identifier: Apache-2.0 */
/* What a session has printed: its scrollback by absolute numbers, places that are kept when the width changes, the
 * search in it, and that it outlives the cockpit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "term/select.h"
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

struct gathered {
    bool done;
    uint64_t first;
    size_t count;
    struct strbuf text;
    struct error err;
};

static void on_history(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct gathered *g = arg;

    assert_false(g->done);
    g->done = true;
    g->first = first;
    g->count = rows->count;
    g->err = err != NULL ? *err : ERROR_INIT;
    for (size_t i = 0; i < rows->count; i++) {
        const struct cell *row = rows->cells + i * (size_t)rows->cols;

        for (int c = 0; c < rows->cols && row[c].ch != 0; c++) {
            strbuf_addch(&g->text, (char)row[c].ch);
        }
        strbuf_addch(&g->text, '\n');
    }
}

static bool is_gathered(void *arg)
{
    return ((struct gathered *)arg)->done;
}

static void fetch_history(const char *id, uint64_t first, size_t count, struct gathered *g)
{
    memset(g, 0, sizeof(*g));
    strbuf_init(&g->text);
    assert_int_equal(sessions_history(a.s, id, first, count, 80, on_history, g, NULL), 0);
    assert_true(rig_wait(&rig, is_gathered, g, RIG_WAIT_MS));
    assert_int_equal(g->err.code, ERROR_NONE);
}

static void test_history(void **state)
{
    struct strbuf want = STRBUF_INIT;
    const struct session_screen *s;
    struct gathered g;
    const char *id = rig_start(&a, "seq 1 6000; echo al''l; exec sleep 1000");

    (void)state;
    for (int i = 1; i <= 6000; i++) {
        strbuf_addf(&want, "%d\n", i);
    }
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "all");
    s = sessions_screen(a.s, id);
    assert_int_equal(s->history_first, 0);
    assert_int_equal(s->history_lines, 6002 - 24); /* the last row of the screen is the empty one of the cursor */
    fetch_history(id, 0, 6000, &g);                /* more than one answer holds */
    assert_int_equal(g.count, 6000);
    assert_string_equal(g.text.buf, want.buf);
    strbuf_release(&g.text);
    fetch_history(id, 99, 3, &g);
    assert_int_equal(g.first, 99);
    assert_string_equal(g.text.buf, "100\n101\n102\n");
    strbuf_release(&g.text);
    fetch_history(id, 6000, 1000, &g); /* past the end: what there is, screen included */
    assert_int_equal(g.count, 2);
    strbuf_release(&g.text);
    fetch_history(id, 1u << 30, 10, &g);
    assert_int_equal(g.count, 0);
    strbuf_release(&g.text);
    strbuf_release(&want);
}

struct linked {
    bool done;
    size_t right, none;
};

/* sessions_history_fn: each row leads to the address that its text says, or to none. */
static void on_linked(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct linked *l = arg;

    (void)first;
    assert_null(err);
    l->done = true;
    for (size_t i = 0; i < rows->count; i++) {
        MT_CLEANUP(strbuf) struct strbuf want = STRBUF_INIT;
        const struct cell *row = rows->cells + i * (size_t)rows->cols;
        const struct extra *e = extra_get(rows->extras, cell_extra(&row[0]));

        strbuf_addstr(&want, "http://x/");
        select_cells(&want, row, 1, rows->cols, rows->clusters, true);
        if (e == NULL) {
            l->none++;
        } else {
            assert_string_equal(e->uri, want.buf);
            l->right++;
        }
    }
}

static bool has_linked(void *arg)
{
    return ((struct linked *)arg)->done;
}

/* More addresses than the host has ids for: those it gives anew change nothing of the rows sent before. */
static void test_history_links(void **state)
{
    struct linked l = {0};
    const char *id = rig_start(&a, "awk 'BEGIN { for (i = 1; i <= 9000; i++) "
                                   "printf \"\\033]8;;http://x/%d\\033\\\\L%d\\033]8;;\\033\\\\\\n\", i, i; "
                                   "printf \"al\" \"l\\n\" }'; exec sleep 1000");

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "all");
    assert_int_equal(sessions_history(a.s, id, 0, 8000, 80, on_linked, &l, NULL), 0);
    assert_true(rig_wait(&rig, has_linked, &l, RIG_WAIT_MS));
    assert_int_equal(l.right, EXTRA_MAX); /* as many as an answer has ids for */
    assert_int_equal(l.right + l.none, 8000);
}

/* Lines that were dropped: absolute numbers hold. */
static void test_history_dropped(void **state)
{
    static const char *const ARGV[] = {"sh", "-c", "seq 1 1000; exec sleep 1000", NULL};
    struct session_start spec = {.argv = ARGV, .scrollback_lines = 100};
    uint64_t first;
    struct gathered g;
    char want[32];

    (void)state;
    assert_true(rig_start_spec(&a, &spec));
    sessions_view(a.s, a.start_id, 80, 24, NULL);
    rig_expect(&a, a.start_id, "\n1000\n");
    first = sessions_screen(a.s, a.start_id)->history_first;
    assert_true(first > 0 && sessions_screen(a.s, a.start_id)->history_lines <= 100);
    assert_int_equal(first + sessions_screen(a.s, a.start_id)->history_lines, 1001 - 24);
    fetch_history(a.start_id, 0, 900, &g); /* partly gone: starts at the oldest kept */
    assert_int_equal(g.first, first);
    assert_int_equal(g.count, 900 - first);
    str_format(want, sizeof(want), "%d\n", (int)first + 1);
    assert_memory_equal(g.text.buf, want, strlen(want));
    strbuf_release(&g.text);
}

/* Where a place is after the size changed. */
struct kept {
    bool told;
    struct vt_point at[2];
};

static void on_kept(void *arg, const struct vt_point *points, size_t n)
{
    struct kept *k = arg;

    assert_false(k->told);
    assert_int_equal(n, 2);
    memcpy(k->at, points, sizeof(k->at));
    k->told = true;
}

static bool is_told(void *arg)
{
    return ((struct kept *)arg)->told;
}

/* The width changes under a person who looks back: the view stays with its text. */
static void test_places_are_kept(void **state)
{
    const char *id =
        rig_start(&a, "for i in $(seq 1 3000); do echo \"line $i and what else there is to say of it, until "
                      "the row of eighty columns is full\"; done; echo al''l; exec sleep 1000");
    struct vt_point points[2] = {{.line = 999, .col = 0}, {.line = 2989, .col = 5}};
    struct gathered g;

    (void)state;
    sessions_view(a.s, id, 100, 24, NULL);
    rig_expect(&a, id, "all");
    /* It began with 80 columns: wait for rows that were wrapped anew, if any were wrapped. */
    fetch_history(id, sessions_screen(a.s, id)->history_first, 1, &g);
    points[0].line += g.first;
    points[1].line += g.first;
    strbuf_release(&g.text);
    for (int cols = 90; cols > 20; cols -= 25) {
        char want[2][16];
        for (int i = 0; i < 2; i++) {
            fetch_history(id, points[i].line, 1, &g);
            str_format(want[i], sizeof(want[i]), "%.9s", g.text.buf);
            strbuf_release(&g.text);
        }
        struct kept k = {false};
        sessions_keep(a.s, id, points, 2, on_kept, &k);
        sessions_view(a.s, id, cols, 24, NULL);
        assert_true(rig_wait(&rig, is_told, &k, RIG_WAIT_MS));
        for (int i = 0; i < 2; i++) {
            fetch_history(id, k.at[i].line, 1, &g);
            assert_memory_equal(g.text.buf, want[i], strlen(want[i]));
            strbuf_release(&g.text);
            points[i] = k.at[i];
        }
    }
}

/* How often a text is on the screen. */
static int count_on_screen(const char *id, const char *text)
{
    struct strbuf screen = STRBUF_INIT;
    int n = 0;

    rig_screen(&a, id, &screen);
    for (const char *p = screen.buf; (p = strstr(p, text)) != NULL; p++) {
        n++;
    }
    strbuf_release(&screen);
    return n;
}

/* The mirror has so many columns: the terminal has its new size, and the shell's line is blank until it is drawn. */
struct width {
    const char *id;
    int cols;
};

static bool has_width(void *arg)
{
    const struct width *w = arg;
    const struct session_screen *s = sessions_screen(a.s, w->id);

    return s != NULL && s->cols == w->cols;
}

static void expect_width(const char *id, int cols)
{
    struct width w = {id, cols};

    sessions_view(a.s, id, cols, 24, NULL);
    assert_true(rig_wait(&rig, has_width, &w, RIG_WAIT_MS));
}

/* A shell that marks its prompt draws it again when the width changes: once, whatever was wrapped, and what was above
 * stays. */
static void test_prompt_and_width(void **state)
{
    static const char *const ENV[] = {"PS1=\\[\\e]133;A\\a\\]PROMPT> \\[\\e]133;B\\a\\]", "HISTFILE=", NULL};
    struct session_start spec = {.env = ENV};
    const char *typed = "echo a command that is longer than forty columns, and than sixty as well - end";
    char id[SESSION_ID_MAX];

    (void)state;
    assert_true(rig_start_spec(&a, &spec));
    str_copy(id, sizeof(id), a.start_id);
    sessions_view(a.s, id, 100, 24, NULL);
    rig_expect(&a, id, "PROMPT>");
    rig_type(&a, id, "echo o''ut-put\n");
    rig_expect(&a, id, "\nout-put\nPROMPT>");
    rig_type(&a, id, typed);
    rig_expect(&a, id, "- end");
    for (int cols = 70; cols >= 30; cols -= 20) {
        expect_width(id, cols);
        rig_expect(&a, id, "PROMPT> echo a command");
        rig_expect(&a, id, "- end");
        assert_int_equal(count_on_screen(id, "PROMPT> echo a"), 1);
        assert_int_equal(count_on_screen(id, "out-put\n"), 1);
    }
    expect_width(id, 100);
    rig_expect(&a, id, typed); /* in one row again */
    assert_int_equal(count_on_screen(id, "PROMPT> echo a"), 1);
}

/* --- search --- */

struct hit {
    bool done, found;
    uint64_t line;
    int col, len;
    uint32_t total;
    bool dropped;
};

static void on_hit(void *arg, const struct sessions_hit *hit, const struct error *err)
{
    struct hit *h = arg;

    assert_null(err);
    *h = (struct hit){!hit->more, hit->found, hit->line, hit->col, hit->end_col - hit->col, hit->total, hit->dropped};
}

static bool is_hit(void *arg)
{
    return ((struct hit *)arg)->done;
}

static struct hit search(const char *id, const char *needle, uint64_t from, bool backward)
{
    struct hit h = {0};
    struct sessions_query q = {.needle = needle, .line = from, .backward = backward, .count = true};

    assert_int_equal(sessions_search(a.s, id, &q, on_hit, &h, NULL), 0);
    assert_true(rig_wait(&rig, is_hit, &h, RIG_WAIT_MS));
    return h;
}

static void test_search(void **state)
{
    const char *id = rig_start(&a, "seq -f 'line %05g Here' 1 2000; echo al''l; exec sleep 1000");
    struct hit h;

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "all");
    h = search(id, "01234", 3000, true);
    assert_true(h.found);
    assert_int_equal(h.line, 1233);
    assert_int_equal(h.col, 5);
    assert_int_equal(h.len, 5);
    h = search(id, "00100", 0, false);
    assert_true(h.found && h.line == 99);
    h = search(id, "here", 500, false); /* smart case */
    assert_true(h.found && h.line == 500);
    h = search(id, "HERE", 500, false);
    assert_false(h.found);
    h = search(id, "01999", 0, false); /* on the screen */
    assert_true(h.found && h.line == 1998);
    h = search(id, "00100", 1990, false); /* round the end to the top */
    assert_true(h.found && h.line == 99);
    h = search(id, "01900", 50, true);
    assert_true(h.found && h.line == 1899);
    assert_int_equal(sessions_search(a.s, id, &(struct sessions_query){.needle = ""}, on_hit, &h, NULL), -1);
    /* A second question takes the place of the first, and both are answered. */
    struct hit first = {0}, second = {0};
    struct sessions_query q = {.needle = "li.*x", .count = true};
    assert_int_equal(sessions_search(a.s, id, &q, on_hit, &first, NULL), 0);
    q.needle = "here$";
    assert_int_equal(sessions_search(a.s, id, &q, on_hit, &second, NULL), 0);
    assert_true(rig_wait(&rig, is_hit, &first, RIG_WAIT_MS));
    assert_true(rig_wait(&rig, is_hit, &second, RIG_WAIT_MS));
    assert_true(!first.found && second.found && second.total == 1000);
}

/* --- whoever dies meanwhile --- */

/* Questions that wait when the host dies are answered all the same. */
static void test_question_to_a_dying_host(void **state)
{
    struct gathered g = {.done = false};
    const char *id = rig_shell(&a);
    int pid = sessions_find(a.s, id)->host_pid;

    (void)state;
    strbuf_init(&g.text);
    kill(pid, SIGSTOP);
    assert_int_equal(sessions_history(a.s, id, 0, 10, 80, on_history, &g, NULL), 0);
    kill(pid, SIGKILL);
    assert_true(rig_wait(&rig, is_gathered, &g, RIG_WAIT_MS));
    assert_int_equal(g.err.code, ERROR_UNAVAILABLE);
    strbuf_release(&g.text);
}

/* A cockpit in a process of its own: starts a shell, fills screen and scrollback, says so, and waits to be killed. */
static void cockpit_process(int ready)
{
    char line[SESSION_ID_MAX];
    const char *id;

    rig_loop(&rig); /* the parent's loop, clients and descriptors are copies that are left alone */
    rig_client_open(&a, &rig);
    id = rig_start(&a, NULL);
    sessions_view(a.s, id, 80, 24, NULL);
    rig_type(&a, id, "seq 1 500; echo hal''ted\r");
    rig_expect(&a, id, "halted\nPROMPT>");
    str_copy(line, sizeof(line), id);
    if (write(ready, line, sizeof(line)) != (ssize_t)sizeof(line)) {
        _exit(1);
    }
    for (;;) {
        pause();
    }
}

static void test_cockpit_killed(void **state)
{
    char id[SESSION_ID_MAX] = "";
    struct gathered g;
    int fds[2];
    pid_t pid;

    (void)state;
    assert_int_equal(pipe(fds), 0);
    rig_client_close(&a);
    pid = fork();
    if (pid == 0) {
        cockpit_process(fds[1]);
    }
    close(fds[1]);
    assert_int_equal(read(fds[0], id, sizeof(id)), sizeof(id));
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(fds[0]);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 1);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect(&a, id, "498\n499\n500\nhalted\nPROMPT>");
    fetch_history(id, 0, 100000, &g);
    assert_non_null(strstr(g.text.buf, "\n1\n2\n3\n"));
    assert_non_null(strstr(g.text.buf, "\n476\n477\n478\n"));
    strbuf_release(&g.text);
    rig_type(&a, id, "echo go=$((3*3))\r");
    rig_expect(&a, id, "go=9");
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_history),          T(test_history_links), T(test_history_dropped),          T(test_places_are_kept),
        T(test_prompt_and_width), T(test_search),        T(test_question_to_a_dying_host), T(test_cockpit_killed),
    };

    return cmocka_run_group_tests_name("host_history", tests, NULL, NULL);
}
