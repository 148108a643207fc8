/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/xmalloc.h"
#include "term/scrollback_priv.h"

/* Rows of the present width out of pieces of other widths. A line is the pieces from one that begins it to the next
 * such; its rows are counted from the heads of its pieces where all characters are narrow, and by going through its
 * text where some are wide. Chunks keep their count. */

static uint64_t chunk_of(uint64_t seq)
{
    return seq / REWRAP_CHUNK;
}

static struct rewrap_chunk *chunk_at(const struct rewrap *r, uint64_t chunk)
{
    return &r->chunks[chunk & (r->cap - 1)];
}

static bool goes_on(const struct scrollback *sb, uint64_t seq)
{
    return (scrollback_piece(sb, seq).flags & PACKED_WRAPPED) != 0;
}

/* True when a line that goes on ends here all the same, as it has gone on for long. */
static bool is_cut(const struct scrollback *sb, uint64_t seq)
{
    if (seq % REWRAP_CHUNK != 0 || seq - sb->first < REWRAP_REACH) {
        return false;
    }
    for (uint64_t back = 2; back <= REWRAP_REACH; back++) {
        if (!goes_on(sb, seq - back)) {
            return false;
        }
    }
    return true;
}

bool rewrap_is_start(const struct scrollback *sb, uint64_t seq)
{
    return seq == sb->first || !goes_on(sb, seq - 1) || is_cut(sb, seq);
}

void rewrap_release(struct rewrap *r)
{
    free(r->chunks);
    free(r->cells);
    free(r->places);
    free(r->lines);
    *r = (struct rewrap){.epoch = r->epoch};
}

/* Nothing is counted. */
static void forget(struct scrollback *sb)
{
    struct rewrap *r = sb->old;
    r->epoch++;
    r->hint = false;
    r->nlines = 0;
    r->from = r->to = 0;
    r->known_rows = 0;
    r->known_from = r->end > sb->first ? chunk_of(r->end - 1) + 1 : 0;
}

void rewrap_begin(struct scrollback *sb)
{
    struct rewrap *r = sb->old;
    size_t need = (size_t)(chunk_of(sb->next) - chunk_of(sb->first)) + 2, cap = 4;
    r->end = sb->next;
    while (cap < need) {
        cap *= 2;
    }
    if (cap > r->cap || cap < r->cap / 4) {
        free(r->chunks);
        r->chunks = xcalloc(cap, sizeof(*r->chunks));
        r->cap = cap;
    }
    if (r->cells == NULL) {
        r->cells = xcalloc(GRID_MAX, sizeof(*r->cells));
        r->places = xcalloc(REWRAP_PIECES + 1, sizeof(*r->places));
        r->lines = xcalloc(REWRAP_CHUNK + 1, sizeof(*r->lines));
    }
    forget(sb);
}

/* A chunk's count no longer holds. */
static void chunk_forget(struct rewrap *r, uint64_t chunk)
{
    struct rewrap_chunk *c = chunk_at(r, chunk);
    if (r->known_from <= chunk && c->epoch == r->epoch) {
        r->known_rows -= c->rows;
    }
    c->epoch = 0;
}

void rewrap_first_goes(struct scrollback *sb)
{
    struct rewrap *r = sb->old;
    if (sb->first + 1 >= r->end) {
        rewrap_release(r);
        return;
    }
    /* The first piece begins a line now whatever came before it, and a part that began at the next chunk may not any
     * more. */
    uint64_t chunk = chunk_of(sb->first), last = chunk_of(r->end - 1);
    chunk_forget(r, chunk);
    if (chunk + 1 <= last) {
        chunk_forget(r, chunk + 1);
    }
    r->known_from = MT_MAX(r->known_from, MT_MIN(chunk + 2, last + 1));
    if (r->hint && r->hint_chunk <= chunk + 1) {
        r->hint = false;
        r->nlines = 0;
    }
    r->from = r->to = 0;
}

void rewrap_end_moved(struct scrollback *sb)
{
    if (sb->old->end <= sb->first) {
        rewrap_release(sb->old);
    } else {
        forget(sb);
    }
}

