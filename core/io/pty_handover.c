/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/pty_private.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/handover.h"
#include "core/util/strbuf.h"

/* No more than a packet: it is said in a terminal whose program is gone, or never came. */
static void say(struct pty *p, const char *text)
{
    if (text[0] != '\0' && p->o.on_data != NULL) {
        p->o.on_data(p->o.arg, text, strlen(text));
    }
}

void pty_shut_side(struct pty *p)
{
    watch_close(p->side_watch);
    p->side_watch = NULL;
    pty_shut_fd(&p->offer);
    pty_shut_fd(&p->lifeline);
}

/* watch callback of the lifeline. Once it is closed, or has said what it had to, the program is over. */
static void on_lifeline(void *arg, int events)
{
    struct pty *p = arg;
    struct handover_word word;
    ssize_t n = recv(p->lifeline, &word, sizeof(word), MSG_DONTWAIT);

    (void)events;
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) {
        return;
    }
    if (n > 0 && (n != (ssize_t)sizeof(word) || word.type != HANDOVER_EXIT)) {
        return; /* of another kind: no news to us */
    }
    pty_shut_side(p);
    p->status = (n > 0 ? word.code & 0xff : p->gone_code) << 8;
    pty_ended(p);
    if (n <= 0) {
        say(p, p->gone_text); /* last: the owner may close us */
    }
}

int pty_watch_side(struct pty *p, int fd, watch_fn fn, struct error *err)
{
    watch_close(p->side_watch);
    p->side_watch = watch_new(p->loop, fd, fn, p, err);
    if (p->side_watch == NULL) {
        return -1;
    }
    watch_set(p->side_watch, WATCH_READ);
    return 0;
}

/* Goes on with the terminal that was given to us. The one that we made goes, once what it said is told. */
static void adopt(struct pty *p, const struct handover *h)
{
    struct watch *watch = watch_new(p->loop, h->master, pty_on_ready, p, NULL);

    if (watch == NULL || pty_watch_side(p, h->lifeline, on_lifeline, NULL) != 0) {
        watch_close(watch);
        close(h->master);
        close(h->lifeline); /* hangs the program up */
        pty_shut_side(p);
        say(p, "muthr-tui: the terminal cannot be watched\r\n");
        return;
    }
    watch_close(p->watch);
    pty_shut_fd(&p->master);
    p->watch = watch;
    p->master = h->master;
    p->serial++;
    p->lifeline = h->lifeline;
    p->gone_code = h->gone_code;
    str_copy(p->gone_text, sizeof(p->gone_text), h->gone_text);
    p->eof = false;
    p->pid = MT_MAX(tcgetsid(p->master), 0);
    (void)ioctl(p->master, TIOCSWINSZ, &p->size); /* it may have changed since the child looked */
    if (p->reaped && p->sigchld != NULL) {
        signal_watch_close(p->sigchld);
        p->sigchld = NULL;
    }
}

void pty_on_offer(void *arg, int events)
{
    struct pty *p = arg;
    struct handover h;
    int rc = p->offer >= 0 ? handover_take(p->offer, &h) : 0;

    (void)events;
    if (rc == 0) {
        return;
    }
    watch_close(p->side_watch);
    p->side_watch = NULL;
    pty_shut_fd(&p->offer);
    if (rc > 0) {
        adopt(p, &h);
    }
    pty_write_some(p);
}
