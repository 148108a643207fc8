/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/sbprofile.h"

#include <stdlib.h>
#include <string.h>

#include "backends/seatbelt/gpu_table.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define PATH_BYTES_MAX 1023 /* what macOS takes as a path */

const char *sbprofile_net_name(enum sbprofile_net n)
{
    static const char *const names[] = {[SBPROFILE_NET_NONE] = "none",
                                        [SBPROFILE_NET_LOCALHOST] = "localhost-only",
                                        [SBPROFILE_NET_FULL] = "full",
                                        [SBPROFILE_NET_SHARED] = "full (shared)"};
    return (size_t)n < MT_ARRAY_LEN(names) ? names[n] : "?";
}

/* --- what every program needs --- */

/* Libraries and frameworks. From macOS 13 on the loader's cache and part of the system lie in cryptexes. */
static const char *const library_folders[] = {
    "/usr/lib",
    "/System/Library/Frameworks",
    "/System/Library/PrivateFrameworks",
    "/System/Library/Extensions",
    "/System/Library/ColorSync",
    "/System/Cryptexes",
    "/System/Volumes/Preboot/Cryptexes",
    "/private/var/db/dyld",
    NULL,
};

/* A shell: the programs of the system and what they read. Tools from elsewhere (Homebrew, Xcode) are mounts of the
 * manifest. */
const char *const sbprofile_shell_folders[] = {
    "/bin", "/usr/bin", "/usr/share", "/private/etc/ssl", "/private/var/db/timezone", NULL,
};
/* /bin/sh asks /private/var/select/sh which shell it is; sw_vers, and with it pip, which macOS this is. */
const char *const sbprofile_shell_files[] = {
    "/private/etc/bashrc",
    "/private/etc/group",
    "/private/etc/hosts",
    "/private/etc/localtime",
    "/private/etc/passwd",
    "/private/etc/paths",
    "/private/etc/profile",
    "/private/etc/protocols",
    "/private/etc/services",
    "/private/etc/shells",
    "/private/etc/zprofile",
    "/private/etc/zshrc",
    "/private/var/select/sh",
    "/System/Library/CoreServices/SystemVersion.plist",
    "/System/Library/CoreServices/.SystemVersionPlatform.plist",
    NULL,
};
static const char *const shell_devices[] = {
    "/dev/zero", "/dev/stdin", "/dev/stdout", "/dev/stderr", "/dev/tty", NULL,
};

/* Links and folders on the way, whose names may be looked up and nothing else. */
static const char *const shell_ways[] = {
    "/etc",
    "/tmp",
    "/var",
    "/dev",
    "/private",
    "/private/etc",
    "/private/tmp",
    "/usr",
    "/private/var",
    "/private/var/db",
    "/private/var/select",
    "/System",
    "/System/Library",
    "/System/Library/CoreServices",
    NULL,
};

/* --- paths --- */

int sbprofile_check_path(const char *what, const char *path, struct error *err)
{
    size_t len = strlen(path);
    if (path[0] != '/' || path[1] == '\0') {
        return error_set(err, ERROR_INVALID, "%s: a sandbox profile takes absolute paths below / only", what);
    }
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f || *p == '"' || *p == '\\') {
            return error_hint(err, ERROR_INVALID, "rename the folder",
                              "%s: a path with a quote, a backslash or a control character cannot stand in a sandbox "
                              "profile",
                              what);
        }
    }
    if (len > PATH_BYTES_MAX || !utf8_is_valid(path, len)) {
        return error_set(err, ERROR_INVALID, "%s: the path is %s", what,
                         len > PATH_BYTES_MAX ? "too long for macOS" : "not UTF-8");
    }
    for (const char *p = path; *p;) { /* each "/name" */
        size_t n = strcspn(p + 1, "/");
        if (n == 0 || (n == 1 && p[1] == '.') || (n == 2 && p[1] == '.' && p[2] == '.')) {
            return error_set(err, ERROR_INVALID, "%s: %s is not a canonical path", what, path);
        }
        p += n + 1;
    }
    return 0;
}

