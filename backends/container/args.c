/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "backends/mount_target.h"
#include "core/engine/naming.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

/* The main process must end at once on SIGTERM: without an init of the runtime's (--init, 0.10) it is PID 1, whom no
 * signal ends that it does not handle, and a shell waits for its child before it looks at its traps. So it is a shell
 * that waits for a sleep behind it. */
static const char idle_program[] = "trap 'exit 0' TERM INT; while :; do sleep 3600 & wait $!; done";

/* What a package manager run as root needs, and no more. The person's programs run as another user. */
static const char *const package_caps[] = {"CHOWN",  "DAC_OVERRIDE", "FOWNER",  "FSETID", "KILL",
                                           "SETGID", "SETUID",       "SETFCAP", NULL};

/* --- names and values --- */

int ctr_container_name(const char *sandbox, char out[CTR_NAME_MAX], struct error *err)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    char reduced[NAMING_SANDBOX_MAX];
    size_t len = strlen(sandbox);
    if (len >= 2 && len < CTR_NAME_MAX && strspn(sandbox, allowed) == len && !strchr("_.-", sandbox[0])) {
        str_copy(out, CTR_NAME_MAX, sandbox);
        return 0;
    }
    /* naming_sandbox puts the prefix back. */
    if (naming_sandbox(strncmp(sandbox, "muthr-", 6) == 0 ? sandbox + 6 : sandbox, true, reduced, err) < 0) {
        return -1;
    }
    if (strlen(reduced) >= CTR_NAME_MAX) {
        uint32_t low = (uint32_t)(hash_fnv1a64(sandbox, len) & 0xffffffffu);
        str_format(out, CTR_NAME_MAX, "%.*s-%08x", CTR_NAME_MAX - 10, reduced, low);
        return 0;
    }
    str_copy(out, CTR_NAME_MAX, reduced);
    return 0;
}

void ctr_home_name(const char *container, char out[CTR_VOLUME_MAX])
{
    str_format(out, CTR_VOLUME_MAX, "%s-home", container);
}

int ctr_check_label(const char *what, const char *value, struct error *err)
{
    const char *bad = strpbrk(value, "=\n\r");
    if (!bad) {
        return 0;
    }
    return error_hint(err, ERROR_INVALID, "rename the folder, or use another backend for this project",
                      "container keeps no %s with a %s in it: %s", what, *bad == '=' ? "'='" : "line break", value);
}

int ctr_check_mount(const char *source, const char *target, struct error *err)
{
    static const char *const taken[] = {"/proc", "/sys", "/dev", NULL};
    if (strpbrk(source, ":\n\r")) {
        return error_hint(err, ERROR_INVALID, "rename the folder, or use another backend for this project",
                          "container cannot mount a folder with a %s in its path: %s",
                          strchr(source, ':') ? "':'" : "line break", source);
    }
    if (strpbrk(target, ":\n\r")) {
        return error_set(err, ERROR_INVALID, "container cannot mount anything at %s", target);
    }
    return mount_target_check(target, taken, err);
}

static int add_label(struct strvec *out, const char *key, const char *value, struct error *err)
{
    if (ctr_check_label(key, value, err) < 0) {
        return -1;
    }
    strvec_push(out, "--label");
    strvec_pushf(out, "%s=%s", key, value);
    return 0;
}

/* Appends to a text with a separator. */
static void note(struct strbuf *warning, const char *text)
{
    strbuf_addf(warning, "%s%s", warning->len ? "; " : "", text);
}

/* --- parts of create --- */

