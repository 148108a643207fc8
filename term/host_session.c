/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_session.h"

#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/host_audit.h"
#include "term/host_listen.h"
#include "term/host_meta.h"
#include "term/host_rules.h"
#include "term/host_task.h"
#include "term/hostenv.h"
#include "term/proto.h"
#include "term/session_dir.h"
#include "term/viewer.h"

#define READ_BUDGET_BYTES                                                                                              \
    (16u << 10) /* a turn: a third of a millisecond of parsing, then sockets and keys are looked at */

extern char **environ;

static const int SIGNALS[HOST_SIGNALS] = {SIGTERM, SIGHUP, SIGINT};

/* --- frames --- */

/* Hands the terminal's damage to who is viewing. Without viewers it stays where it is, at no cost. */
static void spread_damage(struct host_session *h)
{
    bool any = false;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        if (viewer_is_viewing(v)) {
            viewer_damage(v, -1);
            any = true;
        }
    }
    if (!any) {
        return;
    }
    for (int r = vt_take_damage(h->vt, 0); r >= 0; r = vt_take_damage(h->vt, r + 1)) {
        for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
            viewer_damage(v, r);
        }
    }
}

void host_session_flush(struct host_session *h)
{
    uint64_t now = clock_mono_ms(), next = 0;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        uint64_t at = viewer_flush(v, now);

        if (at != 0 && (next == 0 || at < next)) {
            next = at;
        }
    }
    if (next != 0) { /* again, when it is set: it may be for the end of a longer hold */
        timer_start(h->frame_timer, next > now ? next - now : 1);
    }
}

static void on_frame_timer(void *arg)
{
    host_session_flush(arg);
}

/* Gives the terminal a size; what the viewers look at moves with its text, and they are told. */
static void resize_terminal(struct host_session *h, int cols, int rows)
{
    struct vt_point all[VIEWER_MAX * PROTO_POINTS_MAX], *own;
    size_t n = 0, count;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        count = MT_MIN(viewer_points(v, &own), MT_ARRAY_LEN(all) - n);
        memcpy(all + n, own, count * sizeof(*own));
        n += count;
    }
    vt_resize_keep(h->vt, cols, rows, all, n);
    n = 0;
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        count = MT_MIN(viewer_points(v, &own), MT_ARRAY_LEN(all) - n);
        memcpy(own, all + n, count * sizeof(*own));
        n += count;
        viewer_kept(v);
    }
}

void host_session_fit(struct host_session *h)
{
    struct viewer *best = NULL;
    int cols, rows;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        if (viewer_is_viewing(v) && (best == NULL || viewer_seq(v) > viewer_seq(best))) {
            best = v;
        }
    }
    if (best == NULL || h->pty == NULL) {
        return; /* an ended program's last screen is kept as it was */
    }
    viewer_size(best, &cols, &rows);
    cols = MT_MAX(cols, VT_MIN_COLS);
    rows = MT_MAX(rows, VT_MIN_ROWS);
    if (cols == vt_cols(h->vt) && rows == vt_rows(h->vt)) {
        return;
    }
    resize_terminal(h, cols, rows);
    pty_resize(h->pty, vt_cols(h->vt), vt_rows(h->vt), NULL);
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_damage_all(v);
    }
    host_session_flush(h);
    host_session_changed(h, false);
}

/* --- what the terminal tells --- */

static void on_vt_output(const char *bytes, size_t len, void *arg)
{
    struct host_session *h = arg;

    if (h->pty != NULL) {
        pty_write(h->pty, bytes, len); /* what a program asks for and does not read is dropped, not kept */
    }
}

static void on_vt_title(const char *title, void *arg)
{
    (void)title; /* taken from the terminal when metadata is sent */
    host_session_changed(arg, false);
}

static void on_vt_bell(void *arg)
{
    struct host_session *h = arg;

    if (pulse_bell(h->pulse, clock_mono_ms())) {
        host_session_changed(h, true);
    }
}

static void on_vt_notify(const char *title, const char *body, void *arg)
{
    struct host_session *h = arg;

    int before = pulse_attention(h->pulse);
    if (pulse_notify(h->pulse, title, body, clock_mono_ms())) {
        host_session_changed(h, before != pulse_attention(h->pulse)); /* one text after the other can wait */
    }
}

