/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_HOST_H
#define MT_TERM_HOST_H

/* The host: the small process that owns one session's terminal and outlives the cockpit (`muthr-tui host`, not for
 * people). Reads what to run as JSON from its standard input (term/session_spec), detaches itself (own session, no
 * descriptor of the cockpit's left, / as directory, umask 077), starts the program on a pty, serves DIR/ID.sock, and
 * answers on standard output once it serves or could not. */

/* argv[0] is "host". Returns the exit status: 0 when a host serves, 64 when called by hand, 1 with the reason on
 * standard output. */
int host_main(int argc, char **argv);

#endif