/* --- wrapping --- */

/* Goes past `n` narrow cells. */
static void skip_narrow(struct rewrap_place *at, int n, int width)
{
    if (n > 0) {
        size_t end = (size_t)at->col + (size_t)n;
        at->row += (end - 1) / (size_t)width;
        at->col = (int)((end - 1) % (size_t)width) + 1;
    }
}

/* Where a character of `columns` goes. */
static void make_room(struct rewrap_place *at, int columns, int width)
{
    if (at->col + columns > width) {
        at->row++;
        at->col = 0;
    }
}

/* Goes past a piece. */
static void skip_piece(struct packed_line l, struct rewrap_place *at, int width)
{
    if (!l.wide) {
        skip_narrow(at, l.cells, width);
        return;
    }
    while (l.text < l.end) {
        const char *text = NULL;
        int columns = 1;
        packed_next(&l, &text, &columns);
        make_room(at, columns, width);
        at->col += columns;
    }
}

/* The end of the line that begins at a piece, and its rows. places: where its pieces begin; may be NULL. */
static uint64_t line_at(const struct scrollback *sb, uint64_t from, size_t *rows, struct rewrap_place *places)
{
    struct rewrap_place at = {0, 0};
    uint64_t to = from;
    bool more = true;
    while (more) {
        struct packed_line l = scrollback_piece(sb, to);
        if (places != NULL) {
            places[to - from] = at;
        }
        skip_piece(l, &at, sb->width);
        to++;
        more = (l.flags & PACKED_WRAPPED) != 0 && to < sb->old->end && to - from < REWRAP_PIECES && !is_cut(sb, to);
    }
    if (places != NULL) {
        places[to - from] = at;
    }
    *rows = at.row + 1;
    return to;
}

/* The first piece of a chunk that begins a unit, or the chunk's end. */
static uint64_t chunk_first(const struct scrollback *sb, uint64_t chunk, uint64_t *end)
{
    uint64_t seq = MT_MAX(chunk * REWRAP_CHUNK, sb->first);
    *end = MT_MIN((chunk + 1) * REWRAP_CHUNK, sb->old->end);
    while (seq < *end && !rewrap_is_start(sb, seq)) {
        seq++;
    }
    return seq;
}

/* Rows of the lines that begin in a chunk. */
static size_t chunk_rows(const struct scrollback *sb, uint64_t chunk)
{
    struct rewrap_chunk *c = chunk_at(sb->old, chunk);
    if (c->epoch != sb->old->epoch) {
        uint64_t end = 0;
        size_t total = 0, rows = 0;
        for (uint64_t seq = chunk_first(sb, chunk, &end); seq < end;) {
            seq = line_at(sb, seq, &rows, NULL);
            total += rows;
        }
        *c = (struct rewrap_chunk){sb->old->epoch, (uint32_t)total};
    }
    return c->rows;
}

size_t rewrap_rows(const struct scrollback *sb, size_t budget)
{
    struct rewrap *r = sb->old;
    uint64_t first = chunk_of(sb->first);
    for (; r->known_from > first && budget > 0; budget--) {
        r->known_from--;
        r->known_rows += chunk_rows(sb, r->known_from);
    }
    if (r->known_from <= first) {
        return r->known_rows;
    }
    /* The rest is guessed to be like what is known. */
    uint64_t pieces = r->known_from * REWRAP_CHUNK - sb->first;
    uint64_t known = r->end > r->known_from * REWRAP_CHUNK ? r->end - r->known_from * REWRAP_CHUNK : 0;
    return r->known_rows + (size_t)(known == 0 ? pieces : pieces * r->known_rows / known);
}

bool rewrap_settle_rows(const struct scrollback *sb)
{
    (void)rewrap_rows(sb, REWRAP_BUDGET);
    return sb->old->known_from <= chunk_of(sb->first);
}

/* --- finding --- */

