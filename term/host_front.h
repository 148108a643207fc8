/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_FRONT_H
#define MT_TERM_HOST_FRONT_H

/* What a shell's session runs in the foreground, by name (struct session_info, front). Looked at when its facts are
 * told, which is after output and once it falls silent: nothing is polled. */

struct host_session;

/* Brings info.front up to date. */
void host_front_follow(struct host_session *h);

#endif
