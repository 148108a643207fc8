/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/backends/host_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "term/select.h"
#include "tests/patience.h"
#include "tests/portable.h"

/* Its turn of the loop is all that is wanted of it. */
static void on_heart(void *arg)
{
    (void)arg;
}

void rig_loop(struct rig *r)
{
    r->loop = loop_new();
    r->heart = timer_new(r->loop, on_heart, r);
    timer_repeat(r->heart, 10); /* conditions like "the process is gone" make no event */
}

void rig_open(struct rig *r)
{
    MT_CLEANUP(strbuf) struct strbuf opts = STRBUF_INIT;

    memset(r, 0, sizeof(*r));
    str_copy(r->base, sizeof(r->base), "/tmp/muthr-host-XXXXXX");
    assert_non_null(mkdtemp(r->base));
    str_format(r->dir, sizeof(r->dir), "%s/sessions", r->base);
    strbuf_addf(&opts, "log_path=%s/asan", r->base);
    setenv("ASAN_OPTIONS", opts.buf, 1); /* read by the hosts: their standard error is /dev/null */
    setenv("HOME", r->base, 1);
    rig_loop(r);
}

bool rig_wait(struct rig *r, bool (*cond)(void *arg), void *arg, int ms)
{
    uint64_t end = clock_mono_ms() + patience((uint64_t)ms);

    while (!cond(arg)) {
        if (clock_mono_ms() > end) {
            return false;
        }
        loop_turn(r->loop, true);
    }
    return true;
}

void rig_turn(struct rig *r, int ms)
{
    uint64_t end = clock_mono_ms() + (uint64_t)ms;

    while (clock_mono_ms() <= end) {
        loop_turn(r->loop, true);
    }
}

/* --- client --- */

static void on_added(void *arg, const struct session_info *s)
{
    struct rig_client *c = arg;

    assert_non_null(sessions_find(c->s, s->id));
    c->added++;
}

static void on_changed(void *arg, const struct session_info *s)
{
    struct rig_client *c = arg;

    c->changed++;
    c->lost += s->state == SESSION_LOST ? 1 : 0;
}

static void on_removed(void *arg, const char *id)
{
    struct rig_client *c = arg;

    assert_null(sessions_find(c->s, id));
    c->removed++;
    str_copy(c->last_removed, sizeof(c->last_removed), id);
}

static void on_frame(void *arg, const char *id)
{
    struct rig_client *c = arg;
    uint64_t bits[16];

    c->frames++;
    if (c->greedy) {
        sessions_take_frame(c->s, id, bits, 16);
    }
}

static void on_scanned(void *arg)
{
    struct rig_client *c = arg;

    assert_false(c->scanned);
    c->scanned = true;
}

static void on_clipboard(void *arg, const char *id, const char *text, size_t len)
{
    struct rig_client *c = arg;

    (void)id;
    strbuf_add(&c->clipboard, text, len);
}

void rig_client_open(struct rig_client *c, struct rig *r)
{
    static const struct sessions_events EVENTS = {.on_added = on_added,
                                                  .on_changed = on_changed,
                                                  .on_removed = on_removed,
                                                  .on_frame = on_frame,
                                                  .on_scanned = on_scanned,
                                                  .on_clipboard = on_clipboard};
    struct error err = ERROR_INIT;

    memset(c, 0, sizeof(*c));
    c->rig = r;
    c->greedy = true;
    strbuf_init(&c->clipboard);
    if (sessions_open(&c->s, r->loop, r->dir, &EVENTS, c, &err) != 0) {
        fail_msg("sessions_open: %s", err.msg);
    }
}

void rig_client_close(struct rig_client *c)
{
    sessions_close(c->s);
    strbuf_release(&c->clipboard);
    c->s = NULL;
}

static void on_started(void *arg, const char *id, const struct error *err)
{
    struct rig_client *c = arg;

    assert_false(c->start_done);
    c->start_done = true;
    c->start_err = err != NULL ? *err : ERROR_INIT;
    if (id != NULL) {
        str_copy(c->start_id, sizeof(c->start_id), id);
    }
}

