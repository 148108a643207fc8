/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the model true: workspaces from the root folder, states from the backends' change reports. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/engine/golden.h"
#include "core/engine/hosts.h"
#include "core/engine/naming.h"
#include "core/engine/workspaces.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define COALESCE_MS 30
#define RESCAN_MS 200
#define RETRY_FIRST_MS 5000
#define RETRY_MOST_MS 300000
#define OVERTAKINGS_MAX 2
#define FOLDERS_MAX 5000 /* of one host */

static void submit_list(struct slot *s);

/* --- workspaces --- */

/* What runs sandboxes on a host. */
static const char *host_backend(const struct engine *e, const char *host)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        if (strcmp(slot_host(&e->slots[i]), host) == 0) {
            return e->slots[i].ops->name;
        }
    }
    return "";
}

/* A sandbox whose project folder is not below the root any more. */
static void add_missing(struct workspace *w, const struct sandbox_info *info)
{
    const char *name = info->project[0] != '\0' ? info->project : info->name;
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    memset(w, 0, sizeof(*w));
    utf8_sanitize(&shown, name, strlen(name), false);
    str_copy(w->name, sizeof(w->name), name);
    str_copy(w->shown, sizeof(w->shown), shown.buf);
    str_copy(w->path, sizeof(w->path), info->workspace);
    str_copy(w->sandbox, sizeof(w->sandbox), info->name);
    w->missing = true;
    w->elsewhere = info->workspace[0] == '/' && fs_is_dir(info->workspace);
}

/* Backend and profile that hold, or would hold, for each. */
static void fill_choices(struct engine *e, struct workspace *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct slot *slot;
        const struct sandbox_info *info = slots_find(e, list[i].sandbox, &slot, NULL);
        const char *usual = list[i].host[0] != '\0' ? host_backend(e, list[i].host) : ""; /* put_state says */
        str_copy(list[i].backend, sizeof(list[i].backend), info != NULL ? slot->ops->name : usual);
        str_copy(list[i].profile, sizeof(list[i].profile), e->opts.config->profile);
        if (info != NULL) {
            struct record record;
            list[i].have_info = true;
            list[i].info = *info;
            record_load(&record, e->opts.paths, list[i].sandbox);
            engine_profile_of(e, &list[i], &record, list[i].profile);
            record_release(&record);
        }
    }
}

/* Profiles may change on disk between two passes. */
static void drop_cached(struct engine *e)
{
    if (e->have_cached) {
        profile_release(&e->cached);
    }
    e->have_cached = false;
}

/* The state of one, from the last lists. */
static void put_state(struct engine *e, const struct workspace *ws)
{
    struct model *m = e->opts.model;
    struct slot *slot, *other;
    const struct sandbox_info *info = slots_find(e, ws->sandbox, &slot, &other);
    const struct held *held = info == NULL && ws->host[0] == '\0' ? slots_find_held(e, ws->sandbox) : NULL;
    struct sandbox_info made;
    if (info != NULL && other != NULL) {
        made = *info;
        made.state = SANDBOX_UNKNOWN;
        str_format(made.reason, sizeof(made.reason), "two sandboxes have this name: one of %s, one of %s",
                   slot->ops->name, other->ops->name);
        model_set_sandbox(m, ws->id, &made, slot->ops->name);
        model_set_backend(m, ws->id, slot->ops->name, "", other->ops->name, false);
    } else if (info != NULL) {
        model_set_sandbox(m, ws->id, info, slot->ops->name);
        model_set_backend(m, ws->id, slot->ops->name, ws->other_backend[0] != '\0' ? "" : ws->backend_why, "", false);
    } else if (held != NULL) {
        slots_unknown_info(e, held, &made);
        model_set_sandbox(m, ws->id, &made, held->backend);
        model_set_backend(m, ws->id, held->backend, "", "", true);
    } else {
        if (ws->have_info && ws->info.state != SANDBOX_NONE) {
            struct sandbox_info none = {.state = SANDBOX_NONE};
            str_copy(none.name, sizeof(none.name), ws->sandbox);
            model_set_sandbox(m, ws->id, &none, NULL);
        }
        if (ws->host[0] == '\0') {
            choice_tell(e, ws);
        }
    }
}

