/* SPDX-License-Identifier: Apache-2.0 */
/* All that the answer of bwrap's probe hangs on: the programs, the kernel and its settings, and who asks from where. */
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "backends/bwrap/preflight.h"
#include "backends/process/probe_cache.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* Settings by which the kernel or a security module allows namespaces, or not. */
static const char *const SETTINGS[] = {
    "/proc/sys/kernel/random/boot_id",
    "/proc/sys/kernel/unprivileged_userns_clone",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
    "/proc/sys/kernel/apparmor_restrict_unprivileged_unconfined",
    "/proc/sys/user/max_user_namespaces",
    "/proc/sys/user/max_mnt_namespaces",
    "/proc/sys/user/max_net_namespaces",
    "/proc/sys/user/max_pid_namespaces",
    "/proc/self/attr/current",
    "/proc/self/cgroup",
};

/* What this process may, as far as a sandbox's beginning depends on it. */
static void add_privileges(struct strbuf *key)
{
    static const char *const lines[] = {"CapEff:", "CapBnd:", "NoNewPrivs:", "Seccomp:", "Groups:"};
    MT_CLEANUP(strbuf) struct strbuf status = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    if (fs_read("/proc/self/status", 16384, &status, &ignored) < 0) {
        return;
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(lines); i++) {
        const char *at = strstr(status.buf, lines[i]);
        strbuf_add(key, at ? at : "-", at ? strcspn(at, "\n") : 1);
        strbuf_addch(key, '\n');
    }
}

void preflight_key(const char *state, const char *executable, struct strbuf *key)
{
    static const char *const namespaces[] = {"user", "mnt", "net", "pid", "cgroup"};
    static const char *const programs[] = {"bwrap", "pasta", "slirp4netns", "fuse-overlayfs"};
    static const char *const files[] = {"/usr/bin/bwrap", "/dev/net/tun", "/dev/fuse", "/usr", "/sys/fs/cgroup"};
    struct utsname u;
    strbuf_addf(key, "uid %lld %lld\n", (long long)getuid(), (long long)geteuid());
    if (uname(&u) == 0) {
        strbuf_addf(key, "%s %s\n", u.release, u.version);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(SETTINGS); i++) {
        probe_key_text(key, SETTINGS[i]);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(namespaces); i++) {
        char path[40], link[64];
        str_format(path, sizeof(path), "/proc/self/ns/%s", namespaces[i]);
        ssize_t n = readlink(path, link, sizeof(link) - 1);
        strbuf_add(key, link, n > 0 ? (size_t)n : 0);
        strbuf_addch(key, '\n');
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(programs); i++) {
        probe_key_program(key, programs[i]);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
        probe_key_file(key, files[i]);
    }
    probe_key_file(key, executable);
    strbuf_addf(key, "%s\n", state); /* overlays are tried in there */
    add_privileges(key);
}