/* The chunk that row `index` from the newest is in; *row: from the chunk's first. False past the end. */
static bool find_chunk(const struct scrollback *sb, size_t index, uint64_t *chunk, size_t *after, size_t *row)
{
    uint64_t first = chunk_of(sb->first), last = chunk_of(sb->old->end - 1);
    *chunk = sb->old->hint ? sb->old->hint_chunk : last;
    *after = sb->old->hint ? sb->old->hint_after : 0;
    while (*chunk < last && index < *after) {
        ++*chunk;
        *after -= chunk_rows(sb, *chunk);
    }
    size_t rows = chunk_rows(sb, *chunk);
    while (index >= *after + rows) {
        if (*chunk == first) {
            return false;
        }
        *after += rows;
        --*chunk;
        rows = chunk_rows(sb, *chunk);
    }
    *row = *after + rows - 1 - index;
    return true;
}

/* The lines that begin in a chunk. */
static void load_lines(const struct scrollback *sb, uint64_t chunk)
{
    struct rewrap *r = sb->old;
    uint64_t end = 0, seq = chunk_first(sb, chunk, &end);
    size_t before = 0, rows = 0;
    r->nlines = 0;
    while (seq < end) {
        r->lines[r->nlines++] = (struct rewrap_line){seq, before};
        seq = line_at(sb, seq, &rows, NULL);
        before += rows;
    }
    r->lines[r->nlines] = (struct rewrap_line){seq, before};
}

/* Which of the lines that are loaded has row `index` from the newest; *row: which of its rows that is. NULL: none. */
static const struct rewrap_line *find_line(const struct scrollback *sb, size_t index, size_t *row)
{
    struct rewrap *r = sb->old;
    uint64_t chunk = 0;
    size_t after = 0;
    if (!find_chunk(sb, index, &chunk, &after, row)) {
        return NULL;
    }
    if (!r->hint || r->hint_chunk != chunk || r->nlines == 0) {
        load_lines(sb, chunk);
    }
    r->hint = true;
    r->hint_chunk = chunk;
    r->hint_after = after;
    int low = 0, high = r->nlines - 1;
    while (low < high) { /* the last line that begins at the row or before */
        int mid = (low + high + 1) / 2;
        if (r->lines[mid].row <= *row) {
            low = mid;
        } else {
            high = mid - 1;
        }
    }
    *row -= r->lines[low].row;
    return &r->lines[low];
}

/* Makes the line of row `index` from the newest the one that is remembered; *row: which of its rows it is. */
static bool find_row(const struct scrollback *sb, size_t index, size_t *row)
{
    struct rewrap *r = sb->old;
    const struct rewrap_line *line = find_line(sb, index, row);
    if (line == NULL) {
        return false;
    }
    if (r->from != line->from || r->from == r->to) {
        r->from = line->from;
        r->to = line_at(sb, r->from, &r->rows, r->places);
    }
    return true;
}

/* What is wanted of a row. All but the unit may be NULL. */
struct sink {
    struct cell *out;
    int cols;
    struct strbuf *text;
    struct row_info info;
    int end; /* cells with content */
};

/* The part of a piece that is in the row. `at`: the place before the piece. */
static void take_piece(const struct scrollback *sb, uint64_t seq, struct rewrap_place at, size_t row, struct sink *sink,
                       struct cluster_table *clusters)
{
    struct cell tail = CELL_BLANK;
    struct cell *cells = sb->old->cells;
    int n = scrollback_piece_cells(sb, seq, cells, GRID_MAX, &tail, clusters);
    for (int i = 0; i < n && at.row <= row; i++) {
        if (cells[i].width == 0) {
            continue;
        }
        make_room(&at, cells[i].width, sb->width);
        if (at.row == row && at.col + cells[i].width <= sink->cols) {
            sink->out[at.col] = cells[i];
            if (cells[i].width == 2) {
                sink->out[at.col + 1] = cells[i + 1];
            }
            sink->end = at.col + cells[i].width;
        }
        at.col += cells[i].width;
    }
    if (at.row == row && (scrollback_piece(sb, seq).flags & PACKED_TAIL) != 0 && at.col < sb->width) {
        int to = MT_MIN(sb->width, sink->cols);
        cell_fill(sink->out + MT_MIN(at.col, to), (size_t)(to - MT_MIN(at.col, to)), tail);
        sink->end = MT_MAX(sink->end, to);
    }
}

