/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/process/host.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define FILE_MAX (1u << 20)

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool state_is_id(const char *folder)
{
    size_t len = strlen(folder);
    for (size_t i = 0; i < len; i++) {
        if (!is_id_char(folder[i])) {
            return false;
        }
    }
    return len > 0 && len <= STATE_ID_MAX;
}

void state_id(const char *name, char out[STATE_ID_MAX + 1])
{
    if (state_is_id(name)) {
        memcpy(out, name, strlen(name) + 1);
        return;
    }
    size_t n = 0;
    for (const char *p = name; *p && n < 22; p++) {
        char c = *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
        if (is_id_char(c)) {
            out[n++] = c;
        }
    }
    str_format(out + n, STATE_ID_MAX + 1 - n, "-x%016llx", (unsigned long long)hash_fnv1a64(name, strlen(name)));
}

char *state_root(const char *state_dir, const char *folder)
{
    return path_join(state_dir, folder);
}

char *state_dir_of(const char *root, const char *name)
{
    char id[STATE_ID_MAX + 1];
    state_id(name, id);
    return path_join(root, id);
}

void state_config_release(struct state_config *c)
{
    sandbox_spec_release(&c->spec);
}

/* --- the spec as JSON --- */

void state_spec_write(const struct sandbox_spec *spec, bool sealed, struct strbuf *out)
{
    struct json *j = json_new_object(), *mounts = json_new_array(), *limits = json_new_object();
    json_set_int(j, "version", 1);
    json_set_string(j, "name", spec->name);
    json_set_string(j, "project", spec->project);
    json_set_string(j, "workspace", spec->workspace);
    json_set_string(j, "workspace_mount", spec->workspace_mount);
    json_set_string(j, "profile", spec->profile);
    json_set_string(j, "config_hash", spec->config_hash);
    json_set_string(j, "net", net_policy_name(spec->net));
    json_set_string(j, "net_after", net_policy_name(spec->net_after));
    json_set_bool(j, "sealed", sealed);
    json_set_string(j, "workspace_mode", spec->workspace_mode == WORKSPACE_OVERLAY ? "overlay" : "direct");
    json_set_double(limits, "cpus", spec->cpus);
    json_set_int(limits, "memory_bytes", (int64_t)spec->memory_bytes);
    json_set_int(limits, "pids", (int64_t)spec->pids);
    json_set_int(limits, "cpu_seconds", (int64_t)spec->cpu_seconds);
    json_set_bool(limits, "required", spec->require_limits);
    json_set(j, "limits", limits);
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct json *m = json_new_object();
        json_set_string(m, "source", spec->mounts[i].source);
        json_set_string(m, "target", spec->mounts[i].target);
        json_set_bool(m, "read_only", spec->mounts[i].read_only);
        json_append(mounts, m);
    }
    json_set(j, "mounts", mounts);
    json_set_int(j, "port", spec->port);
    if (spec->image) {
        json_set_string(j, "image", spec->image);
    }
    json_set_string(j, "gpu", gpu_tier_name(spec->gpu));
    struct json *connect = json_new_array();
    for (size_t i = 0; i < spec->connect_count; i++) {
        char port[16];
        str_format(port, sizeof(port), "%u", (unsigned)spec->connect[i]);
        json_append_string(connect, port);
    }
    json_set(j, "connect", connect);
    json_set_int(j, "model_port", spec->model_port);
    json_write(j, true, out);
    json_free(j);
}

/* A string that must be there and not be empty. */
static int want_string(const struct json *j, const char *key, char **out, struct error *err)
{
    const char *s = json_get_string(j, key, NULL);
    if (!s || !*s) {
        return error_set(err, ERROR_INVALID, "configuration of the sandbox: '%s' is missing", key);
    }
    *out = xstrdup(s);
    return 0;
}

static void parse_mounts(const struct json *j, struct sandbox_spec *out)
{
    for (const struct json *m = json_first(json_get(j, "mounts")); m; m = json_next(m)) {
        const char *source = json_get_string(m, "source", NULL), *target = json_get_string(m, "target", NULL);
        if (!source || !target) {
            continue;
        }
        out->mounts = xreallocarray(out->mounts, out->mount_count + 1, sizeof(*out->mounts));
        out->mounts[out->mount_count++] = (struct mount_spec){
            .source = xstrdup(source), .target = xstrdup(target), .read_only = json_get_bool(m, "read_only", true)};
    }
}

