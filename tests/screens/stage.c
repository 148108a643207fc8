/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/screens/stage.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "tests/compare/cells.h"
#include "tests/screens/npm.h"
#include "tests/screens/quiet.h"
#include "tests/screens/world.h"
#include "tests/skip.h"
#include "tui/layout.h"

#define SCRIPT "src/api/.script"
#define DIFFERENCES_SHOWN 12
/* Longer than what a terminal or a program waits for the rest of a key, and than the time between two frames. */
#define REST_MS 40
#define LOOKS_WHEN_TICKING 4
/* So long a program with a spinner is waited for. */
#define RESTLESS_MS 2000
/* The same for both: nothing of the machine's own settings, and what is in TERM and COLORTERM is compared, too. */
#define SHELL                                                                                                          \
    "exec env -i PATH=/usr/local/bin:/usr/bin:/bin HOME=$PWD/.home TERM=$TERM COLORTERM=$COLORTERM LANG=C.UTF-8 "      \
    "HISTFILE= PS1='$ ' PAGER=less LESS=-R bash --norc --noprofile"

/* --- the world --- */

/* A file long and wide enough to page, wrap and search in. */
static void write_lines(struct harness *h)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    for (int i = 1; i <= 300; i++) {
        strbuf_addf(&text, "line %d: %.*s 日本語 ünï\tend\n", i, i % 90,
                    "the quick brown fox jumps over the lazy dog, and the dog sleeps on, as lazy dogs will do");
    }
    harness_write(h, "src/api/lines.txt", text.buf);
}

int stage_set_up(void **state)
{
    struct stage *s = xcalloc(1, sizeof(*s));

    s->pane = harness_new();
    s->bare = harness_new();
    strbuf_init(&s->recording);
    harness_mkdir(s->pane, "src/api/.home");
    /* The theme that leaves the terminal's own colours alone. */
    harness_write(s->pane, ".config/muthr/muthr.toml", "[tui]\ntheme = \"mono\"\n");
    write_lines(s->pane);
    harness_write(s->pane, "src/api/hello.c",
                  "/* A program. */\n#include <stdio.h>\n\nint main(void)\n{\n\tfor (int i = 0; i < 10; i++) {\n"
                  "\t\tprintf(\"%d: \\\"hello\\\" wörld 日本\\n\", i);\n\t}\n\treturn 0;\n}\n");
    harness_write(s->pane, "src/api/vimrc",
                  "set nocompatible number ruler showcmd termguicolors laststatus=2 mouse=a noswapfile hlsearch\n"
                  "set timeout ttimeout ttimeoutlen=20\nsyntax on\n");
    *state = s;
    return 0;
}

int stage_tear_down(void **state)
{
    struct stage *s = *state;

    harness_free(s->bare);
    harness_free(s->pane);
    strbuf_release(&s->recording);
    free(s->script);
    free(s);
    return 0;
}

/* Where the session is when it has the whole screen. */
static struct rect pane_area(const struct stage *s)
{
    struct layout l;

    layout_compute(&l, &(struct layout_in){.cols = s->cols, .rows = s->rows + 3, .zoom = true, .focus_main = true});
    assert_int_equal(l.main.w, s->cols);
    assert_int_equal(l.main.h, s->rows);
    return l.main;
}

/* The cockpit, with the first shell on the whole screen. */
static void open_pane(struct stage *s, int cols, int rows)
{
    s->cols = cols;
    s->rows = rows;
    world_start(s->pane, 120, 36, NULL, NULL); /* wide: the card beside the list says when there is a backend */
    world_open_shell(s->pane);
    harness_keys(s->pane, "C-] z");
    harness_resize(s->pane, cols, rows + 3);
    MT_CLEANUP(xfree) char *wait = xasprintf("until [ \"$(stty size)\" = '%d %d' ]; do sleep 0.02; done", rows, cols);
    world_run(s->pane, wait);
}

struct stage *stage_open(void **state, int cols, int rows)
{
    struct stage *s = *state;
    MT_CLEANUP(xfree) char *bare = xasprintf("cd %s/src/api && " SHELL, harness_home(s->pane));

    open_pane(s, cols, rows);
    harness_type(s->pane, " " SHELL "\r");
    harness_start(s->bare, &(struct harness_opts){.program = "/bin/bash",
                                                  .args = (const char *const[]){"-c", bare, NULL},
                                                  .cols = cols,
                                                  .rows = rows,
                                                  .no_sync = true});
    cells_put_size(&s->recording, cols, rows);
    harness_wait_text(s->bare, "$");
    /* Enter first: it is the new shell that clears. */
    stage_type(s, "\rclear; PS2='> '; echo rea''dy\r");
    stage_wait(s, "ready");
    stage_keys(s, "C-l");
    stage_wait_gone(s, "ready");
    return s;
}

