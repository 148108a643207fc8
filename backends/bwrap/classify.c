/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/bwrap/preflight.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* The value of KEY= in os-release, unquoted. */
static void os_release_get(const char *text, const char *key, char *out, size_t cap)
{
    size_t key_len = strlen(key);
    out[0] = '\0';
    for (const char *line = text; line && *line;) {
        const char *end = strchr(line, '\n');
        size_t len = end ? (size_t)(end - line) : strlen(line);
        if (len > key_len && strncmp(line, key, key_len) == 0 && line[key_len] == '=') {
            const char *value = line + key_len + 1;
            size_t n = len - key_len - 1;
            if (n >= 2 && (*value == '"' || *value == '\'') && value[n - 1] == *value) {
                value++;
                n -= 2;
            }
            str_format(out, cap, "%.*s", (int)MT_MIN(n, cap - 1), value);
            return;
        }
        line = end ? end + 1 : NULL;
    }
}

/* True when `word` is one of the blank-separated words of `list`. */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *p = list; (p = strstr(p, word)) != NULL; p += len) {
        if ((p == list || p[-1] == ' ') && (p[len] == ' ' || p[len] == '\0')) {
            return true;
        }
    }
    return false;
}

void preflight_parse_distro(const char *text, struct preflight_distro *out)
{
    static const struct {
        const char *id;
        enum preflight_family family;
    } table[] = {
        {"ubuntu", FAMILY_UBUNTU}, {"debian", FAMILY_DEBIAN}, {"fedora", FAMILY_FEDORA},
        {"rhel", FAMILY_FEDORA},   {"centos", FAMILY_FEDORA}, {"arch", FAMILY_ARCH},
        {"alpine", FAMILY_ALPINE}, {"suse", FAMILY_SUSE},     {"opensuse", FAMILY_SUSE},
    };
    char id[64], like[128], version[32], all[200];
    memset(out, 0, sizeof(*out));
    os_release_get(text, "PRETTY_NAME", out->name, sizeof(out->name));
    os_release_get(text, "ID", id, sizeof(id));
    os_release_get(text, "ID_LIKE", like, sizeof(like));
    os_release_get(text, "VERSION_ID", version, sizeof(version));
    str_format(all, sizeof(all), "%s %s", id, like);
    for (size_t i = 0; i < MT_ARRAY_LEN(table) && out->family == FAMILY_OTHER; i++) {
        if (has_word(all, table[i].id)) {
            out->family = table[i].family;
        }
    }
    char *end = version;
    long major = strtol(version, &end, 10), minor = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
    out->version = major >= 0 && major < 100000 && minor >= 0 && minor < 100 ? (int)(major * 100 + minor) : 0;
}

void preflight_distro_load(struct preflight_distro *out)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    if (fs_read("/etc/os-release", 65536, &b, NULL) < 0 && fs_read("/usr/lib/os-release", 65536, &b, NULL) < 0) {
        strbuf_clear(&b);
    }
    preflight_parse_distro(b.buf, out);
}

void preflight_install_command(const struct preflight_distro *d, const char *package, char *out, size_t cap)
{
    static const char *const commands[] = {
        [FAMILY_DEBIAN] = "sudo apt-get install %s", [FAMILY_UBUNTU] = "sudo apt-get install %s",
        [FAMILY_FEDORA] = "sudo dnf install %s",     [FAMILY_ARCH] = "sudo pacman -S %s",
        [FAMILY_ALPINE] = "sudo apk add %s",         [FAMILY_SUSE] = "sudo zypper install %s",
    };
    const char *command = (size_t)d->family < MT_ARRAY_LEN(commands) ? commands[d->family] : NULL;
    if (!command) {
        str_format(out, cap, "install the package '%s'", package);
        return;
    }
    size_t prefix = strlen(command) - 2;
    str_format(out, cap, "%.*s%s", (int)prefix, command, package);
}

void preflight_parse_help(const char *help, const char *version, struct preflight_features *out)
{
    const struct {
        const char *option;
        bool *flag;
    } table[] = {
        {"--size ", &out->size},        {"--disable-userns", &out->disable_userns},
        {" --bind-fd ", &out->bind_fd}, {"--perms ", &out->perms},
        {"--clearenv", &out->clearenv}, {"--as-pid-1", &out->as_pid_1},
        {"--overlay ", &out->overlay},
    };
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        *table[i].flag = strstr(help, table[i].option) != NULL;
    }
    const char *digits = strpbrk(version, "0123456789");
    size_t n = digits ? strspn(digits, "0123456789.") : 0;
    str_format(out->version, sizeof(out->version), "%.*s", (int)MT_MIN(n, sizeof(out->version) - 1),
               digits ? digits : "");
}

/* How a text is answered. NULL fix: none. */
struct diagnosis {
    const char *text; /* what stderr contains */
    const char *reason;
    const char *fix;
    enum { FIX_PLAIN, FIX_APPARMOR } kind;
};

