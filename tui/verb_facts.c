/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions and backends as objects for programs. */
#include <string.h>

#include "core/util/clock.h"
#include "tui/tasktext.h"
#include "tui/verb.h"

/* A string, or null when it is empty. */
static void set_string(struct json *row, const char *key, const char *value)
{
    json_set_string(row, key, value[0] != '\0' ? value : NULL);
}

/* A time, or null when there was none. */
static void set_time(struct json *row, const char *key, uint64_t wall_ms)
{
    char text[32];

    clock_iso8601(wall_ms, text);
    json_set_string(row, key, wall_ms > 0 ? text : NULL);
}

const char *verb_session_end(const struct session_info *s, char *out, size_t cap)
{
    if (s->state == SESSION_LOST) {
        str_copy(out, cap, "lost");
    } else if (s->state != SESSION_EXITED) {
        return NULL;
    } else {
        session_end_text(s->exit_code, s->exit_signal, out, cap);
    }
    return out;
}

bool verb_task_has_readiness(const struct session_info *s)
{
    return s->kind == SESSION_TASK && (s->task.policy.ready_port != 0 || s->task.policy.ready_match[0] != '\0');
}

const char *verb_task_state(const struct session_info *s)
{
    switch (s->state) {
    case SESSION_STARTING:
        return "starting";
    case SESSION_RUNNING:
        return s->task.next_wall_ms != 0 ? "waiting" : s->task.ready == TASK_READY_YES ? "ready" : "running";
    case SESSION_EXITED:
        return session_has_failed(s) ? "failed" : "exited";
    case SESSION_LOST:
        break;
    }
    return "lost";
}

void verb_task_status(const struct session_info *s, char *out, size_t cap)
{
    const struct task_state *t = &s->task;
    const char *state = verb_task_state(s);
    uint64_t now = clock_wall_ms();
    char end[32], again[16];

    if (strcmp(state, "waiting") == 0) {
        clock_short(t->next_wall_ms > now ? MT_MIN(t->next_wall_ms - now, (uint64_t)TASK_BACKOFF_MOST_MS) : 0, again,
                    sizeof(again));
        session_end_text(t->last_code, t->last_signal, end, sizeof(end));
        str_format(out, cap, "waiting: %s, again in %s", end, again);
    } else if (strcmp(state, "failed") == 0) {
        tasktext_failure(s, out, cap);
    } else if (strcmp(state, "exited") == 0) {
        verb_session_end(s, out, cap);
    } else {
        str_copy(out, cap, state);
    }
}

void verb_task_policy_facts(struct json *row, const struct task_policy *p)
{
    json_set_string(row, "restart", task_restart_name(p->restart));
    json_set_int(row, "max_restarts", p->most_restarts);
    if (p->ready_port != 0) {
        json_set_int(row, "ready_port", p->ready_port);
    } else {
        json_set_null(row, "ready_port");
    }
    set_string(row, "ready_match", p->ready_match);
}

struct json *verb_task_facts(const struct session_info *s)
{
    const struct task_state *t = &s->task;
    struct json *row = json_new_object(), *ports = json_new_array(), *policy = json_new_object();

    for (size_t i = 0; i < t->port_count; i++) {
        json_append_int(ports, t->ports[i]);
    }
    json_set_string(row, "state", verb_task_state(s));
    verb_task_policy_facts(policy, &t->policy);
    json_set(row, "policy", policy);
    if (verb_task_has_readiness(s)) {
        json_set_bool(row, "ready", t->ready == TASK_READY_YES);
    } else {
        json_set_null(row, "ready");
    }
    set_time(row, "ready_since", t->ready_wall_ms);
    json_set_int(row, "restarts", t->restarts);
    json_set_int(row, "restarts_in_a_row", t->in_a_row);
    set_time(row, "run_started", t->run_wall_ms);
    set_time(row, "next_start", t->next_wall_ms);
    if (t->restarts > 0 || t->next_wall_ms != 0) {
        json_set_int(row, "last_exit_code", t->last_signal != 0 ? 128 + t->last_signal : t->last_code);
        json_set_int(row, "last_lasted_ms", (int64_t)t->last_lasted_ms);
    }
    json_set(row, "ports", ports);
    return row;
}

bool verb_session_is_blocked(const struct session_info *s)
{
    return s->state == SESSION_RUNNING && s->attention == ATTENTION_WAITING;
}

struct json *verb_session_facts(const struct session_info *s)
{
    static const char *const STATES[] = {[SESSION_STARTING] = "starting",
                                         [SESSION_RUNNING] = "running",
                                         [SESSION_EXITED] = "exited",
                                         [SESSION_LOST] = "lost"};
    struct json *row = json_new_object(), *size = json_new_object();

