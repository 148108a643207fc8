/* SPDX-License-Identifier: Apache-2.0 */
#include "term/pulse.h"

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/attention.h"
#include "term/rules.h"

/* Values of enum attention_kind, whose header cannot be included here. tests/unit/test_session_spec.c holds them
 * against it.
 */
enum kind { KIND_NONE, KIND_FINISHED, KIND_BELL, KIND_NOTIFY, KIND_WAITING, KIND_FAILED };

struct pulse {
    struct attention a;
    const struct rules *rules;
};

struct pulse *pulse_new(bool agent, uint64_t now_ms)
{
    struct pulse *p = xcalloc(1, sizeof(*p));

    attention_init(&p->a, agent ? ATTENTION_RULES_AGENT : ATTENTION_RULES_SHELL, now_ms);
    return p;
}

void pulse_free(struct pulse *p)
{
    free(p);
}

bool pulse_output(struct pulse *p, uint64_t now_ms)
{
    return attention_output(&p->a, now_ms);
}

bool pulse_input(struct pulse *p, const char *bytes, size_t len, uint64_t now_ms)
{
    return attention_input(&p->a, attention_key_of(bytes, len), now_ms);
}

bool pulse_seen(struct pulse *p, uint64_t now_ms)
{
    return attention_seen(&p->a, now_ms);
}

bool pulse_bell(struct pulse *p, uint64_t now_ms)
{
    return attention_bell(&p->a, now_ms);
}

bool pulse_notify(struct pulse *p, const char *title, const char *body, uint64_t now_ms)
{
    return attention_notify(&p->a, title, body, now_ms);
}

bool pulse_progress(struct pulse *p, int state, int percent, uint64_t now_ms)
{
    return attention_progress(&p->a, state, percent, now_ms);
}

bool pulse_mark(struct pulse *p, char kind, int status, uint64_t now_ms)
{
    return attention_mark(&p->a, kind, status, now_ms);
}

bool pulse_exit(struct pulse *p, int status, uint64_t now_ms)
{
    return attention_exit(&p->a, status, now_ms);
}

bool pulse_fail(struct pulse *p, const char *text, uint64_t now_ms)
{
    return attention_fail(&p->a, text, now_ms);
}

void pulse_say(struct pulse *p, const char *text)
{
    attention_say(&p->a, text);
}

void pulse_begin(struct pulse *p, bool keep_told, uint64_t now_ms)
{
    attention_begin(&p->a, keep_told, now_ms);
}

bool pulse_tick(struct pulse *p, uint64_t now_ms)
{
    return attention_tick(&p->a, now_ms);
}

bool pulse_line_due(const struct pulse *p, uint64_t now_ms)
{
    return attention_line_due(&p->a, now_ms);
}

bool pulse_line(struct pulse *p, const char *line, uint64_t now_ms)
{
    return attention_line(&p->a, line, now_ms);
}

void pulse_set_rules(struct pulse *p, const struct rules *rules, uint64_t now_ms)
{
    p->rules = rules;
    attention_looks(&p->a, rules != NULL, now_ms);
}

int pulse_look_lines(const struct pulse *p, uint64_t now_ms)
{
    return p->rules != NULL && attention_look_due(&p->a, now_ms) ? rules_lines(p->rules) : 0;
}

bool pulse_look(struct pulse *p, const char *lines, uint64_t now_ms)
{
    static const enum attention_verdict verdicts[] = {
        [RULES_NONE] = ATTENTION_SAYS_NOTHING,
        [RULES_WORKING] = ATTENTION_SAYS_WORKING,
        [RULES_WAITING] = ATTENTION_SAYS_WAITING,
        [RULES_IDLE] = ATTENTION_SAYS_IDLE,
    };
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    enum rules_state state = rules_judge(p->rules, lines, &shown);

    return attention_look(&p->a, verdicts[state], shown.buf, now_ms);
}

uint64_t pulse_deadline(const struct pulse *p)
{
    return attention_deadline(&p->a);
}

int pulse_attention(const struct pulse *p)
{
    switch (p->a.state) {
    case ATTENTION_IDLE:
    case ATTENTION_WORKING:
        return KIND_NONE;
    case ATTENTION_WAITING:
        return KIND_WAITING;
    case ATTENTION_BELL:
        return KIND_BELL;
    case ATTENTION_NOTIFY:
        return KIND_NOTIFY;
    case ATTENTION_DONE:
        return KIND_FINISHED;
    case ATTENTION_FAILED:
        return KIND_FAILED;
    }
    return KIND_NONE;
}

bool pulse_is_seen(const struct pulse *p)
{
    return p->a.seen;
}

bool pulse_is_working(const struct pulse *p)
{
    return p->a.state == ATTENTION_WORKING;
}

int pulse_progress_percent(const struct pulse *p)
{
    return p->a.progress_ms != 0 ? p->a.progress_percent : -1;
}

const char *pulse_text(const struct pulse *p)
{
    return p->a.text;
}

uint64_t pulse_since_ms(const struct pulse *p)
{
    return p->a.since_ms;
}
