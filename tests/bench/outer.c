/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/outer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <util.h>
#else
#include <pty.h>
#endif

#define READ_BYTES 65536
#define SETTLE_LIMIT_MS 20000

/* Milliseconds, monotonic. */
double now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

void die(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    exit(1);
}

void outer_start_sized(struct outer *o, const char *const *argv, int cols, int rows)
{
    struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    memset(o, 0, sizeof(*o));
    o->pid = forkpty(&o->fd, NULL, NULL, &ws);
    if (o->pid < 0) {
        die("forkpty: %s", strerror(errno));
    }
    if (o->pid == 0) {
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
}

void outer_start(struct outer *o, const char *const *argv)
{
    outer_start_sized(o, argv, 120, 36);
}

void outer_resize(struct outer *o, int cols, int rows)
{
    struct winsize ws = {.ws_row = (unsigned short)rows, .ws_col = (unsigned short)cols};

    ioctl(o->fd, TIOCSWINSZ, &ws);
}

void outer_type(struct outer *o, const char *text)
{
    size_t len = strlen(text);

    if (write(o->fd, text, len) != (ssize_t)len) {
        die("bench: write: %s", strerror(errno));
    }
}

/* A slow reader waits until its next read is due, and then takes a hundredth of a second's worth. */
static size_t slow_read(struct outer *o)
{
    double now = now_ms();

    if (now < o->slow_ms) {
        usleep((useconds_t)((o->slow_ms - now) * 1000));
    }
    o->slow_ms = (now > o->slow_ms + 50 ? now : o->slow_ms) + 10;
    return (size_t)(o->bytes_per_s / 100);
}

bool outer_read(struct outer *o, int wait_ms)
{
    struct pollfd p = {.fd = o->fd, .events = POLLIN};
    size_t want = READ_BYTES;

    if (o->len > sizeof(o->seen) - READ_BYTES) {
        size_t keep = READ_BYTES / 2;

        memmove(o->seen, o->seen + o->len - keep, keep);
        o->len = keep;
    }
    if (poll(&p, 1, wait_ms) <= 0) {
        return true;
    }
    if (o->bytes_per_s > 0) {
        want = slow_read(o);
    }
    ssize_t n = read(o->fd, o->seen + o->len, want < READ_BYTES ? want : READ_BYTES);
    if (n <= 0) {
        return false;
    }
    o->len += (size_t)n;
    o->total += (uint64_t)n;
    return true;
}

bool outer_has(const struct outer *o, const char *text)
{
    return memmem(o->seen, o->len, text, strlen(text)) != NULL;
}

void outer_forget(struct outer *o)
{
    o->len = 0;
}

double outer_until(struct outer *o, const char *text, double limit_ms)
{
    double end = now_ms() + limit_ms;
    size_t tail = strlen(text), fresh = o->len; /* bytes at the end that were not looked at yet */

    while (now_ms() < end) {
        uint64_t before = o->total;
        size_t look = fresh + tail < o->len ? fresh + tail : o->len;

        if (memmem(o->seen + o->len - look, look, text, tail) != NULL) {
            o->len = 0;
            return now_ms();
        }
        if (!outer_read(o, 20)) {
            break;
        }
        fresh = (size_t)(o->total - before);
    }
    die("bench: '%s' did not appear within %.0f ms; the last bytes were:\n%.*s", text, limit_ms,
        (int)(o->len > 2000 ? 2000 : o->len), o->seen + (o->len > 2000 ? o->len - 2000 : 0));
}

void outer_settle(struct outer *o, double quiet_ms)
{
    double last = now_ms(), end = last + SETTLE_LIMIT_MS;

    while (now_ms() - last < quiet_ms && now_ms() < end) {
        uint64_t before = o->total;

        if (!outer_read(o, 10)) {
            return;
        }
        if (o->total != before) {
            last = now_ms();
        }
        o->len = 0;
    }
}

void outer_end(struct outer *o)
{
    close(o->fd);
    for (int i = 0; i < 200; i++) {
        if (waitpid(o->pid, NULL, WNOHANG) != 0) {
            return;
        }
        usleep(10000);
    }
    kill(o->pid, SIGKILL);
    waitpid(o->pid, NULL, 0);
}
