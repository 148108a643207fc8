/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "term/vt.h"

/* The terminal alone, no pty and no drawing: MB/s of each workload of terminal.md section 1, 80x24 and 200x50,
 * scrollback on. Prints one JSON object a line. */

#define CHUNK 65536
#define PASS_MS 400

/* Long lines of text. */
static void make_ascii(struct strbuf *out)
{
    for (int i = 0; out->len < CHUNK * 8; i++) {
        strbuf_addf(out, "%d the quick brown fox jumps over the lazy dog and runs on to the end of the line %d\r\n", i,
                    i * 7);
    }
}

/* Short lines, as `yes` and `seq` write. */
static void make_scroll(struct strbuf *out)
{
    while (out->len < CHUNK * 8) {
        strbuf_addstr(out, "y\r\n");
    }
}

static void make_unicode(struct strbuf *out)
{
    while (out->len < CHUNK * 8) {
        strbuf_addstr(out, "größe naïve 你好世界 привет мир ελληνικά 日本語テキスト ─────│ 😀 e\xcc\x81\r\n");
    }
}

static void make_sgr(struct strbuf *out)
{
    for (int i = 0; out->len < CHUNK * 8; i++) {
        strbuf_addf(out, "\033[38;2;%d;%d;%dm\033[1mword\033[0m \033[48;5;%dmx\033[m%s", i % 256, i / 3 % 256, 99,
                    i % 256, i % 10 ? "" : "\r\n");
    }
}

static void make_cursor(struct strbuf *out)
{
    for (int i = 0; out->len < CHUNK * 8; i++) {
        strbuf_addf(out, "\033[%d;%dH*\033[K\033[A\033[2C", i * 7 % 24 + 1, i * 13 % 80 + 1);
    }
}

/* Whole frames, as a full-screen program draws them. */
static void make_altscreen(struct strbuf *out)
{
    strbuf_addstr(out, "\033[?1049h");
    for (int i = 0; out->len < CHUNK * 8; i++) {
        strbuf_addstr(out, "\033[?2026h\033[H");
        for (int row = 1; row <= 24; row++) {
            strbuf_addf(out, "\033[%d;1H\033[32m%4d\033[0m some line of a file in an editor, %d\033[K", row, row + i,
                        i);
        }
        strbuf_addstr(out, "\033[?2026l");
    }
}

/* MB/s of one workload. */
static double run(const struct strbuf *data, int cols, int rows)
{
    struct vt *vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows});
    size_t bytes = 0;
    vt_feed(vt, data->buf, data->len); /* fill the scrollback first */
    uint64_t start = clock_mono_ns();
    while (clock_mono_ns() - start < (uint64_t)PASS_MS * 1000000) {
        for (size_t at = 0; at < data->len; at += CHUNK) {
            size_t n = MT_MIN((size_t)CHUNK, data->len - at);
            vt_feed(vt, data->buf + at, n);
            bytes += n;
        }
    }
    double seconds = (double)(clock_mono_ns() - start) / 1e9;
    vt_free(vt);
    return (double)bytes / 1e6 / seconds;
}

int main(void)
{
    static const struct {
        const char *name;
        void (*make)(struct strbuf *out);
    } loads[] = {
        {"ascii", make_ascii}, {"scroll", make_scroll}, {"unicode", make_unicode},
        {"sgr", make_sgr},     {"cursor", make_cursor}, {"altscreen", make_altscreen},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(loads); i++) {
        struct strbuf data = STRBUF_INIT;
        loads[i].make(&data);
        printf("{\"bench\": \"vt\", \"load\": \"%s\", \"mb_s_80x24\": %.1f, \"mb_s_200x50\": %.1f}\n", loads[i].name,
               run(&data, 80, 24), run(&data, 200, 50));
        strbuf_release(&data);
    }
    return 0;
}
