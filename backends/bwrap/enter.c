/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/bwrap.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

#include "backends/bwrap/client.h"
#include "backends/process/carry.h"
#include "backends/process/enter_options.h"
#include "backends/process/state.h"
#include "core/io/handover.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* A program in a sandbox never gets our own terminal or files: a terminal could be typed into, a file reopened for
 * writing. It gets a terminal of its own sandbox, or pipes, and we carry the bytes; or, when whoever started us asked
 * for it (a session's host), we hand the sandbox's terminal over, and are done. */

#define GONE 125
#define DRAIN_MS 1000 /* after the program's end: a background child may hold its output open for ever */

struct enter {
    int ctl, signal_fd;
    bool tty, raw, exited;
    int code;
    struct termios saved;
    struct carry in, out, err;
};

/* --- the request --- */

static int send_exec(int ctl, const struct enter_options *o, const int *fds, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf packet = STRBUF_INIT;
    struct wire_exec head = {.type = WIRE_EXEC, .version = WIRE_VERSION, .tty = o->tty, .rows = 24, .cols = 80};
    struct winsize ws;
    if (o->tty && ioctl(0, TIOCGWINSZ, &ws) == 0 && ws.ws_row && ws.ws_col) {
        head.rows = ws.ws_row;
        head.cols = ws.ws_col;
    }
    while (o->argv[head.argc]) {
        head.argc++;
    }
    head.envc = (uint32_t)o->env.len;
    strbuf_add(&packet, &head, sizeof(head));
    strbuf_add(&packet, o->cwd ? o->cwd : "", o->cwd ? strlen(o->cwd) + 1 : 1);
    for (uint32_t i = 0; i < head.argc; i++) {
        strbuf_add(&packet, o->argv[i], strlen(o->argv[i]) + 1);
    }
    for (size_t i = 0; i < o->env.len; i++) {
        strbuf_add(&packet, o->env.v[i], strlen(o->env.v[i]) + 1);
    }
    if (packet.len > WIRE_MAX) {
        return error_set(err, ERROR_INVALID, "command and environment are too long (%zu bytes, at most %d)", packet.len,
                         WIRE_MAX);
    }
    return client_send(ctl, packet.buf, packet.len, fds, fds ? 3 : 0, err);
}

/* Reads one packet that says how the program fares. Returns false when the sandbox is gone. */
static bool read_control(struct enter *e, int *master)
{
    char buf[1024];
    struct wire_code code;
    struct error err = ERROR_INIT;
    ssize_t n = client_recv(e->ctl, buf, sizeof(buf) - 1, master, 30000, &err);
    if (n <= 0) {
        fprintf(stderr, "muthr-tui: %s\r\n", n == 0 ? "sandbox went away" : err.msg);
        e->exited = true;
        e->code = GONE;
        return false;
    }
    buf[n] = '\0';
    memcpy(&code, buf, MT_MIN((size_t)n, sizeof(code)));
    if (buf[0] == WIRE_TEXT) {
        for (char *p = buf + 1; *p; p++) {
            *p = (unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p;
        }
        fprintf(stderr, "muthr-tui: %s\r\n", buf + 1);
    } else if (buf[0] == WIRE_EXIT && n == (ssize_t)sizeof(code)) {
        e->exited = true;
        e->code = code.code & 0xff;
    }
    return true;
}

/* Sends the request and takes the program's side of the relays. */
static int start_program(struct enter *e, const struct enter_options *o, struct error *err)
{
    int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}}, master = -1;
    e->tty = o->tty;
    for (int i = 0; i < 3 && !o->tty; i++) {
        if (pipe2(pipes[i], O_CLOEXEC) < 0) {
            return error_sys(err, errno, "pipes");
        }
    }
    const int theirs[3] = {pipes[0][0], pipes[1][1], pipes[2][1]};
    int rc = send_exec(e->ctl, o, o->tty ? NULL : theirs, err);
    for (int i = 0; i < 3 && !o->tty; i++) {
        close(theirs[i]);
    }
    if (rc < 0 || !read_control(e, &master)) {
        return rc;
    }
    if (!o->tty) {
        e->in.to = pipes[0][1];
        e->out.from = pipes[1][0];
        e->err.from = pipes[2][0];
        /* Programs inside can open their ends again and read back what they wrote: readiness promises nothing. */
        fcntl(e->in.to, F_SETFL, O_NONBLOCK);
        fcntl(e->out.from, F_SETFL, O_NONBLOCK);
        fcntl(e->err.from, F_SETFL, O_NONBLOCK);
        return 0;
    }
    if (master >= 0 && !handover_is_master(master)) { /* the init is not trusted */
        close(master);
        return error_set(err, ERROR_ANSWER, "the sandbox's init did not send a terminal");
    }
    if (master >= 0) {
        fcntl(master, F_SETFL, O_NONBLOCK);
        e->out.from = master;
        e->in.to = fcntl(master, F_DUPFD_CLOEXEC, 3);
    }
    return 0;
}

