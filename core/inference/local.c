/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/local.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine/env.h"
#include "core/io/hostport.h"
#include "core/io/listener.h"
#include "core/io/procid.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define TAIL_MAX (256u << 10)
/* A pid file is written right after its process has begun; by this much the clocks of both may differ. */
#define YOUNGER_MS 120000u

const struct local_runtime local_runtimes[LOCAL_RUNTIMES] = {
    {"mlxcel", "mlxcel-server", "install mlxcel (Apple silicon) and put its mlxcel-server on PATH"},
    {"llama", "llama-server",
     "install llama.cpp (`brew install llama.cpp`, a distribution's package, or a release of "
     "github.com/ggml-org/llama.cpp) and put its llama-server on PATH"},
};

const struct local_runtime *local_runtime_find(const char *name, struct error *err)
{
    for (size_t i = 0; i < LOCAL_RUNTIMES; i++) {
        if (strcmp(local_runtimes[i].name, name) == 0) {
            return &local_runtimes[i];
        }
    }
    MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
    utf8_sanitize(&shown, name, MT_MIN(strlen(name), (size_t)60), false);
    error_set(err, ERROR_INVALID, "the runtime \"%s\" is neither mlxcel nor llama", shown.buf);
    return NULL;
}

/* The process number that a pid file holds. 0: no file; -1: no number. */
static int read_pid(const char *path)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char *end;

    if (fs_read(path, 64, &text, &err) < 0) {
        return err.code == ERROR_NOT_FOUND ? 0 : -1;
    }
    errno = 0;
    long n = strtol(text.buf, &end, 10);
    bool number = end != text.buf && strspn(end, " \t\r\n") == strlen(end) && strlen(text.buf) == text.len;
    return number && errno == 0 && n > 1 && n <= 0x7fffffff ? (int)n : -1;
}

/* How long ago the file was written, by the wall clock. */
static uint64_t file_age_ms(const char *path)
{
    struct stat st;
    uint64_t now = clock_wall_ms();
    if (stat(path, &st) != 0 || st.st_mtime < 0 || (uint64_t)st.st_mtime * 1000 > now) {
        return 0;
    }
    return now - (uint64_t)st.st_mtime * 1000;
}

/* Is the process the one of our record, or else really that program? Says why not. */
static void judge(struct local_server *s, const char *birth)
{
    struct procid id;

    if (procid_read(s->pid, &id, NULL) < 0) {
        s->pid_state = LOCAL_STALE;
        str_format(s->note, sizeof(s->note), "%s is stale: process %d has ended", s->pidfile, s->pid);
        return;
    }
    s->leads = id.leads;
    if (birth != NULL && birth[0] != '\0' && id.birth[0] != '\0') {
        s->pid_state = strcmp(birth, id.birth) == 0 ? LOCAL_RUNS : LOCAL_FOREIGN;
    } else if (id.exe[0] == '\0') {
        s->pid_state = LOCAL_UNSURE;
        str_format(s->note, sizeof(s->note), "%s names process %d (%s), whose program may not be seen from here",
                   s->pidfile, s->pid, id.name);
        return;
    } else {
        bool young = id.age_ms > 0 && id.age_ms + YOUNGER_MS < file_age_ms(s->pidfile);
        s->pid_state =
            id.mine && !young && strcmp(path_base(id.exe), s->runtime->exe) == 0 ? LOCAL_RUNS : LOCAL_FOREIGN;
    }
    if (s->pid_state == LOCAL_FOREIGN) {
        str_format(s->note, sizeof(s->note), "%s names process %d, which is another program now: %s", s->pidfile,
                   s->pid, id.exe[0] != '\0' ? id.exe : id.name);
    }
}

/* Our record, if it is about process `pid` (0: any). NULL: there is none. */
static struct json *read_record(const struct local_server *s, int pid)
{
    struct json *j = fs_exists(s->record) ? json_load(s->record, 1u << 16, NULL) : NULL;
    if (j != NULL && (json_get_int(j, "pid", 0) < 2 || (pid > 0 && json_get_int(j, "pid", 0) != pid))) {
        json_free(j);
        j = NULL;
    }
    return j;
}

/* Text of a file of ours that somebody may have changed. */
static void take(char *dst, size_t cap, const struct json *j, const char *key)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *text = json_get_string(j, key, "");
    utf8_sanitize(&clean, text, strlen(text), false);
    (void)str_copy(dst, cap, clean.buf);
}

