/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/util/compiler.h"
#include "core/util/hex.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "term/base64.h"
#include "term/vt_priv.h"

/* Control strings: OSC and DCS. Whole and bounded when they come here. Text that leaves is sanitised; nothing is ever
 * read out of the clipboard. */

/* The string terminator of the question. */
static const char *terminator(const struct token *t)
{
    return t->bel ? "\007" : "\033\\";
}

void vt_set_title(struct vt *vt, const char *text, size_t len)
{
    struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, len, false);
    str_copy(vt->title, sizeof(vt->title), clean.buf);
    strbuf_release(&clean);
    if (vt->cb.title != NULL) {
        vt->cb.title(vt->title, vt->arg);
    }
}

/* Tells a notification, sanitised and cut. */
static void notify(struct vt *vt, const char *title, size_t title_len, const char *body, size_t body_len)
{
    struct strbuf t = STRBUF_INIT, b = STRBUF_INIT;
    utf8_sanitize(&t, title, MT_MIN(title_len, (size_t)256), false);
    utf8_sanitize(&b, body, MT_MIN(body_len, (size_t)1024), false);
    if (vt->cb.notify != NULL && t.len + b.len > 0) {
        vt->cb.notify(t.buf, b.buf, vt->arg);
    }
    strbuf_release(&t);
    strbuf_release(&b);
}

/* A decimal number; -1 when there is none. Moves *s past it. */
static int read_number(const char **s, const char *end)
{
    int n = -1;
    while (*s < end && **s >= '0' && **s <= '9') {
        n = MT_MIN((n < 0 ? 0 : n) * 10 + (**s - '0'), SANITIZE_PARAM_LIMIT);
        ++*s;
    }
    return n;
}

/* OSC 9;4;state;percent. */
static void progress(struct vt *vt, const char *s, const char *end)
{
    int state = read_number(&s, end), percent = 0;
    if (s < end && *s == ';') {
        s++;
        percent = read_number(&s, end);
    }
    if (vt->cb.progress != NULL && state >= 0 && state <= VT_PROGRESS_PAUSED) {
        vt->cb.progress((enum vt_progress)state, percent < 0 ? 0 : MT_MIN(percent, 100), vt->arg);
    }
}

/* Tells the working folder: the path is percent-decoded and sanitised. */
static void tell_cwd(struct vt *vt, const char *s, size_t len, bool percent)
{
    struct strbuf raw = STRBUF_INIT, clean = STRBUF_INIT;
    for (size_t i = 0; i < len; i++) {
        if (percent && s[i] == '%' && i + 2 < len && hex_digit(s[i + 1]) >= 0 && hex_digit(s[i + 2]) >= 0) {
            strbuf_addch(&raw, (char)(hex_digit(s[i + 1]) << 4 | hex_digit(s[i + 2])));
            i += 2;
        } else {
            strbuf_addch(&raw, s[i]);
        }
    }
    utf8_sanitize(&clean, raw.buf, raw.len, false);
    if (vt->cb.cwd != NULL && clean.len > 0 && clean.buf[0] == '/') {
        vt->cb.cwd(clean.buf, vt->arg);
    }
    strbuf_release(&raw);
    strbuf_release(&clean);
}

/* OSC 7: file://host/path; the host is not to be trusted, and not used. */
static void osc_cwd(struct vt *vt, const char *s, const char *end)
{
    if (end - s > 7 && strncasecmp(s, "file://", 7) == 0) {
        const char *path = memchr(s + 7, '/', (size_t)(end - s - 7));
        if (path != NULL) {
            tell_cwd(vt, path, (size_t)(end - path), true);
        }
    } else if (s < end && *s == '/') {
        tell_cwd(vt, s, (size_t)(end - s), false);
    }
}

/* OSC 9: progress, working folder, else a notification. */
static void osc_9(struct vt *vt, const char *s, const char *end)
{
    if (end - s >= 2 && s[0] == '4' && s[1] == ';') {
        progress(vt, s + 2, end);
    } else if (end - s >= 2 && s[0] == '9' && s[1] == ';') {
        s += 2;
        size_t len = (size_t)(end - s);
        if (len >= 2 && s[0] == '"' && s[len - 1] == '"') {
            s++;
            len -= 2;
        }
        tell_cwd(vt, s, len, false);
    } else if (end - s >= 2 && s[0] >= '1' && s[0] <= '9' &&
               (s[1] == ';' || (s[1] >= '0' && s[1] <= '2' && s[2] == ';'))) {
        return; /* ConEmu's other commands */
    } else {
        notify(vt, "", 0, s, (size_t)(end - s));
    }
}

