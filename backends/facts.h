/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_FACTS_H
#define MT_BACKENDS_FACTS_H

/* How a sandbox whose init is a process of this machine is cut off, read back from the kernel: /proc/PID and the files
 * of its control groups. Shared by the backends, so that the same thing has the same name everywhere. Never asks the
 * runtime, never trusts what was wished for. Short synchronous reads; the parsers are pure. Source: proc(5),
 * capabilities(7), cgroups(7). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/util/compiler.h"
#include "core/util/strbuf.h"

/* A growing list; `v` is freed by its owner, or handed to a backend_call as its facts. */
struct facts {
    struct isolation_fact *v;
    size_t len;
};
/* Appends one; text that does not fit is cut. wanted NULL: "". */
void facts_add(struct facts *f, enum isolation_verdict verdict, const char *name, const char *wanted, const char *fmt,
               ...) MT_PRINTF(5, 6);

/* What is to be looked at, and what it is measured against. */
struct facts_subject {
    int pid;                         /* of its init, on this machine */
    const struct sandbox_spec *spec; /* what is wanted; NULL: nothing is known of that */
    const char *const *own_mounts;   /* further targets that may be written to (home, tmp), NULL-terminated; may be
                                        NULL */
    const char *const *passed_over;  /* targets that are not worth a word, NULL-terminated; may be NULL */
    const char *limits;              /* limits that hold by other means than control groups, as
                                        sandbox_info.limits has them; may be NULL */
};
/* Appends everything that can be read of it; what cannot is there as ISOLATION_UNKNOWN. */
void facts_of_process(struct facts *f, const struct facts_subject *s);

/* The same without limits, from texts that a program inside has read, for what runs on another machine. A section is
 * "==> PATH <==" and the file, as `tail -n +1 PATH...` prints them. shares_net: the runtime says that the network is
 * the machine's. rootless: of the runtime, whose user stands for root. The program is the image's own: who says this
 * must say so, too. */
void facts_of_inside(struct facts *f, const char *sections, const struct facts_subject *s, bool shares_net,
                     bool rootless);
/* What to read for it, NULL-terminated. */
extern const char *const facts_inside_files[];

/* --- pure parts --- */

struct facts_status {
    unsigned uid; /* effective, as the reader's namespace has it */
    uint64_t effective, bounding;
    bool no_new_privs, own_pids;
    int seccomp; /* 0 off, 1 strict, 2 filter */
    unsigned filters;
};
/* From /proc/PID/status. False when a line that matters is missing. */
bool facts_parse_status(const char *text, struct facts_status *out);
/* "CHOWN, KILL", "none", "all 41". */
void facts_capability_names(uint64_t set, char *out, size_t cap);
/* The number of "CHOWN", or -1. */
int facts_capability_find(const char *name);
/* The capabilities of rule S10 that must not be there. */
uint64_t facts_capabilities_forbidden(void);

struct facts_net {
    unsigned interfaces; /* besides lo */
    char names[96];
    bool default_route; /* IPv4 or IPv6 */
    char gateway[46];   /* of IPv4's default route, or "" */
};
/* From the texts of /proc/PID/net/{dev,route,ipv6_route}; route and ipv6_route may be "". */
void facts_parse_net(const char *dev, const char *route, const char *route6, struct facts_net *out);
/* The same, read. -1 when it cannot be read (gone, or not ours to look at). */
int facts_read_net(int pid, struct facts_net *out, struct error *err);

/* From the text of /proc/PID/mountinfo: root, host folders and devices. */
void facts_mounts(struct facts *f, const char *mountinfo, const struct facts_subject *s);

/* Appends a file without a size (/proc, /sys), at most 1 MiB. False when it cannot be opened. */
bool facts_read_file(const char *path, struct strbuf *out);

#endif
