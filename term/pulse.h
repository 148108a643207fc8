/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_PULSE_H
#define MT_TERM_PULSE_H

/* A session's attention in the words of its metadata: term/attention behind a door, because its state names and those
 * of core/model/session.h are the same identifiers and cannot be seen together. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pulse;
struct rules;

/* agent: going quiet after work means waiting for a person. */
struct pulse *pulse_new(bool agent, uint64_t now_ms);
void pulse_free(struct pulse *p);

/* Each returns true when what is told below has changed. */
bool pulse_output(struct pulse *p, uint64_t now_ms);
/* Bytes that a person sent to the program. */
bool pulse_input(struct pulse *p, const char *bytes, size_t len, uint64_t now_ms);
bool pulse_seen(struct pulse *p, uint64_t now_ms);
bool pulse_bell(struct pulse *p, uint64_t now_ms);
bool pulse_notify(struct pulse *p, const char *title, const char *body, uint64_t now_ms);
bool pulse_progress(struct pulse *p, int state, int percent, uint64_t now_ms);
bool pulse_mark(struct pulse *p, char kind, int status, uint64_t now_ms);
bool pulse_exit(struct pulse *p, int status, uint64_t now_ms);
/* A run that is followed by another has failed (attention_fail), what to say of an end, and another run begins. */
bool pulse_fail(struct pulse *p, const char *text, uint64_t now_ms);
void pulse_say(struct pulse *p, const char *text);
void pulse_begin(struct pulse *p, bool keep_told, uint64_t now_ms);
bool pulse_tick(struct pulse *p, uint64_t now_ms);
/* Is it time to tell it the text before the cursor? (attention_line) */
bool pulse_line_due(const struct pulse *p, uint64_t now_ms);
bool pulse_line(struct pulse *p, const char *line, uint64_t now_ms);
/* The rules for its screen, or NULL; borrowed until the next call. */
void pulse_set_rules(struct pulse *p, const struct rules *rules, uint64_t now_ms);
/* How many of the screen's last lines it wants to see now; 0: none (attention_look). */
int pulse_look_lines(const struct pulse *p, uint64_t now_ms);
/* Those lines, as rules_judge takes them. */
bool pulse_look(struct pulse *p, const char *lines, uint64_t now_ms);
/* When pulse_tick is due; 0: no timer needed. */
uint64_t pulse_deadline(const struct pulse *p);

/* A value of enum attention_kind (core/model/session.h). */
int pulse_attention(const struct pulse *p);
bool pulse_is_seen(const struct pulse *p);
bool pulse_is_working(const struct pulse *p);
int pulse_progress_percent(const struct pulse *p); /* -1: none */
const char *pulse_text(const struct pulse *p);
uint64_t pulse_since_ms(const struct pulse *p); /* monotonic */

#endif
