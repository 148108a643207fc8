/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "tui/copymode.h"

/* Moves of copy mode that depend on the text. */

enum word_class { CLASS_BLANK, CLASS_PUNCT, CLASS_WORD };

/* What vi takes a character for; the right half of a wide one is what its left half is. */
static enum word_class class_at(const struct copy_row *l, int col)
{
    if (col > 0 && col < l->count && l->cells[col].width == 0) {
        col--;
    }
    uint32_t ch = col < l->count ? l->cells[col].ch : 0;
    if (ch == 0 || ch == ' ') {
        return CLASS_BLANK;
    }
    return CELL_IS_CLUSTER(ch) || ch == '_' || utf8_is_alnum(ch) ? CLASS_WORD : CLASS_PUNCT;
}

/* The first column of the character at `col`. */
static int char_start(const struct copy_row *l, int col)
{
    return col > 0 && col < l->count && l->cells[col].width == 0 ? col - 1 : col;
}

/* The last column with something in it, 0 when there is none. */
static int last_ink(const struct copy_row *l)
{
    int col = MT_MAX(l->count - 1, 0);
    while (col > 0 && class_at(l, col) == CLASS_BLANK) {
        col--;
    }
    return char_start(l, col);
}

static bool is_blank_row(const struct copy_row *l)
{
    return last_ink(l) == 0 && class_at(l, 0) == CLASS_BLANK;
}

void copymode_horizontal(struct copymode *c, int delta, copymode_row_fn row, const void *arg)
{
    struct copy_row l;
    int col = c->col;
    bool loaded = row(arg, c->line, &l);
    for (int n = delta < 0 ? -delta : delta; n > 0; n--) {
        int step = delta > 0 && loaded && col < l.count && l.cells[col].width == 2 ? 2 : 1;
        col += delta < 0 ? -1 : step;
        col = loaded ? char_start(&l, col) : col;
    }
    col = MT_MIN(MT_MAX(col, 0), MT_MAX(c->cols - 1, 0));
    c->col = loaded ? char_start(&l, col) : col;
}

void copymode_line_end(struct copymode *c, copymode_row_fn row, const void *arg)
{
    struct copy_row l;
    c->col = row(arg, c->line, &l) ? MT_MIN(last_ink(&l), MT_MAX(c->cols - 1, 0)) : 0;
}

void copymode_line_text(struct copymode *c, copymode_row_fn row, const void *arg)
{
    struct copy_row l;
    c->col = 0;
    if (row(arg, c->line, &l)) {
        int col = 0;
        while (col < l.count && class_at(&l, col) == CLASS_BLANK) {
            col++;
        }
        c->col = col < l.count ? MT_MIN(col, MT_MAX(c->cols - 1, 0)) : 0;
    }
}

/* Does a word begin, or end, at this column? A soft-wrapped row goes on where the one before it ended. */
static bool is_edge(const struct copy_row *l, int col, bool end, enum word_class before, enum word_class after)
{
    enum word_class here = class_at(l, col);
    if (here == CLASS_BLANK || l->cells[col].width == 0) {
        return false;
    }
    int width = MT_MAX((int)l->cells[col].width, 1);
    enum word_class other =
        end ? (col + width < l->count ? class_at(l, col + width) : after) : (col > 0 ? class_at(l, col - 1) : before);
    return other != here;
}

/* The class of the character that a soft wrap joins to this row: behind the row before it, or before the next. */
static enum word_class neighbour(const struct copymode *c, uint64_t line, bool next, copymode_row_fn row,
                                 const void *arg)
{
    struct copy_row l, other;
    if (next) {
        return line + 1 < c->end && row(arg, line, &l) && l.wrapped && row(arg, line + 1, &other) ? class_at(&other, 0)
                                                                                                  : CLASS_BLANK;
    }
    return line > c->first && row(arg, line - 1, &other) && other.wrapped ? class_at(&other, MT_MAX(other.count - 1, 0))
                                                                          : CLASS_BLANK;
}

