/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/pane.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/utf8.h"

/* A session that takes nothing now (it is still being reached, or full) is looked at this soon, then ever less often.
 */
#define STUCK_MS 800      /* so long Ctrl-C may take */
#define PASTED_LEAST 1024 /* bytes at once that nobody types */
#define PANE_RETRY_MS 5
#define PANE_RETRY_MAX_MS 320
#define PANE_QUEUE_MAX (4u << 20) /* beyond what the session keeps for its program */

/* Sends what waits, as far as the session takes it. */
static void flush_queue(void *arg)
{
    struct pane *p = arg;
    if (!p->id[0]) {
        strbuf_clear(&p->queue);
    }
    if (p->queue.len) {
        size_t n = sessions_input(p->sessions, p->id, p->queue.buf, p->queue.len);
        strbuf_consume(&p->queue, n);
        p->retry_ms = n ? PANE_RETRY_MS : MT_MIN(p->retry_ms * 2, (uint64_t)PANE_RETRY_MAX_MS);
    }
    if (p->queue.len) {
        timer_start(p->retry, p->retry_ms);
    }
}

/* timer callback: whether Ctrl-C brought anything. */
static void look_stuck(void *arg)
{
    struct pane *p = arg;
    const struct session_info *s = p->id[0] ? sessions_find(p->sessions, p->id) : NULL;
    if (p->stuck.moved) {
        p->stuck.pasted = false; /* it reads */
    } else if (s && s->state == SESSION_RUNNING && !s->silent_since_ms) {
        p->events.on_stuck(p->events.arg);
    }
}

/* Ctrl-C lies in the terminal behind what was pasted, until its program has read that. */
static void watch_interrupt(struct pane *p, const char *bytes, size_t len)
{
    if (len == 1 && bytes[0] == 3 && p->stuck.pasted) {
        p->stuck.moved = false;
        timer_start(p->stuck.timer, STUCK_MS);
    }
}

void pane_init(struct pane *p, struct loop *loop, struct sessions *sessions, const struct pane_events *ev)
{
    *p = (struct pane){.loop = loop, .sessions = sessions, .events = *ev};
    strbuf_init(&p->queue);
    strbuf_init(&p->paste_tail);
    p->retry = timer_new(loop, flush_queue, p);
    p->stuck.timer = timer_new(loop, look_stuck, p);
}

void pane_release(struct pane *p)
{
    pane_copy_drop(p);
    pane_take_drop(p);
    pane_find_release(p);
    timer_close(p->drag.scroll);
    p->drag.scroll = NULL;
    timer_close(p->retry);
    timer_close(p->stuck.timer);
    p->retry = p->stuck.timer = NULL;
    strbuf_release(&p->queue);
    strbuf_release(&p->paste_tail);
}

/* Another session: nothing of the old one stays. What it was still to be given goes to it, as far as it takes it now.
 */
static void leave(struct pane *p)
{
    if (p->id[0]) {
        flush_queue(p);
        if (p->focused) {
            sessions_focus(p->sessions, p->id, false);
        }
        sessions_unview(p->sessions, p->id);
    }
    timer_stop(p->retry);
    timer_stop(p->stuck.timer);
    p->stuck.pasted = false;
    strbuf_clear(&p->queue);
    strbuf_clear(&p->paste_tail);
    pane_copy_drop(p);
    pane_drag_stop(p);
    pane_keep_drop(p);
    p->key_sent = false;
    p->failed = false;
    p->id[0] = '\0';
}

void pane_show(struct pane *p, const char *id, int cols, int rows)
{
    id = id ? id : "";
    bool same = strcmp(id, p->id) == 0;
    if (same && (!*id || (cols == p->cols && rows == p->rows))) {
        return;
    }
    if (!same) {
        leave(p);
        str_copy(p->id, sizeof(p->id), id);
        p->key_sent = true; /* a person asked to see it */
    }
    p->cols = cols;
    p->rows = rows;
    if (*id && cols > 0 && rows > 0) {
        struct error err = ERROR_INIT;
        pane_keep_ask(p);
        p->failed = sessions_view(p->sessions, p->id, cols, rows, &err) != 0;
        if (!same && p->focused) {
            sessions_focus(p->sessions, p->id, true);
        }
    }
}

