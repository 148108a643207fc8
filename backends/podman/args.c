/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/args.h"

#include <stdlib.h>
#include <string.h>

#include "backends/mount_target.h"
#include "core/engine/naming.h"
#include "core/util/xmalloc.h"

/* Where capabilities come from: `podman exec` cannot add any (only --privileged, which would hand all of them to a
 * program of the image), so what root inside may do is decided at creation. A container with a read-only root gets
 * none. One whose root may be written to gets those of a package manager, and only root inside can use them: the
 * person's programs run as another user, who has none in his effective set and, under no-new-privileges, no way to get
 * them. For that its main process must be root's: podman hands added capabilities to the container's own user, whoever
 * that is, as ambient ones, also by `exec -u` in the same words (measured, 4.3.1: created with -u 1234:1235, exec gives
 * CapEff 0x81; created as root, exec -u 1234:1235 gives 0). Provisioning does its privileged steps by
 * `exec -u 0`; what it made can become an image (COMMIT), whose sandboxes have a read-only root and no capability. */
const char *const podman_package_caps[] = {"CHOWN",  "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",
                                           "SETGID", "SETUID",       "SETFCAP", NULL};

static const char idle_loop[] = "while :; do sleep 3600; done";

int podman_container_name(const char *sandbox, char out[PODMAN_NAME_MAX], struct error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t len = strlen(sandbox);
    if (len > 0 && len < PODMAN_NAME_MAX && strspn(sandbox, allowed) == len && !strchr("_.-", sandbox[0])) {
        str_copy(out, PODMAN_NAME_MAX, sandbox);
        return 0;
    }
    /* naming_sandbox puts the prefix back. */
    return naming_sandbox(strncmp(sandbox, "muthr-", 6) == 0 ? sandbox + 6 : sandbox, true, out, err);
}

static void add_label(struct strvec *out, const char *key, const char *value)
{
    strvec_push(out, "--label");
    strvec_pushf(out, "%s=%s", key, value);
}

static void add_labels(const struct podman_args_input *in, struct strvec *out)
{
    const struct sandbox_spec *s = in->spec;
    add_label(out, PODMAN_LABEL_MANAGED, "true");
    add_label(out, PODMAN_LABEL_OWNER, "project");
    add_label(out, PODMAN_LABEL_BACKEND, "podman");
    add_label(out, PODMAN_LABEL_SANDBOX, s->name);
    add_label(out, PODMAN_LABEL_PROJECT, s->project);
    add_label(out, PODMAN_LABEL_PROFILE, s->profile);
    add_label(out, PODMAN_LABEL_HASH, s->config_hash ? s->config_hash : "");
    add_label(out, PODMAN_LABEL_WORKSPACE, s->workspace);
    add_label(out, PODMAN_LABEL_MOUNT, s->workspace_mount);
    add_label(out, PODMAN_LABEL_NET, net_policy_name(s->net));
    add_label(out, PODMAN_LABEL_NETWORK, in->network);
    add_label(out, PODMAN_LABEL_WRITABLE, s->writable_root ? "true" : "false");
    /* Told even when there is nothing to tell: a golden image made from a sandbox brings that one's labels along. */
    add_label(out, PODMAN_LABEL_REQUIRE, s->require_limits ? "true" : "false");
    add_label(out, PODMAN_LABEL_PORTS, "");
    if (in->has_user) {
        strvec_push(out, "--label");
        strvec_pushf(out, "%s=%u:%u", PODMAN_LABEL_USER, (unsigned)in->uid, (unsigned)in->gid);
    } else if (s->writable_root && in->rootless) {
        add_label(out, PODMAN_LABEL_USER, "muthr"); /* whose ids the baseline takes from the project's owner there */
    }
}

static void add_identity(const struct podman_args_input *in, struct strvec *out)
{
    if (in->spec->writable_root) {
        strvec_pushl(out, "--user", "0:0", NULL);
    } else if (in->has_user) {
        strvec_push(out, "--user");
        strvec_pushf(out, "%u:%u", (unsigned)in->uid, (unsigned)in->gid);
    }
    if (in->rootless) {
        strvec_pushl(out, "--userns", "keep-id", NULL);
    }
    if (in->has_user && in->has_passwd_entry && in->uid != 0) {
        strvec_push(out, "--passwd-entry");
        strvec_pushf(out, "muthr:*:%u:%u:muthr:%s:/bin/bash", (unsigned)in->uid, (unsigned)in->gid, PODMAN_HOME);
    }
    strvec_pushl(out, "--hostname", "muthr-box", NULL);
    strvec_pushl(out, "--env", "HOME=" PODMAN_HOME, "--env", "USER=muthr", "--env", "LOGNAME=muthr", "--env",
                 "LANG=C.UTF-8", "--env", NULL);
    strvec_pushf(out, "MUTHR_PROJECT=%s", in->spec->project);
    strvec_push(out, "--env");
    strvec_pushf(out, "MUTHR_SANDBOX=%s", in->spec->name);
}

