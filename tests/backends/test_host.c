/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions as a cockpit sees them: real hosts, real programs on real ptys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "term/host.h"
#include "term/session_dir.h"
#include "tests/backends/host_rig.h"
#include "tests/patience.h"

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

/* Starts a shell and looks at it. */
static const char *shell(void)
{
    const char *id = rig_start(&a, NULL);

    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect(&a, id, "PROMPT>");
    return id;
}

static void test_echo(void **state)
{
    const struct session_info *i;
    const struct session_screen *s;
    const char *id = shell();

    (void)state;
    rig_type(&a, id, "echo sum=$((40+2))\r");
    rig_expect(&a, id, "sum=42");
    i = sessions_find(a.s, id);
    assert_int_equal(i->state, SESSION_RUNNING);
    assert_string_equal(i->sandbox, "muthr-test");
    assert_int_equal(i->kind, SESSION_SHELL);
    assert_true(i->host_pid > 1 && i->pid > 1 && i->host_pid != i->pid);
    assert_int_equal(kill(i->pid, 0), 0);
    s = sessions_screen(a.s, id);
    assert_int_equal(s->cols, 80);
    assert_true(s->cursor_visible);
    assert_true(s->cursor_row >= 1);
    assert_int_equal(a.added, 1);
}

static void test_resize(void **state)
{
    const char *id = shell();

    (void)state;
    rig_type(&a, id, "stty size\r");
    rig_expect(&a, id, "24 80");
    assert_int_equal(sessions_view(a.s, id, 101, 37, NULL), 0);
    rig_type(&a, id, "stty size\r");
    rig_expect(&a, id, "37 101");
    assert_int_equal(sessions_screen(a.s, id)->rows, 37);
    assert_int_equal(sessions_view(a.s, id, 1, 1, NULL), 0); /* never below what the terminal can bear */
    rig_turn(&rig, 50);
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_type(&a, id, "echo al''ive\r");
    rig_expect(&a, id, "alive");
}

/* Reading what was already printed must not keep Ctrl-C waiting. */
static void test_flood_and_ctrl_c(void **state)
{
    const char *id = shell();
    uint64_t start;

    (void)state;
    rig_type(&a, id, "yes\r");
    rig_expect(&a, id, "y\ny\ny\ny\ny\n");
    rig_turn(&rig, 500);
    assert_true(a.frames > 5);
    start = clock_mono_ms();
    rig_type(&a, id, "\003");
    rig_expect(&a, id, "^C");
    print_message("Ctrl-C while flooding: %d ms\n", (int)(clock_mono_ms() - start));
    assert_true(clock_mono_ms() - start < patience(2000));
    rig_type(&a, id, "echo back=$((1+1))\r");
    rig_expect(&a, id, "back=2");
}

static int by_value(const void *x, const void *y)
{
    uint64_t l = *(const uint64_t *)x, r = *(const uint64_t *)y;

    return l < r ? -1 : l > r;
}

static bool has_new_frame(void *arg)
{
    return a.frames > *(int *)arg;
}

/* The first output after a key goes at once, not at the next frame. */
static void test_echo_is_quick(void **state)
{
    enum { KEYS = 100 };
    const char *id = rig_start(&a, "stty raw -echo; echo ready; exec cat");
    uint64_t us[KEYS];

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    rig_turn(&rig, 100);
    for (int i = 0; i < KEYS; i++) {
        int before = a.frames;
        uint64_t start = clock_mono_ns();

        rig_type(&a, id, "k");
        assert_true(rig_wait(&rig, has_new_frame, &before, RIG_WAIT_MS));
        us[i] = (clock_mono_ns() - start) / 1000;
    }
    qsort(us, KEYS, sizeof(us[0]), by_value);
    print_message("key to frame, back to back: p50 %d us, p95 %d us\n", (int)us[KEYS / 2], (int)us[KEYS * 95 / 100]);
    assert_true(us[KEYS / 2] < 12000); /* a frame limit that held keys back would make it 16 ms */
}

static void test_frames_are_limited(void **state)
{
    const char *id = rig_start(&a, "yes");
    int before;

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "y\ny");
    before = a.frames;
    rig_turn(&rig, 1000);
    assert_true(a.frames - before > 5);
    assert_true(a.frames - before <= 75);
    before = a.frames;
    a.greedy = false; /* no credit: no frame but the one on its way */
    rig_turn(&rig, 300);
    assert_true(a.frames - before <= 1);
    sessions_unview(a.s, id);
    before = a.frames;
    a.changed = 0;
    rig_turn(&rig, 2100);
    assert_int_equal(a.frames, before); /* nothing but metadata when nobody looks */
    assert_true(a.changed <= 4);
}