static uint16_t port_of(int64_t v)
{
    return v > 0 && v <= UINT16_MAX ? (uint16_t)v : 0;
}

/* What only sandboxes on the host's own network have. */
static void parse_reach(const struct json *j, struct sandbox_spec *out)
{
    out->image = xstrdup_null(json_get_string(j, "image", NULL));
    gpu_tier_parse(json_get_string(j, "gpu", "none"), &out->gpu, NULL);
    out->model_port = port_of(json_get_int(j, "model_port", 0));
    for (const struct json *p = json_first(json_get(j, "connect")); p && out->connect_count < SANDBOX_CONNECT_MAX;
         p = json_next(p)) {
        uint16_t port = json_is_string(p) ? port_of(strtol(json_string(p), NULL, 10)) : 0;
        if (port) {
            out->connect[out->connect_count++] = port;
        }
    }
}

/* Fills *out from a parsed object; on failure it is left empty. */
static int parse_spec(const struct json *j, struct sandbox_spec *out, bool *sealed, struct error *err)
{
    memset(out, 0, sizeof(*out));
    if (want_string(j, "name", &out->name, err) < 0 || want_string(j, "workspace", &out->workspace, err) < 0 ||
        net_policy_parse(json_get_string(j, "net", "none"), &out->net, err) < 0 ||
        net_policy_parse(json_get_string(j, "net_after", net_policy_name(out->net)), &out->net_after, err) < 0) {
        sandbox_spec_release(out);
        return -1;
    }
    const struct json *limits = json_get(j, "limits");
    out->project = xstrdup(json_get_string(j, "project", path_base(out->workspace)));
    out->workspace_mount = xstrdup(json_get_string(j, "workspace_mount", "/workspace"));
    out->profile = xstrdup(json_get_string(j, "profile", "base"));
    out->config_hash = xstrdup(json_get_string(j, "config_hash", ""));
    out->cpus = json_get_double(limits, "cpus", 0);
    int64_t memory = json_get_int(limits, "memory_bytes", 0), pids = json_get_int(limits, "pids", 512);
    out->memory_bytes = memory > 0 ? (uint64_t)memory : 0;
    out->pids = pids >= 0 && pids < 4194304 ? (unsigned)pids : 512;
    int64_t seconds = json_get_int(limits, "cpu_seconds", 0);
    out->cpu_seconds = seconds > 0 && seconds <= UINT_MAX ? (unsigned)seconds : 0;
    out->require_limits = json_get_bool(limits, "required", false);
    int64_t port = json_get_int(j, "port", 0);
    out->port = port > 0 && port < 65536 ? (int)port : 0;
    *sealed = json_get_bool(j, "sealed", false);
    bool overlay = strcmp(json_get_string(j, "workspace_mode", "direct"), "overlay") == 0;
    out->workspace_mode = overlay ? WORKSPACE_OVERLAY : WORKSPACE_DIRECT;
    parse_mounts(j, out);
    parse_reach(j, out);
    return 0;
}

int state_spec_parse(const char *text, size_t len, struct sandbox_spec *out, bool *sealed, struct error *err)
{
    struct json *j = json_parse(text, len, err);
    if (!j) {
        memset(out, 0, sizeof(*out));
        return -1;
    }
    int rc = parse_spec(j, out, sealed, err);
    json_free(j);
    return rc;
}

/* Loads a JSON file of ours; a malformed one is set aside and told. NULL: missing, unreadable or malformed. */
static struct json *load_or_set_aside(const char *path, char *problem, size_t cap)
{
    struct error err = ERROR_INIT;
    struct json *j = json_load(path, FILE_MAX, &err);
    if (j && json_is_object(j)) {
        return j;
    }
    if (j || err.code == ERROR_PARSE || err.code == ERROR_INVALID) {
        char *moved = NULL;
        fs_set_aside(path, &moved, NULL);
        str_format(problem, cap, "%s was damaged and is kept as %s", path_base(path),
                   moved ? path_base(moved) : "it was");
        free(moved);
    } else {
        str_format(problem, cap, "%s", err.msg);
    }
    json_free(j);
    return NULL;
}

