/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_ATTENTION_H
#define MT_TERM_ATTENTION_H

/* Does this session want a person? A pure state machine over what the terminal saw; times are passed in
 * (clock_mono_ms). */

#include <stdbool.h>
#include <stdint.h>

enum attention_state {
    ATTENTION_IDLE,    /* quiet: nothing running that says so, nothing new to see */
    ATTENTION_WORKING, /* output is coming, or progress is reported */
    ATTENTION_WAITING, /* was working, then went quiet for a while without a prompt: perhaps waiting for input */
    ATTENTION_BELL,
    ATTENTION_NOTIFY,
    ATTENTION_DONE,   /* the program ended with 0 */
    ATTENTION_FAILED, /* the program ended otherwise */
};

struct attention_rules {
    uint64_t quiet_ms;       /* output older than this is "quiet" (2000) */
    uint64_t burst_ms;       /* output must have gone on this long to count as work (1500) */
    uint64_t echo_ms;        /* output this soon after a key is an echo, not work (150) */
    bool waiting_from_quiet; /* working then quiet means waiting: for agents, not for shells */
};
#define ATTENTION_RULES_SHELL ((struct attention_rules){2000, 1500, 150, false})
#define ATTENTION_RULES_AGENT ((struct attention_rules){2000, 1500, 150, true})

struct attention {
    struct attention_rules rules;
    enum attention_state state;
    uint64_t since_ms;       /* when the state began */
    uint64_t last_output_ms; /* 0 = never */
    uint64_t burst_start_ms;
    uint64_t last_input_ms;
    uint64_t progress_ms; /* of the last report; 0 = none */
    int progress_percent; /* -1 = unknown */
    bool ended;
    int exit_status;
    char text[200]; /* of the last notification */
};

void attention_init(struct attention *a, struct attention_rules rules, uint64_t now_ms);
/* Each returns true when the state (or text) changed. */
bool attention_output(struct attention *a, uint64_t now_ms);
bool attention_input(struct attention *a,
                     uint64_t now_ms); /* the person typed: bell, notification and waiting are answered */
bool attention_seen(struct attention *a, uint64_t now_ms); /* the session came on screen in front of a person */
bool attention_bell(struct attention *a, uint64_t now_ms);
bool attention_notify(struct attention *a, const char *title, const char *body, uint64_t now_ms);
/* state: enum vt_progress as a number; 0 ends it. */
bool attention_progress(struct attention *a, int state, int percent, uint64_t now_ms);
/* OSC 133: 'A' prompt shown, 'C' command runs, 'D' ended with status. */
bool attention_mark(struct attention *a, char kind, int status, uint64_t now_ms);
/* Exit code, or 128 + signal. */
bool attention_exit(struct attention *a, int status, uint64_t now_ms);
bool attention_tick(struct attention *a, uint64_t now_ms);
/* When attention_tick should run next; 0 = no timer needed. */
uint64_t attention_deadline(const struct attention *a);

/* True for states a person should look at: waiting, bell, notify, failed. */
bool attention_wants_person(const struct attention *a);
/* "idle", "working", "waiting", "bell", "notify", "done", "failed": stable, they travel in the protocol. */
const char *attention_name(enum attention_state s);

#endif
