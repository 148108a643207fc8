/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_TROUBLES_H
#define MT_TERM_TROUBLES_H

/* Session sockets to which connections came to nothing. After three such, or one that tells enough, a socket is left
 * alone until its name is gone: said once, in the log and by the answer true. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/strvec.h"

struct troubles {
    struct trouble *v;
    size_t len;
};

/* One more connection to a socket came to nothing. True: it is left alone from now on. */
bool troubles_add(struct troubles *t, const char *id, const struct error *why);
/* The same, of one that tells enough. True: it was not left alone before. */
bool troubles_give_up(struct troubles *t, const char *id, const struct error *why);
bool troubles_given_up(const struct troubles *t, const char *id);
/* Forgets those whose names are not among `ids`. */
void troubles_prune(struct troubles *t, const struct strvec *ids);
void troubles_release(struct troubles *t);

#endif
