/* SPDX-License-Identifier: Apache-2.0 */
/* vtrecord: what a program writes to a terminal of ours, kept in a file, and the screens that our terminal makes of
 * such a file. tests/compare/compare.mjs feeds the same file to another terminal and lists what differs.
 *
 *   vtrecord record FILE COLSxROWS STEP... -- COMMAND [ARG...]
 *     key:CHORD  text:TEXT  until:TEXT  gone:TEXT  wait:MS  quiet:MS  size:COLSxROWS  bytes:FILE  snap:NAME
 *   vtrecord replay FILE
 *
 * A file is made of records (cells.h): output, sizes, and screens to compare at. `replay` puts the screens in. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/keys.h"
#include "term/vt.h"
#include "tests/compare/cells.h"

#define LIMIT_MS 30000

struct recorder {
    struct strbuf out;
    struct vt *vt;
    struct strbuf answers;
    int master;
    pid_t pid;
    uint64_t last_ms; /* when something came */
};

/* Ends with a word. */
MT_NORETURN MT_PRINTF(1, 2) static void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

static void on_answer(const char *bytes, size_t len, void *arg)
{
    struct recorder *r = arg;

    strbuf_add(&r->answers, bytes, len);
}

/* The recording as it is, with the screens that this build makes of it. */
static int replay(const char *path)
{
    FILE *in = fopen(path, "rb");
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    struct vt *vt = NULL;
    char line[256];

    if (!in) {
        die("%s: %s", path, strerror(errno));
    }
    while (fgets(line, sizeof(line), in)) {
        int cols = 0, rows = 0;
        size_t len = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "r %d %d", &cols, &rows) == 2) {
            cells_put_size(&out, cols, rows);
            if (vt) {
                vt_resize(vt, cols, rows);
            } else {
                vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows});
            }
        } else if (sscanf(line, "o %zu", &len) == 1 && vt) {
            MT_CLEANUP(xfree) char *bytes = xmalloc(len + 1);
            len = fread(bytes, 1, len, in);
            vt_feed(vt, bytes, len);
            cells_put_output(&out, bytes, len);
        } else if (line[0] == 's' && vt) {
            line[2 + strcspn(line + 2, " ")] = '\0';
            cells_put_screen(&out, vt, &(struct rect){0, 0, vt_cols(vt), vt_rows(vt)}, vt_is_alt(vt), line + 2);
        } else {
            die("%s: not a recording", path);
        }
    }
    fwrite(out.buf, 1, out.len, stdout);
    vt_free(vt);
    fclose(in);
    return 0;
}

/* --- recording --- */

/* Takes what comes within wait_ms. */
static bool take(struct recorder *r, int wait_ms)
{
    char buf[65536];
    struct pollfd fd = {.fd = r->master, .events = (short)(POLLIN | (r->answers.len ? POLLOUT : 0))};

    if (poll(&fd, 1, wait_ms) <= 0) {
        return false;
    }
    if (r->answers.len) {
        ssize_t sent = write(r->master, r->answers.buf, r->answers.len);
        if (sent > 0) {
            strbuf_consume(&r->answers, (size_t)sent);
        }
    }
    ssize_t n = read(r->master, buf, sizeof(buf));
    if (n <= 0) {
        return false;
    }
    cells_put_output(&r->out, buf, (size_t)n);
    vt_feed(r->vt, buf, (size_t)n);
    r->last_ms = clock_mono_ms();
    return true;
}

static bool has_text(const struct vt *vt, const char *text)
{
    bool found = false;

    for (int y = 0; y < vt_rows(vt) && !found; y++) {
        MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
        const struct cell *cells = vt_row(vt, y, NULL);
        for (int x = 0; x < vt_cols(vt); x++) {
            char small[8];
            size_t len = 0;
            if (cells[x].width) {
                const char *one = cluster_text(vt_clusters(vt), cells[x].ch, small, &len);
                strbuf_add(&line, one, len);
            }
        }
        found = strstr(line.buf, text) != NULL;
    }
    return found;
}

static void until(struct recorder *r, const char *text, bool wanted)
{
    uint64_t deadline = clock_mono_ms() + LIMIT_MS;

    while (has_text(r->vt, text) != wanted) {
        (void)take(r, 50);
        if (clock_mono_ms() > deadline) {
            die("\"%s\" does not %s", text, wanted ? "appear" : "go away");
        }
    }
}

/* Reads for `ms`, or until nothing came for `ms`. */
static void read_on(struct recorder *r, uint64_t ms, bool quiet)
{
    uint64_t start = r->last_ms = clock_mono_ms();

    while (clock_mono_ms() - (quiet ? r->last_ms : start) < ms && clock_mono_ms() - start < LIMIT_MS) {
        (void)take(r, 10);
    }
}