void pane_set_focus(struct pane *p, bool focused)
{
    if (p->focused != focused && p->id[0]) {
        sessions_focus(p->sessions, p->id, focused);
    }
    p->focused = focused;
}

bool pane_has_screen(const struct pane *p)
{
    return p->id[0] && sessions_screen(p->sessions, p->id);
}

void pane_on_frame(struct pane *p)
{
    const struct session_screen *sc = sessions_screen(p->sessions, p->id);
    p->stuck.moved = true;
    if (sc && p->copy.active) {
        pane_keep_apply(p);
        if (p->cache.cols != sc->cols) { /* rows of another width, with other numbers */
            p->cache.count = 0;
        }
        copymode_limits(&p->copy, p->cols, p->rows, sc->history_first,
                        sc->history_first + sc->history_lines + (uint64_t)sc->rows);
        pane_copy_fill(p);
    }
    flush_queue(p);
}

/* Where the program's screen begins when it is taller than the place it has: its cursor must be seen. */
static int first_row(const struct session_screen *sc, int rows)
{
    int over = sc->rows - rows;
    return over > 0 && sc->cursor_row >= rows ? MT_MIN(over, sc->cursor_row - rows + 1) : 0;
}

struct style pane_style(struct style program, struct style text)
{
    return (struct style){.fg = program.fg == CELL_COLOR_DEFAULT ? text.fg : program.fg,
                          .bg = program.bg == CELL_COLOR_DEFAULT ? text.bg : program.bg,
                          .attrs = program.attrs};
}

void pane_theme_defaults(struct surface *s, struct rect r, struct style text)
{
    for (int y = r.y; y < r.y + r.h; y++) {
        for (int x = r.x; x < r.x + r.w; x++) {
            struct cell *c = surface_cell(s, x, y);
            if (c) {
                struct style st = pane_style((struct style){.fg = c->fg, .bg = c->bg}, text);
                c->fg = st.fg;
                c->bg = st.bg;
            }
        }
    }
}

/* One row of the program's screen. */
static void draw_row(const struct pane *p, struct surface *s, const struct session_screen *sc, struct rect at, int row,
                     struct style text)
{
    const struct cell *cells = sessions_row(p->sessions, p->id, row, NULL);
    if (!cells) {
        return;
    }
    surface_blit_extras(s, at.x, at.y, cells, at.w, sessions_clusters(p->sessions, p->id),
                        sessions_extras(p->sessions, p->id));
    pane_theme_defaults(s, at, text);
    if (sc->reverse_video) {
        surface_tint(s, at, (struct style){.fg = SURFACE_KEEP, .bg = SURFACE_KEEP, .attrs = CELL_REVERSE});
    }
}

/* The program's cursor, if this pane has the focus. */
static void draw_cursor(const struct pane *p, struct surface *s, const struct session_screen *sc, struct rect r,
                        int from)
{
    int cy = sc->cursor_row - from;
    const struct session_info *info = sessions_find(p->sessions, p->id);
    bool alive = info && info->state != SESSION_EXITED;
    if (p->focused && alive && sc->cursor_visible && cy >= 0 && cy < r.h && sc->cursor_col < r.w) {
        s->cursor.visible = true;
        s->cursor.x = r.x + sc->cursor_col;
        s->cursor.y = r.y + cy;
        s->cursor.shape = sc->cursor_styled ? sc->cursor_shape * 2 - (sc->cursor_blink ? 1 : 0) : 0;
    }
}

void pane_draw(const struct pane *p, struct surface *s, struct rect r, const struct theme *t)
{
    struct style text = theme_style(t, THEME_TEXT);
    surface_fill(s, r, text);
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    if (!sc) {
        return;
    }
    struct rect old = surface_clip(s, r);
    if (p->copy.active) {
        pane_copy_draw(p, s, r, t);
        surface_unclip(s, old);
        return;
    }
    int from = first_row(sc, r.h);
    for (int y = 0; y < r.h && from + y < sc->rows; y++) {
        draw_row(p, s, sc, (struct rect){r.x, r.y + y, MT_MIN(r.w, sc->cols), 1}, from + y, text);
    }
    draw_cursor(p, s, sc, r, from);
    surface_unclip(s, old);
}

