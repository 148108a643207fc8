/* SPDX-License-Identifier: Apache-2.0 */
/* What a profile would change in a sandbox that runs. */
#include <string.h>

#include "core/engine/engine_private.h"

bool run_wants_network(const struct sandbox_info *info, const struct sandbox_spec *spec)
{
    return info->net_known && net_policy_is_sealed(info->net) && !net_policy_is_sealed(spec->net);
}

/* The differences between what the sandbox was made from and `text`. */
static void explain(const struct workspace *ws, const struct record *record, const struct sandbox_spec *spec,
                    const char *text, struct strvec *out)
{
    if (ws->info.config_hash[0] == '\0' || strcmp(ws->info.config_hash, spec->config_hash) == 0) {
        return;
    }
    if (record->spec != NULL) {
        spec_explain(record->spec, text, out);
    }
    if (out->len == 0) {
        strvec_push(out, "settings: not those that it was made from");
    }
}

/* With the profile loaded. */
static int compare(struct engine *e, const struct workspace *ws, const struct profile *profile,
                   const struct record *record, struct engine_comparison *out, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec warnings = STRVEC_INIT;
    struct sandbox_spec spec;
    struct spec_input in = {.ws = ws,
                            .profile = profile,
                            .record = record,
                            .config = e->opts.config,
                            .paths = e->opts.paths,
                            .will_provision = profile->script != NULL};
    if (spec_build(&spec, &in, &text, &warnings, err) < 0) {
        return -1;
    }
    explain(ws, record, &spec, text.buf, &out->differences);
    out->has_script = profile->script != NULL;
    out->lacks_network = out->has_script && run_wants_network(&ws->info, &spec);
    sandbox_spec_release(&spec);
    return 0;
}

int engine_compare(struct engine *e, const char *sandbox, const char *profile, struct engine_comparison *out,
                   struct error *err)
{
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, sandbox);
    struct profile p;
    struct record record;
    *out = (struct engine_comparison){.differences = STRVEC_INIT};
    if (ws == NULL || !ws->have_info || ws->missing) {
        return error_set(err, ERROR_NOT_FOUND, "there is no sandbox %s with its project folder", sandbox);
    }
    const struct slot *slot = engine_slot_for(e, ws, err);
    if (slot == NULL || profile_load(&p, e->opts.paths, profile, err) < 0) {
        return -1;
    }
    out->keeps_home = true; /* process sandboxes are not made anew, and containers are with their home (keep_home) */
    record_load(&record, e->opts.paths, sandbox);
    int rc = compare(e, ws, &p, &record, out, err);
    record_release(&record);
    profile_release(&p);
    return rc;
}

void engine_comparison_release(struct engine_comparison *c)
{
    strvec_release(&c->differences);
}