/* States, drift and orphans of all, from the last lists. */
static void put_states(struct engine *e)
{
    struct model *m = e->opts.model;
    e->in_pass = true;
    for (size_t i = 0; i < model_workspace_count(m); i++) {
        const struct workspace *ws = model_workspace_at(m, i);
        put_state(e, ws);
        bool down =
            ws->have_info && !ws->remembered && (ws->info.state == SANDBOX_STOPPED || ws->info.state == SANDBOX_FAILED);
        model_set_orphan(m, ws->id, down && !profiles_recorded(e->opts.paths, ws->sandbox, NULL)); /* S7 */
        refresh_drift(e, ws);
    }
    e->in_pass = false;
    drop_cached(e);
}

void refresh_choices(struct engine *e)
{
    struct model *m = e->opts.model;
    e->in_pass = true;
    for (size_t i = 0; i < model_workspace_count(m); i++) {
        const struct workspace *ws = model_workspace_at(m, i);
        if (ws->host[0] == '\0' && (!ws->have_info || ws->info.state == SANDBOX_NONE || ws->remembered)) {
            put_state(e, ws);
        }
    }
    e->in_pass = false;
    drop_cached(e);
}

/* The set of workspaces from a scan and from sandboxes without a folder. */
static void put_workspaces(struct engine *e, const struct workspace *scan, size_t scanned)
{
    size_t n = scanned, most = scanned + 1 + slots_count_dark(e);
    for (size_t i = 0; i < e->slot_count; i++) {
        most += e->slots[i].host == NULL ? e->slots[i].info_count : 0;
    }
    struct workspace *list = xcalloc(most, sizeof(*list));
    if (scanned > 0) {
        memcpy(list, scan, scanned * sizeof(*list));
    }
    for (size_t i = 0; i < e->slot_count; i++) {
        for (size_t k = 0; k < e->slots[i].info_count && e->slots[i].host == NULL; k++) {
            const struct sandbox_info *info = &e->slots[i].infos[k];
            bool known = naming_is_infrastructure(info->name); /* N7: never listed */
            for (size_t j = 0; j < n && !known; j++) {
                known = strcmp(list[j].sandbox, info->name) == 0;
            }
            if (!known) {
                add_missing(&list[n++], info);
            }
        }
    }
    for (size_t i = 0; i < e->held_count; i++) {
        struct sandbox_info info;
        bool known = !slots_is_dark(e, &e->held[i]);
        for (size_t j = 0; j < n && !known; j++) {
            known = strcmp(list[j].sandbox, e->held[i].sandbox) == 0;
        }
        if (!known) {
            slots_unknown_info(e, &e->held[i], &info);
            add_missing(&list[n++], &info);
        }
    }
    for (size_t i = 0; i < e->slot_count; i++) {
        const struct slot *s = &e->slots[i];
        if (s->host != NULL) {
            hosts_workspaces(s->host->name, s->host->workspace_root, s->have_folders ? &s->folders : NULL, s->infos,
                             s->info_count, &list, &n);
        }
    }
    fill_choices(e, list, n);
    model_set_workspaces(e->opts.model, list, n);
    free(list);
    put_states(e);
}

/* The root folder changed. */
static void on_root(void *arg, const char *name)
{
    struct engine *e = arg;
    (void)name;
    if (!timer_is_active(e->rescan)) {
        timer_start(e->rescan, RESCAN_MS);
    }
}

/* Follows the root once it is there. */
static void watch_root(struct engine *e)
{
    struct error err = ERROR_INIT;
    dirwatch_close(e->root_watch);
    e->root_watch = dirwatch_new(e->opts.loop, e->root, on_root, e, &err);
    if (e->root_watch == NULL) {
        log_warn("changes of %s are not followed: %s", e->root, err.msg);
    }
}

