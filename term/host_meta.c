/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_meta.h"

#include "core/util/clock.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/host_front.h"
#include "term/host_rules.h"
#include "term/host_session.h"
#include "term/host_task.h"
#include "term/logfile.h"
#include "term/meta.h"
#include "term/select.h"
#include "term/viewer.h"

#define META_PERIOD_MS 1000
#define META_URGENT_MS 50 /* between urgent ones: a flood of notifications must not become a flood of messages */

/* The last line on the screen, or of the scrollback, that is not blank. */
static void fill_last_line(struct host_session *h)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT, clean = STRBUF_INIT;
    int cols = vt_cols(h->vt);

    if (host_task_has_last_line(h)) {
        return;
    }
    for (int r = vt_rows(h->vt) - 1; r >= 0 && line.len == 0; r--) {
        const struct cell *cells = vt_row(h->vt, r, NULL);

        if (cells != NULL) {
            select_cells(&line, cells, 0, cols, vt_clusters(h->vt), true);
        }
    }
    for (size_t i = 0; i < 50 && line.len == 0 && vt_history_text(h->vt, i, &line, NULL) == 0; i++) {
    }
    utf8_sanitize(&clean, line.buf, line.len, false);
    str_copy(h->info.last_line, sizeof(h->info.last_line), clean.buf);
}

/* Since when it wants a person, by the wall clock. */
static void fill_since(struct host_session *h, enum attention_kind before)
{
    struct session_info *i = &h->info;
    uint64_t since = pulse_since_ms(h->pulse), now = clock_mono_ms(), wall = clock_wall_ms();

    if (i->attention == ATTENTION_NONE) {
        i->attention_since_ms = 0;
    } else if (before == ATTENTION_NONE || since != h->called_ms) {
        h->called_ms = since;
        i->attention_since_ms = wall - MT_MIN(wall, now > since ? now - since : 0);
    }
}

/* Could all of its log be written? What was lost when it was closed stays known. */
static void fill_log(struct host_session *h)
{
    const char *why;

    if (h->log != NULL) {
        h->info.log_lost = logfile_lost(h->log, &why);
        str_copy(h->info.log_problem, sizeof(h->info.log_problem), why);
    }
}

/* Brings the facts up to date. */
void host_meta_fill(struct host_session *h)
{
    struct session_info *i = &h->info;
    enum attention_kind before = i->attention;

    str_copy(i->title, sizeof(i->title), vt_title(h->vt));
    host_rules_follow(h);
    host_front_follow(h);
    i->cols = vt_cols(h->vt);
    i->rows = vt_rows(h->vt);
    i->pid = h->pty != NULL ? pty_pid(h->pty) : i->pid; /* another one once the terminal was handed over */
    i->working = h->pty != NULL && pulse_is_working(h->pulse);
    i->flooding = h->pty != NULL && h->pace.bulk;
    i->progress = h->pty == NULL ? -1 : pulse_progress_percent(h->pulse);
    i->attention = (enum attention_kind)pulse_attention(h->pulse);
    str_copy(i->attention_text, sizeof(i->attention_text), i->attention != ATTENTION_NONE ? pulse_text(h->pulse) : "");
    i->attention_seen = i->attention != ATTENTION_NONE && pulse_is_seen(h->pulse);
    fill_since(h, before);
    fill_last_line(h);
    fill_log(h);
}

/* Tells every viewer. */
void host_meta_send(struct host_session *h)
{
    MT_CLEANUP(strbuf) struct strbuf json = STRBUF_INIT;

    host_meta_fill(h);
    h->meta_dirty = h->meta_urgent = false;
    h->meta_sent_ms = clock_mono_ms();
    if (h->viewers == NULL) {
        return; /* who comes later is told on greeting */
    }
    meta_write(&h->info, &json);
    for (struct viewer *v = h->viewers; v != NULL; v = viewer_next(v)) {
        viewer_meta(v, json.buf, json.len);
    }
}

