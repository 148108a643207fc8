/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/workload.h"

#include "core/util/strbuf.h"

/* Long lines of text. */
static void make_ascii(struct strbuf *out, size_t bytes, const char *nl)
{
    for (int i = 0; out->len < bytes; i++) {
        strbuf_addf(out, "%d the quick brown fox jumps over the lazy dog and runs on to the end of the line %d%s", i,
                    i * 7, nl);
    }
}

/* Short lines. */
static void make_scroll(struct strbuf *out, size_t bytes, const char *nl)
{
    for (int i = 1; out->len < bytes; i++) {
        strbuf_addf(out, "%d%s", i, nl);
    }
}

static void make_unicode(struct strbuf *out, size_t bytes, const char *nl)
{
    while (out->len < bytes) {
        strbuf_addstr(out, "größe naïve 你好世界 привет мир ελληνικά 日本語テキスト ─────│ 😀 e\xcc\x81");
        strbuf_addstr(out, nl);
    }
}

static void make_sgr(struct strbuf *out, size_t bytes, const char *nl)
{
    for (int i = 0; out->len < bytes; i++) {
        strbuf_addf(out, "\033[38;2;%d;%d;%dm\033[1mword\033[0m \033[48;5;%dmx\033[m%s", i % 256, i / 3 % 256, 99,
                    i % 256, i % 10 ? "" : nl);
    }
}

static void make_cursor(struct strbuf *out, size_t bytes, const char *nl)
{
    (void)nl;
    for (int i = 0; out->len < bytes; i++) {
        strbuf_addf(out, "\033[%d;%dH*\033[K\033[A\033[2C", i * 7 % 24 + 1, i * 13 % 80 + 1);
    }
}

/* Whole frames, as a full-screen program draws them. */
static void make_altscreen(struct strbuf *out, size_t bytes, const char *nl)
{
    (void)nl;
    strbuf_addstr(out, "\033[?1049h");
    for (int i = 0; out->len < bytes; i++) {
        strbuf_addstr(out, "\033[?2026h\033[H");
        for (int row = 1; row <= 24; row++) {
            strbuf_addf(out, "\033[%d;1H\033[32m%4d\033[0m some line of a file in an editor, %d\033[K", row, row + i,
                        i);
        }
        strbuf_addstr(out, "\033[?2026l");
    }
}

static const struct {
    const char *name;
    void (*make)(struct strbuf *out, size_t bytes, const char *nl);
} LOADS[WORKLOADS] = {
    {"ascii", make_ascii}, {"scroll", make_scroll}, {"unicode", make_unicode},
    {"sgr", make_sgr},     {"cursor", make_cursor}, {"altscreen", make_altscreen},
};

const char *workload_name(int i)
{
    return LOADS[i].name;
}

void workload_make(int i, struct strbuf *out, size_t bytes, const char *newline)
{
    LOADS[i].make(out, bytes, newline);
}