void refresh_scan(struct engine *e)
{
    struct workspace *scan = NULL;
    size_t n = 0;
    char *before = e->root;
    bool was_good = e->root_error.code == ERROR_NONE && before != NULL && e->root_watch != NULL;
    e->root = NULL;
    e->root_error = ERROR_INIT;
    if (naming_root(e->opts.config->workspace_root, e->opts.paths, &e->root, &e->root_error) == 0) {
        if (!was_good || strcmp(before, e->root) != 0) {
            watch_root(e);
        }
        workspaces_scan(e->root, &scan, &n, &e->root_error);
    } else {
        dirwatch_close(e->root_watch);
        e->root_watch = NULL;
    }
    free(before);
    put_workspaces(e, scan, n);
    free(scan);
    e->scanned = true;
}

/* --- states --- */

/* The profile of the sandbox before is, nearly always, that of this one: read once in a pass over all. */
static int load_cached(struct engine *e, const char *name)
{
    if (e->have_cached && strcmp(e->cached.name, name) == 0) {
        return 0;
    }
    drop_cached(e);
    struct error ignored = ERROR_INIT;
    e->have_cached = profile_load(&e->cached, e->opts.paths, name, &ignored) == 0;
    return e->have_cached ? 0 : -1;
}

const struct profile *refresh_profile(struct engine *e, const char *name)
{
    bool have = load_cached(e, name) == 0;
    return have ? &e->cached : NULL;
}

void refresh_profile_done(struct engine *e)
{
    if (!e->in_pass) { /* it may change on disk until the next time */
        drop_cached(e);
    }
}

/* Is the script of its profile through? */
static void put_provisioned(struct engine *e, const struct workspace *ws, const struct record *record, const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf why = STRBUF_INIT;
    int done = record_unprovisioned(record, &why) != NULL ? 0 : record_revision(record, name)[0] != '\0' ? 1 : -1;
    model_set_provisioned(e->opts.model, ws->id, done, why.buf);
}

/* Does its profile name another backend than the one that has it? What nobody works on from here is left out. */
static void put_wanted(struct engine *e, const struct workspace *ws, const char *name)
{
    const char *wanted = NULL;
    char why_not[200] = "";
    struct slot *slot = NULL;
    bool ours = !ws->remembered && ws->other_backend[0] == '\0' && !ws->missing && !ws->info.foreign &&
                !engine_has_other_folder(ws, &ws->info);
    if (ours && slots_find(e, ws->sandbox, &slot, NULL) != NULL && load_cached(e, name) == 0) {
        wanted = choice_wanted(slot, &e->cached);
    }
    if (wanted != NULL) {
        slots_why_not(e, wanted, why_not);
    }
    model_set_wanted_backend(e->opts.model, ws->id, wanted != NULL ? wanted : "", why_not);
}