static const char outer_container[] =
    "run muthr-tui on the host itself, or let the outer container allow user namespaces and mounts "
    "(podman: --security-opt unmask=ALL --security-opt seccomp=unconfined; Docker: "
    "--security-opt systempaths=unconfined --security-opt seccomp=unconfined "
    "--security-opt apparmor=unconfined)";

/* The first match counts, so the more exact text stands before the more general one. */
static const struct diagnosis table[] = {
    {"setting up uid map: Permission denied", "AppArmor forbids user namespaces to unprivileged programs", NULL,
     FIX_APPARMOR},
    {"loopback: Failed RTM_NEWADDR", "AppArmor forbids user namespaces to unprivileged programs", NULL, FIX_APPARMOR},
    {"No permissions to creat", "the kernel refuses user namespaces to ordinary users (or this already is a sandbox)",
     "sudo sysctl kernel.unprivileged_userns_clone=1; inside another sandbox: run muthr-tui outside of it", FIX_PLAIN},
    {"nesting depth or /proc/sys/user/max_",
     "no further user namespaces are allowed here (user.max_*_namespaces is 0 or used up)",
     "sudo sysctl user.max_user_namespaces=15000", FIX_PLAIN},
    {"Creating new namespace failed", "the kernel or an outer container refuses new namespaces", outer_container,
     FIX_PLAIN},
    {"Can't mount proc on", "an outer container hides parts of /proc, so no fresh /proc can be mounted",
     outer_container, FIX_PLAIN},
    {"Can't find source path", "a folder to be shown inside does not exist any more",
     "restore it, or take it out of the mounts", FIX_PLAIN},
    {"Can't mkdir ", "a mount's target lies in a read-only part of the sandbox",
     "choose a target outside of /usr, /etc and other system folders", FIX_PLAIN},
    {"Can't create file at ", "a mount's target lies in a read-only part of the sandbox",
     "choose a target outside of /usr, /etc and other system folders", FIX_PLAIN},
    {"execvp /run/muthr/init", "the sandbox's init cannot be executed",
     "the program was built for another machine: rebuild it here", FIX_PLAIN},
    {"execvp true", "this machine's /usr, which sandboxes use, lacks the basic programs (true is not there)",
     "install the package coreutils; sandboxes look in /usr/local/bin, /usr/bin and /bin, whatever PATH says",
     FIX_PLAIN},
    {"Unknown option", "this bwrap is too old for an option that it was asked for", "update bubblewrap to 0.6 or newer",
     FIX_PLAIN},
    {"Unexpected capabilities but not setuid", "muthr-tui was started with extra capabilities",
     "start it without ambient or file capabilities", FIX_PLAIN},
    {"Failed to make / slave", "a security policy of an outer container forbids mounts", outer_container, FIX_PLAIN},
    {"Failed to mount tmpfs: Permission denied", "a security policy of an outer container forbids mounts",
     outer_container, FIX_PLAIN},
    {"Failed to mount tmpfs: No such file", "there is no /tmp in the file system", "sudo mkdir -m 1777 /tmp",
     FIX_PLAIN},
    {"--size option is not permitted in setuid mode",
     "bwrap is installed setuid root and refuses an option in that mode", "sudo chmod u-s the bwrap program",
     FIX_PLAIN},
};

/* AppArmor's cure differs by release of Ubuntu. */
static void apparmor_fix(const struct preflight_distro *d, char *fix, size_t cap)
{
    if (d->family == FAMILY_UBUNTU && d->version >= 2504) {
        str_format(fix, cap,
                   "sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict (package apparmor); last resort: "
                   "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0");
    } else {
        str_format(fix, cap,
                   "sudo apt-get install apparmor-profiles && sudo cp "
                   "/usr/share/apparmor/extra-profiles/bwrap-userns-restrict "
                   "/etc/apparmor.d/ && sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict; last resort: "
                   "sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0");
    }
}

void preflight_classify(const char *text, const struct preflight_distro *d, char *reason, size_t reason_cap, char *fix,
                        size_t fix_cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    fix[0] = '\0';
    if (!text) {
        str_copy(reason, reason_cap, "bubblewrap (bwrap) is not installed");
        preflight_install_command(d, "bubblewrap", fix, fix_cap);
        return;
    }
    size_t len = strlen(text);
    while (len > 0 && isspace((unsigned char)text[len - 1])) {
        len--;
    }
    size_t start = len > 200 ? len - 200 : 0;
    utf8_sanitize(&clean, text + start, len - start, false);
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (strstr(text, table[i].text)) {
            str_format(reason, reason_cap, "%s (%s)", table[i].reason, clean.buf);
            if (table[i].kind == FIX_APPARMOR) {
                apparmor_fix(d, fix, fix_cap);
            } else {
                str_copy(fix, fix_cap, table[i].fix);
            }
            return;
        }
    }
    str_format(reason, reason_cap, "bwrap failed: %s", clean.len ? clean.buf : "without a message");
}
