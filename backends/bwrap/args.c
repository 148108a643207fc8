/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/args.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/mount_target.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* Parts of the host's /etc that programs need and that name nobody. Of ssl only what is public: as root, private keys
 * could be read. */
static const char *const etc_entries[] = {
    "ssl/certs",       "ssl/openssl.cnf",
    "ca-certificates", "ca-certificates.conf",
    "pki/tls/certs",   "pki/ca-trust/extracted",
    "crypto-policies", "alternatives",
    "ld.so.cache",     "ld.so.conf",
    "ld.so.conf.d",    "localtime",
    "timezone",        "os-release",
    "debian_version",  "mime.types",
    "services",        "protocols",
    "profile",         "profile.d",
    "bash.bashrc",     "bashrc",
    "inputrc",         "terminfo",
    "fonts",           "xdg",
    "magic",           "login.defs",
};
/* The same by prefix: java-17-openjdk, python3.11, ... */
static const char *const etc_prefixes[] = {"java-", "python3", "lsb-release"};

static const char *const root_entries[] = {"bin", "sbin", "lib", "lib32", "lib64", "libx32"};
static const char *const proc_read_only[] = {"sys", "irq",           "bus",           "fs",      "driver", "mtrr",
                                             "tty", "sysrq-trigger", "dynamic_debug", "pressure"};
static const char *const proc_hidden[] = {"keys",       "key-users",  "timer_list",  "kallsyms", "sched_debug",
                                          "kcore",      "config.gz",  "vmallocinfo", "slabinfo", "kpagecgroup",
                                          "kpagecount", "kpageflags", "kmsg"};
static const char *const proc_emptied[] = {"acpi", "scsi", "asound"};

/* lstat below the (possibly made-up) host. */
static bool host_lstat(const struct args_input *in, const char *path, struct stat *sb)
{
    char *full = xasprintf("%s%s", in->host_root, path);
    int rc = lstat(full, sb);
    free(full);
    return rc == 0;
}

static bool host_exists(const struct args_input *in, const char *path)
{
    struct stat sb;
    return host_lstat(in, path, &sb);
}

/* The namespaces one by one: --unshare-all would go on silently when user namespaces are refused. */
static void add_isolation(const struct args_input *in, struct strvec *out)
{
    strvec_pushl(out, "--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup-try",
                 NULL);
    if (in->net != NET_SHARED) {
        strvec_push(out, "--unshare-net");
    }
    if (in->features->disable_userns && !in->features->is_setuid) {
        strvec_push(out, "--disable-userns");
    }
    strvec_pushl(out, "--die-with-parent", "--as-pid-1", "--new-session", "--cap-drop", "ALL", NULL);
    strvec_pushl(out, "--hostname", "muthr-box", "--uid", NULL);
    strvec_pushf(out, "%u", in->uid);
    strvec_push(out, "--gid");
    strvec_pushf(out, "%u", in->gid);
    strvec_push(out, "--clearenv");
}