static bool is_started(void *arg)
{
    return ((struct rig_client *)arg)->start_done;
}

bool rig_start_spec(struct rig_client *c, struct session_start *spec)
{
    static const char *const BASH[] = {"bash", "--norc", "--noprofile", "-i", NULL};
    static const char *const ENV[] = {"PS1=PROMPT> ", "HISTFILE=", NULL};
    char self[256];
    ssize_t n = self_path(self, sizeof(self) - 1);
    struct error err = ERROR_INIT;

    assert_true(n > 0);
    self[n] = '\0';
    spec->executable = self;
    spec->argv = spec->argv != NULL ? spec->argv : BASH;
    spec->env = spec->env != NULL ? spec->env : ENV;
    spec->sandbox = "muthr-test";
    spec->project = "test";
    spec->label = spec->label != NULL ? spec->label : "shell";
    spec->cols = spec->cols > 0 ? spec->cols : 80;
    spec->rows = spec->rows > 0 ? spec->rows : 24;
    c->start_done = false;
    if (sessions_start(c->s, spec, on_started, c, &err) != 0) {
        fail_msg("sessions_start: %s", err.msg);
    }
    assert_false(c->start_done); /* never inside the call */
    assert_true(rig_wait(c->rig, is_started, c, RIG_WAIT_MS));
    return c->start_err.code == ERROR_NONE;
}

const char *rig_start(struct rig_client *c, const char *script)
{
    const char *const argv[] = {"sh", "-c", script, NULL};
    struct session_start spec = {.argv = script != NULL ? argv : NULL};

    if (!rig_start_spec(c, &spec)) {
        fail_msg("start: %s", c->start_err.msg);
    }
    assert_non_null(sessions_find(c->s, c->start_id));
    return c->start_id;
}

const char *rig_shell(struct rig_client *c)
{
    const char *id = rig_start(c, NULL);

    assert_int_equal(sessions_view(c->s, id, 80, 24, NULL), 0);
    rig_expect(c, id, "PROMPT>");
    return id;
}

/* --- what is on the screen --- */

void rig_screen(struct rig_client *c, const char *id, struct strbuf *out)
{
    const struct session_screen *s = sessions_screen(c->s, id);

    for (int r = 0; s != NULL && r < s->rows; r++) {
        const struct cell *cells = sessions_row(c->s, id, r, NULL);

        assert_non_null(cells);
        select_cells(out, cells, 0, s->cols, sessions_clusters(c->s, id), true);
        strbuf_addch(out, '\n');
    }
}

struct expectation {
    struct rig_client *c;
    const char *id, *text;
    enum session_state state;
    size_t count;
    bool there;
    int pid;
};

static bool has_text(void *arg)
{
    struct expectation *e = arg;
    struct strbuf b = STRBUF_INIT;
    bool found;

    rig_screen(e->c, e->id, &b);
    found = strstr(b.buf, e->text) != NULL;
    strbuf_release(&b);
    return found;
}

void rig_expect(struct rig_client *c, const char *id, const char *text)
{
    struct expectation e = {.c = c, .id = id, .text = text};
    struct strbuf b = STRBUF_INIT;

    if (!rig_wait(c->rig, has_text, &e, RIG_WAIT_MS)) {
        rig_screen(c, id, &b);
        print_error("the screen is:\n%s\n", b.buf);
        strbuf_release(&b);
        fail_msg("\"%s\" did not come on the screen", text);
    }
}

void rig_type(struct rig_client *c, const char *id, const char *text)
{
    assert_int_equal(sessions_input(c->s, id, text, strlen(text)), strlen(text));
}

static bool has_state(void *arg)
{
    struct expectation *e = arg;
    const struct session_info *i = sessions_find(e->c->s, e->id);

    return i != NULL && i->state == e->state;
}

void rig_expect_state(struct rig_client *c, const char *id, enum session_state state)
{
    struct expectation e = {.c = c, .id = id, .state = state};

    assert_true(rig_wait(c->rig, has_state, &e, RIG_WAIT_MS));
}

