/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/host.h"

/* ISO C forbids an empty file. */
typedef int host_darwin_unused;

#if defined(__APPLE__)

#include <errno.h>
#include <libproc.h>
#include <mach/mach_time.h>
#include <stdlib.h>
#include <string.h>
#include <sys/clonefile.h>
#include <sys/sysctl.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* Source: libproc.h, sys/proc_info.h, sysctl(3), clonefile(2). */

#define ZOMBIE 5 /* SZOMB of sys/proc.h */

static bool look(int pid, struct proc_bsdinfo *info)
{
    return proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, info, sizeof(*info)) == (int)sizeof(*info) &&
           info->pbi_status != ZOMBIE;
}

static uint64_t start_of(const struct proc_bsdinfo *info)
{
    return info->pbi_start_tvsec * 1000000 + info->pbi_start_tvusec;
}

size_t host_processes(struct host_process **out)
{
    int bytes = proc_listpids(PROC_UID_ONLY, (uint32_t)geteuid(), NULL, 0);
    size_t cap = bytes > 0 ? (size_t)bytes / sizeof(pid_t) + 64 : 64, count = 0; /* more may come meanwhile */
    pid_t *pids = xcalloc(cap, sizeof(*pids));
    bytes = proc_listpids(PROC_UID_ONLY, (uint32_t)geteuid(), pids, (int)(cap * sizeof(*pids)));
    size_t seen = bytes > 0 ? (size_t)bytes / sizeof(pid_t) : 0;
    *out = xcalloc(seen + 1, sizeof(**out));
    for (size_t i = 0; i < seen; i++) {
        struct proc_bsdinfo info;
        if (pids[i] > 1 && look(pids[i], &info)) {
            (*out)[count++] = (struct host_process){.pid = pids[i],
                                                    .parent = (int)info.pbi_ppid,
                                                    .group = (int)info.pbi_pgid,
                                                    .session = (int)getsid(pids[i]),
                                                    .start = start_of(&info)};
        }
    }
    free(pids);
    return count;
}

bool host_may_be_orphan(const struct host_process *p)
{
    return p->parent == 1; /* launchd takes them all */
}

uint64_t host_process_start(int pid)
{
    struct proc_bsdinfo info;
    return pid > 0 && look(pid, &info) ? start_of(&info) : 0;
}

bool host_process_usage(int pid, uint64_t *cpu_ns, uint64_t *resident)
{
    struct proc_taskinfo info;
    mach_timebase_info_data_t base;
    if (proc_pidinfo(pid, PROC_PIDTASKINFO, 0, &info, sizeof(info)) != (int)sizeof(info) ||
        mach_timebase_info(&base) != 0 || base.denom == 0) {
        return false;
    }
    uint64_t ticks = info.pti_total_user + info.pti_total_system;
    *cpu_ns = ticks / base.denom * base.numer + ticks % base.denom * base.numer / base.denom;
    *resident = info.pti_resident_size;
    return true;
}

int host_clone_file(const char *from, const char *to)
{
    return clonefile(from, to, CLONE_NOFOLLOW);
}

const char *host_sandbox_exec(void)
{
    static const char path[] = "/usr/bin/sandbox-exec";
    return access(path, X_OK) == 0 ? path : NULL;
}

bool host_confines(void)
{
    return true;
}

void host_version(char *out, size_t cap)
{
    char version[32] = "";
    size_t len = sizeof(version) - 1;
    bool known = sysctlbyname("kern.osproductversion", version, &len, NULL, 0) == 0;
    str_format(out, cap, known ? "macOS %s" : "macOS%s", version);
}

#endif
