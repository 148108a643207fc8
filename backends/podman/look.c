/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/podman/args.h"
#include "backends/podman/podman_private.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* What is there: list (one `ps`), inspect, and "is it ours?". Limits and the reason of an end are not in ps: they are
 * read back once per start or end of a container, by one inspect for all that are new, and kept. */

#define LOOK_TIMEOUT_MS 20000
#define LOOK_MAX_BYTES (16u << 20)

/* What was read back about one container as it is. */
struct detail {
    char id[72];
    char container[96], user[32];
    int pid; /* while it runs */
    int64_t started, exited;
    bool is_running, oom_killed, listed;
    char limits[160], warning[120];
    char network[128], gateway[64]; /* while it runs; the gateway changes with the network */
    uint64_t memory_bytes;
};
struct podman_details {
    struct detail *v;
    size_t len;
};

void podman_details_close(struct backend *be)
{
    if (be->details) {
        free(be->details->v);
        free(be->details);
        be->details = NULL;
    }
}

static struct detail *detail_find(struct backend *be, const struct podman_seen *s)
{
    bool running = s->info.state == SANDBOX_RUNNING;
    for (size_t i = 0; be->details && i < be->details->len; i++) {
        struct detail *d = &be->details->v[i];
        if (strcmp(d->id, s->info.id) == 0 && d->started == s->started && d->is_running == running &&
            (running ? strcmp(d->network, s->network) == 0 : d->exited == s->exited)) {
            return d;
        }
    }
    return NULL;
}

/* --- limits, read back --- */

/* A file of the control group that /proc/PID/cgroup tells of: its text. False: it cannot be read. */
static bool group_text(const char *cgroup, const char *controller, const char *v1_file, const char *v2_file,
                       struct strbuf *text)
{
    char key[32], path[1024];
    const char *v1, *v2 = strstr(cgroup, "0::");
    str_format(key, sizeof(key), ":%s:", controller);
    v1 = strstr(cgroup, key);
    if (v1) {
        v1 += strlen(key);
        str_format(path, sizeof(path), "/sys/fs/cgroup/%s%.*s/%s", controller, (int)strcspn(v1, "\n"), v1, v1_file);
    } else if (v2) {
        str_format(path, sizeof(path), "/sys/fs/cgroup%.*s/%s", (int)strcspn(v2 + 3, "\n"), v2 + 3, v2_file);
    } else {
        return false;
    }
    return fs_read(path, 8192, text, NULL) == 0 && text->len > 0;
}

/* The number in such a file; -1: none set, -2: cannot be read. */
static int64_t group_number(const char *cgroup, const char *controller, const char *v1_file, const char *v2_file)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (!group_text(cgroup, controller, v1_file, v2_file, &text)) {
        return -2;
    }
    long long n = strncmp(text.buf, "max", 3) == 0 ? -1 : strtoll(text.buf, NULL, 10);
    return n < 0 || n > (1LL << 60) ? -1 : n;
}

static void format_bytes(uint64_t bytes, char *out, size_t cap)
{
    double mib = (double)bytes / (1 << 20);
    str_format(out, cap, mib >= 1024 ? "%.1f GiB" : "%.1f MiB", mib >= 1024 ? mib / 1024 : mib);
}

/* Appends "what value (means)" to d->limits, or the name to `missing` when it was asked for and does not hold. */
static void judge_limit(struct detail *d, struct strbuf *missing, const char *name, const char *value, bool asked,
                        bool holds, const char *means)
{
    size_t len = strlen(d->limits);
    if (!asked) {
        return;
    }
    if (holds) {
        str_format(d->limits + len, sizeof(d->limits) - len, "%s%s %s (%s)", len ? ", " : "", name, value, means);
    } else {
        strbuf_addf(missing, "%s%s", missing->len ? ", " : "", name);
    }
}

/* From the kernel where it is a process of this machine, else what the runtime says that it was told. */
static void read_limits(const struct backend *be, const struct podman_seen *s, struct detail *d)
{
    MT_CLEANUP(strbuf) struct strbuf cgroup = STRBUF_INIT;
    MT_CLEANUP(strbuf) struct strbuf missing = STRBUF_INIT;
    char path[64], memory[32], pids[32], cpus[32];
    str_format(path, sizeof(path), "/proc/%d/cgroup", s->info.pid);
    bool local = !be->target_url && s->info.pid > 0 && fs_read(path, 65536, &cgroup, NULL) == 0;
    const char *means = local ? "cgroup" : "podman";
    int64_t in_force = local ? group_number(cgroup.buf, "memory", "memory.limit_in_bytes", "memory.max") : -2;
    int64_t pids_now = local ? group_number(cgroup.buf, "pids", "pids.max", "pids.max") : -2;
    int64_t quota = local ? group_number(cgroup.buf, "cpu", "cpu.cfs_quota_us", "cpu.max") : -2;
    format_bytes(in_force > 0 ? (uint64_t)in_force : s->memory_bytes, memory, sizeof(memory));
    str_format(pids, sizeof(pids), "%lld", (long long)(pids_now > 0 ? pids_now : s->pids));
    str_format(cpus, sizeof(cpus), "%.4g", s->cpus);
    judge_limit(d, &missing, "memory", memory, s->memory_bytes > 0, !local || in_force > 0, means);
    judge_limit(d, &missing, "pids", pids, s->pids > 0, !local || pids_now > 0, means);
    judge_limit(d, &missing, "cpus", cpus, s->cpus > 0, !local || quota > 0, means);
    if (missing.len) {
        str_format(d->warning, sizeof(d->warning), "limits not enforced: %s", missing.buf);
    }
}