void refresh_drift(struct engine *e, const struct workspace *ws)
{
    struct error err = ERROR_INIT;
    if (!ws->have_info || ws->info.state == SANDBOX_NONE) {
        model_set_wanted_backend(e->opts.model, ws->id, "", "");
        model_set_drift(e->opts.model, ws->id, NULL);
        model_set_provisioned(e->opts.model, ws->id, -1, "");
        model_set_image_notice(e->opts.model, ws->id, "");
        return;
    }
    struct record record;
    char name[64];
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    put_provisioned(e, ws, &record, name);
    put_wanted(e, ws, name);
    if (!ws->remembered && ws->other_backend[0] == '\0') {
        model_set_backend(e->opts.model, ws->id, ws->backend, record_text(&record, RECORD_BACKEND_WHY), "", false);
    }
    model_set_image_notice(e->opts.model, ws->id, record_text(&record, RECORD_IMAGE_NOTICE));
    if (ws->info.config_hash[0] == '\0' || ws->missing || engine_has_other_folder(ws, &ws->info)) {
        model_set_drift(e->opts.model, ws->id, NULL);
    } else if (load_cached(e, name) == 0) {
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, diff = STRBUF_INIT;
        MT_CLEANUP(strvec) struct strvec warnings = STRVEC_INIT;
        struct sandbox_spec spec;
        struct error ignored = ERROR_INIT;
        const struct slot *slot = engine_slot_for(e, ws, &ignored);
        struct spec_input in = {.ws = ws,
                                .caps = slot != NULL ? slot->ops->caps : 0,
                                .profile = &e->cached,
                                .record = &record,
                                .config = e->opts.config,
                                .paths = e->opts.paths,
                                .model_port = endpoints_local_port(endpoints_for(e, ws->name, name))};
        if (spec_build(&spec, &in, &text, &warnings, &err) == 0) {
            bool same = strcmp(spec.config_hash, ws->info.config_hash) == 0;
            if (!same && record.spec != NULL) {
                spec_diff(record.spec, text.buf, &diff);
            }
            same = !golden_differs(e->opts.paths, ws->host, &spec, &ws->info, &diff) && same;
            same = !ports_regained(ws->host, &spec, &ws->info, &diff) && same;
            model_set_drift(e->opts.model, ws->id,
                            same           ? NULL
                            : diff.len > 0 ? diff.buf
                                           : "created from another configuration");
            sandbox_spec_release(&spec);
        }
    }
    refresh_profile_done(e);
    record_release(&record);
}

/* The last list is kept as true as what an op saw after it: whoever scans before the next one builds on it. */
static void keep_info(struct slot *s, const char *sandbox, const struct sandbox_info *info)
{
    size_t i = 0;
    while (i < s->info_count && strcmp(s->infos[i].name, sandbox) != 0) {
        i++;
    }
    if (info->state == SANDBOX_NONE || info->foreign) {
        if (i < s->info_count) {
            s->infos[i] = s->infos[--s->info_count];
        }
        return;
    }
    if (i == s->info_count) {
        s->infos = xreallocarray(s->infos, s->info_count + 1, sizeof(*s->infos));
        s->info_count++;
    }
    s->infos[i] = *info;
}

void refresh_put(struct engine *e, const char *sandbox, struct slot *slot, const struct sandbox_info *info)
{
    slot->overtaken = slot->overtaken || (slot->in_call && slot->call.verb == BACKEND_LIST);
    keep_info(slot, sandbox, info);
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, sandbox);
    struct slot *one, *other;
    slots_find(e, sandbox, &one, &other);
    if (ws != NULL && (other != NULL || (one != slot && info->state == SANDBOX_NONE))) {
        put_state(e, ws); /* another backend has one of that name, or a new one would go elsewhere */
    } else if (ws != NULL && (info->state != SANDBOX_NONE || ws->have_info)) {
        model_set_sandbox(e->opts.model, ws->id, info, slot->ops->name);
    }
}

static void submit(struct slot *s, enum backend_verb verb);

/* What is known of a slot's backend, for people. */
static void put_backend(struct slot *s, uint64_t retry_mono_ms)
{
    struct backend_view v = {.probed = s->probed,
                             .lost = s->worked && s->probed && !s->probe.usable,
                             .probe = s->probe,
                             .retry_mono_ms = retry_mono_ms};
    str_copy(v.name, sizeof(v.name), s->ops->name);
    str_copy(v.host, sizeof(v.host), slot_host(s));
    model_put_backend(s->e->opts.model, &v);
}

/* A host cannot be reached, or the runtime here was taken away: what it had may be there or not, and it is looked at
 * again, less and less often (nothing tells when it comes back). */
