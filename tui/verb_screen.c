/* SPDX-License-Identifier: Apache-2.0 */
/* screen: what a session's terminal shows, read without viewing it. */
#include <stdio.h>
#include <string.h>

#include "core/util/xmalloc.h"
#include "term/pen.h"
#include "term/select.h"
#include "tui/verb.h"

#define ANSWER_MS 10000

struct look {
    struct verb_ctx *ctx;
    char id[SESSION_ID_MAX];
    struct session_screen screen;
    struct strvec history, rows;
};

/* A row with its colours; what is blank at its end is cut. */
static void row_ansi(struct strbuf *out, const struct cell *cells, int cols, const struct cluster_table *clusters,
                     const struct extra_table *extras)
{
    struct cell plain = CELL_BLANK;
    const struct cell *last = &plain;

    while (cols > 0 && cell_is_blank(&cells[cols - 1])) {
        cols--;
    }
    for (int c = 0; c < cols; c++) {
        const struct cell *cell = &cells[c];
        char small[8];

        if (cell->width == 0) {
            continue;
        }
        if (!cell_same_style(cell, last)) {
            const struct extra *x = extra_get(extras, cell_extra(cell));
            struct pen pen = {
                .fg = cell->fg, .bg = cell->bg, .ul = x != NULL ? x->ul : CELL_COLOR_DEFAULT, .attrs = cell->attrs};

            strbuf_addstr(out, "\033[");
            pen_format(&pen, out);
            strbuf_addch(out, 'm');
        }
        strbuf_addstr(out, cluster_text(clusters, cell->ch, small, NULL));
        last = cell;
    }
    if (!cell_same_style(last, &plain)) {
        strbuf_addstr(out, "\033[0m");
    }
}

/* The rows as texts. */
static void take_rows(const struct look *l, struct strvec *out, const struct session_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        const struct cell *row = rows->cells + i * (size_t)rows->cols;

        if (l->ctx->o.ansi) {
            row_ansi(&text, row, rows->cols, rows->clusters, rows->extras);
        } else {
            select_cells(&text, row, 0, rows->cols, rows->clusters, true);
        }
        strvec_push(out, text.buf);
    }
}

/* sessions_history_fn */
static void look_history(void *arg, uint64_t first, const struct session_rows *rows, const struct error *err)
{
    struct look *l = arg;

    (void)first;
    if (l->ctx->finished) {
        return;
    }
    if (err != NULL) {
        verb_fail(l->ctx, err);
        return;
    }
    take_rows(l, &l->history, rows);
    verb_finish(l->ctx, 0);
}

/* sessions_look_fn */
static void look_screen(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                        const struct error *err)
{
    struct look *l = arg;
    struct error failed = ERROR_INIT;

    if (l->ctx->finished) {
        return;
    }
    if (err != NULL) {
        verb_fail(l->ctx, err);
        return;
    }
    l->screen = *screen;
    take_rows(l, &l->rows, rows);
    uint64_t top = screen->history_first + screen->history_lines, back = MT_MIN(l->ctx->o.history, top);
    if (back == 0) {
        verb_finish(l->ctx, 0);
    } else if (sessions_history(port_sessions(l->ctx->port), l->id, top - back, (size_t)back, screen->cols,
                                look_history, l, &failed) < 0) {
        verb_fail(l->ctx, &failed);
    }
}

/* timer_fn */
static void look_late(void *arg)
{
    struct look *l = arg;
    struct error err = ERROR_INIT;

    error_set(&err, ERROR_TIMEOUT, "session %s: its host does not answer", l->id);
    verb_fail(l->ctx, &err);
}

/* The rows as they are, but for empty ones at the end. */
static void print_text(const struct look *l)
{
    size_t n = l->rows.len;

    while (n > 0 && l->rows.v[n - 1][0] == '\0') {
        n--;
    }
    for (size_t i = 0; i < l->history.len; i++) {
        printf("%s\n", l->history.v[i]);
    }
    for (size_t i = 0; i < n; i++) {
        printf("%s\n", l->rows.v[i]);
    }
}

/* The screen and what is known of the session, as one object. */
static void print_json(const struct look *l, const struct session_info *info)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *out = verb_session_facts(info), *cursor = json_new_object();

    json_set_int(cursor, "col", l->screen.cursor_col);
    json_set_int(cursor, "row", l->screen.cursor_row);
    json_set_bool(cursor, "visible", l->screen.cursor_visible);
    json_set(out, "cursor", cursor);
    json_set_bool(out, "alternate", l->screen.alt_screen);
    json_set_strings(out, "history", &l->history);
    json_set_strings(out, "rows", &l->rows);
    json_write(out, l->ctx->o.format == OUTPUT_JSON, &text);
    printf("%s%s", text.buf, l->ctx->o.format == OUTPUT_JSON ? "" : "\n");
    json_free(out);
}

/* Asks for the screen, and waits for the answer. */
static int look_run(struct look *l)
{
    struct error err = ERROR_INIT;
    struct timer *late = timer_new(l->ctx->loop, look_late, l);

    timer_start(late, ANSWER_MS);
    if (sessions_look(port_sessions(l->ctx->port), l->id, look_screen, l, &err) < 0) {
        verb_fail(l->ctx, &err);
    }
    verb_run(l->ctx);
    timer_close(late);
    const struct session_info *info = model_session(l->ctx->model, l->id);
    if (l->ctx->exit_code != 0 || info == NULL) {
        return l->ctx->exit_code != 0 ? l->ctx->exit_code : 1;
    }
    l->ctx->answered = true;
    if (l->ctx->o.format == OUTPUT_TEXT) {
        print_text(l);
    } else {
        print_json(l, info);
    }
    return output_flush() < 0 ? 1 : 0;
}

int verb_screen(struct verb_ctx *ctx)
{
    struct look l = {.ctx = ctx, .history = STRVEC_INIT, .rows = STRVEC_INIT};
    struct error err = ERROR_INIT;

    if (ctx->o.names.len != 1) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui sessions` lists them.", "screen takes one session");
        return verb_error(ctx, &err);
    }
    int rc = verb_open_sessions(ctx) < 0 ? ctx->exit_code : verb_session(ctx, ctx->o.names.v[0], l.id);
    if (rc == 0) {
        rc = look_run(&l);
    }
    strvec_release(&l.history);
    strvec_release(&l.rows);
    return rc;
}
