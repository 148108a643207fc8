/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_SOCK_H
#define MT_CORE_IO_SOCK_H

/* Unix stream sockets carrying length-prefixed frames. A frame on the wire: u32 length of what follows (little endian),
 * u8 type, payload. Both ends verify the peer's uid (SO_PEERCRED / getpeereid): another uid is refused before a byte is
 * read. Paths longer than sun_path work on Linux (through /proc/self/fd); elsewhere a clear error. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"

#define SOCK_FRAME_MAX (4u << 20) /* a longer frame ends the connection */

struct sock;
struct sock_server;

struct sock_events {
    /* One whole frame. The data is valid during the call only. */
    void (*on_frame)(void *arg, uint8_t type, const uint8_t *data, size_t len);
    /* The write queue fell to zero: for one-frame credit and back-pressure. May be NULL. */
    void (*on_drain)(void *arg);
    /* Once: peer gone, error, or refused frame (err->msg says); not after sock_close. */
    void (*on_close)(void *arg, const struct error *err);
};

/* Listens at `path` with mode 0600. A socket left by a dead process is removed first (connect refused); a live one is
 * ERROR_EXISTS; one owned by another uid is ERROR_DENIED naming it. on_client hands over a connected sock, to be armed
 * with sock_set_events in that call. */
int sock_listen(struct sock_server **out, struct loop *loop, const char *path,
                void (*on_client)(void *arg, struct sock *client), void *arg, struct error *err);
/* Stops listening and unlinks the path. */
void sock_server_close(struct sock_server *s);

/* Connects (local: at once or not at all). NOT_FOUND: no such path; UNAVAILABLE: nobody listens; DENIED: other owner.
 */
int sock_connect(struct sock **out, struct loop *loop, const char *path, const struct sock_events *ev, void *arg,
                 struct error *err);
void sock_set_events(struct sock *s, const struct sock_events *ev, void *arg);
/* Queues a frame (copied). Never blocks. Returns the bytes now queued and unsent. More than 16 MiB unsent ends the
 * connection. on_drain follows on a later turn also when the kernel took it all at once. */
size_t sock_send(struct sock *s, uint8_t type, const void *data, size_t len);
/* The same with a descriptor, which stays the caller's. -1, and nothing was sent, while anything waits to be sent. */
int sock_send_fd(struct sock *s, uint8_t type, const void *data, size_t len, int fd);
/* In on_frame: the descriptor that came with what was read last, CLOEXEC, from now on the caller's; -1: none. Only a
 * sock that asked for descriptors gets any: the others lose them in the kernel. */
int sock_take_fd(struct sock *s);
void sock_accept_fds(struct sock *s);
size_t sock_queued(const struct sock *s);
/* Stops reading: the peer then blocks (back-pressure). */
void sock_pause(struct sock *s, bool paused);
/* Sends what is queued (250 ms at most), then closes. Due after on_close too (allowed inside any callback). NULL
 * allowed. */
void sock_close(struct sock *s);

#endif
