/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/procid.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#if defined(__APPLE__)
#include <libproc.h>
#endif

#include "core/io/pidwatch.h"
#include "core/io/procinfo.h"
#include "core/util/clock.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* A name for people. */
static void set_name(struct procid *p, const char *name)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, name, strlen(name), false);
    (void)str_copy(p->name, sizeof(p->name), clean.len > 0 ? clean.buf : "?");
}

#if defined(__linux__)

/* The program, the birth and the age. */
static void look(struct procid *p)
{
    char path[64], boot[PROCINFO_BOOT_MAX];
    struct timespec now;
    struct stat st;
    long hz = sysconf(_SC_CLK_TCK);
    unsigned long long ticks = procinfo_start(p->pid);

    str_format(path, sizeof(path), "/proc/%d/exe", p->pid);
    ssize_t n = readlink(path, p->exe, sizeof(p->exe) - 1);
    p->exe[n > 0 ? n : 0] = '\0';
    static const char GONE[] = " (deleted)"; /* its file was replaced while it ran: an update */
    size_t len = strlen(p->exe), gone = sizeof(GONE) - 1;
    if (len > gone && strcmp(p->exe + len - gone, GONE) == 0) {
        p->exe[len - gone] = '\0';
    }
    str_format(path, sizeof(path), "/proc/%d", p->pid);
    p->mine = stat(path, &st) == 0 && st.st_uid == geteuid();
    if (p->exe[0] != '\0') {
        set_name(p, path_base(p->exe));
    } else {
        char comm[64];
        procinfo_name(p->pid, comm, sizeof(comm));
        set_name(p, comm);
    }
    if (ticks == 0 || hz <= 0) {
        return;
    }
    procinfo_boot(boot);
    str_format(p->birth, sizeof(p->birth), "%s/%llu", boot, ticks);
    if (clock_gettime(CLOCK_BOOTTIME, &now) == 0) { /* what the ticks count; steps of the wall clock do not matter */
        uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
        uint64_t began_ms = ticks * 1000 / (unsigned long long)hz;
        p->age_ms = now_ms > began_ms ? now_ms - began_ms : 1;
    }
}

#elif defined(__APPLE__)

/* Source: libproc.h, sys/proc_info.h. */
static void look(struct procid *p)
{
    struct proc_bsdinfo info;
    char name[64] = "";

    if (proc_pidpath(p->pid, p->exe, sizeof(p->exe)) <= 0) {
        p->exe[0] = '\0';
        (void)proc_name(p->pid, name, sizeof(name));
    }
    set_name(p, p->exe[0] != '\0' ? path_base(p->exe) : name);
    if (proc_pidinfo(p->pid, PROC_PIDTBSDINFO, 0, &info, sizeof(info)) == (int)sizeof(info)) {
        uint64_t began_ms = info.pbi_start_tvsec * 1000 + info.pbi_start_tvusec / 1000, now_ms = clock_wall_ms();
        str_format(p->birth, sizeof(p->birth), "%llu.%06llu", (unsigned long long)info.pbi_start_tvsec,
                   (unsigned long long)info.pbi_start_tvusec);
        p->age_ms = now_ms > began_ms ? now_ms - began_ms : 1;
        p->mine = info.pbi_uid == geteuid();
    }
}

#else

static void look(struct procid *p)
{
    set_name(p, "?");
}

#endif

int procid_read(int pid, struct procid *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    if (pid_has_ended(pid)) {
        return error_set(err, ERROR_NOT_FOUND, "there is no process %d", pid);
    }
    out->pid = pid;
    out->leads = getpgid(pid) == pid;
    look(out);
    return 0;
}
