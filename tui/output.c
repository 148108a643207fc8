/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

struct output {
    enum output_format format;
    const struct output_column *columns;
    size_t column_count;
    struct json *rows; /* array */
    size_t row_count;
};

int output_format_parse(const char *s, enum output_format *out, struct error *err)
{
    static const char *const names[] = {"text", "json", "ndjson"};

    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        if (strcmp(s, names[i]) == 0) {
            *out = (enum output_format)i;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID, "Use --output text, json or ndjson.", "unknown output format '%s'", s);
}

struct output *output_new(enum output_format format, const struct output_column *columns, size_t count)
{
    struct output *o = xcalloc(1, sizeof(*o));

    o->format = format;
    o->columns = columns;
    o->column_count = count;
    o->rows = json_new_array();
    return o;
}

void output_row_take(struct output *o, struct json *row)
{
    o->row_count++;
    if (o->format != OUTPUT_NDJSON) {
        json_append(o->rows, row);
        return;
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    json_write(row, false, &text);
    strbuf_addch(&text, '\n');
    fwrite(text.buf, 1, text.len, stdout);
    json_free(row);
}

/* A cell's text: strings sanitised, numbers and booleans as JSON prints them, null as "-". */
static void output_cell(const struct json *row, const char *key, struct strbuf *out)
{
    const struct json *v = json_get(row, key);
    const char *s = json_string(v);

    if (s != NULL) {
        utf8_sanitize(out, s, strlen(s), false);
    } else if (v != NULL && !json_is_object(v) && !json_is_array(v)) {
        json_write(v, false, out);
    }
    if (out->len == 0 || strcmp(out->buf, "null") == 0) {
        strbuf_clear(out);
        strbuf_addch(out, '-');
    }
}

/* Prints one line of cells, padded to the widths but for the last. */
static void output_line(const struct output *o, const struct json *row, const int *widths, bool heading)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    for (size_t c = 0; c < o->column_count; c++) {
        MT_CLEANUP(strbuf) struct strbuf cell = STRBUF_INIT;

        if (heading) {
            strbuf_addstr(&cell, o->columns[c].title);
        } else {
            output_cell(row, o->columns[c].key, &cell);
        }
        strbuf_add(&line, cell.buf, cell.len);
        int pad = c + 1 < o->column_count ? widths[c] - utf8_columns(cell.buf, cell.len) + 2 : 0;
        for (; pad > 0; pad--) {
            strbuf_addch(&line, ' ');
        }
    }
    if (heading && output_color(STDOUT_FILENO)) {
        printf("\033[1m%s\033[0m\n", line.buf);
    } else {
        printf("%s\n", line.buf);
    }
}

/* The text form: heading, then rows, columns as wide as their widest cell. */
static void output_table(const struct output *o)
{
    int *widths = xcalloc(o->column_count, sizeof(*widths));

    for (size_t c = 0; c < o->column_count; c++) {
        widths[c] = utf8_columns(o->columns[c].title, strlen(o->columns[c].title));
        for (const struct json *row = json_first(o->rows); row != NULL; row = json_next(row)) {
            MT_CLEANUP(strbuf) struct strbuf cell = STRBUF_INIT;

            output_cell(row, o->columns[c].key, &cell);
            widths[c] = MT_MAX(widths[c], utf8_columns(cell.buf, cell.len));
        }
    }
    output_line(o, NULL, widths, true);
    for (const struct json *row = json_first(o->rows); row != NULL; row = json_next(row)) {
        output_line(o, row, widths, false);
    }
    free(widths);
}

int output_finish(struct output *o, const char *empty_note)
{
    if (o->format == OUTPUT_JSON) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

        json_write(o->rows, true, &text);
        fwrite(text.buf, 1, text.len, stdout);
    } else if (o->format == OUTPUT_TEXT && o->row_count > 0) {
        output_table(o);
    } else if (o->format == OUTPUT_TEXT && empty_note != NULL) {
        output_note("%s", empty_note);
    }
    json_free(o->rows);
    free(o);
    return output_flush();
}

bool output_color(int fd)
{
    const char *no_color = getenv("NO_COLOR");
    const char *force = getenv("CLICOLOR_FORCE");
    const char *wanted = getenv("CLICOLOR");

    if (no_color != NULL && no_color[0] != '\0') {
        return false;
    }
    if (force != NULL && force[0] != '\0' && strcmp(force, "0") != 0) {
        return true;
    }
    if (wanted != NULL && strcmp(wanted, "0") == 0) {
        return false;
    }
    const char *term = getenv("TERM");
    return isatty(fd) && term != NULL && strcmp(term, "dumb") != 0;
}

void output_error(const struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    bool color = output_color(STDERR_FILENO);

    utf8_sanitize(&text, err->msg, strlen(err->msg), false);
    fprintf(stderr, "%smuthr-tui:%s %s\n", color ? "\033[1;31m" : "", color ? "\033[0m" : "", text.buf);
    if (err->hint != NULL) {
        fprintf(stderr, "  %s\n", err->hint);
    }
}

void output_error_json(const struct error *err, int exit_code)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *row = json_new_object();

    json_set_string(row, "error", err->msg);
    json_set_string(row, "hint", err->hint);
    json_set_int(row, "exit", exit_code);
    json_write(row, false, &text);
    json_free(row);
    printf("%s\n", text.buf);
}

int output_flush(void)
{
    bool failed = ferror(stdout) != 0;

    errno = 0;
    if (fflush(stdout) != 0) {
        failed = true;
    }
    if (failed && errno != EPIPE) {
        output_note("muthr-tui: cannot write to stdout: %s", errno != 0 ? strerror(errno) : "an earlier write failed");
    }
    clearerr(stdout); /* said once */
    return failed ? -1 : 0;
}

/* Cleans a text of anything that acts on a terminal, but for the colours of our own lines: who smuggles one of those in
 * has coloured a word. */
static void output_clean(struct strbuf *out, const char *text)
{
    static const char *const own[] = {"\033[32m", "\033[31m", "\033[0m"};

    while (*text != '\0') {
        const char *esc = strchr(text, '\033');
        size_t n = esc != NULL ? (size_t)(esc - text) : strlen(text), keep = 0;

        utf8_sanitize(out, text, n, true);
        for (size_t i = 0; esc != NULL && i < MT_ARRAY_LEN(own); i++) {
            keep = strncmp(esc, own[i], strlen(own[i])) == 0 ? strlen(own[i]) : keep;
        }
        if (keep > 0) {
            strbuf_add(out, esc, keep);
        } else if (esc != NULL) {
            utf8_sanitize(out, esc, keep = 1, true);
        }
        text += n + keep;
    }
}

void output_note(const char *fmt, ...)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    va_list ap;

    va_start(ap, fmt);
    strbuf_vaddf(&text, fmt, ap);
    va_end(ap);
    output_clean(&clean, text.buf);
    fprintf(stderr, "%s\n", clean.buf);
}
