/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>

#include "backends/process/calls.h"
#include "backends/process/state.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* What only reads files: LIST, INSPECT, LOGS. */

#define LIST_CHUNK 8 /* sandboxes looked at per turn of the loop: a millisecond or two */

/* --- list and inspect --- */

bool calls_info(const struct calls_kind *kind, const char *dir, struct sandbox_info *out)
{
    if (!state_info(dir, out)) {
        return false;
    }
    if (kind->complete) {
        kind->complete(dir, out);
    }
    return true;
}

static void add_info(struct backend_call *call, const struct sandbox_info *info)
{
    call->infos = xreallocarray(call->infos, call->info_count + 1, sizeof(*call->infos));
    call->infos[call->info_count++] = *info;
}

void calls_list_turn(struct request *r)
{
    size_t stop = MT_MIN(r->names.len, r->at + LIST_CHUNK);
    for (; r->at < stop; r->at++) {
        struct sandbox_info info;
        char *dir = path_join(r->be->root, r->names.v[r->at]);
        if (calls_info(r->kind, dir, &info)) {
            add_info(r->call, &info);
        }
        free(dir);
    }
    if (r->at == r->names.len) {
        calls_finish(r, NULL);
    } else {
        timer_start(r->timer, 0);
    }
}

/* The folders that are sandboxes. A root that is not there yet means none. */
int calls_list_begin(struct request *r, struct error *err)
{
    struct strvec all = STRVEC_INIT;
    struct error why = ERROR_INIT;
    int rc = fs_list(r->be->root, &all, &why);
    for (size_t i = 0; i < all.len; i++) {
        if (state_is_id(all.v[i])) {
            strvec_push(&r->names, all.v[i]);
        }
    }
    strvec_release(&all);
    if (rc < 0 && why.code != ERROR_NOT_FOUND) {
        *err = why;
        return -1;
    }
    return 0;
}

void calls_inspect(struct request *r)
{
    struct sandbox_info info;
    char *dir = state_dir_of(r->be->root, r->call->name);
    if (!calls_info(r->kind, dir, &info)) {
        str_copy(info.name, sizeof(info.name), r->call->name);
        info.state = SANDBOX_NONE;
    }
    free(dir);
    add_info(r->call, &info);
    calls_finish(r, NULL);
}

/* --- logs --- */

static void on_log_line(void *arg, bool is_stderr, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && !r->canceled) {
        r->call->on_line(r->call, is_stderr, line, len);
    }
}

/* Following ends with the sandbox. */
static void on_log_change(void *arg, const char *name)
{
    struct request *r = arg;
    struct sandbox_info info;
    (void)name;
    if (!r->be || r->ended) {
        return;
    }
    char *dir = state_dir_of(r->be->root, r->call->name);
    bool live = state_info(dir, &info) && (info.state == SANDBOX_RUNNING || info.state == SANDBOX_CREATING);
    free(dir);
    if (!live) {
        calls_end_soon(r);
    }
}

int calls_logs_begin(struct request *r, struct error *err)
{
    char *dir = state_dir_of(r->be->root, r->call->name), *changes = path_join(r->be->root, STATE_CHANGES);
    int rc = 0;
    if (r->call->follow && fs_is_dir(dir)) {
        rc = fs_mkdirs(changes, 0700, err);
        r->changes = rc == 0 ? dirwatch_new(r->be->loop, changes, on_log_change, r, err) : NULL;
        rc = r->changes ? 0 : -1;
    }
    if (rc == 0) {
        r->logs = logs_open(r->be->loop, dir, r->call->tail, r->call->follow, on_log_line, r, err);
        rc = r->logs ? 0 : error_wrap(err, "logs of %s", r->call->name);
    }
    free(dir);
    free(changes);
    if (rc == 0 && r->call->follow) {
        on_log_change(r, NULL);
    } else if (rc == 0) {
        calls_end_soon(r);
    }
    return rc;
}