/* Sets the one timer for whatever is due next: attention, or metadata held back. */
void host_meta_arm(struct host_session *h)
{
    uint64_t now = clock_mono_ms(), at = h->pty != NULL ? pulse_deadline(h->pulse) : 0;

    if (h->meta_dirty) {
        uint64_t due = h->meta_sent_ms + (h->meta_urgent ? META_URGENT_MS : META_PERIOD_MS);

        at = at == 0 ? due : MT_MIN(at, due);
    }
    if (at == h->tick_at || h->stopped) {
        return;
    }
    h->tick_at = at;
    if (at == 0) {
        timer_stop(h->tick_timer);
    } else {
        timer_start(h->tick_timer, at > now ? at - now : 1);
    }
}

/* Sends metadata that is due. */
static void meta_due(struct host_session *h)
{
    uint64_t gap = h->meta_urgent ? META_URGENT_MS : META_PERIOD_MS;

    if (h->meta_dirty && clock_mono_ms() - h->meta_sent_ms >= gap) {
        host_meta_send(h);
    }
}

void host_session_changed(struct host_session *h, bool urgent)
{
    if (h->stopped) {
        return;
    }
    h->meta_dirty = true;
    h->meta_urgent = h->meta_urgent || urgent;
    if (h->feeding) {
        return; /* frames go first, and what one write says is told in one message */
    }
    meta_due(h);
    host_meta_arm(h);
}

/* The text before the cursor; nothing when there is text behind it, or a program draws the whole screen. */
static void cursor_line(struct host_session *h, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT, rest = STRBUF_INIT;
    struct vt_cursor c = vt_cursor(h->vt);
    const struct cell *cells = vt_row(h->vt, c.row, NULL);

    if (cells == NULL || vt_is_alt(h->vt)) {
        return;
    }
    select_cells(&line, cells, 0, c.col, vt_clusters(h->vt), true);
    select_cells(&rest, cells, c.col, vt_cols(h->vt), vt_clusters(h->vt), true);
    if (rest.len == 0) {
        utf8_sanitize(out, line.buf, line.len, false);
    }
}

/* Looks once at what the program stands still with. */
static bool look_for_question(struct host_session *h)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    if (!pulse_line_due(h->pulse, clock_mono_ms())) {
        return false;
    }
    cursor_line(h, &line);
    return pulse_line(h->pulse, line.buf, clock_mono_ms());
}

/* The last lines of the screen that are not empty, of an alternate screen too: the screens of agents live there. */
static void last_lines(struct host_session *h, int count, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    int cols = vt_cols(h->vt), first = vt_rows(h->vt);

    for (int found = 0; first > 0 && found < count; first--) {
        const struct cell *cells = vt_row(h->vt, first - 1, NULL);

        strbuf_clear(&line);
        if (cells != NULL) {
            select_cells(&line, cells, 0, cols, vt_clusters(h->vt), true);
        }
        found += line.len > 0;
    }
    for (int r = first; r < vt_rows(h->vt); r++) {
        const struct cell *cells = vt_row(h->vt, r, NULL);
        size_t before = out->len;

        if (cells != NULL) {
            select_cells(out, cells, 0, cols, vt_clusters(h->vt), true);
        }
        if (out->len > before) {
            strbuf_addch(out, '\n');
        }
    }
}

/* Looks at the screen, when its rules are due. */
static bool look_at_screen(struct host_session *h)
{
    MT_CLEANUP(strbuf) struct strbuf lines = STRBUF_INIT;
    int count = pulse_look_lines(h->pulse, clock_mono_ms());

    if (count > 0) {
        host_rules_confirm(h);
        count = pulse_look_lines(h->pulse, clock_mono_ms());
    }
    if (count == 0) {
        return false;
    }
    last_lines(h, count, &lines);
    return pulse_look(h->pulse, lines.buf, clock_mono_ms());
}

void host_meta_tick(void *arg)
{
    struct host_session *h = arg;

    h->tick_at = 0;
    if (h->pty != NULL && look_at_screen(h)) {
        h->meta_dirty = h->meta_urgent = true;
    }
    if (h->pty != NULL && look_for_question(h)) {
        h->meta_dirty = h->meta_urgent = true;
    }
    if (h->pty != NULL && pulse_tick(h->pulse, clock_mono_ms())) {
        h->meta_dirty = h->meta_urgent = true;
    }
    meta_due(h);
    host_meta_arm(h);
}
