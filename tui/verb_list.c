/* SPDX-License-Identifier: Apache-2.0 */
/* The listing verbs: ls, sessions, profiles. */
#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/utf8.h"
#include "tui/verb.h"

/* A string, or null when it is empty. */
static void set_string(struct json *row, const char *key, const char *value)
{
    json_set_string(row, key, value != NULL && value[0] != '\0' ? value : NULL);
}

/* How many live sessions a sandbox has, or only tasks. */
static int live_sessions(const struct model *m, const char *sandbox, bool tasks)
{
    int live = 0;
    const struct session_info *s;

    for (size_t i = 0; (s = model_session_of(m, sandbox, i)) != NULL; i++) {
        live += (s->state == SESSION_RUNNING || s->state == SESSION_STARTING) && (!tasks || s->kind == SESSION_TASK);
    }
    return live;
}

/* Published ports as they are: [{"host": 8080, "container": 80, "protocol": "tcp", "address": "127.0.0.1"}]. */
static struct json *ports_of(const struct workspace *ws)
{
    struct json *list = json_new_array();

    for (unsigned i = 0; ws->have_info && i < ws->info.port_count; i++) {
        const struct port_spec *p = &ws->info.ports[i];
        struct json *port = json_new_object();

        if (p->host_port > 0) {
            json_set_int(port, "host", p->host_port);
        } else {
            json_set_null(port, "host");
        }
        json_set_int(port, "container", p->container_port);
        json_set_string(port, "protocol", p->udp ? "udp" : "tcp");
        json_set_string(port, "address", p->host_ip[0] != '\0' ? p->host_ip : "127.0.0.1");
        json_append(list, port);
    }
    return list;
}

/* Does the sandbox have another folder than the project's that it goes by? A project of the same name below another
 * root has the same sandbox. */
static bool has_other_folder(const struct workspace *ws)
{
    const char *own = ws->info.workspace;
    if (!ws->have_info || ws->info.state == SANDBOX_NONE || ws->missing || ws->host[0] != '\0' || own[0] != '/' ||
        strcmp(own, ws->path) == 0) {
        return false;
    }
    return !fs_is_same(own, ws->path);
}

struct json *verb_workspace_row(const struct model *m, const struct workspace *ws)
{
    struct json *row = json_new_object();
    bool exists = ws->have_info && ws->info.state != SANDBOX_NONE;

    json_set_string(row, "name", ws->sandbox[0] != '\0' ? ws->sandbox : ws->shown);
    json_set_string(row, "project", ws->shown);
    json_set_string(row, "status", sandbox_state_name(model_shown_state(m, ws)));
    const char *reason = ws->info.reason[0] != '\0' ? ws->info.reason : ws->unprovisioned;
    set_string(row, "reason", exists ? reason : ws->name_error);
    if (ws->provisioned < 0) {
        json_set_null(row, "provisioned");
    } else {
        json_set_bool(row, "provisioned", ws->provisioned > 0);
    }
    json_set_string(row, "mount", has_other_folder(ws) ? ws->info.workspace : ws->path);
    set_string(row, "backend", ws->backend);
    set_string(row, "backend_why", ws->backend_why);
    set_string(row, "other_backend", ws->other_backend);
    set_string(row, "profile", ws->profile[0] != '\0' ? ws->profile : ws->info.profile);
    set_string(row, "host", ws->host);
    json_set_string(row, "inference", model_inference_for(m, ws)->name);
    set_string(row, "image", exists ? ws->info.image : NULL);
    json_set_int(row, "sessions", live_sessions(m, ws->sandbox, false));
    json_set_int(row, "tasks", live_sessions(m, ws->sandbox, true));
    set_string(row, "network", exists && ws->info.net_known ? net_policy_name(ws->info.net) : NULL);
    set_string(row, "network_detail", exists ? ws->info.net_detail : NULL);
    if (exists && ws->info.port > 0) {
        json_set_int(row, "port", ws->info.port);
    } else {
        json_set_null(row, "port");
    }
    json_set(row, "ports", ports_of(ws));
    set_string(row, "limits", exists ? ws->info.limits : NULL);
    set_string(row, "warning", exists ? ws->info.warning : NULL);
    set_string(row, "image_notice", exists ? ws->image_notice : NULL);
    set_string(row, "drift", ws->drift ? ws->drift_text : NULL);
    return row;
}

void verb_tell_folder(const struct workspace *ws)
{
    if (!ws->have_info || ws->info.state == SANDBOX_NONE) {
        return;
    }
    if (ws->elsewhere) {
        MT_CLEANUP(strbuf) struct strbuf path = STRBUF_INIT;

        utf8_sanitize(&path, ws->path, strlen(ws->path), false);
        output_note("%s: belongs to no project below the workspace root (its folder is %s)", ws->sandbox, path.buf);
    } else if (ws->missing) {
        output_note("%s: its project folder is gone; `muthr-tui delete %s` deletes what is left", ws->sandbox,
                    ws->sandbox);
    } else if (has_other_folder(ws)) {
        MT_CLEANUP(strbuf) struct strbuf path = STRBUF_INIT;

        utf8_sanitize(&path, ws->info.workspace, strlen(ws->info.workspace), false);
        output_note("%s: has the folder of another project of this name: %s", ws->sandbox, path.buf);
    } else if (ws->info.workspace_missing) {
        output_note("%s: its project folder was replaced: programs inside see the old one until it is stopped and "
                    "started again",
                    ws->sandbox);
    }
}

