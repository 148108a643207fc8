/* SPDX-License-Identifier: Apache-2.0 */
#include "term/task_plan.h"

#include "core/model/session.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

/* So long before the start again that follows `in_a_row` others. */
static uint64_t backoff(uint32_t in_a_row)
{
    uint64_t ms = TASK_BACKOFF_FIRST_MS;

    for (uint32_t i = 0; i < in_a_row && ms < TASK_BACKOFF_MOST_MS; i++) {
        ms *= 2;
    }
    return MT_MIN(ms, (uint64_t)TASK_BACKOFF_MOST_MS);
}

struct task_plan task_plan_end(struct task_state *t, int code, int signum, uint64_t lasted_ms)
{
    struct task_plan plan = {.wait_ms = 0};
    bool wanted =
        t->policy.restart == TASK_RESTART_ALWAYS || (t->policy.restart == TASK_RESTART_ON_FAILURE && code != 0);

    t->last_code = code;
    t->last_signal = signum;
    t->last_lasted_ms = lasted_ms;
    if (lasted_ms >= TASK_STEADY_MS) {
        t->in_a_row = 0;
    }
    plan.gave_up = wanted && t->policy.most_restarts > 0 && t->in_a_row >= t->policy.most_restarts;
    plan.again = wanted && !plan.gave_up;
    plan.wait_ms = plan.again ? backoff(t->in_a_row) : 0;
    return plan;
}

void task_plan_begin(struct task_state *t, bool by_hand)
{
    t->restarts += t->restarts < UINT32_MAX;
    t->in_a_row = by_hand ? 0 : t->in_a_row + (t->in_a_row < UINT32_MAX);
}

void task_plan_cause(const struct task_state *t, char *out, size_t cap)
{
    session_end_text(t->last_code, t->last_signal, out, cap);
}

void task_plan_duration(uint64_t ms, char *out, size_t cap)
{
    unsigned long long s = ms / 1000;

    if (s < 10) {
        str_format(out, cap, "%llu.%llu s", s, (unsigned long long)(ms % 1000 / 100));
    } else if (s < 60) {
        str_format(out, cap, "%llu s", s);
    } else if (s < 3600) {
        str_format(out, cap, "%llu m %llu s", s / 60, s % 60);
    } else {
        str_format(out, cap, "%llu h %llu m", s / 3600, s % 3600 / 60);
    }
}
