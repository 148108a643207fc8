/* SPDX-License-Identifier: Apache-2.0 */
#include "term/task_json.h"

#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* Names of the protocol: core/model's names are for people and may change. */
static const char *const RESTARTS[] = {
    [TASK_RESTART_NEVER] = "never",
    [TASK_RESTART_ON_FAILURE] = "on-failure",
    [TASK_RESTART_ALWAYS] = "always",
};
static const char *const READIES[] = {
    [TASK_READY_UNASKED] = "unasked",
    [TASK_READY_NOT_YET] = "not-yet",
    [TASK_READY_YES] = "yes",
};

/* A number from 0 to `most`, 0 for any other. */
static uint64_t number(const struct json *j, const char *key, uint64_t most)
{
    int64_t v = json_get_int(j, key, 0);

    return v < 0 || (uint64_t)v > most ? 0 : (uint64_t)v;
}

struct json *task_json_policy(const struct task_policy *p)
{
    struct json *j = json_new_object();

    json_set_string(j, "restart", RESTARTS[p->restart]);
    json_set_int(j, "ready_port", p->ready_port);
    json_set_string(j, "ready_match", p->ready_match);
    json_set_int(j, "most_restarts", p->most_restarts);
    return j;
}

int task_json_read_policy(const struct json *j, struct task_policy *out, struct error *err)
{
    *out = (struct task_policy){
        .restart = (enum task_restart)json_get_name(j, "restart", RESTARTS, MT_ARRAY_LEN(RESTARTS), TASK_RESTART_NEVER),
        .ready_port = (uint16_t)number(j, "ready_port", UINT16_MAX),
        .most_restarts = (uint32_t)number(j, "most_restarts", UINT32_MAX)};
    if (str_copy(out->ready_match, sizeof(out->ready_match), json_get_string(j, "ready_match", "")) != 0) {
        return error_set(err, ERROR_INVALID, "a pattern for readiness has at most %zu bytes",
                         sizeof(out->ready_match) - 1);
    }
    return 0;
}

struct json *task_json_state(const struct task_state *t)
{
    struct json *j = json_new_object(), *ports = json_new_array();

    json_set(j, "policy", task_json_policy(&t->policy));
    json_set_string(j, "ready", READIES[t->ready]);
    json_set_int(j, "ready_since", (int64_t)t->ready_wall_ms);
    json_set_int(j, "run_started", (int64_t)t->run_wall_ms);
    json_set_int(j, "restarts", t->restarts);
    json_set_int(j, "in_a_row", t->in_a_row);
    json_set_int(j, "next", (int64_t)t->next_wall_ms);
    json_set_int(j, "last_code", t->last_code);
    json_set_int(j, "last_signal", t->last_signal);
    json_set_int(j, "last_lasted", (int64_t)t->last_lasted_ms);
    for (size_t i = 0; i < t->port_count; i++) {
        json_append_int(ports, t->ports[i]);
    }
    json_set(j, "ports", ports);
    return j;
}

/* Ports as they are to be: from 1 on, ascending, none twice, no more than there is room for. */
static void read_ports(const struct json *list, struct task_state *out)
{
    for (const struct json *c = json_is_array(list) ? json_first(list) : NULL; c != NULL; c = json_next(c)) {
        double v = json_number(c);
        size_t at = 0;

        if (!(v >= 1 && v <= UINT16_MAX) || out->port_count == TASK_PORTS_MAX) {
            continue;
        }
        while (at < out->port_count && out->ports[at] < (uint16_t)v) {
            at++;
        }
        if (at < out->port_count && out->ports[at] == (uint16_t)v) {
            continue;
        }
        memmove(out->ports + at + 1, out->ports + at, (out->port_count - at) * sizeof(*out->ports));
        out->ports[at] = (uint16_t)v;
        out->port_count++;
    }
}

void task_json_read_state(const struct json *j, struct task_state *out)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    memset(out, 0, sizeof(*out));
    task_json_read_policy(json_get(j, "policy"), &out->policy, NULL);
    utf8_sanitize(&clean, out->policy.ready_match, strlen(out->policy.ready_match), false);
    str_copy(out->policy.ready_match, sizeof(out->policy.ready_match), clean.buf);
    out->ready = (enum task_ready)json_get_name(j, "ready", READIES, MT_ARRAY_LEN(READIES), TASK_READY_UNASKED);
    out->ready_wall_ms = number(j, "ready_since", INT64_MAX);
    out->run_wall_ms = number(j, "run_started", INT64_MAX);
    out->restarts = (uint32_t)number(j, "restarts", UINT32_MAX);
    out->in_a_row = (uint32_t)number(j, "in_a_row", UINT32_MAX);
    out->next_wall_ms = number(j, "next", INT64_MAX);
    out->last_code = (int)number(j, "last_code", 255);
    out->last_signal = (int)number(j, "last_signal", 64);
    out->last_lasted_ms = number(j, "last_lasted", INT64_MAX);
    read_ports(json_get(j, "ports"), out);
}