/* script(1) has written its own first line. */
static bool has_begun(struct harness *h, void *arg)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    (void)h;
    return fs_read(arg, 64u << 20, &text, NULL) == 0 && memchr(text.buf, '\n', text.len);
}

struct stage *stage_open_recorded(void **state, int cols, int rows, const char *command)
{
    struct stage *s = *state;
    MT_CLEANUP(xfree)
    char *line = xasprintf(" clear; exec script -qefc '%s' /workspace/.script\r", command);
    s->script = path_join(harness_home(s->pane), SCRIPT);
    MT_CLEANUP(xfree) char *follow = xasprintf("stty raw -echo; exec tail -n +2 -f '%s'", s->script);

    open_pane(s, cols, rows);
    harness_type(s->pane, line);
    harness_watch(s->pane, has_begun, s->script, "script(1) does not begin");
    harness_start(s->bare, &(struct harness_opts){.program = "/bin/sh",
                                                  .args = (const char *const[]){"-c", follow, NULL},
                                                  .cols = cols,
                                                  .rows = rows,
                                                  .no_sync = true});
    cells_put_size(&s->recording, cols, rows);
    return s;
}

/* --- rest --- */

/* Takes what has come; false when nothing has. */
static bool take_both(struct stage *s)
{
    size_t before = harness_bytes(s->pane)->len + harness_bytes(s->bare)->len;

    harness_take(s->pane);
    harness_take(s->bare);
    return harness_bytes(s->pane)->len + harness_bytes(s->bare)->len != before;
}

/* Nothing has run for REST_MS, nor is anything under way; else `why` says who runs. A program that always ticks has to
 * be seen asleep again and again, and to write nothing. */
static bool at_rest(struct stage *s, struct strbuf *why)
{
    MT_CLEANUP(strbuf) struct strbuf before = STRBUF_INIT;
    pid_t root = harness_pid(s->bare);
    bool ticks = s->ticks || s->script;
    bool rests = !take_both(s) && quiet_look(harness_home(s->pane), root, why);

    for (int i = 0; rests && i < (ticks ? LOOKS_WHEN_TICKING : 1); i++) {
        strbuf_clear(&before);
        strbuf_addstr(&before, why->buf);
        (void)poll(NULL, 0, REST_MS);
        rests = quiet_look(harness_home(s->pane), root, why) && !take_both(s) &&
                (ticks || strcmp(before.buf, why->buf) == 0);
    }
    return rests;
}

void stage_rest(struct stage *s)
{
    uint64_t deadline = clock_mono_ms() + (s->script ? RESTLESS_MS : HARNESS_DEADLINE_MS);
    MT_CLEANUP(strbuf) struct strbuf why = STRBUF_INIT;

    while (strbuf_clear(&why), !at_rest(s, &why)) {
        if (clock_mono_ms() > deadline && s->script) {
            return;
        }
        if (clock_mono_ms() > deadline) {
            fprintf(stderr, "the programs do not come to rest: %s\n", why.buf);
            strbuf_release(&why);
            fail();
        }
        (void)poll(NULL, 0, 2);
    }
}

/* --- what a person does --- */

void stage_type(struct stage *s, const char *text)
{
    stage_rest(s);
    harness_type(s->pane, text);
    if (!s->script) {
        harness_type(s->bare, text);
    }
}

void stage_keys(struct stage *s, const char *chords)
{
    /* One by one, as from a person: not every program takes two out of one read. */
    while (*chords) {
        size_t n = strcspn(chords, " ");
        MT_CLEANUP(xfree) char *one = xstrndup(chords, n);
        stage_rest(s);
        harness_keys(s->pane, one);
        if (!s->script) {
            harness_keys(s->bare, one);
        }
        chords += n + (chords[n] == ' ');
    }
}

/* The mouse at a place, as soon as it is called. */
static void send_mouse(struct stage *s, enum mouse_kind kind, enum mouse_button button, int col, int row)
{
    struct rect area = pane_area(s);

    harness_mouse(s->pane, kind, button, area.x + col, area.y + row);
    if (!s->script) {
        harness_mouse(s->bare, kind, button, col, row);
    }
}