static void test_exit_status_is_kept(void **state)
{
    const struct session_info *i;
    char *path;
    char id[SESSION_ID_MAX];
    int host;

    (void)state;
    str_copy(id, sizeof(id), rig_start(&a, "echo last words; exit 7"));
    rig_expect_state(&a, id, SESSION_EXITED);
    rig_client_close(&a);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 1);
    i = sessions_find(a.s, id);
    assert_non_null(i);
    assert_int_equal(i->state, SESSION_EXITED);
    assert_int_equal(i->exit_code, 7);
    assert_int_equal(i->exit_signal, 0);
    assert_int_equal(i->attention, ATTENTION_FAILED);
    assert_string_equal(i->last_line, "last words");
    host = i->host_pid;
    assert_int_equal(sessions_view(a.s, id, 80, 24, NULL), 0);
    rig_expect(&a, id, "last words");
    sessions_dismiss(a.s, id);
    rig_expect_removed(&a, id);
    assert_int_equal(a.lost, 0);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false));
    assert_true(rig_wait_gone(&rig, host));
    free(path);
}

static void test_dismiss_is_refused_while_running(void **state)
{
    const char *id = shell();

    (void)state;
    sessions_dismiss(a.s, id);
    rig_type(&a, id, "echo still=$((2+2))\r");
    rig_expect(&a, id, "still=4");
}

static void test_kill_of_a_stubborn_program(void **state)
{
    const char *id = rig_start(&a, "trap '' HUP TERM INT; echo ready; while :; do sleep 1; done");

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    sessions_kill(a.s, id);
    rig_expect_state(&a, id, SESSION_EXITED);
    assert_int_equal(sessions_find(a.s, id)->exit_signal, SIGKILL);
    assert_int_equal(sessions_find(a.s, id)->attention, ATTENTION_FINISHED); /* asked for: not a failure */
}

static void test_signal(void **state)
{
    const char *id = rig_start(&a, "trap 'echo got usr1' USR1; echo ready; while :; do sleep 0.05; done");

    (void)state;
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "ready");
    sessions_signal(a.s, id, SIGUSR1);
    rig_expect(&a, id, "got usr1");
}

/* --- history and search --- */

struct gathered {
    bool done;
    uint64_t first;
    size_t count;
    struct strbuf text;
    struct error err;
};

