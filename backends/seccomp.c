/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seccomp.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/personality.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "core/util/json.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x00000080
#endif

/* Calls that fail with EPERM. Names, not numbers: what this architecture or library does not know is skipped. */
static const char *const denied[] = {
    "add_key",
    "request_key",
    "keyctl",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "open_by_handle_at",
    "fanotify_init",
    "lookup_dcookie",
    "quotactl",
    "quotactl_fd",
    "acct",
    "swapon",
    "swapoff",
    "reboot",
    "syslog",
    "vhangup",
    "settimeofday",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "sethostname",
    "setdomainname",
    "pidfd_getfd",
    "kcmp",
    "process_madvise",
    "migrate_pages",
    "move_pages",
    "uselib",
    "iopl",
    "ioperm",
    "modify_ldt",
    "ustat",
    "sysfs",
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "unshare",
    "setns",
};

/* Calls that must look as if the kernel had none: callers have a fallback (clone3's flags and openat2's mode cannot be
 * inspected; the new mount calls would pass by the old ones' rules; io_uring passes by every filter on sockets). */
static const char *const hidden[] = {
    "clone3",   "io_uring_setup", "io_uring_enter", "io_uring_register", "open_tree", "move_mount", "fsopen",
    "fsconfig", "fsmount",        "fspick",         "mount_setattr",     "openat2",
};

/* The same, where libseccomp 2.5 does not know the names: numbers are equal on every architecture since Linux 5.1. */
struct numbered_call {
    int number;
    const char *name;
};
static const struct numbered_call hidden_numbers[] = {
    {457, "statmount"}, {458, "listmount"}, {467, "open_tree_attr"}, {470, "listns"}};
static const struct numbered_call fchmodat2 = {452, "fchmodat2"};

/* Where a call takes the mode of a file, and the flags without which it ignores that. */
struct mode_call {
    const char *name;
    unsigned mode_arg;
    int flags_arg; /* -1: the mode always counts */
};
static const struct mode_call mode_calls[] = {
    {"chmod", 1, -1},   {"fchmod", 1, -1}, {"fchmodat", 2, -1}, {"mknod", 1, -1},
    {"mknodat", 2, -1}, {"creat", 1, -1},  {"open", 2, 1},      {"openat", 3, 2},
};

/* Where rules go: a filter, or the list of a profile. */
struct sink {
    scmp_filter_ctx filter; /* NULL: the list */
    struct json *list;
};

/* The profile's word for a comparison. */
static const char *op_name(enum scmp_compare op)
{
    switch (op) {
    case SCMP_CMP_NE:
        return "SCMP_CMP_NE";
    case SCMP_CMP_EQ:
        return "SCMP_CMP_EQ";
    case SCMP_CMP_GT:
        return "SCMP_CMP_GT";
    default:
        return "SCMP_CMP_MASKED_EQ";
    }
}

/* One element of the profile's list. In a masked comparison, value is the mask. */
static void list_rule(struct sink *sink, int error, const char *name, unsigned count, const struct scmp_arg_cmp *args)
{
    struct json *rule = json_new_object(), *names = json_new_array(), *list = json_new_array();
    json_append_string(names, name);
    json_set(rule, "names", names);
    json_set_string(rule, "action", "SCMP_ACT_ERRNO");
    json_set_int(rule, "errnoRet", error);
    for (unsigned i = 0; i < count; i++) {
        struct json *arg = json_new_object();
        json_set_int(arg, "index", args[i].arg);
        json_set_int(arg, "value", (int64_t)args[i].datum_a);
        json_set_int(arg, "valueTwo", (int64_t)args[i].datum_b);
        json_set_string(arg, "op", op_name(args[i].op));
        json_append(list, arg);
    }
    json_set(rule, "args", list);
    json_append(sink->list, rule);
}

/* Adds one rule: the call fails with `error`. One whose name is not known here is no error. */
static int rule(struct sink *sink, int error, const char *name, unsigned count, const struct scmp_arg_cmp *args)
{
    if (!sink->filter) {
        list_rule(sink, error, name, count, args);
        return 0;
    }
    int nr = seccomp_syscall_resolve_name(name);
    if (nr == __NR_SCMP_ERROR) {
        return 0;
    }
    return seccomp_rule_add_array(sink->filter, SCMP_ACT_ERRNO((unsigned)error), nr, count, args);
}

/* The same for a call that old libraries do not know by name. */
static int rule_numbered(struct sink *sink, int error, const struct numbered_call *call, unsigned count,
                         const struct scmp_arg_cmp *args)
{
    if (!sink->filter) {
        list_rule(sink, error, call->name, count, args);
        return 0;
    }
    return seccomp_rule_add_array(sink->filter, SCMP_ACT_ERRNO((unsigned)error), call->number, count, args);
}

