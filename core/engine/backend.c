/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/backend.h"

#include <arpa/inet.h>
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

static const char *const policy_names[NET_POLICY_COUNT] = {
    [NET_NONE] = "none", [NET_FULL] = "full", [NET_SHARED] = "shared", [NET_MODEL] = "model"};

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
        {"none", NET_NONE}, {"restricted", NET_NONE}, {"full", NET_FULL},
        {"host", NET_FULL}, {"shared", NET_SHARED},   {"model", NET_MODEL},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (s && strcmp(s, table[i].text) == 0) {
            *out = table[i].policy;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID, "use one of: none, model, full, host, shared, restricted",
                      "unknown network policy '%s'", s ? s : "");
}

bool net_policy_is_sealed(enum net_policy n)
{
    return n == NET_NONE || n == NET_MODEL;
}

static const char *const gpu_names[] = {[GPU_NONE] = "none", [GPU_MPS] = "mps-only", [GPU_METAL] = "metal-compute"};

const char *gpu_tier_name(enum gpu_tier g)
{
    return (size_t)g < MT_ARRAY_LEN(gpu_names) ? gpu_names[g] : "none";
}

int gpu_tier_parse(const char *s, enum gpu_tier *out, struct error *err)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(gpu_names); i++) {
        if (s && strcmp(s, gpu_names[i]) == 0) {
            *out = (enum gpu_tier)i;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID, "use one of: none, mps-only, metal-compute", "unknown GPU access '%.60s'",
                      s ? s : "");
}

/* A port number of 1..65535 in the first n bytes of s; "" gives 0 where allowed. */
static int parse_port(const char *s, size_t n, bool may_be_empty, uint16_t *out)
{
    unsigned long value = 0;
    if (n == 0 && may_be_empty) {
        *out = 0;
        return 0;
    }
    if (n == 0 || n > 5) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return -1;
        }
        value = value * 10 + (unsigned long)(s[i] - '0');
    }
    *out = (uint16_t)value;
    return value >= 1 && value <= 65535 ? 0 : -1;
}

int port_spec_parse(const char *s, struct port_spec *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    size_t len = strlen(s);
    if (len > 4 && (strcmp(s + len - 4, "/udp") == 0 || strcmp(s + len - 4, "/tcp") == 0)) {
        out->udp = s[len - 3] == 'u';
        len -= 4;
    }
    const char *inside = s + len;
    while (inside > s && inside[-1] != ':') {
        inside--;
    }
    bool good = parse_port(inside, (size_t)(s + len - inside), false, &out->container_port) == 0;
    if (good && inside > s) {
        const char *end = inside - 1, *host = end;
        while (host > s && host[-1] != ':') {
            host--;
        }
        good = parse_port(host, (size_t)(end - host), true, &out->host_port) == 0;
        size_t ip = host > s ? (size_t)(host - 1 - s) : 0;
        const char *from = s;
        if (ip >= 2 && s[0] == '[' && s[ip - 1] == ']') {
            from++;
            ip -= 2;
        }
        good = good && ip < sizeof(out->host_ip);
        if (good) {
            memcpy(out->host_ip, from, ip);
        }
        unsigned char addr[16];
        good = good &&
               (ip == 0 || inet_pton(AF_INET, out->host_ip, addr) == 1 || inet_pton(AF_INET6, out->host_ip, addr) == 1);
    }
    if (!good) {
        return error_hint(err, ERROR_INVALID, "write HOST:INSIDE, :INSIDE for any free host port, with /udp if need be",
                          "'%.60s' is not a port mapping", s);
    }
    return 0;
}

void sandbox_spec_release(struct sandbox_spec *s)
{
    char **const strings[] = {&s->name,    &s->project, &s->workspace,   &s->workspace_mount,
                              &s->profile, &s->image,   &s->config_hash, &s->containerfile,
                              &s->mise,    &s->golden,  &s->made_from,   &s->made_from_id};
    for (size_t i = 0; i < MT_ARRAY_LEN(strings); i++) {
        free(*strings[i]);
    }
    for (size_t i = 0; i < s->mount_count; i++) {
        free(s->mounts[i].source);
        free(s->mounts[i].target);
    }
    free(s->mounts);
    free(s->ports);
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
    dst->containerfile = xstrdup_null(src->containerfile);
    dst->mise = xstrdup_null(src->mise);
    dst->golden = xstrdup_null(src->golden);
    dst->made_from = xstrdup_null(src->made_from);
    dst->made_from_id = xstrdup_null(src->made_from_id);
    dst->ports = src->port_count ? xcalloc(src->port_count, sizeof(*dst->ports)) : NULL;
    if (src->port_count) {
        memcpy(dst->ports, src->ports, src->port_count * sizeof(*dst->ports));
    }
    dst->mounts = src->mount_count ? xcalloc(src->mount_count, sizeof(*dst->mounts)) : NULL;
    for (size_t i = 0; i < src->mount_count; i++) {
        dst->mounts[i] = src->mounts[i];
        dst->mounts[i].source = xstrdup_null(src->mounts[i].source);
        dst->mounts[i].target = xstrdup_null(src->mounts[i].target);
    }
}

void backend_call_clear(struct backend_call *call)
{
    call->infos = NULL;
    call->info_count = 0;
    call->facts = NULL;
    call->fact_count = 0;
    call->changes = NULL;
    call->change_count = 0;
    call->applied = 0;
    call->exit_code = 0;
    call->image[0] = call->image_notice[0] = call->image_id[0] = '\0';
    memset(&call->probe, 0, sizeof(call->probe));
    memset(&call->stats, 0, sizeof(call->stats));
}

void backend_call_finish(struct backend_call *call, const struct error *err)
{
    struct error copy = err != NULL ? *err : ERROR_INIT;
    if (copy.code == ERROR_PARSE) {
        copy.code = ERROR_ANSWER;
    }
    call->priv = NULL;
    call->done(call, err != NULL ? &copy : NULL);
}

void backend_call_release(struct backend_call *call)
{
    free(call->infos);
    call->infos = NULL;
    call->info_count = 0;
    free(call->facts);
    call->facts = NULL;
    call->fact_count = 0;
    for (size_t i = 0; i < call->change_count; i++) {
        free(call->changes[i].path);
    }
    free(call->changes);
    call->changes = NULL;
    call->change_count = 0;
}
