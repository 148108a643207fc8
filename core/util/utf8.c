/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/utf8.h"

#include "core/util/utf8_table.h"

enum { PROP_WIDTH = 3, PROP_ALNUM = 4, PROP_PICT = 8, PROP_EMOJI = 16 };

#define CP_ZWJ 0x200Du
#define CP_VS16 0xFE0Fu

/* The table's byte for a code point; 0 beyond Unicode. */
static unsigned prop(uint32_t cp)
{
    return cp > 0x10FFFF ? 0 : UTF8_PAGES[UTF8_PAGE_INDEX[cp >> 8]][cp & 0xFF];
}

/* Length and second-byte bounds by lead byte (Unicode table 3-7): the bounds exclude overlong forms, surrogates and >
 * 10FFFF. */
static size_t lead_info(unsigned char b, unsigned char *lo, unsigned char *hi)
{
    *lo = b == 0xE0 ? 0xA0 : b == 0xF0 ? 0x90 : 0x80;
    *hi = b == 0xED ? 0x9F : b == 0xF4 ? 0x8F : 0xBF;
    return b < 0x80 ? 1 : b < 0xC2 ? 0 : b < 0xE0 ? 2 : b < 0xF0 ? 3 : b < 0xF5 ? 4 : 0;
}

/* utf8_decode, telling also whether the sequence was well-formed (a real U+FFFD is). */
static size_t decode(const char *s, size_t len, uint32_t *cp, bool *ok)
{
    unsigned char lo, hi, b;
    *cp = UTF8_REPLACEMENT;
    *ok = false;
    if (len == 0) {
        return 0;
    }
    b = (unsigned char)s[0];
    size_t need = lead_info(b, &lo, &hi);
    if (need <= 1) {
        *ok = need == 1;
        *cp = need == 1 ? b : UTF8_REPLACEMENT;
        return 1;
    }
    uint32_t value = b & (0xFFu >> (need + 1));
    for (size_t i = 1; i < need; i++) {
        if (i >= len || (unsigned char)s[i] < lo || (unsigned char)s[i] > hi) {
            return i;
        }
        value = value << 6 | ((unsigned char)s[i] & 0x3F);
        lo = 0x80;
        hi = 0xBF;
    }
    *ok = true;
    *cp = value;
    return need;
}

size_t utf8_decode(const char *s, size_t len, uint32_t *cp)
{
    bool ok;
    return decode(s, len, cp, &ok);
}

size_t utf8_encode(uint32_t cp, char dst[4])
{
    if (cp > 0x10FFFF || (cp >= 0xD800 && cp <= 0xDFFF)) {
        cp = UTF8_REPLACEMENT;
    }
    if (cp < 0x80) {
        dst[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        dst[0] = (char)(0xC0 | cp >> 6);
        dst[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        dst[0] = (char)(0xE0 | cp >> 12);
        dst[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        dst[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    dst[0] = (char)(0xF0 | cp >> 18);
    dst[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    dst[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    dst[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

bool utf8_is_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len;) {
        uint32_t cp;
        bool ok;
        i += decode(s + i, len - i, &cp, &ok);
        if (!ok) {
            return false;
        }
    }
    return true;
}

int utf8_width(uint32_t cp)
{
    return (int)(prop(cp) & PROP_WIDTH);
}

bool utf8_is_alnum(uint32_t cp)
{
    return (prop(cp) & PROP_ALNUM) != 0;
}

/* Line separators end a row and controls have no width: neither may join the cluster before them. */
static bool never_joins(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || cp == 0x2028 || cp == 0x2029;
}

static bool is_regional(uint32_t cp)
{
    return cp >= 0x1F1E6 && cp <= 0x1F1FF;
}

size_t utf8_cluster(const char *s, size_t len, int *columns)
{
    uint32_t cp, base, prev;
    bool pair_done = false;
    size_t used = utf8_decode(s, len, &base);
    int unused = 0;
    columns = columns ? columns : &unused;
    *columns = used ? utf8_width(base) : 0;
    if (used == 0 || never_joins(base)) {
        return used;
    }
    bool pict = (prop(base) & PROP_PICT) != 0;
    for (prev = base; used < len; prev = cp) {
        size_t n = utf8_decode(s + used, len - used, &cp);
        if (never_joins(cp)) {
            break;
        }
        if (is_regional(cp) && is_regional(base) && prev == base && !pair_done) {
            pair_done = true;
            *columns = 2;
        } else if (pict && ((cp >= 0x1F3FB && cp <= 0x1F3FF) || (prev == CP_ZWJ && (prop(cp) & PROP_PICT)))) {
            *columns = 2;
        } else if (cp == CP_VS16 && prev == base && (prop(base) & PROP_EMOJI)) {
            *columns = 2;
        } else if (utf8_width(cp) != 0) {
            break;
        }
        used += n;
    }
    return used;
}

int utf8_columns(const char *s, size_t len)
{
    int total = 0, columns;
    for (size_t i = 0; i < len;) {
        i += utf8_cluster(s + i, len - i, &columns);
        total += columns;
    }
    return total;
}

int utf8_fit(struct strbuf *out, const char *s, int columns, bool ascii)
{
    size_t len = strlen(s);
    size_t used = 0, keep = 0;
    int width = 0, keep_width = 0, c;
    if (columns <= 0) {
        return 0;
    }
    while (used < len) {
        size_t n = utf8_cluster(s + used, len - used, &c);
        if (width + c > columns) {
            break;
        }
        used += n;
        width += c;
        /* Where to cut if it turns out that an ellipsis is needed. */
        if (width < columns) {
            keep = used;
            keep_width = width;
        }
    }
    if (used == len || columns == 1) {
        strbuf_add(out, s, used);
        return width;
    }
    strbuf_add(out, s, keep);
    strbuf_addstr(out, ascii ? "~" : "\xE2\x80\xA6");
    return keep_width + 1;
}

/* Characters that would change the terminal's state, the line structure, or the order in which text is shown. */
static bool is_dangerous(uint32_t cp)
{
    return cp < 0x20 || (cp >= 0x7F && cp < 0xA0) || (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069) ||
           cp == 0x2028 || cp == 0x2029;
}

void utf8_sanitize(struct strbuf *out, const char *s, size_t len, bool keep_newlines)
{
    size_t i = 0, clean = 0;
    strbuf_reserve(out, len);
    while (i < len) {
        uint32_t cp;
        bool ok;
        size_t n = decode(s + i, len - i, &cp, &ok);
        if (ok && !is_dangerous(cp)) {
            i += n;
            continue;
        }
        strbuf_add(out, s + clean, i - clean);
        if (ok && (cp == '\n' || cp == '\t')) {
            strbuf_addch(out, keep_newlines ? (char)cp : ' ');
        } else {
            strbuf_addstr(out, "\xEF\xBF\xBD");
        }
        i += n;
        clean = i;
    }
    strbuf_add(out, s + clean, i - clean);
}
