/* SPDX-License-Identifier: Apache-2.0 */
/* The echo of a key, written on the terminal that the viewer has lent (term/loan.h), right before the frame that tells
 * the viewer of it. */
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "term/echo.h"
#include "term/host_session.h"
#include "term/viewer_priv.h"

void viewer_drop_loan(struct viewer *v)
{
    loan_drop(v->loan);
    v->loan = NULL;
    if (v->outer >= 0) {
        close(v->outer);
    }
    v->outer = -1;
}

/* A terminal that never makes us wait. */
static bool is_usable(int fd)
{
    int flags = fd >= 0 ? fcntl(fd, F_GETFL) : -1;

    return flags >= 0 && (flags & O_NONBLOCK) != 0 && (flags & O_ACCMODE) != O_RDONLY && isatty(fd);
}

void viewer_on_loan(struct viewer *v)
{
    int fd = sock_take_fd(v->sock);

    viewer_drop_loan(v);
    v->loan = fd >= 0 ? loan_open(fd) : NULL;
    if (fd >= 0) {
        close(fd);
    }
}

void viewer_on_outer_terminal(struct viewer *v)
{
    int fd = sock_take_fd(v->sock);

    if (v->loan != NULL && v->viewing && v->outer < 0 && is_usable(fd)) {
        v->outer = fd;
    } else if (fd >= 0) {
        close(fd);
    }
}

/* Since the last frame nothing has changed but the row that the cursor is in, and the cursor's place in it. */
static bool is_echo(const struct viewer *v, const struct proto_screen *s)
{
    MT_CLEANUP(strbuf) struct strbuf head = STRBUF_INIT;
    struct proto_screen before = *s;

    for (int i = 0; i < DIRTY_WORDS; i++) {
        uint64_t row = s->cursor_row / 64 == i ? (uint64_t)1 << (s->cursor_row % 64) : 0;

        if ((v->dirty[i] & ~row) != 0) {
            return false;
        }
    }
    before.cursor_col = v->last_col;
    proto_put_screen(&head, &before);
    return s->cursor_visible && head.len == v->last_head.len && memcmp(head.buf, v->last_head.buf, head.len) == 0;
}

void viewer_echo(struct viewer *v, const struct proto_screen *s, uint64_t now_ms)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct loan_offer offer;
    struct loan_drawn drawn;
    const struct cell *cells;
    bool wrapped;
    ssize_t n;

    if (v->outer < 0 || !loan_is_offered(v->loan) || s->cursor_col == v->last_col || !is_echo(v, s) ||
        vt_paint_row(v->host->vt, NULL, 0)) {
        return;
    }
    cells = vt_row(v->host->vt, s->cursor_row, &wrapped);
    if (cells == NULL || !loan_take(v->loan, &offer, now_ms)) {
        return;
    }
    offer.cols = MT_MIN(offer.cols, s->cols);
    if (!echo_write(&offer, cells, s->cursor_row, v->last_col, s->cursor_col, &out, &drawn)) {
        loan_give_back(v->loan);
        return;
    }
    n = write(v->outer, out.buf, out.len);
    if (n <= 0) {
        loan_give_back(v->loan); /* it is full, or gone: the cockpit will see */
        return;
    }
    loan_use(v->loan, (size_t)n == out.len ? &drawn : NULL);
    /* What carries the bytes on, and who reads them, wait for a processor, perhaps for ours: the frame has time now. */
    sched_yield();
}
