/* SPDX-License-Identifier: Apache-2.0 */
#include "term/mirror.h"

#include <string.h>

#include "core/util/xmalloc.h"
#include "term/proto.h"
#include "term/vt.h"

/* A host has CLUSTER_MAX_ENTRIES in use at most; rows that a frame is about to change show those from before it. */
#define MAX_CLUSTERS ((size_t)2 * CLUSTER_MAX_ENTRIES)

void mirror_init(struct mirror *m)
{
    memset(m, 0, sizeof(*m));
    cluster_table_init(&m->clusters);
    m->clusters.max = MAX_CLUSTERS;
}

void mirror_release(struct mirror *m)
{
    free(m->cells);
    free(m->wrapped);
    free(m->dirty);
    cluster_table_release(&m->clusters);
    mirror_init(m);
}

/* The number that DECSET used for a mouse mode. */
static int mouse_number(uint8_t mode)
{
    static const int NUMBERS[] = {
        [MOUSE_OFF] = 0, [MOUSE_X10] = 9, [MOUSE_CLICK] = 1000, [MOUSE_DRAG] = 1002, [MOUSE_MOVE] = 1003};

    return mode < MT_ARRAY_LEN(NUMBERS) ? NUMBERS[mode] : 0;
}

void mirror_screen(struct session_screen *s, const struct proto_screen *p)
{
    s->cols = p->cols;
    s->rows = p->rows;
    s->cursor_col = p->cursor_col;
    s->cursor_row = p->cursor_row;
    s->cursor_visible = p->cursor_visible;
    s->cursor_blink = p->cursor_blink;
    s->cursor_styled = p->cursor_styled;
    s->cursor_shape = p->cursor_shape == VT_CURSOR_UNDERLINE ? 2 : p->cursor_shape == VT_CURSOR_BAR ? 3 : 1;
    s->alt_screen = p->modes.alt_screen;
    s->reverse_video = p->reversed;
    s->app_cursor = p->modes.app_cursor;
    s->app_keypad = p->modes.app_keypad;
    s->bracketed_paste = p->modes.bracketed;
    s->focus_report = p->modes.focus;
    s->mouse_sgr = p->modes.mouse_enc == MOUSE_ENC_SGR;
    s->mouse_mode = mouse_number(p->modes.mouse);
    s->kitty_flags = p->modes.kitty;
    s->modify_other_keys = p->modes.modify_other;
    s->history_lines = p->history_lines;
    s->history_first = p->history_first;
    s->modes = p->modes;
}

static size_t dirty_words(int rows)
{
    return ((size_t)rows + 63) / 64;
}

static void mark_all(struct mirror *m)
{
    memset(m->dirty, 0xff, dirty_words(m->screen.rows) * sizeof(*m->dirty));
}

/* A new size: an empty screen of it. */
static void set_size(struct mirror *m, int cols, int rows)
{
    size_t n = (size_t)cols * (size_t)rows;

    m->cells = xreallocarray(m->cells, n, sizeof(*m->cells));
    m->wrapped = xreallocarray(m->wrapped, (size_t)rows, sizeof(*m->wrapped));
    m->dirty = xreallocarray(m->dirty, dirty_words(rows), sizeof(*m->dirty));
    cell_fill(m->cells, n, CELL_BLANK);
    memset(m->wrapped, 0, (size_t)rows * sizeof(*m->wrapped));
    m->screen.cols = cols;
    m->screen.rows = rows;
    mark_all(m);
}

/* Before a row is read: forgets the clusters that no row shows, unless there is room for all it may bring. */
static void make_room(struct mirror *m)
{
    if (m->clusters.count + (size_t)m->screen.cols <= MAX_CLUSTERS) {
        return;
    }
    for (size_t i = 0, n = (size_t)m->screen.cols * (size_t)m->screen.rows; i < n; i++) {
        cluster_mark(&m->clusters, m->cells[i].ch);
    }
    cluster_sweep(&m->clusters);
}

int mirror_apply(struct mirror *m, const uint8_t *data, size_t len, struct error *err)
{
    struct proto_screen s;
    struct wire_reader rows;
    struct cell *scratch;
    uint32_t count;
    bool reversed;
    int rc = 0;

    if (proto_get_screen(data, len, &s, &rows, &count, err) != 0) {
        return -1;
    }
    reversed = m->screen.reverse_video;
    if (!m->valid || s.cols != m->screen.cols || s.rows != m->screen.rows) {
        set_size(m, s.cols, s.rows);
    }
    m->valid = true;
    mirror_screen(&m->screen, &s);
    if (reversed != s.reversed) {
        mark_all(m);
    }
    scratch = xcalloc((size_t)s.cols, sizeof(*scratch));
    for (uint32_t i = 0; i < count && rc == 0; i++) {
        bool wrapped;
        int row;

        make_room(m);
        rc = proto_get_row(&rows, &row, &wrapped, scratch, s.cols, &m->clusters, err);
        if (rc == 0 && row < s.rows) {
            memcpy(m->cells + (size_t)row * (size_t)s.cols, scratch, (size_t)s.cols * sizeof(*scratch));
            m->wrapped[row] = wrapped;
            m->dirty[row / 64] |= (uint64_t)1 << (row % 64);
        }
    }
    free(scratch);
    return rc;
}

const struct cell *mirror_row(const struct mirror *m, int row, bool *wrapped)
{
    if (!m->valid || row < 0 || row >= m->screen.rows) {
        return NULL;
    }
    if (wrapped != NULL) {
        *wrapped = m->wrapped[row];
    }
    return m->cells + (size_t)row * (size_t)m->screen.cols;
}

void mirror_take(struct mirror *m, uint64_t *bits, size_t words)
{
    size_t have = m->valid ? dirty_words(m->screen.rows) : 0;

    for (size_t i = 0; i < words; i++) {
        bits[i] = i < have ? m->dirty[i] : 0;
    }
    if (have > 0) {
        memset(m->dirty, 0, have * sizeof(*m->dirty));
    }
}
