/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/utf8.h"
#include "term/grid.h"
#include "term/search.h"
#include "term/select.h"
#include "term/task_lines.h"
#include "term/vt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes to a pane. The first two bytes are the size; in the rest, 0xf9 (never in UTF-8) and two bytes change it. */
#define RESIZE 0xf9

/* Whatever a callback hands out must be what vt.h promises. */
static void check_text(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (!utf8_is_valid(text, len) || len > max) {
        MT_BUG("a text that is not clean");
    }
    for (const char *p = text; *p != '\0'; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f) {
            MT_BUG("a control character in a text");
        }
    }
}

static void on_title(const char *title, void *arg)
{
    (void)arg;
    check_text(title, VT_TITLE_MAX - 1);
}

static void on_notify(const char *title, const char *body, void *arg)
{
    (void)arg;
    check_text(title, 1024);
    check_text(body, 4096);
}

static void on_cwd(const char *path, void *arg)
{
    (void)arg;
    check_text(path, 16384);
}

/* Answers are bounded in number by what asks for them. */
static void on_output(const char *bytes, size_t len, void *arg)
{
    (void)bytes;
    if (len == 0 || len > 16384) {
        MT_BUG("an answer of %zu bytes", len);
    }
    *(size_t *)arg += len;
}

/* A line that a task may be ready by. */
static void on_line(void *arg, const char *text, size_t len)
{
    (void)arg;
    if (len == 0 || len > TASK_LINE_MAX) {
        MT_BUG("a line of %zu bytes", len);
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f) {
            MT_BUG("a control character in a line");
        }
    }
    (void)task_lines_port(text, len);
}

/* The same bytes as a task's output, in two pieces. */
static void feed_lines(const uint8_t *data, size_t size)
{
    struct task_lines lines;
    size_t half = size / 2;
    task_lines_init(&lines);
    task_lines_feed(&lines, (const char *)data, half, on_line, NULL);
    task_lines_feed(&lines, (const char *)data + half, size - half, on_line, NULL);
}

static void check_row(const struct vt *vt, const struct cell *cells, int cols)
{
    for (int col = 0; col < cols; col++) {
        const struct cell *c = &cells[col];
        bool after_wide = col > 0 && cells[col - 1].width == 2;
        if (c->width > 2 || (c->width == 0) != after_wide || (c->width == 2 && col + 1 >= cols)) {
            MT_BUG("a wide character in pieces at column %d", col);
        }
        if (c->ch != 0 && !CELL_IS_CLUSTER(c->ch) && (c->ch < 0x20 || c->ch > 0x10ffff)) {
            MT_BUG("a cell with %x", c->ch);
        }
        char buf[8];
        size_t len = 0;
        const char *text = cluster_text(vt_clusters(vt), c->ch, buf, &len);
        if (!utf8_is_valid(text, len)) {
            MT_BUG("a cell that is not UTF-8");
        }
        if (cell_extra(c) != 0 && extra_get(vt_extras(vt), cell_extra(c)) == NULL) {
            MT_BUG("a link without a target");
        }
    }
}

static void check_all(struct vt *vt)
{
    static struct cell line[GRID_MAX];
    struct vt_cursor cursor = vt_cursor(vt);
    if (cursor.row < 0 || cursor.row >= vt_rows(vt) || cursor.col < 0 || cursor.col >= vt_cols(vt)) {
        MT_BUG("the cursor is outside");
    }
    for (int row = 0; row < vt_rows(vt); row++) {
        check_row(vt, vt_row(vt, row, NULL), vt_cols(vt));
    }
    for (size_t i = 0; i < vt_history_count(vt) && i < 50; i++) {
        vt_history_line(vt, i, line, vt_cols(vt), NULL);
        check_row(vt, line, vt_cols(vt));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vt_callbacks callbacks = {
        .output = on_output, .title = on_title, .notify = on_notify, .cwd = on_cwd};
    size_t answers = 0;
    if (size < 2) {
        return 0;
    }
    feed_lines(data + 2, size - 2);
    struct vt *vt = vt_new(&(struct vt_opts){
        .cols = data[0], .rows = data[1] % 100, .scrollback_lines = 200, .callbacks = &callbacks, .arg = &answers});
    vt_allow_clipboard(vt, true);
    size_t at = 2;
    while (at < size) {
        const uint8_t *mark = memchr(data + at, RESIZE, size - at);
        size_t n = mark != NULL ? (size_t)(mark - data) - at : size - at;
        vt_feed(vt, (const char *)data + at, n);
        at += n;
        if (mark != NULL && size - at >= 3) {
            vt_resize(vt, data[at + 1], data[at + 2] % 100);
            check_all(vt);
            at += 3;
        } else if (mark != NULL) {
            break;
        }
    }
    check_all(vt);
    struct strbuf text = STRBUF_INIT;
    select_text(vt, (struct select_pos){0, 0}, (struct select_pos){select_line_count(vt), 0}, false, &text);
    struct search *s = search_new(vt, &(struct search_opts){.needle = "[a-f]", .wrap = true, .count = true});
    while (search_step(s, UINT64_MAX) != SEARCH_DONE) {
    }
    search_free(s);
    strbuf_release(&text);
    vt_settle(vt); /* and another program follows */
    check_all(vt);
    vt_free(vt);
    return 0;
}
