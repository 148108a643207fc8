/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "backends/podman/args.h"
#include "backends/podman/classify.h"
#include "backends/podman/podman_private.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* START, STOP, DELETE. A `podman stop` that was begun is never killed: its client's death would leave the container in
 * "stopping" for ever. A canceled call lets it go on by itself. */

#define START_TIMEOUT_MS 90000
#define STOP_SLACK_MS 20000
#define REMOVE_TIMEOUT_MS 60000
#define DEFAULT_GRACE_MS 30000

struct life {
    struct strvec create_command; /* START: to make it again without a port that is taken */
    bool ever_started, writable_root;
    uint16_t ports_tried;
    int removals;
    bool lost;  /* its conmon died */
    bool raced; /* it was tried again because podman lost a race */
    struct error failed;
    int exit_code;
    char state[16];
};

static void life_release(struct request *r)
{
    struct life *l = r->state;
    strvec_release(&l->create_command);
    free(l);
}

static struct life *life_new(struct request *r)
{
    struct life *l = xcalloc(1, sizeof(*l));
    strvec_init(&l->create_command);
    r->state = l;
    r->release = life_release;
    return l;
}

/* podman's words, for who watches. */
static void pass_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && stream == PROC_STDERR) {
        r->call->on_line(r->call, true, line, len);
    }
}

/* The end of most: what is there has changed. */
static void on_done(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    podman_changed(r->be, r->call->name);
    podman_finish(r, err);
}

/* Runs `podman WORD [OPTION...] CONTAINER`. */
static int simple(struct request *r, const char *const *words, uint64_t timeout_ms, bool let_go,
                  void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                  struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushv(&args, words);
    strvec_push(&args, r->container);
    struct cli_opts opts = {.args = (const char *const *)args.v,
                            .capture_max_bytes = 65536,
                            .timeout_ms = timeout_ms,
                            .let_go = let_go,
                            .on_line = pass_line};
    return podman_run(r, &opts, then, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- start --- */

static int run_start(struct request *r, struct error *err);

/* Made again, or not. */
static void on_made_again(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    (void)res;
    if (err) {
        podman_finish(r, err);
    } else if (run_start(r, &why) < 0) {
        podman_finish(r, &why);
    }
}

static int make_again(struct request *r, struct error *err);

/* The old one is gone: makes it again by its own creation command. */
static void on_old_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct life *l = r->state;
    struct error why = ERROR_INIT;
    int from = strvec_index(&l->create_command, "create"); /* behind "podman" and its options */
    struct cli_opts opts = {.args = (const char *const *)l->create_command.v + MT_MAX(from, 0),
                            .timeout_ms = START_TIMEOUT_MS};
    (void)res;
    if (err && l->removals < 2) { /* without its conmon the first removal only finds out that it does not run */
        if (make_again(r, &why) < 0) {
            podman_finish(r, &why);
        }
    } else if (err) {
        podman_finish(r, err);
    } else if (podman_run(r, &opts, on_made_again, &why) < 0) {
        podman_finish(r, &why);
    }
}

/* Nothing is lost by that but a writable root that was worked in: not for those. */
static int make_again(struct request *r, struct error *err)
{
    struct life *l = r->state;
    l->removals++;
    return simple(r, WORDS("rm", "-f"), REMOVE_TIMEOUT_MS, false, on_old_removed, err);
}

/* S12: a port that is taken is dropped, and only that one. The mapping is part of the container, so it is made again.
 */
static bool drop_port(struct request *r, const char *text, struct error *err)
{
    struct life *l = r->state;
    MT_CLEANUP(strvec) struct strvec again = STRVEC_INIT;
    uint16_t port = 0;
    bool udp = false;
    if (r->call->service || !podman_port_error(text, &port, &udp) || (l->writable_root && l->ever_started) ||
        l->ports_tried++ >= SANDBOX_PORTS_MAX || podman_args_drop_port(&l->create_command, port, udp, &again) < 0) {
        return false;
    }
    if (r->call->on_line) {
        char line[120];
        str_format(line, sizeof(line), "host port %u is in use: this port is not published", port);
        r->call->on_line(r->call, true, line, strlen(line));
    }
    strvec_clear(&l->create_command);
    strvec_pushv(&l->create_command, (const char *const *)again.v);
    return make_again(r, err) == 0;
}

/* Stopped again for want of limits that are required. */
static void on_refused(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct life *l = r->state;
    struct error why = l->failed;
    (void)res;
    (void)err;
    podman_changed(r->be, r->call->name);
    podman_finish(r, &why);
}

/* The last line of a text that says something; "" if none does. Cuts the text. */
static const char *last_line(char *text)
{
    size_t n = strlen(text);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r' || text[n - 1] == ' ')) {
        text[--n] = '\0';
    }
    char *nl = strrchr(text, '\n');
    return nl ? nl + 1 : text;
}

