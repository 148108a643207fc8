/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_SCREEN_FATAL_H
#define MT_TUI_SCREEN_FATAL_H

/* The terminal given back on the ways out that nobody planned: fatal signals, exit() from anywhere, the sanitizers.
 * Fixed bytes, prepared beforehand. Only screen.c uses it; what handlers call is screen_emergency_restore(). */

#include <stddef.h>

struct termios;

/* What is written to the terminal then; at most so many bytes. May change while armed. */
#define SCREEN_FATAL_MAX 256
void screen_fatal_bytes(const char *bytes, size_t len);
/* By this the terminal is lent now (loan_word), which ends first; NULL: it is not. */
void screen_fatal_lent(void *word);
/* From now on this terminal gets those bytes and these settings; catches the signals. The settings are copied. */
void screen_fatal_arm(int fd, const struct termios *saved);
/* The terminal is not ours for now; it is again. */
void screen_fatal_pause(void);
void screen_fatal_resume(void);
/* Takes the handlers back. */
void screen_fatal_release(void);

#endif
