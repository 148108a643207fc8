/* SPDX-License-Identifier: Apache-2.0 */
/* What a cockpit asks and tells one session: looked up by its id in the set (term/client.c), done by its connection
 * (term/remote.h). One that is gone is no error for a word, and ERROR_UNAVAILABLE for a question. */
#include <string.h>

#include "core/util/clock.h"
#include "term/client_priv.h"
#include "term/remote.h"

/* A session that is there, or NULL and ERROR_UNAVAILABLE. */
static struct remote *get(struct sessions *s, const char *id, struct error *err)
{
    struct remote *r = client_find(s, id);

    if (r == NULL) {
        error_set(err, ERROR_UNAVAILABLE, "session %s is gone", id);
    }
    return r;
}

/* The mirror of a viewed session that has got its first frame. */
static struct mirror *get_mirror(const struct sessions *s, const char *id)
{
    struct remote *r = client_find(s, id);
    struct mirror *m = r != NULL ? remote_mirror(r) : NULL;

    return m != NULL && m->valid ? m : NULL;
}

int sessions_view(struct sessions *s, const char *id, int cols, int rows, struct error *err)
{
    struct remote *r = get(s, id, err);

    if (r == NULL) {
        return -1;
    }
    remote_lend(r, s->lent);
    remote_view(r, cols, rows);
    return 0;
}

void sessions_lend(struct sessions *s, int terminal)
{
    s->lent = terminal;
}

struct loan *sessions_loan(const struct sessions *s, const char *id)
{
    const struct remote *r = client_find(s, id);

    return r != NULL ? remote_loan(r) : NULL;
}

void sessions_keep(struct sessions *s, const char *id, const struct vt_point *points, size_t n, sessions_kept_fn fn,
                   void *arg)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_keep(r, points, fn != NULL ? n : 0, fn, arg);
    }
}

void sessions_unview(struct sessions *s, const char *id)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_unview(r);
    }
}

const struct session_screen *sessions_screen(const struct sessions *s, const char *id)
{
    const struct mirror *m = get_mirror(s, id);

    return m != NULL ? &m->screen : NULL;
}

const struct cell *sessions_row(const struct sessions *s, const char *id, int row, bool *wrapped)
{
    const struct mirror *m = get_mirror(s, id);

    return m != NULL ? mirror_row(m, row, wrapped) : NULL;
}

const struct cluster_table *sessions_clusters(const struct sessions *s, const char *id)
{
    const struct remote *r = client_find(s, id);

    return r != NULL ? remote_clusters(r) : NULL;
}

const struct extra_table *sessions_extras(const struct sessions *s, const char *id)
{
    const struct remote *r = client_find(s, id);

    return r != NULL ? remote_extras(r) : NULL;
}

static bool outer_same(const struct sessions_outer *a, const struct sessions_outer *b)
{
    return a->fg == b->fg && a->bg == b->bg && a->cursor == b->cursor && a->kitty == b->kitty &&
           a->clipboard == b->clipboard && memcmp(a->palette, b->palette, sizeof(a->palette)) == 0;
}

void sessions_set_outer(struct sessions *s, const struct sessions_outer *o)
{
    struct proto_outer now = {
        .fg = o->fg, .bg = o->bg, .cursor = o->cursor, .kitty = o->kitty, .clipboard = o->clipboard};

    if (s->outer_known && outer_same(&s->outer_given, o)) {
        return;
    }
    memcpy(now.palette, o->palette, sizeof(now.palette));
    s->outer_known = true;
    s->outer_given = *o;
    s->outer = now;
    for (size_t i = 0; i < s->count; i++) {
        if (remote_is_ready(s->remotes[i])) {
            remote_outer(s->remotes[i], &s->outer);
        }
    }
}

void sessions_take_frame(struct sessions *s, const char *id, uint64_t *bits, size_t words)
{
    struct remote *r = client_find(s, id);
    struct mirror *m = get_mirror(s, id);

    if (words > 0) { /* a screen without rows has no words, and no array */
        memset(bits, 0, words * sizeof(*bits));
    }
    if (m != NULL) {
        mirror_take(m, bits, words);
        remote_credit(r);
    }
}

/* --- input, and what it means for the others --- */

void client_yield(const struct sessions *s, struct remote *r, uint64_t now_ms)
{
    if (remote_info(r)->flooding && s->typed_ms != 0 && now_ms < s->typed_ms + PROTO_YIELD_MS / 2 &&
        strcmp(remote_id(r), s->typed_id) != 0) {
        remote_tell(r, PROTO_YIELD);
    }
}