/* S10 and process-sandbox.md 5.3. */
static void add_hardening(const struct podman_args_input *in, struct strvec *out)
{
    strvec_pushl(out, "--security-opt", "no-new-privileges", "--cap-drop", "ALL", NULL);
    for (size_t i = 0; in->spec->writable_root && podman_package_caps[i]; i++) {
        strvec_pushl(out, "--cap-add", podman_package_caps[i], NULL);
    }
    if (in->seccomp) {
        strvec_push(out, "--security-opt");
        strvec_pushf(out, "seccomp=%s", in->seccomp);
    }
    if (in->label_disable) {
        strvec_pushl(out, "--security-opt", "label=disable", NULL);
    }
    if (!in->spec->writable_root) {
        strvec_pushl(out, "--read-only", "--tmpfs", "/tmp:rw,nosuid,nodev,mode=1777", NULL);
    }
    strvec_pushl(out, "--ipc", "private", "--shm-size", "256m", "--systemd", "false", NULL);
}

/* One value of --mount's comma-separated list, quoted as CSV where needed. */
static void add_csv(struct strbuf *out, const char *key, const char *value)
{
    bool quote = strpbrk(value, ",\"\n\r") != NULL;
    strbuf_addf(out, "%s%s%s=", out->len ? "," : "", quote ? "\"" : "", key);
    for (const char *p = value; *p; p++) {
        if (*p == '"') {
            strbuf_addch(out, '"');
        }
        strbuf_addch(out, *p);
    }
    strbuf_addstr(out, quote ? "\"" : "");
}

/* --mount rather than -v: a missing source is an error instead of a new folder, and paths may hold a colon. */
static void add_bind(struct strvec *out, const char *source, const char *target, bool read_only)
{
    MT_CLEANUP(strbuf) struct strbuf value = STRBUF_INIT;
    strbuf_addstr(&value, "type=bind");
    add_csv(&value, "source", source);
    add_csv(&value, "target", target);
    strbuf_addstr(&value, read_only ? ",ro=true" : ",ro=false");
    strvec_pushl(out, "--mount", value.buf, NULL);
}

/* Targets inside must be plain absolute paths, not the root and not what the sandbox itself is made of. */
static int check_target(const char *target, struct error *err)
{
    static const char *const taken[] = {"/proc", "/sys", "/dev", NULL};
    return mount_target_check(target, taken, err);
}

static int add_mounts(const struct podman_args_input *in, struct strvec *out, struct error *err)
{
    const struct sandbox_spec *s = in->spec;
    if (check_target(s->workspace_mount, err) < 0) {
        return -1;
    }
    if (in->home) {
        strvec_push(out, "--volume");
        strvec_pushf(out, "%s:%s", in->home, PODMAN_HOME);
    }
    add_bind(out, s->workspace, s->workspace_mount, false);
    for (size_t i = 0; i < s->mount_count; i++) {
        if (check_target(s->mounts[i].target, err) < 0) {
            return -1;
        }
        add_bind(out, s->mounts[i].source, s->mounts[i].target, s->mounts[i].read_only);
    }
    strvec_pushl(out, "--workdir", s->workspace_mount, NULL);
    return 0;
}

/* Appends to a text with a separator. */
static void note(struct strbuf *warning, const char *text)
{
    strbuf_addf(warning, "%s%s", warning->len ? "; " : "", text);
}

/* S9. Podman takes limits that it cannot apply without a word, so they are not even given. */
static int add_limits(const struct podman_args_input *in, struct strvec *out, struct strbuf *warning, struct error *err)
{
    const struct sandbox_spec *s = in->spec;
    MT_CLEANUP(strbuf) struct strbuf missing = STRBUF_INIT;
    if (s->pids && in->can_pids) {
        strvec_push(out, "--pids-limit");
        strvec_pushf(out, "%u", s->pids);
    } else if (s->pids) {
        strbuf_addstr(&missing, "processes");
        strvec_pushl(out, "--pids-limit", "-1", NULL);
    }
    if (s->memory_bytes && in->can_memory) {
        strvec_push(out, "--memory");
        strvec_pushf(out, "%llu", (unsigned long long)s->memory_bytes);
    } else if (s->memory_bytes) {
        strbuf_addf(&missing, "%smemory", missing.len ? ", " : "");
    }
    if (s->cpus > 0 && in->can_cpu) {
        strvec_push(out, "--cpus");
        strvec_pushf(out, "%.2f", s->cpus);
    } else if (s->cpus > 0) {
        strbuf_addf(&missing, "%scpus", missing.len ? ", " : "");
    }
    if (missing.len == 0) {
        return 0;
    }
    if (s->require_limits) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "limits need cgroup v2 with delegated controllers, or podman as root; or set "
                          "require_resource_limits = false",
                          "podman cannot limit %s here, and limits are required", missing.buf);
    }
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "limits not enforced: %s (podman cannot apply them here)", missing.buf);
    note(warning, text.buf);
    return 0;
}

/* "8080/tcp" */
static void port_text(const struct port_spec *p, char *out, size_t cap)
{
    str_format(out, cap, "%u/%s", p->host_port, p->udp ? "udp" : "tcp");
}

