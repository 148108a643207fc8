/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_ready.h"

#include <string.h>

#include "core/io/ports.h"
#include "core/util/clock.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/host_session.h"
#include "term/hostenv.h"
#include "term/pattern.h"
#include "term/task_lines.h"

#define BACKLOG_MAX (64u << 10) /* lines that are not looked at yet; in a flood the oldest are passed over */
#define MATCH_MS 2              /* in a turn of the loop */
#define MATCH_REST_MS 10
#define MATCH_DEAR_MS 200 /* a line that took so long: the pattern explodes */
#define END_LOOKS 20
#define PAUSE_MS 200      /* a line without an end is looked at when nothing has followed for so long */
#define SILENCE_MS 2000   /* output after so much of it may mean that something has begun */
#define GAP_MS 5000       /* between looks that output brought about; while it goes on and brings nothing new twice */
#define GAP_MOST_MS 60000 /* as long each time, up to this */
#define COST_FACTOR 50    /* a look is not repeated before so many times what it took */

/* After a start; the last one goes on while a port is awaited. */
static const unsigned START_STEPS[] = {300, 500, 700, 1000, 1500, 2500, 4000, 8000, 15000, 30000};
static const unsigned AWAIT_STEPS[] = {100, 200, 400, 800, 1000};
static const unsigned OUTPUT_STEPS[] = {1500, 300}; /* from the last to the first */
#define FOUND_MS 50                                 /* after the line that says that it is ready */

struct host_ready {
    struct host_session *h;
    struct timer *line_timer, *port_timer, *stir_timer;
    struct pattern *pattern; /* NULL: none */
    struct task_lines lines;
    struct strbuf backlog; /* each with its newline */
    bool runs, matched, listens;
    bool lines_told; /* the system does not tell ports: its output does */
    const unsigned *steps;
    size_t step_count, step, stirs;                 /* stirs: looks that output still brings about */
    uint64_t output_ms, looked_ms, cost_ms, gap_ms; /* the first two monotonic */
    uint64_t rest_until_ms;                         /* no line is looked at before; monotonic */
    char mark[64];
};

/* Is a port awaited, or a line? */
static bool awaits_port(const struct host_ready *r)
{
    return r->runs && !r->listens && r->h->info.task.policy.ready_port != 0;
}

static bool awaits_line(const struct host_ready *r)
{
    return r->runs && !r->matched && r->pattern != NULL;
}

/* Says that it is ready, once all that was asked for is there. */
static void judge(struct host_ready *r)
{
    struct task_state *t = &r->h->info.task;

    if (t->ready == TASK_READY_NOT_YET && r->runs && !awaits_port(r) && !awaits_line(r)) {
        t->ready = TASK_READY_YES;
        t->ready_wall_ms = clock_wall_ms();
        host_session_changed(r->h, true);
    }
}

/* --- lines --- */

/* Puts a port among those that it has. */
static void add_port(struct task_state *t, uint16_t port)
{
    size_t at = 0;

    while (at < t->port_count && t->ports[at] < port) {
        at++;
    }
    if (t->port_count < TASK_PORTS_MAX && (at == t->port_count || t->ports[at] != port)) {
        memmove(t->ports + at + 1, t->ports + at, (t->port_count - at) * sizeof(*t->ports));
        t->ports[at] = port;
        t->port_count++;
    }
}

/* An address in a line, where nothing better is to be had. */
static void take_address(struct host_ready *r, const char *text, size_t len)
{
    uint16_t port = r->lines_told ? task_lines_port(text, len) : 0;
    size_t before = r->h->info.task.port_count;

    if (port != 0) {
        add_port(&r->h->info.task, port);
        r->listens = r->listens || port == r->h->info.task.policy.ready_port;
        judge(r);
        if (r->h->info.task.port_count != before) {
            host_session_changed(r->h, true);
        }
    }
}

/* task_line_fn */
static void on_line(void *arg, const char *text, size_t len)
{
    struct host_ready *r = arg;

    take_address(r, text, len);
    if (!awaits_line(r)) {
        return;
    }
    while (r->backlog.len + len + 1 > BACKLOG_MAX) {
        const char *end = memchr(r->backlog.buf, '\n', r->backlog.len);
        strbuf_consume(&r->backlog, end != NULL ? (size_t)(end - r->backlog.buf) + 1 : r->backlog.len);
    }
    strbuf_add(&r->backlog, text, len);
    strbuf_addch(&r->backlog, '\n');
}

