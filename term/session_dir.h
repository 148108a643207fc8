/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SESSION_DIR_H
#define MT_TERM_SESSION_DIR_H

/* The directory of session sockets: private to its user, one "ID.sock" per host. Hosts and cockpits both check it
 * before use. */

#include <stdbool.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "core/util/strvec.h"

/* Makes `dir` 0700. One of ours with another mode is set right (with a warning); one that is not ours, or no directory:
 * DENIED / INVALID. DENIED too when others could replace it: a parent that is theirs, or writable by them and not
 * sticky. */
int session_dir_prepare(const char *dir, struct error *err);
/* The socket's path. Caller frees. */
char *session_dir_socket(const char *dir, const char *id);
/* The ids that have a socket in `dir`, sorted. Names that are not ids are passed over. */
int session_dir_list(const char *dir, struct strvec *ids, struct error *err);
/* The id in a socket's file name; false when it is none. */
bool session_dir_id(const char *name, char id[SESSION_ID_MAX]);

enum session_sweep {
    SESSION_SWEEP_DONE,  /* removed, or gone already */
    SESSION_SWEEP_YOUNG, /* made a moment ago: its host may be between bind and listen; try again later */
    SESSION_SWEEP_NOT_OURS,
};
/* Removes the socket of a dead host, once a connection was refused: only a socket, only ours, only one older than
 * SESSION_SWEEP_AGE_MS. */
#define SESSION_SWEEP_AGE_MS 1500
enum session_sweep session_dir_sweep(const char *path);

#endif
