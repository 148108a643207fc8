/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/keys.h"
#include "term/select.h"
#include "tests/unit/vt_recorder.h"

/* Runs the scripts of tests/vt: what a program sends, and what must come of it. A line is a command and its words;
 * "..." takes \e \a \b \n \r \t \" \\ \xHH, and \V for our version.
 *   ! NAME             a new case: a new terminal of 20x5
 *   size COLS ROWS     another terminal of this size
 *   feed "..."         bytes from the program; several words: one after the other
 *   bytewise "..."     the same, a byte at a time
 *   resize COLS ROWS, focus on|off, colors FG BG CURSOR (hex), kitty FLAGS, clipboard on|off
 *   screen "a/b"       all rows, trailing blanks and rows cut
 *   row N "text"       one row
 *   wraps N yes|no     row N goes on in the next
 *   cursor ROW COL [pending|hidden]
 *   cell ROW COL SPEC  the cell's text and look, comma separated in the order of describe()
 *   answer "..."       all that was answered since the last of these
 *   calls "..."        all that was told (title, bell, ...) since the last of these
 *   modes "..."        what keys, mouse and paste are made of
 *   shape N            DECSCUSR in force
 *   title "..."
 *   history N          lines in the scrollback
 *   key NAME "..."     bytes of a key as the modes are now
 *   mouse KIND BUTTON ROW COL "..."
 *   paste "in" "out" */

#define FOLDER "tests/vt"
#define WORDS 12

struct run {
    const char *file;
    int line;
    char name[128];
    struct vt_recorder t;
    struct strbuf word[WORDS];
    int words;
    int failed, checks, cases;
};

/* --- comparing --- */

/* Text with everything that is not printable as an escape. */
static void show(struct strbuf *out, const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)s[i];
        if (c == 0x1b) {
            strbuf_addstr(out, "\\e");
        } else if (c < 0x20 || c == 0x7f) {
            strbuf_addf(out, "\\x%02x", c);
        } else {
            strbuf_addch(out, (char)c);
        }
    }
}

static void expect(struct run *r, const char *what, const char *got, size_t len, const struct strbuf *want)
{
    MT_CLEANUP(strbuf) struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
    r->checks++;
    if (len == want->len && (len == 0 || memcmp(got, want->buf, len) == 0)) {
        return;
    }
    show(&a, got, len);
    show(&b, want->buf, want->len);
    print_error("%s:%d: %s: %s is\n  \"%s\"\nnot\n  \"%s\"\n", r->file, r->line, r->name, what, a.buf, b.buf);
    r->failed++;
}

static void expect_int(struct run *r, const char *what, long got, long want)
{
    r->checks++;
    if (got != want) {
        print_error("%s:%d: %s: %s is %ld, not %ld\n", r->file, r->line, r->name, what, got, want);
        r->failed++;
    }
}

static void add_color(struct strbuf *out, const char *what, uint32_t c)
{
    if (CELL_COLOR_KIND(c) == CELL_KIND_INDEXED) {
        strbuf_addf(out, ",%s=%u", what, c & 0xff);
    } else if (CELL_COLOR_KIND(c) == CELL_KIND_RGB) {
        strbuf_addf(out, ",%s=#%06x", what, c & 0xffffff);
    }
}

/* "text[,wide|right][,attributes][,fg=][,bg=][,ul=][,link=]"; a cell never written is "." */
static void describe(const struct vt *vt, const struct cell *c, struct strbuf *out)
{
    static const char *const lines[] = {"", ",underline", ",double", ",curly", ",dotted", ",dashed", ",?", ",?"};
    static const struct {
        uint16_t attr;
        const char *name;
    } names[] = {{CELL_BOLD, ",bold"},     {CELL_DIM, ",dim"},           {CELL_ITALIC, ",italic"},
                 {CELL_BLINK, ",blink"},   {CELL_REVERSE, ",reverse"},   {CELL_CONCEAL, ",conceal"},
                 {CELL_STRIKE, ",strike"}, {CELL_OVERLINE, ",overline"}, {CELL_PROTECTED, ",protected"}};
    char buf[8];
    size_t len = 0;
    const char *text = cluster_text(vt_clusters(vt), c->ch, buf, &len);
    if (c->width == 0) {
        strbuf_addstr(out, "right");
    } else if (c->ch == 0) {
        strbuf_addch(out, '.');
    } else {
        strbuf_add(out, text, len);
    }
    strbuf_addstr(out, c->width == 2 ? ",wide" : "");
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        strbuf_addstr(out, c->attrs & names[i].attr ? names[i].name : "");
    }
    strbuf_addstr(out, lines[CELL_UNDERLINE(c->attrs)]);
    add_color(out, "fg", c->fg);
    add_color(out, "bg", c->bg);
    const struct extra *e = extra_get(vt_extras(vt), cell_extra(c));
    if (e != NULL) {
        add_color(out, "ul", e->ul);
        if (e->uri != NULL) {
            strbuf_addf(out, ",link=%s", e->uri);
        }
    }
}

