/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_PICK_H
#define MT_CORE_ENGINE_PICK_H

/* Which backend a new sandbox gets, why, and what would make a better one available. Pure: the same on every platform,
 * for every platform. Who named a backend gets that one or an error, never a substitute; else the first of the order
 * that works and can do what is wanted. */

#include <stdbool.h>
#include <stddef.h>

#include "core/engine/backend.h"

enum pick_platform { PICK_LINUX, PICK_MACOS };
#if defined(__APPLE__)
#define PICK_PLATFORM PICK_MACOS
#else
#define PICK_PLATFORM PICK_LINUX
#endif
/* Names of the backends that are opened unasked there, the preferred one first; NULL-terminated. */
const char *const *pick_order(enum pick_platform p);

/* One that there is. `caps`: those in force when it is usable, else the most that it can offer. */
struct pick_candidate {
    const char *name;
    bool unasked; /* may be chosen by nobody's word: it stands in the order */
    bool probed, usable;
    bool asleep; /* not usable only because its service does not run */
    unsigned caps;
    const char *reason, *fix; /* of one that is not usable */
};

struct pick_input {
    const char *asked, *by_profile, *configured; /* who names one, first who counts; NULL, "" and "auto": nobody does */
    const struct pick_candidate *list;           /* in order of preference */
    size_t count;
    unsigned wants;    /* BACKEND_CAP_*: what the new sandbox needs */
    const char *image; /* that it wants, for a word about its loss; NULL: none by name */
};

#define PICK_BETTER_MAX 8
struct pick {
    size_t index;
    bool named;       /* somebody named it */
    char why[200];    /* "the first that works here; bwrap works too" */
    char down[160];   /* of now only: one that is preferred is asleep, and what starts it; or "" */
    char passed[240]; /* why one that is preferred otherwise was not taken: "bwrap cannot give it images"; or "" */
    char loss[240];   /* what it does not get, for as long as it lives; or "" */
    struct {
        size_t index;       /* of one that is not usable, and would be */
        char good_for[160]; /* better for that: "images, published ports"; "" = preferred as such */
    } better[PICK_BETTER_MAX];
    size_t better_count;
};

/* Fills *out. Errors: UNAVAILABLE (none, or the named one, can be used: with reason and cure), BUSY (one that is named,
 * or all, are still being looked at). */
int pick_backend(const struct pick_input *in, struct pick *out, struct error *err);
/* "images, published ports": what these bits give, of those that a sandbox can want. */
void pick_caps_text(unsigned caps, char *out, size_t cap);

#endif