/* What the record says of a server that runs. */
static void take_record(struct local_server *s, const struct json *j)
{
    int64_t port = json_get_int(j, "port", 0);
    take(s->preset, sizeof(s->preset), j, "preset");
    take(s->model, sizeof(s->model), j, "model");
    take(s->host, sizeof(s->host), j, "host");
    s->port = port > 0 && port <= 65535 ? port : 0;
    s->started_ms = (uint64_t)MT_MAX(json_get_int(j, "started_ms", 0), (int64_t)0);
}

/* The first line of the active preset's file. */
static void read_active(const char *path, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT, clean = STRBUF_INIT;
    if (fs_read(path, 4096, &text, NULL) == 0) {
        utf8_sanitize(&clean, text.buf, strcspn(text.buf, "\r\n"), false);
        (void)str_copy(out, cap, clean.buf);
    }
}

void local_look(struct local_server *out, const struct paths *paths, const struct local_runtime *runtime)
{
    struct local_server *s = out;
    *s = (struct local_server){.runtime = runtime,
                               .log = xasprintf("%s/%s.log", paths->cache, runtime->exe),
                               .errlog = xasprintf("%s/%s-err.log", paths->cache, runtime->exe),
                               .pidfile = xasprintf("%s/%s.pid", paths->cache, runtime->exe),
                               .active = xasprintf("%s/active-preset-name-%s", paths->cache, runtime->name),
                               .record = xasprintf("%s/%s.json", paths->state, runtime->exe)};
    int pid = read_pid(s->pidfile);
    struct json *record = read_record(s, pid > 0 ? pid : 0);

    if (pid > 0) {
        s->pid = pid;
        judge(s, json_get_string(record, "birth", NULL));
    } else if (pid < 0) {
        s->pid_state = LOCAL_BROKEN;
        str_format(s->note, sizeof(s->note), "%s holds no process number", s->pidfile);
    }
    if (pid <= 0 && record != NULL && json_get_string(record, "birth", "")[0] != '\0') {
        char said[sizeof(s->note)];
        str_copy(said, sizeof(said), s->note);
        s->pid = (int)json_get_int(record, "pid", 0);
        judge(s, json_get_string(record, "birth", NULL));
        if (s->pid_state == LOCAL_RUNS) { /* somebody lost its pid file */
            str_format(s->note, sizeof(s->note), "%s is gone or broken; process %d is known by our own record",
                       s->pidfile, s->pid);
        } else {
            s->pid = 0;
            s->pid_state = pid < 0 ? LOCAL_BROKEN : LOCAL_NONE;
            str_copy(s->note, sizeof(s->note), said);
        }
    }
    if (s->pid_state == LOCAL_RUNS && record != NULL) {
        take_record(s, record);
    } else if (s->pid_state == LOCAL_RUNS) {
        read_active(s->active, s->preset, sizeof(s->preset));
    }
    json_free(record);
}

void local_server_release(struct local_server *s)
{
    free(s->log);
    free(s->errlog);
    free(s->pidfile);
    free(s->record);
    free(s->active);
    *s = (struct local_server){0};
}

/* Its program as an absolute path, from the absolute folders of PATH. NULL: it is not there. Caller frees. */
static char *find_program(const char *exe)
{
    const char *at = getenv("PATH");
    while (at != NULL) {
        size_t n = strcspn(at, ":");
        if (n > 0 && at[0] == '/') {
            char *path = xasprintf("%.*s/%s", (int)n, at, exe);
            struct stat st;
            if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0) {
                return path;
            }
            free(path);
        }
        at = at[n] == ':' ? at + n + 1 : NULL;
    }
    return NULL;
}

/* Takes what a preset says. */
static int take_preset(struct local_want *w, const struct preset *p, const char **runtime, struct error *err)
{
    if (str_copy(w->model, sizeof(w->model), p->model) < 0) {
        return error_set(err, ERROR_INVALID, "%s: the model's name is longer than %zu bytes", p->file,
                         sizeof(w->model) - 1);
    }
    str_copy(w->preset, sizeof(w->preset), p->twin != NULL ? p->file : p->name); /* what finds it again */
    *runtime = p->runtime[0] != '\0' ? (strcmp(p->runtime, "llama") == 0 ? "llama" : "mlxcel") : NULL;
    if (p->host[0] != '\0') {
        str_copy(w->host, sizeof(w->host), p->host);
    }
    w->port = p->port != 0 ? p->port : w->port;
    return 0;
}

/* Model, and what comes with it: from the preset or the model that is asked for, else what was active last, else the
 * setting. */