/* OSC 777;notify;title;body. */
static void osc_777(struct vt *vt, const char *s, const char *end)
{
    if (end - s < 7 || memcmp(s, "notify;", 7) != 0) {
        return;
    }
    s += 7;
    const char *semi = memchr(s, ';', (size_t)(end - s));
    const char *title_end = semi != NULL ? semi : end;
    const char *body = semi != NULL ? semi + 1 : end;
    notify(vt, s, (size_t)(title_end - s), body, (size_t)(end - body));
}

/* The value of a key in kitty's "i=1:d=0:p=body", or the fallback; at most one character less than `cap`. */
static void meta_value(const char *s, const char *end, char key, const char *fallback, char *out, size_t cap)
{
    str_copy(out, cap, fallback);
    while (s < end) {
        const char *colon = memchr(s, ':', (size_t)(end - s)), *stop = colon != NULL ? colon : end;
        if (stop - s >= 2 && s[0] == key && s[1] == '=') {
            size_t n = MT_MIN((size_t)(stop - s - 2), cap - 1);
            memcpy(out, s + 2, n);
            out[n] = '\0';
        }
        s = stop + 1;
    }
}

/* Appends a part of a notification: base64 when `e` says so; nothing beyond the limit. */
static void add_part(struct strbuf *to, const char *s, size_t len, bool encoded, size_t limit)
{
    struct strbuf plain = STRBUF_INIT;
    if (!encoded) {
        strbuf_add(&plain, s, len);
    } else if (!base64_decode(s, len, &plain)) {
        strbuf_clear(&plain);
    }
    strbuf_add(to, plain.buf, MT_MIN(plain.len, limit - MT_MIN(to->len, limit)));
    strbuf_release(&plain);
}

/* OSC 99;metadata;text (kitty): title and body may come in parts of one id, d=0 until the last. Icons, buttons, closing
 * and questions are ignored. */
static void osc_99(struct vt *vt, const char *s, const char *end)
{
    char id[sizeof(vt->notice.id)], done[4], part[8], encoded[4];
    const char *semi = memchr(s, ';', (size_t)(end - s));
    if (semi == NULL) {
        return;
    }
    meta_value(s, semi, 'i', "", id, sizeof(id));
    meta_value(s, semi, 'd', "1", done, sizeof(done));
    meta_value(s, semi, 'p', "title", part, sizeof(part));
    meta_value(s, semi, 'e', "0", encoded, sizeof(encoded));
    bool title = strcmp(part, "title") == 0, body = strcmp(part, "body") == 0;
    if (strcmp(id, vt->notice.id) != 0) {
        vt_notice_clear(vt);
        str_copy(vt->notice.id, sizeof(vt->notice.id), id);
    }
    if (title || body) {
        add_part(title ? &vt->notice.title : &vt->notice.body, semi + 1, (size_t)(end - semi - 1), encoded[0] == '1',
                 title ? 256 : 1024);
    }
    if (done[0] != '0' && vt->notice.title.len + vt->notice.body.len > 0) {
        bool both = vt->notice.body.len > 0;
        struct strbuf *text = both ? &vt->notice.body : &vt->notice.title;
        notify(vt, vt->notice.title.buf, both ? vt->notice.title.len : 0, text->buf, text->len);
        vt_notice_clear(vt);
    }
}

void vt_notice_clear(struct vt *vt)
{
    vt->notice.id[0] = '\0';
    strbuf_release(&vt->notice.title);
    strbuf_release(&vt->notice.body);
}

/* OSC 52;targets;data. A question is never answered. */
static void osc_52(struct vt *vt, const char *s, const char *end)
{
    const char *semi = memchr(s, ';', (size_t)(end - s));
    if (semi == NULL || !vt->clip_allowed || vt->cb.clipboard == NULL || (semi + 1 < end && semi[1] == '?')) {
        return;
    }
    struct strbuf data = STRBUF_INIT;
    if (base64_decode(semi + 1, (size_t)(end - semi - 1), &data) && data.len <= VT_CLIPBOARD_MAX) {
        vt->cb.clipboard(data.buf, data.len, vt->arg);
    }
    strbuf_release(&data);
}

