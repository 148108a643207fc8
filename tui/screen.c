/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/screen.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tui/input.h"
#include "tui/render.h"
#include "tui/screen_fatal.h"
#include "tui/terminfo.h"

#define READ_CHUNK 16384
#define CLOSE_WAIT_MS 300
#define LATE_MS 2000 /* a host that has not come back by then never will */
#define MOUSE_ON "\033[?1000h\033[?1002h\033[?1006h"
#define MOUSE_OFF "\033[?1006l\033[?1003l\033[?1002l\033[?1000l"
#define HOVER_ON "\033[?1003h"
#define HOVER_OFF "\033[?1003l\033[?1000h\033[?1002h" /* in most terminals the first of these ends all reports */
#define FALLBACK_COLS 80
#define FALLBACK_ROWS 24

struct screen {
    struct loop *loop;
    struct screen_opts opts;
    struct terminfo info;
    struct render_caps caps;
    int fd;            /* our own open description of the terminal, non-blocking */
    int restore_flags; /* file flags to give back when fd is only a duplicate; -1: none */
    struct termios saved;
    struct watch *watch;
    struct signal_watch *winch, *tstp, *cont;
    struct strbuf out; /* bytes not yet taken by the terminal */
    size_t sent;
    struct surface shown;
    bool shown_is_valid, active, hung_up;
    bool hover;        /* motion without a button is asked for */
    unsigned kitty;    /* flags pushed; 0: none */
    bool modify_other; /* asked for */
    int cols, rows;
    int sync_fd; /* -1: none */
    bool frames_unsynced, idle;
    struct loan *loan; /* by which the terminal may be lent to a host; NULL: it may not */
    struct screen_place place;
    bool is_lent;
    struct loan *late; /* a host has it, and has not come back; NULL: none */
    uint64_t late_until_ms;
    int lost_row; /* of what is shown, not known any more; -1: none */
};

/* Appends what gives the terminal back: modes off, pen, cursor, the other screen. */
static void add_leave(const struct screen *s, struct strbuf *out)
{
    strbuf_addstr(out, "\033[?2026l\033[m\033[?1004l\033[?2004l");
    strbuf_addstr(out, s->info.hyperlinks ? "\033[?2031l" : "");
    strbuf_addstr(out, s->kitty ? "\033[<u" : s->modify_other ? "\033[>4m" : "");
    strbuf_addstr(out,
                  MOUSE_OFF); /* whether it is on now or not: these bytes are also the fixed ones of fatal signals */
    strbuf_addstr(out, s->caps.cursor_style ? "\033[0 q" : "");
    strbuf_addstr(out, "\033[?7h\033[?25h\033[23;0t");
    strbuf_addstr(out, s->info.leave[0] ? s->info.leave : "\033[2J\033[H");
}

/* Appends what takes the terminal. */
static void add_enter(const struct screen *s, struct strbuf *out)
{
    strbuf_addstr(out, "\033[22;0t");
    strbuf_addstr(out, s->info.enter);
    strbuf_addstr(out, "\033[m\033[r\033[?7l\033[?25l\033[?2004h\033[?1004h");
    strbuf_addstr(out, s->opts.mouse ? MOUSE_ON : "");
    strbuf_addstr(out, s->hover ? HOVER_ON : "");
    if (s->info.hyperlinks) { /* one of today's, which at least swallows a question it does not know */
        strbuf_addstr(out, "\033[?2031h");
    }
    if (s->kitty) {
        strbuf_addf(out, "\033[>%uu", s->kitty);
    } else if (s->modify_other) {
        strbuf_addstr(out, "\033[>4;2m");
    }
}