/* Does the line say that it is ready? */
static bool says_ready(struct host_ready *r, const char *text, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    size_t start, end;

    utf8_sanitize(&clean, text, len, false);
    uint64_t began = clock_mono_ms();
    bool found = pattern_match(r->pattern, clean.buf, clean.len, 0, &start, &end);
    uint64_t now = clock_mono_ms(), took = now - began;
    if (took >= MATCH_DEAR_MS && !found) { /* (a|b)*a(a|b){50}: seconds and hundreds of megabytes a line, kept */
        pattern_free(r->pattern);
        r->pattern = pattern_new(r->h->info.task.policy.ready_match);
        r->rest_until_ms = now + took * COST_FACTOR;
    }
    return found;
}

/* It is known; nothing is kept any more. */
static void line_found(struct host_ready *r)
{
    r->matched = true;
    strbuf_release(&r->backlog);
    timer_stop(r->line_timer);
    judge(r);
    if (!r->lines_told) {
        r->stirs = 1;
        timer_start(r->stir_timer, FOUND_MS); /* what it listens on is of interest now */
    }
}

/* Looks at what has come, for a while; true: there is more. */
static bool look_at_lines(struct host_ready *r)
{
    uint64_t until = clock_mono_ms() + MATCH_MS;
    size_t at = 0;

    while (awaits_line(r) && at < r->backlog.len && clock_mono_ms() >= r->rest_until_ms) {
        const char *text = r->backlog.buf + at;
        size_t len = (size_t)((const char *)memchr(text, '\n', r->backlog.len - at) - text);

        if (says_ready(r, text, len)) {
            line_found(r);
            return false;
        }
        at += len + 1;
        if (clock_mono_ms() >= until) {
            break;
        }
    }
    strbuf_consume(&r->backlog, MT_MIN(at, r->backlog.len));
    return awaits_line(r) && r->backlog.len > 0;
}

/* How long until lines are looked at again. */
static uint64_t rest_ms(const struct host_ready *r)
{
    uint64_t now = clock_mono_ms();

    return r->rest_until_ms > now + MATCH_REST_MS ? r->rest_until_ms - now : MATCH_REST_MS;
}

/* timer callback */
static void on_line_timer(void *arg)
{
    struct host_ready *r = arg;

    if (look_at_lines(r)) {
        timer_start(r->line_timer, rest_ms(r));
    } else if (awaits_line(r) && r->lines.len > 0) {
        uint64_t due = r->output_ms + PAUSE_MS, now = clock_mono_ms();
        due = MT_MAX(due, r->rest_until_ms);
        if (now < due) {
            timer_start(r->line_timer, due - now);
        } else if (says_ready(r, r->lines.text, r->lines.len)) {
            line_found(r);
        }
    }
}

/* --- ports --- */

static void set_steps(struct host_ready *r, const unsigned *steps, size_t count)
{
    r->steps = steps;
    r->step_count = count;
    r->step = 0;
}

/* Sets the timer for the next look, if there is to be one. */
static void plan_look(struct host_ready *r)
{
    uint64_t wait, spare = r->looked_ms + r->cost_ms * COST_FACTOR, now = clock_mono_ms();

    if (r->step >= r->step_count) {
        if (!awaits_port(r)) {
            return;
        }
        set_steps(r, AWAIT_STEPS + MT_ARRAY_LEN(AWAIT_STEPS) - 1, 1);
    }
    wait = r->steps[r->step++];
    timer_start(r->port_timer, spare > now ? MT_MAX(wait, spare - now) : wait);
}

/* Looks which ports it listens on now. */
static void look_at_ports(struct host_ready *r)
{
    struct task_state *t = &r->h->info.task;
    uint16_t ports[TASK_PORTS_MAX];
    uint64_t began = clock_mono_ms();
    size_t count = ports_of(r->mark, pty_pid(r->h->pty), ports, TASK_PORTS_MAX);

    r->looked_ms = clock_mono_ms();
    r->cost_ms = r->looked_ms - began;
    r->gap_ms = MT_MIN(2 * r->gap_ms, (uint64_t)GAP_MOST_MS);
    for (size_t i = 0; i < count; i++) {
        r->listens = r->listens || ports[i] == t->policy.ready_port;
    }
    if (count != t->port_count || memcmp(ports, t->ports, count * sizeof(*ports)) != 0) {
        memset(t->ports, 0, sizeof(t->ports));
        memcpy(t->ports, ports, count * sizeof(*ports));
        t->port_count = count;
        r->gap_ms = GAP_MS;
        host_session_changed(r->h, true);
    }
    judge(r);
}

/* timer callback */
static void on_port_timer(void *arg)
{
    struct host_ready *r = arg;

    if (r->runs && r->h->pty != NULL) {
        look_at_ports(r);
        plan_look(r);
    }
}