static bool is_removed(void *arg)
{
    struct expectation *e = arg;

    return sessions_find(e->c->s, e->id) == NULL;
}

void rig_expect_removed(struct rig_client *c, const char *id)
{
    struct expectation e = {.c = c, .id = id};

    assert_true(rig_wait(c->rig, is_removed, &e, RIG_WAIT_MS));
}

static bool has_count(void *arg)
{
    struct expectation *e = arg;

    return sessions_count(e->c->s) == e->count && e->c->scanned;
}

void rig_expect_count(struct rig_client *c, size_t count)
{
    struct expectation e = {.c = c, .count = count};

    assert_true(rig_wait(c->rig, has_count, &e, RIG_WAIT_MS));
}

static bool path_is(void *arg)
{
    struct expectation *e = arg;

    return fs_exists(e->text) == e->there;
}

bool rig_wait_path(struct rig *r, const char *path, bool there)
{
    struct expectation e = {.text = path, .there = there};

    return rig_wait(r, path_is, &e, RIG_WAIT_MS);
}

/* Gone, or a zombie that nobody has reaped: both have ended. */
static bool pid_is_gone(void *arg)
{
    struct expectation *e = arg;

    return kill(e->pid, 0) != 0 || rig_proc_status(e->pid, "VmRSS:") < 0;
}

bool rig_wait_gone(struct rig *r, int pid)
{
    struct expectation e = {.pid = pid};

    return rig_wait(r, pid_is_gone, &e, RIG_WAIT_MS);
}

long rig_proc_status(int pid, const char *key)
{
    char path[64];
    struct strbuf b = STRBUF_INIT;
    const char *at;
    long value = -1;
    FILE *f;

    str_format(path, sizeof(path), "/proc/%d/status", pid);
    f = fopen(path, "r");
    for (int ch; f != NULL && (ch = fgetc(f)) != EOF;) {
        strbuf_addch(&b, (char)ch);
    }
    if (f != NULL) {
        fclose(f);
    }
    for (at = b.buf; at != NULL && strncmp(at, key, strlen(key)) != 0;) { /* at the start of a line */
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at != NULL) {
        value = strtol(at + strlen(key), NULL, 10);
    }
    strbuf_release(&b);
    return value;
}

/* --- end --- */

static bool has_scanned(void *arg)
{
    return ((struct rig_client *)arg)->scanned;
}

/* Ends the sessions by their hosts' TERM, which is also what a shutdown does. */
static void end_all(struct rig *r)
{
    struct rig_client c;
    int pids[64];
    size_t count = 0;

    rig_client_open(&c, r);
    rig_wait(r, has_scanned, &c, RIG_WAIT_MS);
    for (size_t i = 0; i < sessions_count(c.s) && i < MT_ARRAY_LEN(pids); i++) {
        pids[count++] = sessions_at(c.s, i)->host_pid;
    }
    for (size_t i = 0; i < count; i++) {
        if (pids[i] > 1) {
            kill(pids[i], SIGTERM);
        }
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(rig_wait_gone(r, pids[i]));
    }
    rig_client_close(&c);
}

/* Fails when a sanitizer of a host wrote a report. */
static void check_reports(const struct rig *r)
{
    struct strvec names = STRVEC_INIT;

    assert_int_equal(fs_list(r->base, &names, NULL), 0);
    for (size_t i = 0; i < names.len; i++) {
        if (strncmp(names.v[i], "asan.", 5) == 0) {
            char *path = path_join(r->base, names.v[i]);
            struct strbuf text = STRBUF_INIT;

            fs_read(path, 1u << 20, &text, NULL);
            print_error("%s\n", text.buf);
            fail_msg("a host's sanitizer had something to say");
        }
    }
    strvec_release(&names);
}

void rig_close(struct rig *r)
{
    if (fs_is_dir(r->dir)) {
        end_all(r);
    }
    timer_close(r->heart);
    while (loop_turn(r->loop, false)) {
        usleep(1000);
    }
    assert_int_equal(loop_free(r->loop), 0);
    check_reports(r);
    fs_remove_tree(r->base, NULL);
}
