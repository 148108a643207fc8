/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/tasktext.h"

#include <signal.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

#define MINUTE_MS 60000

bool tasktext_waits(const struct session_info *s)
{
    return s->task.next_wall_ms != 0 && s->state != SESSION_LOST;
}

bool tasktext_is_over(const struct session_info *s)
{
    return (s->state == SESSION_EXITED || s->state == SESSION_LOST) && !tasktext_waits(s);
}

bool tasktext_was_stopped(const struct session_info *s)
{
    int sig = s->exit_signal ? s->exit_signal : s->exit_code > 128 ? s->exit_code - 128 : 0;
    return tasktext_is_over(s) && s->state == SESSION_EXITED && (sig == SIGHUP || sig == SIGINT || sig == SIGTERM);
}

bool tasktext_has_failed(const struct session_info *s)
{
    return tasktext_is_over(s) && !tasktext_was_stopped(s) &&
           (s->state == SESSION_LOST || s->exit_code != 0 || s->exit_signal != 0);
}

struct state_look tasktext_look(const struct session_info *s)
{
    if (s->state == SESSION_LOST) {
        return (struct state_look){GLYPH_FAILED, false, "lost", THEME_BAD};
    }
    if (tasktext_waits(s)) {
        return (struct state_look){GLYPH_AGAIN, false, "waiting", THEME_WARN};
    }
    if (s->state == SESSION_EXITED) {
        return tasktext_has_failed(s)    ? (struct state_look){GLYPH_FAILED, false, "failed", THEME_BAD}
               : tasktext_was_stopped(s) ? (struct state_look){GLYPH_STOPPED, false, "stopped", THEME_DIM}
                                         : (struct state_look){GLYPH_DONE, false, "done", THEME_DIM};
    }
    if (s->state == SESSION_STARTING || s->task.ready == TASK_READY_NOT_YET) {
        return (struct state_look){GLYPH_TASK, false, "starting", THEME_BUSY};
    }
    return (struct state_look){GLYPH_TASK, false, s->task.ready == TASK_READY_YES ? "ready" : "running", THEME_OK};
}

/* Whole seconds until then, upwards: "in 0 s" would be a lie. */
static unsigned long long seconds_until(uint64_t then, uint64_t now)
{
    uint64_t left = then > now ? MT_MIN(then - now, (uint64_t)TASK_BACKOFF_MOST_MS) : 0; /* the clock may be set back */
    return (unsigned long long)((left + 999) / 1000);
}

void tasktext_brief(const struct session_info *s, uint64_t now, char *out, size_t cap)
{
    if (tasktext_waits(s)) {
        unsigned long long left = seconds_until(s->task.next_wall_ms, now);
        str_format(out, cap, left ? "again in %llu s" : "again now", left);
    } else if (tasktext_has_failed(s) && s->state == SESSION_EXITED) {
        session_end_text(s->exit_code, s->exit_signal, out, cap);
    } else if (!tasktext_is_over(s) && s->task.port_count && s->task.ready != TASK_READY_NOT_YET) {
        bool more = s->task.port_count > 1;
        str_format(out, cap, more ? ":%u +%zu" : ":%u", s->task.ports[0], s->task.port_count - 1);
    } else {
        str_copy(out, cap, tasktext_look(s).word);
    }
}

/* What readiness waits for. */
static void ready_text(const struct task_policy *p, char *out, size_t cap)
{
    if (p->ready_port) {
        str_format(out, cap, "waits for port %u", p->ready_port);
    } else if (p->ready_match[0]) {
        str_format(out, cap, "waits for \"%s\"", p->ready_match);
    } else {
        out[0] = '\0';
    }
}

void tasktext_failure(const struct session_info *s, char *out, size_t cap)
{
    bool again = s->task.policy.restart != TASK_RESTART_NEVER && s->task.in_a_row > 0;
    char end[32];
    session_end_text(s->exit_code, s->exit_signal, end, sizeof(end));
    str_format(out, cap, again ? "failed: %s after %u %s" : "failed: %s", end, s->task.in_a_row,
               s->task.in_a_row == 1 ? "restart" : "restarts");
}