/* The name from the plain-text copy beside config.json, for when that is damaged; else the folder's. */
static char *fallback_name(const char *dir)
{
    MT_CLEANUP(strbuf) struct strbuf b = STRBUF_INIT;
    char *path = path_join(dir, "name");
    int rc = fs_read(path, 1024, &b, NULL);
    free(path);
    if (rc == 0 && b.len > 0 && b.len < 96 && utf8_is_valid(b.buf, b.len) && !strpbrk(b.buf, "/\n")) {
        return xstrdup(b.buf);
    }
    return xstrdup(path_base(dir));
}

void state_config_load(const char *dir, struct state_config *out)
{
    struct error err = ERROR_INIT;
    memset(out, 0, sizeof(*out));
    char *path = path_join(dir, "config.json");
    struct json *j = load_or_set_aside(path, out->problem, sizeof(out->problem));
    if (j && parse_spec(j, &out->spec, &out->sealed, &err) < 0) {
        fs_set_aside(path, NULL, NULL);
        str_copy(out->problem, sizeof(out->problem), err.msg);
    }
    json_free(j);
    free(path);
    if (!out->spec.name) {
        out->missing = true;
        out->spec.name = fallback_name(dir);
    }
}

int state_config_save(const char *dir, const struct sandbox_spec *spec, bool sealed, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *config = path_join(dir, "config.json"), *name = path_join(dir, "name");
    state_spec_write(spec, sealed, &text);
    int rc = fs_write_atomic(config, text.buf, text.len, 0600, err);
    if (rc == 0 && !fs_exists(name)) {
        rc = fs_write_atomic(name, spec->name, strlen(spec->name), 0600, err);
    }
    free(config);
    free(name);
    return rc;
}

/* --- status --- */

/* A recorded pid: anything but a small positive number reads as "none". */
static int get_pid(const struct json *j, const char *key)
{
    int64_t v = json_get_int(j, key, 0);
    return v > 1 && v < 1 << 30 ? (int)v : 0;
}

void state_status_load(const char *dir, struct state_status *out)
{
    memset(out, 0, sizeof(*out));
    char *path = path_join(dir, "run/status.json");
    struct json *j = fs_exists(path) ? load_or_set_aside(path, out->reason, sizeof(out->reason)) : NULL;
    free(path);
    if (!j) {
        return;
    }
    out->valid = true;
    str_copy(out->phase, sizeof(out->phase), json_get_string(j, "state", ""));
    str_copy(out->reason, sizeof(out->reason), json_get_string(j, "reason", ""));
    str_copy(out->warning, sizeof(out->warning), json_get_string(j, "warning", ""));
    str_copy(out->limits, sizeof(out->limits), json_get_string(j, "limits", ""));
    str_copy(out->net, sizeof(out->net), json_get_string(j, "net", ""));
    str_copy(out->net_detail, sizeof(out->net_detail), json_get_string(j, "net_detail", ""));
    str_copy(out->boot_id, sizeof(out->boot_id), json_get_string(j, "boot_id", ""));
    out->shim_pid = get_pid(j, "shim_pid");
    out->init_pid = get_pid(j, "init_pid");
    out->helper_pid = get_pid(j, "helper_pid");
    out->shim_start = (uint64_t)json_get_int(j, "shim_start", 0);
    out->init_start = (uint64_t)json_get_int(j, "init_start", 0);
    out->helper_start = (uint64_t)json_get_int(j, "helper_start", 0);
    out->started_wall_ms = (uint64_t)json_get_int(j, "started_ms", 0);
    out->workspace_dev = (uint64_t)json_get_int(j, "workspace_dev", 0);
    out->workspace_ino = (uint64_t)json_get_int(j, "workspace_ino", 0);
    out->rc = (int)json_get_int(j, "rc", 0);
    out->port = (int)json_get_int(j, "port", 0);
    size_t n = 0;
    for (const struct json *c = json_first(json_get(j, "cgroups")); c && n < 3; c = json_next(c)) {
        if (json_is_string(c)) {
            str_copy(out->cgroups[n++], sizeof(out->cgroups[0]), json_string(c));
        }
    }
    json_free(j);
}