/* A bit for each of so many rows of a program's screen. */
#define ROW_WORDS 16

void pane_painted(struct pane *p, struct rect at)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    uint64_t bits[ROW_WORDS]; /* everything in sight is painted: which rows is of no interest */
    p->painted.valid = false;
    if (sc) {
        p->painted.valid = !p->copy.active && sc->rows <= ROW_WORDS * 64;
        p->painted.at = at;
        p->painted.cols = sc->cols;
        p->painted.rows = sc->rows;
        p->painted.from = first_row(sc, at.h);
        p->painted.reverse = sc->reverse_video;
        sessions_take_frame(p->sessions, p->id, bits, MT_ARRAY_LEN(bits));
    }
}

bool pane_can_patch(const struct pane *p, struct rect at)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    return sc && p->painted.valid && !p->copy.active && memcmp(&at, &p->painted.at, sizeof(at)) == 0 &&
           sc->cols == p->painted.cols && sc->rows == p->painted.rows && first_row(sc, at.h) == p->painted.from &&
           sc->reverse_video == p->painted.reverse;
}

void pane_patch(struct pane *p, struct surface *s, const struct theme *t)
{
    const struct session_screen *sc = sessions_screen(p->sessions, p->id);
    struct style text = theme_style(t, THEME_TEXT);
    struct rect at = p->painted.at;
    uint64_t bits[ROW_WORDS];
    struct rect old = surface_clip(s, at);
    sessions_take_frame(p->sessions, p->id, bits, MT_ARRAY_LEN(bits));
    for (int y = 0; y < at.h && p->painted.from + y < sc->rows; y++) {
        int row = p->painted.from + y;
        if (bits[row / 64] >> (row % 64) & 1) {
            struct rect r = {at.x, at.y + y, MT_MIN(at.w, sc->cols), 1};
            surface_fill(s, r, text);
            draw_row(p, s, sc, r, row, text);
        }
    }
    draw_cursor(p, s, sc, at, p->painted.from);
    surface_unclip(s, old);
}

void pane_send(struct pane *p, const void *data, size_t len)
{
    if (!p->id[0] || !len) {
        return;
    }
    p->key_sent = true;
    p->key_ms = clock_mono_ms();
    p->stuck.pasted = p->stuck.pasted || len >= PASTED_LEAST;
    size_t n = p->queue.len ? 0 : sessions_input(p->sessions, p->id, data, len);
    if (n == len) {
        return;
    }
    size_t room = PANE_QUEUE_MAX - MT_MIN(p->queue.len, (size_t)PANE_QUEUE_MAX);
    if (!p->queue.len) {
        p->retry_ms = PANE_RETRY_MS;
        timer_start(p->retry, p->retry_ms);
    }
    strbuf_add(&p->queue, (const char *)data + n, MT_MIN(len - n, room));
    if (len - n > room) {
        p->events.on_message(p->events.arg, "The program does not read: what is typed and pasted now is lost");
    }
}

/* True when the program keeps the same flags as the outer terminal, more than the first: its bytes are right as they
 * are. */
static bool wants_raw(const struct session_screen *sc, unsigned flags)
{
    return sc && sc->kitty_flags > 1 && (sc->kitty_flags | 1) == flags;
}

void pane_raw_key(struct pane *p, const char *data, size_t len, unsigned flags)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    if (wants_raw(sc, flags)) {
        pane_send(p, data, len);
    }
}

void pane_key(struct pane *p, struct key key)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    struct key_modes none = {0};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    if (p->raw.len && wants_raw(sc, p->raw.flags)) {
        pane_send(p, p->raw.data, p->raw.len);
        return;
    }
    key_encode(key, sc ? &sc->modes : &none, &out);
    pane_send(p, out.buf, out.len);
    watch_interrupt(p, out.buf, out.len);
}

/* The wheel where the program did not ask for the mouse: its own arrows on the alternate screen, our scrollback else.
 */