/* What one that ended at once has said: its log goes when a new sandbox is undone. */
static void on_last_words(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct life *l = r->state;
    struct error why = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (!err) {
        strbuf_add(&text, res->out->buf, res->out->len);
        strbuf_add(&text, res->err_tail->buf, res->err_tail->len);
    }
    const char *line = last_line(text.buf);
    podman_changed(r->be, r->call->name);
    if (r->call->service) {
        error_hint(&why, ERROR_UNAVAILABLE, "`muthr-tui services logs` shows what it said; see its image in [services]",
                   "%s ended as soon as it was started: exit %d%s%s", r->call->name, l->exit_code, line[0] ? ": " : "",
                   line);
        podman_finish(r, &why);
        return;
    }
    error_hint(
        &why, ERROR_UNAVAILABLE,
        "an image must have sh and sleep, and be for this machine's processor; if it ran before, `muthr-tui start "
        "--recreate` makes the sandbox again",
        "the sandbox ended as soon as it was started: exit %d%s%s", l->exit_code, line[0] ? ": " : "", line);
    podman_finish(r, &why);
}

/* S9: it runs; do its limits hold? */
static int on_look_back(struct request *r, const struct podman_seen *seen, struct error *err)
{
    struct life *l = r->state;
    char missing[120];
    if (seen->info.state == SANDBOX_FAILED || seen->info.state == SANDBOX_STOPPED) {
        l->exit_code = seen->info.exit_code;
        return simple(r, WORDS("logs", "--tail", "4"), STOP_SLACK_MS, false, on_last_words, err);
    }
    podman_remember(r->be, seen);
    if (!seen->require_limits || podman_limits_hold(r->be, seen, missing, sizeof(missing))) {
        podman_changed(r->be, r->call->name);
        podman_finish(r, NULL);
        return 0;
    }
    error_hint(&l->failed, ERROR_UNAVAILABLE,
               "limits need cgroup v2 with delegated controllers, or podman as root; or set "
               "require_resource_limits = false",
               "limits are required and do not hold: %s", missing);
    return simple(r, WORDS("stop", "-t", "0"), STOP_SLACK_MS, true, on_refused, err);
}

static void on_started(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct life *l = r->state;
    struct error why = err ? *err : ERROR_INIT;
    if (err && !l->raced && podman_is_race(res->err_tail->buf)) {
        l->raced = true;
        if (run_start(r, &why) == 0) {
            return;
        }
    }
    if (err && l->lost) {
        error_hint(&why, ERROR_UNAVAILABLE,
                   "start it with --recreate: the project folder and the home stay, what was installed does not",
                   "podman lost track of it and cannot start it again: its conmon was killed");
    }
    if (err && drop_port(r, res->err_tail->buf, &why)) {
        return;
    }
    if (err || podman_owned(r, on_look_back, &why) < 0) {
        podman_changed(r->be, r->call->name);
        podman_finish(r, &why);
    }
}

static int run_start(struct request *r, struct error *err)
{
    return simple(r, WORDS("start"), START_TIMEOUT_MS, false, on_started, err);
}

/* A half-stopped one is at rest now. */
static void on_at_rest(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    (void)res;
    if (err || run_start(r, &why) < 0) {
        podman_finish(r, &why);
    }
}

/* Whatever podman said of one that was not there any more, it may know that now. */
static void on_lost_at_rest(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)err;
    on_at_rest(r, res, NULL);
}

static int on_start_seen(struct request *r, const struct podman_seen *seen, struct error *err)
{
    struct life *l = r->state;
    strvec_pushv(&l->create_command, (const char *const *)seen->create_command.v);
    l->ever_started = seen->ever_started;
    l->writable_root = seen->writable_root;
    if (podman_is_gone(r->be, seen)) { /* podman 4.3 never starts a "stopping" one again whose conmon is dead */
        l->lost = true;
        bool again = !l->writable_root && strvec_index(&l->create_command, "create") >= 0;
        return again ? make_again(r, err)
                     : simple(r, WORDS("stop", "-t", "0"), STOP_SLACK_MS, true, on_lost_at_rest, err);
    }
    if (strcmp(seen->state, "running") == 0) {
        podman_finish(r, NULL);
        return 0;
    }
    if (strcmp(seen->state, "paused") == 0) {
        return simple(r, WORDS("unpause"), START_TIMEOUT_MS, false, on_done, err);
    }
    if (!r->be->target_url && seen->info.workspace[0] && !fs_is_dir(seen->info.workspace)) {
        return error_hint(err, ERROR_NOT_FOUND, "put the folder back, or delete the sandbox",
                          "project folder %s is not there", seen->info.workspace);
    }
    /* "stopping" without anybody who stops it: the client was killed. */
    if (strcmp(seen->state, "stopping") == 0) {
        return simple(r, WORDS("stop", "-t", "0"), STOP_SLACK_MS, true, on_at_rest, err);
    }
    return r->call->net == NET_FULL ? podman_net_reconnect(r, seen, run_start, err) : run_start(r, err);
}

int podman_start(struct request *r, struct error *err)
{
    life_new(r);
    return podman_owned(r, on_start_seen, err);
}

/* --- stop --- */

