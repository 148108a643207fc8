/* SPDX-License-Identifier: Apache-2.0 */
/* watch: every change of the model, as it comes, for scripts. What is not written yet is remembered by object, not by
 * change: a reader that is slow gets the newest state of each and how many were passed over, and costs no more memory
 * than there are objects. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/io/pidwatch.h"
#include "core/model/config_inference.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tui/opnote.h"
#include "tui/verb.h"

#define PIECE_BYTES PIPE_BUF /* what a pipe that can be written to takes without blocking: 4096, on macOS 512 */
#define SIGNALS 3

/* A thing that was told of, or is to be. */
struct item {
    enum verb_kind kind;
    char key[SESSION_ID_MAX + 96]; /* what it is called among its kind */
    bool told, due, removed, marked;
    bool ended;       /* an operation that is over */
    unsigned changes; /* since it was told last */
    uint64_t hash;    /* of what was told */
    struct feed *feed;
    struct pidwatch *owner; /* of an operation that runs: who runs it */
    struct item *next_due;
};

struct feed {
    struct verb_ctx *ctx;
    struct item **items;
    size_t count;
    struct item *due, **due_end; /* in the order of their first change */
    bool ready;                  /* the snapshot is complete: what comes is a change */
    char problem[300];           /* the last one */
    char *ops_dir;               /* where processes tell of their operations */
    struct dirwatch *ops;
    struct strbuf line; /* on its way out */
    struct watch *out;  /* NULL: stdout can always be written to */
    struct signal_watch *signals[SIGNALS];
};

/* Does the reader want to know of these? */
static bool is_wanted(const struct feed *f, enum verb_kind kind)
{
    return f->ctx->o.only == 0 || (f->ctx->o.only & 1u << kind) != 0;
}

/* FNV-1a: only to see that nothing has changed. */
static uint64_t hash_of(const struct strbuf *text)
{
    uint64_t h = 14695981039346656037u;

    for (size_t i = 0; i < text->len; i++) {
        h = (h ^ (unsigned char)text->buf[i]) * 1099511628211u;
    }
    return h;
}

/* The thing of this name, made if need be. */
static struct item *item_get(struct feed *f, enum verb_kind kind, const char *key)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i]->kind == kind && strcmp(f->items[i]->key, key) == 0) {
            return f->items[i];
        }
    }
    struct item *item = xcalloc(1, sizeof(*item));
    item->kind = kind;
    item->feed = f;
    str_copy(item->key, sizeof(item->key), key);
    f->items = xreallocarray(f->items, f->count + 1, sizeof(struct item *));
    f->items[f->count++] = item;
    return item;
}

/* Forgets one that was told as gone. */
static void item_drop(struct feed *f, struct item *item)
{
    for (size_t i = 0; i < f->count; i++) {
        if (f->items[i] == item) {
            f->items[i] = f->items[--f->count];
            pidwatch_close(item->owner);
            free(item);
            return;
        }
    }
}

/* It is to be told of. */
static void item_due(struct feed *f, struct item *item, bool removed)
{
    item->removed = removed;
    item->changes++;
    if (!item->due) {
        item->due = true;
        item->next_due = NULL;
        *f->due_end = item;
        f->due_end = &item->next_due;
    }
}

static void feed_wake(struct feed *f);

/* --- what there is --- */

/* "12" */
static const char *number_key(unsigned n, char key[16])
{
    str_format(key, 16, "%u", n);
    return key;
}

/* "podman", "podman@gpu1" */
static void backend_key(const struct backend_view *b, char *key, size_t cap)
{
    str_format(key, cap, "%s%s%s", b->name, b->host[0] != '\0' ? "@" : "", b->host);
}

/* Its process has ended: the operation with it, unless that was said. */
static void owner_ended(void *arg)
{
    struct item *item = arg;

    item_due(item->feed, item, false);
    feed_wake(item->feed);
}

/* An operation of whatever process: what that told of it. */
static struct json *operation_facts(const struct feed *f, struct item *item)
{
    int pid;
    bool ended;
    struct json *row = opnote_read(f->ops_dir, item->key, &pid, &ended);

    if (row == NULL || ended) {
        pidwatch_close(item->owner);
        item->owner = NULL;
    } else if (item->owner == NULL) {
        item->owner = pidwatch_new(f->ctx->loop, pid, owner_ended, item, NULL);
    }
    item->ended = ended;
    return row;
}

/* The facts of a thing, or NULL: it is not there. */
static struct json *item_facts(const struct feed *f, struct item *item)
{
    const struct model *m = f->ctx->model;
    const struct workspace *ws;
    const struct session_info *s;
    char key[64];

