/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_IMAGE_CHAIN_H
#define MT_BACKENDS_IMAGE_CHAIN_H

/* BACKEND_IMAGE of runtimes with images: which image a sandbox is made from, and making sure that it is here: the
 * golden one of its profile (S16), one built from the profile's Containerfile (S13), the one that is named, or the
 * default; with the project's toolchain on top (S14). Images that we make are named after a hash of what they were made
 * from: another content is another name. How an image is looked at, pulled and built is the runtime's. */

#include <stdbool.h>

#include "core/engine/backend.h"

#define IMAGE_ID_MAX 72

/* Each gets the request it was made with, and answers once, later, never inside the call; -1 and err: nothing was
 * begun. */
struct image_ops {
    const char *default_image;
    bool from_by_name; /* a Containerfile's FROM takes names of local images only, no ids */
    /* Then image_chain_asked. */
    int (*ask)(void *request, const char *ref, struct error *err);
    /* Then image_chain_made. */
    int (*pull)(void *request, const char *ref, struct error *err);
    int (*build)(void *request, const char *tag, const char *file, const char *context, struct error *err);
    /* The request is over; the chain may be freed in it. */
    void (*finish)(void *request, const struct error *err);
};

struct image_chain;

/* `call` and `state` (a folder for contexts, made when needed) are the caller's, and stay until it is freed. */
struct image_chain *image_chain_new(const struct image_ops *ops, struct backend_call *call, const char *state,
                                    void *request);
/* Begins; finish follows. -1 and err: it does not. */
int image_chain_run(struct image_chain *c, struct error *err);
/* What stands behind the name: its id in hexadecimal. err (then id is ""): NOT_FOUND when it is not here, or why that
 * could not be told. */
void image_chain_asked(struct image_chain *c, const char *id, const struct error *err);
void image_chain_made(struct image_chain *c, const struct error *err);
void image_chain_free(struct image_chain *c);

#endif
