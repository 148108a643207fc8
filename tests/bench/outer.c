/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/outer.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

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

/* Starts argv at 120x36. */
void outer_start(struct outer *o, const char *const *argv)
{
    struct winsize ws = {.ws_row = 36, .ws_col = 120};

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

/* Reads what there is within `wait_ms`. False at the end. */
bool outer_read(struct outer *o, int wait_ms)
{
    struct pollfd p = {.fd = o->fd, .events = POLLIN};
    char buf[8192];

    if (poll(&p, 1, wait_ms) <= 0) {
        return true;
    }
    ssize_t n = read(o->fd, buf, sizeof(buf));
    if (n <= 0) {
        return false;
    }
    if (o->len + (size_t)n > sizeof(o->seen)) {
        size_t keep = sizeof(o->seen) / 2;

        memmove(o->seen, o->seen + o->len - keep, keep);
        o->len = keep;
    }
    memcpy(o->seen + o->len, buf, (size_t)n);
    o->len += (size_t)n;
    return true;
}

/* Waits for `text` after what was seen before; the time when it came, or a fatal end after limit_ms. */
double outer_until(struct outer *o, const char *text, double limit_ms)
{
    double end = now_ms() + limit_ms;

    while (now_ms() < end) {
        if (memmem(o->seen, o->len, text, strlen(text)) != NULL) {
            o->len = 0;
            return now_ms();
        }
        if (!outer_read(o, 20)) {
            break;
        }
    }
    die("bench: '%s' did not appear within %.0f ms; the last bytes were:\n%.*s", text, limit_ms,
        (int)(o->len > 2000 ? 2000 : o->len), o->seen + (o->len > 2000 ? o->len - 2000 : 0));
}

/* Reads on until nothing came for quiet_ms. */
void outer_settle(struct outer *o, double quiet_ms)
{
    double last = now_ms();
    size_t before;

    while (now_ms() - last < quiet_ms) {
        before = o->len;
        if (!outer_read(o, 10)) {
            return;
        }
        if (o->len != before) {
            last = now_ms();
        }
        if (o->len > sizeof(o->seen) / 2) {
            o->len = 0;
            before = 0;
        }
    }
    o->len = 0;
}
