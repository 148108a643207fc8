/* SPDX-License-Identifier: Apache-2.0 */
/* What the audit log says of a session (A1). Hosts and verbs write it: they see how the session begins and ends. */
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/util/audit.h"
#include "core/util/xmalloc.h"

const char *engine_audit_path(const struct engine *e)
{
    return e->audit_path;
}

/* Everything that is set inside: ours, and what was asked for. */
static void whole_environment(struct engine *e, const struct workspace *ws, const struct strvec *extra,
                              struct strvec *out)
{
    struct record record;
    struct profile profile;
    char name[64];
    struct error ignored = ERROR_INIT;
    struct slot *slot = ws != NULL ? engine_slot_for(e, ws, &ignored) : NULL;
    record_load(&record, e->opts.paths, ws != NULL ? ws->sandbox : "");
    if (slot != NULL) {
        engine_profile_of(e, ws, &record, name);
        if (profile_load(&profile, e->opts.paths, name, &ignored) == 0) {
            const struct endpoint *ep = endpoints_for(e, ws->name, name);
            engine_environment(e, slot, &ws->info, &profile, engine_mount(ws), ep, watcher_view(ep->watcher), false,
                               out, NULL, &ignored);
            profile_release(&profile);
        }
    }
    record_release(&record);
    env_add_extra(extra, out, &ignored);
}

bool engine_audit(struct engine *e, const struct engine_audit_input *in, struct strbuf *out)
{
    if (e->audit_path == NULL) {
        return false;
    }
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, in->sandbox);
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    struct json *all = json_new_object(), *start = json_new_object(), *command = json_new_object();
    whole_environment(e, ws, in->env, &env);
    const char *url = strvec_getenv(&env, "MUTHR_INFERENCE_URL");
    json_set_string(start, "event", "session_start");
    json_set_string(start, "project", ws != NULL ? ws->shown : in->sandbox);
    json_set_string(start, "container_id", ws != NULL && ws->info.id[0] != '\0' ? ws->info.id : in->sandbox);
    json_set_string(start, "workdir", in->cwd != NULL ? in->cwd : engine_mount(ws));
    json_set_bool(start, "tty", in->tty);
    json_set_string(start, "runtime", ws != NULL ? ws->backend : "");
    json_set_string(start, "inference_url", url != NULL ? url : "");
    json_set_string(start, "kind", session_kind_name(in->kind));
    json_set_string(command, "event", "command");
    json_set_string(command, "project", ws != NULL ? ws->shown : in->sandbox);
    json_set(command, "argv", audit_argv(in->argv));
    json_set(command, "env", audit_env(&env));
    json_set_string(all, "path", e->audit_path);
    json_set(all, "start", start);
    json_set(all, "command", command);
    json_write(all, false, out);
    json_free(all);
    return true;
}

void engine_audit_exec(struct run *r)
{
    struct engine *e = r->e;
    const struct workspace *ws = model_workspace(e->opts.model, r->ws);
    struct error err = ERROR_INIT;
    struct strvec env = STRVEC_INIT;
    if (e->audit_path == NULL) {
        return;
    }
    for (const char *const *p = r->call.env; p != NULL && *p != NULL; p++) {
        strvec_push(&env, *p);
    }
    struct json *event = json_new_object();
    json_set_string(event, "event", "command");
    json_set_string(event, "project", ws != NULL ? ws->shown : r->sandbox);
    json_set_string(event, "session", "");
    json_set_string(event, "op", op_get_view(r->op)->plan);
    json_set(event, "argv", audit_argv(r->call.argv));
    json_set(event, "env", audit_env(&env));
    strvec_release(&env);
    if (audit_append(e->audit_path, event, &err) < 0 && !e->audit_lost) {
        e->audit_lost = true; /* once: the work goes on */
        model_problem(e->opts.model, "not written down: %s", err.msg);
    }
}
