/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_RULES_H
#define MT_TERM_HOST_RULES_H

/* A host's rules for the screen of its program (term/rules): read at the start, and again whenever the person's own
 * file is saved, which the host hears of from the system: nothing is polled, and no cockpit is needed. */

struct host_session;

/* Reads the rules and follows the file; without a folder to follow they stay as they are. */
void host_rules_open(struct host_session *h);
/* There was output, or another title: the rules for another program may be wanted, if the label's has none. It is known
 * by its name while it stands in the foreground of the terminal, or by its title. */
void host_rules_follow(struct host_session *h);
/* The screen is about to be judged: an agent that is known by its name may have ended without a word. */
void host_rules_confirm(struct host_session *h);
/* Ends the following. What pulse borrowed stays until host_rules_release. */
void host_rules_close(struct host_session *h);
void host_rules_release(struct host_session *h);

#endif
