/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "term/grid.h"
#include "term/search.h"
#include "term/select.h"
#include "term/vt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A pane whose size changes while a program writes and a person looks back. Bytes are fed, but for those below, which
 * are never in UTF-8. No resize may change the text there is, and no reading may find rows that do not fit. */
enum {
    OP_RESIZE = 0xf9, /* columns, rows */
    OP_READ = 0xfa,   /* the whole scrollback */
    OP_SEARCH = 0xfb,
    OP_GUESS = 0xfc,
    OP_REPEAT = 0xfd, /* n, length: the bytes that follow, n % 64 times */
};

static void check_row(const struct vt *vt, const struct cell *cells, int cols)
{
    for (int col = 0; col < cols; col++) {
        const struct cell *c = &cells[col];
        bool after_wide = col > 0 && cells[col - 1].width == 2;
        if (c->width > 2 || (c->width == 0) != after_wide || (c->width == 2 && col + 1 >= cols)) {
            MT_BUG("a wide character in pieces at column %d", col);
        }
        if (cell_extra(c) != 0 && extra_get(vt_extras(vt), cell_extra(c)) == NULL) {
            MT_BUG("an extra that is not there");
        }
    }
}

/* Appends a row's text, joined to the next one when it wraps. */
static void add_row(struct strbuf *out, const struct vt *vt, const struct cell *cells, int cols, bool wrapped)
{
    check_row(vt, cells, cols);
    while (wrapped && cols > 0 && cells[cols - 1].ch == 0 && cells[cols - 1].width == 1) {
        cols--;
    }
    select_cells(out, cells, 0, cols, vt_clusters(vt), !wrapped);
    if (!wrapped) {
        while (out->len > 0 && out->buf[out->len - 1] == ' ') {
            strbuf_truncate(out, out->len - 1);
        }
        strbuf_addch(out, '\n');
    }
}

/* Scrollback and screen, without the blank lines at the end. */
static void text_of(struct vt *vt, struct strbuf *out)
{
    static struct cell cells[GRID_MAX];
    size_t count = vt_history_count(vt);
    strbuf_clear(out);
    for (size_t i = count; i > 0; i--) {
        bool wrapped = false;
        if (vt_history_line(vt, i - 1, cells, vt_cols(vt), &wrapped) < 0) {
            MT_BUG("row %zu of %zu is missing", i - 1, count);
        }
        if (wrapped != vt_history_is_wrapped(vt, i - 1)) {
            MT_BUG("row %zu does not know whether it goes on", i - 1);
        }
        add_row(out, vt, cells, vt_cols(vt), wrapped);
    }
    if (vt_history_line(vt, count, cells, vt_cols(vt), NULL) >= 0) {
        MT_BUG("a row past the end");
    }
    for (int row = 0; row < vt_rows(vt); row++) {
        bool wrapped = false;
        const struct cell *c = vt_row(vt, row, &wrapped);
        add_row(out, vt, c, vt_cols(vt), wrapped && row + 1 < vt_rows(vt));
    }
    while (out->len > 0 && out->buf[out->len - 1] == '\n') {
        strbuf_truncate(out, out->len - 1);
    }
}

/* The character at a place; 0: there is none. */
static uint32_t character_at(struct vt *vt, struct vt_point p)
{
    static struct cell cells[GRID_MAX];
    uint64_t first = vt_history_total(vt) - vt_history_count(vt);
    if (p.line < first || p.col < 0 || p.col >= vt_cols(vt) ||
        select_line(vt, (size_t)(p.line - first), cells, vt_cols(vt), NULL) != 0) {
        MT_BUG("a place outside");
    }
    return cells[p.col].ch == ' ' ? 0 : cells[p.col].ch;
}

#define POINTS 5

/* Places spread over all there is. */
static void choose_points(struct vt *vt, struct vt_point points[POINTS], uint32_t chars[POINTS])
{
    uint64_t first = vt_history_total(vt) - vt_history_count(vt), lines = select_line_count(vt);
    for (size_t i = 0; i < POINTS; i++) {
        points[i] = (struct vt_point){first + lines * i / POINTS, (int)(lines * 7 + i * 13) % vt_cols(vt)};
        chars[i] = character_at(vt, points[i]);
    }
}

