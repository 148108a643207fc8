/* SPDX-License-Identifier: Apache-2.0 */
#include "term/starting.h"

#include "core/io/proc.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/client.h"
#include "term/session_spec.h"

#define ANSWER_TIMEOUT_MS 15000 /* for the program to be executed; a busy machine is slow, but not that slow */
#define ANSWER_MAX_BYTES (16u << 10)

struct starting {
    char id[SESSION_ID_MAX];
    struct proc *proc;   /* NULL once it has ended */
    struct timer *timer; /* runs from the answer on: the session must appear */
    starting_answer_fn answer;
    void *arg;
    starting_done_fn done;
    void *done_arg;
    bool answered, finished;
};

const char *starting_id(const struct starting *st)
{
    return st->id;
}

bool starting_is_answered(const struct starting *st)
{
    return st->answered;
}

static void on_timeout(void *arg)
{
    struct starting *st = arg;
    struct error err = ERROR_INIT;

    error_set(&err, ERROR_TIMEOUT, "session %s has started but does not answer", st->id);
    st->answer(st->arg, st, &err);
}

/* The launcher ended: what it printed is the host's word. */
static void on_proc_done(void *arg, const struct proc_result *res, const struct error *proc_err)
{
    struct starting *st = arg;
    struct error err = ERROR_INIT;

    st->proc = NULL;
    if (st->finished) {
        free(st);
        return;
    }
    if (res != NULL && res->out != NULL && res->out->len > 0) {
        st->answered = session_answer_read(res->out->buf, res->out->len, &err) == 0;
    } else if (proc_err != NULL) {
        err = *proc_err;
        error_wrap(&err, "the session's host did not start");
    } else {
        error_set(&err, ERROR_UNAVAILABLE, "the session's host did not start");
    }
    if (st->answered) {
        timer_start(st->timer, ANSWER_TIMEOUT_MS);
    }
    st->answer(st->arg, st, st->answered ? NULL : &err);
}

int starting_new(struct starting **out, struct loop *loop, const struct session_start *start, const char *id,
                 const char *dir, starting_answer_fn answer, void *arg, starting_done_fn done, void *done_arg,
                 struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf spec = STRBUF_INIT;
    const char *const argv[] = {start->executable, "host", NULL};
    struct starting *st = xcalloc(1, sizeof(*st));
    struct proc_opts opts = {
        .argv = argv,
        .capture_max_bytes = ANSWER_MAX_BYTES,
        .timeout_ms = ANSWER_TIMEOUT_MS,
        .on_done = on_proc_done,
        .arg = st,
    };

    session_spec_write(start, id, dir, &spec);
    opts.input = spec.buf;
    opts.input_len = spec.len;
    str_copy(st->id, sizeof(st->id), id);
    st->answer = answer;
    st->arg = arg;
    st->done = done;
    st->done_arg = done_arg;
    if (proc_start(&st->proc, loop, &opts, err) != 0) {
        free(st);
        return -1;
    }
    st->timer = timer_new(loop, on_timeout, st);
    *out = st;
    return 0;
}

void starting_finish(struct starting *st, const struct error *err)
{
    timer_close(st->timer);
    st->timer = NULL;
    if (st->done != NULL) {
        st->done(st->done_arg, st->id, err);
    }
    st->finished = true;
    if (st->proc != NULL) {
        proc_kill(st->proc); /* freed when it has ended */
    } else {
        free(st);
    }
}
