/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/json.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

/* STATE/records/<sandbox>.json. Caller frees. */
static char *file_of(const struct paths *paths, const char *sandbox)
{
    return xasprintf("%s/records/%s.json", paths->state, sandbox);
}

/* A member that is an object, made when it is missing. The tree is ours, hence writable. */
static struct json *object_in(struct json *tree, const char *key)
{
    const struct json *there = json_get(tree, key);
    if (!json_is_object(there)) {
        json_set(tree, key, json_new_object());
        there = json_get(tree, key);
    }
    return (struct json *)(uintptr_t)there;
}

void record_load(struct record *r, const struct paths *paths, const char *sandbox)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, sandbox);
    struct error err = ERROR_INIT;
    memset(r, 0, sizeof(*r));
    r->tree = json_load(path, 1u << 20, &err);
    if (r->tree == NULL && err.code == ERROR_PARSE) {
        log_warn("%s", err.msg);
        fs_set_aside(path, NULL, NULL);
    }
    if (!json_is_object(r->tree)) {
        json_free(r->tree);
        r->tree = json_new_object();
    }
    str_copy(r->profile, sizeof(r->profile), json_get_string(r->tree, "profile", ""));
    r->spec = xstrdup_null(json_get_string(r->tree, "spec", NULL));
    const char *net = json_get_string(r->tree, "net", NULL);
    r->have_net = net != NULL && net_policy_parse(net, &r->net, NULL) == 0;
}

int record_save(const struct record *r, const struct paths *paths, const char *sandbox, struct error *err)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, sandbox), *dir = path_join(paths->state, "records");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    json_set_string(r->tree, "profile", r->profile);
    json_set_string(r->tree, "spec", r->spec);
    json_set_string(r->tree, "net", r->have_net ? net_policy_name(r->net) : NULL);
    json_write(r->tree, true, &text);
    return fs_mkdirs(dir, 0700, err) < 0 ? -1 : fs_write_atomic(path, text.buf, text.len, 0600, err);
}

int record_forget(const struct paths *paths, const char *sandbox, struct error *err)
{
    MT_CLEANUP(xfree) char *path = file_of(paths, sandbox);
    return unlink(path) == 0 || errno == ENOENT ? 0 : error_sys(err, errno, "%s", path);
}

void record_release(struct record *r)
{
    free(r->spec);
    json_free(r->tree);
    memset(r, 0, sizeof(*r));
}

static const char *const FIELDS[] = {
    [RECORD_IMAGE_CHOICE] = "image_choice",   [RECORD_IMAGE] = "image",   [RECORD_IMAGE_NOTICE] = "image_notice",
    [RECORD_IMAGE_CONSENT] = "image_consent", [RECORD_SET_UP] = "set_up", [RECORD_SET_UP_CONSENT] = "set_up_consent",
    [RECORD_BASELINE] = "baseline",           [RECORD_IMAGES] = "images", [RECORD_RUN] = "run",
    [RECORD_BACKEND_WHY] = "backend_why",
};
_Static_assert(MT_ARRAY_LEN(FIELDS) == RECORD_FIELD_COUNT, "a field without a name");

const char *record_text(const struct record *r, enum record_field field)
{
    return json_get_string(r->tree, FIELDS[field], "");
}

void record_set_text(struct record *r, enum record_field field, const char *value)
{
    if (value[0] != '\0' || record_text(r, field)[0] != '\0') {
        json_set_string(r->tree, FIELDS[field], value);
    }
}

const char *record_revision(const struct record *r, const char *profile)
{
    return json_get_string(json_get(r->tree, "revisions"), profile, "");
}

void record_set_revision(struct record *r, const char *profile, const char *rev)
{
    json_set_string(object_in(r->tree, "revisions"), profile, rev);
}