    switch (item->kind) {
    case VERB_WORKSPACE:
        ws = model_workspace(m, (workspace_id)strtoul(item->key, NULL, 10));
        return ws != NULL ? verb_workspace_row(m, ws) : NULL;
    case VERB_SESSION:
        s = model_session(m, item->key);
        return s != NULL ? verb_session_facts(s) : NULL;
    case VERB_OPERATION:
        return operation_facts(f, item);
    case VERB_BACKEND:
        for (size_t i = 0; i < model_backend_count(m); i++) {
            backend_key(model_backend_at(m, i), key, sizeof(key));
            if (strcmp(key, item->key) == 0) {
                return verb_backend_facts(model_backend_at(m, i));
            }
        }
        return NULL;
    case VERB_INFERENCE: {
        int i = model_inference_find(m, item->key);

        return i >= 0 ? verb_inference_facts(model_inference_at(m, (size_t)i)) : NULL;
    }
    case VERB_SERVICE:
        return verb_service_row(model_service_by_name(m, item->key));
    default: {
        struct json *row = json_new_object();

        json_set_string(row, "text", f->problem);
        return row;
    }
    }
}

/* Takes the marks away; what has none is not there any more. */
static void sweep_marks(struct feed *f, enum verb_kind kind)
{
    for (size_t i = 0; i < f->count; i++) {
        struct item *item = f->items[i];

        if (item->kind == kind && !item->marked) {
            item_due(f, item, true);
        }
        item->marked = false;
    }
}

/* Every workspace is looked at: those that are new or not there any more are found by that. */
static void mark_workspaces(struct feed *f)
{
    char key[16];

    for (size_t i = 0; i < model_workspace_count(f->ctx->model); i++) {
        struct item *item = item_get(f, VERB_WORKSPACE, number_key(model_workspace_at(f->ctx->model, i)->id, key));

        item->marked = true;
        item_due(f, item, false);
    }
    sweep_marks(f, VERB_WORKSPACE);
}

/* The same with operations. */
static void mark_operations(struct feed *f)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;

    fs_list(f->ops_dir, &names, NULL);
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *id = xstrndup(names.v[i], strcspn(names.v[i], "."));

        if (strcmp(names.v[i] + strlen(id), ".json") == 0) {
            struct item *item = item_get(f, VERB_OPERATION, id);

            item->marked = true;
            item_due(f, item, false);
        }
    }
    sweep_marks(f, VERB_OPERATION);
}

/* All backends: the event does not say which. */
static void mark_backends(struct feed *f)
{
    char key[64];

    for (size_t i = 0; i < model_backend_count(f->ctx->model); i++) {
        backend_key(model_backend_at(f->ctx->model, i), key, sizeof(key));
        item_due(f, item_get(f, VERB_BACKEND, key), false);
    }
}

/* All inference endpoints. */
static void mark_inference(struct feed *f)
{
    for (size_t i = 0; i < model_inference_count(f->ctx->model); i++) {
        item_due(f, item_get(f, VERB_INFERENCE, model_inference_at(f->ctx->model, i)->name), false);
    }
}

/* Everything there is, for the snapshot. */
static void mark_all(struct feed *f)
{
    const struct model *m = f->ctx->model;

    if (is_wanted(f, VERB_BACKEND)) {
        mark_backends(f);
    }
    if (is_wanted(f, VERB_INFERENCE)) {
        mark_inference(f);
    }
    for (size_t i = 0; is_wanted(f, VERB_SERVICE) && i < SERVICE_COUNT; i++) {
        item_due(f, item_get(f, VERB_SERVICE, service_kinds[i].name), false);
    }
    if (is_wanted(f, VERB_WORKSPACE)) {
        mark_workspaces(f);
    }
    for (size_t i = 0; is_wanted(f, VERB_SESSION) && i < model_session_count(m); i++) {
        item_due(f, item_get(f, VERB_SESSION, model_session_at(m, i)->id), false);
    }
    if (is_wanted(f, VERB_OPERATION)) {
        mark_operations(f);
    }
}

/* --- writing --- */

/* Puts one object into the line. */
static void put_line(struct feed *f, struct json *row)
{
    json_write(row, false, &f->line);
    strbuf_addch(&f->line, '\n');
    json_free(row);
}