static void on_vt_progress(enum vt_progress state, int percent, void *arg)
{
    struct host_session *h = arg;

    if (pulse_progress(h->pulse, (int)state, percent, clock_mono_ms())) {
        host_session_changed(h, false);
    }
}

static void on_vt_cwd(const char *path, void *arg)
{
    struct host_session *h = arg;

    str_copy(h->info.cwd, sizeof(h->info.cwd), path);
    host_session_changed(h, false);
}

static void on_vt_clipboard(const char *data, size_t len, void *arg)
{
    struct host_session *h = arg;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_clipboard(v, data, len);
    }
}

static void on_vt_mark(char kind, int status, void *arg)
{
    struct host_session *h = arg;

    if (pulse_mark(h->pulse, kind, status, clock_mono_ms())) {
        host_session_changed(h, true);
    }
}

static const struct vt_callbacks VT_CALLBACKS = {
    .output = on_vt_output,
    .title = on_vt_title,
    .bell = on_vt_bell,
    .notify = on_vt_notify,
    .progress = on_vt_progress,
    .cwd = on_vt_cwd,
    .clipboard = on_vt_clipboard,
    .mark = on_vt_mark,
};

/* --- the program --- */

/* What the viewers have typed, before what it brought. */
static void look_at_viewers(struct host_session *h)
{
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_look(v);
    }
}

/* Reads no more of the terminal for so long, 0: no need. Its program waits meanwhile. */
static void rest(struct host_session *h, unsigned ms)
{
    if (ms > 0) {
        pty_pause(h->pty, true);
        timer_start(h->rest_timer, ms);
    }
}

static void on_rested(void *arg)
{
    struct host_session *h = arg;

    if (h->pty != NULL) {
        pty_pause(h->pty, false);
    }
}

static void on_pty_data(void *arg, const char *data, size_t len)
{
    struct host_session *h = arg;
    bool urgent;

    if (h->log != NULL) {
        logfile_write(h->log, data, len);
    }
    h->feeding = true;
    look_at_viewers(h);
    vt_feed(h->vt, data, len);
    h->feeding = false;
    host_task_output(h, data, len);
    spread_damage(h);
    host_session_flush(h);
    h->info.last_output_wall_ms = clock_wall_ms();
    rest(h, host_pace_output(&h->pace, len, clock_mono_ms()));
    urgent = pulse_output(h->pulse, clock_mono_ms()) || h->pace.bulk != h->info.flooding;
    host_session_changed(h, urgent);
}

static void on_pty_drain(void *arg)
{
    struct host_session *h = arg;

    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_drain_input(v);
    }
}

/* Ends the host: everything is closed, and the loop runs out. */
static void stop(struct host_session *h)
{
    if (h->stopped) {
        return;
    }
    h->stopped = true;
    while (h->viewers != NULL) {
        viewer_detach(h->viewers);
    }
    if (h->server != NULL) {
        sock_server_close(h->server);
        h->server = NULL;
    }
    if (h->pty != NULL) {
        pty_close(h->pty);
        h->pty = NULL;
    }
    dirwatch_close(h->dirwatch);
    h->dirwatch = NULL;
    host_rules_close(h);
    timer_close(h->frame_timer);
    timer_close(h->tick_timer);
    timer_close(h->rest_timer);
    host_task_close(h);
    h->frame_timer = h->tick_timer = h->rest_timer = NULL;
    for (int i = 0; i < HOST_SIGNALS; i++) {
        if (h->signals[i] != NULL) {
            signal_watch_close(h->signals[i]);
            h->signals[i] = NULL;
        }
    }
}

/* What the audit log lost, on the session's own screen: it goes on. */
static void show_loss(struct host_session *h, const struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    log_warn("%s", err->msg);
    strbuf_addstr(&text, "\r\n\033[7m[muthr: not written down: ");
    utf8_sanitize(&text, err->msg, strlen(err->msg), false);
    strbuf_addstr(&text, "]\033[0m\r\n");
    h->feeding = true;
    vt_feed(h->vt, text.buf, text.len);
    h->feeding = false;
    spread_damage(h);
}