void stage_mouse(struct stage *s, enum mouse_kind kind, enum mouse_button button, int col, int row)
{
    stage_rest(s);
    send_mouse(s, kind, button, col, row);
}

void stage_click(struct stage *s, int col, int row)
{
    stage_rest(s);
    send_mouse(s, MOUSE_PRESS, MOUSE_BUTTON_LEFT, col, row);
    send_mouse(s, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, col, row);
}

/* What the bare terminal was sent since the last time. */
static void record(struct stage *s)
{
    const struct strbuf *bytes = harness_bytes(s->bare);

    if (bytes->len > s->recorded) {
        cells_put_output(&s->recording, bytes->buf + s->recorded, bytes->len - s->recorded);
        s->recorded = bytes->len;
    }
}

/* The cockpit has drawn its bottom line where it belongs now. */
static bool has_size(struct harness *h, void *arg)
{
    const struct stage *s = arg;
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    harness_row(h, s->rows + 2, &line);
    return strstr(line.buf, "C-] then") != NULL;
}

/* The program has written since the last record: all of them draw again for a new size. */
static bool has_written(struct harness *h, void *arg)
{
    const struct stage *s = arg;

    return harness_bytes(h)->len > s->recorded;
}

void stage_set_size(struct stage *s, int cols, int rows)
{
    stage_rest(s);
    record(s);
    s->cols = cols;
    s->rows = rows;
    harness_resize(s->bare, cols, rows);
    harness_resize(s->pane, cols, rows + 3);
    cells_put_size(&s->recording, cols, rows);
    harness_wait(s->pane, has_size, s, "the cockpit does not take the new size");
    harness_wait(s->bare, has_written, s, "the program does not take the new size");
}

void stage_resize(struct stage *s, int cols, int rows)
{
    stage_set_size(s, cols, rows);
    stage_same(s, "resized");
}

void stage_shake(struct stage *s, int times)
{
    uint32_t seed = 7;

    for (int i = 0; i < times; i++) {
        seed = seed * 1103515245u + 12345u;
        int cols = 45 + (int)(seed >> 16) % 150, rows = 12 + (int)(seed >> 24) % 40;
        harness_resize(s->bare, cols, rows);
        harness_resize(s->pane, cols, rows + 3);
        harness_take(s->bare);
        harness_take(s->pane);
    }
}

void stage_wait(struct stage *s, const char *text)
{
    harness_wait_text(s->bare, text);
    harness_wait_text(s->pane, text);
}

void stage_wait_gone(struct stage *s, const char *text)
{
    harness_wait_gone(s->bare, text);
    harness_wait_gone(s->pane, text);
}

/* --- the same? --- */

/* Colours and attributes that nothing shows do not count. */
static struct cell seen(struct cell c)
{
    c.ch = c.ch ? c.ch : ' ';
    c.attrs &= (uint16_t)~CELL_PROTECTED;
    if (c.ch == ' ' && !(c.attrs & (CELL_REVERSE | CELL_STRIKE | CELL_OVERLINE | CELL_UL_MASK))) {
        c.fg = CELL_COLOR_DEFAULT;
        c.attrs = 0;
    }
    if (c.ch == ' ') {
        c.attrs &= (uint16_t)~CELL_ITALIC; /* a line under or through it does not lean */
    }
    return c;
}

static void cell_text(const struct vt *vt, struct cell c, struct strbuf *out)
{
    c = seen(c);
    strbuf_clear(out);
    cells_put(out, vt_clusters(vt), &c);
    strbuf_truncate(out, out->len ? out->len - 1 : 0);
    const struct extra *extra = extra_get(vt_extras(vt), cell_extra(&c));
    if (extra && (extra->uri || CELL_UNDERLINE(c.attrs))) {
        strbuf_addf(out, " link %s underlined %#x", extra->uri ? extra->uri : "",
                    CELL_UNDERLINE(c.attrs) ? extra->ul : 0);
    }
}

