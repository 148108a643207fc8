/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_APIKEY_H
#define MT_CORE_INFERENCE_APIKEY_H

/* The key of an inference endpoint: from an environment variable, else from a file that nobody else can read. It is
 * handed to the HTTP client and to nobody else; no error of this module holds a byte of it. */

#include "core/util/error.h"

struct apikey {
    char text[520]; /* "": none */
};

/* Reads `variable` (NULL, or unset: not), else the first line of `path` (NULL or "": not). Errors: DENIED (a file of
 * somebody else, or that others can read), INVALID (bytes that no key has, too long, no regular file), NOT_FOUND, SYS;
 * there is no key then. */
int apikey_read(struct apikey *k, const char *variable, const char *path, struct error *err);
void apikey_clear(struct apikey *k);

#endif
