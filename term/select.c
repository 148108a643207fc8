/* SPDX-License-Identifier: Apache-2.0 */
#include "term/select.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/grid.h"

void select_cells(struct strbuf *out, const struct cell *cells, int from, int to, const struct cluster_table *clusters,
                  bool trim)
{
    size_t keep = out->len;
    for (int col = MT_MAX(from, 0); col < to; col++) {
        char buf[8];
        size_t len = 0;
        if (cells[col].width == 0) {
            continue;
        }
        const char *text = cluster_text(clusters, cells[col].ch, buf, &len);
        strbuf_add(out, text, len);
        if (cells[col].ch != 0 && cells[col].ch != ' ') {
            keep = out->len;
        }
    }
    if (trim) {
        strbuf_truncate(out, keep);
    }
}

size_t select_line_count(const struct vt *vt)
{
    return vt_history_count(vt) + (size_t)vt_rows(vt);
}

int select_line(struct vt *vt, size_t line, struct cell *out, int cols, bool *wrapped)
{
    size_t history = vt_history_count(vt);
    if (line < history) {
        return vt_history_line(vt, history - 1 - line, out, cols, wrapped) < 0 ? -1 : 0;
    }
    if (line - history >= (size_t)vt_rows(vt)) {
        return -1;
    }
    const struct cell *cells = vt_row(vt, (int)(line - history), wrapped);
    int have = MT_MIN(cols, vt_cols(vt));
    memcpy(out, cells, (size_t)have * sizeof(*out));
    cell_fill(out + have, (size_t)(cols - have), CELL_BLANK);
    return 0;
}

/* The columns [*from, *to) that the selection takes of a line. */
static void line_range(struct select_pos a, struct select_pos b, bool block, size_t line, int cols, int *from, int *to)
{
    if (block) {
        *from = MT_MIN(a.col, b.col);
        *to = MT_MAX(a.col, b.col) + 1;
    } else {
        *from = line == a.line ? a.col : 0;
        *to = line == b.line ? b.col + 1 : cols;
    }
    *from = MT_MAX(MT_MIN(*from, cols), 0);
    *to = MT_MAX(MT_MIN(*to, cols), *from);
}

void select_text(struct vt *vt, struct select_pos a, struct select_pos b, bool block, struct strbuf *out)
{
    if (b.line < a.line || (b.line == a.line && b.col < a.col)) {
        struct select_pos tmp = a;
        a = b;
        b = tmp;
    }
    int cols = GRID_MAX;
    size_t last = MT_MIN(b.line + 1, select_line_count(vt));
    struct cell *cells = xcalloc((size_t)cols, sizeof(*cells));
    for (size_t line = a.line; line < last; line++) {
        bool wrapped = false;
        int from = 0, to = 0;
        if (select_line(vt, line, cells, cols, &wrapped) < 0) {
            break;
        }
        line_range(a, b, block, line, cols, &from, &to);
        if (from > 0 && from < cols && cells[from].width == 0) {
            from--; /* the right half of a wide character brings the whole */
        }
        bool join = wrapped && !block;
        /* A wrapped row may end in spaces that are text; what was never written is none. */
        while (join && to > from && cells[to - 1].ch == 0 && cells[to - 1].width == 1) {
            to--;
        }
        select_cells(out, cells, from, to, vt_clusters(vt), !join);
        if (line + 1 < last && !join) {
            strbuf_addch(out, '\n');
        }
    }
    free(cells);
}

/* Whether a cell belongs to a word. */
static bool is_word(const struct vt *vt, const struct cell *cells, int col)
{
    char buf[8];
    size_t len = 0;
    uint32_t cp = 0;
    if (col > 0 && cells[col].width == 0) {
        col--;
    }
    const char *text = cluster_text(vt_clusters(vt), cells[col].ch, buf, &len);
    utf8_decode(text, len, &cp);
    return cp > ' ' && (utf8_is_alnum(cp) || (cp < 0x80 && strchr("_-./~:@%+=?&#", (int)cp) != NULL));
}

void select_word(struct vt *vt, struct select_pos at, struct select_pos *from, struct select_pos *to)
{
    int cols = vt_cols(vt);
    struct cell *cells = xcalloc((size_t)cols, sizeof(*cells));
    *from = *to = at;
    if (at.col >= 0 && at.col < cols && select_line(vt, at.line, cells, cols, NULL) == 0 &&
        is_word(vt, cells, at.col)) {
        while (from->col > 0 && is_word(vt, cells, from->col - 1)) {
            from->col--;
        }
        while (to->col + 1 < cols && is_word(vt, cells, to->col + 1)) {
            to->col++;
        }
    }
    free(cells);
}
