/* SPDX-License-Identifier: Apache-2.0 */
/* What a viewer is sent of the screen and when: the rows that changed since its last frame, once it has taken that, at
 * most 60 times a second, less often while somebody types elsewhere; and with the first of them the terminal itself. */
#include <string.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/util/xmalloc.h"
#include "term/host_session.h"
#include "term/viewer_priv.h"

#define FRAME_MS 16
#define YIELD_FRAME_MS 150 /* beside a session that is typed into nobody reads a flood */
#define KEY_FRAME_MS 4     /* within PROTO_KEY_WINDOW_MS */

void viewer_damage(struct viewer *v, int row)
{
    v->touched = true;
    if (row >= 0 && row < PROTO_MAX_ROWS) {
        v->dirty[row / 64] |= (uint64_t)1 << (row % 64);
    }
}

void viewer_damage_all(struct viewer *v)
{
    v->touched = true;
    memset(v->dirty, 0xff, sizeof(v->dirty));
}

void viewer_screen(const struct host_session *h, struct proto_screen *s)
{
    struct vt_cursor c = vt_cursor(h->vt);
    uint64_t lines = vt_history_estimate(h->vt);

    memset(s, 0, sizeof(*s));
    s->cols = vt_cols(h->vt);
    s->rows = vt_rows(h->vt);
    s->cursor_col = c.col;
    s->cursor_row = c.row;
    s->cursor_visible = c.visible;
    s->cursor_blink = c.blink;
    s->cursor_styled = c.styled;
    s->cursor_shape = c.shape;
    s->reversed = vt_is_reversed(h->vt);
    s->modes = *vt_modes(h->vt);
    s->modes.alt_screen = vt_is_alt(h->vt);
    s->history_lines = lines;
    s->history_first = vt_history_total(h->vt) - lines;
}

/* Appends the changed rows, as many as fit one frame; the rest stays marked. Returns how many. */
static uint32_t put_rows(struct viewer *v, struct strbuf *b, int rows, int cols)
{
    struct vt *vt = v->host->vt;
    struct cell *painted = vt_paint_row(vt, NULL, 0) ? xcalloc((size_t)cols, sizeof(*painted)) : NULL;
    uint32_t count = 0;

    for (int r = 0; r < rows && b->len < PROTO_SOFT_MAX; r++) {
        uint64_t bit = (uint64_t)1 << (r % 64);
        const struct cell *cells;
        bool wrapped = false;

        if ((v->dirty[r / 64] & bit) == 0) {
            continue;
        }
        v->dirty[r / 64] &= ~bit;
        cells = vt_row(vt, r, &wrapped);
        if (cells != NULL) {
            if (painted != NULL) {
                memcpy(painted, cells, (size_t)cols * sizeof(*cells));
                vt_paint_row(vt, painted, cols);
                cells = painted;
            }
            proto_put_row(b, r, wrapped, cells, cols, vt_clusters(vt));
            count++;
        }
    }
    free(painted);
    return count;
}

/* True while a row below `rows` is marked; marks beyond are taken away. */
static bool has_dirty(struct viewer *v, int rows)
{
    bool any = false;

    for (int i = 0; i < DIRTY_WORDS; i++) {
        int left = rows - i * 64;

        if (left < 64) {
            v->dirty[i] &= left <= 0 ? 0 : ((uint64_t)1 << left) - 1;
        }
        any = any || v->dirty[i] != 0;
    }
    return any;
}

void viewer_send_extras(struct viewer *v)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    const struct extra_table *t = vt_extras(v->host->vt);

    if (proto_put_extras(&b, t, v->extras_told)) {
        viewer_send(v, PROTO_EXTRAS, &b);
    }
    v->extras_told = t->serial;
}

/* Gives it the place for its notes, once; without one it tells of each key by a message. */
static void share_notes(struct viewer *v)
{
    int fds[2];

    if (v->notes >= 0 || aside_open(fds) != 0) {
        return;
    }
    if (sock_send_fd(v->sock, PROTO_NOTES, "", 0, fds[1]) == 0) {
        v->notes = fds[0];
    } else {
        close(fds[0]);
    }
    close(fds[1]);
}

/* Gives the terminal to a viewer that has not got it, or got another one. It types into it itself then: a key goes to
 * the program without waking us first, which is a third of the way. A descriptor that it cannot use it just closes. */
static void share_terminal(struct viewer *v)
{
    unsigned serial = 0;
    int fd = v->viewing && v->host->pty != NULL ? pty_terminal(v->host->pty, &serial) : -1;

    if (fd < 0 || (v->shares && v->serial == serial)) {
        return;
    }
    share_notes(v); /* first: who has the terminal knows where to tell of it */
    if (sock_send_fd(v->sock, PROTO_TERMINAL, "", 0, fd) == 0) {
        v->shares = true;
        v->serial = serial;
    }
}

/* Sends one frame; false when there was nothing new in it. */
static bool send_frame(struct viewer *v, uint64_t now_ms)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct proto_screen s;
    uint32_t count;
    size_t at;

    viewer_screen(v->host, &s);
    at = proto_put_screen(&b, &s);
    v->touched = false;
    if (!has_dirty(v, s.rows) && b.len == v->last_head.len && memcmp(b.buf, v->last_head.buf, b.len) == 0) {
        return false;
    }
    viewer_echo(v, &s, now_ms);
    v->last_col = s.cursor_col;
    strbuf_clear(&v->last_head);
    strbuf_add(&v->last_head, b.buf, b.len);
    count = put_rows(v, &b, s.rows, s.cols);
    proto_end_rows(&b, at, count);
    v->touched = has_dirty(v, s.rows);
    v->credit = false;
    v->key_pending = false;
    viewer_send_extras(v);
    viewer_send(v, PROTO_FRAME, &b);
    share_terminal(v);
    return true;
}

/* Refills what may be sent by now. */
static void refill(struct viewer *v, uint64_t now_ms)
{
    uint64_t n = (now_ms - v->token_ms) / FRAME_MS;

    if (n > VIEWER_FRAMES) {
        v->tokens = VIEWER_FRAMES;
        v->token_ms = now_ms;
    } else if (n > 0) {
        v->tokens = MT_MIN(v->tokens + (int)n, VIEWER_FRAMES);
        v->token_ms += n * FRAME_MS;
    }
}

uint64_t viewer_flush(struct viewer *v, uint64_t now_ms)
{
    if (!v->viewing || !v->touched || !v->credit || sock_queued(v->sock) > 0) {
        return 0; /* credit and drain call again */
    }
    if (vt_is_held(v->host->vt, now_ms)) {
        return vt_sync_deadline_ms(v->host->vt);
    }
    refill(v, now_ms);
    if (host_pace_yields(&v->host->pace, now_ms) && !v->key_pending && now_ms < v->sent_ms + YIELD_FRAME_MS) {
        return v->sent_ms + YIELD_FRAME_MS;
    }
    if (v->tokens <= 0 && !v->key_pending) {
        uint64_t next = v->token_ms + FRAME_MS;

        if (now_ms < v->key_ms + PROTO_KEY_WINDOW_MS) {
            next = MT_MIN(next, v->sent_ms + KEY_FRAME_MS);
        }
        if (next > now_ms) {
            return next;
        }
    }
    if (send_frame(v, now_ms)) {
        v->tokens = MT_MAX(v->tokens - 1, 0);
        v->sent_ms = now_ms;
    }
    return 0;
}