static int add_lists(struct sink *sink)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(denied); i++) {
        rc = rule(sink, EPERM, denied[i], 0, NULL);
    }
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(hidden); i++) {
        rc = rule(sink, ENOSYS, hidden[i], 0, NULL);
    }
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(hidden_numbers); i++) {
        rc = rule_numbered(sink, ENOSYS, &hidden_numbers[i], 0, NULL);
    }
    return rc;
}

/* clone with any new namespace; device nodes. */
static int add_arguments(struct sink *sink)
{
    static const uint64_t namespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                          CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET, CLONE_NEWTIME};
    static const uint64_t nodes[] = {S_IFCHR, S_IFBLK};
    const int deny = EPERM;
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(namespaces); i++) {
#if defined(__s390x__)
        struct scmp_arg_cmp arg = SCMP_A1(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]);
#else
        struct scmp_arg_cmp arg = SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces[i], namespaces[i]);
#endif
        /* CLONE_NEWTIME shares its bit with the exit signal of clone(2), where it cannot ask for a namespace. */
        if (namespaces[i] != CLONE_NEWTIME) {
            rc = rule(sink, deny, "clone", 1, &arg);
        }
    }
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(nodes); i++) {
        struct scmp_arg_cmp mknod_arg = SCMP_A1(SCMP_CMP_MASKED_EQ, S_IFMT, nodes[i]);
        struct scmp_arg_cmp mknodat_arg = SCMP_A2(SCMP_CMP_MASKED_EQ, S_IFMT, nodes[i]);
        rc = rule(sink, deny, "mknod", 1, &mknod_arg);
        rc = rc ? rc : rule(sink, deny, "mknodat", 1, &mknodat_arg);
    }
    return rc;
}

/* No file that runs as its owner or group: the workspace is a folder of the host, where such a file would hand the
 * person's rights (as root: all rights) to whoever else can reach it. nosuid holds only inside. */
static int add_set_id(struct sink *sink)
{
    static const uint64_t bits[] = {S_ISUID, S_ISGID};
    /* Of O_TMPFILE only the bit that is not O_DIRECTORY's. */
    static const uint64_t making[] = {O_CREAT, O_TMPFILE & ~O_DIRECTORY};
    const int deny = EPERM;
    int rc = 0;
    for (size_t b = 0; b < MT_ARRAY_LEN(bits); b++) {
        for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(mode_calls); i++) {
            const struct mode_call *c = &mode_calls[i];
            struct scmp_arg_cmp args[2] = {{.arg = c->mode_arg, .op = SCMP_CMP_MASKED_EQ, bits[b], bits[b]}};
            for (size_t m = 0; rc == 0 && m < (c->flags_arg < 0 ? 1 : MT_ARRAY_LEN(making)); m++) {
                args[1] = (struct scmp_arg_cmp){(unsigned)c->flags_arg, SCMP_CMP_MASKED_EQ, making[m], making[m]};
                rc = rule(sink, deny, c->name, c->flags_arg < 0 ? 1 : 2, args);
            }
        }
        struct scmp_arg_cmp mode = SCMP_A2(SCMP_CMP_MASKED_EQ, bits[b], bits[b]);
        rc = rc ? rc : rule_numbered(sink, deny, &fchmodat2, 1, &mode);
    }
    return rc;
}

/* personality: only 0, UNAME26, ADDR_NO_RANDOMIZE (gdb), both, and the query (all ones). A rule can look at an argument
 * only once, so this is said in pairs of bits: whoever has some of the other bits but not all has two neighbours of
 * which one is set and the next is not. */
static int add_personality(struct sink *sink)
{
    const uint64_t harmless = UNAME26 | ADDR_NO_RANDOMIZE;
    uint64_t bits[32];
    size_t n = 0;
    int rc = 0;
    for (int i = 0; i < 32; i++) {
        if (!(harmless >> i & 1)) {
            bits[n++] = 1ull << i;
        }
    }
    for (size_t i = 0; rc == 0 && i < n; i++) {
        struct scmp_arg_cmp pair = SCMP_A0(SCMP_CMP_MASKED_EQ, bits[i] | bits[(i + 1) % n], bits[i]);
        rc = rule(sink, EPERM, "personality", 1, &pair);
    }
    /* All of the others, but not the harmless ones: no query either. */
    const uint64_t rest[] = {UNAME26, ADDR_NO_RANDOMIZE};
    for (size_t i = 0; rc == 0 && i < MT_ARRAY_LEN(rest); i++) {
        struct scmp_arg_cmp pair = SCMP_A0(SCMP_CMP_MASKED_EQ, bits[0] | rest[i], bits[0]);
        rc = rule(sink, EPERM, "personality", 1, &pair);
    }
    return rc;
}