/* All of them, and that none opens the folder in which the sandbox's own settings lie. */
static int check_paths(const struct sbprofile_in *in, struct error *err)
{
    const struct {
        const char *what, *path;
    } own[] = {{"state folder", in->state}, {"private home", in->home},   {"private tmp", in->tmp},
               {"image folder", in->root},  {"workspace", in->workspace}, {"shell", in->interpreter}};
    for (size_t i = 0; i < MT_ARRAY_LEN(own); i++) {
        if (own[i].path && sbprofile_check_path(own[i].what, own[i].path, err) < 0) {
            return -1;
        }
    }
    if (path_is_below(in->state, in->workspace)) {
        return error_set(err, ERROR_INVALID, "workspace: %s holds the sandbox's own settings", in->workspace);
    }
    for (size_t i = 0; i < in->mount_count; i++) {
        const char *path = in->mounts[i].path;
        if (sbprofile_check_path("mount", path, err) < 0) {
            return -1;
        }
        if (path_is_below(in->state, path) || path_is_below(path, in->state)) {
            return error_set(err, ERROR_INVALID, "mount: %s holds the sandbox's own settings", path);
        }
    }
    return 0;
}

/* --- rules --- */

static void add_string(struct strbuf *out, const char *filter, const char *value)
{
    strbuf_addf(out, "\n  (%s \"%s\")", filter, value);
}

static void add_list(struct strbuf *out, const char *filter, const char *const *values)
{
    for (size_t i = 0; values[i]; i++) {
        add_string(out, filter, values[i]);
    }
}

/* What the kernel tells of other processes, arguments and environments with their secrets included, goes by two ways:
 * neither is closed by (deny default) once reading system values is allowed. */
static void add_basics(struct strbuf *out)
{
    strbuf_addstr(out, "(version 1)\n(deny default)\n\n"
                       "; processes\n"
                       "(allow process-exec*)\n(allow process-fork)\n"
                       "(allow signal (target same-sandbox))\n"
                       "(deny process-info*)\n(allow process-info* (target self))\n\n"
                       "; the system's libraries\n(allow file-read* file-map-executable");
    add_list(out, "subpath", library_folders);
    strbuf_addstr(
        out, ")\n(allow file-read*\n  (literal \"/\")\n  (literal \"/dev/random\")\n"
             "  (literal \"/dev/urandom\"))\n"
             "(allow sysctl-read)\n(deny sysctl-read (sysctl-name-prefix \"kern.procargs\"))\n(allow system-info)\n"
             "(allow mach-lookup\n  (global-name \"com.apple.system.opendirectoryd.libinfo\")\n"
             "  (global-name \"com.apple.system.opendirectoryd.membership\"))\n");
}

static void add_shell(struct strbuf *out, const char *interpreter)
{
    strbuf_addstr(out, "\n; a shell and the system's programs\n(allow file-read* file-map-executable");
    add_list(out, "subpath", sbprofile_shell_folders);
    if (interpreter) {
        add_string(out, "literal", interpreter);
    }
    strbuf_addstr(out, ")\n(allow file-read*");
    add_list(out, "literal", sbprofile_shell_files);
    add_list(out, "literal", shell_devices);
    strbuf_addstr(out, ")\n(allow file-write* file-ioctl (literal \"/dev/tty\"))\n"
                       "(allow file-read* file-write* (subpath \"/dev/fd\"))\n(allow file-read-metadata");
    add_list(out, "literal", shell_ways);
    strbuf_addstr(out, ")\n");
}

/* --- folders --- */

/* One folder that is open. */
struct opening {
    const char *path;
    bool read_only;
};