int state_status_save(const char *dir, const struct state_status *st, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *j = json_new_object(), *groups = json_new_array();
    json_set_string(j, "state", st->phase);
    json_set_string(j, "reason", st->reason);
    json_set_string(j, "warning", st->warning);
    json_set_string(j, "limits", st->limits);
    json_set_string(j, "net", st->net);
    json_set_string(j, "net_detail", st->net_detail);
    json_set_string(j, "boot_id", st->boot_id);
    json_set_int(j, "shim_pid", st->shim_pid);
    json_set_int(j, "shim_start", (int64_t)st->shim_start);
    json_set_int(j, "init_pid", st->init_pid);
    json_set_int(j, "init_start", (int64_t)st->init_start);
    json_set_int(j, "helper_pid", st->helper_pid);
    json_set_int(j, "helper_start", (int64_t)st->helper_start);
    json_set_int(j, "started_ms", (int64_t)st->started_wall_ms);
    json_set_int(j, "workspace_dev", (int64_t)st->workspace_dev);
    json_set_int(j, "workspace_ino", (int64_t)st->workspace_ino);
    json_set_int(j, "rc", st->rc);
    json_set_int(j, "port", st->port);
    for (size_t i = 0; i < 3; i++) {
        if (st->cgroups[i][0]) {
            json_append_string(groups, st->cgroups[i]);
        }
    }
    json_set(j, "cgroups", groups);
    json_write(j, true, &text);
    json_free(j);
    char *path = path_join(dir, "run/status.json");
    int rc = fs_write_atomic(path, text.buf, text.len, 0600, err);
    free(path);
    return rc;
}

void state_poke(const char *root, const char *id)
{
    struct error err = ERROR_INIT;
    char *dir = path_join(root, STATE_CHANGES), *path = path_join(dir, id), *tmp = xasprintf("%s/.%s", dir, id);
    /* Not fs_write_atomic: nothing is lost with it, so it need not be synced. Mode 0600, and the folder is ours alone.
     */
    int fd = fs_mkdirs(dir, 0700, &err) == 0 ? open(tmp, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600) : -1;
    if (fd < 0 || close(fd) < 0 || rename(tmp, path) < 0) {
        log_warn("cannot announce the change of %s: %s", id, err.code ? err.msg : strerror(errno));
    }
    free(dir);
    free(path);
    free(tmp);
}

int state_record(const char *root, const char *id, struct state_status *st, const char *phase, struct error *err)
{
    struct error why = ERROR_INIT;
    char *dir = path_join(root, id);
    str_copy(st->phase, sizeof(st->phase), phase);
    int rc = state_status_save(dir, st, &why);
    if (rc < 0) {
        log_error("%s", why.msg);
        if (err) {
            *err = why;
        }
    }
    state_poke(root, id);
    free(dir);
    return rc;
}

/* --- lock and processes --- */

int state_lock_holder(const char *dir)
{
    char *path = path_join(dir, "run/lock");
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    free(path);
    if (fd < 0) {
        return -1;
    }
    struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int rc = fcntl(fd, F_GETLK, &fl);
    close(fd);
    return rc < 0 ? -1 : fl.l_type == F_UNLCK ? 0 : fl.l_pid;
}

int state_lock(const char *dir, int *fd, struct error *err)
{
    char *run = path_join(dir, "run"), *path = path_join(run, "lock");
    int rc = fs_mkdirs(run, 0700, err);
    if (rc == 0) {
        *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        if (*fd < 0) {
            rc = error_sys(err, errno, "%s", path);
        } else if (fcntl(*fd, F_SETLK, &fl) < 0) {
            fl.l_pid = 0;
            fcntl(*fd, F_GETLK, &fl);
            close(*fd);
            *fd = -1;
            rc = error_set(err, ERROR_BUSY, "the sandbox is in use by process %d", (int)fl.l_pid);
        }
    }
    free(run);
    free(path);
    return rc;
}

bool state_proc_is(int pid, uint64_t start, const char *boot_id)
{
    char now[40];
    host_boot_id(now);
    return pid > 1 && start && strcmp(now, boot_id) == 0 && host_process_start(pid) == start;
}

/* --- what is read back --- */

/* The workspace folder's identity now against that of the start. */
static bool workspace_gone(const char *path, const struct state_status *st)
{
    struct stat sb;
    if (stat(path, &sb) < 0 || !S_ISDIR(sb.st_mode)) {
        return true;
    }
    return (uint64_t)sb.st_dev != st->workspace_dev || (uint64_t)sb.st_ino != st->workspace_ino;
}

/* State and reason from what was recorded, once nobody holds the lock. */
static void dead_state(const struct state_status *st, struct sandbox_info *out)
{
    out->state = SANDBOX_STOPPED;
    str_copy(out->reason, sizeof(out->reason), st->reason);
    if (!st->valid) {
        out->state = st->reason[0] ? SANDBOX_UNKNOWN : SANDBOX_STOPPED;
    } else if (strcmp(st->phase, "failed") == 0) {
        out->state = SANDBOX_FAILED;
    } else if (strcmp(st->phase, "stopped") != 0) {
        out->state = SANDBOX_FAILED;
        str_copy(out->reason, sizeof(out->reason), "crashed: its supervisor ended without a word");
    }
}

