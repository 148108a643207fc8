/* SPDX-License-Identifier: Apache-2.0 */
#include "term/session_spec.h"

#include <stdbool.h>
#include <string.h>

#include "core/util/json.h"
#include "core/util/xmalloc.h"
#include "term/client.h"
#include "term/task_json.h"

#define ID_PROJECT_MAX 16 /* leaves room for the longest kind, time and chance in SESSION_ID_MAX */

static const char *const KINDS[] = {
    [SESSION_SHELL] = "shell",
    [SESSION_AGENT] = "agent",
    [SESSION_TASK] = "task",
    [SESSION_PROVISION] = "provision",
};

void session_spec_init(struct session_spec_data *d)
{
    memset(d, 0, sizeof(*d));
    strvec_init(&d->argv);
    strvec_init(&d->env);
}

void session_spec_release(struct session_spec_data *d)
{
    free(d->dir);
    free(d->cwd);
    free(d->audit);
    free(d->rules_own);
    free(d->rules_shipped);
    strvec_release(&d->argv);
    strvec_release(&d->env);
    session_spec_init(d);
}

/* A list as a JSON array; NULL becomes an empty one. */
static void set_list(struct json *j, const char *key, const char *const *list)
{
    struct json *a = json_new_array();

    for (; list != NULL && *list != NULL; list++) {
        json_append_string(a, *list);
    }
    json_set(j, key, a);
}

void session_spec_write(const struct session_start *s, const char *id, const char *dir, struct strbuf *out)
{
    struct json *j = json_new_object();

    json_set_string(j, "id", id);
    json_set_string(j, "dir", dir);
    json_set_string(j, "kind", KINDS[s->kind]);
    json_set_string(j, "sandbox", s->sandbox);
    json_set_string(j, "project", s->project);
    json_set_string(j, "backend", s->backend);
    json_set_string(j, "profile", s->profile);
    json_set_string(j, "label", s->label);
    json_set_string(j, "tag", s->tag);
    json_set_string(j, "log_path", s->log_path);
    json_set_string(j, "command", s->command);
    json_set_string(j, "cwd", s->cwd);
    json_set_string(j, "audit", s->audit);
    json_set_string(j, "rules_own", s->rules_own);
    json_set_string(j, "rules_shipped", s->rules_shipped);
    set_list(j, "argv", s->argv);
    set_list(j, "env", s->env);
    json_set_int(j, "cols", s->cols);
    json_set_int(j, "rows", s->rows);
    json_set_int(j, "scrollback_lines", s->scrollback_lines);
    json_set_int(j, "scrollback_bytes", (int64_t)s->scrollback_bytes);
    json_set_int(j, "log_max_bytes", (int64_t)s->log_max_bytes);
    if (s->kind == SESSION_TASK && s->task != NULL) {
        json_set(j, "task", task_json_policy(s->task));
    }
    json_write(j, false, out);
    json_free(j);
}

/* A number of the spec, or the fallback when it is absent, zero or out of range. */
static uint64_t positive(const struct json *j, const char *key, uint64_t fallback, uint64_t most)
{
    int64_t v = json_get_int(j, key, 0);

    return v <= 0 ? fallback : MT_MIN((uint64_t)v, most);
}

