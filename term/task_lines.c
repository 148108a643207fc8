/* SPDX-License-Identifier: Apache-2.0 */
#include "term/task_lines.h"

#include <string.h>

#include "core/util/compiler.h"

#define STRING_MAX (64u << 10) /* a string that does not end is given up */

enum { AT_TEXT, AT_ESC, AT_ESC_REST, AT_CSI, AT_STRING, AT_STRING_ESC };

void task_lines_init(struct task_lines *l)
{
    l->state = AT_TEXT;
    l->skipped = 0;
    l->len = 0;
}

/* Ends the line. */
static void end_line(struct task_lines *l, task_line_fn fn, void *arg)
{
    size_t len = l->len;

    l->len = 0;
    if (len > 0) {
        fn(arg, l->text, len);
    }
}

/* A byte of text, or a control character. */
static void take_text(struct task_lines *l, unsigned char c, task_line_fn fn, void *arg)
{
    if (c >= '\n' && c <= '\r') {
        end_line(l, fn, arg);
    } else if (c == '\b') {
        while (l->len > 0 && ((unsigned char)l->text[--l->len] & 0xc0) == 0x80) {
        }
    } else if ((c >= ' ' || c == '\t') && c != 0x7f && l->len < sizeof(l->text)) {
        l->text[l->len++] = c == '\t' ? ' ' : (char)c;
    }
}

/* The end of a control sequence: what moves the cursor to another place begins another line there. */
static void take_sequence(struct task_lines *l, unsigned char final, task_line_fn fn, void *arg)
{
    if (final == 'C') {
        take_text(l, ' ', fn, arg);
    } else if (strchr("ABDEFGHJLMSTZ`adefu", final) != NULL) {
        end_line(l, fn, arg);
    }
}

/* Behind an escape character. */
static uint8_t after_escape(struct task_lines *l, unsigned char c, task_line_fn fn, void *arg)
{
    l->skipped = 0;
    if (c == '[') {
        return AT_CSI;
    }
    if (strchr("]PX^_", c) != NULL && c != '\0') {
        return AT_STRING;
    }
    if (c >= 0x20 && c <= 0x2f) {
        return AT_ESC_REST;
    }
    if (c == 'D' || c == 'E' || c == 'M' || c == 'c' || c == '8') {
        end_line(l, fn, arg);
    }
    return AT_TEXT;
}

/* One byte outside of text. */
static void take_control(struct task_lines *l, unsigned char c, task_line_fn fn, void *arg)
{
    if (c == 0x18 || c == 0x1a) {
        l->state = AT_TEXT;
    } else if (c == 0x1b) {
        l->state = l->state == AT_STRING ? AT_STRING_ESC : AT_ESC;
    } else if (l->state == AT_STRING) {
        l->state = c == '\a' || ++l->skipped >= STRING_MAX ? AT_TEXT : AT_STRING;
    } else if (l->state == AT_STRING_ESC) {
        l->state = c == '\\' ? AT_TEXT : after_escape(l, c, fn, arg);
    } else if (c < ' ') {
        take_text(l, c, fn, arg); /* within a sequence it is as outside */
    } else if (l->state == AT_ESC) {
        l->state = after_escape(l, c, fn, arg);
    } else if (l->state == AT_ESC_REST) {
        l->state = c >= 0x30 ? AT_TEXT : AT_ESC_REST;
    } else if (c >= 0x40) { /* AT_CSI */
        l->state = AT_TEXT;
        take_sequence(l, c, fn, arg);
    }
}

void task_lines_feed(struct task_lines *l, const char *data, size_t len, task_line_fn fn, void *arg)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)data[i];

        if (l->state != AT_TEXT || c == 0x1b) {
            take_control(l, c, fn, arg);
        } else {
            take_text(l, c, fn, arg);
        }
    }
}

/* --- addresses --- */

/* Does [p, end) begin with the word? */
static bool begins(const char *p, const char *end, const char *word)
{
    return (size_t)(end - p) >= strlen(word) && strncmp(p, word, strlen(word)) == 0;
}

/* The port behind a host that is this machine; 0: it is another's, or no port. */
static uint16_t port_at(const char *p, const char *end, uint16_t usual)
{
    static const char *const HOSTS[] = {"localhost", "127.0.0.1", "0.0.0.0", "[::1]", "[::]"};
    uint32_t port = 0;

    for (size_t i = 0; i < MT_ARRAY_LEN(HOSTS); i++) {
        if (begins(p, end, HOSTS[i])) {
            p += strlen(HOSTS[i]);
            if (p == end || *p != ':') {
                return p == end || strchr("/?# \"'<>),;", *p) != NULL ? usual : 0;
            }
            for (p++; p < end && *p >= '0' && *p <= '9' && port <= UINT16_MAX; p++) {
                port = port * 10 + (uint32_t)(*p - '0');
            }
            return port <= UINT16_MAX ? (uint16_t)port : 0;
        }
    }
    return 0;
}

uint16_t task_lines_port(const char *text, size_t len)
{
    const char *end = text + len;

    for (const char *p = text; p < end; p++) {
        p = memchr(p, 'h', (size_t)(end - p));
        if (p == NULL) {
            return 0;
        }
        bool secure = begins(p, end, "https://");
        if (secure || begins(p, end, "http://")) {
            uint16_t port = port_at(p + (secure ? 8 : 7), end, secure ? 443 : 80);
            if (port != 0) {
                return port;
            }
        }
    }
    return 0;
}