static int choose_model(struct local_want *w, const struct paths *paths, const struct config *config,
                        const struct local_request *req, const struct presets *all, const char **runtime,
                        struct error *err)
{
    char last[256] = "";
    const struct preset *p = NULL;

    if (req->preset != NULL) {
        p = presets_find(all, req->preset, err);
        if (p == NULL || take_preset(w, p, runtime, err) < 0) {
            return -1;
        }
    } else if (req->model == NULL) {
        const char *name = req->runtime != NULL ? req->runtime : env_runtime(paths);
        MT_CLEANUP(xfree) char *path = xasprintf("%s/active-preset-name-%s", paths->cache, name);
        read_active(path, last, sizeof(last));
        for (size_t i = 0; i < all->count && last[0] != '\0' && p == NULL; i++) {
            bool named = strcmp(all->v[i].name, last) == 0 || strcmp(all->v[i].file, last) == 0;
            p = named ? presets_find(all, last, err) : NULL;
            if (p == NULL && named) {
                return -1; /* it was, and is broken now, or there are two */
            }
        }
        if (p != NULL && take_preset(w, p, runtime, err) < 0) {
            return -1;
        }
        if (p == NULL) {
            str_copy(w->model, sizeof(w->model), last[0] != '\0' ? last : config->model);
        }
    }
    if (req->model != NULL && str_copy(w->model, sizeof(w->model), req->model) < 0) {
        return error_set(err, ERROR_INVALID, "the model's name is longer than %zu bytes", sizeof(w->model) - 1);
    }
    if (w->model[0] == '\0' && req->model == NULL) {
        return error_hint(err, ERROR_NOT_FOUND,
                          "name a preset (`muthr-tui engine presets` lists them), give --model, or set model in "
                          "muthr.toml",
                          "there is nothing to start: no preset, no model");
    }
    return preset_check_model(w->model, err);
}

int local_resolve(struct local_want *out, const struct paths *paths, const struct config *config,
                  const struct local_request *req, struct error *err)
{
    struct local_want *w = out;
    struct presets all;
    const char *runtime = NULL;

    *w = (struct local_want){.port = config->server_port};
    if (str_copy(w->host, sizeof(w->host), config->server_host) < 0 ||
        preset_check_host(config->server_host, err) < 0) {
        return error_set(err, ERROR_INVALID, "setting server_host: it is no address");
    }
    presets_load(&all, paths);
    int rc = choose_model(w, paths, config, req, &all, &runtime, err);
    presets_release(&all);
    if (rc < 0 || (req->host != NULL && preset_check_host(req->host, err) < 0)) {
        return -1;
    }
    if (req->host != NULL) {
        str_copy(w->host, sizeof(w->host), req->host);
    }
    w->port = req->port != 0 ? req->port : w->port;
    runtime = req->runtime != NULL ? req->runtime : runtime != NULL ? runtime : env_runtime(paths);
    w->runtime = local_runtime_find(runtime, err);
    if (w->runtime == NULL) {
        return -1;
    }
    w->program = find_program(w->runtime->exe);
    if (w->program == NULL) {
        return error_hint(err, ERROR_UNAVAILABLE, w->runtime->install, "%s is not on PATH", w->runtime->exe);
    }
    return 0;
}

void local_want_release(struct local_want *w)
{
    free(w->program);
    *w = (struct local_want){0};
}

int local_note_started(const struct local_server *s, const struct local_want *w, int pid, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct procid id = {.pid = pid};
    struct json *j = json_new_object();
    char line[32];

    (void)procid_read(pid, &id, NULL); /* it may have ended by now: then its birth stays empty */
    json_set_int(j, "pid", pid);
    json_set_string(j, "birth", id.birth);
    json_set_string(j, "preset", w->preset);
    json_set_string(j, "model", w->model);
    json_set_string(j, "host", w->host);
    json_set_int(j, "port", w->port);
    json_set_int(j, "started_ms", (int64_t)clock_wall_ms());
    json_write(j, true, &text);
    json_free(j);
    MT_CLEANUP(xfree) char *dir = xstrndup(s->record, (size_t)(path_base(s->record) - s->record - 1));
    int rc = fs_mkdirs(dir, 0700, err) < 0 ? -1 : fs_write_atomic(s->record, text.buf, text.len, 0600, err);
    str_format(line, sizeof(line), "%d\n", pid);
    if (rc == 0) {
        rc = fs_write_atomic(s->pidfile, line, strlen(line), 0600, err);
    }
    strbuf_clear(&text);
    strbuf_addf(&text, "%s\n", w->preset[0] != '\0' ? w->preset : w->model);
    return rc < 0 ? rc : fs_write_atomic(s->active, text.buf, text.len, 0644, err);
}