void host_session_say(struct host_session *h, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    strbuf_addstr(&line, "\033[2m-- ");
    utf8_sanitize(&line, text, strlen(text), false);
    strbuf_addstr(&line, " --\033[0m\r\n");
    h->feeding = true;
    vt_settle(h->vt);
    vt_feed(h->vt, line.buf, line.len);
    h->feeding = false;
    spread_damage(h);
    if (h->log != NULL) {
        logfile_write(h->log, "\033[0m\r\n", 6);
        logfile_write(h->log, line.buf, line.len);
    }
}

void host_session_over(struct host_session *h, int code, int signum)
{
    h->info.state = SESSION_EXITED;
    h->info.exit_code = code;
    h->info.exit_signal = signum;
    h->info.ended_wall_ms = clock_wall_ms();
    pulse_exit(h->pulse, h->killed ? 0 : code, clock_mono_ms());
    host_task_tell_end(h);
    if (h->task == NULL) { /* a task may run once more */
        logfile_close(h->log);
        h->log = NULL;
    }
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_drain_input(v); /* there is nobody left to read it */
    }
    host_session_flush(h);
    host_meta_send(h);
    host_meta_arm(h);
    if (h->stopping) {
        stop(h);
    }
}

static void on_pty_exit(void *arg, int code, int signum)
{
    struct host_session *h = arg;
    struct error lost = ERROR_INIT;
    uint64_t now = clock_wall_ms(), began = h->task != NULL ? h->info.task.run_wall_ms : h->info.started_wall_ms;

    look_at_viewers(h);
    pty_close(h->pty);
    h->pty = NULL;
    if (host_audit_exit(h->spec->audit, h->info.id, signum != 0 ? 128 + signum : code, now > began ? now - began : 0,
                        &lost) < 0) {
        show_loss(h, &lost);
    }
    if (!host_task_ended(h, code, signum)) {
        host_session_over(h, code, signum);
    }
}

void host_session_typed(struct host_session *h, const void *data, size_t len)
{
    if (h->pty == NULL) {
        return;
    }
    h->info.last_input_wall_ms = clock_wall_ms();
    host_pace_typed(&h->pace, clock_mono_ms());
    if (pulse_input(h->pulse, data, len, clock_mono_ms())) {
        host_session_changed(h, true);
    }
}

void host_session_yield(struct host_session *h)
{
    host_pace_yield(&h->pace, clock_mono_ms());
}

size_t host_session_input(struct host_session *h, const void *data, size_t len)
{
    if (h->pty == NULL) {
        return len;
    }
    host_session_typed(h, data, len);
    return pty_write(h->pty, data, len);
}

void host_session_kill(struct host_session *h)
{
    if (h->pty != NULL || host_task_waits(h)) {
        h->killed = true;
        host_task_killed(h);
    }
    if (h->pty != NULL) {
        pty_terminate(h->pty);
    }
}

void host_session_reset(struct host_session *h)
{
    if (h->pty == NULL) {
        return; /* an ended program's last screen is kept as it was */
    }
    h->feeding = true;
    vt_recover(h->vt);
    h->feeding = false;
    pulse_progress(h->pulse, VT_PROGRESS_NONE, 0, clock_mono_ms()); /* whoever told of it is not there any more */
    spread_damage(h);
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_damage_all(v);
    }
    host_session_flush(h);
    host_session_changed(h, true);
}

int host_session_dismiss(struct host_session *h, struct error *err)
{
    if (h->pty != NULL || host_task_waits(h)) {
        return error_set(err, ERROR_BUSY, "%s still runs: end it first", h->info.label);
    }
    h->info.seen = true;
    host_meta_send(h);
    stop(h);
    return 0;
}

/* TERM, HUP or INT to the host itself: the program first, then we go. */
static void on_signal(void *arg, int signum)
{
    struct host_session *h = arg;

    (void)signum;
    h->stopping = true;
    if (h->pty == NULL && !host_task_waits(h)) {
        stop(h);
    } else {
        host_session_kill(h);
    }
}

