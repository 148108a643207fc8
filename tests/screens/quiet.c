/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/screens/quiet.h"

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

#if defined(__linux__)
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

struct process {
    pid_t pid, parent;
    bool ours;
};

/* Reads a file of /proc; empty when the process is gone. */
static const char *read_of(pid_t pid, const char *name, struct strbuf *out)
{
    MT_CLEANUP(xfree) char *path = xasprintf("/proc/%d/%s", (int)pid, name);

    strbuf_clear(out);
    (void)fs_read(path, 1u << 20, out, NULL);
    return out->buf;
}

/* The number after `key` in a process's status. */
static long long number_of(const char *status, const char *key)
{
    const char *at = strstr(status, key);

    return at ? strtoll(at + strlen(key), NULL, 10) : 0;
}

/* All processes; which are ours by themselves. */
static struct process *list_processes(const char *mark, pid_t root, size_t *n)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    (void)fs_list("/proc", &names, NULL);
    struct process *list = xcalloc(names.len + 1, sizeof(*list));
    *n = 0;
    for (size_t i = 0; i < names.len; i++) {
        if (isdigit((unsigned char)names.v[i][0])) {
            struct process *p = &list[(*n)++];
            p->pid = (pid_t)strtol(names.v[i], NULL, 10);
            p->parent = (pid_t)number_of(read_of(p->pid, "status", &text), "\nPPid:");
            (void)read_of(p->pid, "environ", &text);
            p->ours = p->pid == root || (text.len && memmem(text.buf, text.len, mark, strlen(mark)));
        }
    }
    return list;
}

/* Children of ours are ours. */
static void spread(struct process *list, size_t n)
{
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; !list[i].ours && j < n; j++) {
                list[i].ours = list[j].ours && list[j].pid == list[i].parent;
                again = again || list[i].ours;
            }
        }
    }
}

/* One process's threads: do all sleep? How often they came to run goes into `out`. */
static bool threads_sleep(pid_t pid, struct strbuf *out)
{
    MT_CLEANUP(strvec) struct strvec tasks = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf status = STRBUF_INIT;
    MT_CLEANUP(xfree) char *dir = xasprintf("/proc/%d/task", (int)pid);

    (void)fs_list(dir, &tasks, NULL); /* none: it has ended */
    for (size_t i = 0; i < tasks.len; i++) {
        MT_CLEANUP(xfree) char *name = xasprintf("task/%s/status", tasks.v[i]);
        const char *state = strstr(read_of(pid, name, &status), "\nState:");
        if (!state) {
            continue;
        }
        state += strlen("\nState:");
        state += strspn(state, " \t");
        if (!strchr("SITtZX", *state)) {
            strbuf_clear(out);
            strbuf_addf(out, "process %d: %s", (int)pid, status.buf);
            return false;
        }
        strbuf_addf(out, "%s:%lld,%lld ", tasks.v[i], number_of(state, "\nvoluntary_ctxt_switches:"),
                    number_of(state, "\nnonvoluntary_ctxt_switches:"));
    }
    return true;
}

bool quiet_look(const char *mark, pid_t root, struct strbuf *out)
{
    size_t n;
    struct process *list = list_processes(mark, root, &n);
    bool sleep = true;

    spread(list, n);
    strbuf_clear(out);
    for (size_t i = 0; sleep && i < n; i++) {
        sleep = !list[i].ours || threads_sleep(list[i].pid, out);
    }
    free(list);
    return sleep;
}
#else
bool quiet_look(const char *mark, pid_t root, struct strbuf *out)
{
    (void)mark;
    (void)root;
    strbuf_clear(out);
    return true;
}
#endif