/* The outer before the inner, so that the inner's rule wins; of the same path the stricter is last. */
static int compare_openings(const void *va, const void *vb)
{
    const struct opening *a = va, *b = vb;
    int c = strcmp(a->path, b->path);
    return c ? c : (int)a->read_only - (int)b->read_only;
}

/* The names on the way to it may be looked up (programs resolve their paths), not listed. */
static void add_ways(struct strbuf *out, const struct opening *list, size_t count, const char *interpreter)
{
    struct strvec seen = STRVEC_INIT;
    for (size_t i = 0; i <= count; i++) {
        const char *path = i < count ? list[i].path : interpreter;
        for (const char *slash = path ? strchr(path + 1, '/') : NULL; slash; slash = strchr(slash + 1, '/')) {
            char *way = xstrndup(path, (size_t)(slash - path));
            bool is_new = true;
            for (size_t k = 0; k < seen.len && is_new; k++) {
                is_new = strcmp(seen.v[k], way) != 0;
            }
            if (is_new) {
                strvec_push(&seen, way);
            }
            free(way);
        }
    }
    strbuf_addstr(out, "\n; names on the way to its folders\n(allow file-read-metadata");
    add_list(out, "literal", (const char *const *)seen.v);
    strbuf_addstr(out, ")\n");
    strvec_release(&seen);
}

/* Is it, or does it lie in, a folder before it that may be written to? */
static bool is_in_writable(const struct opening *list, size_t index)
{
    for (size_t i = 0; i < index; i++) {
        if (!list[i].read_only && path_is_below(list[index].path, list[i].path)) {
            return true;
        }
    }
    return false;
}

/* A socket with a path is a file where one may write to, as on Linux: for Seatbelt making and using one is the
 * network's business. What a path names is no address: these rules open no port. */
static void add_folders(struct strbuf *out, const struct sbprofile_in *in)
{
    struct opening *list = xcalloc(in->mount_count + 4, sizeof(*list));
    size_t count = 0;
    const char *const own[] = {in->root, in->home, in->tmp, in->workspace};
    for (size_t i = 0; i < MT_ARRAY_LEN(own); i++) {
        if (own[i]) {
            list[count++] = (struct opening){.path = own[i]};
        }
    }
    for (size_t i = 0; i < in->mount_count; i++) {
        list[count++] = (struct opening){.path = in->mounts[i].path, .read_only = in->mounts[i].read_only};
    }
    qsort(list, count, sizeof(*list), compare_openings);
    add_ways(out, list, count, in->interpreter);
    strbuf_addstr(out, "\n; its folders\n");
    for (size_t i = 0; i < count; i++) {
        const char *path = list[i].path;
        if (!list[i].read_only) {
            strbuf_addf(out, "(allow file-read* file-write* file-map-executable (subpath \"%s\"))\n", path);
            strbuf_addf(out, "(allow network-bind network-inbound network-outbound (subpath \"%s\"))\n", path);
            continue;
        }
        strbuf_addf(out, "(allow file-read* file-map-executable (subpath \"%s\"))\n", path);
        if (is_in_writable(list, i)) {
            strbuf_addf(out, "(deny file-write* network-bind network-outbound (subpath \"%s\"))\n", path);
        }
    }
    free(list);
}

/* --- GPU --- */

static void add_gpu(struct strbuf *out, enum gpu_tier gpu)
{
    const struct gpu_rule *rules = gpu == GPU_MPS ? gpu_mps_only : gpu_metal_compute;
    if (gpu == GPU_NONE) {
        return;
    }
    strbuf_addf(out, "\n; GPU: %s", gpu_tier_name(gpu));
    for (const struct gpu_rule *r = rules; r->operation; r++) {
        if (r == rules || strcmp(r->operation, r[-1].operation) != 0) {
            strbuf_addf(out, "%s\n(allow %s", r == rules ? "" : ")", r->operation);
        }
        add_list(out, r->filter, r->values);
    }
    strbuf_addstr(out, ")\n");
}