static void lost(struct slot *s)
{
    for (size_t i = 0; i < s->info_count; i++) {
        s->infos[i].state = SANDBOX_UNKNOWN;
        slots_say_unseen(s->host != NULL ? s->host->name : s->ops->name,
                         s->host != NULL ? "cannot be reached" : slot_reason(s), s->infos[i].reason,
                         sizeof(s->infos[i].reason));
    }
    s->ops->watch(s->be, NULL, NULL);
    s->retry_ms = s->retry_ms == 0 ? RETRY_FIRST_MS : MT_MIN(2 * s->retry_ms, (uint64_t)RETRY_MOST_MS);
    timer_start(s->retry, s->retry_ms);
    put_backend(s, clock_mono_ms() + s->retry_ms);
    services_put(s->e, false);
}

void refresh_retry(void *arg)
{
    struct slot *s = arg;
    if (!s->e->closing && !s->in_call) {
        submit(s, BACKEND_PROBE);
    }
}

void refresh_follow(struct engine *e)
{
    for (size_t i = 0; !e->follows && i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        if (s->be != NULL && s->probed && s->probe.usable) {
            s->ops->watch(s->be, refresh_changed, s);
        }
    }
    e->follows = true;
}

/* The backend was looked at. */
static void on_probe(struct slot *s, const struct error *err)
{
    struct engine *e = s->e;
    s->probed = true;
    s->probe = s->call.probe;
    if (err != NULL) {
        s->probe.usable = false;
        str_copy(s->probe.reason, sizeof(s->probe.reason), err->msg);
    }
    put_backend(s, 0);
    s->listed = !s->probe.usable;
    services_put(e, false);
    if (s->probe.usable && !e->closing) {
        s->worked = true;
        if (e->follows) {
            s->ops->watch(s->be, refresh_changed, s);
        }
        submit_list(s);
    } else if ((s->host != NULL || s->worked) && !e->closing) {
        lost(s);
        refresh_scan(e);
    } else if (slots_count_dark(e) > 0 && !e->closing) {
        refresh_scan(e);
    }
    if (e->was_ready && !e->closing) {
        refresh_choices(e);
    }
}

/* Takes the list of a slot; names of sandboxes on a host get its suffix. */
static void take_list(struct slot *s)
{
    free(s->infos);
    s->infos = s->call.infos;
    s->info_count = s->call.info_count;
    s->call.infos = NULL;
    s->call.info_count = 0;
    size_t kept = 0;
    services_forget(s);
    for (size_t i = 0; i < s->info_count; i++) {
        char key[NAMING_SANDBOX_MAX];
        struct error why = ERROR_INIT;
        if (services_take(s, &s->infos[i]) || naming_is_infrastructure(s->infos[i].name)) {
            continue; /* N7: never listed */
        }
        if (hosts_key_of(s->infos[i].name, s->infos[i].project, s->ops->caps, slot_host(s), key, &why) < 0) {
            log_warn("%s", why.msg);
            continue;
        }
        s->infos[kept] = s->infos[i];
        str_copy(s->infos[kept++].name, sizeof(s->infos[0].name), key);
    }
    s->info_count = kept;
    s->known = true;
    if (s->host == NULL) {
        held_sync(s->e->opts.paths, s->ops->name, s->infos, s->info_count);
    }
    s->retry_ms = 0;
    s->suspect = false;
}

/* A list failed, whatever for: what is known may be untrue. The runtime is looked at once; when it says that it is well
 * and cannot list all the same, it is left alone for a while. True when something follows. */
static bool doubt(struct slot *s, const struct error *err)
{
    if (s->e->closing) {
        return false;
    }
    if (!s->suspect) {
        s->suspect = true;
        s->listed = false; /* who waits for the first look waits for this one */
        submit(s, BACKEND_PROBE);
        return true;
    }
    s->suspect = false;
    s->probe.usable = false;
    str_copy(s->probe.reason, sizeof(s->probe.reason), err->msg);
    str_copy(s->probe.fix, sizeof(s->probe.fix), err->hint != NULL ? err->hint : "");
    lost(s);
    return false;
}