static void row_text(struct run *r, int row, struct strbuf *out)
{
    const struct cell *cells = vt_row(r->t.vt, row, NULL);
    if (cells != NULL) {
        select_cells(out, cells, 0, vt_cols(r->t.vt), vt_clusters(r->t.vt), true);
    }
}

static void screen_text(struct run *r, struct strbuf *out)
{
    for (int row = 0; row < vt_rows(r->t.vt); row++) {
        strbuf_addstr(out, row > 0 ? "/" : "");
        row_text(r, row, out);
    }
    while (out->len > 0 && out->buf[out->len - 1] == '/') {
        strbuf_truncate(out, out->len - 1);
    }
}

static void modes_text(const struct key_modes *m, struct strbuf *out)
{
    static const char *const mouse[] = {"", " x10", " click", " drag", " move"};
    static const char *const enc[] = {"", "/utf8", "/sgr", "/urxvt", "/pixel"};
    strbuf_addstr(out, m->app_cursor ? " app_cursor" : "");
    strbuf_addstr(out, m->app_keypad ? " app_keypad" : "");
    strbuf_addstr(out, m->bracketed ? " bracketed" : "");
    strbuf_addstr(out, m->focus ? " focus" : "");
    strbuf_addstr(out, m->newline ? " newline" : "");
    strbuf_addstr(out, m->backarrow ? " backarrow" : "");
    strbuf_addstr(out, m->alt_screen ? " alt" : "");
    strbuf_addstr(out, m->alt_scroll ? " alt_scroll" : "");
    strbuf_addf(out, "%s%s", mouse[m->mouse], enc[m->mouse_enc]);
    if (m->kitty != 0) {
        strbuf_addf(out, " kitty=%d", m->kitty);
    }
    if (m->modify_other != 0) {
        strbuf_addf(out, " other=%d", m->modify_other);
    }
    strbuf_consume(out, out->len > 0 && out->buf[0] == ' ');
}

/* --- commands --- */

static long number(struct run *r, int i, int base)
{
    char *end = NULL;
    if (i >= r->words) {
        fail_msg("%s:%d: a word is missing", r->file, r->line);
    }
    long n = strtol(r->word[i].buf, &end, base);
    if (*end != '\0' || r->word[i].len == 0) {
        fail_msg("%s:%d: not a number: %s", r->file, r->line, r->word[i].buf);
    }
    return n;
}

static bool is(const struct run *r, int i, const char *text)
{
    return i < r->words && strcmp(r->word[i].buf, text) == 0;
}

static void check_cursor(struct run *r)
{
    struct vt_cursor c = vt_cursor(r->t.vt);
    expect_int(r, "the cursor's row", c.row, number(r, 1, 10));
    expect_int(r, "the cursor's column", c.col, number(r, 2, 10));
    if (r->words > 3) {
        expect_int(r, "the cursor being seen", c.visible, !is(r, 3, "hidden"));
    }
}

static void check_cell(struct run *r)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    int row = (int)number(r, 1, 10), col = (int)number(r, 2, 10);
    const struct cell *cells = vt_row(r->t.vt, row, NULL);
    if (cells == NULL || col >= vt_cols(r->t.vt)) {
        fail_msg("%s:%d: no such cell", r->file, r->line);
    }
    describe(r->t.vt, &cells[col], &got);
    expect(r, "the cell", got.buf, got.len, &r->word[3]);
}