/* Somebody types into this one. The others hear of it now and then only. */
static void yield_all(struct sessions *s, const struct remote *typed)
{
    uint64_t now = clock_mono_ms();

    s->typed_ms = now;
    if (s->yield_ms != 0 && now < s->yield_ms + PROTO_YIELD_MS / 2 && strcmp(remote_id(typed), s->typed_id) == 0) {
        return;
    }
    s->yield_ms = now;
    str_copy(s->typed_id, sizeof(s->typed_id), remote_id(typed));
    for (size_t i = 0; i < s->count; i++) {
        client_yield(s, s->remotes[i], now);
    }
}

size_t sessions_input(struct sessions *s, const char *id, const void *data, size_t len)
{
    struct remote *r = client_find(s, id);

    if (r == NULL) {
        return 0;
    }
    yield_all(s, r);
    return remote_input(r, data, len);
}

int sessions_on_taken(struct sessions *s, const char *id, void (*fn)(void *arg, size_t left), void *arg,
                      struct error *err)
{
    struct remote *r = get(s, id, err);

    return r != NULL ? remote_on_taken(r, fn, arg, err) : -1;
}

void sessions_focus(struct sessions *s, const char *id, bool focused)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_focus(r, focused);
    }
}

/* --- questions and words --- */

int sessions_history(struct sessions *s, const char *id, uint64_t first, size_t count, int cols, sessions_history_fn fn,
                     void *arg, struct error *err)
{
    struct remote *r = get(s, id, err);

    if (r == NULL) {
        return -1;
    }
    remote_history(r, first, count, cols, fn, arg);
    return 0;
}

int sessions_look(struct sessions *s, const char *id, sessions_look_fn fn, void *arg, struct error *err)
{
    struct remote *r = get(s, id, err);

    return r != NULL ? remote_look(r, fn, arg, err) : -1;
}

int sessions_search(struct sessions *s, const char *id, const struct sessions_query *query, sessions_search_fn fn,
                    void *arg, struct error *err)
{
    struct remote *r = get(s, id, err);

    if (r == NULL) {
        return -1;
    }
    if (query->kind == SEARCH_TEXT && (query->needle[0] == '\0' || strlen(query->needle) > PROTO_NEEDLE_MAX)) {
        return error_set(err, ERROR_INVALID, "a text of 1 to %d bytes is searched for", PROTO_NEEDLE_MAX);
    }
    remote_search(r, query, fn, arg);
    return 0;
}

/* Sends a message without payload. */
static void tell(struct sessions *s, const char *id, enum proto_type type)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_tell(r, (int)type);
    }
}

void sessions_search_stop(struct sessions *s, const char *id)
{
    tell(s, id, PROTO_SEARCH_STOP);
}

void sessions_kill(struct sessions *s, const char *id)
{
    tell(s, id, PROTO_KILL);
}

int sessions_reset(struct sessions *s, const char *id, struct error *err)
{
    struct remote *r = client_find(s, id);

    return r != NULL ? remote_reset(r, err) : error_set(err, ERROR_NOT_FOUND, "there is no session %s", id);
}

int sessions_rename(struct sessions *s, const char *id, const char *name, struct error *err)
{
    struct remote *r = client_find(s, id);

    if (r == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "there is no session %s", id);
    }
    if (strlen(name) >= sizeof(remote_info(r)->name)) {
        return error_set(err, ERROR_INVALID, "a name has at most %zu bytes", sizeof(remote_info(r)->name) - 1);
    }
    return remote_rename(r, name, err);
}

int sessions_restart(struct sessions *s, const char *id, struct error *err)
{
    struct remote *r = client_find(s, id);

    if (r == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "there is no session %s", id);
    }
    if (remote_info(r)->kind != SESSION_TASK) {
        return error_set(err, ERROR_INVALID, "%s is no task: only tasks are started again", id);
    }
    return remote_restart(r, err);
}

void sessions_signal(struct sessions *s, const char *id, int signum)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_signal(r, signum);
    }
}

void sessions_number(struct sessions *s, const char *id, int number)
{
    struct remote *r = client_find(s, id);

    if (r != NULL) {
        remote_number(r, number);
    }
}

void sessions_attended(struct sessions *s, const char *id)
{
    tell(s, id, PROTO_ATTENDED);
}

void sessions_dismiss(struct sessions *s, const char *id)
{
    tell(s, id, PROTO_DISMISS);
}
