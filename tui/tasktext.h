/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_TASKTEXT_H
#define MT_TUI_TASKTEXT_H

/* How a task's state reads: its word, how long, its ports, and when what is shown has to be shown anew. Pure: the clock
 * is given. */

#include <stddef.h>
#include <stdint.h>

#include "core/model/session.h"
#include "tui/glyph.h"

/* Has it come to its end, and is not started again? */
bool tasktext_is_over(const struct session_info *s);
/* Has somebody asked it to end (its program, or what runs it inside, tells of HUP, INT or TERM)? */
bool tasktext_was_stopped(const struct session_info *s);
/* Has it come to an end that nobody wanted? */
bool tasktext_has_failed(const struct session_info *s);
/* It has ended and is started again at a known time. */
bool tasktext_waits(const struct session_info *s);
/* Its glyph and colour; `word` is the state in one word. */
struct state_look tasktext_look(const struct session_info *s);
/* In few words, for the list: ":3000", "ready", "again in 4 s", "exited 1". */
void tasktext_brief(const struct session_info *s, uint64_t now_wall_ms, char *out, size_t cap);
/* In full: "waiting: starts again in 4 s", "failed: exited 1 after 5 restarts". */
void tasktext_state(const struct session_info *s, uint64_t now_wall_ms, char *out, size_t cap);
/* "failed: exited 1 after 5 restarts" (in a row). */
void tasktext_failure(const struct session_info *s, char *out, size_t cap);
/* How long it runs ("<1m", "1h02"), or how long its last run was ("0:41"). */
void tasktext_time(const struct session_info *s, uint64_t now_wall_ms, char *out, size_t cap);
/* ":3000 :3001"; "" without ports. */
void tasktext_ports(const struct session_info *s, char *out, size_t cap);
/* What it was asked for: "on failure, at most 5 in a row; ready when port 3000 is listened on"; "" when nothing. */
void tasktext_policy(const struct session_info *s, char *out, size_t cap);
/* "exited 1: Error: no such file": why it failed, and its last line when there is one. */
void tasktext_why(const struct session_info *s, char *out, size_t cap);
/* In how many milliseconds one of these texts reads otherwise by itself, minutes apart; 0: it does not. */
uint64_t tasktext_next_ms(const struct session_info *s, uint64_t now_wall_ms);

#endif
