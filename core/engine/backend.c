/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/backend.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/xmalloc.h"

static const char *const state_names[] = {
    [SANDBOX_NONE] = "none",       [SANDBOX_CREATING] = "creating", [SANDBOX_PROVISIONING] = "provisioning",
    [SANDBOX_RUNNING] = "running", [SANDBOX_STOPPED] = "stopped",   [SANDBOX_FAILED] = "failed",
    [SANDBOX_UNKNOWN] = "unknown",
};

const char *sandbox_state_name(enum sandbox_state s)
{
    return (size_t)s < MT_ARRAY_LEN(state_names) ? state_names[s] : "unknown";
}

static const char *const policy_names[] = {[NET_NONE] = "none", [NET_FULL] = "full", [NET_SHARED] = "shared"};

const char *net_policy_name(enum net_policy n)
{
    return (size_t)n < MT_ARRAY_LEN(policy_names) ? policy_names[n] : "none";
}

int net_policy_parse(const char *s, enum net_policy *out, struct error *err)
{
    static const struct {
        const char *text;
        enum net_policy policy;
    } table[] = {
        {"none", NET_NONE}, {"restricted", NET_NONE}, {"full", NET_FULL}, {"host", NET_FULL}, {"shared", NET_SHARED},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (s && strcmp(s, table[i].text) == 0) {
            *out = table[i].policy;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID, "use one of: none, full, host, shared, restricted",
                      "unknown network policy '%s'", s ? s : "");
}

void sandbox_spec_release(struct sandbox_spec *s)
{
    char **const strings[] = {&s->name,    &s->project, &s->workspace,  &s->workspace_mount,
                              &s->profile, &s->image,   &s->config_hash};
    for (size_t i = 0; i < MT_ARRAY_LEN(strings); i++) {
        free(*strings[i]);
    }
    for (size_t i = 0; i < s->mount_count; i++) {
        free(s->mounts[i].source);
        free(s->mounts[i].target);
    }
    free(s->mounts);
    memset(s, 0, sizeof(*s));
}

void sandbox_spec_copy(struct sandbox_spec *dst, const struct sandbox_spec *src)
{
    *dst = *src;
    dst->name = xstrdup_null(src->name);
    dst->project = xstrdup_null(src->project);
    dst->workspace = xstrdup_null(src->workspace);
    dst->workspace_mount = xstrdup_null(src->workspace_mount);
    dst->profile = xstrdup_null(src->profile);
    dst->image = xstrdup_null(src->image);
    dst->config_hash = xstrdup_null(src->config_hash);
    dst->mounts = src->mount_count ? xcalloc(src->mount_count, sizeof(*dst->mounts)) : NULL;
    for (size_t i = 0; i < src->mount_count; i++) {
        dst->mounts[i] = src->mounts[i];
        dst->mounts[i].source = xstrdup_null(src->mounts[i].source);
        dst->mounts[i].target = xstrdup_null(src->mounts[i].target);
    }
}

void backend_call_release(struct backend_call *call)
{
    free(call->infos);
    call->infos = NULL;
    call->info_count = 0;
}