/* --- network --- */

static void add_ports(struct strbuf *out, const char *operation, const char *side, const uint16_t *ports, size_t count)
{
    if (count == 0) {
        return;
    }
    strbuf_addf(out, "(allow %s", operation);
    for (size_t i = 0; i < count; i++) {
        strbuf_addf(out, "\n  (%s ip \"localhost:%u\")", side, (unsigned)ports[i]);
    }
    strbuf_addstr(out, ")\n");
}

/* Names and certificates, for whoever reaches the outside. */
static void add_outside(struct strbuf *out)
{
    strbuf_addstr(out, "(allow network-outbound\n  (remote ip \"*:*\")\n"
                       "  (literal \"/private/var/run/mDNSResponder\"))\n"
                       "(allow file-read*\n  (literal \"/private/etc/resolv.conf\")\n"
                       "  (literal \"/private/var/run/resolv.conf\"))\n"
                       "(allow mach-lookup\n  (global-name \"com.apple.SystemConfiguration.configd\")\n"
                       "  (global-name \"com.apple.trustd.agent\"))\n");
}

static void add_net(struct strbuf *out, const struct sbprofile_in *in)
{
    if (in->net == SBPROFILE_NET_NONE) {
        return;
    }
    strbuf_addf(out, "\n; network: %s\n", sbprofile_net_name(in->net));
    if (in->net == SBPROFILE_NET_SHARED) {
        add_outside(out);
        strbuf_addstr(out, "(allow network-bind (local ip \"*:*\"))\n(allow network-inbound (local ip \"*:*\"))\n");
        return;
    }
    if (in->net == SBPROFILE_NET_FULL) {
        /* A rule can name localhost or every address, nothing between; ::ffff:127.0.0.1 is not localhost to it. */
        add_outside(out);
        strbuf_addstr(out, "(deny network-outbound (remote ip \"localhost:*\"))\n");
    }
    add_ports(out, "network-bind", "local", in->bind, in->bind_count);
    add_ports(out, "network-inbound", "local", in->bind, in->bind_count);
    add_ports(out, "network-outbound", "remote", in->connect, in->connect_count);
}

static int check_ports(const struct sbprofile_in *in, struct error *err)
{
    for (size_t i = 0; i < in->bind_count + in->connect_count; i++) {
        if ((i < in->bind_count ? in->bind[i] : in->connect[i - in->bind_count]) == 0) {
            return error_set(err, ERROR_INVALID, "0 is no port");
        }
    }
    return in->bind_count > SBPROFILE_PORTS_MAX || in->connect_count > SBPROFILE_PORTS_MAX
               ? error_set(err, ERROR_INVALID, "more than %d ports", SBPROFILE_PORTS_MAX)
               : 0;
}

int sbprofile_write(const struct sbprofile_in *in, struct strbuf *out, struct error *err)
{
    if (check_paths(in, err) < 0 || check_ports(in, err) < 0) {
        return -1;
    }
    add_basics(out);
    if (in->shell) {
        add_shell(out, in->interpreter);
    }
    add_folders(out, in);
    add_gpu(out, in->gpu);
    add_net(out, in);
    strbuf_addstr(out, "\n; terminals: those that it opens itself, and what it was given\n"
                       "(allow file-read* file-write* (literal \"/dev/null\"))\n"
                       "(allow pseudo-tty)\n"
                       "(allow file-read* file-write* file-ioctl (literal \"/dev/ptmx\"))\n"
                       "(allow file-read* file-write*\n"
                       "  (require-all (regex #\"^/dev/ttys[0-9]+$\") (extension \"com.apple.sandbox.pty\")))\n"
                       "(allow file-read-metadata file-ioctl (regex #\"^/dev/ttys[0-9]+$\"))\n"
                       "\n; POSIX semaphores and shared memory\n(allow ipc-posix-sem)\n(allow ipc-posix-shm*)\n");
    return 0;
}