/* Input injection into a terminal, compared in the low 32 bits as the kernel does (CVE-2019-10063). */
static int add_ioctls(struct sink *sink)
{
    struct scmp_arg_cmp sti = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCSTI);
    struct scmp_arg_cmp linux_ioctl = SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffff, TIOCLINUX);
    int rc = rule(sink, EPERM, "ioctl", 1, &sti);
    return rc ? rc : rule(sink, EPERM, "ioctl", 1, &linux_ioctl);
}

/* Only UNIX, INET, INET6 and NETLINK_ROUTE sockets, none of them raw. AF_VSOCK above all: it is in no network namespace
 * and reaches the virtual machine's host. */
static int add_sockets(struct sink *sink)
{
    const int deny = EAFNOSUPPORT;
    struct scmp_arg_cmp above = SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0);
    int rc = rule(sink, deny, "socket", 1, &above);
    for (uint64_t family = 0; rc == 0 && family < AF_NETLINK; family++) {
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6) {
            struct scmp_arg_cmp one = SCMP_A0(SCMP_CMP_EQ, family, 0);
            rc = rule(sink, deny, "socket", 1, &one);
        }
    }
    if (rc == 0) {
        struct scmp_arg_cmp other[] = {SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE, 0)};
        rc = rule(sink, deny, "socket", 2, other);
    }
    for (uint64_t family = AF_INET; rc == 0 && family <= AF_INET6; family += AF_INET6 - AF_INET) {
        struct scmp_arg_cmp raw[] = {SCMP_A0(SCMP_CMP_EQ, family, 0), SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW)};
        rc = rule(sink, EPERM, "socket", 2, raw);
    }
    return rc;
}

/* All of them. */
static int add_all(struct sink *sink, bool set_id)
{
    int rc = add_lists(sink);
    rc = rc ? rc : add_arguments(sink);
    rc = rc || !set_id ? rc : add_set_id(sink);
    rc = rc ? rc : add_personality(sink);
    rc = rc ? rc : add_ioctls(sink);
    return rc ? rc : add_sockets(sink);
}

int seccomp_write(int fd, struct error *err)
{
    struct sink sink = {.filter = seccomp_init(SCMP_ACT_ALLOW)};
    if (!sink.filter) {
        return error_set(err, ERROR_UNAVAILABLE, "libseccomp cannot make a filter here");
    }
    int rc = seccomp_attr_set(sink.filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
    /* x32 has its own numbers for the same calls; libseccomp refuses it by itself in a filter that holds x86_64 only.
     */
    rc = rc ? rc : add_all(&sink, true);
    rc = rc ? rc : seccomp_export_bpf(sink.filter, fd);
    seccomp_release(sink.filter);
    return rc ? error_set(err, ERROR_UNAVAILABLE, "libseccomp: %s", strerror(-rc)) : 0;
}

/* This machine's architecture as profiles name it; NULL: none that we know. */
static const char *arch_name(void)
{
    switch (seccomp_arch_native()) {
    case SCMP_ARCH_X86_64:
        return "SCMP_ARCH_X86_64";
    case SCMP_ARCH_AARCH64:
        return "SCMP_ARCH_AARCH64";
    case SCMP_ARCH_ARM:
        return "SCMP_ARCH_ARM";
    case SCMP_ARCH_RISCV64:
        return "SCMP_ARCH_RISCV64";
    case SCMP_ARCH_PPC64LE:
        return "SCMP_ARCH_PPC64LE";
    case SCMP_ARCH_S390X:
        return "SCMP_ARCH_S390X";
    default:
        return NULL;
    }
}

int seccomp_write_json(bool packages, struct strbuf *out, struct error *err)
{
    struct sink sink = {.list = json_new_array()};
    struct json *profile = json_new_object(), *archs = json_new_array();
    int rc = arch_name() ? add_all(&sink, !packages)
                         : error_set(err, ERROR_UNAVAILABLE, "no system call filter for this architecture");
    if (arch_name()) {
        json_append_string(archs, arch_name());
    }
    json_set_string(profile, "defaultAction", "SCMP_ACT_ALLOW");
    json_set(profile, "architectures", archs);
    json_set(profile, "syscalls", sink.list);
    if (rc == 0) {
        json_write(profile, true, out);
    }
    json_free(profile);
    return rc;
}
