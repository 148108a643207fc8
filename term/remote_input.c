/* SPDX-License-Identifier: Apache-2.0 */
/* What is typed, on its way to the program: keys into its terminal, which the host gave us, with a note to the host;
 * everything else to the host, no more at once than it acknowledges. None overtakes another. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "core/io/aside.h"
#include "core/io/handover.h"
#include "core/io/sock.h"
#include "term/remote_priv.h"

#define INPUT_PIECE_BYTES (32u << 10)
#define LOOK_MS 20      /* after a key that brought nothing the host is told to look at the notes */
#define DIRECT_MAX 1024 /* keys, and what the terminal answers; more than that is pasted, with back-pressure */

void remote_drop_terminal(struct remote *r)
{
    if (r->terminal >= 0) {
        close(r->terminal);
    }
    r->terminal = -1;
}

void remote_drop_notes(struct remote *r)
{
    if (r->notes >= 0) {
        close(r->notes);
    }
    r->notes = -1;
    r->noted = false;
}

void remote_drop_loan(struct remote *r)
{
    loan_drop(r->loan);
    r->loan = NULL;
}

/* Bytes that were not sent yet. */
static size_t unsent(const struct remote *r)
{
    return r->input.len - r->input_sent;
}

/* What was sent is forgotten, now and then: moving the rest for each piece would cost its square. */
static void forget_sent(struct remote *r)
{
    if (unsent(r) == 0) {
        strbuf_truncate(&r->input, 0);
        r->input_sent = 0;
        if (r->input.cap > PROTO_INPUT_WINDOW) {
            strbuf_release(&r->input);
        }
    } else if (r->input_sent > r->input.len / 2) {
        strbuf_consume(&r->input, r->input_sent);
        r->input_sent = 0;
    }
}

/* Sends as much input as the window allows. */
static void pump_input(struct remote *r)
{
    while (unsent(r) > 0 && r->in_flight < PROTO_INPUT_WINDOW) {
        size_t n = MT_MIN(unsent(r), INPUT_PIECE_BYTES);

        sock_send(r->sock, PROTO_INPUT, r->input.buf + r->input_sent, n);
        r->followed = r->by_host;
        r->input_sent += n;
        r->in_flight += n;
    }
    forget_sent(r);
}

/* Tells the host what is going to be typed. As a rule by a note, which it finds when the echo wakes it: woken by each
 * key it would want a processor just when the program does. */
static void tell_typed(struct remote *r, const void *data, size_t len)
{
    bool ours = r->mirror.screen.cols == r->size.cols && r->mirror.screen.rows == r->size.rows;

    /* Another's size: ours comes back with the key, and that had better be before the program gets it. */
    if (r->notes < 0 || !ours || !aside_put(r->notes, data, len)) {
        sock_send(r->sock, PROTO_TYPED, data, len);
        return;
    }
    r->noted = true;
    if (!timer_is_active(r->later)) {
        timer_start(r->later, LOOK_MS);
    }
}

/* Writes keys into the terminal; how many bytes of them. The host hears of them first: what it knows of typing must not
 * be older than the echo. */
static size_t type_directly(struct remote *r, const void *data, size_t len)
{
    ssize_t n;

    if (r->terminal < 0 || r->by_host || unsent(r) > 0 || r->in_flight > 0 || len == 0 || len > DIRECT_MAX) {
        return 0;
    }
    if ((fcntl(r->terminal, F_GETFL) & O_NONBLOCK) == 0) { /* shared with others: it must never stop us */
        remote_drop_terminal(r);
        return 0;
    }
    tell_typed(r, data, len);
    n = write(r->terminal, data, len);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
        remote_drop_terminal(r);
    }
    return n > 0 ? (size_t)n : 0;
}

size_t remote_input(struct remote *r, const void *data, size_t len)
{
    remote_asked(r);
    size_t direct = type_directly(r, data, len);
    size_t room = REMOTE_INPUT_MAX - MT_MIN(unsent(r) + r->in_flight, (size_t)REMOTE_INPUT_MAX);

    len = MT_MIN(len - direct, room);
    strbuf_add(&r->input, (const char *)data + direct, len);
    pump_input(r);
    return direct + len;
}

int remote_on_taken(struct remote *r, void (*fn)(void *arg, size_t left), void *arg, struct error *err)
{
    if (r->version < PROTO_VERSION_LOOK) {
        return remote_too_old(r, err);
    }
    r->taken = fn;
    r->taken_arg = arg;
    remote_tell(r, PROTO_ACK_EACH);
    return 0;
}

/* --- what the host gives and says for it --- */

/* Lends our terminal to the host, so that it may draw the echo of what we type into its own. Not while anything waits
 * to be sent: the next time it gives its terminal, or never, and every echo takes the longer way. */
static void lend(struct remote *r)
{
    int fd;

    if (r->loan != NULL || r->outer < 0 || r->version < PROTO_VERSION_LOAN || (r->loan = loan_new(&fd)) == NULL) {
        return;
    }
    if (sock_send_fd(r->sock, PROTO_LOAN, "", 0, fd) != 0 ||
        sock_send_fd(r->sock, PROTO_LOAN_TERMINAL, "", 0, r->outer) != 0) {
        remote_drop_loan(r);
    }
    close(fd);
}

void remote_on_terminal(struct remote *r)
{
    int fd = sock_take_fd(r->sock);

    remote_drop_terminal(r);
    if (r->viewing && handover_is_master(fd)) {
        r->terminal = fd;
        lend(r);
    } else if (fd >= 0) {
        close(fd);
    }
}

void remote_on_notes(struct remote *r)
{
    int fd = sock_take_fd(r->sock);

    remote_drop_notes(r);
    if (r->viewing && aside_is_writable(fd)) {
        r->notes = fd;
    } else if (fd >= 0) {
        close(fd);
    }
}

int remote_on_ack(struct remote *r, const uint8_t *data, size_t len, struct error *err)
{
    uint32_t n;

    if (proto_get_u32(data, len, &n, err) != 0) {
        return -1;
    }
    r->in_flight -= MT_MIN((size_t)n, r->in_flight);
    if (r->in_flight == 0 && unsent(r) == 0 && r->followed) {
        r->by_host = r->followed = false; /* what was said before it is done, too */
    }
    pump_input(r);
    if (r->taken != NULL) {
        r->taken(r->taken_arg, unsent(r) + r->in_flight);
    }
    return 0;
}
