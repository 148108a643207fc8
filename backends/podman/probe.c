/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/podman/args.h"
#include "backends/podman/facts_cache.h"
#include "backends/podman/podman_private.h"
#if defined(__linux__)
#include "backends/bwrap/preflight.h"
#endif
#include "core/util/utf8.h"

/* Is podman here, does it work, and what can it do: all from one `podman info`, kept for the backend's life. */

#define INFO_TIMEOUT_MS 15000
#define INFO_MAX_BYTES (4u << 20)
#define OLDEST_MAJOR 3
#define OLDEST_MINOR 4

bool podman_at_least(const struct backend *be, int major, int minor)
{
    const int *v = be->facts.version;
    return v[0] > major || (v[0] == major && v[1] >= minor);
}

/* --- what info says --- */

static void get_text(const struct json *j, const char *key, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *value = json_get_string(j, key, "");
    utf8_sanitize(&clean, value, strlen(value), false);
    str_copy(out, cap, clean.buf);
}

/* How many ids the user's containers have; -1 when it is not said (root). */
static int64_t mapped_ids(const struct json *host)
{
    const struct json *map = json_get(json_get(host, "idMappings"), "uidmap");
    int64_t n = 0;
    if (!json_first(map)) {
        return -1;
    }
    for (const struct json *m = json_first(map); m; m = json_next(m)) {
        n += json_get_int(m, "size", 0);
    }
    return n;
}

static bool has_controller(const struct strvec *all, const char *name)
{
    return strvec_index(all, name) >= 0;
}

/* Fills the facts. PARSE when it is no answer of podman's. */
static int read_facts(struct podman_facts *f, const struct json *info, struct error *err)
{
    const struct json *host = json_get(info, "host"), *version = json_get(info, "version");
    const struct json *security = json_get(host, "security");
    MT_CLEANUP(strvec) struct strvec controllers = STRVEC_INIT;
    memset(f, 0, sizeof(*f));
    get_text(version, "Version", f->version_text, sizeof(f->version_text));
    if (!json_is_object(host) || !podman_parse_version(f->version_text, f->version)) {
        return error_set(err, ERROR_PARSE, "what answers to `podman info` is not podman");
    }
    f->rootless = json_get_bool(security, "rootless", json_get_bool(host, "rootless", false));
    f->selinux = json_get_bool(security, "selinuxEnabled", false);
    f->cgroup_v2 = strcmp(json_get_string(host, "cgroupVersion", "v1"), "v2") == 0;
    f->is_remote = json_get_bool(host, "serviceIsRemote", false);
    get_text(json_get(host, "ociRuntime"), "name", f->runtime, sizeof(f->runtime));
    get_text(host, "networkBackend", f->network_backend, sizeof(f->network_backend));
    json_get_strings(host, "cgroupControllers", &controllers);
    bool can = !f->rootless || f->cgroup_v2;
    f->has_memory = can && has_controller(&controllers, "memory");
    f->has_pids = can && has_controller(&controllers, "pids");
    f->has_cpu = can && has_controller(&controllers, "cpu");
    str_format(f->limits_missing, sizeof(f->limits_missing), "%s%s%s", f->has_memory ? "" : "memory ",
               f->has_pids ? "" : "pids ", f->has_cpu ? "" : "cpu ");
    f->has_pasta = json_get_string(json_get(host, "pasta"), "executable", "")[0] != '\0';
    f->has_slirp = json_get_string(json_get(host, "slirp4netns"), "executable", "")[0] != '\0';
    f->mapped_ids = mapped_ids(host);
    f->known = true;
    return 0;
}

static int ask_info(struct request *r,
                    void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                    struct error *err)
{
    static const char *const args[] = {"info", "--format", "json", NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = INFO_MAX_BYTES, .timeout_ms = INFO_TIMEOUT_MS};
    return podman_run(r, &opts, then, err);
}

/* Parses an answer into the backend's facts. */
static int take_text(struct backend *be, const char *text, size_t len, struct error *why)
{
    struct podman_facts facts;
    struct json *info = json_parse(text, len, why);
    int rc = info ? read_facts(&facts, info, why) : error_set(why, ERROR_PARSE, "what `podman info` prints is no JSON");
    json_free(info);
    if (rc == 0) {
        be->facts = facts;
    }
    return rc;
}

/* The facts out of what was kept. */
static bool take_cached(struct backend *be)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    return !be->fresh && facts_cache_read(be, &text) && take_text(be, text.buf, text.len, &ignored) == 0;
}

/* Takes the answer, and keeps it for the next run. */
static int take_info(struct request *r, const struct proc_result *res, const struct error *err, struct error *why)
{
    if (err) {
        *why = *err;
        return -1;
    }
    int rc = take_text(r->be, res->out->buf, res->out->len, why);
    if (rc == 0) {
        facts_cache_write(r->be, res->out->buf, res->out->len);
    }
    return rc;
}

static void on_facts(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (take_info(r, res, err, &why) < 0 || r->facts_then(r, &why) < 0) {
        podman_finish(r, &why);
    }
}

