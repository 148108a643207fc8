/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_AUDIT_H
#define MT_TERM_HOST_AUDIT_H

/* What whoever runs a session's program writes into the audit log: its host, which outlives the cockpit and sees the
 * end also when nobody looks, or the verb that waits for it. A loss never stops the session: it is told on its screen.
 */

#include <stdint.h>

#include "core/util/error.h"

/* session_start and command, as `audit` (JSON: path, start, command; "" or NULL: none) has them, with the session's id.
 * Errors: as audit_append; what was not written is lost. */
int host_audit_start(const char *audit, const char *id, struct error *err);
/* session_exit. exit_code: 128+signal where a signal ended it. */
int host_audit_exit(const char *audit, const char *id, int exit_code, uint64_t duration_ms, struct error *err);

#endif