bool podman_limits_hold(const struct backend *be, const struct podman_seen *seen, char *missing, size_t cap)
{
    struct detail d = {0};
    read_limits(be, seen, &d);
    str_copy(missing, cap, d.warning);
    return d.warning[0] == '\0';
}

/* Remembers what was read back. */
static void detail_add(struct backend *be, const struct podman_seen *s)
{
    struct detail d = {.started = s->started,
                       .exited = s->exited,
                       .is_running = s->info.state == SANDBOX_RUNNING,
                       .oom_killed = s->oom_killed,
                       .listed = true,
                       .pid = s->info.state == SANDBOX_RUNNING ? s->info.pid : 0,
                       .memory_bytes = s->memory_bytes};
    str_copy(d.id, sizeof(d.id), s->info.id);
    str_copy(d.container, sizeof(d.container), s->container);
    str_copy(d.user, sizeof(d.user), s->user);
    str_copy(d.network, sizeof(d.network), s->network);
    str_copy(d.gateway, sizeof(d.gateway), s->info.gateway);
    if (d.is_running) {
        read_limits(be, s, &d);
    }
    if (!be->details) {
        be->details = xcalloc(1, sizeof(*be->details));
    }
    /* One per name: the newest. */
    for (size_t i = 0; i < be->details->len; i++) {
        if (strcmp(be->details->v[i].container, d.container) == 0) {
            be->details->v[i] = d;
            return;
        }
    }
    be->details->v = xreallocarray(be->details->v, be->details->len + 1, sizeof(d));
    be->details->v[be->details->len++] = d;
}

void podman_remember(struct backend *be, const struct podman_seen *seen)
{
    detail_add(be, seen);
}

/* The value of a line "name number". */
static uint64_t stat_line(const char *text, const char *name)
{
    size_t n = strlen(name);
    for (const char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        if (strncmp(line, name, n) == 0 && line[n] == ' ') {
            return strtoull(line + n + 1, NULL, 10);
        }
    }
    return 0;
}

uint64_t podman_cache_bytes(const struct backend *be, const char *container)
{
    MT_CLEANUP(strbuf) struct strbuf cgroup = STRBUF_INIT, text = STRBUF_INIT;
    char path[64];
    int pid = 0;
    for (size_t i = 0; be->details && i < be->details->len; i++) {
        pid = strcmp(be->details->v[i].container, container) == 0 ? be->details->v[i].pid : pid;
    }
    str_format(path, sizeof(path), "/proc/%d/cgroup", pid);
    if (be->target_url || pid <= 0 || fs_read(path, 65536, &cgroup, NULL) < 0 ||
        !group_text(cgroup.buf, "memory", "memory.stat", "memory.stat", &text)) {
        return 0;
    }
    bool v1 = strstr(cgroup.buf, ":memory:") != NULL;
    return stat_line(text.buf, v1 ? "total_inactive_file" : "inactive_file") +
           stat_line(text.buf, v1 ? "total_active_file" : "active_file");
}

const char *podman_user_of(const struct backend *be, const char *container)
{
    for (size_t i = 0; be->details && i < be->details->len; i++) {
        if (strcmp(be->details->v[i].container, container) == 0) {
            return be->details->v[i].user;
        }
    }
    return NULL;
}

static void append_warning(struct sandbox_info *i, const char *text)
{
    size_t len = strlen(i->warning);
    if (text[0]) {
        str_format(i->warning + len, sizeof(i->warning) - len, "%s%s", len ? "; " : "", text);
    }
}

