/* SPDX-License-Identifier: Apache-2.0 */
#include "term/attention.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

void attention_init(struct attention *a, struct attention_rules rules, uint64_t now_ms)
{
    *a = (struct attention){.rules = rules, .since_ms = now_ms, .progress_percent = -1};
}

/* Changes the state; an end is never left again. */
static bool enter(struct attention *a, enum attention_state state, uint64_t now_ms)
{
    if (a->state == state || (a->ended && state != ATTENTION_DONE && state != ATTENTION_FAILED)) {
        return false;
    }
    a->state = state;
    a->since_ms = now_ms;
    return true;
}

/* States that stand until a person reacts: output does not take them away. */
static bool is_sticky(const struct attention *a)
{
    return a->state == ATTENTION_BELL || a->state == ATTENTION_NOTIFY;
}

bool attention_output(struct attention *a, uint64_t now_ms)
{
    bool echo = a->last_input_ms != 0 && now_ms - a->last_input_ms < a->rules.echo_ms;
    if (a->last_output_ms == 0 || now_ms - a->last_output_ms >= a->rules.quiet_ms || a->burst_start_ms == 0) {
        a->burst_start_ms = echo ? 0 : now_ms;
    }
    a->last_output_ms = now_ms;
    if (is_sticky(a) || a->burst_start_ms == 0 || now_ms - a->burst_start_ms < a->rules.burst_ms) {
        return false;
    }
    return enter(a, ATTENTION_WORKING, now_ms);
}

bool attention_input(struct attention *a, uint64_t now_ms)
{
    a->last_input_ms = now_ms;
    a->burst_start_ms = 0;
    if (is_sticky(a) || a->state == ATTENTION_WAITING) {
        a->text[0] = '\0';
        return enter(a, a->progress_ms != 0 ? ATTENTION_WORKING : ATTENTION_IDLE, now_ms);
    }
    return false;
}

bool attention_seen(struct attention *a, uint64_t now_ms)
{
    if (!is_sticky(a)) {
        return false;
    }
    a->text[0] = '\0';
    bool working = a->progress_ms != 0 || (a->burst_start_ms != 0 && now_ms - a->last_output_ms < a->rules.quiet_ms &&
                                           now_ms - a->burst_start_ms >= a->rules.burst_ms);
    return enter(a, working ? ATTENTION_WORKING : ATTENTION_IDLE, now_ms);
}

bool attention_bell(struct attention *a, uint64_t now_ms)
{
    return a->state != ATTENTION_NOTIFY && enter(a, ATTENTION_BELL, now_ms);
}

bool attention_notify(struct attention *a, const char *title, const char *body, uint64_t now_ms)
{
    char text[sizeof(a->text)];
    MT_CLEANUP(strbuf) struct strbuf both = STRBUF_INIT;
    strbuf_addstr(&both, title);
    strbuf_addstr(&both, *title != '\0' && *body != '\0' ? ": " : "");
    strbuf_addstr(&both, body);
    str_copy(text, sizeof(text), both.buf);
    bool changed = enter(a, ATTENTION_NOTIFY, now_ms);
    if (a->ended || (!changed && strcmp(a->text, text) == 0)) {
        return false;
    }
    memcpy(a->text, text, sizeof(a->text));
    return true;
}

bool attention_progress(struct attention *a, int state, int percent, uint64_t now_ms)
{
    if (state == 0) {
        bool had = a->progress_ms != 0;
        a->progress_ms = 0;
        a->progress_percent = -1;
        if (a->state == ATTENTION_WORKING) {
            return enter(a, a->rules.waiting_from_quiet ? ATTENTION_WAITING : ATTENTION_IDLE, now_ms) || had;
        }
        return had;
    }
    int old = a->progress_percent;
    a->progress_ms = now_ms == 0 ? 1 : now_ms;
    a->progress_percent = state == 3 ? -1 : percent;
    bool entered = !is_sticky(a) && enter(a, ATTENTION_WORKING, now_ms);
    return entered || old != a->progress_percent;
}

bool attention_mark(struct attention *a, char kind, int status, uint64_t now_ms)
{
    (void)status; /* a failed command at a prompt is the person's own business */
    if (kind == 'C') {
        a->burst_start_ms = now_ms;
        return !is_sticky(a) && enter(a, ATTENTION_WORKING, now_ms);
    }
    if (kind == 'A' || kind == 'D') {
        a->burst_start_ms = 0;
        a->progress_ms = 0;
        a->progress_percent = -1;
        return !is_sticky(a) && enter(a, ATTENTION_IDLE, now_ms);
    }
    return false;
}

bool attention_exit(struct attention *a, int status, uint64_t now_ms)
{
    a->ended = true;
    a->exit_status = status;
    a->progress_ms = 0;
    a->progress_percent = -1;
    return enter(a, status == 0 ? ATTENTION_DONE : ATTENTION_FAILED, now_ms);
}

bool attention_tick(struct attention *a, uint64_t now_ms)
{
    uint64_t due = attention_deadline(a);
    if (due == 0 || now_ms < due) {
        return false;
    }
    a->burst_start_ms = 0;
    return enter(a, a->rules.waiting_from_quiet ? ATTENTION_WAITING : ATTENTION_IDLE, now_ms);
}

uint64_t attention_deadline(const struct attention *a)
{
    /* Reported progress is trusted to end itself: a long silent build is still work. */
    if (a->state != ATTENTION_WORKING || a->progress_ms != 0) {
        return 0;
    }
    return MT_MAX(a->last_output_ms, a->since_ms) + a->rules.quiet_ms;
}

bool attention_wants_person(const struct attention *a)
{
    return a->state == ATTENTION_WAITING || is_sticky(a) || a->state == ATTENTION_FAILED;
}

const char *attention_name(enum attention_state s)
{
    static const char *const names[] = {"idle", "working", "waiting", "bell", "notify", "done", "failed"};
    return (size_t)s < MT_ARRAY_LEN(names) ? names[s] : "idle";
}