/* --- carrying bytes --- */

static void set_raw(struct enter *e, bool raw)
{
    struct termios t;
    if (e->tty && raw && tcgetattr(0, &e->saved) == 0) {
        t = e->saved;
        cfmakeraw(&t);
        e->raw = tcsetattr(0, TCSANOW, &t) == 0;
    } else if (!raw && e->raw) {
        /* What the terminal answered to a program's questions, and nobody read, must not be typed into the next shell.
         */
        tcsetattr(0, TCSAFLUSH, &e->saved);
        e->raw = false;
    }
}

/* Our own window has changed: the inner terminal follows, and the kernel tells its programs. */
static void resize(struct enter *e)
{
    struct winsize ws;
    if (e->tty && e->out.from >= 0 && ioctl(0, TIOCGWINSZ, &ws) == 0) {
        ioctl(e->out.from, TIOCSWINSZ, &ws);
    }
}

/* Returns the signal that ends us, or 0. INT and QUIT without a terminal are the program's. */
static int read_signals(struct enter *e)
{
    struct signalfd_siginfo si;
    while (read(e->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
        if (si.ssi_signo == SIGWINCH) {
            resize(e);
        } else if (si.ssi_signo == SIGINT || si.ssi_signo == SIGQUIT) {
            struct wire_code code = {.type = WIRE_SIGNAL, .code = (int)si.ssi_signo};
            client_send(e->ctl, &code, sizeof(code), NULL, 0, NULL);
        } else {
            return (int)si.ssi_signo;
        }
    }
    return 0;
}

/* True when nothing more can come out. */
static bool is_drained(const struct enter *e)
{
    return e->out.from < 0 && e->err.from < 0 && !carry_is_pending(&e->out) && !carry_is_pending(&e->err);
}

/* Carries until the program has ended and its output is out. Returns the exit code. */
static int carry(struct enter *e)
{
    uint64_t deadline = 0;
    for (;;) {
        struct pollfd p[8];
        p[0] = (struct pollfd){.fd = e->exited ? -1 : e->ctl, .events = POLLIN};
        p[1] = (struct pollfd){.fd = e->signal_fd, .events = POLLIN};
        carry_prepare(&e->in, p + 2);
        carry_prepare(&e->out, p + 4);
        carry_prepare(&e->err, p + 6);
        if (e->exited && !deadline) {
            deadline = clock_mono_ms() + DRAIN_MS;
            p[2].fd = p[3].fd = -1;
        }
        uint64_t now = deadline ? clock_mono_ms() : 0;
        if (deadline && (is_drained(e) || now >= deadline)) {
            return e->code;
        }
        /* A terminal has no end while a background job holds it: quiet for a moment counts. */
        int wait = !deadline ? -1 : e->tty ? 50 : (int)(deadline - now);
        int n = poll(p, 8, wait);
        if (n == 0 && e->exited && e->tty && !carry_is_pending(&e->out)) {
            return e->code;
        }
        if (n < 0 && errno != EINTR) {
            return GONE;
        }
        int ended = p[1].revents ? read_signals(e) : 0;
        if (ended) {
            return 128 + ended; /* closing the connection hangs the program up */
        }
        carry_serve(&e->in, p + 2);
        carry_serve(&e->out, p + 4);
        carry_serve(&e->err, p + 6);
        if (e->in.from < 0 && !carry_is_pending(&e->in) && e->in.to >= 0 && !e->tty) {
            carry_close(&e->in.to);
        }
        if (p[0].revents) {
            read_control(e, NULL);
        }
    }
}

static void watch_signals(struct enter *e)
{
    static const int wanted[] = {SIGHUP, SIGTERM, SIGWINCH, SIGINT, SIGQUIT};
    sigset_t set;
    sigemptyset(&set);
    for (size_t i = 0; i < MT_ARRAY_LEN(wanted); i++) {
        sigaddset(&set, wanted[i]);
    }
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN);
    sigprocmask(SIG_BLOCK, &set, NULL);
    e->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* What the init says of a program's end, and takes as a signal for it, is what a lifeline is to say and take. */
_Static_assert(sizeof(struct handover_word) == sizeof(struct wire_code) &&
                   offsetof(struct handover_word, code) == offsetof(struct wire_code, code) &&
                   (int)HANDOVER_EXIT == (int)WIRE_EXIT && (int)HANDOVER_SIGNAL == (int)WIRE_SIGNAL,
               "the control socket can be a lifeline");

/* Gives the program's terminal to whoever started us, if they want it. False: it is ours to carry. */
static bool hand_over(const struct enter *e, int offer)
{
    struct handover h = {.master = e->out.from, .lifeline = e->ctl, .gone_code = GONE};
    if (offer < 0 || !e->tty || e->out.from < 0 || e->exited) {
        return false;
    }
    str_copy(h.gone_text, sizeof(h.gone_text), "muthr-tui: sandbox went away\r\n");
    return handover_give(offer, &h, NULL) == 0;
}

static int run(struct enter *e, const struct enter_options *o)
{
    struct paths paths;
    struct error err = ERROR_INIT;
    if (paths_init(&paths, "muthr-tui", &err) < 0) {
        fprintf(stderr, "muthr-tui: %s\n", err.msg);
        return GONE;
    }
    char *root = state_root(paths.state, STATE_BWRAP), *dir = state_dir_of(root, o->sandbox);
    e->ctl = -1;
    /* Only these: the buffers are zero pages that nobody has touched, and most relays never fill one. */
    e->in.from = 0;
    e->in.to = -1;
    e->out.from = -1;
    e->out.to = 1;
    e->err.from = -1;
    e->err.to = 2;
    watch_signals(e);
    int offer = handover_offered();
    int rc = client_connect(dir, "ctl.sock", &e->ctl, &err);
    rc = rc ? rc : start_program(e, o, &err);
    if (rc < 0) {
        fprintf(stderr, "muthr-tui: %s: %s\n", o->sandbox, err.code == ERROR_NOT_FOUND ? "it is not running" : err.msg);
        e->code = GONE;
    } else if (hand_over(e, offer)) {
        _exit(0); /* at once: who has the terminal now may hang up and wake whoever is still on the old one */
    } else {
        if (offer >= 0) {
            close(offer);
        }
        set_raw(e, true);
        e->code = carry(e);
        set_raw(e, false);
    }
    free(root);
    free(dir);
    paths_release(&paths);
    return e->code;
}

int bwrap_enter_main(int argc, char **argv)
{
    struct enter_options o = {.env = STRVEC_INIT};
    if (enter_options_parse(argc, argv, "enter", &o) < 0) {
        fprintf(stderr,
                "usage: muthr-tui enter SANDBOX [--cwd DIR] [--env KEY=VALUE]... [--no-tty] -- PROGRAM [ARG]...\n");
        strvec_release(&o.env);
        return 64;
    }
    struct enter *e = xcalloc(1, sizeof(*e));
    int code = run(e, &o);
    strvec_release(&o.env);
    free(e);
    return code;
}
