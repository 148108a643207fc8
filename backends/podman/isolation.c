/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/isolation.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/args.h"
#include "backends/podman/net.h"
#include "backends/podman/parse.h"
#include "backends/podman/podman_private.h"

#define INSPECT_MAX (1u << 20)

/* --- what inspect says --- */

/* "127.0.0.1:43711 -> 8080/tcp, ..."; *open: one of them is not on the loopback address. */
static void list_ports(const struct json *ports, struct strbuf *out, bool *open)
{
    *open = false;
    for (const struct json *p = json_first(ports); p; p = json_next(p)) {
        for (const struct json *b = json_first(p); b; b = json_next(b)) {
            const char *ip = json_get_string(b, "HostIp", "");
            *open = *open || (strncmp(ip, "127.", 4) != 0 && strcmp(ip, "::1") != 0);
            strbuf_addf(out, "%s%s:%s -> %s", out->len ? ", " : "", *ip ? ip : "all addresses",
                        json_get_string(b, "HostPort", "?"), json_key(p) ? json_key(p) : "?");
        }
    }
}

/* Did the manifest ask for an address that is not loopback? */
static bool wants_open_ports(const struct sandbox_spec *spec)
{
    for (size_t i = 0; spec && i < spec->port_count; i++) {
        const char *ip = spec->ports[i].host_ip;
        if (*ip && strncmp(ip, "127.", 4) != 0 && strcmp(ip, "::1") != 0) {
            return true;
        }
    }
    return false;
}

static void add_ports(struct facts *f, const struct json *container, const struct sandbox_spec *spec)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    bool open, asked = wants_open_ports(spec);
    list_ports(json_get(json_get(container, "NetworkSettings"), "Ports"), &text, &open);
    if (text.len) {
        facts_add(f, open && !asked ? ISOLATION_WEAKER : ISOLATION_OK, "published ports",
                  asked ? "also other addresses" : "this machine only", "%s", text.buf);
    } else {
        facts_add(f, ISOLATION_INFO, "published ports", "", "none");
    }
}

static void add_devices(struct facts *f, const struct json *host)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    for (const struct json *d = json_first(json_get(host, "Devices")); d; d = json_next(d)) {
        strbuf_addf(&text, "%s%s", text.len ? ", " : "", json_get_string(d, "PathOnHost", "?"));
    }
    facts_add(f, text.len ? ISOLATION_WEAKER : ISOLATION_OK, "devices", "none of the host's", "%s",
              text.len ? text.buf : "none of the host's");
}

/* Namespaces that are the host's. */
static void add_shared(struct facts *f, const struct json *host)
{
    static const char *const modes[] = {"IpcMode", "PidMode", "UTSMode", "CgroupMode", "UsernsMode"};
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    for (size_t i = 0; i < 3; i++) { /* the host's control group and user namespace are podman's default as root */
        if (strcmp(json_get_string(host, modes[i], ""), "host") == 0) {
            strbuf_addf(&text, "%s%s of the host", text.len ? ", " : "", modes[i]);
        }
    }
    if (text.len) {
        facts_add(f, ISOLATION_WEAKER, "namespaces", "its own", "%s", text.buf);
    }
}

void podman_inspect_facts(struct facts *f, const struct json *container, const struct sandbox_spec *spec)
{
    const struct json *host = json_get(container, "HostConfig");
    const char *profile = json_get_string(container, "AppArmorProfile", ""),
               *selinux = json_get_string(container, "ProcessLabel", "");
    if (json_is_object(host)) {
        bool privileged = json_get_bool(host, "Privileged", false);
        facts_add(f, privileged ? ISOLATION_WEAKER : ISOLATION_OK, "privileged", "no", "%s",
                  privileged ? "yes: as good as on the host" : "no");
        add_shared(f, host);
        add_devices(f, host);
    } else {
        facts_add(f, ISOLATION_UNKNOWN, "privileged", "no", "podman does not say");
        facts_add(f, ISOLATION_UNKNOWN, "devices", "none of the host's", "podman does not say");
    }
    add_ports(f, container, spec);
    facts_add(f, ISOLATION_INFO, "mandatory access control", "", "%s",
              *selinux   ? selinux
              : *profile ? profile
                         : "none (neither SELinux nor AppArmor)");
    facts_add(f, ISOLATION_INFO, "image", "", "%s (digest %.19s)", json_get_string(container, "ImageName", "?"),
              json_get_string(container, "ImageDigest", json_get_string(container, "Image", "?")));
    facts_add(f, ISOLATION_INFO, "runtime", "", "podman with %s", json_get_string(container, "OCIRuntime", "?"));
    bool model = false;
    for (const struct json *n = json_first(json_get(json_get(container, "NetworkSettings"), "Networks")); n;
         n = json_next(n)) {
        model = model ||
                strncmp(json_key(n) ? json_key(n) : "", PODMAN_MODEL_NETWORK, sizeof(PODMAN_MODEL_NETWORK) - 1) == 0;
    }
    if (model) {
        facts_add(f, ISOLATION_INFO, "network, what it lets through", "", "%s", podman_net_leak());
    }
}

/* The host folder that the spec wants at a target, or NULL. */
static const char *wanted_source(const struct sandbox_spec *spec, const char *target)
{
    for (size_t i = 0; spec && i < spec->mount_count; i++) {
        if (strcmp(spec->mounts[i].target, target) == 0) {
            return spec->mounts[i].source;
        }
    }
    return spec && spec->workspace_mount && strcmp(spec->workspace_mount, target) == 0 ? spec->workspace : NULL;
}