static void on_history(void *arg, uint64_t first, size_t count, int cols, const struct cell *cells, const bool *wrapped,
                       const struct error *err)
{
    struct gathered *g = arg;

    (void)wrapped;
    assert_false(g->done);
    g->done = true;
    g->first = first;
    g->count = count;
    g->err = err != NULL ? *err : ERROR_INIT;
    for (size_t i = 0; i < count; i++) {
        const struct cell *row = cells + i * (size_t)cols;

        for (int c = 0; c < cols && row[c].ch != 0; c++) {
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

/* Questions that wait when the host dies are answered all the same. */
static void test_question_to_a_dying_host(void **state)
{
    struct gathered g = {.done = false};
    const char *id = shell();
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

/* --- cockpits and hosts that die --- */

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

static void test_host_killed(void **state)
{
    char id[SESSION_ID_MAX];
    char *path;

    (void)state;
    str_copy(id, sizeof(id), shell());
    kill(sessions_find(a.s, id)->host_pid, SIGKILL);
    rig_expect_removed(&a, id);
    assert_int_equal(a.lost, 1);
    assert_string_equal(a.last_removed, id);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false)); /* swept */
    free(path);
}

/* The host's own TERM: the program ends, the socket goes. */
static void test_host_terminated(void **state)
{
    char id[SESSION_ID_MAX];
    char *path;
    int pid;

    (void)state;
    str_copy(id, sizeof(id), shell());
    pid = sessions_find(a.s, id)->pid;
    kill(sessions_find(a.s, id)->host_pid, SIGTERM);
    rig_expect_removed(&a, id);
    path = session_dir_socket(rig.dir, id);
    assert_true(rig_wait_path(&rig, path, false));
    assert_true(rig_wait_gone(&rig, pid));
    free(path);
}

static void test_two_clients(void **state)
{
    struct rig_client b;
    const char *id = shell();

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

/* --- input --- */

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

/* --- what the program says --- */

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
    const char *id = shell();

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

/* --- many, none, and nothing to do --- */

static void test_ten_sessions(void **state)
{
    char ids[10][SESSION_ID_MAX];

    (void)state;
    for (int i = 0; i < 10; i++) {
        char script[64];

        str_format(script, sizeof(script), "echo session %d; exec sleep 1000", i);
        str_copy(ids[i], SESSION_ID_MAX, rig_start(&a, script));
    }
    assert_int_equal(sessions_count(a.s), 10);
    for (size_t i = 1; i < 10; i++) {
        assert_true(strcmp(sessions_at(a.s, i - 1)->id, sessions_at(a.s, i)->id) < 0);
    }
    rig_client_close(&a);
    rig_client_open(&a, &rig);
    rig_expect_count(&a, 10);
    for (int i = 0; i < 10; i++) {
        char text[32];

        str_format(text, sizeof(text), "session %d", i);
        assert_int_equal(sessions_view(a.s, ids[i], 80, 24, NULL), 0);
        rig_expect(&a, ids[i], text);
    }
}

static void test_start_fails(void **state)
{
    static const char *const ARGV[] = {"/nonexistent/program", NULL};
    struct session_start spec = {.argv = ARGV};
    struct strvec ids = STRVEC_INIT;

    (void)state;
    assert_false(rig_start_spec(&a, &spec));
    assert_int_equal(a.start_err.code, ERROR_NOT_FOUND);
    assert_int_equal(session_dir_list(rig.dir, &ids, NULL), 0);
    assert_int_equal(ids.len, 0);
    strvec_release(&ids);
}

static void count_done(void *arg, const char *id, const struct error *err)
{
    (void)id;
    assert_non_null(err);
    assert_int_equal(err->code, ERROR_CANCELED);
    ++*(int *)arg;
}

/* Closing in the middle of a start: told once, nothing left behind on our side. */
static void test_close_while_starting(void **state)
{
    static const char *const ARGV[] = {"sleep", "1000", NULL};
    struct session_start spec = {.executable = "/proc/self/exe", .argv = ARGV, .cols = 80, .rows = 24};
    int done = 0;

    (void)state;
    assert_int_equal(sessions_start(a.s, &spec, count_done, &done, NULL), 0);
    rig_client_close(&a);
    rig_turn(&rig, 200);
    assert_int_equal(done, 1);
}

/* Nothing of the cockpit is left in host or program: descriptors, directory, terminal variables. */
static void test_hygiene(void **state)
{
    char *marker = path_join(rig.base, "marker"), path[64], link[256];
    int fd = open(marker, O_CREAT | O_RDWR, 0600), host; /* without CLOEXEC, on purpose */
    struct dirent *e;
    const char *id;
    ssize_t n;
    DIR *d;

    (void)state;
    setenv("TMUX", "/outer", 1);
    setenv("KITTY_WINDOW_ID", "3", 1);
    id = rig_start(&a, "echo [$TERM][$COLORTERM][$TMUX$KITTY_WINDOW_ID][$(ls /proc/self/fd | wc -l)]; exec sleep 1000");
    unsetenv("TMUX");
    unsetenv("KITTY_WINDOW_ID");
    sessions_view(a.s, id, 80, 24, NULL);
    rig_expect(&a, id, "[xterm-256color][truecolor][][4]"); /* 0-2 and ls's own */
    host = sessions_find(a.s, id)->host_pid;
    str_format(path, sizeof(path), "/proc/%d/fd", host);
    d = opendir(path);
    assert_non_null(d);
    while ((e = readdir(d)) != NULL) {
        n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        assert_null(strstr(link, "marker"));
    }
    closedir(d);
    str_format(path, sizeof(path), "/proc/%d/cwd", host);
    n = readlink(path, link, sizeof(link) - 1);
    link[n > 0 ? n : 0] = '\0';
    assert_string_equal(link, "/");
    assert_true(getsid(host) != getsid(0));
    close(fd);
    free(marker);
}

static void test_idle_host_sleeps(void **state)
{
    const char *id = shell();
    int pid = sessions_find(a.s, id)->host_pid;
    long before;

    (void)state;
    rig_turn(&rig, 4000); /* until the last output is no longer "work" */
    before = rig_proc_status(pid, "voluntary_ctxt_switches:");
    rig_turn(&rig, 2000);
    assert_true(before > 0);
    assert_true(rig_proc_status(pid, "voluntary_ctxt_switches:") - before <= 2);
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "host") == 0) {
        return host_main(argc - 1, argv + 1);
    }
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_echo),
        T(test_resize),
        T(test_flood_and_ctrl_c),
        T(test_echo_is_quick),
        T(test_frames_are_limited),
        T(test_exit_status_is_kept),
        T(test_dismiss_is_refused_while_running),
        T(test_kill_of_a_stubborn_program),
        T(test_signal),
        T(test_history),
        T(test_history_dropped),
        T(test_places_are_kept),
        T(test_prompt_and_width),
        T(test_search),
        T(test_question_to_a_dying_host),
        T(test_cockpit_killed),
        T(test_host_killed),
        T(test_host_terminated),
        T(test_two_clients),
        T(test_paste),
        T(test_keys_and_pastes),
        T(test_input_is_bounded),
        T(test_attention),
        T(test_question),
        T(test_number),
        T(test_notifications),
        T(test_title_cwd_clipboard),
        T(test_wide_and_coloured),
        T(test_log_file),
        T(test_ten_sessions),
        T(test_start_fails),
        T(test_close_while_starting),
        T(test_hygiene),
        T(test_idle_host_sleeps),
    };

    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