/* A line for a thing that is not there any more. */
static void put_removed(struct feed *f, const struct item *item)
{
    struct json *row = json_new_object(), *what = json_new_object();

    json_set_string(row, "event", "removed");
    json_set_string(row, "kind", verb_kind_names[item->kind]);
    json_set_string(what, "id", item->key);
    json_set(row, verb_kind_names[item->kind], what);
    put_line(f, row);
}

/* A line for what is known of a thing by now, unless that is what was told. */
static void put_facts(struct feed *f, struct item *item, struct json *facts)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct json *row;
    uint64_t hash;

    if (item->kind == VERB_WORKSPACE) {
        json_set_string(facts, "id", item->key);
    }
    json_write(facts, false, &text);
    hash = hash_of(&text);
    if ((item->told && item->hash == hash && item->kind != VERB_PROBLEM) || (!f->ready && item->ended)) {
        item->told = true; /* what was over before is no news, now or later */
        item->hash = hash;
        json_free(facts);
        return;
    }
    row = json_new_object();
    json_set_string(row, "event", !f->ready ? "snapshot" : item->told ? "changed" : "added");
    json_set_string(row, "kind", verb_kind_names[item->kind]);
    json_set_int(row, "passed_over", item->changes > 0 ? (int64_t)item->changes - 1 : 0);
    json_set(row, verb_kind_names[item->kind], facts);
    put_line(f, row);
    item->told = true;
    item->hash = hash;
}

/* Makes the next line. False: there is nothing to say. */
static bool next_line(struct feed *f)
{
    while (f->line.len == 0 && f->due != NULL) {
        struct item *item = f->due;

        f->due = item->next_due;
        f->due_end = f->due != NULL ? f->due_end : &f->due;
        item->due = false;
        struct json *facts = item->removed ? NULL : item_facts(f, item);
        if (facts != NULL) {
            put_facts(f, item, facts);
            item->changes = 0;
        } else {
            if (item->told) {
                put_removed(f, item);
            }
            item_drop(f, item);
        }
    }
    if (f->line.len == 0 && !f->ready) {
        struct json *row = json_new_object();

        f->ready = true;
        json_set_string(row, "event", "snapshot_end");
        put_line(f, row);
    }
    return f->line.len > 0;
}

/* The reader has gone, or stdout is of no use. */
static void feed_broken(struct feed *f, int why)
{
    struct error err = ERROR_INIT;

    if (why == EPIPE) {
        verb_finish(f->ctx, 0);
        return;
    }
    error_sys(&err, why, "cannot write to stdout");
    verb_fail(f->ctx, &err);
}

/* Writes as much as stdout takes. */
static void feed_write(struct feed *f)
{
    while (!f->ctx->finished && next_line(f)) {
        ssize_t n = write(STDOUT_FILENO, f->line.buf, MT_MIN(f->line.len, (size_t)PIECE_BYTES));

        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            feed_broken(f, errno);
            return;
        }
        strbuf_consume(&f->line, n > 0 ? (size_t)n : 0);
        if (f->out != NULL) {
            break; /* the next piece once it is sure not to block */
        }
    }
    if (f->out != NULL) {
        watch_set(f->out, f->line.len > 0 || f->due != NULL || !f->ready ? WATCH_WRITE | WATCH_HANGUP : WATCH_HANGUP);
    }
}

/* watch_fn */
static void feed_writable(void *arg, int events)
{
    struct feed *f = arg;

    if ((events & WATCH_HANGUP) != 0 && (events & WATCH_WRITE) == 0) {
        feed_broken(f, EPIPE);
    } else {
        feed_write(f);
    }
}

/* Something is due: it goes out when stdout takes it, and not within the event. */
static void feed_wake(struct feed *f)
{
    if (f->out != NULL) {
        watch_set(f->out, WATCH_WRITE | WATCH_HANGUP);
    } else {
        feed_write(f);
    }
}

/* --- changes --- */

