/* SPDX-License-Identifier: Apache-2.0 */
/* What is different when podman runs on another machine: the way there comes first, and its folders have to be asked
 * for. */
#include <stdlib.h>

#include "backends/podman/forward.h"
#include "backends/podman/podman_private.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define FOLDERS_TIMEOUT_MS 15000

/* The way is open, or not: then that is what the probe found. */
static void on_up(void *arg, const struct error *err)
{
    struct request *r = arg;
    struct error mine = ERROR_INIT;
    r->on_cancel = NULL;
    if (r->canceled) {
        podman_finish(r, err);
    } else if (err) {
        str_copy(r->call->probe.reason, sizeof(r->call->probe.reason), err->msg);
        str_copy(r->call->probe.fix, sizeof(r->call->probe.fix), err->hint ? err->hint : "");
        podman_finish(r, NULL);
    } else if (podman_probe(r, &mine) < 0) {
        podman_finish(r, &mine);
    }
}

static void cancel_up(struct request *r)
{
    forward_cancel(r->be->forward, r);
}

int podman_probe_target(struct request *r, struct error *err)
{
    if (!r->be->forward) {
        return podman_probe(r, err);
    }
    r->on_cancel = cancel_up;
    forward_up(r->be->forward, on_up, r);
    return 0;
}

static void on_folder(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && !r->canceled) {
        r->call->on_line(r->call, stream == PROC_STDERR, line, len);
    }
}

static void on_folders(void *arg, const struct proc_result *res, const struct error *err)
{
    struct request *r = arg;
    struct error mine = ERROR_INIT;
    r->proc = NULL;
    if (err && err->code == ERROR_EXIT) {
        error_set(&mine, ERROR_NOT_FOUND, "%s", res->err_tail->len ? res->err_tail->buf : "it cannot be read");
        err = &mine;
    }
    podman_finish(r, err);
}

int podman_folders(struct request *r, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf input = STRBUF_INIT;
    if (!r->be->forward) {
        return error_set(err, ERROR_INVALID, "the folders of this machine need no backend");
    }
    forward_list_argv(r->be->forward, r->call->cwd, &argv, &input);
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .input = input.buf,
                             .input_len = input.len,
                             .timeout_ms = FOLDERS_TIMEOUT_MS,
                             .kill_grace_ms = 500,
                             .on_line = on_folder,
                             .on_done = on_folders,
                             .arg = r};
    return proc_start(&r->proc, r->be->loop, &opts, err);
}
