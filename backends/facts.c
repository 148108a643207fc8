/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/facts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

/* In the kernel's order (capability.h). */
static const char *const capability_names[] = {
    "CHOWN",
    "DAC_OVERRIDE",
    "DAC_READ_SEARCH",
    "FOWNER",
    "FSETID",
    "KILL",
    "SETGID",
    "SETUID",
    "SETPCAP",
    "LINUX_IMMUTABLE",
    "NET_BIND_SERVICE",
    "NET_BROADCAST",
    "NET_ADMIN",
    "NET_RAW",
    "IPC_LOCK",
    "IPC_OWNER",
    "SYS_MODULE",
    "SYS_RAWIO",
    "SYS_CHROOT",
    "SYS_PTRACE",
    "SYS_PACCT",
    "SYS_ADMIN",
    "SYS_BOOT",
    "SYS_NICE",
    "SYS_RESOURCE",
    "SYS_TIME",
    "SYS_TTY_CONFIG",
    "MKNOD",
    "LEASE",
    "AUDIT_WRITE",
    "AUDIT_CONTROL",
    "SETFCAP",
    "MAC_OVERRIDE",
    "MAC_ADMIN",
    "SYSLOG",
    "WAKE_ALARM",
    "BLOCK_SUSPEND",
    "AUDIT_READ",
    "PERFMON",
    "BPF",
    "CHECKPOINT_RESTORE",
};

/* behaviour.md S10. */
static const char *const forbidden[] = {
    "SYS_ADMIN", "SYS_PTRACE", "SYS_MODULE",      "SYS_RAWIO", "SYS_BOOT",    "SYS_TIME",
    "NET_ADMIN", "NET_RAW",    "DAC_READ_SEARCH", "MKNOD",     "AUDIT_WRITE",
};

void facts_add(struct facts *f, enum isolation_verdict verdict, const char *name, const char *wanted, const char *fmt,
               ...)
{
    char text[512];
    va_list ap;
    f->v = xreallocarray(f->v, f->len + 1, sizeof(*f->v));
    struct isolation_fact *fact = &f->v[f->len++];
    memset(fact, 0, sizeof(*fact));
    fact->verdict = verdict;
    str_copy(fact->name, sizeof(fact->name), name);
    str_copy(fact->wanted, sizeof(fact->wanted), wanted ? wanted : "");
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strlen(text), false);
    if (str_copy(fact->actual, sizeof(fact->actual), clean.buf) < 0) { /* cut at a word, and visibly so */
        static const char MORE[] = " ...";
        str_copy(fact->actual, sizeof(fact->actual) - strlen(MORE), clean.buf);
        char *end = strrchr(fact->actual, ' ');
        size_t at = end ? (size_t)(end - fact->actual) : strlen(fact->actual);
        str_copy(fact->actual + at, sizeof(MORE), MORE);
    }
}

bool facts_read_file(const char *path, struct strbuf *out)
{
    char buf[4096];
    ssize_t n;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    while ((n = read(fd, buf, sizeof(buf))) > 0 && out->len < 1u << 20) {
        strbuf_add(out, buf, (size_t)n);
    }
    close(fd);
    return n >= 0;
}

/* The value of a "Key:\tvalue" line, or NULL. */
static const char *status_value(const char *text, const char *key)
{
    size_t len = strlen(key);
    for (const char *p = text; p && *p; p = strchr(p, '\n')) {
        p += *p == '\n';
        if (strncmp(p, key, len) == 0 && p[len] == ':') {
            return p + len + 1 + strspn(p + len + 1, " \t");
        }
    }
    return NULL;
}

bool facts_parse_status(const char *text, struct facts_status *out)
{
    const char *uid = status_value(text, "Uid"), *eff = status_value(text, "CapEff"),
               *bound = status_value(text, "CapBnd"), *nnp = status_value(text, "NoNewPrivs"),
               *mode = status_value(text, "Seccomp"), *filters = status_value(text, "Seccomp_filters"),
               *pids = status_value(text, "NSpid");
    memset(out, 0, sizeof(*out));
    if (!uid || !eff || !bound || !nnp || !mode || sscanf(uid, "%*u %u", &out->uid) != 1) {
        return false;
    }
    out->effective = strtoull(eff, NULL, 16);
    out->bounding = strtoull(bound, NULL, 16);
    out->no_new_privs = nnp[0] == '1';
    out->seccomp = (int)strtol(mode, NULL, 10);
    out->filters = filters ? (unsigned)strtoul(filters, NULL, 10) : 0;
    out->own_pids = pids && strcspn(pids, "\t ") < strcspn(pids, "\n");
    return true;
}

