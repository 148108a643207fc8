/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/isolation.h"

#include <math.h>
#include <string.h>

#include "backends/container/container_private.h"

/* ISOLATION. The kernel that a sandbox runs on is its own, in a virtual machine: nothing of it can be read from
 * outside. What the runtime keeps about it is read back, never what was asked for. */

static void add_network(struct facts *f, const struct ctr_seen *s, const struct sandbox_spec *spec)
{
    const char *wanted = spec ? net_policy_name(spec->net_after) : "";
    bool cut = spec && spec->net_after != NET_FULL && spec->net_after != NET_SHARED;
    if (!s->info.net_known) {
        facts_add(f, ISOLATION_UNKNOWN, "network", wanted, "container does not say");
    } else if (s->info.net == NET_NONE) {
        facts_add(f, ISOLATION_OK, "network", wanted, "none: no interface was given to the virtual machine");
    } else {
        facts_add(f,
                  cut    ? ISOLATION_WEAKER
                  : spec ? ISOLATION_OK
                         : ISOLATION_INFO,
                  "network", wanted, "with a way out, by the network %s%s%s, which it shares with other containers",
                  s->network[0] ? s->network : "default", s->info.gateway[0] ? ", gateway " : "", s->info.gateway);
    }
}

static void add_capabilities(struct facts *f, const struct ctr_seen *s, const int version[3])
{
    static const char wanted[] = "none that reach the host";
    if (!ctr_version_has(version, CTR_CAPABILITIES) || !s->caps_known) {
        facts_add(f, ISOLATION_WEAKER, "capabilities", wanted,
                  "all of the virtual machine's: container before %s cannot drop any",
                  ctr_feature_since(CTR_CAPABILITIES));
    } else if (strcmp(s->cap_drop, "ALL") == 0 || strcmp(s->cap_drop, "all") == 0) {
        facts_add(f, ISOLATION_OK, "capabilities", wanted, "%s", s->cap_add[0] ? s->cap_add : "none");
    } else {
        facts_add(f, ISOLATION_WEAKER, "capabilities", wanted, "container's own set%s%s%s%s",
                  s->cap_drop[0] ? ", without " : "", s->cap_drop, s->cap_add[0] ? ", with " : "", s->cap_add);
    }
}

/* The folder of the host that the spec wants at a target; *read_only as wanted. NULL: none. */
static const char *wanted_source(const struct sandbox_spec *spec, const char *target, bool *read_only)
{
    *read_only = false;
    for (size_t i = 0; spec && i < spec->mount_count; i++) {
        if (strcmp(spec->mounts[i].target, target) == 0) {
            *read_only = spec->mounts[i].read_only;
            return spec->mounts[i].source;
        }
    }
    return spec && spec->workspace_mount && strcmp(spec->workspace_mount, target) == 0 ? spec->workspace : NULL;
}

static void add_mount(struct facts *f, const struct ctr_mount *m, const struct sandbox_spec *spec)
{
    char name[sizeof(f->v->name)];
    bool want_ro, host = strcmp(m->kind, "virtiofs") == 0;
    const char *wanted = wanted_source(spec, m->target, &want_ro), *mode = m->read_only ? "read-only" : "writable";
    str_format(name, sizeof(name), "mount %s", m->target);
    if (!host) {
        facts_add(f, ISOLATION_INFO, name, "", "%s%s%s, %s", m->kind[0] ? m->kind : "of a kind that is not known",
                  m->source[0] ? " " : "", m->source, mode);
    } else if (!spec) {
        facts_add(f, ISOLATION_INFO, name, "", "%s, from %s", mode, m->source);
    } else if (!wanted) {
        facts_add(f, ISOLATION_WEAKER, name, "not there", "%s, from %s", mode, m->source);
    } else {
        bool other = strcmp(wanted, m->source) != 0, weaker = other || (want_ro && !m->read_only);
        facts_add(f, weaker ? ISOLATION_WEAKER : ISOLATION_OK, name, want_ro ? "read-only" : "writable",
                  "%s, from %s%s", mode, m->source, other ? ", which is not the folder that was asked for" : "");
    }
}

static void add_ports(struct facts *f, const struct ctr_seen *s, const struct sandbox_spec *spec)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    bool open = false, asked = false;
    for (size_t i = 0; spec && i < spec->port_count; i++) {
        const char *ip = spec->ports[i].host_ip;
        asked = asked || (*ip && strncmp(ip, "127.", 4) != 0 && strcmp(ip, "::1") != 0);
    }
    for (unsigned i = 0; i < s->info.port_count; i++) {
        const struct port_spec *p = &s->info.ports[i];
        open = open || (strncmp(p->host_ip, "127.", 4) != 0 && strcmp(p->host_ip, "::1") != 0);
        strbuf_addf(&text, "%s%s:%u -> %u/%s", text.len ? ", " : "", p->host_ip[0] ? p->host_ip : "all addresses",
                    s->host_ports[i], p->container_port, p->udp ? "udp" : "tcp");
    }
    if (text.len) {
        facts_add(f, open && !asked ? ISOLATION_WEAKER : ISOLATION_OK, "published ports",
                  asked ? "also other addresses" : "this machine only", "%s", text.buf);
    } else {
        facts_add(f, ISOLATION_INFO, "published ports", "", "none");
    }
    if (s->sockets) {
        facts_add(f, ISOLATION_WEAKER, "published sockets", "none", "%zu", s->sockets);
    }
}