/* Reads the size; keeps the last one when the terminal does not know. */
static void read_size(struct screen *s)
{
    struct winsize ws = {0};

    if (ioctl(s->fd, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 && ws.ws_row > 0) {
        s->cols = ws.ws_col;
        s->rows = ws.ws_row;
    }
}

/* Raw mode without echo, signals or translations; one byte is enough. */
static int set_raw(struct screen *s, struct error *err)
{
    struct termios raw = s->saved;

    raw.c_iflag &= (tcflag_t) ~(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON | IXOFF);
    raw.c_oflag &= (tcflag_t)~OPOST;
    raw.c_lflag &= (tcflag_t) ~(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    raw.c_cflag = (raw.c_cflag & (tcflag_t) ~(CSIZE | PARENB)) | CS8;
    raw.c_cc[VMIN] = 1;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(s->fd, TCSANOW, &raw) != 0) {
        return error_sys(err, errno, "setting up the terminal");
    }
    return 0;
}

/* Tells the test harness that everything drawn is out. */
static void try_sync(struct screen *s)
{
    if (s->sync_fd >= 0 && s->idle && s->frames_unsynced && s->out.len == s->sent) {
        s->frames_unsynced = false;
        if (write(s->sync_fd, "f", 1) < 0 && errno != EAGAIN) {
            s->sync_fd = -1;
        }
    }
}

/* What the host has drawn is shown now. Where it may have cut a character that is not of one column, nobody knows. */
static void note_drawn(struct screen *s, const struct loan_drawn *d)
{
    struct surface *f = &s->shown;
    int x = s->place.at.x + d->col, y = s->place.at.y + d->row;
    struct style st = s->place.look[d->pen].shown;

    for (int i = -1; i <= d->count; i++) {
        const struct cell *c = surface_cell(f, x + i, y);
        if (c && (c->width != 1 || c->ch >= 0x80 || cell_extra(c))) {
            s->lost_row = y;
        }
    }
    for (int i = 0; i < d->count; i++) {
        struct cell *c = surface_cell(f, x + i, y);
        if (c) {
            *c =
                (struct cell){.ch = (unsigned char)d->text[i], .fg = st.fg, .bg = st.bg, .attrs = st.attrs, .width = 1};
        }
    }
    f->cursor.x = s->place.at.x + d->cursor;
    f->cursor.y = y;
}

/* The terminal is ours alone again. Before anything is written. */
static void end_loan(struct screen *s)
{
    struct loan_drawn drawn;

    if (!s->is_lent) {
        return;
    }
    s->is_lent = false;
    screen_fatal_lent(NULL);
    switch (loan_end(s->loan, &drawn)) {
    case LOAN_UNUSED:
        break;
    case LOAN_DRAWN:
        note_drawn(s, &drawn);
        break;
    case LOAN_LATE:
        s->late = loan_hold(s->loan);
        s->late_until_ms = clock_mono_ms() + LATE_MS;
        s->shown_is_valid = false;
        break;
    case LOAN_BROKEN:
        s->shown_is_valid = false;
        break;
    }
}

static void forget_late(struct screen *s)
{
    loan_drop(s->late);
    s->late = NULL;
}

/* Has the host that was late come back? What it has written it wrote over what we have drawn since. */
static void settle_late(struct screen *s)
{
    enum loan_end end = s->late ? loan_settle(s->late) : LOAN_UNUSED;

    s->shown_is_valid = s->shown_is_valid && end != LOAN_BROKEN;
    if (end != LOAN_LATE || clock_mono_ms() > s->late_until_ms) {
        forget_late(s);
    }
}

/* Nor may it be lent again before somebody says how. */
static void forget_loan(struct screen *s)
{
    end_loan(s);
    loan_drop(s->loan);
    s->loan = NULL;
}

/* The terminal went away: nothing is written to it any more. */
static void hang_up(struct screen *s)
{
    if (s->hung_up) {
        return;
    }
    s->hung_up = true;
    s->sent = 0;
    strbuf_clear(&s->out);
    if (s->watch) {
        watch_set(s->watch, 0);
    }
    if (s->opts.on_hangup) {
        s->opts.on_hangup(s->opts.arg);
    }
}

/* Writes as much as the terminal takes now. Returns true when nothing is left. */
static bool flush_out(struct screen *s)
{
    while (s->sent < s->out.len && !s->hung_up) {
        ssize_t n = write(s->fd, s->out.buf + s->sent, s->out.len - s->sent);
        if (n > 0) {
            s->sent += (size_t)n;
        } else if (n < 0 && errno == EINTR) {
            continue;
        } else if (n < 0 && errno == EAGAIN) {
            break;
        } else {
            hang_up(s);
            return false;
        }
    }
    if (s->sent == s->out.len) {
        s->sent = 0;
        strbuf_clear(&s->out);
    }
    if (s->watch && !s->hung_up && s->active) {
        watch_set(s->watch, WATCH_READ | (s->out.len ? WATCH_WRITE : 0));
    }
    return s->out.len == 0;
}

/* One bounded read a turn: a flood of pasted bytes must not starve drawing. */
static void read_input(struct screen *s)
{
    char buf[READ_CHUNK];
    ssize_t n = read(s->fd, buf, sizeof(buf));

    if (n > 0) {
        s->opts.on_input(s->opts.arg, buf, (size_t)n);
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        hang_up(s);
    }
}

/* Readiness of the terminal. */
static void on_ready(void *arg, int events)
{
    struct screen *s = arg;

    if (events & WATCH_WRITE) {
        bool was_busy = s->out.len > 0;
        if (flush_out(s) && was_busy) {
            try_sync(s);
            if (s->opts.on_writable) {
                s->opts.on_writable(s->opts.arg);
            }
        }
    }
    /* on_input may close the screen: it comes last. */
    if (events & (WATCH_READ | WATCH_HANGUP)) {
        read_input(s);
    }
}

/* SIGWINCH. Also when the size is what it was: it may have been another one in between, and what was shown is cut. */
static void on_winch(void *arg, int signum)
{
    struct screen *s = arg;

    (void)signum;
    read_size(s);
    s->shown_is_valid = false;
    if (s->opts.on_resize) {
        s->opts.on_resize(s->opts.arg, s->cols, s->rows);
    }
}

/* SIGTSTP sent from outside (Ctrl-Z is an ordinary key here): give the terminal back, stop, take it again. */
static void on_tstp(void *arg, int signum)
{
    struct screen *s = arg;
    bool was_active = s->active;

    (void)signum;
    screen_suspend(s);
    (void)raise(SIGSTOP);
    if (was_active && screen_resume(s, NULL) != 0) {
        hang_up(s);
    }
}

/* SIGCONT after a SIGSTOP that nobody can catch: the shell has changed the terminal's settings meanwhile. */
static void on_cont(void *arg, int signum)
{
    struct screen *s = arg;

    (void)signum;
    if (s->active) {
        forget_loan(s); /* made before the stop */
        s->active = false;
        if (screen_resume(s, NULL) != 0) {
            hang_up(s);
        }
    }
}

/* A descriptor of our own for the terminal, so that its O_NONBLOCK is not the shell's. */
static int open_terminal(struct screen *s, struct error *err)
{
    const char *name = ttyname(STDOUT_FILENO);
    char own[64];

    s->restore_flags = -1;
    if (name && strcmp(name, "/dev/tty") == 0) { /* not its name: standard output was opened by that one */
        name = NULL;
    }
    s->fd = name ? open(name, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (s->fd < 0 && fd_terminal(own, sizeof(own)) == 0) {
        s->fd = open(own, O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK);
    }
    if (s->fd < 0) {
        /* The name may belong to another mount namespace: share the description, and give its flags back at the end. */
        s->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
        s->restore_flags = s->fd < 0 ? -1 : fcntl(s->fd, F_GETFL);
        if (s->fd < 0 || fcntl(s->fd, F_SETFL, s->restore_flags | O_NONBLOCK) != 0) {
            return error_sys(err, errno, "opening the terminal");
        }
    }
    if (tcgetattr(s->fd, &s->saved) != 0) {
        return error_sys(err, errno, "reading the terminal's settings");
    }
    return 0;
}

/* How many colours may be used, from the environment and terminfo. */
static enum color_depth choose_depth(const struct screen *s)
{
    const char *colorterm = getenv("COLORTERM");

    if (s->opts.no_color || s->info.colors < 8) {
        return COLOR_MONO;
    }
    if (s->info.direct || (colorterm && (strcmp(colorterm, "truecolor") == 0 || strcmp(colorterm, "24bit") == 0))) {
        return COLOR_TRUE;
    }
    return s->info.colors >= 256 ? COLOR_256 : COLOR_16;
}

/* The descriptor of the test seam, made non-blocking so that a test that does not read cannot stop us. */
static int open_sync(void)
{
    const char *text = getenv("MUTHR_TUI_SYNC_FD");
    char *end = NULL;
    long fd = text ? strtol(text, &end, 10) : -1;

    if (!text || end == text || *end || fd < 3 || fd > 1 << 20) {
        return -1;
    }
    int flags = fcntl((int)fd, F_GETFL);
    if (flags < 0 || fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) != 0) {
        return -1;
    }
    (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC); /* hosts must not inherit it */
    return (int)fd;
}

/* Starts the watches on the loop. */
static int start_watches(struct screen *s, struct error *err)
{
    s->watch = watch_new(s->loop, s->fd, on_ready, s, err);
    s->winch = s->watch ? signal_watch_new(s->loop, SIGWINCH, on_winch, s, err) : NULL;
    s->tstp = s->winch ? signal_watch_new(s->loop, SIGTSTP, on_tstp, s, err) : NULL;
    s->cont = s->tstp ? signal_watch_new(s->loop, SIGCONT, on_cont, s, err) : NULL;
    return s->cont ? 0 : -1;
}

/* Frees everything but the terminal's state. */
static void release(struct screen *s)
{
    forget_loan(s);
    forget_late(s);
    watch_close(s->watch);
    if (s->winch) {
        signal_watch_close(s->winch);
    }
    if (s->tstp) {
        signal_watch_close(s->tstp);
    }
    if (s->cont) {
        signal_watch_close(s->cont);
    }
    if (s->fd >= 0) {
        if (s->restore_flags >= 0) {
            (void)fcntl(s->fd, F_SETFL, s->restore_flags);
        }
        close(s->fd);
    }
    surface_release(&s->shown);
    strbuf_release(&s->out);
    free(s);
}

/* The fixed bytes for fatal signals. */
static void set_fatal_bytes(const struct screen *s)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;

    add_leave(s, &bytes);
    screen_fatal_bytes(bytes.buf, bytes.len);
}