void local_forget(const struct local_server *s)
{
    int pid = read_pid(s->pidfile);
    struct json *record = read_record(s, s->pid);

    if (s->pid_state == LOCAL_BROKEN && pid < 0) {
        (void)fs_set_aside(s->pidfile, NULL, NULL);
    } else if (s->pid > 0 && pid == s->pid) {
        (void)unlink(s->pidfile);
    }
    if (s->pid > 0 && record != NULL) {
        (void)unlink(s->record);
    }
    json_free(record);
}

const char *local_reach(const char *host)
{
    if (strcmp(host, "0.0.0.0") == 0 || host[0] == '\0') {
        return "127.0.0.1";
    }
    return strcmp(host, "::") == 0 ? "::1" : host;
}

/* local_exposure, of what was found. */
static void tell_exposure(const char *host, const struct listener *all, size_t n, bool known, char out[160])
{
    out[0] = '\0';
    if (!known) {
        str_copy(out, 160, host[0] == '\0' || listener_is_local(host) ? "" : host);
    }
    for (size_t i = 0; i < n; i++) {
        if (!listener_is_local(all[i].address)) {
            size_t at = strlen(out);
            str_format(out + at, 160 - at, "%s%s", at > 0 ? ", " : "", all[i].address);
        }
    }
}

void local_exposure(const char *host, int64_t port, char out[160])
{
    struct listener all[LISTENERS_MAX];
    bool known;
    size_t n = listener_find((uint16_t)port, all, &known);
    tell_exposure(host, all, n, known, out);
}

/* local_holder, of what was found. */
static void tell_holder(const char *host, int64_t port, const struct listener *all, size_t n, bool known, char out[200],
                        int *pid)
{
    out[0] = '\0';
    *pid = 0;
    for (size_t i = 0; i < n; i++) {
        if (!listener_clashes(host, all[i].address)) {
            continue;
        }
        *pid = all[i].pid;
        if (all[i].pid > 0) {
            str_format(out, 200, "%s (process %d) on %s", all[i].name, all[i].pid, all[i].address);
        } else {
            str_format(out, 200, "a program that may not be seen from here, on %s", all[i].address);
        }
        return;
    }
    if (!known && hostport_is_taken(local_reach(host), (uint16_t)port, false)) {
        str_copy(out, 200, "another program");
    }
}

void local_holder(const char *host, int64_t port, char out[200], int *pid)
{
    struct listener all[LISTENERS_MAX];
    bool known;
    size_t n = listener_find((uint16_t)port, all, &known);
    tell_holder(host, port, all, n, known, out, pid);
}

void local_port(const char *host, int64_t port, char exposed[160], char holder[200])
{
    struct listener all[LISTENERS_MAX];
    bool known;
    int pid;
    size_t n = listener_find((uint16_t)port, all, &known);
    tell_exposure(host, all, n, known, exposed);
    tell_holder("0.0.0.0", port, all, n, known, holder, &pid);
}

/* Takes colours and the like out of a log's lines, in place. Returns what is left of it. */
static size_t strip_escapes(char *text, size_t len)
{
    size_t out = 0;
    for (size_t i = 0; i < len;) {
        if (text[i] == '\033' && i + 1 < len && text[i + 1] == '[') {
            for (i += 2; i < len && text[i] >= 0x20 && text[i] <= 0x3f; i++) {
            }
            i += i < len && text[i] >= 0x40 && text[i] <= 0x7e;
        } else {
            text[out++] = text[i++];
        }
    }
    return out;
}

void local_tail(const char *path, int64_t from, size_t lines, struct strbuf *out)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        if (fd >= 0) {
            close(fd);
        }
        return;
    }
    int64_t begin = MT_MAX(from, (int64_t)st.st_size - (int64_t)TAIL_MAX);
    strbuf_reserve(&text, TAIL_MAX);
    ssize_t n = pread(fd, text.buf, TAIL_MAX, (off_t)MT_MAX(begin, (int64_t)0));
    close(fd);
    size_t len = n > 0 ? strip_escapes(text.buf, (size_t)n) : 0, at = len;
    if (at > 0 && text.buf[at - 1] == '\n') {
        at--;
    }
    while (at > 0 && lines > 0) {
        at--;
        lines -= text.buf[at] == '\n' ? 1 : 0;
    }
    at += lines == 0 && len > 0 ? 1 : 0;
    utf8_sanitize(out, text.buf + MT_MIN(at, len), len - MT_MIN(at, len), true);
}
