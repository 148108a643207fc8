/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/life.h"

#include <stdlib.h>
#include <string.h>

#include "backends/container/classify.h"
#include "backends/container/container_private.h"
#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* START, STOP, DELETE. The command only asks its service, and waits: ending it by a deadline undoes nothing, so what
 * became of the container is always looked up afterwards. "stopping" is a state that lasts (the virtual machine goes
 * down), in which nothing can be started or deleted: it is waited for. */

#define START_TIMEOUT_MS 120000
#define KILL_TIMEOUT_MS 30000
#define DELETE_TIMEOUT_MS 60000
#define LOGS_TIMEOUT_MS 10000
#define DEFAULT_GRACE_MS 30000

struct ctr_patience ctr_life_patience = {
    .stop_slack_ms = 30000, .settle_ms = 45000, .again_ms = 300, .log_look_ms = 3000};

struct life {
    uint64_t until_ms; /* for what is waited for */
    bool killed;
    char ports[120];  /* host ports that it wants, for a clash that names none */
    char sealed[256]; /* of one that is deleted: the image that was made of itself, which goes with it; or "" */
};

static void life_release(struct request *r)
{
    free(r->state);
}

static void life_new(struct request *r)
{
    r->state = xcalloc(1, sizeof(struct life));
    r->release = life_release;
}

/* The command's words, for who watches. */
static void pass_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && stream == PROC_STDERR) {
        r->call->on_line(r->call, true, line, len);
    }
}

/* The end of all of them: what is there has changed. */
static void end(struct request *r, const struct error *err)
{
    ctr_changed(r->be, r->call->name);
    ctr_finish(r, err);
}

