/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/toml_scan.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <stdarg.h>

#include "core/util/utf8.h"

int toml_scan_fail(struct toml_scan *s, int line, int col, const char *fmt, ...)
{
    struct strbuf what = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&what, fmt, ap);
    va_end(ap);
    (void)error_set(s->err, ERROR_PARSE, "%s:%d:%d: %s", s->name, line, col, what.buf);
    strbuf_release(&what);
    return -1;
}

int toml_scan_peek(const struct toml_scan *s, size_t ahead)
{
    return ahead < s->len - s->at ? (unsigned char)s->p[s->at + ahead] : -1;
}

void toml_scan_next(struct toml_scan *s)
{
    unsigned char b = (unsigned char)s->p[s->at++];
    if (b == '\n') {
        s->line++;
        s->col = 1;
    } else if (s->at >= s->len || ((unsigned char)s->p[s->at] & 0xC0) != 0x80) {
        /* The column grows behind the last byte of a character. */
        s->col++;
    }
}

/* TOML allows tab, LF and CR LF of the control characters. */
static const char *bad_char(const struct toml_scan *s, size_t n, uint32_t cp)
{
    if (!utf8_is_valid(s->p + s->at, n)) {
        return "not UTF-8";
    }
    if (cp == '\r' && toml_scan_peek(s, 1) != '\n') {
        return "a carriage return without a line feed";
    }
    return (cp < 0x20 && cp != '\t' && cp != '\n' && cp != '\r') || cp == 0x7F ? "a control character" : NULL;
}

int toml_scan_begin(struct toml_scan *s)
{
    if (s->len >= 3 && memcmp(s->p, "\xEF\xBB\xBF", 3) == 0) {
        s->p += 3;
        s->len -= 3;
    }
    while (s->at < s->len) {
        uint32_t cp;
        size_t n = utf8_decode(s->p + s->at, s->len - s->at, &cp);
        const char *what = bad_char(s, n, cp);
        if (what) {
            return toml_scan_fail(s, s->line, s->col, "%s", what);
        }
        s->at += n;
        s->line += cp == '\n';
        s->col = cp == '\n' ? 1 : s->col + 1;
    }
    s->at = 0;
    s->line = s->col = 1;
    return 0;
}

bool toml_scan_at_newline(const struct toml_scan *s)
{
    return toml_scan_peek(s, 0) == '\n' || (toml_scan_peek(s, 0) == '\r' && toml_scan_peek(s, 1) == '\n');
}

/* Steps over LF or CR LF. */
static void newline(struct toml_scan *s)
{
    if (toml_scan_peek(s, 0) == '\r') {
        toml_scan_next(s);
    }
    toml_scan_next(s);
}