int screen_open(struct screen **out, struct loop *loop, const struct screen_opts *opts, struct error *err)
{
    struct screen *s;

    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        return error_hint(err, ERROR_INVALID, "run it in a terminal; for scripts there are verbs: muthr-tui --help",
                          "standard input and output must be a terminal");
    }
    s = xcalloc(1, sizeof(*s));
    s->loop = loop;
    s->opts = *opts;
    s->fd = s->lost_row = -1;
    s->cols = FALLBACK_COLS;
    s->rows = FALLBACK_ROWS;
    strbuf_init(&s->out);
    surface_init(&s->shown, 1, 1);
    if (terminfo_read(&s->info, getenv("TERM"), STDOUT_FILENO, err) != 0 || open_terminal(s, err) != 0 ||
        start_watches(s, err) != 0) {
        release(s);
        return -1;
    }
    s->caps = (struct render_caps){.depth = choose_depth(s),
                                   .bce = s->info.bce,
                                   .ech = s->info.ech,
                                   .cha = s->info.cha,
                                   .underline_styles = s->info.underline_styles,
                                   .cursor_style = s->info.cursor_style,
                                   .underline_color = s->info.underline_color,
                                   .hyperlinks = s->info.hyperlinks};
    s->sync_fd = open_sync();
    read_size(s);
    if (set_raw(s, err) != 0) {
        release(s);
        return -1;
    }
    set_fatal_bytes(s);
    screen_fatal_arm(s->fd, &s->saved);
    s->active = true;
    add_enter(s, &s->out);
    flush_out(s);
    *out = s;
    return 0;
}