void copymode_word(struct copymode *c, int dir, bool end, copymode_row_fn row, const void *arg)
{
    uint64_t line = c->line;
    int col = c->col + dir;
    for (;;) {
        struct copy_row l;
        if (!row(arg, line, &l)) {
            return;
        }
        enum word_class before = neighbour(c, line, false, row, arg), after = neighbour(c, line, true, row, arg);
        (void)row(arg, line, &l);
        for (col = MT_MIN(col, l.count); dir > 0 ? col < l.count : col >= 0; col += dir) {
            if (col < l.count && is_edge(&l, col, end, before, after)) {
                copymode_goto(c, line, col);
                return;
            }
        }
        if (dir > 0 ? line + 1 >= c->end : line <= c->first) {
            return;
        }
        line += (uint64_t)(int64_t)dir;
        col = dir > 0 ? 0 : c->cols - 1;
    }
}

void copymode_paragraph(struct copymode *c, int dir, copymode_row_fn row, const void *arg)
{
    struct copy_row here;
    uint64_t line = c->line;
    bool text = row(arg, line, &here) && !is_blank_row(&here);
    while (dir > 0 ? line + 1 < c->end : line > c->first) {
        struct copy_row l;
        line += (uint64_t)(int64_t)dir;
        if (!row(arg, line, &l)) {
            break;
        }
        bool blank = is_blank_row(&l);
        if (blank && text) {
            break;
        }
        text = text || !blank;
    }
    copymode_goto(c, line, 0);
}

bool copymode_find(struct copymode *c, char how, uint32_t ch, copymode_row_fn row, const void *arg)
{
    struct copy_row l;
    int dir = how == 'f' || how == 't' ? 1 : -1, shy = how == 't' || how == 'T' ? dir : 0;
    c->find = 0;
    c->found = how;
    c->found_ch = ch;
    if (!row(arg, c->line, &l)) {
        return false;
    }
    for (int col = c->col + dir + shy; col >= 0 && col < l.count; col += dir) {
        if (l.cells[col].ch == ch && l.cells[col].width != 0) {
            c->col = char_start(&l, col - shy);
            return true;
        }
    }
    return false;
}

/* Does a character belong to a word, a path, an address? */
static bool is_wordy(const struct copy_row *l, int col)
{
    char buf[8];
    size_t len = 0;
    uint32_t cp = 0;
    if (col < 0 || col >= l->count) {
        return false;
    }
    const char *text = cluster_text(l->clusters, l->cells[char_start(l, col)].ch, buf, &len);
    utf8_decode(text, len, &cp);
    return cp > ' ' && (utf8_is_alnum(cp) || (cp < 0x80 && strchr("_-./~:@%+=?&#", (int)cp) != NULL));
}

void copymode_select_word(struct copymode *c, copymode_row_fn row, const void *arg)
{
    struct copy_row l;
    uint64_t from = c->line;
    uint64_t to = from;
    if (!row(arg, c->line, &l)) {
        return;
    }
    int a = char_start(&l, c->col), b = a;
    if (is_wordy(&l, a)) {
        for (;;) {
            struct copy_row before;
            if (a > 0 && is_wordy(&l, a - 1)) {
                a--;
            } else if (a == 0 && from > c->first && row(arg, from - 1, &before) && before.wrapped &&
                       is_wordy(&before, before.count - 1)) {
                l = before;
                from--;
                a = l.count - 1;
            } else {
                break;
            }
        }
        (void)row(arg, to, &l);
        for (;;) {
            struct copy_row after;
            if (b + 1 < l.count && is_wordy(&l, b + 1)) {
                b++;
            } else if (b + 1 >= l.count && l.wrapped && to + 1 < c->end && row(arg, to + 1, &after) &&
                       is_wordy(&after, 0)) {
                l = after;
                to++;
                b = 0;
            } else {
                break;
            }
        }
    }
    copymode_select_span(c, COPY_CHARS, from, a, to, b);
}
