/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_META_H
#define MT_TERM_HOST_META_H

/* What a host tells about its session besides the screen: title, size, state, attention, the last line. Told at most
 * once a second, urgent things at once; one timer, set only while something is due. */

struct host_session;

/* Brings h->info up to date. */
void host_meta_fill(struct host_session *h);
/* Tells every viewer now. */
void host_meta_send(struct host_session *h);
/* Sets the one timer for whatever is due next: attention, or metadata held back. */
void host_meta_arm(struct host_session *h);
/* That timer's function; arg: struct host_session. */
void host_meta_tick(void *arg);

#endif