static uint64_t grace_ms(const struct request *r)
{
    return r->call->grace_ms ? r->call->grace_ms : DEFAULT_GRACE_MS;
}

static int run_stop(struct request *r,
                    void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                    struct error *err)
{
    char seconds[24];
    str_format(seconds, sizeof(seconds), "%llu", (unsigned long long)((grace_ms(r) + 999) / 1000));
    return simple(r, WORDS("stop", "-t", seconds), grace_ms(r) + STOP_SLACK_MS, true, then, err);
}

/* Gone meanwhile is stopped, too. */
static void on_stopped(struct request *r, const struct proc_result *res, const struct error *err)
{
    on_done(r, res, err && err->code == ERROR_NOT_FOUND ? NULL : err);
}

static void on_unpaused(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    (void)res;
    (void)err; /* if it could not be, stop says so */
    if (run_stop(r, on_stopped, &why) < 0) {
        podman_finish(r, &why);
    }
}

static int on_stop_seen(struct request *r, const struct podman_seen *seen, struct error *err)
{
    if (!seen || (strcmp(seen->state, "running") != 0 && strcmp(seen->state, "paused") != 0 &&
                  strcmp(seen->state, "stopping") != 0)) {
        podman_finish(r, NULL);
        return 0;
    }
    if (strcmp(seen->state, "paused") == 0) { /* a frozen process cannot be asked politely */
        return simple(r, WORDS("unpause"), STOP_SLACK_MS, false, on_unpaused, err);
    }
    return run_stop(r, on_stopped, err);
}

int podman_stop(struct request *r, struct error *err)
{
    return podman_owned_or_none(r, on_stop_seen, err);
}

/* --- delete --- */

/* Nothing of it is left. */
static void on_networks_gone(struct request *r)
{
    on_done(r, NULL, NULL);
}

static void on_volumes_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    (void)res;
    if ((err && err->code != ERROR_NOT_FOUND) || podman_net_remove(r, on_networks_gone, &why) < 0) {
        on_done(r, res, &why);
    }
}

/* Volumes with our label for this container. */
static void on_volumes(struct request *r, const struct proc_result *res, const struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    struct error why = ERROR_INIT;
    strvec_pushl(&args, "volume", "rm", NULL);
    for (const char *p = err ? "" : res->out->buf; *p;) {
        size_t n = strcspn(p, "\r\n");
        char *name = xstrndup(p, n);
        if (n) {
            strvec_push(&args, name);
        }
        free(name);
        p += n + strspn(p + n, "\r\n");
    }
    struct cli_opts opts = {.args = (const char *const *)args.v, .timeout_ms = REMOVE_TIMEOUT_MS};
    if (err || args.len == 2) {
        on_volumes_removed(r, res, err);
    } else if (podman_run(r, &opts, on_volumes_removed, &why) < 0) {
        podman_finish(r, &why);
    }
}

static void list_volumes(struct request *r)
{
    char label[320];
    struct error why = ERROR_INIT;
    if (r->call->keep_home) {
        on_volumes_removed(r, NULL, NULL);
        return;
    }
    str_format(label, sizeof(label), "label=%s=%s", PODMAN_LABEL_SANDBOX, r->call->name);
    const char *args[] = {"volume", "ls", "--quiet", "--filter", label, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 65536, .timeout_ms = REMOVE_TIMEOUT_MS};
    if (podman_run(r, &opts, on_volumes, &why) < 0) {
        podman_finish(r, &why);
    }
}

static void run_remove(struct request *r);

static void on_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (!err || err->code == ERROR_NOT_FOUND) {
        list_volumes(r);
    } else if (r->tries++ == 0) { /* "container state improper" comes and goes */
        podman_wait(r, 300, run_remove);
    } else {
        podman_changed(r->be, r->call->name);
        podman_finish(r, err);
    }
}

/* -t 0 exists since podman 4: without it, `rm -f` waits for as long as a stop. */
static void run_remove(struct request *r)
{
    struct error why = ERROR_INIT;
    bool plain = r->be->facts.known && !podman_at_least(r->be, 4, 0);
    int rc = plain ? simple(r, WORDS("rm", "-f", "-v"), REMOVE_TIMEOUT_MS, true, on_removed, &why)
                   : simple(r, WORDS("rm", "-f", "-v", "-t", "0"), REMOVE_TIMEOUT_MS, true, on_removed, &why);
    if (rc < 0) {
        podman_finish(r, &why);
    }
}

static void on_stopped_first(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    (void)err; /* what could not be stopped is removed by force */
    run_remove(r);
}

static int on_delete_seen(struct request *r, const struct podman_seen *seen, struct error *err)
{
    if (!seen) {
        list_volumes(r); /* a home that an interrupted delete left */
        return 0;
    }
    if (!r->call->force && strcmp(seen->state, "running") == 0) {
        return run_stop(r, on_stopped_first, err);
    }
    run_remove(r);
    return 0;
}

int podman_delete(struct request *r, struct error *err)
{
    return podman_owned_or_none(r, on_delete_seen, err);
}