/* A list came in, or not: the last known states stay then, unless the host is gone with it. */
static void on_list(struct slot *s, const struct error *err)
{
    struct engine *e = s->e;
    bool folders = s->host != NULL && s->host->workspace_root != NULL && !s->have_folders && err == NULL;
    s->listed = s->listed || !folders; /* the first look at a host is over with its folders */
    if (err == NULL) {
        take_list(s);
    } else if (err->code != ERROR_CANCELED) {
        log_warn("%s%s%s: list: %s", s->ops->name, s->host != NULL ? " on " : "", slot_host(s), err->msg);
        if (doubt(s, err)) {
            return;
        }
    }
    if (e->closing) {
        return;
    }
    if (err == NULL && s->overtaken && !folders && s->overtakings++ < OVERTAKINGS_MAX) {
        submit_list(s);
        return;
    }
    s->overtakings = 0;
    refresh_scan(e);
    services_put(e, true);
    takeover_soon(e); /* what could not be resumed without it */
    if (folders) {
        submit(s, BACKEND_FOLDERS);
    } else if (s->again) {
        refresh_soon(e);
    }
}

/* The one call of a slot is over. */
static void on_call(struct backend_call *call, const struct error *err)
{
    struct slot *s = call->arg;
    struct engine *e = s->e;
    s->in_call = false;
    e->pending--;
    if (call->verb == BACKEND_PROBE) {
        on_probe(s, err);
    } else if (call->verb == BACKEND_LIST) {
        on_list(s, err);
    } else {
        s->listed = true;
        s->have_folders = true; /* as far as it goes: asked again when someone scans */
        if (err != NULL && err->code != ERROR_CANCELED) {
            model_problem(e->opts.model, "%s: the folders of %s cannot be listed: %s", slot_host(s),
                          s->host->workspace_root, err->msg);
        }
        if (!e->closing) {
            refresh_scan(e);
            refresh_soon(e);
        }
    }
    engine_settle(e);
}

/* The name of a project folder on a host. */
static void on_folder(struct backend_call *call, bool is_stderr, const char *line, size_t len)
{
    struct slot *s = call->arg;
    if (!is_stderr && len > 0 && s->folders.len < FOLDERS_MAX) {
        strvec_push(&s->folders, line);
    }
}

/* Starts the one call of a slot. */
static void submit(struct slot *s, enum backend_verb verb)
{
    backend_call_release(&s->call);
    memset(&s->call, 0, sizeof(s->call));
    s->overtaken = false;
    s->call.verb = verb;
    s->call.done = on_call;
    s->call.arg = s;
    if (verb == BACKEND_FOLDERS) {
        strvec_clear(&s->folders);
        s->call.cwd = s->host->workspace_root;
        s->call.on_line = on_folder;
    }
    s->in_call = true;
    s->e->pending++;
    s->ops->submit(s->be, &s->call);
}

void refresh_probe(struct slot *s)
{
    s->probed = false;
    put_backend(s, 0);
    submit(s, BACKEND_PROBE);
}

void refresh_probe_later(struct slot *s, uint64_t delay_ms)
{
    s->probed = false;
    put_backend(s, 0);
    timer_start(s->retry, delay_ms);
}

/* Asks for all sandboxes; a report that comes meanwhile makes another one follow. */
static void submit_list(struct slot *s)
{
    s->again = s->in_call;
    if (!s->in_call && s->probe.usable) {
        submit(s, BACKEND_LIST);
    }
}

void refresh_on_timer(void *arg)
{
    struct engine *e = arg;
    for (size_t i = 0; i < e->slot_count && !e->closing; i++) {
        if (e->slots[i].be != NULL && e->slots[i].probe.usable) {
            submit_list(&e->slots[i]);
        }
    }
}

void refresh_soon(struct engine *e)
{
    if (!e->closing && !timer_is_active(e->refresh)) {
        timer_start(e->refresh, COALESCE_MS);
    }
}

void refresh_changed(void *arg, const char *name)
{
    struct slot *s = arg;
    (void)name;
    refresh_soon(s->e);
}
