/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/container/container_private.h"
#include "backends/container/life.h"
#include "core/util/xmalloc.h"

/* LOGS. stdout and stderr of the main process come mixed. `logs --follow` does not end when the container stops: it
 * waits for more. So while it follows, the state is looked at by a second command, and the stream is ended by us. A log
 * that is no UTF-8 cannot be printed whole by the command; its last lines can. */

#define LOGS_TIMEOUT_MS 20000
#define LOOK_TIMEOUT_MS 15000
#define LAST_WORDS_MS 700 /* what was written before the end is still on its way */
#define BAD_TEXT_TAIL "2000"

struct reader {
    struct request *r; /* NULL: the request is over, freed when both commands have ended */
    struct proc *stream, *look;
    bool stopped;
    char tail[24];
};

static void reader_settle(struct reader *d)
{
    if (!d->r && !d->stream && !d->look) {
        free(d);
    }
}

static void on_release(struct request *r)
{
    struct reader *d = r->state;
    d->r = NULL;
    if (d->stream) {
        proc_kill(d->stream);
    }
    if (d->look) {
        proc_kill(d->look);
    }
    reader_settle(d);
}

static void on_cancel(struct request *r)
{
    ctr_finish(r, NULL);
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct reader *d = arg;
    if (d->r && !d->r->canceled && d->r->call->on_line && stream == PROC_STDOUT) {
        d->r->call->on_line(d->r->call, false, line, len);
    }
}

static int read_log(struct reader *d, const char *tail, bool follow, struct error *err);

/* The log has an end: of itself, or by us, because the container stopped. */
static void on_stream_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct reader *d = arg;
    struct request *r = d->r;
    struct error why = err ? *err : ERROR_INIT;
    d->stream = NULL;
    if (!r) {
        reader_settle(d);
        return;
    }
    bool bad_text = err && (strstr(res->err_tail->buf, "UTF-8") || strstr(res->err_tail->buf, "utf8") ||
                            strstr(res->err_tail->buf, "onvert"));
    if (bad_text && r->tries++ == 0 && read_log(d, BAD_TEXT_TAIL, r->call->follow && !d->stopped, &why) == 0) {
        return;
    }
    ctr_finish(r, err && !d->stopped ? &why : NULL);
}

static int read_log(struct reader *d, const char *tail, bool follow, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_push(&args, "logs");
    if (follow) {
        strvec_push(&args, "--follow");
    }
    if (tail) {
        strvec_pushl(&args, "-n", tail, NULL);
    }
    strvec_push(&args, d->r->container);
    struct cli_opts opts = {.args = (const char *const *)args.v,
                            .timeout_ms = follow ? 0 : LOGS_TIMEOUT_MS,
                            .on_line = on_line,
                            .on_done = on_stream_done,
                            .arg = d};
    return ctr_cli_start(&d->stream, d->r->be, &opts, err);
}

/* --- does it still run? --- */

static void look_soon(struct request *r);

/* All that there was is read. */
static void end_stream(struct request *r)
{
    struct reader *d = r->state;
    if (d->stream) {
        proc_kill(d->stream);
    }
}

/* The first look decides whether there is anything to follow. */
static void begin(struct reader *d)
{
    struct request *r = d->r;
    struct error why = ERROR_INIT;
    if (read_log(d, r->call->tail >= 0 ? d->tail : NULL, !d->stopped, &why) < 0) {
        ctr_finish(r, &why);
    } else if (!d->stopped) {
        ctr_wait(r, ctr_life_patience.log_look_ms, look_soon);
    }
}

static void keep_state(void *arg, const struct ctr_seen *seen)
{
    struct reader *d = arg;
    if (strcmp(seen->container, d->r->container) == 0) {
        d->stopped = strcmp(seen->state, "running") != 0;
    }
}

/* Gone is stopped. What cannot be told now is looked at again. */
static void on_look_done(void *arg, const struct proc_result *res, const struct error *err)
{
    struct reader *d = arg;
    struct request *r = d->r;
    bool gone = err && err->code == ERROR_NOT_FOUND;
    d->look = NULL;
    if (!r) {
        reader_settle(d);
        return;
    }
    d->stopped = true; /* of a container that is not in the answer */
    if (!gone && (err || ctr_parse_list(res->out->buf, res->out->len, keep_state, d, NULL) < 0)) {
        d->stopped = false;
    }
    if (!d->stream) {
        begin(d);
    } else if (d->stopped) {
        ctr_wait(r, LAST_WORDS_MS, end_stream);
    } else {
        ctr_wait(r, ctr_life_patience.log_look_ms, look_soon);
    }
}

static void look_soon(struct request *r)
{
    struct reader *d = r->state;
    const char *args[] = {"inspect", r->container, NULL};
    struct cli_opts opts = {
        .args = args, .capture_max_bytes = 1u << 20, .timeout_ms = LOOK_TIMEOUT_MS, .on_done = on_look_done, .arg = d};
    if (ctr_cli_start(&d->look, r->be, &opts, NULL) < 0) {
        ctr_wait(r, ctr_life_patience.log_look_ms, look_soon);
    }
}

int ctr_logs(struct request *r, struct error *err)
{
    struct reader *d = xcalloc(1, sizeof(*d));
    d->r = r;
    r->state = d;
    r->release = on_release;
    r->on_cancel = on_cancel;
    str_format(d->tail, sizeof(d->tail), "%lld", (long long)r->call->tail);
    if (r->call->follow) {
        look_soon(r);
        return 0;
    }
    return read_log(d, r->call->tail >= 0 ? d->tail : NULL, false, err);
}