/* Lists what differs; returns how much. */
static int differences(struct stage *s, struct strbuf *out)
{
    struct vt *pane = harness_vt(s->pane), *bare = harness_vt(s->bare);
    struct rect area = pane_area(s);
    MT_CLEANUP(strbuf) struct strbuf a = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    struct vt_cursor p = vt_cursor(pane), q = vt_cursor(bare);
    int n = 0;

    for (int y = 0; y < area.h; y++) {
        const struct cell *left = vt_row(pane, area.y + y, NULL), *right = vt_row(bare, y, NULL);
        for (int x = 0; x < area.w; x++) {
            cell_text(pane, left[area.x + x], &a);
            cell_text(bare, right[x], &b);
            if (strcmp(a.buf, b.buf) != 0 && n++ < DIFFERENCES_SHOWN) {
                strbuf_addf(out, "row %d col %d: pane [%s], bare [%s]\n", y, x, a.buf, b.buf);
            }
        }
    }
    if (p.visible != q.visible || (p.visible && (p.col - area.x != q.col || p.row - area.y != q.row)) ||
        (p.visible && q.styled && (p.shape != q.shape || p.blink != q.blink))) {
        strbuf_addf(out, "cursor: pane %d,%d visible %d shape %d blink %d; bare %d,%d visible %d shape %d blink %d\n",
                    p.col - area.x, p.row - area.y, p.visible, p.shape, p.blink, q.col, q.row, q.visible, q.shape,
                    q.blink);
        n++;
    }
    return n;
}

/* STAGE_SCREENS=FOLDER keeps the screens as text: NAME.pane.txt, NAME.bare.txt. */
static void keep_text(struct harness *h, const char *name, const char *what)
{
    const char *dir = getenv("STAGE_SCREENS");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    if (dir) {
        MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.%s.txt", dir, name, what);
        harness_dump_text(h, &text);
        assert_int_equal(fs_write_atomic(path, text.buf, text.len, 0644, NULL), 0);
    }
}

/* Fails the test and shows both screens. */
MT_NORETURN static void give_up(struct stage *s, const char *name, struct strbuf *why)
{
    harness_dump_text(s->pane, why);
    strbuf_addf(why, "\n--- bare:\n");
    harness_dump_text(s->bare, why);
    fprintf(stderr, "%s: the pane is not as the bare terminal:\n%s\n", name, why->buf);
    strbuf_release(why);
    fail();
    abort();
}

void stage_same(struct stage *s, const char *name)
{
    uint64_t deadline = clock_mono_ms() + HARNESS_DEADLINE_MS;
    MT_CLEANUP(strbuf) struct strbuf why = STRBUF_INIT;

    /* The same at rest: halfway both may be the same by chance. */
    while (stage_rest(s), strbuf_clear(&why), differences(s, &why) > 0) {
        if (clock_mono_ms() > deadline) {
            give_up(s, name, &why);
        }
        (void)poll(NULL, 0, 5);
    }
    keep_text(s->pane, name, "pane");
    keep_text(s->bare, name, "bare");
    record(s);
}

void stage_same_as_xterm(struct stage *s, const char *name)
{
    struct rect area = pane_area(s);

    stage_same(s, name);
    s->kept++;
    cells_put_screen(&s->recording, harness_vt(s->pane), &area, vt_is_alt(harness_vt(s->bare)), name);
}

/* --- the end --- */

/* Another implementation of the terminal has its say. */
static void ask_xterm(struct stage *s)
{
    const char *dir;
    MT_CLEANUP(xfree) char *file = path_join(harness_home(s->bare), "recording");
    MT_CLEANUP(strbuf) struct strbuf said = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char buf[4096];
    size_t n;

    if (s->kept == 0) { /* compared with the bare terminal only */
        return;
    }
    dir = npm_xterm();
    if (!dir) {
        skip_because(
            "npm's registry does not answer: the screens were compared with the bare terminal, not with xterm.js");
    }
    if (fs_write_atomic(file, s->recording.buf, s->recording.len, 0600, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    MT_CLEANUP(xfree)
    char *command = xasprintf("XTERM=%s node tests/compare/compare.mjs %s 2>&1 </dev/null", dir, file);
    FILE *node = popen(command, "r");
    assert_non_null(node);
    while ((n = fread(buf, 1, sizeof(buf), node)) > 0) {
        strbuf_add(&said, buf, n);
    }
    if (pclose(node) != 0) {
        fprintf(stderr, "%s", said.buf);
        strbuf_release(&said);
        fail();
    }
    print_message("%s", said.buf);
}

void stage_close(struct stage *s)
{
    if (!s->script) {
        stage_keys(s, "C-u");
        stage_type(s, "exit 3\r");
        harness_wait_text(s->pane, "exited 3");
        assert_int_equal(harness_wait_exit(s->bare), 3);
    } else {
        harness_signal(s->bare, SIGTERM);
        (void)harness_wait_exit(s->bare);
    }
    ask_xterm(s);
}