/* timer callback */
static void on_stir_timer(void *arg)
{
    struct host_ready *r = arg;

    if (r->runs && r->h->pty != NULL) {
        look_at_ports(r);
        r->stirs--;
        if (r->stirs > 0) {
            timer_start(r->stir_timer, OUTPUT_STEPS[r->stirs - 1]);
        }
    }
}

/* There is output: something may have begun, or stopped, to listen, the more so when it was silent before. */
static void on_stir(struct host_ready *r, uint64_t now)
{
    uint64_t gap = now >= r->output_ms + SILENCE_MS ? (uint64_t)GAP_MS : r->gap_ms;

    if (!r->lines_told && !timer_is_active(r->stir_timer) &&
        now >= r->looked_ms + MT_MAX(gap, r->cost_ms * COST_FACTOR)) {
        r->stirs = MT_ARRAY_LEN(OUTPUT_STEPS);
        timer_start(r->stir_timer, OUTPUT_STEPS[r->stirs - 1]);
    }
}

/* --- runs --- */

struct host_ready *host_ready_new(struct host_session *h)
{
    struct host_ready *r = xcalloc(1, sizeof(*r));
    struct task_state *t = &h->info.task;

    r->h = h;
    r->line_timer = timer_new(h->loop, on_line_timer, r);
    r->port_timer = timer_new(h->loop, on_port_timer, r);
    r->stir_timer = timer_new(h->loop, on_stir_timer, r);
    strbuf_init(&r->backlog);
    task_lines_init(&r->lines);
    if (t->policy.ready_match[0] != '\0') {
        r->pattern = pattern_new(t->policy.ready_match);
        if (pattern_trouble(r->pattern) != NULL) {
            log_warn("session %s: %s", h->info.id, pattern_trouble(r->pattern));
        }
    }
    r->lines_told = !ports_known();
    str_format(r->mark, sizeof(r->mark), HOSTENV_MARK "=%s", h->info.id);
    t->ready = r->pattern != NULL || t->policy.ready_port != 0 ? TASK_READY_NOT_YET : TASK_READY_UNASKED;
    return r;
}

void host_ready_free(struct host_ready *r)
{
    if (r == NULL) {
        return;
    }
    timer_close(r->line_timer);
    timer_close(r->port_timer);
    timer_close(r->stir_timer);
    pattern_free(r->pattern);
    strbuf_release(&r->backlog);
    free(r);
}

void host_ready_wait(struct host_ready *r)
{
    struct task_state *t = &r->h->info.task;

    t->ready = t->ready == TASK_READY_UNASKED ? TASK_READY_UNASKED : TASK_READY_NOT_YET;
    t->ready_wall_ms = 0;
}

void host_ready_begin(struct host_ready *r)
{
    struct task_state *t = &r->h->info.task;

    host_ready_wait(r);
    r->runs = true;
    r->matched = r->listens = false;
    r->output_ms = r->looked_ms = clock_mono_ms();
    r->cost_ms = r->rest_until_ms = 0;
    r->gap_ms = GAP_MS;
    task_lines_init(&r->lines);
    strbuf_clear(&r->backlog);
    if (t->policy.ready_port != 0) {
        set_steps(r, AWAIT_STEPS, MT_ARRAY_LEN(AWAIT_STEPS));
    } else {
        set_steps(r, START_STEPS, MT_ARRAY_LEN(START_STEPS));
    }
    if (!r->lines_told) {
        plan_look(r);
    }
}

void host_ready_end(struct host_ready *r)
{
    struct task_state *t = &r->h->info.task;

    if (r->lines.len > 0) {
        on_line(r, r->lines.text, r->lines.len);
    }
    for (int i = 0; i < END_LOOKS && look_at_lines(r); i++) { /* its last words may have been that it was */
    }
    r->runs = false;
    timer_stop(r->line_timer);
    timer_stop(r->port_timer);
    timer_stop(r->stir_timer);
    memset(t->ports, 0, sizeof(t->ports));
    t->port_count = 0;
}

void host_ready_output(struct host_ready *r, const char *data, size_t len)
{
    uint64_t now = clock_mono_ms();

    on_stir(r, now);
    r->output_ms = now;
    if (!awaits_line(r) && !r->lines_told) {
        return;
    }
    task_lines_feed(&r->lines, data, len, on_line, r);
    if (look_at_lines(r)) {
        timer_start(r->line_timer, rest_ms(r));
    } else if (awaits_line(r) && r->lines.len > 0 && !timer_is_active(r->line_timer)) {
        timer_start(r->line_timer, PAUSE_MS);
    }
}