void podman_mount_sources(struct facts *f, const struct json *container, const struct sandbox_spec *spec)
{
    for (const struct json *m = json_first(json_get(container, "Mounts")); m; m = json_next(m)) {
        const char *target = json_get_string(m, "Destination", ""), *source = json_get_string(m, "Source", ""),
                   *wanted = wanted_source(spec, target);
        char name[sizeof(f->v->name)];
        str_format(name, sizeof(name), "mount %s", target);
        for (size_t i = 0; i < f->len; i++) {
            if (strcmp(f->v[i].name, name) != 0) {
                continue;
            }
            struct facts text = {0};
            bool other = wanted && strcmp(wanted, source) != 0;
            facts_add(&text, ISOLATION_INFO, "", "", "%s, from %s%s", f->v[i].actual, source,
                      other ? ", which is not the folder that was asked for" : "");
            str_copy(f->v[i].actual, sizeof(f->v[i].actual), text.v[0].actual);
            f->v[i].verdict = other ? ISOLATION_WEAKER : f->v[i].verdict;
            free(text.v);
        }
    }
}

void podman_remote_limits(struct facts *f, const struct json *container)
{
    const struct json *host = json_get(container, "HostConfig");
    long long memory = json_get_int(host, "Memory", 0), pids = json_get_int(host, "PidsLimit", 0);
    double cpus = json_get_double(host, "NanoCpus", 0) / 1e9;
    char text[32];
    str_format(text, sizeof(text), "%lld MiB", memory >> 20);
    facts_add(f, ISOLATION_UNKNOWN, "memory limit", "", "podman there says: %s", memory > 0 ? text : "none");
    str_format(text, sizeof(text), "%lld", pids);
    facts_add(f, ISOLATION_UNKNOWN, "process limit", "", "podman there says: %s", pids > 0 ? text : "none");
    str_format(text, sizeof(text), "%g", cpus);
    facts_add(f, ISOLATION_UNKNOWN, "cpu limit", "", "podman there says: %s", cpus > 0 ? text : "none");
}

/* --- the verb --- */

/* Podman's own files in a container, and our volume for the home. */
static const char *const own_mounts[] = {PODMAN_HOME, NULL};
static const char *const passed_over[] = {
    "/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/run/.containerenv", "/run/podman-init", "/dev/init", NULL};

static void release_doc(struct request *r)
{
    json_free(r->state);
}

/* Hands the facts over; those of the kernel are in `f`. */
static void finish_facts(struct request *r, struct facts *f)
{
    const struct json *c = json_first(r->state);
    podman_mount_sources(f, c, r->call->spec);
    podman_inspect_facts(f, c, r->call->spec);
    r->call->facts = f->v;
    r->call->fact_count = f->len;
    podman_finish(r, NULL);
}

/* On another machine a program of the image reads for us. That it is the image's is one more fact. */
static void on_inside(struct request *r, const struct proc_result *res, const struct error *err)
{
    const struct json *c = json_first(r->state), *host = json_get(c, "HostConfig");
    struct facts_subject subject = {.spec = r->call->spec, .own_mounts = own_mounts, .passed_over = passed_over};
    struct facts f = {0};
    bool shares = strcmp(json_get_string(host, "NetworkMode", ""), "host") == 0,
         pids = strcmp(json_get_string(host, "PidMode", ""), "host") == 0;
    facts_of_inside(&f, err && err->code != ERROR_EXIT ? "" : res->out->buf, &subject, shares, r->be->facts.rootless);
    if (pids) {
        facts_add(&f, ISOLATION_WEAKER, "processes", "only its own", "sees those of the machine");
    }
    podman_remote_limits(&f, c);
    facts_add(&f, ISOLATION_INFO, "read by", "", "a program of the image, inside: a hostile image could lie to it");
    finish_facts(r, &f);
}

static int look_inside(struct request *r, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushl(&args, "exec", r->container, "tail", "-n", "+1", NULL);
    strvec_pushv(&args, facts_inside_files);
    struct cli_opts opts = {.args = (const char *const *)args.v,
                            .capture_max_bytes = INSPECT_MAX,
                            .timeout_ms = 30000,
                            .keep_exit = true}; /* a file that is missing */
    return podman_run(r, &opts, on_inside, err);
}

static int judge(struct request *r, struct error *err)
{
    const struct json *c = json_first(r->state);
    int pid = (int)json_get_int(json_get(c, "State"), "Pid", 0);
    if (pid <= 0) {
        return error_hint(err, ERROR_UNAVAILABLE, "start it first",
                          "sandbox %s: its isolation can be read only while it runs", r->call->name);
    }
    if (r->be->target_url || r->be->facts.is_remote) {
        return look_inside(r, err);
    }
    struct facts_subject subject = {
        .pid = pid, .spec = r->call->spec, .own_mounts = own_mounts, .passed_over = passed_over};
    struct facts f = {0};
    facts_of_process(&f, &subject);
    finish_facts(r, &f);
    return 0;
}

static void on_inspect(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (err) {
        podman_finish(r, err);
        return;
    }
    struct json *doc = json_parse(res->out->buf, res->out->len, &why);
    r->state = doc;
    r->release = release_doc;
    if (!json_first(doc)) {
        error_set(&why, ERROR_PARSE, "podman says nothing about %s", r->container);
        podman_finish(r, &why);
    } else if (judge(r, &why) < 0) {
        podman_finish(r, &why);
    }
}

int podman_isolation(struct request *r, struct error *err)
{
    const char *const args[] = {"inspect", "--type", "container", r->container, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = INSPECT_MAX, .timeout_ms = 30000};
    return podman_run(r, &opts, on_inspect, err);
}
