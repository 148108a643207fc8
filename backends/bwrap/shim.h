/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_BWRAP_SHIM_H
#define MT_BACKENDS_BWRAP_SHIM_H

/* The supervisor of one sandbox: parent of bwrap, holder of the lock, owner of limits, network helper, port and logs.
 * If it dies, the sandbox dies with it. */

#include <stdint.h>

#include "core/util/error.h"

/* Requests on run/shim.sock. */
enum shim_request { SHIM_STOP = 'K', SHIM_SEAL = 'L' };
struct shim_ask {
    uint8_t type, pad[7];
    uint64_t grace_ms;
};
/* Answer to SHIM_SEAL: ok, or text says why not. SHIM_STOP is answered by the end of the connection, when the shim is
 * gone. */
struct shim_reply {
    uint8_t type, ok, pad[6];
    char text[240];
};

/* Supervises until the sandbox has ended; to be called in a process of its own (daemonised). Returns the exit code. */
struct paths;
int shim_supervise(const struct paths *paths, const char *root, const char *name, int ready_fd);
/* After a crash: ends what was left of it (network helper, init, groups) and records the state. Does nothing while a
 * shim lives. */
void shim_clean_up(const char *root, const char *id);

#endif
