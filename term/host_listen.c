/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_listen.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "core/util/log.h"
#include "term/host_session.h"
#include "term/session_dir.h"
#include "term/viewer.h"

#define REBIND_TRIES 8

/* sock_listen's callback */
static void on_client(void *arg, struct sock *client)
{
    viewer_attach(arg, client);
}

int host_listen_open(struct host_session *h, struct error *err)
{
    if (session_dir_prepare(h->spec->dir, err) != 0) {
        return -1;
    }
    return sock_listen(&h->server, h->loop, h->sock_path, on_client, h, err);
}

static void on_dir(void *arg, const char *name);

void host_listen_watch(struct host_session *h)
{
    struct error err = ERROR_INIT;

    dirwatch_close(h->dirwatch);
    h->dirwatch = dirwatch_new(h->loop, h->spec->dir, on_dir, h, &err);
    if (h->dirwatch == NULL) {
        log_warn("cannot watch %s: %s", h->spec->dir, err.msg);
    }
}

/* Is our name there, and does somebody tell us when it goes? */
static bool is_reachable(const struct host_session *h)
{
    struct stat st;

    return h->server != NULL && h->dirwatch != NULL && lstat(h->sock_path, &st) == 0;
}

/* Our name may have vanished (someone cleaned up): bind it again, so that cockpits find the session. Attached clients
 * do not notice. Who cleans up may still be at it, and take folder or name away again before it is watched. */
static void on_dir(void *arg, const char *name)
{
    struct host_session *h = arg;
    struct error err = ERROR_INIT;
    struct stat st;
    char id[SESSION_ID_MAX];

    if (h->stopped || (name != NULL && session_dir_id(name, id) && strcmp(id, h->info.id) != 0)) {
        return; /* another host's */
    }
    if (lstat(h->sock_path, &st) == 0 || errno != ENOENT) {
        return;
    }
    for (int tries = 0; tries < REBIND_TRIES && !is_reachable(h); tries++) {
        if (h->server != NULL) {
            sock_server_close(h->server);
            h->server = NULL;
        }
        if (host_listen_open(h, &err) != 0) {
            log_warn("session %s: cannot listen again: %s", h->info.id, err.msg);
        }
        host_listen_watch(h); /* the directory may be another one now */
    }
}
