/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/plainlog.h"

#include "core/util/utf8.h"

/* The line is complete. */
static void tell(struct plainlog *p)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, p->line.buf, p->line.len, true); /* directions and separators are controls too */
    strbuf_clear(&p->line);
    p->returned = false;
    p->on_line(p->arg, clean.buf, clean.len);
}

/* Takes the last character away. */
static void step_back(struct strbuf *line)
{
    size_t n = line->len;
    while (n > 0 && ((unsigned char)line->buf[n - 1] & 0xc0) == 0x80) {
        n--;
    }
    strbuf_truncate(line, n > 0 ? n - 1 : 0);
}

/* sanitize_fn */
static void take(const struct token *t, void *arg)
{
    struct plainlog *p = arg;
    if (t->kind == TOKEN_TEXT) {
        if (p->returned) {
            strbuf_clear(&p->line);
            p->returned = false;
        }
        for (size_t i = 0; i < t->n; i++) {
            char bytes[4];
            strbuf_add(&p->line, bytes, utf8_encode(t->cps[i], bytes));
        }
        if (p->line.len >= PLAINLOG_LINE_MAX) {
            tell(p);
        }
    } else if (t->kind == TOKEN_CONTROL) {
        switch (t->final) {
        case '\n':
            tell(p);
            break;
        case '\r':
            p->returned = p->line.len > 0;
            break;
        case '\t':
            strbuf_addch(&p->line, '\t');
            break;
        case '\b':
            step_back(&p->line);
            break;
        default:
            break;
        }
    }
}

void plainlog_init(struct plainlog *p, void (*on_line)(void *arg, const char *line, size_t len), void *arg)
{
    *p = (struct plainlog){.line = STRBUF_INIT, .on_line = on_line, .arg = arg};
    sanitizer_init(&p->in, take, p);
}

void plainlog_feed(struct plainlog *p, const char *data, size_t len)
{
    sanitizer_feed(&p->in, data, len);
}

void plainlog_end(struct plainlog *p)
{
    if (p->line.len > 0) {
        tell(p);
    }
}

void plainlog_release(struct plainlog *p)
{
    sanitizer_release(&p->in);
    strbuf_release(&p->line);
}
