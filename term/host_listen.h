/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_LISTEN_H
#define MT_TERM_HOST_LISTEN_H

/* Inside a host: its socket, and that it is found by its name, also after somebody has cleaned up. */

#include "core/util/error.h"

struct host_session;

/* Errors: as of session_dir_prepare and sock_listen. */
int host_listen_open(struct host_session *h, struct error *err);
/* Watches the directory of the socket; without that a deleted name is not noticed, which is no reason to stop. */
void host_listen_watch(struct host_session *h);

#endif