#if defined(__linux__)
/* Has this process ended, although nobody may have waited for it yet? */
static bool is_dead(pid_t pid)
{
    char path[64];
    MT_CLEANUP(strbuf) struct strbuf stat = STRBUF_INIT;
    if (kill(pid, 0) < 0) {
        return errno == ESRCH;
    }
    str_format(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const char *name_end = fs_read(path, 4096, &stat, NULL) == 0 ? strrchr(stat.buf, ')') : NULL;
    return name_end && strncmp(name_end, ") Z", 3) == 0;
}
#endif

bool podman_is_gone(const struct backend *be, const struct podman_seen *seen)
{
#if defined(__linux__)
    bool here = !be->target_url && !be->facts.is_remote;
    return here && seen->info.state == SANDBOX_RUNNING && seen->info.pid > 0 && is_dead(seen->info.pid);
#else
    (void)be; /* the processes are in a virtual machine */
    (void)seen;
    return false;
#endif
}

/* Do the programs inside still have another folder than the one that is there now? A bind mount keeps the old one. */
static bool folder_is_other(const struct sandbox_info *i)
{
#if defined(__linux__)
    char path[sizeof(i->mount) + 32];
    struct stat there, inside;
    str_format(path, sizeof(path), "/proc/%d/root%s", i->pid, i->mount);
    return i->pid > 0 && i->mount[0] == '/' && stat(i->workspace, &there) == 0 && stat(path, &inside) == 0 &&
           (there.st_dev != inside.st_dev || there.st_ino != inside.st_ino);
#else
    (void)i; /* the processes are in a virtual machine */
    return false;
#endif
}

/* Puts what is not in ps into the info. */
static void complete(struct backend *be, const struct podman_seen *s, struct sandbox_info *i)
{
    const struct detail *d = detail_find(be, s);
    *i = s->info;
    if (podman_is_gone(be, s)) {
        i->state = SANDBOX_STOPPED;
        str_copy(i->reason, sizeof(i->reason), "ended, and podman did not see it");
    }
    if (d) {
        str_copy(i->limits, sizeof(i->limits), d->limits);
        str_copy(i->gateway, sizeof(i->gateway), d->gateway);
        append_warning(i, d->warning);
        if (d->oom_killed && i->state != SANDBOX_RUNNING) {
            char memory[32];
            format_bytes(d->memory_bytes, memory, sizeof(memory));
            i->state = SANDBOX_FAILED;
            str_format(i->reason, sizeof(i->reason), "killed: memory limit %s", memory);
        }
    }
    if (strncmp(s->user, "0:", 2) == 0 && !be->target_url && geteuid() == 0) {
        append_warning(i, "running as root: the sandbox's processes are the host's root user without privileges");
    }
    if (!be->target_url && i->state == SANDBOX_RUNNING && i->workspace[0]) {
        i->workspace_missing = !fs_is_dir(i->workspace) || (!be->facts.is_remote && folder_is_other(i));
    }
}

/* --- list --- */

struct list {
    struct podman_seen *v; /* without their vectors */
    size_t len;
    struct strvec unknown; /* ids to inspect */
};

static void list_release(struct request *r)
{
    struct list *l = r->state;
    free(l->v);
    strvec_release(&l->unknown);
    free(l);
}

static void list_each(void *arg, const struct podman_seen *seen)
{
    struct request *r = arg;
    struct list *l = r->state;
    l->v = xreallocarray(l->v, l->len + 1, sizeof(*l->v));
    l->v[l->len] = *seen;
    strvec_init(&l->v[l->len].networks);
    strvec_init(&l->v[l->len].create_command);
    l->len++;
    struct detail *d = detail_find(r->be, seen);
    if (d) {
        d->listed = true;
    } else if (seen->ever_started && !seen->info.foreign) {
        strvec_push(&l->unknown, seen->info.id);
    }
}

static void list_end(struct request *r)
{
    struct list *l = r->state;
    struct podman_details *all = r->be->details;
    size_t kept = 0;
    bool any_alive = false;
    for (size_t i = 0; i < l->len; i++) {
        struct sandbox_info info;
        complete(r->be, &l->v[i], &info);
        any_alive = any_alive || (info.state != SANDBOX_STOPPED && !info.foreign);
        podman_add_info(r->call, &info);
    }
    /* What is not there any more is forgotten. */
    for (size_t i = 0; all && i < all->len; i++) {
        if (all->v[i].listed) {
            all->v[kept++] = all->v[i];
        }
    }
    if (all) {
        all->len = kept;
    }
    podman_watch_listed(r->be, any_alive);
    podman_finish(r, NULL);
}

static void detail_each(void *arg, const struct podman_seen *seen)
{
    detail_add(arg, seen);
}

/* Containers that went away meanwhile make inspect fail; the others are printed all the same. */
static void on_details(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)err;
    podman_parse_inspect(res->out->buf, res->out->len, detail_each, r->be, NULL);
    list_end(r);
}