static int add_labels(const struct ctr_args_input *in, struct strvec *out, struct error *err)
{
    const struct sandbox_spec *s = in->spec;
    char user[32];
    char digest[96];
    str_format(user, sizeof(user), "%u:%u", (unsigned)in->uid, (unsigned)in->gid);
    str_format(digest, sizeof(digest), "sha256:%s", s->made_from_id ? s->made_from_id : "");
    const struct {
        const char *key, *value;
    } labels[] = {
        {CTR_LABEL_MANAGED, "true"},
        {CTR_LABEL_OWNER, "project"},
        {CTR_LABEL_BACKEND, "container"},
        {CTR_LABEL_SANDBOX, s->name},
        {CTR_LABEL_PROJECT, s->project},
        {CTR_LABEL_PROFILE, s->profile},
        {CTR_LABEL_HASH, s->config_hash ? s->config_hash : ""},
        {CTR_LABEL_WORKSPACE, s->workspace},
        {CTR_LABEL_MOUNT, s->workspace_mount},
        {CTR_LABEL_NET, net_policy_name(s->net)},
        {CTR_LABEL_REQUIRE, s->require_limits ? "true" : "false"},
        {CTR_LABEL_USER, user},
        {CTR_LABEL_IMAGE, s->made_from},
        {CTR_LABEL_IMAGE_ID, s->made_from ? digest : NULL},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(labels); i++) {
        if (labels[i].value && add_label(out, labels[i].key, labels[i].value, err) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Texts without secrets. The main process is root's: privileged steps of provisioning are run as root, and the person's
 * programs as the user of the label. */
static void add_identity(const struct ctr_args_input *in, struct strvec *out)
{
    strvec_pushl(out, "--user", "0:0", "--env", "HOME=" CTR_HOME, "--env", "USER=muthr", "--env", "LOGNAME=muthr",
                 "--env", "LANG=C.UTF-8", "--env", NULL);
    strvec_pushf(out, "MUTHR_PROJECT=%s", in->spec->project);
    strvec_push(out, "--env");
    strvec_pushf(out, "MUTHR_SANDBOX=%s", in->spec->name);
}

/* S10, as far as the version goes: no-new-privileges and system call filters do not exist there. The root filesystem is
 * the sandbox's own disk, and stays writable. */
static void add_hardening(const struct ctr_args_input *in, struct strvec *out)
{
    if (ctr_version_has(in->version, CTR_CAPABILITIES)) {
        strvec_pushl(out, "--cap-drop", "ALL", NULL);
        for (size_t i = 0; in->spec->writable_root && package_caps[i]; i++) {
            strvec_pushl(out, "--cap-add", package_caps[i], NULL);
        }
    }
    if (ctr_version_has(in->version, CTR_SHM_SIZE)) {
        strvec_pushl(out, "--shm-size", "256M", NULL);
    }
}

/* S9. Memory is the machine's, in MiB and at least 200; processors are whole ones; processes are limited per user
 * (by a resource limit, that root is exempt from), which the person's programs have for themselves. */
static int add_limits(const struct ctr_args_input *in, struct strvec *out, struct strbuf *warning, struct error *err)
{
    const struct sandbox_spec *s = in->spec;
    char text[120];
    if (s->cpus > 0) {
        double whole = ceil(s->cpus);
        strvec_push(out, "--cpus");
        strvec_pushf(out, "%d", (int)MT_MIN(whole, 4096.0));
        if (whole > s->cpus) {
            str_format(text, sizeof(text), "cpus %.4g raised to %d: container gives whole ones only", s->cpus,
                       (int)whole);
            note(warning, text);
        }
    }
    if (s->memory_bytes > 0) {
        uint64_t bytes = MT_MAX(s->memory_bytes, CTR_MEMORY_MIN_BYTES), mib = (bytes + (1 << 20) - 1) >> 20;
        strvec_push(out, "--memory");
        strvec_pushf(out, "%lluM", (unsigned long long)mib);
        if (s->memory_bytes < CTR_MEMORY_MIN_BYTES) {
            str_format(text, sizeof(text), "memory %.4g MiB raised to 200 MiB: container gives no less",
                       (double)s->memory_bytes / (1 << 20));
            note(warning, text);
        }
    }
    if (s->pids > 0 && ctr_version_has(in->version, CTR_ULIMIT) && in->uid != 0) {
        strvec_push(out, "--ulimit");
        strvec_pushf(out, "nproc=%u", s->pids);
    } else if (s->pids > 0 && s->require_limits) {
        return error_hint(err, ERROR_UNAVAILABLE,
                          "set pids to 0 in the profile's manifest, or sandbox.require_resource_limits = false",
                          in->uid == 0 ? "container cannot limit the processes of root, and limits are required"
                                       : "container before 0.9 cannot limit processes, and limits are required");
    } else if (s->pids > 0) {
        note(warning, in->uid == 0 ? "limits not enforced: pids (root inside is exempt)"
                                   : "limits not enforced: pids (container has none before 0.9)");
    }
    return 0;
}

static int add_mounts(const struct ctr_args_input *in, struct strvec *out, struct error *err)
{
    const struct sandbox_spec *s = in->spec;
    if (ctr_check_mount(s->workspace, s->workspace_mount, err) < 0) {
        return -1;
    }
    strvec_push(out, "--volume");
    strvec_pushf(out, "%s:%s", in->home, CTR_HOME);
    strvec_push(out, "--volume");
    strvec_pushf(out, "%s:%s", s->workspace, s->workspace_mount);
    for (size_t i = 0; i < s->mount_count; i++) {
        const struct mount_spec *m = &s->mounts[i];
        if (ctr_check_mount(m->source, m->target, err) < 0) {
            return -1;
        }
        strvec_push(out, "--volume");
        strvec_pushf(out, "%s:%s%s", m->source, m->target, m->read_only ? ":ro" : "");
    }
    strvec_pushl(out, "--workdir", s->workspace_mount, NULL);
    return 0;
}

static int add_network(const struct ctr_args_input *in, struct strvec *out, struct error *err)
{
    switch (in->spec->net) {
    case NET_FULL:
        return 0; /* the default network: a NAT of its own, which the service makes */
    case NET_NONE:
        if (!ctr_version_has(in->version, CTR_NET_NONE)) {
            return error_hint(err, ERROR_UNAVAILABLE, "update container to 0.6 or newer",
                              "this version of container cannot leave a sandbox without a network");
        }
        strvec_pushl(out, "--network", "none", NULL);
        return 0;
    case NET_SHARED:
        return error_hint(err, ERROR_UNAVAILABLE, "use the network policy full, or the backend seatbelt",
                          "container runs each sandbox in a virtual machine: it cannot have this machine's network");
    case NET_MODEL:
        break;
    }
    return error_hint(err, ERROR_UNAVAILABLE, "use the network policy none or full, or the backend podman",
                      "container cannot leave only the inference server reachable");
}

/* S12. It has no form for "any free port", takes two mappings of one port, and fails at the start then. The words about
 * a port in use are what the engine looks for. */
static void add_ports(const struct ctr_args_input *in, struct strvec *out, struct strbuf *warning)
{
    char text[160];
    if (in->dropped && in->dropped[0]) {
        str_format(text, sizeof(text), "port in use, not published: %s", in->dropped);
        note(warning, text);
    }
    for (size_t i = 0; in->spec->net != NET_NONE && i < in->port_count; i++) {
        const struct port_spec *p = &in->ports[i];
        bool twice = i >= SANDBOX_PORTS_MAX;
        for (size_t k = 0; !twice && k < i; k++) {
            twice = p->host_port != 0 && in->ports[k].host_port == p->host_port && in->ports[k].udp == p->udp;
        }
        if (twice || p->host_port == 0) {
            str_format(text, sizeof(text),
                       twice ? "port %u/%s is mapped twice: only the first is published"
                             : "port %u/%s is not published: no free port was found for it",
                       twice ? p->host_port : p->container_port, p->udp ? "udp" : "tcp");
            note(warning, text);
            continue;
        }
        bool v6 = strchr(p->host_ip, ':') != NULL;
        strvec_push(out, "--publish");
        strvec_pushf(out, "%s%s%s:%u:%u/%s", v6 ? "[" : "", p->host_ip[0] ? p->host_ip : "127.0.0.1", v6 ? "]" : "",
                     p->host_port, p->container_port, p->udp ? "udp" : "tcp");
    }
}

int ctr_args_create(const struct ctr_args_input *in, struct strvec *out, struct strbuf *warning, struct error *err)
{
    strvec_pushl(out, "create", "--name", in->container, NULL);
    if (ctr_version_has(in->version, CTR_INIT)) {
        strvec_push(out, "--init");
    }
    if (add_labels(in, out, err) < 0) {
        return -1;
    }
    add_identity(in, out);
    add_hardening(in, out);
    if (add_limits(in, out, warning, err) < 0 || add_mounts(in, out, err) < 0 || add_network(in, out, err) < 0) {
        return -1;
    }
    add_ports(in, out, warning);
    for (char *p = warning->buf; *p; p++) {
        *p = *p == '=' ? ':' : *p;
    }
    if (warning->len && add_label(out, CTR_LABEL_WARNING, warning->buf, err) < 0) {
        return -1;
    }
    strvec_pushl(out, "--entrypoint", "sh", in->image, "-c", idle_program, NULL);
    return 0;
}
