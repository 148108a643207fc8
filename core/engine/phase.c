/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/phase.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define READ_MAX (256u << 10)
#define BACKLOG_MAX (1u << 20)

enum { TEXT, ESC, CSI, STRING, STRING_ESC };

void phase_init(struct phase *p)
{
    memset(p, 0, sizeof(*p));
}

/* One whole line. */
static void take_line(struct phase *p)
{
    static const char *const MARKS[] = {"[PROC]", "[INFO]", "[ OK ]", "[ERR]", "[WARN]"};
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    size_t from = 0, to = p->len;
    p->len = 0;
    while (from < to && (p->line[from] == ' ' || p->line[from] == '\t')) {
        from++;
    }
    while (to > from && (p->line[to - 1] == ' ' || p->line[to - 1] == '\t')) {
        to--;
    }
    if (from == to) {
        return;
    }
    utf8_sanitize(&clean, p->line + from, to - from, false);
    str_copy(p->last, sizeof(p->last), clean.buf);
    for (size_t i = 0; i < MT_ARRAY_LEN(MARKS); i++) {
        if (strncmp(clean.buf, MARKS[i], strlen(MARKS[i])) == 0) {
            str_copy(p->phase, sizeof(p->phase), clean.buf);
            p->count++;
            if (i == 3) {
                str_copy(p->failure, sizeof(p->failure), clean.buf);
            }
        }
    }
}

/* One byte of an escape sequence; the next state. */
static int skip_escape(int state, unsigned char ch)
{
    switch (state) {
    case ESC:
        if (ch == '[') {
            return CSI;
        }
        return ch == ']' || ch == 'P' || ch == '_' || ch == '^' || ch == 'X' ? STRING
               : ch >= 0x20 && ch <= 0x2f                                    ? ESC
                                                                             : TEXT;
    case CSI:
        return ch >= 0x40 && ch <= 0x7e ? TEXT : CSI;
    case STRING:
        return ch == 0x1b                 ? STRING_ESC
               : ch == 0x07 || ch == '\n' ? TEXT
                                          : STRING; /* an unfinished one must not eat the log */
    default:
        return ch == '\\' ? TEXT : STRING;
    }
}

void phase_feed(struct phase *p, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char ch = (unsigned char)data[i];
        if (p->escape != TEXT && ch != '\n') {
            p->escape = skip_escape(p->escape, ch);
        } else if (ch == 0x1b) {
            p->escape = ESC;
        } else if (ch == '\n' || ch == '\r') {
            p->escape = TEXT;
            take_line(p);
        } else if (p->len < sizeof(p->line)) {
            p->line[p->len++] = data[i];
        }
    }
}

void phase_end(struct phase *p)
{
    take_line(p);
}

bool phase_read(struct phase *p, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return false;
    }
    uint64_t size = (uint64_t)st.st_size;
    if (size < p->offset) { /* the log was rotated: its head is known already */
        p->offset = size > READ_MAX ? size - READ_MAX : 0;
        p->len = 0;
    }
    if (size - p->offset > BACKLOG_MAX) {
        p->offset = size - READ_MAX;
        p->len = 0;
    }
    MT_CLEANUP(xfree) char *block = xmalloc(READ_MAX);
    ssize_t n = pread(fd, block, READ_MAX, (off_t)p->offset);
    close(fd);
    if (n <= 0) {
        return false;
    }
    p->offset += (uint64_t)n;
    phase_feed(p, block, (size_t)n);
    return p->offset < size;
}
