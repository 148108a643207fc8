/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/carry.h"

#include <errno.h>
#include <unistd.h>

#include "core/io/master.h"
#include "core/util/compiler.h"

void carry_close(int *fd)
{
    if (*fd > 2) {
        close(*fd);
    }
    *fd = -1;
}

bool carry_is_pending(const struct carry *r)
{
    return r->end > r->start;
}

/* Fills an empty buffer. At the end of the source the target is closed once all was written. */
static void read_more(struct carry *r)
{
    ssize_t n = master_read(r->from, r->buf, sizeof(r->buf)); /* or a pipe */
    if (n > 0) {
        r->start = 0;
        r->end = (size_t)n;
    } else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
        carry_close(&r->from); /* EIO: nobody holds the inner terminal any more */
    }
}

static void write_more(struct carry *r)
{
    size_t len = r->end - r->start;
    /* Our own stdout is not ours to make non-blocking; a ready pipe takes this much without blocking. */
    ssize_t n = write(r->to, r->buf + r->start, r->to <= 2 ? MT_MIN(len, 4096) : len);
    if (n > 0) {
        r->start += (size_t)n;
    } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
        r->start = r->end; /* nobody reads: what comes is dropped, so that the program is not stopped by it */
        carry_close(&r->to);
        if (errno == EPIPE) {
            carry_close(&r->from); /* but the writer into a broken pipe hears of it, as it would without us */
        }
    }
}

void carry_prepare(const struct carry *r, struct pollfd *p)
{
    p[0] = (struct pollfd){.fd = carry_is_pending(r) ? -1 : r->from, .events = POLLIN};
    p[1] = (struct pollfd){.fd = carry_is_pending(r) ? r->to : -1, .events = POLLOUT};
}

void carry_serve(struct carry *r, const struct pollfd *p)
{
    if (p[0].fd >= 0 && p[0].revents) {
        read_more(r);
    }
    if (carry_is_pending(r) && r->to < 0) {
        r->start = r->end;
    }
    if (carry_is_pending(r) && (p[1].revents || p[0].revents)) {
        struct pollfd w = {.fd = r->to, .events = POLLOUT};
        if (poll(&w, 1, 0) > 0) {
            write_more(r);
        }
    }
}