void tasktext_state(const struct session_info *s, uint64_t now, char *out, size_t cap)
{
    char why[TASK_READY_MAX + 32];
    if (s->state == SESSION_LOST) {
        str_copy(out, cap, "lost: its host is gone");
    } else if (tasktext_waits(s)) {
        unsigned long long left = seconds_until(s->task.next_wall_ms, now);
        str_format(out, cap, left ? "waiting: starts again in %llu s" : "waiting: starts again now", left);
    } else if (tasktext_has_failed(s)) {
        tasktext_failure(s, out, cap);
    } else if (tasktext_was_stopped(s)) {
        str_copy(out, cap, "stopped");
    } else if (tasktext_is_over(s)) {
        str_copy(out, cap, "done");
    } else if (s->task.ready == TASK_READY_NOT_YET) {
        ready_text(&s->task.policy, why, sizeof(why));
        str_format(out, cap, *why ? "starting: %s" : "starting", why);
    } else {
        str_copy(out, cap, tasktext_look(s).word);
    }
}

/* When the run that is told of began. */
static uint64_t began(const struct session_info *s)
{
    return s->task.run_wall_ms ? s->task.run_wall_ms : s->started_wall_ms;
}

void tasktext_time(const struct session_info *s, uint64_t now, char *out, size_t cap)
{
    uint64_t from = began(s);
    out[0] = '\0';
    bool waited =
        tasktext_is_over(s) && s->task.policy.restart != TASK_RESTART_NEVER; /* perhaps, when it was stopped */
    if (tasktext_waits(s) || waited) {
        clock_mmss(s->task.last_lasted_ms, out, cap);
    } else if (tasktext_is_over(s)) {
        if (from && s->ended_wall_ms >= from) {
            clock_mmss(s->ended_wall_ms - from, out, cap);
        }
    } else if (from && now >= from + MINUTE_MS) {
        clock_short((now - from) / MINUTE_MS * MINUTE_MS, out, cap);
    } else if (from) {
        str_copy(out, cap, "<1m"); /* nobody needs to see seconds ticking */
    }
}

void tasktext_ports(const struct session_info *s, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < s->task.port_count && i < TASK_PORTS_MAX && !tasktext_is_over(s); i++) {
        strbuf_addf(&text, "%s:%u", i ? " " : "", s->task.ports[i]);
    }
    str_copy(out, cap, text.buf);
}

void tasktext_policy(const struct session_info *s, char *out, size_t cap)
{
    const struct task_policy *p = &s->task.policy;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (p->restart != TASK_RESTART_NEVER) {
        strbuf_addstr(&text, p->restart == TASK_RESTART_ALWAYS ? "starts again always" : "starts again on failure");
        if (p->most_restarts) {
            strbuf_addf(&text, ", at most %u in a row", p->most_restarts);
        }
    }
    if (p->ready_port) {
        strbuf_addf(&text, "%sready when port %u is listened on", text.len ? "; " : "", p->ready_port);
    } else if (p->ready_match[0]) {
        strbuf_addf(&text, "%sready when it prints \"%s\"", text.len ? "; " : "", p->ready_match);
    }
    str_copy(out, cap, text.buf);
}

void tasktext_why(const struct session_info *s, char *out, size_t cap)
{
    char end[32] = "its host is gone";
    if (s->state != SESSION_LOST) {
        session_end_text(s->exit_code, s->exit_signal, end, sizeof(end));
    }
    str_format(out, cap, s->last_line[0] ? "%s: %s" : "%s", end, s->last_line);
}

uint64_t tasktext_next_ms(const struct session_info *s, uint64_t now)
{
    uint64_t from = began(s);
    if (tasktext_waits(s)) {
        uint64_t left = s->task.next_wall_ms > now ? s->task.next_wall_ms - now : 0;
        return left ? (left - 1) % 1000 + 1 : 0;
    }
    if (!tasktext_is_over(s) && from && now < from + MINUTE_MS) {
        return from + MINUTE_MS - now > MINUTE_MS ? MINUTE_MS : from + MINUTE_MS - now;
    }
    return 0;
}
