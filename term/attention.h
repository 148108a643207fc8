/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_ATTENTION_H
#define MT_TERM_ATTENTION_H

/* Does this session want a person? A pure state machine over what the terminal saw; times are passed in
 * (clock_mono_ms). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum attention_state {
    ATTENTION_IDLE,    /* quiet: nothing running that says so, nothing new to see */
    ATTENTION_WORKING, /* output is coming, or progress is reported */
    ATTENTION_WAITING, /* was working, then went quiet for a while without a prompt: perhaps waiting for input */
    ATTENTION_BELL,
    ATTENTION_NOTIFY,
    ATTENTION_DONE,   /* the program ended with 0, or a long command in it did */
    ATTENTION_FAILED, /* the same otherwise */
};

struct attention_rules {
    uint64_t quiet_ms;       /* output older than this is "quiet" (2000) */
    uint64_t burst_ms;       /* output must have gone on this long to count as work (1500) */
    uint64_t echo_ms;        /* output this soon after a key is an echo, not work (150) */
    uint64_t ask_ms;         /* output older than this: its last line is looked at for a question (1000) */
    uint64_t look_ms;        /* output older than this: the screen is looked at, when there are rules for it (500) */
    uint64_t look_most_ms;   /* the same while output goes on (2000) */
    uint64_t long_ms;        /* a command at a prompt that took this long, alone, is told when it ends (10000) */
    bool waiting_from_quiet; /* working then quiet means waiting: for agents, not for shells */
};
#define ATTENTION_RULES_SHELL ((struct attention_rules){2000, 1500, 150, 1000, 500, 2000, 10000, false})
#define ATTENTION_RULES_AGENT ((struct attention_rules){2000, 1500, 150, 1000, 500, 2000, 10000, true})

/* What the rules for a program say of its screen (term/rules.h). */
enum attention_verdict { ATTENTION_SAYS_NOTHING, ATTENTION_SAYS_WORKING, ATTENTION_SAYS_WAITING, ATTENTION_SAYS_IDLE };

/* What a person's input is: moving about answers nothing, a line that was submitted makes work. */
enum attention_key { ATTENTION_KEY_MOVE, ATTENTION_KEY_TEXT, ATTENTION_KEY_ENTER };

struct attention {
    struct attention_rules rules;
    enum attention_state state;
    uint64_t since_ms;       /* when the state began */
    uint64_t last_output_ms; /* 0 = never */
    uint64_t burst_start_ms;
    uint64_t last_input_ms;
    uint64_t command_ms;  /* when the command at the prompt began; 0: none runs, or none is marked */
    uint64_t progress_ms; /* of the last report; 0 = none */
    int progress_percent; /* -1 = unknown */
    bool ended;
    bool seen;              /* a person looked at it since the state began: it still waits, but nobody need be told */
    bool submitted;         /* the last thing typed ended in Enter: what comes is no echo */
    bool ask_due;           /* there was output that may end in a question, and it was not looked at yet */
    bool asking;            /* the cursor's line asks something (see attention_is_question) */
    bool looks;             /* there are rules for the screen */
    bool look_due;          /* the screen has changed since it was looked at */
    bool bell_due;          /* it rang: told with what the screen says when that is looked at */
    bool worked;            /* it has done something since its turn was last over */
    uint64_t look_first_ms; /* of the first change since the last look */
    enum attention_verdict verdict;
    int exit_status;
    char text[200];     /* of the last notification, or the question */
    char question[200]; /* while asking */
};

void attention_init(struct attention *a, struct attention_rules rules, uint64_t now_ms);
/* Each returns true when the state (or text) changed. */
bool attention_output(struct attention *a, uint64_t now_ms);
/* The person typed: bell, notification and waiting are answered, unless the key only moves about. */
bool attention_input(struct attention *a, enum attention_key key, uint64_t now_ms);
/* What bytes for the program are: arrows, paging, mouse and focus reports move about. */
enum attention_key attention_key_of(const char *bytes, size_t len);
/* The session came on screen in front of a person. What waits goes on waiting. */
bool attention_seen(struct attention *a, uint64_t now_ms);
/* Where there are rules for the screen it is told at the next look, at most two seconds later, as what it rang for. */
bool attention_bell(struct attention *a, uint64_t now_ms);
bool attention_notify(struct attention *a, const char *title, const char *body, uint64_t now_ms);
/* state: enum vt_progress as a number; 0 ends it. */
bool attention_progress(struct attention *a, int state, int percent, uint64_t now_ms);
/* OSC 133: 'A' prompt shown, 'C' command runs, 'D' ended with status. A long command whose end nobody typed for is told
 * as done or failed, until the session is looked at. */
bool attention_mark(struct attention *a, char kind, int status, uint64_t now_ms);
/* Exit code, or 128 + signal. */
bool attention_exit(struct attention *a, int status, uint64_t now_ms);
/* The same of a run that is followed by another: a failure is told, the text with it, until it is looked at. */
bool attention_fail(struct attention *a, const char *text, uint64_t now_ms);
/* What there is to say of the end, "" nothing. */
void attention_say(struct attention *a, const char *text);
/* Another run begins: what the program before it did and asked is over. keep_told: a failure, a bell or a notification
 * that stands is told on. */
void attention_begin(struct attention *a, bool keep_told, uint64_t now_ms);
bool attention_tick(struct attention *a, uint64_t now_ms);
/* Does attention_line want to be told the cursor's line now? */
bool attention_line_due(const struct attention *a, uint64_t now_ms);
/* The text before the cursor, "" when there is text behind it. */
bool attention_line(struct attention *a, const char *line, uint64_t now_ms);
/* From now on there are rules for its screen, or none any more: attention_look_due tells when to look. */
void attention_looks(struct attention *a, bool looks, uint64_t now_ms);
/* Is it time for attention_look? */
bool attention_look_due(const struct attention *a, uint64_t now_ms);
/* What the rules say of the screen, and the text for the person. A question that stands takes the place of a bell and
 * of work; quiet is no question while the screen says that it works. */
bool attention_look(struct attention *a, enum attention_verdict verdict, const char *text, uint64_t now_ms);
/* Whether a line on which a program stands still asks a person: it ends in '?', in a choice with yes or no ([y/N],
 * (yes/no), also before ':'), asks for a password, passphrase, user name or code before ':', or says to press Enter or
 * any key. What ends in $ # % > is a prompt. */
bool attention_is_question(const char *line);
/* When attention_tick should run next; 0 = no timer needed. */
uint64_t attention_deadline(const struct attention *a);

/* True for states a person should look at: waiting, bell, notify, failed. */
bool attention_wants_person(const struct attention *a);
/* "idle", "working", "waiting", "bell", "notify", "done", "failed": stable, they travel in the protocol. */
const char *attention_name(enum attention_state s);

#endif
