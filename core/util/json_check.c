/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/json_check.h"

#include <stdbool.h>
#include <stdint.h>

#include "core/util/utf8.h"

enum { MAX_NESTING = 100 };

struct check {
    const char *p;
    size_t len, at;
    const char *what;
};

/* The byte at the reading position, or -1 at the end. */
static int peek(const struct check *c)
{
    return c->at < c->len ? (unsigned char)c->p[c->at] : -1;
}

static bool fail(struct check *c, const char *what)
{
    if (!c->what) {
        c->what = what;
    }
    return false;
}

static void skip_space(struct check *c)
{
    for (int b = peek(c); b == ' ' || b == '\t' || b == '\n' || b == '\r'; b = peek(c)) {
        c->at++;
    }
}

static bool is_digit(int b)
{
    return b >= '0' && b <= '9';
}

/* One or more digits. */
static bool digits(struct check *c)
{
    if (!is_digit(peek(c))) {
        return fail(c, "a digit is missing");
    }
    while (is_digit(peek(c))) {
        c->at++;
    }
    return true;
}

static bool number(struct check *c)
{
    if (peek(c) == '-') {
        c->at++;
    }
    if (peek(c) == '0') {
        c->at++;
        if (is_digit(peek(c))) {
            return fail(c, "a number may not start with 0");
        }
    } else if (!digits(c)) {
        return false;
    }
    if (peek(c) == '.') {
        c->at++;
        if (!digits(c)) {
            return false;
        }
    }
    if (peek(c) == 'e' || peek(c) == 'E') {
        c->at++;
        if (peek(c) == '+' || peek(c) == '-') {
            c->at++;
        }
        return digits(c);
    }
    return true;
}

/* The four digits of \uXXXX; the reading position is behind the u. */
static bool hex4(struct check *c, uint32_t *value)
{
    *value = 0;
    for (int i = 0; i < 4; i++, c->at++) {
        int b = peek(c);
        int lower = b | 0x20;
        if (!is_digit(b) && (b < 0 || lower < 'a' || lower > 'f')) {
            return fail(c, "four hexadecimal digits must follow \\u");
        }
        *value = *value << 4 | (uint32_t)(is_digit(b) ? b - '0' : lower - 'a' + 10);
    }
    return true;
}

/* An escape; the reading position is on the backslash. */
static bool escape(struct check *c)
{
    uint32_t high, low;
    c->at++;
    int b = peek(c);
    if (b != 'u') {
        if (b <= 0 || !strchr("\"\\/bfnrt", b)) {
            return fail(c, "unknown escape");
        }
        c->at++;
        return true;
    }
    c->at++;
    if (!hex4(c, &high)) {
        return false;
    }
    if (high == 0) {
        return fail(c, "\\u0000 is not supported");
    }
    if (high >= 0xDC00 && high <= 0xDFFF) {
        return fail(c, "lone surrogate");
    }
    if (high < 0xD800 || high > 0xDBFF) {
        return true;
    }
    if (c->len - c->at < 2 || c->p[c->at] != '\\' || c->p[c->at + 1] != 'u') {
        return fail(c, "lone surrogate");
    }
    c->at += 2;
    return hex4(c, &low) && ((low >= 0xDC00 && low <= 0xDFFF) || fail(c, "lone surrogate"));
}

static bool string(struct check *c)
{
    c->at++;
    for (;;) {
        int b = peek(c);
        if (b < 0) {
            return fail(c, "unfinished string");
        }
        if (b < 0x20) {
            return fail(c, "control character in a string");
        }
        if (b == '"') {
            c->at++;
            return true;
        }
        if (b == '\\') {
            if (!escape(c)) {
                return false;
            }
            continue;
        }
        uint32_t cp;
        size_t n = utf8_decode(c->p + c->at, c->len - c->at, &cp);
        if (b >= 0x80 && !utf8_is_valid(c->p + c->at, n)) {
            return fail(c, "not UTF-8");
        }
        c->at += n;
    }
}

/* true, false and null. */
static bool word(struct check *c, const char *text)
{
    size_t n = strlen(text);
    if (c->len - c->at < n || memcmp(c->p + c->at, text, n) != 0) {
        return fail(c, "a value is missing");
    }
    c->at += n;
    return true;
}

static bool value(struct check *c, int depth);

/* A member's name and colon. */
static bool member_name(struct check *c)
{
    skip_space(c);
    if (peek(c) != '"') {
        return fail(c, "a member's name is missing");
    }
    if (!string(c)) {
        return false;
    }
    skip_space(c);
    if (peek(c) != ':') {
        return fail(c, "':' is missing");
    }
    c->at++;
    return true;
}

/* An object or array; the reading position is on the opening bracket. */
static bool container(struct check *c, int depth)
{
    bool object = peek(c) == '{';
    int closing = object ? '}' : ']';
    if (depth >= MAX_NESTING) {
        return fail(c, "nested too deeply");
    }
    c->at++;
    skip_space(c);
    if (peek(c) == closing) {
        c->at++;
        return true;
    }
    for (;;) {
        if ((object && !member_name(c)) || !value(c, depth + 1)) {
            return false;
        }
        skip_space(c);
        int b = peek(c);
        if (b != ',' && b != closing) {
            return fail(c, object ? "',' or '}' is missing" : "',' or ']' is missing");
        }
        c->at++;
        if (b == closing) {
            return true;
        }
    }
}

static bool value(struct check *c, int depth)
{
    skip_space(c);
    switch (peek(c)) {
    case '{':
    case '[':
        return container(c, depth);
    case '"':
        return string(c);
    case 't':
        return word(c, "true");
    case 'f':
        return word(c, "false");
    case 'n':
        return word(c, "null");
    default:
        return peek(c) == '-' || is_digit(peek(c)) ? number(c) : fail(c, "a value is missing");
    }
}

const char *json_check(const char *text, size_t len, size_t *offset)
{
    struct check c = {.p = text, .len = len};
    if (value(&c, 0)) {
        skip_space(&c);
        if (c.at < len) {
            (void)fail(&c, "something follows the value");
        }
    }
    *offset = c.at;
    return c.what;
}
