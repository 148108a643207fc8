/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/outer.h"

#include <string.h>

#include "core/util/hex.h"

#define ASK_COLORS "\033]10;?\033\\\033]11;?\033\\\033]12;?\033\\"
/* A curly coloured underline, DECRQSS: which attributes are set? None any more. */
#define ASK_UNDERLINES "\033[0;4:3;58:2::1:2:3m\033P$qm\033\\\033[m"
#define ASK_STYLES "\033[0;4:3m\033P$qm\033\\\033[m"

void outer_ask_all(struct strbuf *out, bool colored)
{
    outer_ask_colors(out);
    strbuf_addstr(out, colored ? ASK_UNDERLINES : ASK_STYLES);
    strbuf_addstr(out, "\033[?u\033[>q\033[c"); /* DA1 last: what came before it has been answered, or never will be */
}

void outer_ask_colors(struct strbuf *out)
{
    strbuf_addstr(out, ASK_COLORS);
    for (int i = 0; i < 16; i++) {
        strbuf_addf(out, "\033]4;%d;?\033\\", i);
    }
}

/* "rgb:rrrr/gggg/bbbb", one to four digits each, and "rgba:" whose last part is of no interest. */
static bool read_color(const char *s, const char *end, uint32_t *rgb)
{
    uint32_t out = 0;

    if (end - s < 9 || memcmp(s, "rgb", 3) != 0) {
        return false;
    }
    s += s[3] == 'a' ? 4 : 3;
    for (int i = 0; i < 3; i++) {
        unsigned v = 0, most = 0;
        if (s == end || *s++ != (i == 0 ? ':' : '/')) {
            return false;
        }
        for (; s < end && hex_digit(*s) >= 0 && most < 0xffff; s++) {
            v = v << 4 | (unsigned)hex_digit(*s);
            most = most << 4 | 15;
        }
        if (most == 0) {
            return false;
        }
        out = out << 8 | v * 255 / most;
    }
    *rgb = out;
    return true;
}

static unsigned set_color(uint32_t *at, const char *s, const char *end)
{
    uint32_t rgb = 0;

    if (!read_color(s, end, &rgb) || *at == (1u << 24 | rgb)) {
        return 0;
    }
    *at = 1u << 24 | rgb;
    return OUTER_COLORS;
}

/* OSC 4;index;colour. */
static unsigned on_palette(struct outer *o, const char *s, const char *end)
{
    unsigned index = 0;
    const char *p = s;

    while (p < end && *p >= '0' && *p <= '9' && index < 256) {
        index = index * 10 + (unsigned)(*p++ - '0');
    }
    return p > s && p < end && *p == ';' && index < 16 ? set_color(&o->palette[index], p + 1, end) : 0;
}

/* OSC 4, 10, 11 or 12. */
static unsigned on_color(struct outer *o, const char *s, const char *end)
{
    if (end - s > 2 && memcmp(s, "4;", 2) == 0) {
        return on_palette(o, s + 2, end);
    }
    if (end - s > 3 && memcmp(s, "12;", 3) == 0) {
        return set_color(&o->cursor, s + 3, end);
    }
    bool is_fg = end - s > 3 && memcmp(s, "10;", 3) == 0;
    uint32_t rgb = 0;

    if (end - s < 4 || (!is_fg && memcmp(s, "11;", 3) != 0) || !read_color(s + 3, end, &rgb)) {
        return 0;
    }
    bool *known = is_fg ? &o->fg_known : &o->bg_known;
    uint32_t *value = is_fg ? &o->fg : &o->bg;
    unsigned change = *known && *value == rgb ? 0 : OUTER_COLORS;
    *known = true;
    *value = rgb;
    return change;
}

/* The answer to DECRQSS: "1$r" and parameters, "m" and ST. */
static unsigned on_setting(struct outer *o, const char *s, const char *end)
{
    unsigned change = 0;

    if (end - s < 6 || memcmp(s, "1$r", 3) != 0 || memcmp(end - 3, "m\033\\", 3) != 0) {
        return 0;
    }
    for (s += 3; s < end; s++) {
        bool begins = s[-1] == ';' || s[-1] == 'r';
        if (begins && !o->ul_styles && end - s > 3 && memcmp(s, "4:3", 3) == 0) {
            o->ul_styles = true;
            change = OUTER_UNDERLINES;
        } else if (begins && !o->ul_color && end - s > 3 && (memcmp(s, "58:", 3) == 0 || memcmp(s, "58;", 3) == 0)) {
            o->ul_color = true;
            change = OUTER_UNDERLINES;
        }
    }
    return change;
}

/* XTVERSION. Others take CSI > 4 m for an SGR, or have keys of their own. */
static unsigned on_version(struct outer *o, const char *s, const char *end)
{
    static const char *const names[] = {"XTerm", "iTerm2", "mintty", "tmux"};

    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        size_t n = strlen(names[i]);
        o->modify = o->modify || ((size_t)(end - s) > n && memcmp(s, names[i], n) == 0);
    }
    return 0;
}

unsigned outer_reply(struct outer *o, const char *data, size_t len)
{
    const char *end = data + len;

    if (len < 4 || data[0] != '\033') {
        return 0;
    }
    if (data[1] == ']') {
        return on_color(o, data + 2, end);
    }
    if (data[1] == 'P') {
        return memcmp(data + 2, ">|", 2) == 0 ? on_version(o, data + 4, end) : on_setting(o, data + 2, end);
    }
    if (data[1] != '[' || data[2] != '?') {
        return 0;
    }
    switch (data[len - 1]) {
    case 'u':
        o->kitty = true;
        return OUTER_KEYS;
    case 'c':
        o->answered = true;
        return OUTER_KEYS;
    case 'n':
        return len > 6 && memcmp(data + 3, "997;", 4) == 0 ? OUTER_ASK_COLORS : 0;
    default:
        return 0;
    }
}