/* Notes what an event is about. */
static void feed_note(struct feed *f, const struct model_event *ev)
{
    char key[16];

    switch (ev->kind) {
    case MODEL_WORKSPACES:
        if (is_wanted(f, VERB_WORKSPACE)) {
            mark_workspaces(f);
        }
        break;
    case MODEL_BACKEND:
        if (is_wanted(f, VERB_BACKEND)) {
            mark_backends(f);
        }
        break;
    case MODEL_INFERENCE:
        if (is_wanted(f, VERB_INFERENCE)) {
            const struct inference_view *v = model_inference_at(f->ctx->model, ev->inference);

            if (v != NULL) {
                item_due(f, item_get(f, VERB_INFERENCE, v->name), false);
            }
        }
        break;
    case MODEL_SERVICE:
        if (is_wanted(f, VERB_SERVICE)) {
            item_due(f, item_get(f, VERB_SERVICE, ev->text), false);
        }
        break;
    case MODEL_PROBLEM:
        if (is_wanted(f, VERB_PROBLEM)) {
            str_copy(f->problem, sizeof(f->problem), ev->text);
            item_due(f, item_get(f, VERB_PROBLEM, "last"), false);
        }
        break;
    case MODEL_SESSION_ADDED:
    case MODEL_SESSION:
    case MODEL_ATTENTION:
    case MODEL_SESSION_REMOVED:
        if (is_wanted(f, VERB_SESSION)) {
            item_due(f, item_get(f, VERB_SESSION, ev->session), ev->kind == MODEL_SESSION_REMOVED);
        }
        break;
    default:
        break;
    }
    if (ev->ws != 0 && ev->kind != MODEL_STATS && is_wanted(f, VERB_WORKSPACE)) {
        item_due(f, item_get(f, VERB_WORKSPACE, number_key(ev->ws, key)), false);
    }
}

/* bus_fn */
static void feed_event(void *arg, const struct model_event *ev)
{
    struct feed *f = arg;

    feed_note(f, ev);
    if (f->due != NULL && !f->ctx->finished) {
        feed_wake(f);
    }
}

/* signal_fn: asked to end is a good end. */
static void feed_signal(void *arg, int signum)
{
    struct feed *f = arg;

    (void)signum;
    verb_finish(f->ctx, 0);
}

/* dirwatch_fn: somebody told of an operation. */
static void feed_operation(void *arg, const char *name)
{
    struct feed *f = arg;
    MT_CLEANUP(xfree) char *id = name != NULL ? xstrndup(name, strcspn(name, ".")) : NULL;

    if (f->ctx->finished || (name != NULL && strcmp(name + strlen(id), ".json") != 0)) {
        return;
    }
    if (name != NULL) {
        item_due(f, item_get(f, VERB_OPERATION, id), false);
    } else {
        mark_operations(f);
    }
    feed_wake(f);
}

/* The snapshot comes first. */
static void feed_begin(void *arg)
{
    struct feed *f = arg;

    mark_all(f);
    feed_wake(f);
}

/* Whoever wants to know of the inference servers looks at all of them. */
static void feed_see(struct feed *f)
{
    size_t all[CONFIG_INFERENCE_MAX + 1] = {0}, n = 0;

    while (is_wanted(f, VERB_INFERENCE) && n < MT_ARRAY_LEN(all) && n < model_inference_count(f->ctx->model)) {
        all[n] = n;
        n++;
    }
    engine_watch_inference(f->ctx->engine, all, n);
}

/* Tells what there is, and then what changes, until somebody has had enough. */
static void feed_run(struct feed *f)
{
    static const int wanted[SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
    struct bus_sub *sub = bus_subscribe(f->ctx->bus, feed_event, f);

    for (int i = 0; i < SIGNALS; i++) {
        f->signals[i] = signal_watch_new(f->ctx->loop, wanted[i], feed_signal, f, NULL);
    }
    f->out = watch_new(f->ctx->loop, STDOUT_FILENO, feed_writable, f, NULL);
    if (is_wanted(f, VERB_OPERATION) && fs_mkdirs(f->ops_dir, 0700, NULL) == 0) {
        f->ops = dirwatch_new(f->ctx->loop, f->ops_dir, feed_operation, f, NULL);
    }
    feed_see(f);
    loop_defer(f->ctx->loop, feed_begin, f); /* whatever ends it ends it within the loop */
    verb_run(f->ctx);
    for (int i = 0; i < SIGNALS; i++) {
        if (f->signals[i] != NULL) {
            signal_watch_close(f->signals[i]);
        }
    }
    if (f->ops != NULL) {
        dirwatch_close(f->ops);
    }
    watch_close(f->out);
    while (f->count > 0) {
        item_drop(f, f->items[0]);
    }
    bus_unsubscribe(f->ctx->bus, sub);
}

int verb_watch(struct verb_ctx *ctx)
{
    struct feed f = {.ctx = ctx, .line = STRBUF_INIT};

    f.due_end = &f.due;
    f.ops_dir = opnote_dir(ctx->paths);
    ctx->follows = true;
    ctx->tells = true;
    if (verb_open(ctx) < 0) {
        free(f.ops_dir);
        return ctx->exit_code;
    }
    ctx->answered = true;
    feed_run(&f);
    free(f.items);
    free(f.ops_dir);
    strbuf_release(&f.line);
    return ctx->exit_code;
}