static bool wheel(struct pane *p, const struct session_screen *sc, bool up)
{
    if (p->copy.active) {
        copymode_scroll(&p->copy, up ? -3 : 3);
        pane_copy_fill(p);
        if (!up && !p->copy.selecting && p->copy.top + (uint64_t)p->copy.rows >= p->copy.end) {
            pane_copy_end(p); /* scrolled back to the live screen */
        }
    } else if (sc->alt_screen) {
        for (int i = 0; i < 3; i++) {
            pane_key(p, (struct key){.sym = up ? KEYSYM_UP : KEYSYM_DOWN});
        }
        return true;
    } else if (up && sc->history_lines > 0) {
        pane_copy_begin(p);
        copymode_scroll(&p->copy, -3);
        pane_copy_fill(p);
    }
    p->events.on_dirty(p->events.arg);
    return true;
}

/* Tells the program, in its own places. A button that went down in it comes up in it, wherever the pointer is by then.
 */
static void report(struct pane *p, const struct session_screen *sc, struct mouse_event ev)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    ev.row += first_row(sc, p->rows);
    if (ev.kind != MOUSE_PRESS) {
        ev.col = MT_MAX(MT_MIN(ev.col, sc->cols - 1), 0);
        ev.row = MT_MAX(MT_MIN(ev.row, sc->rows - 1), 0);
    }
    if (ev.col >= 0 && ev.row >= 0 && ev.col < sc->cols && ev.row < sc->rows) {
        mouse_encode(&ev, &sc->modes, &out);
        pane_send(p, out.buf, out.len);
    }
}

bool pane_mouse(struct pane *p, const struct mouse_event *ev)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    if (!sc) {
        return false;
    }
    if (!p->copy.active && p->reports && mouse_is_wanted(ev, &sc->modes)) {
        report(p, sc, *ev);
        return true;
    }
    if (ev->button == MOUSE_WHEEL_UP || ev->button == MOUSE_WHEEL_DOWN) {
        return wheel(p, sc, ev->button == MOUSE_WHEEL_UP);
    }
    return ev->button == MOUSE_BUTTON_LEFT || p->drag.active ? pane_drag(p, ev) : false;
}

bool pane_wants_hover(const struct pane *p)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    return sc && p->reports && sc->modes.mouse == MOUSE_MOVE;
}

/* Does the program want paste markers? */
static bool is_bracketed(const struct pane *p)
{
    const struct session_screen *sc = p->id[0] ? sessions_screen(p->sessions, p->id) : NULL;
    return sc && sc->modes.bracketed;
}

void pane_paste_begin(struct pane *p)
{
    strbuf_clear(&p->paste_tail);
    p->paste_cr = false;
    if (is_bracketed(p)) {
        pane_send(p, "\033[200~", 6);
    }
}

/* Bytes at the end that begin a UTF-8 sequence and do not finish it. */
static size_t unfinished(const char *s, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char c = (unsigned char)s[len - back];
        if (c >= 0xC0) {
            size_t need = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
            return back < need ? back : 0;
        }
        if (c < 0x80) {
            return 0;
        }
    }
    return 0;
}

void pane_paste(struct pane *p, const char *data, size_t len)
{
    /* The markers frame the whole paste, so each piece is encoded as a program without them would get it. */
    struct key_modes plain = {0};
    MT_CLEANUP(strbuf) struct strbuf in = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    if (p->paste_cr && len && data[0] == '\n') {
        data++;
        len--;
    }
    strbuf_add(&in, p->paste_tail.buf, p->paste_tail.len);
    strbuf_add(&in, data, len);
    p->paste_cr = in.len && in.buf[in.len - 1] == '\r';
    size_t keep = unfinished(in.buf, in.len);
    strbuf_clear(&p->paste_tail);
    strbuf_add(&p->paste_tail, in.buf + in.len - keep, keep);
    paste_encode(in.buf, in.len - keep, &plain, &out);
    pane_send(p, out.buf, out.len);
}

void pane_paste_end(struct pane *p)
{
    strbuf_clear(&p->paste_tail);
    if (is_bracketed(p)) {
        pane_send(p, "\033[201~", 6);
    }
}