static void check_shape(struct run *r)
{
    struct vt_cursor c = vt_cursor(r->t.vt);
    long got = !c.styled ? 0 : c.shape * 2 + (c.blink ? 1 : 2);
    expect_int(r, "the cursor's shape", got, number(r, 1, 10));
}

static void check_key(struct run *r)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct error err = ERROR_INIT;
    struct key k;
    if (key_parse(r->word[1].buf, &k, &err) != 0) {
        fail_msg("%s:%d: %s", r->file, r->line, err.msg);
    }
    key_encode(k, vt_modes(r->t.vt), &got);
    expect(r, r->word[1].buf, got.buf, got.len, &r->word[2]);
}

static void check_mouse(struct run *r)
{
    static const char *const buttons[] = {"none", "left", "middle", "right", "up", "down", "wleft", "wright"};
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    struct mouse_event ev = {.row = (int)number(r, 3, 10), .col = (int)number(r, 4, 10)};
    ev.kind = is(r, 1, "press") ? MOUSE_PRESS : is(r, 1, "release") ? MOUSE_RELEASE : MOUSE_MOTION;
    for (size_t i = 0; i < MT_ARRAY_LEN(buttons); i++) {
        if (is(r, 2, buttons[i])) {
            ev.button = (uint8_t)i;
        }
    }
    mouse_encode(&ev, vt_modes(r->t.vt), &got);
    expect(r, "the report", got.buf, got.len, &r->word[5]);
}

/* Commands that look. */
static bool look(struct run *r)
{
    MT_CLEANUP(strbuf) struct strbuf got = STRBUF_INIT;
    if (is(r, 0, "screen")) {
        screen_text(r, &got);
        expect(r, "the screen", got.buf, got.len, &r->word[1]);
    } else if (is(r, 0, "row")) {
        row_text(r, (int)number(r, 1, 10), &got);
        expect(r, "the row", got.buf, got.len, &r->word[2]);
    } else if (is(r, 0, "wraps")) {
        bool wrapped = false;
        vt_row(r->t.vt, (int)number(r, 1, 10), &wrapped);
        expect_int(r, "wrapping", wrapped, is(r, 2, "yes"));
    } else if (is(r, 0, "cursor")) {
        check_cursor(r);
    } else if (is(r, 0, "cell")) {
        check_cell(r);
    } else if (is(r, 0, "answer")) {
        expect(r, "the answer", r->t.out.buf, r->t.out.len, &r->word[1]);
        strbuf_clear(&r->t.out);
    } else if (is(r, 0, "calls")) {
        expect(r, "what was told", r->t.calls.buf, r->t.calls.len, &r->word[1]);
        strbuf_clear(&r->t.calls);
    } else if (is(r, 0, "modes")) {
        modes_text(vt_modes(r->t.vt), &got);
        expect(r, "the modes", got.buf, got.len, &r->word[1]);
    } else if (is(r, 0, "shape")) {
        check_shape(r);
    } else if (is(r, 0, "title")) {
        expect(r, "the title", vt_title(r->t.vt), strlen(vt_title(r->t.vt)), &r->word[1]);
    } else if (is(r, 0, "history")) {
        expect_int(r, "the scrollback", (long)vt_history_count(r->t.vt), number(r, 1, 10));
    } else if (is(r, 0, "key")) {
        check_key(r);
    } else if (is(r, 0, "mouse")) {
        check_mouse(r);
    } else if (is(r, 0, "paste")) {
        paste_encode(r->word[1].buf, r->word[1].len, vt_modes(r->t.vt), &got);
        expect(r, "the paste", got.buf, got.len, &r->word[2]);
    } else {
        return false;
    }
    return true;
}