bool toml_scan_is_bare(int b)
{
    return (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') || (b >= '0' && b <= '9') || b == '_' || b == '-';
}

void toml_scan_blanks(struct toml_scan *s)
{
    while (toml_scan_peek(s, 0) == ' ' || toml_scan_peek(s, 0) == '\t') {
        toml_scan_next(s);
    }
}

/* A comment, when there is one, without its line end. */
static void comment(struct toml_scan *s)
{
    if (toml_scan_peek(s, 0) == '#') {
        while (toml_scan_peek(s, 0) >= 0 && !toml_scan_at_newline(s)) {
            toml_scan_next(s);
        }
    }
}

int toml_scan_space(struct toml_scan *s)
{
    for (;;) {
        toml_scan_blanks(s);
        comment(s);
        if (!toml_scan_at_newline(s)) {
            return toml_scan_peek(s, 0) >= 0 ? 0 : toml_scan_fail(s, s->line, s->col, "the file ends inside an array");
        }
        newline(s);
    }
}

int toml_scan_line_end(struct toml_scan *s)
{
    toml_scan_blanks(s);
    comment(s);
    if (toml_scan_peek(s, 0) < 0) {
        return 0;
    }
    if (!toml_scan_at_newline(s)) {
        return toml_scan_fail(s, s->line, s->col, "something follows on the same line");
    }
    newline(s);
    return 0;
}

/* \uXXXX and \UXXXXXXXX; the reading position is behind the letter. */
static int unicode_escape(struct toml_scan *s, int count, int line, int col, struct strbuf *out)
{
    uint32_t cp = 0;
    char enc[4];
    for (int i = 0; i < count; i++) {
        int b = toml_scan_peek(s, 0), lower = b | 0x20;
        bool digit = b >= '0' && b <= '9';
        if (!digit && (b < 0 || lower < 'a' || lower > 'f')) {
            return toml_scan_fail(s, line, col, "\\%c needs %d hexadecimal digits", count == 4 ? 'u' : 'U', count);
        }
        cp = cp << 4 | (uint32_t)(digit ? b - '0' : lower - 'a' + 10);
        toml_scan_next(s);
    }
    if (cp == 0 || cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
        return toml_scan_fail(s, line, col, "not a character that a string can hold");
    }
    strbuf_add(out, enc, utf8_encode(cp, enc));
    return 0;
}

/* Behind a backslash at the end of a line: skips white space up to the next character. True when it was one. */
static bool line_continuation(struct toml_scan *s)
{
    size_t i = 0;
    while (toml_scan_peek(s, i) == ' ' || toml_scan_peek(s, i) == '\t') {
        i++;
    }
    if (toml_scan_peek(s, i) != '\n' && toml_scan_peek(s, i) != '\r') {
        return false;
    }
    for (int b = toml_scan_peek(s, 0); b == ' ' || b == '\t' || b == '\n' || b == '\r'; b = toml_scan_peek(s, 0)) {
        toml_scan_next(s);
    }
    return true;
}

/* The reading position is on the backslash. */
static int escape(struct toml_scan *s, bool multi, struct strbuf *out)
{
    static const char FROM[] = "btnfr\"\\", TO[] = "\b\t\n\f\r\"\\";
    int line = s->line, col = s->col;
    toml_scan_next(s);
    if (multi && line_continuation(s)) {
        return 0;
    }
    int b = toml_scan_peek(s, 0);
    if (b == 'u' || b == 'U') {
        toml_scan_next(s);
        return unicode_escape(s, b == 'u' ? 4 : 8, line, col, out);
    }
    const char *at = b > 0 ? strchr(FROM, b) : NULL;
    if (!at) {
        return toml_scan_fail(s, line, col, "unknown escape (use '...' for text with backslashes)");
    }
    strbuf_addch(out, TO[at - FROM]);
    toml_scan_next(s);
    return 0;
}

/* True behind the closing quotes of a multi-line string; up to two quotes before them belong to the text. */
static bool multi_end(struct toml_scan *s, int quote, struct strbuf *out)
{
    size_t n = 0;
    while (n < 5 && toml_scan_peek(s, n) == quote) {
        n++;
    }
    for (size_t i = 0; i < n; i++) {
        if (n < 3 || i < n - 3) {
            strbuf_addch(out, (char)quote);
        }
        toml_scan_next(s);
    }
    return n >= 3;
}

int toml_scan_string(struct toml_scan *s, struct strbuf *out)
{
    int line = s->line, col = s->col, quote = toml_scan_peek(s, 0);
    bool multi = toml_scan_peek(s, 1) == quote && toml_scan_peek(s, 2) == quote;
    for (int i = 0; i < (multi ? 3 : 1); i++) {
        toml_scan_next(s);
    }
    if (multi && toml_scan_at_newline(s)) {
        newline(s);
    }
    for (;;) {
        int b = toml_scan_peek(s, 0);
        if (b < 0 || (!multi && toml_scan_at_newline(s))) {
            return toml_scan_fail(s, line, col, "the string is not closed");
        }
        if (b == quote && !multi) {
            toml_scan_next(s);
            return 0;
        }
        if (b == quote) {
            if (multi_end(s, quote, out)) {
                return 0;
            }
        } else if (b == '\\' && quote == '"') {
            if (escape(s, multi, out) != 0) {
                return -1;
            }
        } else if (b == '\r') {
            /* CR LF in the file is one line feed in the text. */
            toml_scan_next(s);
        } else {
            strbuf_addch(out, (char)b);
            toml_scan_next(s);
        }
    }
}

/* Digits of `base`, with single underscores between them: without the underscores into *out. NULL, or where it goes
 * wrong. */
static const char *plain_digits(const char *p, int base, struct strbuf *out)
{
    bool digit_before = false;
    for (;; p++) {
        int b = (unsigned char)*p, lower = b | 0x20;
        int v = b >= '0' && b <= '9' ? b - '0' : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : 99;
        if (v < base) {
            strbuf_addch(out, (char)b);
            digit_before = true;
        } else if (b == '_' && digit_before) {
            digit_before = false;
        } else {
            return digit_before ? p : NULL;
        }
    }
}

/* 0x, 0o and 0b numbers and plain decimals. False when `word` is none. */
static bool read_int(const char *word, struct strbuf *digits, struct toml_scalar *out, bool *range)
{
    int base = 10;
    const char *p = word;
    if (p[0] == '0' && (p[1] == 'x' || p[1] == 'o' || p[1] == 'b')) {
        base = p[1] == 'x' ? 16 : p[1] == 'o' ? 8 : 2;
        p += 2;
    } else {
        if (*p == '+' || *p == '-') {
            strbuf_addch(digits, *p++);
        }
        if (p[0] == '0' && p[1] != '\0') {
            return false;
        }
    }
    p = plain_digits(p, base, digits);
    if (!p || *p != '\0') {
        return false;
    }
    errno = 0;
    long long v = strtoll(digits->buf, NULL, base);
    *range = errno == ERANGE;
    out->type = TOML_INT;
    out->integer = v;
    return true;
}

/* Decimal floats, inf and nan. False when `word` is none. */
static bool read_float(const char *word, struct strbuf *digits, struct toml_scalar *out)
{
    const char *p = word;
    out->type = TOML_FLOAT;
    if (*p == '+' || *p == '-') {
        strbuf_addch(digits, *p++);
    }
    if (strcmp(p, "inf") == 0 || strcmp(p, "nan") == 0) {
        double v = *p == 'i' ? (double)INFINITY : (double)NAN;
        out->number = *word == '-' ? -v : v;
        return true;
    }
    if (p[0] == '0' && p[1] >= '0' && p[1] <= '9') {
        return false;
    }
    if (!(p = plain_digits(p, 10, digits)) || !*p) {
        return false;
    }
    if (*p == '.') {
        /* strtod follows the locale, TOML does not. */
        strbuf_addstr(digits, localeconv()->decimal_point);
        if (!(p = plain_digits(p + 1, 10, digits))) {
            return false;
        }
    }
    if (*p == 'e' || *p == 'E') {
        strbuf_addch(digits, *p++);
        if (*p == '+' || *p == '-') {
            strbuf_addch(digits, *p++);
        }
        if (!(p = plain_digits(p, 10, digits))) {
            return false;
        }
    }
    out->number = strtod(digits->buf, NULL);
    return *p == '\0';
}

/* True for what starts like 2026-11-21 or 10:00. */
static bool looks_like_date(const char *w)
{
    size_t n = strspn(w, "0123456789");
    return (n == 4 && w[n] == '-') || (n == 2 && w[n] == ':');
}

int toml_scan_scalar(struct toml_scan *s, struct toml_scalar *out)
{
    int line = s->line, col = s->col, rc = 0;
    bool range = false;
    struct strbuf word = STRBUF_INIT, digits = STRBUF_INIT;
    for (int b = toml_scan_peek(s, 0); b > ' ' && !strchr(",]}#[{=\"'", b); b = toml_scan_peek(s, 0)) {
        strbuf_addch(&word, (char)b);
        toml_scan_next(s);
    }
    *out = (struct toml_scalar){.type = TOML_BOOL, .boolean = strcmp(word.buf, "true") == 0};
    if (word.len == 0) {
        rc = toml_scan_fail(s, line, col, "a value is missing");
    } else if (!out->boolean && strcmp(word.buf, "false") != 0) {
        bool ok = read_int(word.buf, &digits, out, &range);
        if (!ok) {
            strbuf_clear(&digits);
            ok = read_float(word.buf, &digits, out);
        }
        if (range) {
            rc = toml_scan_fail(s, line, col, "the integer %s is too large", word.buf);
        } else if (!ok && looks_like_date(word.buf)) {
            rc = toml_scan_fail(s, line, col, "dates and times are not supported (put it in quotes)");
        } else if (!ok) {
            rc = toml_scan_fail(s, line, col, "'%s' is not a value (text needs quotes)", word.buf);
        }
    }
    strbuf_release(&word);
    strbuf_release(&digits);
    return rc;
}