    json_set_string(row, "id", s->id);
    json_set_int(row, "number", s->number);
    json_set_string(row, "sandbox", s->sandbox);
    json_set_string(row, "kind", session_kind_name(s->kind));
    set_string(row, "label", s->label);
    set_string(row, "name", s->name);
    set_string(row, "program", s->state == SESSION_RUNNING ? s->front : "");
    set_string(row, "title", s->title);
    set_string(row, "cwd", s->cwd);
    json_set_string(row, "state", STATES[s->state]);
    json_set_bool(row, "working", s->working);
    json_set_bool(row, "blocked", verb_session_is_blocked(s));
    set_string(row, "attention", s->attention != ATTENTION_NONE ? attention_kind_name(s->attention) : "");
    set_string(row, "attention_text", s->attention_text);
    set_time(row, "attention_since", s->attention != ATTENTION_NONE ? s->attention_since_ms : 0);
    json_set_bool(row, "attention_seen", s->attention_seen);
    json_set_bool(row, "needs_you", session_wants_person(s));
    if (s->state == SESSION_EXITED) {
        json_set_int(row, "exit_code", s->exit_signal != 0 ? 128 + s->exit_signal : s->exit_code);
        json_set_int(row, "exit_signal", s->exit_signal);
    } else {
        json_set_null(row, "exit_code");
        json_set_null(row, "exit_signal");
    }
    json_set_int(row, "progress", s->progress);
    json_set_int(size, "cols", s->cols);
    json_set_int(size, "rows", s->rows);
    json_set(row, "size", size);
    json_set_int(row, "pid", s->pid);
    json_set_int(row, "host_pid", s->host_pid);
    set_time(row, "started", s->started_wall_ms);
    set_time(row, "ended", s->ended_wall_ms);
    set_string(row, "log", s->log_path);
    if (s->log_lost > 0) {
        json_set_int(row, "log_lost", (int64_t)s->log_lost);
        set_string(row, "log_problem", s->log_problem);
    }
    if (s->kind == SESSION_TASK) {
        json_set(row, "task", verb_task_facts(s));
    }
    return row;
}

struct json *verb_backend_facts(const struct backend_view *b)
{
    struct json *row = json_new_object();

    json_set_string(row, "name", b->name);
    set_string(row, "host", b->host);
    json_set_bool(row, "probed", b->probed);
    json_set_bool(row, "usable", b->probe.usable);
    json_set_bool(row, "lost", b->lost);
    set_string(row, "reason", b->probe.reason);
    return row;
}

/* A number, or null where it is not known (negative). */
static void set_number(struct json *row, const char *key, int64_t value)
{
    if (value >= 0) {
        json_set_int(row, key, value);
    } else {
        json_set_null(row, key);
    }
}

struct json *verb_inference_facts(const struct inference_view *v)
{
    struct json *row = json_new_object();
    bool answers = v->state != INFERENCE_UNSEEN && v->state != INFERENCE_DOWN;

    json_set_string(row, "endpoint", v->name);
    json_set_string(row, "address", v->endpoint);
    json_set_string(row, "state", inference_state_name(v->state));
    set_string(row, "why", v->word);
    json_set_string(row, "kind", answers ? inference_kind_name(v->kind) : NULL);
    set_string(row, "model", v->model);
    set_number(row, "window", v->window > 0 ? (int64_t)v->window : -1);
    set_number(row, "slots_busy", v->slots_total > 0 ? v->slots_busy : -1);
    set_number(row, "slots_total", v->slots_total > 0 ? v->slots_total : -1);
    set_number(row, "context_used", v->has_slots ? (int64_t)v->used : -1);
    set_number(row, "context_room", v->has_slots && v->room > 0 ? (int64_t)v->room : -1);
    set_number(row, "fullest_used", v->has_slots ? (int64_t)v->full_used : -1);
    set_number(row, "fullest_window", v->has_slots && v->full_window > 0 ? (int64_t)v->full_window : -1);
    set_number(row, "cache_percent", v->cache_percent);
    set_number(row, "running", v->running);
    set_number(row, "queued", v->queued);
    set_number(row, "prompt_percent", v->progress);
    if (v->tokens_per_s >= 0) {
        json_set_double(row, "tokens_per_s", (double)(int64_t)(v->tokens_per_s * 10 + 0.5) / 10);
    } else {
        json_set_null(row, "tokens_per_s");
    }
    json_set_bool(row, "sleeping", v->sleeping);
    return row;
}
