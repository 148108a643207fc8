/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_CONTAINER_IMAGE_PARSE_H
#define MT_BACKENDS_CONTAINER_IMAGE_PARSE_H

/* What `image inspect` says, in both of its shapes (0.6 to 0.12: name, index, variants; from 1.0: id, configuration,
 * variants), and the Containerfile that gives an exported root file system its image's settings back. Pure. Sources:
 * ImageDetail.swift, the OCI image configuration, BuildKit's Dockerfile reference. */

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

#define CTR_IMAGE_ID_MAX 72
/* `build` refuses a Dockerfile of that size (its text travels in a header). */
#define CTR_CONTAINERFILE_MAX (16u << 10)

struct ctr_image {
    char name[256];
    char id[CTR_IMAGE_ID_MAX]; /* hexadecimal digits of the index's digest; "" unknown */
    struct strvec env, entrypoint, cmd;
    struct strvec label_keys, label_values; /* of equal length */
    char user[128], workdir[1024], stop_signal[32];
};
void ctr_image_release(struct ctr_image *img);

/* The first image of the answer, with the settings of its variant for linux and `arch` ("arm64", "amd64"), else of its
 * first one for linux. NOT_FOUND: an empty list; PARSE. Start with a zeroed one; release it also after an error. */
int ctr_image_parse(const char *text, size_t len, const char *arch, struct ctr_image *out, struct error *err);
/* As an image says it: "arm64", "amd64". */
const char *ctr_image_arch(void);
/* A digest with or without "sha256:": its digits; "" when it is none. */
void ctr_image_digest(const char *text, char out[CTR_IMAGE_ID_MAX]);

/* "FROM scratch", `tar` (a file of the context) as its root, and the settings of `base`. Labels that begin with
 * "muthr." stay behind: they are true of a sandbox, not of an image; so do those with a line break, which no
 * Containerfile can say (*left_out, may be NULL, counts them). INVALID: settings with one, or more than fits. */
int ctr_image_recipe(const struct ctr_image *base, const char *tar, struct strbuf *out, size_t *left_out,
                     struct error *err);

#endif