static void on_list(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct list *l = r->state;
    struct error why = ERROR_INIT;
    for (size_t i = 0; r->be->details && i < r->be->details->len; i++) {
        r->be->details->v[i].listed = false;
    }
    if (err || podman_parse_ps(res->out->buf, res->out->len, list_each, r, &why) < 0) {
        podman_finish(r, err ? err : &why);
        return;
    }
    if (l->unknown.len == 0) {
        list_end(r);
        return;
    }
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushl(&args, "inspect", "--type", "container", NULL);
    strvec_pushv(&args, (const char *const *)l->unknown.v);
    struct cli_opts opts = {
        .args = (const char *const *)args.v, .capture_max_bytes = LOOK_MAX_BYTES, .timeout_ms = LOOK_TIMEOUT_MS};
    if (podman_run(r, &opts, on_details, &why) < 0) {
        podman_finish(r, &why);
    }
}

int podman_list(struct request *r, struct error *err)
{
    static const char *const args[] = {"ps", "-a", "--no-trunc", "--format", "json", NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = LOOK_MAX_BYTES, .timeout_ms = LOOK_TIMEOUT_MS};
    struct list *l = xcalloc(1, sizeof(*l));
    strvec_init(&l->unknown);
    r->state = l;
    r->release = list_release;
    return podman_run(r, &opts, on_list, err);
}

/* --- one of them --- */

static int ask_one(struct request *r,
                   void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                   struct error *err)
{
    const char *args[] = {"inspect", "--type", "container", r->container, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = LOOK_MAX_BYTES, .timeout_ms = LOOK_TIMEOUT_MS};
    return podman_run(r, &opts, then, err);
}

static void inspect_each(void *arg, const struct podman_seen *seen)
{
    struct request *r = arg;
    struct sandbox_info info;
    if (seen->info.foreign) {
        info = seen->info;
    } else {
        detail_add(r->be, seen);
        complete(r->be, seen, &info);
    }
    info.foreign = info.foreign || info.service != r->call->service;
    podman_add_info(r->call, &info);
}

static void on_inspect(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    if (err && err->code == ERROR_NOT_FOUND) {
        struct sandbox_info none = {.state = SANDBOX_NONE};
        str_copy(none.name, sizeof(none.name), r->call->name);
        podman_add_info(r->call, &none);
        podman_finish(r, NULL);
    } else if (err || podman_parse_inspect(res->out->buf, res->out->len, inspect_each, r, &why) < 0) {
        podman_finish(r, err ? err : &why);
    } else if (r->call->info_count == 0) {
        error_set(&why, ERROR_PARSE, "podman says nothing about %s", r->container);
        podman_finish(r, &why);
    } else {
        str_copy(r->call->infos[0].name, sizeof(r->call->infos[0].name), r->call->name);
        podman_finish(r, NULL);
    }
}

int podman_inspect(struct request *r, struct error *err)
{
    return ask_one(r, on_inspect, err);
}

/* The first container of an answer, with its vectors. */
static void keep_first(void *arg, const struct podman_seen *seen)
{
    struct podman_seen *first = arg;
    if (first->container[0] == '\0') {
        *first = *seen;
        strvec_init(&first->networks);
        strvec_init(&first->create_command);
        strvec_pushv(&first->networks, (const char *const *)seen->networks.v);
        strvec_pushv(&first->create_command, (const char *const *)seen->create_command.v);
    }
}

static void on_owned(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct podman_seen seen = {.networks = STRVEC_INIT, .create_command = STRVEC_INIT};
    struct error why = err ? *err : ERROR_INIT;
    podman_owned_fn then = podman_own(r)->owned;
    int rc = -1;
    if (err && err->code == ERROR_NOT_FOUND && podman_own(r)->or_none) {
        rc = then(r, NULL, &why);
    } else if (err && err->code == ERROR_NOT_FOUND) {
        error_set(&why, ERROR_NOT_FOUND, "sandbox %s does not exist", r->container);
    } else if (!err && podman_parse_inspect(res->out->buf, res->out->len, keep_first, &seen, &why) == 0) {
        if (seen.info.service && !r->call->service) {
            error_hint(&why, ERROR_DENIED, "`muthr-tui services` is for it",
                       "%s is one of muthr's own services, no sandbox: it is left alone", r->container);
        } else if (seen.info.foreign || seen.info.service != r->call->service || seen.container[0] == '\0') {
            error_hint(&why, ERROR_DENIED,
                       r->call->service ? "rename that container (podman rename)"
                                        : "rename that container (podman rename), or the project folder",
                       "container %s is not one of muthr's: it is left alone", r->container);
        } else {
            rc = then(r, &seen, &why);
        }
    }
    podman_seen_release(&seen);
    if (rc < 0) {
        podman_finish(r, &why);
    }
}

int podman_owned(struct request *r, podman_owned_fn then, struct error *err)
{
    podman_own(r)->owned = then;
    podman_own(r)->or_none = false;
    return ask_one(r, on_owned, err);
}

int podman_owned_or_none(struct request *r, podman_owned_fn then, struct error *err)
{
    podman_own(r)->owned = then;
    podman_own(r)->or_none = true;
    return ask_one(r, on_owned, err);
}