/* The text of the part of a piece that is in the row. */
static void take_text(struct packed_line l, struct rewrap_place at, size_t row, int width, struct strbuf *out)
{
    if (l.end - l.text == l.cells) { /* a byte for each cell: the row is a part of it */
        size_t before = at.row < row ? (row - at.row) * (size_t)width - (size_t)at.col : 0;
        size_t room = (size_t)width - (at.row < row ? 0 : (size_t)at.col), left = (size_t)l.cells;
        if (before < left) {
            strbuf_add(out, l.text + before, MT_MIN(room, left - before));
        }
        return;
    }
    while (l.text < l.end && at.row <= row) {
        const char *text = NULL;
        int columns = 1;
        size_t len = packed_next(&l, &text, &columns);
        make_room(&at, columns, width);
        if (at.row == row) {
            strbuf_add(out, text, len);
        }
        at.col += columns;
    }
}

/* One row of the remembered line. */
static void take_row(const struct scrollback *sb, size_t row, struct sink *sink, struct cluster_table *clusters)
{
    const struct rewrap *r = sb->old;
    size_t low = 0, high = (size_t)(r->to - r->from) - 1;
    while (low < high) { /* the first piece that does not end in a row before */
        size_t mid = (low + high) / 2;
        if (r->places[mid + 1].row >= row) {
            high = mid;
        } else {
            low = mid + 1;
        }
    }
    sink->info = (struct row_info){.wrapped = row + 1 < r->rows || goes_on(sb, r->to - 1)};
    for (uint64_t seq = r->from + low; seq < r->to; seq++) {
        struct packed_line l = scrollback_piece(sb, seq);
        struct rewrap_place begin = r->places[seq - r->from];
        make_room(&begin, l.cells > 0, sb->width);
        if (begin.row > row) {
            break;
        }
        if (begin.row == row) {
            sink->info.marks |= packed_marks(&l);
        }
        if (sink->out != NULL) {
            take_piece(sb, seq, begin, row, sink, clusters);
        }
        if (sink->text != NULL) {
            take_text(l, begin, row, sb->width, sink->text);
        }
    }
}

int rewrap_get(const struct scrollback *sb, size_t index, struct cell *out, int cols, struct row_info *info,
               struct cluster_table *clusters)
{
    struct sink sink = {.out = out, .cols = cols};
    size_t row = 0;
    if (!find_row(sb, index, &row)) {
        return -1;
    }
    cell_fill(out, (size_t)cols, CELL_BLANK);
    take_row(sb, row, &sink, clusters);
    if (info != NULL) {
        *info = sink.info;
    }
    return sink.end;
}

int rewrap_text(const struct scrollback *sb, size_t index, struct strbuf *out, struct row_info *info)
{
    struct sink sink = {.text = out};
    size_t row = 0;
    if (!find_row(sb, index, &row)) {
        return -1;
    }
    take_row(sb, row, &sink, NULL);
    if (info != NULL) {
        *info = sink.info;
    }
    return 0;
}

bool rewrap_line_text(const struct scrollback *sb, size_t index, struct strbuf *out, size_t *above, size_t *rows)
{
    const struct rewrap_line *line = find_line(sb, index, above);
    if (line == NULL || goes_on(sb, line[1].from - 1) || (line->from > sb->first && goes_on(sb, line->from - 1))) {
        return false;
    }
    *rows = line[1].row - line->row;
    for (uint64_t seq = line->from; seq < line[1].from; seq++) {
        struct packed_line l = scrollback_piece(sb, seq);
        packed_text(&l, out);
    }
    return true;
}