/* Notes at the cursor's row what the shell says of it. */
static void mark_row(struct vt *vt, char kind)
{
    unsigned marks = grid_marks(vt_grid(vt), vt->row);
    if (vt->screen != &vt->main) {
        return;
    }
    switch (kind) {
    case 'A':
        marks |= GRID_MARK_PROMPT;
        break;
    case 'C':
        marks |= GRID_MARK_OUTPUT;
        break;
    case 'D':
        marks |= vt->col > 0 ? GRID_MARK_END_INSIDE : GRID_MARK_END;
        break;
    default:
        break;
    }
    grid_set_marks(vt_grid(vt), vt->row, marks);
}

/* OSC 133;A B C D[;status]. */
static void osc_133(struct vt *vt, const char *s, const char *end)
{
    if (s == end || strchr("ABCD", *s) == NULL) {
        return;
    }
    char kind = *s++;
    int status = -1;
    if (kind == 'D' && s < end && *s == ';') {
        s++;
        status = read_number(&s, end);
    }
    mark_row(vt, kind);
    /* kitty's word for a shell that does not draw its prompt again when the size changes. */
    bool redraws = memmem(s, (size_t)(end - s), "redraw=0", 8) == NULL;
    vt->has_prompt = kind == 'A' ? redraws : kind == 'B' && vt->has_prompt;
    vt->at_prompt = vt->has_prompt;
    if (vt->cb.mark != NULL) {
        vt->cb.mark(kind, status, vt->arg);
    }
}