/* Does a backend that does not answer hold something? */
static bool holds_unseen(const struct verb_ctx *ctx, const char *backend)
{
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ws->remembered && strcmp(ws->backend, backend) == 0) {
            return true;
        }
    }
    return false;
}

/* Backends of this machine whose sandboxes are missing from the list: said, and the exit code. One that never was
 * usable matters only to who chose it. */
static int note_unlisted(const struct verb_ctx *ctx)
{
    int code = 0;

    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);
        bool wanted = b->lost || strcmp(ctx->config.backend, b->name) == 0 || holds_unseen(ctx, b->name);

        if (b->host[0] == '\0' && !b->probe.usable && wanted) {
            output_note("the sandboxes of %s cannot be listed: %s%s%s", b->name, b->probe.reason,
                        b->probe.fix[0] != '\0' ? "; " : "", b->probe.fix);
            code = error_exit_code(&(struct error){.code = ERROR_UNAVAILABLE});
        }
    }
    return code;
}

/* What keeps the list from being whole: said, and the exit code, but what is known is listed all the same. */
static int ls_trouble(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;
    const char *root;
    const struct backend_view *first = NULL;

    if (engine_root(ctx->engine, &root, &err) < 0) {
        return verb_error(ctx, &err);
    }
    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);

        if (b->probe.usable) {
            return note_unlisted(ctx);
        }
        if (b->host[0] != '\0') {
            continue; /* said for itself */
        }
        first = first != NULL ? first : b;
    }
    if (first == NULL) {
        error_set(&err, ERROR_UNAVAILABLE, "no backend is compiled in");
    } else {
        error_hint(&err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`", "sandboxes cannot be seen: backend %s: %s",
                   first->name, first->probe.reason);
    }
    return verb_error(ctx, &err);
}

/* Machines that are not there: their sandboxes are listed as unknown, if at all. Returns how many. */
static size_t note_hosts(const struct verb_ctx *ctx)
{
    size_t away = 0;

    for (size_t i = 0; i < model_backend_count(ctx->model); i++) {
        const struct backend_view *b = model_backend_at(ctx->model, i);

        away += b->host[0] != '\0' && (!b->probed || !b->probe.usable);
        if (b->host[0] != '\0' && !b->probed) {
            output_note("%s: does not answer yet", b->host);
        } else if (b->host[0] != '\0' && !b->probe.usable) {
            output_note("%s: %s%s%s", b->host, b->probe.reason, b->probe.fix[0] != '\0' ? "; " : "", b->probe.fix);
        }
    }
    return away;
}

int verb_ls(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"name", "NAME"},       {"status", "STATUS"},     {"backend", "BACKEND"}, {"profile", "PROFILE"},
        {"network", "NETWORK"}, {"sessions", "SESSIONS"}, {"mount", "MOUNT"},
    };

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    int trouble = ls_trouble(ctx);
    struct output *out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns));
    ctx->answered = true;
    for (size_t i = 0; i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ctx->o.all || (ws->have_info && ws->info.state != SANDBOX_NONE) || ws->op != 0) {
            output_row_take(out, verb_workspace_row(ctx->model, ws));
        }
    }
    for (size_t i = 0; ctx->o.format == OUTPUT_TEXT && i < model_workspace_count(ctx->model); i++) {
        const struct workspace *ws = model_workspace_at(ctx->model, i);

        if (ws->unprovisioned[0] != '\0' && !model_is_provisioning(ctx->model, ws)) {
            output_note("%s: %s; `muthr-tui provision %s` tries again", ws->sandbox, ws->unprovisioned, ws->shown);
        }
        if (ws->have_info && ws->info.halted) {
            output_note("%s: %s; `muthr-tui start %s` lets it go on", ws->sandbox, ws->info.reason, ws->shown);
        }
        if (ws->have_info && ws->info.net_known && ws->info.net == NET_NONE && ws->info.net_detail[0] != '\0') {
            output_note("%s: network none, %s", ws->sandbox, ws->info.net_detail);
        }
        if (ws->other_backend[0] != '\0') {
            output_note("%s: %s; `muthr-tui delete %s --backend %s` (or %s) deletes one of them", ws->sandbox,
                        ws->info.reason, ws->shown, ws->backend, ws->other_backend);
        }
        verb_tell_folder(ws);
    }
    bool whole = note_hosts(ctx) == 0 && trouble == 0; /* else nobody knows whether there are some */
    const char *none = !whole ? NULL
                       : ctx->o.all
                           ? "No workspaces yet: make a folder below the workspace root."
                           : "No sandboxes yet. `muthr-tui start` in a project folder brings one up; `ls --all` lists "
                             "every workspace.";
    return output_finish(out, none) < 0 ? 1 : trouble;
}

/* "running", "exited 0", "killed 9", "lost"; a task's own words. */
static void session_status(const struct session_info *s, char *out, size_t cap)
{
    if (s->kind == SESSION_TASK) {
        verb_task_status(s, out, cap);
        return;
    }
    switch (s->state) {
    case SESSION_STARTING:
        str_format(out, cap, "starting");
        break;
    case SESSION_RUNNING:
        str_format(out, cap, s->working ? "working" : "idle");
        break;
    case SESSION_LOST:
        str_format(out, cap, "lost");
        break;
    case SESSION_EXITED:
        session_end_text(s->exit_code, s->exit_signal, out, cap);
        break;
    }
}

/* Is the label (the command of a command session) worth more than the title that the program set? */
static bool tells_more(const struct session_info *s)
{
    return s->title[0] == '\0' || (s->kind == SESSION_SHELL && strcmp(s->label, session_kind_name(SESSION_SHELL)) != 0);
}

int verb_sessions(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"id", "SESSION"},      {"number", "NO"},   {"sandbox", "SANDBOX"},     {"kind", "KIND"},
        {"status", "STATUS"},   {"age", "AGE"},     {"attention", "ATTENTION"}, {"name", "NAME"},
        {"program", "PROGRAM"}, {"title", "TITLE"},
    };

    ctx->tells = true;
    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    struct output *out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns));
    for (size_t i = 0; i < model_session_count(ctx->model); i++) {
        const struct session_info *s = model_session_at(ctx->model, i);
        struct json *row = json_new_object();
        char text[160];
        uint64_t now = clock_wall_ms();

        if (s->number > 0) { /* a cockpit has given it one, and keeps it */
            json_set_int(row, "number", s->number);
        } else {
            json_set_null(row, "number");
        }
        json_set_string(row, "id", s->id);
        json_set_string(row, "sandbox", s->sandbox);
        json_set_string(row, "kind", session_kind_name(s->kind));
        session_status(s, text, sizeof(text));
        json_set_string(row, "status", text);
        clock_short(now > s->started_wall_ms ? now - s->started_wall_ms : 0, text, sizeof(text));
        json_set_string(row, "age", text);
        clock_iso8601(s->started_wall_ms, text);
        json_set_string(row, "started", text);
        set_string(row, "attention", s->attention != ATTENTION_NONE ? attention_kind_name(s->attention) : NULL);
        set_string(row, "attention_text", s->attention_text);
        clock_iso8601(s->attention_since_ms, text);
        set_string(row, "attention_since", s->attention != ATTENTION_NONE && s->attention_since_ms ? text : NULL);
        json_set_bool(row, "needs_you", session_wants_person(s));
        set_string(row, "name", s->name);
        set_string(row, "program", s->state == SESSION_RUNNING ? s->front : NULL);
        set_string(row, "title", tells_more(s) ? s->label : s->title);
        json_set_int(row, "pid", s->pid);
        json_set_int(row, "host_pid", s->host_pid);
        set_string(row, "log", s->log_path);
        if (s->kind == SESSION_TASK) {
            json_set(row, "task", verb_task_facts(s));
        }
        output_row_take(out, row);
    }
    ctx->answered = true;
    int rc = output_finish(out, "No sessions.");
    return rc < 0 ? 1 : ctx->exit_code;
}

int verb_profiles(struct verb_ctx *ctx)
{
    static const struct output_column columns[] = {
        {"name", "PROFILE"}, {"agent", "AGENT"}, {"description", "DESCRIPTION"}};
    struct profile_entry *list;

    if (verb_open(ctx) < 0) {
        return ctx->exit_code;
    }
    size_t count = engine_profiles(ctx->engine, &list);
    struct output *out = output_new(ctx->o.format, columns, MT_ARRAY_LEN(columns));
    for (size_t i = 0; i < count; i++) {
        struct json *row = json_new_object();

        json_set_string(row, "name", list[i].name);
        set_string(row, "agent", list[i].agent);
        set_string(row, "description", list[i].description);
        set_string(row, "path", list[i].path);
        json_set_bool(row, "shipped", list[i].shipped);
        json_set_bool(row, "usable", !list[i].broken);
        json_set_strings(row, "warnings", &list[i].warnings);
        output_row_take(out, row);
        for (size_t k = 0; k < list[i].warnings.len; k++) {
            output_note("%s", list[i].warnings.v[k]);
        }
    }
    profile_list_free(list, count);
    ctx->answered = true;
    return output_finish(out, "No profiles found.") < 0 ? 1 : ctx->exit_code;
}
