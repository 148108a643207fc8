/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "backends/container/classify.h"
#include "backends/container/container_private.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* What is there: list, inspect, and "is it ours?". List and inspect print the same objects, so one look at all is
 * enough; there is nothing to read back besides. An answer that cannot be read is an error: with the service down,
 * "no sandboxes" would make the engine create what is there. */

#define LOOK_TIMEOUT_MS 15000 /* the command gives up after 10 s by itself */
#define LOOK_MAX_BYTES (16u << 20)

/* What sessions need to know of a container without asking. */
struct detail {
    char container[CTR_NAME_MAX], user[32];
};
struct ctr_details {
    struct detail *v;
    size_t len;
};

void ctr_details_close(struct backend *be)
{
    if (be->details) {
        free(be->details->v);
        free(be->details);
        be->details = NULL;
    }
}

static void remember(struct backend *be, const struct ctr_seen *s)
{
    struct detail d = {.container = ""};
    struct ctr_details *all = be->details = be->details ? be->details : xcalloc(1, sizeof(*be->details));
    str_copy(d.container, sizeof(d.container), s->container);
    str_copy(d.user, sizeof(d.user), s->user);
    for (size_t i = 0; i < all->len; i++) {
        if (strcmp(all->v[i].container, d.container) == 0) {
            all->v[i] = d;
            return;
        }
    }
    all->v = xreallocarray(all->v, all->len + 1, sizeof(d));
    all->v[all->len++] = d;
}

const char *ctr_user_of(const struct backend *be, const char *container)
{
    for (size_t i = 0; be->details && i < be->details->len; i++) {
        if (strcmp(be->details->v[i].container, container) == 0) {
            return be->details->v[i].user;
        }
    }
    return NULL;
}

/* One of ours, for the caller. */
static void complete(struct backend *be, const struct ctr_seen *s, struct sandbox_info *i)
{
    *i = s->info;
    if (i->foreign || i->service) {
        return;
    }
    remember(be, s);
    i->workspace_missing = i->state == SANDBOX_RUNNING && i->workspace[0] && !fs_is_dir(i->workspace);
}

/* --- list --- */

struct list {
    struct request *r;
    bool busy; /* one of ours is on its way to another state */
};

static void list_each(void *arg, const struct ctr_seen *seen)
{
    struct list *l = arg;
    struct sandbox_info info;
    if (seen->info.foreign && !seen->info.service) {
        return;
    }
    complete(l->r->be, seen, &info);
    l->busy = l->busy || info.halted || info.state == SANDBOX_UNKNOWN;
    ctr_add_info(l->r->call, &info);
}

static void on_list(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    struct list l = {.r = r};
    if (err || ctr_parse_list(res->out->buf, res->out->len, list_each, &l, &why) < 0) {
        ctr_finish(r, err ? err : &why);
        return;
    }
    if (l.busy) {
        ctr_watch_hurry(r->be);
    }
    ctr_finish(r, NULL);
}

int ctr_list(struct request *r, struct error *err)
{
    static const char *const args[] = {"list", "--all", "--format", "json", NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = LOOK_MAX_BYTES, .timeout_ms = LOOK_TIMEOUT_MS};
    return ctr_run(r, &opts, on_list, err);
}

/* --- one of them --- */

static int ask_one(struct request *r, requests_then_fn then, struct error *err)
{
    const char *args[] = {"inspect", r->container, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = LOOK_MAX_BYTES, .timeout_ms = LOOK_TIMEOUT_MS};
    return ctr_run(r, &opts, then, err);
}

/* The one that was asked for, among what an answer holds. */
struct wanted {
    const char *container;
    struct ctr_seen *seen;
    bool found;
};

static void keep_wanted(void *arg, const struct ctr_seen *seen)
{
    struct wanted *w = arg;
    if (!w->found && strcmp(seen->container, w->container) == 0) {
        *w->seen = *seen;
        w->found = true;
    }
}

/* Reads an answer of inspect. 1: seen; 0: there is none (to 0.12 that is "[]" and success); -1: err. */
static int read_one(struct request *r, const struct proc_result *res, const struct error *err, struct ctr_seen *seen,
                    struct error *why)
{
    struct wanted w = {.container = r->container, .seen = seen};
    if (err && ctr_says_none(res->err_tail->buf, r->container)) {
        return 0;
    }
    if (err) {
        *why = *err;
        why->code = why->code == ERROR_NOT_FOUND ? ERROR_EXIT : why->code; /* something else is not there */
        return -1;
    }
    if (ctr_parse_list(res->out->buf, res->out->len, keep_wanted, &w, why) < 0) {
        return -1;
    }
    return w.found ? 1 : 0;
}

static void on_inspect(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    struct ctr_seen *seen = xcalloc(1, sizeof(*seen));
    struct sandbox_info info = {.state = SANDBOX_NONE};
    int rc = read_one(r, res, err, seen, &why);
    if (rc > 0) {
        complete(r->be, seen, &info);
        info.foreign = info.foreign || info.service;
    }
    if (rc >= 0) {
        str_copy(info.name, sizeof(info.name), r->call->name);
        ctr_add_info(r->call, &info);
    }
    free(seen);
    ctr_finish(r, rc < 0 ? &why : NULL);
}

int ctr_inspect(struct request *r, struct error *err)
{
    return ask_one(r, on_inspect, err);
}

static void on_owned(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct error why = ERROR_INIT;
    struct ctr_seen *seen = xcalloc(1, sizeof(*seen));
    ctr_owned_fn then = ctr_own(r)->owned;
    int rc = read_one(r, res, err, seen, &why);
    if (rc == 0 && ctr_own(r)->or_none) {
        rc = then(r, NULL, &why);
    } else if (rc == 0) {
        rc = error_set(&why, ERROR_NOT_FOUND, "sandbox %s does not exist", r->container);
    } else if (rc > 0 && (seen->info.foreign || seen->info.service)) {
        rc = error_hint(&why, ERROR_DENIED, "delete that container, or rename the project folder",
                        "container %s is not one of muthr's sandboxes: it is left alone", r->container);
    } else if (rc > 0) {
        remember(r->be, seen);
        rc = then(r, seen, &why);
    }
    free(seen);
    if (rc < 0) {
        ctr_finish(r, &why);
    }
}

int ctr_owned(struct request *r, ctr_owned_fn then, struct error *err)
{
    ctr_own(r)->owned = then;
    ctr_own(r)->or_none = false;
    return ask_one(r, on_owned, err);
}

int ctr_owned_or_none(struct request *r, ctr_owned_fn then, struct error *err)
{
    ctr_own(r)->owned = then;
    ctr_own(r)->or_none = true;
    return ask_one(r, on_owned, err);
}