/* Do both want the same port of the same address? */
static bool ports_clash(const struct port_spec *a, const struct port_spec *b)
{
    return a->host_port != 0 && a->host_port == b->host_port && a->udp == b->udp &&
           (strcmp(a->host_ip, b->host_ip) == 0 || strcmp(a->host_ip, "0.0.0.0") == 0 ||
            strcmp(b->host_ip, "0.0.0.0") == 0);
}

/* S12. Podman would take two mappings of one port and fail at the start. */
static void add_ports(const struct podman_args_input *in, struct strvec *out, struct strbuf *warning)
{
    const struct sandbox_spec *s = in->spec;
    MT_CLEANUP(strbuf) struct strbuf order = STRBUF_INIT;
    bool publishes = s->net != NET_NONE && strcmp(in->network, "none") != 0 && strcmp(in->network, "host") != 0;
    for (size_t i = 0; publishes && i < s->port_count; i++) {
        const struct port_spec *p = &s->ports[i];
        bool twice = i >= SANDBOX_PORTS_MAX;
        char name[24], host[8] = "";
        port_text(p, name, sizeof(name));
        for (size_t k = 0; !twice && k < i; k++) {
            twice = ports_clash(p, &s->ports[k]);
        }
        if (twice) {
            MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
            strbuf_addf(&text, "port %s is mapped twice: only the first is published", name);
            note(warning, text.buf);
            continue;
        }
        if (p->host_port) {
            str_format(host, sizeof(host), "%u", p->host_port);
        }
        strbuf_addf(&order, "%s%u/%s", order.len ? " " : "", p->container_port, p->udp ? "udp" : "tcp");
        bool v6 = strchr(p->host_ip, ':') != NULL;
        strvec_push(out, "--publish");
        strvec_pushf(out, "%s%s%s:%s:%u/%s", v6 ? "[" : "", p->host_ip[0] ? p->host_ip : "127.0.0.1", v6 ? "]" : "",
                     host, p->container_port, p->udp ? "udp" : "tcp");
    }
    add_label(out, PODMAN_LABEL_ORDER, order.len ? order.buf : "");
}

int podman_args_create(const struct podman_args_input *in, struct strvec *out, struct strbuf *warning,
                       struct error *err)
{
    strvec_pushl(out, "create", "--pull=never", "--name", in->container, "--init", "--stop-timeout", "10", NULL);
    add_labels(in, out);
    add_identity(in, out);
    add_hardening(in, out);
    if (add_limits(in, out, warning, err) < 0 || add_mounts(in, out, err) < 0) {
        return -1;
    }
    strvec_pushl(out, "--network", in->network, NULL);
    if (in->spec->net == NET_NONE) {
        strvec_push(out, "--http-proxy=false");
    }
    add_ports(in, out, warning);
    add_label(out, PODMAN_LABEL_WARNING, warning->len ? warning->buf : "");
    strvec_pushl(out, "--entrypoint", "", in->image, "sh", "-c", idle_loop, NULL);
    return 0;
}

/* Is `value` ("127.0.0.1:8080:80/tcp") a mapping of this host port? */
static bool maps_port(const char *value, uint16_t port, bool udp)
{
    const char *last = strrchr(value, ':'), *p = last;
    bool is_udp = strstr(value, "/udp") != NULL;
    while (p && p > value && p[-1] >= '0' && p[-1] <= '9') {
        p--;
    }
    return last && p < last && is_udp == udp && strtoul(p, NULL, 10) == port;
}

int podman_args_drop_port(const struct strvec *created, uint16_t port, bool udp, struct strvec *out)
{
    size_t from = 0, at;
    bool found = false;
    char name[24];
    str_format(name, sizeof(name), "%u/%s", port, udp ? "udp" : "tcp");
    while (from < created->len && strcmp(created->v[from], "create") != 0) {
        from++;
    }
    for (size_t i = from; i < created->len; i++) {
        if (strcmp(created->v[i], "--publish") == 0 && i + 1 < created->len &&
            maps_port(created->v[i + 1], port, udp)) {
            found = true;
            i++;
            continue;
        }
        strvec_push(out, created->v[i]);
    }
    if (!found) {
        return -1;
    }
    /* Right behind "create"; an earlier one of that key is taken along, because the last of a key counts. */
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    for (at = 1; at + 1 < out->len; at++) {
        if (strcmp(out->v[at], "--label") == 0 &&
            strncmp(out->v[at + 1], PODMAN_LABEL_PORTS "=", sizeof(PODMAN_LABEL_PORTS)) == 0) {
            const char *before = out->v[at + 1] + sizeof(PODMAN_LABEL_PORTS);
            strbuf_addf(&all, "%s%s", before, *before ? " " : "");
            strvec_remove(out, at);
            strvec_remove(out, at);
            break;
        }
    }
    strbuf_addstr(&all, name);
    MT_CLEANUP(strvec) struct strvec moved = STRVEC_INIT;
    strvec_push(&moved, "create");
    add_label(&moved, PODMAN_LABEL_PORTS, all.buf);
    for (size_t i = 1; i < out->len; i++) {
        strvec_push(&moved, out->v[i]);
    }
    strvec_clear(out);
    strvec_pushv(out, (const char *const *)moved.v);
    return 0;
}