/* Writes all that is queued, for at most CLOSE_WAIT_MS: a stopped terminal (Ctrl-S, a stuck ssh) must not keep us. */
static void drain_out(struct screen *s)
{
    uint64_t deadline = clock_mono_ms() + CLOSE_WAIT_MS;

    while (!flush_out(s) && !s->hung_up) {
        uint64_t now = clock_mono_ms();
        if (now >= deadline) {
            strbuf_clear(&s->out);
            s->sent = 0;
            return;
        }
        fd_wait_writable(s->fd, (int)(deadline - now));
    }
}

/* Lets a host that is late come back, for at most CLOSE_WAIT_MS: what it writes would stand on the shell's screen. */
static void wait_for_late(struct screen *s)
{
    uint64_t deadline = clock_mono_ms() + CLOSE_WAIT_MS;

    settle_late(s);
    while (s->late && clock_mono_ms() < deadline) {
        (void)poll(NULL, 0, 1);
        settle_late(s);
    }
}

/* Gives the terminal back. */
static void leave(struct screen *s)
{
    if (!s->active) {
        return;
    }
    forget_loan(s);
    wait_for_late(s);
    s->active = false;
    s->shown_is_valid = false;
    screen_fatal_pause();
    watch_set(s->watch, 0);
    if (!s->hung_up) {
        add_leave(s, &s->out);
        drain_out(s);
        /* Mouse reports that are on their way would be typed into the shell. */
        (void)tcflush(s->fd, TCIFLUSH);
        (void)tcsetattr(s->fd, TCSANOW, &s->saved);
    }
}

