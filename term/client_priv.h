/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_CLIENT_PRIV_H
#define MT_TERM_CLIENT_PRIV_H

/* Behind term/client.h: the set of sessions. client.c fills it (sockets found, connections that come and go, hosts that
 * are started), client_session.c does what is asked of one of them. Nobody else includes this. */

#include <sys/types.h>

#include "term/client.h"
#include "term/proto.h"
#include "term/troubles.h"

struct remote;
struct starting;

struct sessions {
    struct loop *loop;
    char *dir;
    struct sessions_events ev;
    void *arg;
    struct dirwatch *dirwatch;
    dev_t dev; /* of the directory that is watched */
    ino_t ino;
    struct timer *scan_timer, *first_timer;
    struct remote **remotes; /* sorted by id; those not ready yet are not shown */
    size_t count, cap;
    struct troubles troubles;
    struct starting **starts;
    size_t start_count;
    uint32_t id_seed;
    bool scan_ran, scanned;
    uint64_t typed_ms, yield_ms; /* somebody typed last, and floods elsewhere were told so */
    char typed_id[SESSION_ID_MAX];
    int lent; /* the outer terminal that hosts may be lent; -1: none */
    bool outer_known;
    struct sessions_outer outer_given;
    struct proto_outer outer; /* the same, as it is sent */
};

/* The connection to a session that can be shown; NULL when there is none. */
struct remote *client_find(const struct sessions *s, const char *id);
/* Tells a session that floods that somebody types into another one, if that is so. */
void client_yield(const struct sessions *s, struct remote *r, uint64_t now_ms);

#endif