/* Commands that do. */
static bool act(struct run *r)
{
    if (is(r, 0, "!")) {
        str_copy(r->name, sizeof(r->name), r->words > 1 ? r->word[1].buf : "");
        r->cases++;
        vt_recorder_renew(&r->t, 20, 5);
    } else if (is(r, 0, "size")) {
        vt_recorder_renew(&r->t, (int)number(r, 1, 10), (int)number(r, 2, 10));
    } else if (is(r, 0, "feed")) {
        for (int i = 1; i < r->words; i++) {
            vt_feed(r->t.vt, r->word[i].buf, r->word[i].len);
        }
    } else if (is(r, 0, "bytewise")) {
        for (size_t i = 0; i < r->word[1].len; i++) {
            vt_feed(r->t.vt, r->word[1].buf + i, 1);
        }
    } else if (is(r, 0, "resize")) {
        vt_resize(r->t.vt, (int)number(r, 1, 10), (int)number(r, 2, 10));
    } else if (is(r, 0, "focus")) {
        vt_set_focus(r->t.vt, is(r, 1, "on"));
    } else if (is(r, 0, "colors")) {
        vt_set_colors(r->t.vt, (uint32_t)number(r, 1, 16), (uint32_t)number(r, 2, 16), (uint32_t)number(r, 3, 16));
    } else if (is(r, 0, "kitty")) {
        vt_set_kitty(r->t.vt, (uint8_t)number(r, 1, 10));
    } else if (is(r, 0, "clipboard")) {
        vt_allow_clipboard(r->t.vt, is(r, 1, "on"));
    } else {
        return false;
    }
    return true;
}

/* --- reading --- */

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : 0;
}

/* One escape at s (behind the backslash). Returns what follows. */
static const char *add_escape(struct strbuf *out, const char *s)
{
    static const char from[] = "eabnrt", to[] = "\033\a\b\n\r\t";
    const char *at = strchr(from, *s);
    if (*s == 'x' && s[1] != '\0' && s[2] != '\0') {
        strbuf_addch(out, (char)(hex(s[1]) << 4 | hex(s[2])));
        return s + 3;
    }
    if (*s == 'V') {
        strbuf_addstr(out, MT_VERSION);
        return s + 1;
    }
    strbuf_addch(out, at != NULL ? to[at - from] : *s);
    return s + 1;
}

/* Splits a line into r->word. */
static void split(struct run *r, const char *s)
{
    r->words = 0;
    for (int i = 0; i < WORDS; i++) {
        strbuf_clear(&r->word[i]);
    }
    for (s += strspn(s, " "); *s != '\0' && *s != '\n' && *s != '#'; s += strspn(s, " ")) {
        assert_true(r->words < WORDS);
        struct strbuf *w = &r->word[r->words++];
        bool quoted = *s == '"';
        for (s += quoted; *s != '\0' && *s != '\n' && *s != (quoted ? '"' : ' ');) {
            if (quoted && *s == '\\') {
                s = add_escape(w, s + 1);
            } else {
                strbuf_addch(w, *s++);
            }
        }
        s += quoted && *s == '"';
    }
}

static void run_file(struct run *r, const char *path)
{
    char line[8192];
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    r->file = path;
    r->line = 0;
    while (fgets(line, sizeof(line), f) != NULL) {
        r->line++;
        split(r, line);
        if (r->words > 0 && !act(r) && !look(r)) {
            fail_msg("%s:%d: no such command: %s", path, r->line, r->word[0].buf);
        }
    }
    fclose(f);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void test_scripts(void **state)
{
    char *files[64];
    size_t n = 0;
    DIR *dir = opendir(FOLDER);
    struct run r = {0};
    vt_recorder_init(&r.t, 20, 5);

    (void)state;
    assert_non_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL && n < MT_ARRAY_LEN(files); e = readdir(dir)) {
        size_t len = strlen(e->d_name);
        if (len > 2 && strcmp(e->d_name + len - 2, ".t") == 0) {
            files[n++] = xasprintf(FOLDER "/%s", e->d_name);
        }
    }
    closedir(dir);
    qsort(files, n, sizeof(*files), by_name);
    for (size_t i = 0; i < n; i++) {
        int checks = r.checks, cases = r.cases;
        vt_recorder_renew(&r.t, 20, 5);
        run_file(&r, files[i]);
        print_message("%s: %d cases, %d checks\n", files[i], r.cases - cases, r.checks - checks);
        free(files[i]);
    }
    vt_recorder_release(&r.t);
    for (int i = 0; i < WORDS; i++) {
        strbuf_release(&r.word[i]);
    }
    assert_true(r.checks > 100); /* the scripts were found and read */
    assert_int_equal(r.failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scripts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