void screen_close(struct screen *s)
{
    if (!s) {
        return;
    }
    leave(s);
    screen_fatal_release();
    release(s);
}

void screen_suspend(struct screen *s)
{
    leave(s);
}

int screen_resume(struct screen *s, struct error *err)
{
    if (s->active || s->hung_up) {
        return s->hung_up ? error_set(err, ERROR_UNAVAILABLE, "the terminal is gone") : 0;
    }
    if (set_raw(s, err) != 0) {
        return -1;
    }
    s->active = true;
    s->shown_is_valid = false;
    screen_fatal_resume();
    add_enter(s, &s->out);
    flush_out(s);
    read_size(s);
    if (s->opts.on_resize) {
        s->opts.on_resize(s->opts.arg, s->cols, s->rows);
    }
    return 0;
}

void screen_size(const struct screen *s, int *cols, int *rows)
{
    *cols = s->cols;
    *rows = s->rows;
}

enum color_depth screen_depth(const struct screen *s)
{
    return s->caps.depth;
}

bool screen_present(struct screen *s, const struct surface *frame)
{
    if (!s->active || s->hung_up || s->out.len > s->sent) {
        return false;
    }
    forget_loan(s);
    settle_late(s);
    if (s->lost_row >= 0) {
        render_forget_row(&s->shown, frame, s->lost_row);
        s->lost_row = -1;
    }
    s->idle = false;
    s->frames_unsynced = true;
    render_frame(&s->out, &s->caps, s->shown_is_valid ? &s->shown : NULL, frame);
    s->shown_is_valid = true;
    flush_out(s); /* before the copy, which takes longer than the frame of a key */
    render_copy(&s->shown, frame);
    return true;
}

void screen_invalidate(struct screen *s)
{
    s->shown_is_valid = false;
}

void screen_send(struct screen *s, const char *data, size_t len)
{
    if (s->active && !s->hung_up) {
        end_loan(s);
        strbuf_add(&s->out, data, len);
        flush_out(s);
    }
}