static int spec_fill(const struct json *j, struct session_spec_data *d, struct error *err)
{
    struct session_info *i = &d->info;
    const char *kind = json_get_string(j, "kind", "shell"), *id = json_get_string(j, "id", "");
    const char *log_path = json_get_string(j, "log_path", "");

    if (session_id_check(id, err) != 0) {
        return -1;
    }
    json_get_strings(j, "argv", &d->argv);
    json_get_strings(j, "env", &d->env);
    d->dir = xstrdup(json_get_string(j, "dir", ""));
    d->cwd = xstrdup(json_get_string(j, "cwd", "/"));
    d->audit = xstrdup(json_get_string(j, "audit", ""));
    d->rules_own = xstrdup(json_get_string(j, "rules_own", ""));
    d->rules_shipped = xstrdup(json_get_string(j, "rules_shipped", ""));
    if (d->argv.len == 0 || d->argv.v[0][0] == '\0') {
        return error_set(err, ERROR_INVALID, "session %s: no program to run", id);
    }
    if (d->dir[0] != '/') {
        return error_set(err, ERROR_INVALID, "session %s: no directory for its socket", id);
    }
    if (str_copy(i->log_path, sizeof(i->log_path), log_path) != 0 || (log_path[0] != '\0' && log_path[0] != '/')) {
        return error_set(err, ERROR_INVALID, "session %s: unusable log path", id);
    }
    for (size_t k = 0; k < MT_ARRAY_LEN(KINDS); k++) {
        i->kind = strcmp(kind, KINDS[k]) == 0 ? (enum session_kind)k : i->kind;
    }
    str_copy(i->id, sizeof(i->id), id);
    str_copy(i->sandbox, sizeof(i->sandbox), json_get_string(j, "sandbox", ""));
    str_copy(i->project, sizeof(i->project), json_get_string(j, "project", ""));
    str_copy(i->backend, sizeof(i->backend), json_get_string(j, "backend", ""));
    str_copy(i->profile, sizeof(i->profile), json_get_string(j, "profile", ""));
    str_copy(i->label, sizeof(i->label), json_get_string(j, "label", ""));
    str_copy(i->tag, sizeof(i->tag), json_get_string(j, "tag", ""));
    if (str_copy(i->command, sizeof(i->command), json_get_string(j, "command", "")) != 0) {
        i->command[0] = '\0'; /* half a command must not be run */
    }
    i->cols = (int)positive(j, "cols", 80, 1000);
    i->rows = (int)positive(j, "rows", 24, 1000);
    d->scrollback_lines = (uint32_t)positive(j, "scrollback_lines", 10000, 10000000);
    d->scrollback_bytes = positive(j, "scrollback_bytes", 16u << 20, 4ull << 30);
    d->log_max_bytes = positive(j, "log_max_bytes", 32u << 20, 1ull << 40);
    if (task_json_read_policy(json_get(j, "task"), &i->task.policy, err) != 0) {
        return -1;
    }
    return 0;
}

int session_spec_read(const char *text, size_t len, struct session_spec_data *out, struct error *err)
{
    struct json *j = json_parse(text, len, err);
    int rc;

    if (j == NULL) {
        return error_wrap(err, "session spec");
    }
    rc = spec_fill(j, out, err);
    json_free(j);
    return rc;
}

void session_answer_write(const struct error *err, struct strbuf *out)
{
    struct json *j = json_new_object();

    json_set_bool(j, "ok", err == NULL);
    if (err != NULL) {
        json_set_int(j, "code", err->code);
        json_set_int(j, "sys", err->sys);
        json_set_string(j, "message", err->msg);
    }
    json_write(j, false, out);
    json_free(j);
}

int session_answer_read(const char *text, size_t len, struct error *err)
{
    struct json *j = len > 0 ? json_parse(text, len, NULL) : NULL;
    int64_t code = json_get_int(j, "code", 0);
    bool ok = json_get_bool(j, "ok", false);

    if (j == NULL) {
        return error_set(err, ERROR_UNAVAILABLE, "the session's host gave no answer");
    }
    if (!ok) {
        error_set(err, code > ERROR_NONE && code <= ERROR_CODE_LAST ? (enum error_code)code : ERROR_UNAVAILABLE, "%s",
                  json_get_string(j, "message", "the session's host failed"));
        if (err != NULL) {
            err->sys = (int)json_get_int(j, "sys", 0);
        }
    }
    json_free(j);
    return ok ? 0 : -1;
}

static bool id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
}

/* Writes `digits` base-36 digits of v, most significant first. */
static void base36(char *dst, uint64_t v, int digits)
{
    static const char DIGITS[] = "0123456789abcdefghijklmnopqrstuvwxyz";

    for (int i = digits - 1; i >= 0; i--) {
        dst[i] = DIGITS[v % 36];
        v /= 36;
    }
}

void session_id_make(char out[SESSION_ID_MAX], const char *project, enum session_kind kind, uint64_t wall_ms,
                     uint32_t chance)
{
    char name[ID_PROJECT_MAX + 1], stamp[12];
    size_t n = 0;

    for (const char *p = project; *p != '\0' && n < ID_PROJECT_MAX; p++) {
        if (id_char(*p) && !(n == 0 && (*p == '.' || *p == '-'))) {
            name[n++] = *p;
        }
    }
    name[n] = '\0';
    base36(stamp, wall_ms, 8); /* enough until the year 2059 */
    base36(stamp + 8, chance, 3);
    stamp[11] = '\0';
    str_format(out, SESSION_ID_MAX, "%s-%s-%s", n > 0 ? name : "session", KINDS[kind], stamp);
}

int session_id_check(const char *id, struct error *err)
{
    size_t len = strlen(id);
    bool good = len > 0 && len < SESSION_ID_MAX && id[0] != '.' && id[0] != '-';

    for (size_t i = 0; good && i < len; i++) {
        good = id_char(id[i]);
    }
    return good ? 0 : error_set(err, ERROR_INVALID, "not a session id");
}