static void send_all(struct recorder *r, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(r->master, bytes, len);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
        } else {
            (void)take(r, 10);
        }
    }
}

static void send_key(struct recorder *r, const char *chord)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    struct error err = ERROR_INIT;
    struct key k;

    if (key_parse(chord, &k, &err) != 0) {
        die("%s", err.msg);
    }
    key_encode(k, vt_modes(r->vt), &bytes);
    send_all(r, bytes.buf, bytes.len);
}

static void set_size(struct recorder *r, const char *text)
{
    int cols = 0, rows = 0;

    if (sscanf(text, "%dx%d", &cols, &rows) != 2) {
        die("%s: not a size", text);
    }
    struct winsize ws = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    cells_put_size(&r->out, cols, rows);
    if (r->vt) {
        vt_resize(r->vt, cols, rows);
    } else {
        struct vt_callbacks callbacks = {.output = on_answer};
        r->vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows, .callbacks = &callbacks, .arg = r});
    }
    if (ioctl(r->master, TIOCSWINSZ, &ws) != 0) {
        die("TIOCSWINSZ: %s", strerror(errno));
    }
}

static void run_step(struct recorder *r, const char *step)
{
    const char *arg = strchr(step, ':');

    if (!arg) {
        die("%s: not a step", step);
    }
    size_t n = (size_t)(arg++ - step);
    if (strncmp(step, "key", n) == 0) {
        send_key(r, arg);
    } else if (strncmp(step, "text", n) == 0) {
        send_all(r, arg, strlen(arg));
    } else if (strncmp(step, "until", n) == 0) {
        until(r, arg, true);
    } else if (strncmp(step, "gone", n) == 0) {
        until(r, arg, false);
    } else if (strncmp(step, "wait", n) == 0 || strncmp(step, "quiet", n) == 0) {
        read_on(r, strtoul(arg, NULL, 10), step[0] == 'q');
    } else if (strncmp(step, "size", n) == 0) {
        while (take(r, 0)) {
        }
        set_size(r, arg);
    } else if (strncmp(step, "bytes", n) == 0) {
        MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
        if (fs_read(arg, 64u << 20, &bytes, NULL) != 0) {
            die("%s cannot be read", arg);
        }
        send_all(r, bytes.buf, bytes.len);
    } else if (strncmp(step, "snap", n) == 0) {
        cells_put_screen(&r->out, r->vt, NULL, false, arg);
    } else {
        die("%s: not a step", step);
    }
}

static int record(const char *path, const char *size, char **steps)
{
    struct recorder r = {.out = STRBUF_INIT, .answers = STRBUF_INIT};
    char **command = steps;

    while (*command && strcmp(*command, "--") != 0) {
        command++;
    }
    if (!command[0] || !command[1]) {
        die("vtrecord record FILE COLSxROWS STEP... -- COMMAND [ARG...]");
    }
    r.master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (r.master < 0 || grantpt(r.master) != 0 || unlockpt(r.master) != 0) {
        die("no pseudo-terminal: %s", strerror(errno));
    }
    int slave = open(ptsname(r.master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    set_size(&r, size);
    r.pid = fork();
    if (r.pid == 0) {
        (void)setsid();
        (void)ioctl(slave, TIOCSCTTY, 0);
        if (dup2(slave, 0) < 0 || dup2(slave, 1) < 0 || dup2(slave, 2) < 0) {
            _exit(126);
        }
        execvp(command[1], command + 1);
        _exit(127);
    }
    (void)fcntl(r.master, F_SETFL, O_NONBLOCK);
    for (char **step = steps; step < command; step++) {
        run_step(&r, *step);
    }
    close(r.master);
    close(slave);
    (void)kill(r.pid, SIGHUP);
    for (int i = 0; i < 100 && waitpid(r.pid, NULL, WNOHANG) == 0; i++) {
        (void)poll(NULL, 0, 20);
        if (i == 50) {
            (void)kill(r.pid, SIGKILL);
        }
    }
    if (fs_write_atomic(path, r.out.buf, r.out.len, 0600, NULL) != 0) {
        die("%s cannot be written", path);
    }
    strbuf_release(&r.out);
    vt_free(r.vt);
    strbuf_release(&r.answers);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "replay") == 0) {
        return replay(argv[2]);
    }
    if (argc > 4 && strcmp(argv[1], "record") == 0) {
        return record(argv[2], argv[3], argv + 4);
    }
    die("vtrecord record FILE COLSxROWS STEP... -- COMMAND [ARG...] | vtrecord replay FILE");
}