/* Resizes; with `keep`, the text must stay, and places with it. */
static void resize(struct vt *vt, int cols, int rows, bool keep)
{
    struct vt_point points[POINTS];
    uint32_t chars[POINTS];
    struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;
    keep = keep && !vt_is_alt(vt);
    if (keep) {
        text_of(vt, &before);
    }
    choose_points(vt, points, chars);
    vt_resize_keep(vt, cols, rows, points, POINTS);
    text_of(vt, &after);
    for (size_t i = 0; i < POINTS && keep; i++) { /* lines that were dropped are nowhere */
        uint32_t c = character_at(vt, points[i]);
        if (chars[i] != 0 && !CELL_IS_CLUSTER(chars[i]) && c != chars[i]) {
            MT_BUG("place %zu is at %x, not at %x", i, c, chars[i]);
        }
    }
    if (keep && (before.len != after.len || memcmp(before.buf, after.buf, before.len) != 0)) {
        MT_BUG("a resize changed the text:\n[%s]\n[%s]", before.buf, after.buf);
    }
    struct vt_cursor c = vt_cursor(vt);
    if (c.row < 0 || c.row >= vt_rows(vt) || c.col < 0 || c.col >= vt_cols(vt)) {
        MT_BUG("the cursor is outside");
    }
    strbuf_release(&before);
    strbuf_release(&after);
}

static void search(struct vt *vt, bool backward)
{
    struct search_opts opts = {
        .needle = "a+b?", .backward = backward, .wrap = true, .count = true, .line = vt_history_total(vt)};
    struct search *s = search_new(vt, &opts);
    while (search_step(s, UINT64_MAX) != SEARCH_DONE) {
    }
    search_free(s);
}

/* What a byte that is no text asks for; returns how many bytes it took. */
static size_t operate(struct vt *vt, const uint8_t *data, size_t left, bool keep)
{
    struct strbuf text = STRBUF_INIT;
    size_t took = 1;
    if (*data == OP_RESIZE && left >= 3) {
        resize(vt, data[1], data[2] % 60, keep);
        took = 3;
    } else if (*data == OP_READ) {
        text_of(vt, &text);
    } else if (*data == OP_SEARCH) {
        search(vt, left % 2 == 0);
    } else if (*data == OP_GUESS) {
        for (size_t i = 0; i < 64; i++) {
            vt_history_estimate(vt);
        }
        if (vt_history_estimate(vt) != vt_history_count(vt)) {
            MT_BUG("a guess that does not become right");
        }
    } else if (*data == OP_REPEAT && left >= 3) {
        size_t len = MT_MIN((size_t)data[2], left - 3);
        for (int i = 0; i < data[1] % 64; i++) {
            vt_feed(vt, (const char *)data + 3, len);
        }
        took = 3 + len;
    }
    strbuf_release(&text);
    return took;
}

/* A shell is there: its line may change. */
static void on_mark(char kind, int status, void *arg)
{
    (void)kind;
    (void)status;
    *(bool *)arg = false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) {
        return 0;
    }
    /* Odd: so small that lines are dropped all the time. */
    bool small = (data[2] & 1) != 0;
    static const struct vt_callbacks callbacks = {.mark = on_mark};
    /* What is dropped is gone, and a prompt is blanked for its shell. */
    bool keep = !small;
    struct vt *vt = vt_new(&(struct vt_opts){.cols = data[0],
                                             .rows = data[1] % 60,
                                             .scrollback_lines = small ? 300 : 1000000,
                                             .scrollback_bytes = small ? 1 : 64u << 20,
                                             .callbacks = &callbacks,
                                             .arg = &keep});
    for (size_t at = 3; at < size;) {
        size_t n = 0;
        while (at + n < size && (data[at + n] < OP_RESIZE || data[at + n] > OP_REPEAT)) {
            n++;
        }
        vt_feed(vt, (const char *)data + at, n);
        at += n;
        if (at < size) {
            at += operate(vt, data + at, size - at, keep);
        }
    }
    resize(vt, 80, 24, keep);
    vt_free(vt);
    return 0;
}