int podman_need_facts(struct request *r, int (*then)(struct request *r, struct error *err), struct error *err)
{
    r->facts_then = then;
    return r->be->facts.known || take_cached(r->be) ? then(r, err) : ask_info(r, on_facts, err);
}

/* --- the verdict --- */

static void install_line(const char *package, char *out, size_t cap)
{
#if defined(__linux__)
    struct preflight_distro distro;
    preflight_distro_load(&distro);
    preflight_install_command(&distro, package, out, cap);
#else
    str_format(out, cap, "brew install %s", package);
#endif
}

/* A podman that cannot be used: what was found, and what to do about it. */
static void refuse(struct backend_probe *p, const struct backend *be, const struct error *why)
{
    str_copy(p->reason, sizeof(p->reason), why->msg);
    str_copy(p->fix, sizeof(p->fix), why->hint ? why->hint : "");
    bool missing = strcmp(why->msg, "podman is not installed") == 0;
    if (missing && !be->target_url) {
        install_line("podman", p->fix, sizeof(p->fix));
    } else if (!p->fix[0]) {
        str_copy(p->fix, sizeof(p->fix), "see what `podman info` says in a terminal");
    }
}

/* Rootless networks need a helper and /dev/net/tun. */
static void judge_network(struct backend_probe *p, const struct backend *be)
{
    const struct podman_facts *f = &be->facts;
    if (!f->rootless) {
        return;
    }
    if (!f->has_pasta && !f->has_slirp) {
        char line[200];
        install_line(podman_at_least(be, 5, 0) ? "passt" : "slirp4netns", line, sizeof(line));
        str_format(p->full_reason, sizeof(p->full_reason),
                   "rootless networks need pasta or slirp4netns, and neither is here: %s", line);
    } else if (!be->target_url) {
        int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
        if (fd < 0) {
            str_format(p->full_reason, sizeof(p->full_reason),
                       "rootless networks need /dev/net/tun (%s): chmod 666 /dev/net/tun as root", strerror(errno));
        } else {
            close(fd);
        }
    }
    if (p->full_reason[0]) {
        p->caps &= ~(unsigned)(BACKEND_CAP_NET_FULL | BACKEND_CAP_NET_MODEL | BACKEND_CAP_PORTS);
    }
}

static void judge_limits(struct backend_probe *p, const struct podman_facts *f)
{
    if (f->has_memory || f->has_pids || f->has_cpu) {
        str_format(p->limits, sizeof(p->limits), "cgroup %s:%s%s%s", f->cgroup_v2 ? "v2" : "v1",
                   f->has_memory ? " memory" : "", f->has_pids ? " pids" : "", f->has_cpu ? " cpu" : "");
    } else {
        str_copy(p->limits, sizeof(p->limits), "none: rootless podman needs cgroup v2 for limits");
        p->caps &= ~(unsigned)BACKEND_CAP_LIMITS;
    }
    if (f->rootless && !f->cgroup_v2) {
        p->caps &= ~(unsigned)BACKEND_CAP_STATS; /* "stats is not supported in rootless mode without cgroups v2" */
    }
}

static void judge(struct request *r)
{
    const struct backend *be = r->be;
    const struct podman_facts *f = &be->facts;
    struct backend_probe *p = &r->call->probe;
    str_copy(p->version, sizeof(p->version), f->version_text);
    if (!podman_at_least(be, OLDEST_MAJOR, OLDEST_MINOR)) {
        str_format(p->reason, sizeof(p->reason), "podman %s is too old: %d.%d or newer is needed", f->version_text,
                   OLDEST_MAJOR, OLDEST_MINOR);
        install_line("podman", p->fix, sizeof(p->fix));
        return;
    }
    if (f->rootless && f->mapped_ids >= 0 && f->mapped_ids < 1000) {
        str_copy(p->reason, sizeof(p->reason),
                 "your user has no range of subordinate ids in /etc/subuid and /etc/subgid");
        str_copy(p->fix, sizeof(p->fix),
                 "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER; podman system migrate");
        return;
    }
    p->usable = true;
    p->caps = podman_backend.caps;
    judge_network(p, be);
    judge_limits(p, f);
    if (!f->rootless && !be->target_url) {
        str_copy(
            p->warning, sizeof(p->warning),
            "running as root: processes in sandboxes are the host's root user without privileges; an ordinary user "
            "is safer");
    }
}

static void on_probe(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (take_info(r, res, err, &why) < 0) {
        refuse(&r->call->probe, r->be, &why);
    } else {
        judge(r);
    }
    podman_finish(r, NULL);
}

int podman_probe(struct request *r, struct error *err)
{
    struct error why = ERROR_INIT;
    (void)err;
    if (take_cached(r->be)) { /* whether it still works shows with the list that follows: see podman_finish */
        judge(r);
        podman_finish(r, NULL);
        return 0;
    }
    if (ask_info(r, on_probe, &why) < 0) {
        refuse(&r->call->probe, r->be, &why);
        podman_finish(r, NULL);
    }
    return 0;
}