static bool is_up(const struct state_status *st)
{
    return strcmp(st->phase, "running") == 0 || strcmp(st->phase, "stopping") == 0;
}

/* Without a readable status: has the init opened its socket (bwrap), or is the main process written down (seatbelt)?
 * The supervisor removes both when it ends. */
static bool has_begun(const char *dir)
{
    char *path = path_join(dir, "run/ctl.sock"), *members = path_join(dir, "run/members");
    struct stat sb;
    bool there = (lstat(path, &sb) == 0 && S_ISSOCK(sb.st_mode)) || (lstat(members, &sb) == 0 && S_ISREG(sb.st_mode));
    free(path);
    free(members);
    return there;
}

static void live_state(const char *dir, const struct state_config *c, const struct state_status *st,
                       struct sandbox_info *out)
{
    bool up = is_up(st);
    if (!st->valid && has_begun(dir)) {
        /* Damaged by someone while it runs: it does run, but limits, network and times are not known any more. */
        out->state = SANDBOX_RUNNING;
        str_copy(out->reason, sizeof(out->reason), st->reason);
        str_copy(out->warning, sizeof(out->warning),
                 "its status file was damaged: restart it to see network and limits");
        return;
    }
    out->state = up ? SANDBOX_RUNNING : SANDBOX_CREATING;
    str_copy(out->reason, sizeof(out->reason), strcmp(st->phase, "stopping") == 0 ? "stopping" : st->reason);
    if (up) {
        out->pid = st->init_pid;
        out->started_wall_ms = st->started_wall_ms;
        out->net_known = net_policy_parse(st->net, &out->net, NULL) == 0;
        str_copy(out->net_detail, sizeof(out->net_detail), st->net_detail);
        out->workspace_missing = !c->missing && c->spec.workspace != NULL && workspace_gone(c->spec.workspace, st);
        str_copy(out->limits, sizeof(out->limits), st->limits);
        /* With the host's network the host is localhost; pasta and slirp4netns are told not to lead to it (net.c). */
        str_copy(out->gateway, sizeof(out->gateway), out->net_known && out->net == NET_SHARED ? "127.0.0.1" : "");
    }
}

enum net_policy state_net(const struct state_config *c)
{
    return !c->sealed ? c->spec.net : net_policy_is_sealed(c->spec.net_after) ? c->spec.net_after : NET_NONE;
}

bool state_info(const char *dir, struct sandbox_info *out)
{
    struct state_config c;
    struct state_status st;
    memset(out, 0, sizeof(*out));
    if (!fs_is_dir(dir)) {
        return false;
    }
    state_config_load(dir, &c);
    state_status_load(dir, &st);
    int holder = state_lock_holder(dir);
    str_copy(out->name, sizeof(out->name), c.spec.name);
    str_copy(out->project, sizeof(out->project), c.spec.project ? c.spec.project : "");
    str_copy(out->profile, sizeof(out->profile), c.spec.profile ? c.spec.profile : "");
    str_copy(out->config_hash, sizeof(out->config_hash), c.spec.config_hash ? c.spec.config_hash : "");
    str_copy(out->workspace, sizeof(out->workspace), c.spec.workspace ? c.spec.workspace : "");
    str_copy(out->mount, sizeof(out->mount), c.spec.workspace_mount ? c.spec.workspace_mount : "");
    str_copy(out->warning, sizeof(out->warning), st.warning);
    out->port = st.port;
    out->exit_code = st.rc;
    out->workspace_mode = c.spec.workspace_mode;
    out->net = state_net(&c);
    /* The lock is also held by whoever clears up after a supervisor that was killed. */
    if (holder > 0 && (!st.valid || !is_up(&st) || st.shim_pid == holder)) {
        live_state(dir, &c, &st, out);
    } else {
        dead_state(&st, out);
    }
    if (c.missing) {
        out->state = holder > 0 ? out->state : SANDBOX_FAILED;
        str_format(out->reason, sizeof(out->reason), "configuration unreadable: %s", c.problem);
    }
    state_config_release(&c);
    return true;
}