/* /usr and what points into it: merged or not, as the host has it. */
static void add_system(const struct args_input *in, struct strvec *out)
{
    static const char *const whole[] = {"/opt", "/nix/store", "/gnu/store"};
    strvec_pushl(out, "--ro-bind", "/usr", "/usr", NULL);
    for (size_t i = 0; i < MT_ARRAY_LEN(root_entries); i++) {
        char path[32], full[4200], target[4096];
        struct stat sb;
        str_format(path, sizeof(path), "/%s", root_entries[i]);
        if (!host_lstat(in, path, &sb)) {
            continue;
        }
        if (S_ISDIR(sb.st_mode)) {
            strvec_pushl(out, "--ro-bind", path, path, NULL);
            continue;
        }
        str_format(full, sizeof(full), "%s%s", in->host_root, path);
        ssize_t n = readlink(full, target, sizeof(target) - 1);
        if (n > 0) {
            target[n] = '\0';
            strvec_pushl(out, "--symlink", target, path, NULL);
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(whole); i++) {
        if (host_exists(in, whole[i])) {
            strvec_pushl(out, "--ro-bind", whole[i], whole[i], NULL);
        }
    }
}

/* Modes of directories that bwrap makes. Without --perms (before 0.5) its default, 0755 here by our umask, holds. */
static void add_dir(const struct args_input *in, struct strvec *out, const char *mode, const char *path)
{
    if (in->features->perms) {
        strvec_pushl(out, "--perms", mode, NULL);
    }
    strvec_pushl(out, "--dir", path, NULL);
}

/* /etc: generated files with nobody's names, and the public entries of the host's. */
static void add_etc(const struct args_input *in, struct strvec *out)
{
    static const char *const generated[] = {"passwd", "group", "hosts", "hostname", "resolv.conf", "nsswitch.conf"};
    add_dir(in, out, "0755", "/etc");
    for (size_t i = 0; i < MT_ARRAY_LEN(generated); i++) {
        strvec_push(out, "--ro-bind");
        strvec_pushf(out, "%s/etc/%s", in->dir, generated[i]);
        strvec_pushf(out, "/etc/%s", generated[i]);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(etc_entries); i++) {
        char path[64];
        str_format(path, sizeof(path), "/etc/%s", etc_entries[i]);
        if (host_exists(in, path)) {
            strvec_pushl(out, "--ro-bind-try", path, path, NULL);
        }
    }
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char *etc = xasprintf("%s/etc", in->host_root);
    fs_list(etc, &names, NULL);
    free(etc);
    for (size_t i = 0; i < names.len; i++) {
        for (size_t k = 0; k < MT_ARRAY_LEN(etc_prefixes); k++) {
            if (strncmp(names.v[i], etc_prefixes[k], strlen(etc_prefixes[k])) == 0) {
                strvec_push(out, "--ro-bind-try");
                strvec_pushf(out, "/etc/%s", names.v[i]);
                strvec_pushf(out, "/etc/%s", names.v[i]);
            }
        }
    }
}

/* A fresh /proc with the kernel's knobs read-only and its secrets covered. As root, files below /proc/sys would
 * otherwise be writable: their owner is the host's uid 0, capabilities or not. */
static void add_proc(const struct args_input *in, struct strvec *out)
{
    char path[64];
    strvec_pushl(out, "--proc", "/proc", NULL);
    for (size_t i = 0; i < MT_ARRAY_LEN(proc_read_only); i++) {
        str_format(path, sizeof(path), "/proc/%s", proc_read_only[i]);
        if (host_exists(in, path)) {
            strvec_pushl(out, "--ro-bind", path, path, NULL);
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(proc_hidden); i++) {
        str_format(path, sizeof(path), "/proc/%s", proc_hidden[i]);
        if (host_exists(in, path)) {
            strvec_pushl(out, "--ro-bind", "/dev/null", path, NULL);
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(proc_emptied); i++) {
        str_format(path, sizeof(path), "/proc/%s", proc_emptied[i]);
        if (host_exists(in, path)) {
            strvec_pushl(out, "--tmpfs", path, "--remount-ro", path, NULL);
        }
    }
}

#define SHM_BYTES_MAX (256ull << 20)

static void add_scratch(const struct args_input *in, struct strvec *out)
{
    strvec_pushl(out, "--dev", "/dev", NULL);
    if (in->features->size && !in->features->is_setuid) {
        /* It is memory: as on a whole machine at most half of it, so that ending processes can always help. */
        uint64_t half = in->spec->memory_bytes / 2;
        strvec_push(out, "--size");
        strvec_pushf(out, "%llu", (unsigned long long)(half && half < SHM_BYTES_MAX ? half : SHM_BYTES_MAX));
    }
    if (in->features->perms) {
        strvec_pushl(out, "--perms", "1777", NULL);
    }
    strvec_pushl(out, "--tmpfs", "/dev/shm", NULL);
    add_dir(in, out, "0755", "/run");
    add_dir(in, out, "0755", "/run/muthr");
    add_dir(in, out, "0755", "/var");
    add_dir(in, out, "0755", "/var/lib");
    strvec_pushl(out, "--symlink", "../run", "/var/run", "--symlink", "../tmp", "/var/tmp", "--bind", NULL);
    strvec_pushf(out, "%s/tmp", in->dir);
    strvec_push(out, "/tmp");
    add_dir(in, out, "0755", "/home");
    strvec_push(out, "--bind");
    strvec_pushf(out, "%s/home", in->dir);
    strvec_push(out, ARGS_HOME);
}

/* A plain absolute path, neither inside nor around what the sandbox itself is made of. */
static int check_target(const char *target, struct error *err)
{
    static const char *const taken[] = {"/proc", "/dev",  "/usr", "/etc",   "/run/muthr",
                                        "/bin",  "/sbin", "/lib", "/lib64", NULL};
    return mount_target_check(target, taken, err);
}

/* A mount's source as it really is on the host; NULL when it is gone or not absolute or has a `..` segment. */
static char *mount_source(const struct args_input *in, const char *source)
{
    if (source[0] != '/' || strstr(source, "/../")) {
        return NULL;
    }
    char *full = xasprintf("%s%s", in->host_root, source), *real = path_real(full, NULL);
    free(full);
    return real;
}

static int add_mounts(const struct args_input *in, struct strvec *out, struct strbuf *skipped, struct error *err)
{
    const struct sandbox_spec *spec = in->spec;
    if (check_target(spec->workspace_mount, err) < 0) {
        return -1;
    }
    if (in->overlay_by_bwrap) {
        strvec_pushl(out, "--overlay-src", spec->workspace, "--overlay", NULL);
        strvec_pushf(out, "%s/overlay/upper", in->dir);
        strvec_pushf(out, "%s/overlay/work", in->dir);
    } else if (in->overlay_view != NULL) {
        strvec_pushl(out, "--bind", in->overlay_view, NULL);
    } else if (in->workspace_by_fd) {
        strvec_push(out, "--bind-fd");
        strvec_pushf(out, "%d", ARGS_FD_WORKSPACE);
    } else {
        strvec_pushl(out, "--bind", spec->workspace, NULL);
    }
    strvec_push(out, spec->workspace_mount);
    for (size_t i = 0; i < spec->mount_count; i++) {
        const struct mount_spec *m = &spec->mounts[i];
        if (check_target(m->target, err) < 0) {
            return -1;
        }
        char *real = mount_source(in, m->source);
        if (real) {
            strvec_pushl(out, m->read_only ? "--ro-bind" : "--bind", real, m->target, NULL);
        } else if (skipped) {
            strbuf_addf(skipped, "%s%s", skipped->len ? ", " : "", m->source);
        }
        free(real);
    }
    return 0;
}

static void add_env(struct strvec *out, const char *key, const char *value)
{
    strvec_pushl(out, "--setenv", key, value, NULL);
}

static void add_environment(const struct args_input *in, struct strvec *out)
{
    add_env(out, "PATH", ARGS_HOME "/.local/bin:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin");
    add_env(out, "HOME", ARGS_HOME);
    add_env(out, "USER", ARGS_USER);
    add_env(out, "LOGNAME", ARGS_USER);
    add_env(out, "SHELL", "/bin/bash");
    add_env(out, "LANG", "C.UTF-8");
    add_env(out, "TERM", "xterm-256color");
    add_env(out, "MUTHR_PROJECT", in->spec->project);
    add_env(out, "MUTHR_SANDBOX", in->spec->name);
    if (in->ca_file) {
        /* A bundle outside of what is visible is shown at a fixed place. */
        bool visible = path_is_below(in->ca_file, "/usr") || path_is_below(in->ca_file, "/etc/ssl/certs") ||
                       path_is_below(in->ca_file, "/etc/pki/tls/certs") || path_is_below(in->ca_file, "/opt");
        const char *inside = visible ? in->ca_file : "/run/muthr/ca.pem";
        if (!visible) {
            strvec_pushl(out, "--ro-bind", in->ca_file, inside, NULL);
        }
        add_env(out, "SSL_CERT_FILE", inside);
        add_env(out, "NODE_EXTRA_CA_CERTS", inside);
    }
    if (in->port) {
        char port[16];
        str_format(port, sizeof(port), "%d", in->port);
        add_env(out, "PORT", port);
        add_env(out, "MUTHR_PORT", port);
    }
}

int args_build(const struct args_input *in, struct strvec *out, struct strbuf *skipped, struct error *err)
{
    add_isolation(in, out);
    add_system(in, out);
    add_etc(in, out);
    add_proc(in, out);
    add_scratch(in, out);
    if (add_mounts(in, out, skipped, err) < 0) {
        return -1;
    }
    add_environment(in, out);
    if (in->features->perms) {
        strvec_pushl(out, "--perms", "0555", NULL);
    }
    strvec_push(out, "--ro-bind-data");
    strvec_pushf(out, "%d", ARGS_FD_INIT);
    strvec_push(out, "/run/muthr/init");
    strvec_pushl(out, "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", in->spec->workspace_mount, NULL);
    strvec_push(out, "--seccomp");
    strvec_pushf(out, "%d", ARGS_FD_SECCOMP);
    strvec_push(out, "--info-fd");
    strvec_pushf(out, "%d", ARGS_FD_INFO);
    strvec_push(out, "--block-fd");
    strvec_pushf(out, "%d", ARGS_FD_BLOCK);
    return 0;
}