void screen_set_mouse(struct screen *s, bool on)
{
    if (s->opts.mouse != on) {
        s->opts.mouse = on;
        s->hover = false;
        screen_send(s, on ? MOUSE_ON : MOUSE_OFF, strlen(on ? MOUSE_ON : MOUSE_OFF));
    }
}

void screen_set_hover(struct screen *s, bool on)
{
    on = on && s->opts.mouse;
    if (s->hover != on) {
        s->hover = on;
        screen_send(s, on ? HOVER_ON : HOVER_OFF, strlen(on ? HOVER_ON : HOVER_OFF));
    }
}

void screen_set_kitty(struct screen *s, unsigned flags)
{
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    unsigned had = s->kitty;

    if (flags == had || !s->active) {
        return;
    }
    s->kitty = flags;
    if (!flags) {
        strbuf_addstr(&out, "\033[<u");
    } else {
        strbuf_addf(&out, had ? "\033[=%u;1u" : "\033[>%uu", flags);
    }
    set_fatal_bytes(s);
    screen_send(s, out.buf, out.len);
}

void screen_add_underlines(struct screen *s, bool styles, bool color)
{
    s->caps.underline_styles = s->caps.underline_styles || styles;
    s->caps.underline_color = s->caps.underline_color || color;
    s->shown_is_valid = false; /* what was drawn plainly is drawn again */
}

void screen_set_modify_other(struct screen *s)
{
    if (!s->modify_other && s->active && s->info.hyperlinks) {
        s->modify_other = true;
        set_fatal_bytes(s);
        screen_send(s, "\033[>4;2m", 7);
    }
}

void screen_ask(struct screen *s, const struct strbuf *question)
{
    if (s->info.hyperlinks) {
        screen_send(s, question->buf, question->len);
    }
}

int screen_terminal(const struct screen *s)
{
    return s->restore_flags < 0 ? s->fd : -1;
}

void screen_prepare_loan(struct screen *s, struct loan *loan, const struct screen_place *place)
{
    struct loan_offer offer = {.x = place->at.x, .y = place->at.y, .cols = place->at.w, .rows = place->at.h};

    forget_loan(s);
    for (int i = 0; i < place->looks; i++) {
        MT_CLEANUP(strbuf) struct strbuf pen = STRBUF_INIT;
        struct loan_pen *to = &offer.pen[offer.pens];

        render_pen(&pen, &s->caps, place->look[i].shown, s->shown.base_bg);
        if (pen.len > sizeof(to->bytes)) {
            break;
        }
        to->fg = place->look[i].program.fg;
        to->bg = place->look[i].program.bg;
        to->attrs = place->look[i].program.attrs;
        to->len = (uint8_t)pen.len;
        memcpy(to->bytes, pen.buf, pen.len);
        offer.pens++;
    }
    s->place = *place;
    s->loan = loan_hold(loan);
    loan_prepare(loan, &offer);
}

void screen_lend(struct screen *s)
{
    end_loan(s); /* of the key before, which has brought nothing, or whose frame is still on its way */
    if (s->loan && s->active && !s->hung_up && s->out.len == 0 && s->shown_is_valid && s->lost_row < 0 && !s->late) {
        s->is_lent = true;
        screen_fatal_lent(loan_word(s->loan));
        loan_make_offer(s->loan, clock_mono_ms());
    }
}

void screen_sync_idle(struct screen *s)
{
    s->idle = true;
    try_sync(s);
}

void screen_add_keys(const struct screen *s, struct input *in)
{
    char erase = (char)s->saved.c_cc[VERASE];

    for (int i = 0; i < s->info.key_count; i++) {
        input_add_sequence(in, s->info.keys[i].bytes, s->info.keys[i].key);
    }
    /* Terminals whose Backspace sends ^H say so by their erase character; elsewhere ^H stays Ctrl-H. */
    if (erase == '\b') {
        input_add_sequence(in, "\b", (struct key){KEYSYM_BACKSPACE, 0});
    }
}