/* OSC 8;params;uri. Only schemes that are harmless to open, and visible ASCII. */
static void osc_8(struct vt *vt, const char *s, const char *end)
{
    static const char *const schemes[] = {"http://", "https://", "file://", "mailto:"};
    const char *uri = memchr(s, ';', (size_t)(end - s));
    vt_pen_extra(vt, NULL);
    if (uri == NULL || uri + 1 == end || end - uri - 1 > EXTRA_URI_MAX) {
        return;
    }
    uri++;
    for (const char *p = uri; p < end; p++) {
        if ((uint8_t)*p <= 0x20 || (uint8_t)*p >= 0x7f) { /* plain char is signed on some machines only */
            return;
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(schemes); i++) {
        if (strncasecmp(uri, schemes[i], strlen(schemes[i])) == 0) {
            vt_pen_extra(vt, uri);
        }
    }
}

/* Answers a colour question in X11's form with 16 bits a channel. */
static void reply_color(struct vt *vt, const struct token *t, const char *what, uint32_t c)
{
    unsigned r = c >> 16 & 0xff, g = c >> 8 & 0xff, b = c & 0xff;
    vt_replyf(vt, "\033]%s;rgb:%02x%02x/%02x%02x/%02x%02x%s", what, r, r, g, g, b, b, terminator(t));
}

/* One channel of "rgb:": 1 to 4 hex digits, scaled to 8 bits; -1 when malformed. */
static int read_channel(const char **s, const char *end)
{
    unsigned v = 0, digits = 0;
    while (*s < end && digits < 4 && hex_digit(**s) >= 0) {
        v = v << 4 | (unsigned)hex_digit(**s);
        digits++;
        ++*s;
    }
    return digits == 0 ? -1 : (int)(v * 255 / ((1u << (4 * digits)) - 1));
}

/* "rgb:r/g/b" or "#rrggbb". */
static bool read_spec(const char *s, const char *end, uint32_t *rgb)
{
    if (end - s == 7 && *s == '#') {
        uint32_t v = 0;
        for (s++; s < end; s++) {
            if (hex_digit(*s) < 0) {
                return false;
            }
            v = v << 4 | (uint32_t)hex_digit(*s);
        }
        *rgb = v;
        return true;
    }
    if (end - s < 9 || memcmp(s, "rgb:", 4) != 0) {
        return false;
    }
    int ch[3];
    s += 4;
    for (int i = 0; i < 3; i++) {
        if (i > 0 && (s == end || *s++ != '/')) {
            return false;
        }
        ch[i] = read_channel(&s, end);
        if (ch[i] < 0) {
            return false;
        }
    }
    *rgb = (uint32_t)ch[0] << 16 | (uint32_t)ch[1] << 8 | (uint32_t)ch[2];
    return s == end;
}

/* OSC 4;index;spec[;index;spec]...: each set or asked. */
static void osc_4(struct vt *vt, const struct token *t, const char *s, const char *end)
{
    while (s < end) {
        int index = read_number(&s, end);
        if (index < 0 || index > 255 || s == end || *s != ';') {
            return;
        }
        s++;
        const char *next = memchr(s, ';', (size_t)(end - s));
        const char *stop = next != NULL ? next : end;
        uint32_t rgb = 0;
        if (stop - s == 1 && *s == '?') {
            char what[16];
            str_format(what, sizeof(what), "4;%d", index);
            reply_color(vt, t, what, vt_palette_rgb(vt, (unsigned)index));
        } else if (read_spec(s, stop, &rgb)) {
            if (vt->palette == NULL) {
                vt->palette = xcalloc(256, sizeof(*vt->palette));
            }
            vt->palette[index] = 1u << 24 | rgb;
            grid_damage_all(vt_grid(vt));
        }
        s = next != NULL ? next + 1 : end;
    }
}

/* OSC 104[;index...]: back to the default. */
static void osc_104(struct vt *vt, const char *s, const char *end)
{
    if (vt->palette == NULL) {
        return;
    }
    if (s == end) {
        free(vt->palette);
        vt->palette = NULL;
    }
    while (s < end && vt->palette != NULL) {
        int index = read_number(&s, end);
        if (index >= 0 && index < 256) {
            vt->palette[index] = 0;
        }
        s = s < end ? s + 1 : end;
    }
    grid_damage_all(vt_grid(vt));
}

/* OSC 110, 111, 112: back to the cockpit's. */
static void reset_color(struct vt *vt, int which)
{
    vt->own[which] = 0;
    grid_damage_all(vt_grid(vt));
}

/* OSC 10, 11, 12: each asked or set; several may follow one another. */
static void osc_colors(struct vt *vt, const struct token *t, int first, const char *s, const char *end)
{
    const uint32_t color[3] = {vt->fg, vt->bg, vt->cursor_color};
    for (int which = first; which <= 12 && s <= end; which++) {
        const char *next = memchr(s, ';', (size_t)(end - s));
        const char *stop = next != NULL ? next : end;
        uint32_t rgb = 0;
        if (stop - s == 1 && *s == '?') {
            char what[8];
            str_format(what, sizeof(what), "%d", which);
            reply_color(vt, t, what, vt->own[which - 10] ? vt->own[which - 10] & 0xffffff : color[which - 10]);
        } else if (read_spec(s, stop, &rgb)) {
            vt->own[which - 10] = 1u << 24 | rgb;
            grid_damage_all(vt_grid(vt));
        }
        s = next != NULL ? next + 1 : end + 1;
    }
}

/* OSC 633;A B C D P (VS Code): the marks of 133, and the working folder; the rest is nothing here. */
static void osc_633(struct vt *vt, const char *s, const char *end)
{
    if (end - s > 6 && memcmp(s, "P;Cwd=", 6) == 0) {
        tell_cwd(vt, s + 6, (size_t)(end - s - 6), false);
    } else if (s < end && (s + 1 == end || s[1] == ';')) {
        osc_133(vt, s, end);
    }
}

/* OSC 1337;CurrentDir=path (iTerm2); its files and pictures are swallowed. */
static void osc_1337(struct vt *vt, const char *s, const char *end)
{
    if (end - s > 11 && memcmp(s, "CurrentDir=", 11) == 0) {
        tell_cwd(vt, s + 11, (size_t)(end - s - 11), false);
    }
}

void vt_on_osc(struct vt *vt, const struct token *t)
{
    const char *s = t->str, *end = t->str + t->len;
    int command = read_number(&s, end);
    if (command < 0 || (s < end && *s != ';')) {
        return;
    }
    s += s < end;
    switch (command) {
    case 0:
    case 2:
        vt_set_title(vt, s, (size_t)(end - s));
        break;
    case 4:
        osc_4(vt, t, s, end);
        break;
    case 7:
        osc_cwd(vt, s, end);
        break;
    case 8:
        osc_8(vt, s, end);
        break;
    case 9:
        osc_9(vt, s, end);
        break;
    case 10:
    case 11:
    case 12:
        osc_colors(vt, t, command, s, end);
        break;
    case 52:
        osc_52(vt, s, end);
        break;
    case 99:
        osc_99(vt, s, end);
        break;
    case 104:
        osc_104(vt, s, end);
        break;
    case 110:
    case 111:
    case 112:
        reset_color(vt, command - 110);
        break;
    case 133:
        osc_133(vt, s, end);
        break;
    case 633:
        osc_633(vt, s, end);
        break;
    case 777:
        osc_777(vt, s, end);
        break;
    case 1337:
        osc_1337(vt, s, end);
        break;
    default:
        break;
    }
}

/* DECRQSS: "$q" and what is asked for. */
static void request_setting(struct vt *vt, const char *what)
{
    struct strbuf out = STRBUF_INIT;
    strbuf_addstr(&out, "\033P1$r");
    if (strcmp(what, "m") == 0) {
        pen_format(&vt->pen, &out);
        strbuf_addch(&out, 'm');
    } else if (strcmp(what, "r") == 0) {
        strbuf_addf(&out, "%d;%dr", vt->top + 1, vt->bottom);
    } else if (strcmp(what, "s") == 0) {
        strbuf_addf(&out, "%d;%ds", vt->left + 1, vt->right);
    } else if (strcmp(what, "t") == 0) {
        strbuf_addf(&out, "%dt", vt_rows(vt));
    } else if (strcmp(what, " q") == 0) {
        strbuf_addf(&out, "%d q", vt->cursor_style);
    } else if (strcmp(what, "\"q") == 0) {
        strbuf_addf(&out, "%d\"q", (vt->pen.attrs & CELL_PROTECTED) != 0);
    } else if (strcmp(what, "\"p") == 0) {
        strbuf_addstr(&out, "62;1\"p");
    } else {
        strbuf_clear(&out);
        strbuf_addstr(&out, "\033P0$r");
    }
    strbuf_addstr(&out, "\033\\");
    vt_reply(vt, out.buf, out.len);
    strbuf_release(&out);
}

/* One name of XTGETTCAP, in hex as it came. */
static void request_cap(struct vt *vt, const char *hex, size_t len)
{
    static const struct {
        const char *name, *value;
    } caps[] = {
        {"TN", "xterm-256color"},
        {"name", "xterm-256color"},
        {"Co", "256"},
        {"colors", "256"},
        {"RGB", "8/8/8"},
        {"Tc", NULL},
        {"Su", NULL},
        {"Ms", "\033]52;%p1%s;%p2%s\033\\"},
        {"Ss", "\033[%p1%d q"},
        {"Se", "\033[0 q"},
        {"Smulx", "\033[4:%p1%dm"},
        {"Setulc", "\033[58:2::%p1%{65536}%/%d:%p1%{256}%/%{255}%&%d:%p1%{255}%&%dm"},
        {"setrgbf", "\033[38:2:%p1%d:%p2%d:%p3%dm"},
        {"setrgbb", "\033[48:2:%p1%d:%p2%d:%p3%dm"},
        {"smxx", "\033[9m"},
        {"rmxx", "\033[29m"},
        {"Smol", "\033[53m"},
        {"Rmol", "\033[55m"},
        {"Sync", "\033[?2026%?%p1%{1}%-%tl%eh%;"},
    };
    char name[32];
    if (len == 0 || len % 2 != 0 || len / 2 >= sizeof(name)) {
        return;
    }
    for (size_t i = 0; i < len; i += 2) {
        if (hex_digit(hex[i]) < 0 || hex_digit(hex[i + 1]) < 0) {
            return;
        }
        name[i / 2] = (char)(hex_digit(hex[i]) << 4 | hex_digit(hex[i + 1]));
    }
    name[len / 2] = '\0';
    struct strbuf out = STRBUF_INIT;
    bool known = false;
    for (size_t i = 0; i < MT_ARRAY_LEN(caps) && !known; i++) {
        if (strcmp(caps[i].name, name) == 0 && (vt->clip_allowed || strcmp(name, "Ms") != 0)) {
            known = true;
            strbuf_addf(&out, "\033P1+r%.*s%s", (int)len, hex, caps[i].value != NULL ? "=" : "");
            for (const char *v = caps[i].value; v != NULL && *v != '\0'; v++) {
                strbuf_addf(&out, "%02x", (unsigned char)*v);
            }
        }
    }
    if (!known) {
        strbuf_addf(&out, "\033P0+r%.*s", (int)len, hex);
    }
    strbuf_addstr(&out, "\033\\");
    vt_reply(vt, out.buf, out.len);
    strbuf_release(&out);
}

void vt_on_dcs(struct vt *vt, const struct token *t)
{
    if (t->len >= 2 && memcmp(t->str, "$q", 2) == 0) {
        request_setting(vt, t->str + 2);
    } else if (t->len >= 2 && memcmp(t->str, "+q", 2) == 0) {
        const char *s = t->str + 2, *end = t->str + t->len;
        for (int n = 0; s < end && n < 64; n++) {
            const char *semi = memchr(s, ';', (size_t)(end - s));
            const char *stop = semi != NULL ? semi : end;
            request_cap(vt, s, (size_t)(stop - s));
            s = semi != NULL ? semi + 1 : end;
        }
    }
}
