/* SPDX-License-Identifier: Apache-2.0 */
#include "term/meta.h"

#include <string.h>

#include "core/util/json.h"
#include "core/util/utf8.h"
#include "term/task_json.h"

/* Names of the protocol: core/model's names are for the screen and may change. */
static const char *const KINDS[] = {
    [SESSION_SHELL] = "shell",
    [SESSION_AGENT] = "agent",
    [SESSION_TASK] = "task",
    [SESSION_PROVISION] = "provision",
};
static const char *const STATES[] = {
    [SESSION_STARTING] = "starting",
    [SESSION_RUNNING] = "running",
    [SESSION_EXITED] = "exited",
    [SESSION_LOST] = "lost",
};
static const char *const ATTENTIONS[] = {
    [ATTENTION_NONE] = "none",     [ATTENTION_FINISHED] = "finished", [ATTENTION_BELL] = "bell",
    [ATTENTION_NOTIFY] = "notify", [ATTENTION_WAITING] = "waiting",   [ATTENTION_FAILED] = "failed",
};

void meta_write(const struct session_info *i, struct strbuf *out)
{
    struct json *j = json_new_object();

    json_set_string(j, "kind", KINDS[i->kind]);
    json_set_string(j, "state", STATES[i->state]);
    json_set_string(j, "sandbox", i->sandbox);
    json_set_string(j, "project", i->project);
    json_set_string(j, "backend", i->backend);
    json_set_string(j, "profile", i->profile);
    json_set_string(j, "label", i->label);
    json_set_string(j, "name", i->name);
    json_set_string(j, "front", i->front);
    json_set_string(j, "title", i->title);
    json_set_string(j, "cwd", i->cwd);
    json_set_int(j, "host_pid", i->host_pid);
    json_set_int(j, "pid", i->pid);
    json_set_int(j, "cols", i->cols);
    json_set_int(j, "rows", i->rows);
    json_set_int(j, "number", i->number);
    json_set_int(j, "started", (int64_t)i->started_wall_ms);
    json_set_int(j, "last_output", (int64_t)i->last_output_wall_ms);
    json_set_int(j, "last_input", (int64_t)i->last_input_wall_ms);
    json_set_bool(j, "working", i->working);
    json_set_bool(j, "flooding", i->flooding);
    json_set_int(j, "progress", i->progress);
    json_set_string(j, "attention", ATTENTIONS[i->attention]);
    json_set_string(j, "attention_text", i->attention_text);
    json_set_bool(j, "attention_seen", i->attention_seen);
    json_set_int(j, "attention_since", (int64_t)i->attention_since_ms);
    json_set_int(j, "exit_code", i->exit_code);
    json_set_int(j, "exit_signal", i->exit_signal);
    json_set_int(j, "ended", (int64_t)i->ended_wall_ms);
    json_set_bool(j, "seen", i->seen);
    json_set_string(j, "log_path", i->log_path);
    json_set_int(j, "log_lost", (int64_t)i->log_lost);
    json_set_string(j, "log_problem", i->log_problem);
    json_set_string(j, "tag", i->tag);
    json_set_string(j, "command", i->command);
    json_set_string(j, "last_line", i->last_line);
    if (i->kind == SESSION_TASK) {
        json_set(j, "task", task_json_state(&i->task));
    }
    json_write(j, false, out);
    json_free(j);
}

/* A text of the message into a field, control characters replaced. */
static void take_text(const struct json *j, const char *key, char *dst, size_t cap)
{
    const char *s = json_get_string(j, key, "");
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;

    utf8_sanitize(&clean, s, strlen(s), false);
    str_copy(dst, cap, clean.buf);
}

static int take_int(const struct json *j, const char *key, int fallback)
{
    int64_t v = json_get_int(j, key, fallback);

    return v < INT32_MIN || v > INT32_MAX ? fallback : (int)v;
}

static uint64_t take_ms(const struct json *j, const char *key)
{
    int64_t v = json_get_int(j, key, 0);

    return v < 0 ? 0 : (uint64_t)v;
}

int meta_read(const char *text, size_t len, const char *id, struct session_info *i, struct error *err)
{
    struct json *j = json_parse(text, len, err);

    if (!json_is_object(j)) {
        json_free(j);
        return error_set(err, ERROR_PARSE, "session %s: its description is not a JSON object", id);
    }
    memset(i, 0, sizeof(*i));
    str_copy(i->id, sizeof(i->id), id);
    i->kind = (enum session_kind)json_get_name(j, "kind", KINDS, MT_ARRAY_LEN(KINDS), SESSION_TASK);
    i->state = (enum session_state)json_get_name(j, "state", STATES, MT_ARRAY_LEN(STATES), SESSION_RUNNING);
    i->attention =
        (enum attention_kind)json_get_name(j, "attention", ATTENTIONS, MT_ARRAY_LEN(ATTENTIONS), ATTENTION_NONE);
    take_text(j, "sandbox", i->sandbox, sizeof(i->sandbox));
    str_copy(i->project, sizeof(i->project), json_get_string(j, "project", "")); /* bytes: it is the key of a folder */
    take_text(j, "backend", i->backend, sizeof(i->backend));
    take_text(j, "profile", i->profile, sizeof(i->profile));
    take_text(j, "label", i->label, sizeof(i->label));
    take_text(j, "name", i->name, sizeof(i->name));
    take_text(j, "front", i->front, sizeof(i->front));
    take_text(j, "title", i->title, sizeof(i->title));
    take_text(j, "cwd", i->cwd, sizeof(i->cwd));
    take_text(j, "attention_text", i->attention_text, sizeof(i->attention_text));
    str_copy(i->log_path, sizeof(i->log_path), json_get_string(j, "log_path", "")); /* bytes: a path */
    take_text(j, "log_problem", i->log_problem, sizeof(i->log_problem));
    take_text(j, "tag", i->tag, sizeof(i->tag));
    if (str_copy(i->command, sizeof(i->command), json_get_string(j, "command", "")) != 0) {
        i->command[0] = '\0'; /* half a command must not be run */
    }
    take_text(j, "last_line", i->last_line, sizeof(i->last_line));
    task_json_read_state(json_get(j, "task"), &i->task);
    i->host_pid = take_int(j, "host_pid", 0);
    i->pid = take_int(j, "pid", 0);
    i->cols = take_int(j, "cols", 0);
    i->rows = take_int(j, "rows", 0);
    i->number = take_int(j, "number", 0);
    i->started_wall_ms = take_ms(j, "started");
    i->last_output_wall_ms = take_ms(j, "last_output");
    i->last_input_wall_ms = take_ms(j, "last_input");
    i->attention_since_ms = take_ms(j, "attention_since");
    i->ended_wall_ms = take_ms(j, "ended");
    i->log_lost = take_ms(j, "log_lost");
    i->working = json_get_bool(j, "working", false);
    i->flooding = json_get_bool(j, "flooding", false);
    i->progress = take_int(j, "progress", -1);
    i->exit_code = take_int(j, "exit_code", 0);
    i->exit_signal = take_int(j, "exit_signal", 0);
    i->seen = json_get_bool(j, "seen", false);
    i->attention_seen = json_get_bool(j, "attention_seen", false);
    json_free(j);
    return 0;
}