/* Both are the virtual machine's size: nothing inside can go beyond. */
static void add_limits(struct facts *f, const struct ctr_seen *s, const struct sandbox_spec *spec)
{
    char wanted[40] = "";
    if (spec && spec->memory_bytes) {
        str_format(wanted, sizeof(wanted), "%.4g MiB", (double)spec->memory_bytes / (1 << 20));
    }
    bool more = wanted[0] && s->memory_bytes > MT_MAX(spec->memory_bytes + (1 << 20), CTR_MEMORY_MIN_BYTES);
    if (s->memory_bytes) {
        facts_add(f,
                  more        ? ISOLATION_WEAKER
                  : wanted[0] ? ISOLATION_OK
                              : ISOLATION_INFO,
                  "memory limit", wanted, "%llu MiB (virtual machine)", (unsigned long long)(s->memory_bytes >> 20));
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "memory limit", wanted, "container does not say");
    }
    wanted[0] = '\0';
    if (spec && spec->cpus > 0) {
        str_format(wanted, sizeof(wanted), "%.4g", spec->cpus);
    }
    if (s->cpus) {
        more = wanted[0] && (double)s->cpus > ceil(spec->cpus);
        facts_add(f,
                  more        ? ISOLATION_WEAKER
                  : wanted[0] ? ISOLATION_OK
                              : ISOLATION_INFO,
                  "cpu limit", wanted, "%lld (virtual machine)", (long long)s->cpus);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "cpu limit", wanted, "container does not say");
    }
    wanted[0] = '\0';
    if (spec && spec->pids) {
        str_format(wanted, sizeof(wanted), "%u", spec->pids);
    }
    if (s->pids > 0) {
        bool looser = wanted[0] && s->pids > (int64_t)spec->pids;
        facts_add(f,
                  looser      ? ISOLATION_WEAKER
                  : wanted[0] ? ISOLATION_OK
                              : ISOLATION_INFO,
                  "process limit", wanted, "%lld of the user's (resource limit; root inside is exempt)",
                  (long long)s->pids);
    } else {
        facts_add(f, wanted[0] ? ISOLATION_WEAKER : ISOLATION_INFO, "process limit", wanted,
                  "none; a flood of processes fills the sandbox's own virtual machine only");
    }
}

void ctr_isolation_facts(struct facts *f, const struct ctr_seen *s, const struct sandbox_spec *spec,
                         const int version[3])
{
    add_network(f, s, spec);
    facts_add(f, ISOLATION_OK, "kernel", "", "its own, in a virtual machine: the host's is not in reach");
    facts_add(f, ISOLATION_INFO, "user", "", "programs run as %s inside, the main process as %s",
              s->user[0] ? s->user : "the image's user", s->main_user[0] ? s->main_user : "the image's user");
    add_capabilities(f, s, version);
    facts_add(f, ISOLATION_WEAKER, "no-new-privileges", "yes",
              "no: container has no such option; setuid programs work, inside the virtual machine");
    facts_add(f, ISOLATION_INFO, "root filesystem", s->read_only ? "" : "writable", "%s",
              s->read_only ? "read-only" : "writable, a disk of its own");
    for (size_t i = 0; i < s->mount_count; i++) {
        add_mount(f, &s->mounts[i], spec);
    }
    if (s->mounts_more) {
        facts_add(f, ISOLATION_UNKNOWN, "further mounts", "", "%zu that are not listed here", s->mounts_more);
    }
    add_ports(f, s, spec);
    add_limits(f, s, spec);
    if (s->ssh) {
        facts_add(f, ISOLATION_WEAKER, "ssh agent", "not there", "the host's agent is handed in");
    }
    facts_add(f, ISOLATION_INFO, "image", "", "%s (digest %.19s)", s->info.image[0] ? s->info.image : "?",
              s->info.image_id[0] ? s->info.image_id : "?");
}

/* --- the verb --- */

static int judge(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    struct facts f = {0};
    if (seen->info.state != SANDBOX_RUNNING) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it first",
                          "sandbox %s: its isolation can be read only while it runs", r->call->name);
    }
    ctr_isolation_facts(&f, seen, r->call->spec, r->be->facts.version);
    facts_add(&f, ISOLATION_INFO, "runtime", "", "Apple's container %s", r->be->facts.version_text);
    r->call->facts = f.v;
    r->call->fact_count = f.len;
    ctr_finish(r, NULL);
    return 0;
}

static int look(struct request *r, struct error *err)
{
    return ctr_owned(r, judge, err);
}

int ctr_isolation(struct request *r, struct error *err)
{
    return ctr_need_facts(r, look, err);
}