void record_set_unprovisioned(struct record *r, const char *profile, enum record_end end, int exit_code)
{
    static const char *const names[] = {
        [RECORD_STARTED] = "started", [RECORD_CANCELED] = "canceled", [RECORD_FAILED] = "failed"};
    struct json *mark = json_new_object();
    char now[40];
    clock_iso8601(clock_wall_ms(), now);
    json_set_string(mark, "profile", profile);
    json_set_string(mark, "end", names[end]);
    json_set_string(mark, "when", now);
    if (exit_code != 0) {
        json_set_int(mark, "exit", exit_code);
    }
    json_set(r->tree, "unprovisioned", mark);
}

void record_set_unprovisioned_error(struct record *r, const char *message)
{
    json_set_string(object_in(r->tree, "unprovisioned"), "error", message);
}

void record_clear_unprovisioned(struct record *r)
{
    if (json_get(r->tree, "unprovisioned") != NULL) {
        json_set_null(r->tree, "unprovisioned");
    }
}

const char *record_unprovisioned(const struct record *r, struct strbuf *why)
{
    const struct json *mark = json_get(r->tree, "unprovisioned");
    const char *profile = json_get_string(mark, "profile", NULL), *end = json_get_string(mark, "end", "");
    int64_t code = json_get_int(mark, "exit", 0);
    if (profile != NULL && why != NULL) {
        strbuf_addf(why, "provisioning with %.63s %s", profile,
                    strcmp(end, "failed") == 0     ? "failed"
                    : strcmp(end, "canceled") == 0 ? "was canceled"
                                                   : "did not end");
        if (code != 0) {
            strbuf_addf(why, " (exit %d)", (int)code);
        }
        const char *error = json_get_string(mark, "error", "");
        if (error[0] != '\0') {
            strbuf_addf(why, ": %s", error);
        }
    }
    return profile;
}

/* A remembered duration within reason, else 0. */
static uint64_t duration(const struct json *times, const char *key)
{
    int64_t ms = json_get_int(times, key, 0);
    return ms > 0 && ms < INT64_C(86400000) ? (uint64_t)ms : 0;
}

/* Start, restart and provision share their steps, hence what is known of them. */
static const char *times_group(const struct op_view *op)
{
    static const char *const shared[] = {"start", "restart", "provision", "bake"};
    for (size_t i = 0; i < MT_ARRAY_LEN(shared); i++) {
        if (strcmp(op->plan, shared[i]) == 0) {
            return "start";
        }
    }
    return op->plan;
}

/* Key of the whole plan's duration; no step is called so. */
static void all_key(const struct op_view *op, char out[40])
{
    str_format(out, 40, "all of %s", op->plan);
}

void record_fill_times(const struct record *r, struct op_view *op)
{
    const struct json *times = json_get(json_get(r->tree, "times"), times_group(op));
    char all[40];
    all_key(op, all);
    op->last_time_ms = duration(times, all);
    for (int i = 0; i < op->step_count; i++) {
        op->steps[i].last_time_ms = duration(times, op->steps[i].name);
    }
}

void record_take_times(struct record *r, const struct op_view *op)
{
    struct json *times = object_in(object_in(r->tree, "times"), times_group(op));
    bool worked = false;
    for (int i = 0; i < op->step_count; i++) {
        const struct op_step_view *s = &op->steps[i];
        if (s->state == OP_STEP_DONE && s->ended_ms >= s->started_ms) {
            json_set_int(times, s->name, (int64_t)(s->ended_ms - s->started_ms));
            worked = worked || strcmp(s->name, "start") == 0 || strcmp(s->name, "provision") == 0 ||
                     strcmp(s->name, "stop") == 0;
        }
    }
    if (worked) { /* a run that found everything done says nothing about the next one */
        uint64_t now = op->ended_ms != 0 ? op->ended_ms : op->steps[op->step].started_ms;
        char all[40];
        all_key(op, all);
        json_set_int(times, all, (int64_t)(now > op->started_ms ? now - op->started_ms : 1));
    }
}