bool rewrap_info(const struct scrollback *sb, size_t index, struct row_info *info)
{
    struct sink sink = {.cols = 0};
    size_t row = 0;
    if (!find_row(sb, index, &row)) {
        return false;
    }
    take_row(sb, row, &sink, NULL);
    *info = sink.info;
    return true;
}

/* Where cell `cell` of a piece goes. `at`: the place before the piece. */
static struct rewrap_place cell_place(const struct scrollback *sb, uint64_t seq, struct rewrap_place at, int cell)
{
    struct packed_line l = scrollback_piece(sb, seq);
    int done = 0;
    while (l.text < l.end) {
        const char *text = NULL;
        int columns = 1;
        packed_next(&l, &text, &columns);
        make_room(&at, columns, sb->width);
        if (done + columns > cell) {
            at.col += cell - done;
            return at;
        }
        done += columns;
        at.col += columns;
    }
    return at;
}

bool rewrap_anchor(const struct scrollback *sb, size_t index, int col, struct scrollback_anchor *out)
{
    const struct rewrap *r = sb->old;
    size_t row = 0;
    if (!find_row(sb, index, &row)) {
        return false;
    }
    *out = (struct scrollback_anchor){r->from, 0};
    for (uint64_t seq = r->from; seq < r->to && r->places[seq - r->from].row <= row; seq++) {
        struct packed_line l = scrollback_piece(sb, seq);
        struct rewrap_place at = r->places[seq - r->from];
        for (int cell = 0; l.text < l.end;) {
            const char *text = NULL;
            int columns = 1;
            packed_next(&l, &text, &columns);
            make_room(&at, columns, sb->width);
            if (at.row > row || (at.row == row && at.col > col)) {
                return true;
            }
            *out = (struct scrollback_anchor){seq, cell};
            at.col += columns;
            cell += columns;
        }
    }
    return true;
}

void rewrap_find(const struct scrollback *sb, const struct scrollback_anchor *a, size_t *index, int *col)
{
    uint64_t from = a->piece, end = 0, last = chunk_of(sb->old->end - 1);
    struct rewrap_place at = {0, 0};
    size_t after = 0, before = 0, rows = 0;
    while (!rewrap_is_start(sb, from)) {
        from--;
    }
    uint64_t chunk = chunk_of(from);
    for (uint64_t c = last; c > chunk; c--) {
        after += chunk_rows(sb, c);
    }
    for (uint64_t seq = chunk_first(sb, chunk, &end); seq < from;) {
        seq = line_at(sb, seq, &rows, NULL);
        before += rows;
    }
    for (uint64_t seq = from; seq < a->piece; seq++) {
        skip_piece(scrollback_piece(sb, seq), &at, sb->width);
    }
    at = cell_place(sb, a->piece, at, a->cell);
    *index = after + chunk_rows(sb, chunk) - 1 - (before + at.row);
    *col = MT_MIN(at.col, sb->width - 1);
}

void rewrap_settle(struct scrollback *sb, struct cluster_table *clusters)
{
    struct rewrap *r = sb->old;
    uint64_t from = sb->next - 1, total = sb->total; /* rows keep their numbers */
    while (!rewrap_is_start(sb, from)) {
        from--;
    }
    r->from = from;
    r->to = line_at(sb, from, &r->rows, r->places);
    size_t width = (size_t)sb->width, rows = r->rows;
    struct cell *cells = xcalloc(rows * width, sizeof(*cells));
    struct row_info *info = xcalloc(rows, sizeof(*info)), piece;
    for (size_t row = 0; row < rows; row++) {
        struct sink sink = {.out = cells + row * width, .cols = sb->width};
        cell_fill(sink.out, width, CELL_BLANK);
        take_row(sb, row, &sink, clusters);
        info[row] = sink.info;
    }
    while (sb->next > from) {
        struct cell none;
        scrollback_pop_piece(sb, &none, 0, &piece, NULL, clusters);
    }
    for (size_t row = 0; row < rows; row++) {
        scrollback_push(sb, cells + row * width, sb->width, sb->width, info[row], clusters);
    }
    sb->total = total;
    free(cells);
    free(info);
}