/* Runs `container WORD [OPTION...] CONTAINER`. */
static int simple(struct request *r, const char *const *words, uint64_t timeout_ms, requests_then_fn then,
                  struct error *err)
{
    bool stops = strcmp(words[0], "stop") == 0; /* its time is the grace's: never shortened */
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushv(&args, words);
    strvec_push(&args, r->container);
    struct cli_opts opts = {.args = (const char *const *)args.v,
                            .capture_max_bytes = stops ? 0 : 65536,
                            .timeout_ms = timeout_ms,
                            .on_line = pass_line};
    ctr_watch_hurry(r->be);
    return ctr_run(r, &opts, then, err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Looks again in a moment, until patience is over. Returns as a verb does. */
static int look_again(struct request *r, void (*look)(struct request *r), struct error *err)
{
    struct life *l = r->state;
    uint64_t now = clock_mono_ms();
    if (l->until_ms == 0) {
        l->until_ms = now + ctr_life_patience.settle_ms;
    }
    if (now >= l->until_ms) {
        return error_hint(err, ERROR_TIMEOUT,
                          "container system stop ends what hangs, and every other container with it",
                          "sandbox %s does not come to rest: container still calls it %s", r->call->name,
                          l->killed ? "running" : "stopping");
    }
    ctr_wait(r, ctr_life_patience.again_ms, look);
    return 0;
}

static bool is_at(const struct ctr_seen *seen, const char *state)
{
    return seen && strcmp(seen->state, state) == 0;
}

/* --- start --- */

static int on_start_seen(struct request *r, const struct ctr_seen *seen, struct error *err);

static void look_for_start(struct request *r)
{
    struct error why = ERROR_INIT;
    if (ctr_owned(r, on_start_seen, &why) < 0) {
        ctr_finish(r, &why);
    }
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

/* What one that ended at once has said. There is no exit code. */
static void on_last_words(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    if (!err) {
        strbuf_add(&text, res->out->buf, res->out->len);
    }
    const char *line = last_line(text.buf);
    error_hint(&why, ERROR_UNAVAILABLE, "an image must have sh and sleep, and be for this machine's processor",
               "the sandbox ended as soon as it was started%s%.200s", line[0] ? ": " : "", line);
    end(r, &why);
}

/* Does it run? */
static int on_look_back(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    if (is_at(seen, "stopped") || is_at(seen, "stopping")) {
        return simple(r, WORDS("logs", "-n", "4"), LOGS_TIMEOUT_MS, on_last_words, err);
    }
    end(r, NULL);
    return 0;
}

/* A taken port shows only now. The message may not name it: then those that it wants are named. */
static void explain_start(const struct request *r, const char *text, struct error *err)
{
    const struct life *l = r->state;
    uint16_t port = 0;
    if (!ctr_port_error(text, &port)) {
        return;
    }
    enum error_code code = err->code == ERROR_DENIED ? ERROR_DENIED : ERROR_BUSY;
    const char *hint = code == ERROR_DENIED ? "choose a host port of 1024 or more in the manifest"
                                            : "choose another host port in the manifest, or end what listens on it; "
                                              "start --recreate leaves it out";
    const char *what = code == ERROR_DENIED ? "may not be opened" : "is in use";
    if (port) {
        error_hint(err, code, hint, "host port %u %s", port, what);
    } else if (l->ports[0]) {
        error_hint(err, code, hint, "%s %s %s", strchr(l->ports, ',') ? "one of the host ports" : "host port", l->ports,
                   what);
    } else {
        error_hint(err, code, hint, "a host port %s", what);
    }
}

static void on_started(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    if (err) {
        explain_start(r, res->err_tail->buf, &why);
        end(r, &why);
    } else if (ctr_owned(r, on_look_back, &why) < 0) {
        end(r, &why);
    }
}

static void keep_ports(struct life *l, const struct ctr_seen *seen)
{
    size_t len = 0;
    for (size_t k = 0; k < seen->host_port_count; k++) {
        str_format(l->ports + len, sizeof(l->ports) - len, "%s%u", len ? ", " : "", seen->host_ports[k]);
        len = strlen(l->ports);
    }
}

static int on_start_seen(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    if (is_at(seen, "running")) {
        ctr_finish(r, NULL);
        return 0;
    }
    if (is_at(seen, "stopping")) {
        return look_again(r, look_for_start, err);
    }
    if (seen->info.workspace[0] && !fs_is_dir(seen->info.workspace)) {
        return error_hint(err, ERROR_NOT_FOUND, "put the folder back, or delete the sandbox",
                          "project folder %s is not there", seen->info.workspace);
    }
    keep_ports(r->state, seen);
    return simple(r, WORDS("start"), START_TIMEOUT_MS, on_started, err);
}

int ctr_start(struct request *r, struct error *err)
{
    life_new(r);
    return ctr_owned(r, on_start_seen, err);
}

/* --- stop --- */

static uint64_t grace_ms(const struct request *r)
{
    return r->call->grace_ms ? r->call->grace_ms : DEFAULT_GRACE_MS;
}

static int on_rest_seen(struct request *r, const struct ctr_seen *seen, struct error *err);

static void look_for_rest(struct request *r)
{
    struct error why = ERROR_INIT;
    if (ctr_owned_or_none(r, on_rest_seen, &why) < 0) {
        end(r, &why);
    }
}

/* Whatever was said: is it at rest? With the service down, the look says so. */
static void on_killed(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    (void)err;
    look_for_rest(r);
}

static int kill_it(struct request *r, struct error *err)
{
    struct life *l = r->state;
    l->killed = true;
    return simple(r, WORDS("kill", "--signal", "KILL"), KILL_TIMEOUT_MS, on_killed, err);
}

/* A kill that came to nothing. */
static void kill_again(struct request *r)
{
    struct error why = ERROR_INIT;
    if (kill_it(r, &why) < 0) {
        end(r, &why);
    }
}

/* What goes on when it is at rest, or gone. */
static int rested(struct request *r, bool is_gone, struct error *err);

static int on_rest_seen(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    const struct life *l = r->state;
    if (is_at(seen, "stopping")) {
        return look_again(r, look_for_rest, err);
    }
    if (is_at(seen, "running")) {
        return l->killed ? look_again(r, kill_again, err) : kill_it(r, err);
    }
    return rested(r, !seen, err);
}

/* Stopped, or not in time. */
static void on_stopped(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    bool by_itself = err && strstr(res->err_tail->buf, "is not running") && !ctr_is_service_down(res->err_tail->buf);
    if (!err || err->code == ERROR_NOT_FOUND || err->code == ERROR_BUSY || by_itself) {
        look_for_rest(r);
    } else if (err->code != ERROR_TIMEOUT) {
        end(r, err);
    } else if (kill_it(r, &why) < 0) {
        end(r, &why);
    }
}

static int run_stop(struct request *r, struct error *err)
{
    char seconds[24];
    str_format(seconds, sizeof(seconds), "%llu", (unsigned long long)((grace_ms(r) + 999) / 1000));
    return simple(r, WORDS("stop", "--time", seconds), grace_ms(r) + ctr_life_patience.stop_slack_ms, on_stopped, err);
}

static int on_stop_seen(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    if (is_at(seen, "running") || is_at(seen, "unknown")) {
        return run_stop(r, err);
    }
    if (is_at(seen, "stopping")) {
        return look_again(r, look_for_rest, err);
    }
    ctr_finish(r, NULL);
    return 0;
}

int ctr_stop(struct request *r, struct error *err)
{
    life_new(r);
    return ctr_owned_or_none(r, on_stop_seen, err);
}

/* --- delete --- */

static void run_delete(struct request *r);

/* Its image goes with it; one that stays takes room, no more. */
static void on_image_deleted(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (err) {
        log_info("%s: its image stays: %s", r->container, err->msg);
    }
    end(r, NULL);
}

static void delete_image(struct request *r)
{
    const struct life *l = r->state;
    const char *const args[] = {"image", "delete", l->sealed, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 65536, .timeout_ms = DELETE_TIMEOUT_MS};
    struct error why = ERROR_INIT;
    if (l->sealed[0] == '\0' || ctr_run(r, &opts, on_image_deleted, &why) < 0) {
        end(r, NULL);
    }
}

static void on_home_deleted(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    (void)res;
    if (err && err->code != ERROR_NOT_FOUND) {
        error_wrap(&why, "the sandbox is deleted, its home is not");
        end(r, &why);
    } else {
        delete_image(r);
    }
}

/* The container is gone. Its home goes, too, also one that an interrupted delete left; not when it is made anew. */
static void gone(struct request *r)
{
    char home[CTR_VOLUME_MAX];
    struct error why = ERROR_INIT;
    ctr_home_name(r->container, home);
    const char *const args[] = {"volume", "delete", home, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 65536, .timeout_ms = DELETE_TIMEOUT_MS};
    if (r->call->keep_home) {
        delete_image(r);
    } else if (ctr_run(r, &opts, on_home_deleted, &why) < 0) {
        end(r, &why);
    }
}

/* "stopping" cannot be deleted, even by force: once more in a moment. */
static void on_deleted(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = err ? *err : ERROR_INIT;
    if (!err || ctr_says_none(res->err_tail->buf, r->container)) {
        gone(r);
    } else if (err->code != ERROR_BUSY || look_again(r, run_delete, &why) < 0) {
        end(r, &why);
    }
}

static void run_delete(struct request *r)
{
    struct error why = ERROR_INIT;
    if (simple(r, WORDS("delete", "--force"), DELETE_TIMEOUT_MS, on_deleted, &why) < 0) {
        end(r, &why);
    }
}

static int rested(struct request *r, bool is_gone, struct error *err)
{
    (void)err;
    if (r->call->verb != BACKEND_DELETE) {
        end(r, NULL);
    } else if (is_gone) {
        gone(r);
    } else {
        run_delete(r);
    }
    return 0;
}

static int on_delete_seen(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    if (!seen) {
        gone(r);
        return 0;
    }
    if (strncmp(seen->image, CTR_SEALED_IMAGE, strlen(CTR_SEALED_IMAGE)) == 0) {
        struct life *l = r->state;
        str_copy(l->sealed, sizeof(l->sealed), seen->image);
    }
    if (is_at(seen, "stopping")) {
        return look_again(r, look_for_rest, err);
    }
    if (!r->call->force && is_at(seen, "running")) {
        return run_stop(r, err);
    }
    run_delete(r);
    return 0;
}

int ctr_delete(struct request *r, struct error *err)
{
    life_new(r);
    return ctr_owned_or_none(r, on_delete_seen, err);
}