void facts_capability_names(uint64_t set, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    size_t count = 0;
    for (unsigned i = 0; i < 64; i++) {
        if (!(set >> i & 1)) {
            continue;
        }
        count++;
        strbuf_addstr(&text, text.len ? ", " : "");
        if (i < MT_ARRAY_LEN(capability_names)) {
            strbuf_addstr(&text, capability_names[i]);
        } else {
            strbuf_addf(&text, "%u", i);
        }
    }
    if (count >= MT_ARRAY_LEN(capability_names) - 1) {
        str_format(out, cap, "all %zu", count);
    } else {
        str_copy(out, cap, count ? text.buf : "none");
    }
}

int facts_capability_find(const char *name)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(capability_names); i++) {
        if (strcmp(name, capability_names[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

uint64_t facts_capabilities_forbidden(void)
{
    uint64_t set = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(forbidden); i++) {
        int number = facts_capability_find(forbidden[i]);
        set |= number >= 0 ? 1ull << number : 0;
    }
    return set;
}

/* --- network --- */

/* IPv4's default route: destination and mask are zero. */
static void parse_route(const char *text, struct facts_net *out)
{
    for (const char *p = strchr(text, '\n'); p && *++p; p = strchr(p, '\n')) {
        char name[17];
        unsigned long to, gateway, flags, mask;
        if (sscanf(p, "%16s %lx %lx %lx %*s %*s %*s %lx", name, &to, &gateway, &flags, &mask) == 5 && to == 0 &&
            mask == 0 && (flags & 1)) {
            struct in_addr address = {.s_addr = (in_addr_t)gateway};
            out->default_route = true;
            if (gateway) {
                inet_ntop(AF_INET, &address, out->gateway, sizeof(out->gateway));
            }
            return;
        }
    }
}

/* IPv6's: a destination of zero length that is neither lo's nor a refusal (RTF_REJECT). */
static void parse_route6(const char *text, struct facts_net *out)
{
    for (const char *p = text; p && *p; p = strchr(p, '\n')) {
        char name[17];
        unsigned len;
        unsigned long flags;
        p += *p == '\n';
        if (sscanf(p, "%*32s %x %*32s %*x %*32s %*x %*x %*x %lx %16s", &len, &flags, name) == 3 && len == 0 &&
            (flags & 1) && !(flags & 0x0200) && strcmp(name, "lo") != 0) {
            out->default_route = true;
        }
    }
}

void facts_parse_net(const char *dev, const char *route, const char *route6, struct facts_net *out)
{
    MT_CLEANUP(strbuf) struct strbuf names = STRBUF_INIT;
    memset(out, 0, sizeof(*out));
    for (const char *p = dev; p && *p; p = strchr(p, '\n')) {
        char name[32];
        p += *p == '\n';
        /* Two lines of headings hold a bar instead of the colon. */
        if (sscanf(p, " %31[^:|\n]:", name) != 1 || p[strcspn(p, ":|\n")] != ':' || strcmp(name, "lo") == 0) {
            continue;
        }
        out->interfaces++;
        strbuf_addf(&names, "%s%s", names.len ? ", " : "", name);
    }
    str_copy(out->names, sizeof(out->names), names.buf);
    parse_route(route, out);
    parse_route6(route6, out);
}

int facts_read_net(int pid, struct facts_net *out, struct error *err)
{
    static const char *const files[] = {"dev", "route", "ipv6_route"};
    struct strbuf text[3] = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
    int rc = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
        char path[64];
        str_format(path, sizeof(path), "/proc/%d/net/%s", pid, files[i]);
        /* A kernel without IPv6 has no table of it. */
        if (!facts_read_file(path, &text[i]) && i < 2 && rc == 0) {
            rc = error_sys(err, errno, "%s", path);
        }
    }
    if (rc == 0) {
        facts_parse_net(text[0].buf, text[1].buf, text[2].buf, out);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
        strbuf_release(&text[i]);
    }
    return rc;
}