/* --- start --- */

/* The program on a new terminal. */
static int run_program(struct host_session *h, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct pty_opts opts = {
        .argv = (const char *const *)h->spec->argv.v,
        .cwd = h->spec->cwd,
        .cols = vt_cols(h->vt),
        .rows = vt_rows(h->vt),
        .on_data = on_pty_data,
        .on_exit = on_pty_exit,
        .arg = h,
        .read_budget_bytes = READ_BUDGET_BYTES,
    };
    int rc;

    hostenv_build(&env, (const char *const *)environ, (const char *const *)h->spec->env.v);
    hostenv_mark(&env, h->info.id);
    opts.env = (const char *const *)env.v;
    umask(h->program_umask); /* 077 is for our own files */
    rc = pty_start(&h->pty, h->loop, &opts, err);
    umask(077);
    if (rc != 0) {
        return -1;
    }
    pty_on_drain(h->pty, on_pty_drain, h);
    return 0;
}

int host_session_start_program(struct host_session *h, struct error *err)
{
    struct error lost = ERROR_INIT;

    if (host_audit_start(h->spec->audit, h->info.id, &lost) < 0) { /* before it runs: nothing of it may be missing */
        show_loss(h, &lost);
    }
    if (run_program(h, err) != 0) {
        host_audit_exit(h->spec->audit, h->info.id, 127, 0, NULL);
        return -1;
    }
    host_pace_init(&h->pace, clock_mono_ms());
    host_task_begun(h);
    return 0;
}

static int start(struct host_session *h, struct error *err)
{
    const struct session_spec_data *spec = h->spec;
    struct vt_opts vo = {
        .cols = spec->info.cols,
        .rows = spec->info.rows,
        .scrollback_lines = spec->scrollback_lines,
        .scrollback_bytes = (size_t)spec->scrollback_bytes,
        .callbacks = &VT_CALLBACKS,
        .arg = h,
    };

    h->vt = vt_new(&vo);
    vt_allow_clipboard(h->vt, true); /* whether it goes further is the cockpit's decision */
    h->pulse = pulse_new(spec->info.kind == SESSION_AGENT, clock_mono_ms());
    h->frame_timer = timer_new(h->loop, on_frame_timer, h);
    h->tick_timer = timer_new(h->loop, host_meta_tick, h);
    h->rest_timer = timer_new(h->loop, on_rested, h);
    host_task_open(h);
    for (int i = 0; i < HOST_SIGNALS; i++) {
        h->signals[i] = signal_watch_new(h->loop, SIGNALS[i], on_signal, h, err);
        if (h->signals[i] == NULL) {
            return -1;
        }
    }
    if (spec->info.log_path[0] != '\0' && logfile_open(&h->log, spec->info.log_path, spec->log_max_bytes, err) != 0) {
        return -1;
    }
    if (host_listen_open(h, err) != 0) {
        return -1;
    }
    if (host_session_start_program(h, err) != 0) {
        return -1;
    }
    host_listen_watch(h);
    host_rules_open(h);
    h->info.state = SESSION_RUNNING;
    h->info.host_pid = (int)getpid();
    h->info.pid = pty_pid(h->pty);
    h->info.progress = -1;
    h->info.started_wall_ms = clock_wall_ms();
    host_meta_fill(h);
    return 0;
}

int host_session_run(const struct session_spec_data *spec, mode_t program_umask,
                     void (*ready)(void *arg, const struct error *err), void *arg)
{
    struct host_session h = {.spec = spec, .info = spec->info, .program_umask = program_umask};
    struct error err = ERROR_INIT;
    int rc;

    h.loop = loop_new();
    h.sock_path = session_dir_socket(spec->dir, spec->info.id);
    rc = start(&h, &err);
    if (rc != 0) {
        stop(&h); /* first: who is told of the failure finds no socket any more */
    }
    ready(arg, rc == 0 ? NULL : &err);
    loop_run(h.loop);
    logfile_close(h.log);
    vt_free(h.vt);
    pulse_free(h.pulse);
    host_rules_release(&h);
    free(h.sock_path);
    loop_free(h.loop);
    return rc;
}
