/* SPDX-License-Identifier: Apache-2.0 */
/* macOS only. Sources: libproc.h and sys/proc_info.h; sysctl(3) for KERN_PROCARGS2 and kern.bootsessionuuid. */
#include "core/io/procinfo.h"

#if defined(__APPLE__)

#include <errno.h>
#include <libproc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/proc.h>
#include <sys/sysctl.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define ALSO_ZOMBIES 1 /* what PROC_PIDTBSDINFO and PROC_PIDT_SHORTBSDINFO take as their argument */

uint64_t procinfo_start(int pid)
{
    struct proc_bsdinfo info;

    if (pid <= 0 || proc_pidinfo(pid, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) != (int)sizeof(info)) {
        return 0;
    }
    return info.pbi_start_tvsec * 1000000 + info.pbi_start_tvusec;
}

/* What may be asked about anybody's processes. */
static bool look(int pid, struct proc_bsdshortinfo *out)
{
    return pid > 0 && proc_pidinfo(pid, PROC_PIDT_SHORTBSDINFO, ALSO_ZOMBIES, out, sizeof(*out)) == (int)sizeof(*out);
}

bool procinfo_is_zombie(int pid)
{
    struct proc_bsdshortinfo info;

    if (look(pid, &info)) {
        return info.pbsi_status == SZOMB;
    }
    return errno == ESRCH; /* one that kill(2) still finds */
}

int procinfo_group(int pid)
{
    struct proc_bsdshortinfo info;

    return look(pid, &info) ? (int)info.pbsi_pgid : 0;
}

void procinfo_boot(char out[PROCINFO_BOOT_MAX])
{
    size_t len = PROCINFO_BOOT_MAX - 1;

    memset(out, 0, PROCINFO_BOOT_MAX);
    if (sysctlbyname("kern.bootsessionuuid", out, &len, NULL, 0) != 0) {
        out[0] = '\0';
    }
}

/* Numbers of one kind of list; libproc counts in bytes. */
static size_t list(uint32_t type, uint32_t of, int *out, size_t cap)
{
    int bytes = proc_listpids(type, of, out, (int)MT_MIN(cap * sizeof(*out), (size_t)1 << 24));
    size_t n = bytes > 0 ? (size_t)bytes / sizeof(*out) : 0, kept = 0;

    for (size_t i = 0; i < n; i++) {
        if (out[i] > 0) { /* the kernel's own is 0 */
            out[kept++] = out[i];
        }
    }
    return kept;
}

size_t procinfo_children(int pid, int *out, size_t cap)
{
    return list(PROC_PPID_ONLY, (uint32_t)pid, out, cap);
}

size_t procinfo_all(int *out, size_t cap)
{
    return list(PROC_ALL_PIDS, 0, out, cap);
}

void procinfo_name(int pid, char *out, size_t cap)
{
    struct proc_bsdshortinfo info;
    char name[2 * MAXCOMLEN + 1] = "";

    if (proc_name(pid, name, sizeof(name)) <= 0 && look(pid, &info)) {
        str_format(name, sizeof(name), "%.*s", (int)sizeof(info.pbsi_comm), info.pbsi_comm);
    }
    str_copy(out, cap, name);
}

/* What KERN_PROCARGS2 gives: the number of arguments, the program's path, NULs, the arguments, the environment. NULL
 * when it is not ours to see. *args and *end: where the arguments begin, and the end of all. Caller frees. */
static char *read_procargs(int pid, char **args, char **end, int *count)
{
    int name[] = {CTL_KERN, KERN_PROCARGS2, pid}, max = 0;
    size_t len = sizeof(max);

    if (sysctl((int[]){CTL_KERN, KERN_ARGMAX}, 2, &max, &len, NULL, 0) != 0 || max <= (int)sizeof(int)) {
        return NULL;
    }
    char *buf = xmalloc((size_t)max + 1);
    len = (size_t)max;
    if (sysctl(name, 3, buf, &len, NULL, 0) != 0 || len <= sizeof(int)) {
        free(buf);
        return NULL;
    }
    buf[len] = '\0';
    memcpy(count, buf, sizeof(*count));
    *end = buf + len;
    *args = buf + sizeof(*count);
    *args += strlen(*args);
    while (*args < *end && **args == '\0') {
        (*args)++;
    }
    return buf;
}

size_t procinfo_args(int pid, char *out, size_t cap)
{
    char *p, *end;
    int count;
    char *buf = read_procargs(pid, &p, &end, &count);
    size_t len = 0;

    for (; buf != NULL && count > 0 && p < end && len < cap - 1; count--) {
        size_t n = MT_MIN(strlen(p) + 1, cap - 1 - len);
        memcpy(out + len, p, n);
        len += n;
        p += strlen(p) + 1;
    }
    out[len] = '\0';
    free(buf);
    return len;
}

bool procinfo_has_env(int pid, const char *entry)
{
    char *p, *end;
    int count;
    char *buf = read_procargs(pid, &p, &end, &count);
    bool found = false;

    for (; buf != NULL && p < end && !found; count--, p += strlen(p) + 1) {
        found = count <= 0 && strcmp(p, entry) == 0;
    }
    free(buf);
    return found;
}

#endif
