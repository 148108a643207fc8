/* SPDX-License-Identifier: Apache-2.0 */
#include "term/troubles.h"

#include <stdlib.h>
#include <string.h>

#include "core/model/session.h"
#include "core/util/log.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define MOST_TRIES 3

struct trouble {
    char id[SESSION_ID_MAX];
    int tries;
};

static struct trouble *find(const struct troubles *t, const char *id)
{
    for (size_t i = 0; i < t->len; i++) {
        if (strcmp(t->v[i].id, id) == 0) {
            return &t->v[i];
        }
    }
    return NULL;
}

/* Counts `tries` more against a socket. True when that is enough, for the first time. */
static bool count(struct troubles *t, const char *id, int tries, const struct error *why)
{
    struct trouble *one = find(t, id);

    if (one == NULL) {
        t->v = xreallocarray(t->v, t->len + 1, sizeof(*t->v));
        one = &t->v[t->len++];
        memset(one, 0, sizeof(*one));
        str_copy(one->id, sizeof(one->id), id);
    }
    bool enough = one->tries < MOST_TRIES && one->tries + tries >= MOST_TRIES;
    if (enough) {
        log_warn("session socket %s is left alone: %s%s%s", id, why->msg, why->hint ? "; " : "",
                 why->hint ? why->hint : "");
    }
    one->tries += tries;
    return enough;
}

bool troubles_add(struct troubles *t, const char *id, const struct error *why)
{
    return count(t, id, 1, why);
}

bool troubles_give_up(struct troubles *t, const char *id, const struct error *why)
{
    return count(t, id, MOST_TRIES, why);
}

bool troubles_given_up(const struct troubles *t, const char *id)
{
    const struct trouble *one = find(t, id);

    return one != NULL && one->tries >= MOST_TRIES;
}

void troubles_prune(struct troubles *t, const struct strvec *ids)
{
    size_t kept = 0;

    for (size_t i = 0; i < t->len; i++) {
        if (strvec_index(ids, t->v[i].id) >= 0) {
            t->v[kept++] = t->v[i];
        }
    }
    t->len = kept;
}

void troubles_release(struct troubles *t)
{
    free(t->v);
    *t = (struct troubles){0};
}
