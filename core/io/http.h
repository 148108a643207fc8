/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_HTTP_H
#define MT_CORE_IO_HTTP_H

/* Small HTTP GETs with libcurl's multi interface on our loop. Never blocks: names are resolved by curl's own resolver
 * thread. Redirects are not followed; only http and https; the answer is cut at max_bytes. Proxies from the environment
 * are ignored for loopback addresses. libcurl is loaded by the first http_get of a process (some milliseconds) that
 * finds somebody listening; where it cannot be, http_get answers UNAVAILABLE. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/error.h"

struct http_client;
struct http_request;

/* status: HTTP status, 0 when err is set (TIMEOUT, UNAVAILABLE, CANCELED, INVALID for an over-long answer, PARSE for
 * one that is no HTTP). Exactly once, never before http_get returned. */
typedef void (*http_done_fn)(void *arg, int status, const char *body, size_t len, const struct error *err);

struct http_client *http_client_new(struct loop *loop);
void http_client_close(struct http_client *c);
struct http_opts {
    uint64_t timeout_ms; /* for the whole of it; 0: none */
    size_t max_bytes;    /* of the answer */
    bool direct;         /* past the proxies of the environment: what is asked is what others reach without one */
    const char *bearer;  /* key for "Authorization: Bearer", copied; in no text of an error. NULL: none */
};
int http_get(struct http_request **out, struct http_client *c, const char *url, const struct http_opts *opts,
             http_done_fn done, void *arg, struct error *err);
void http_cancel(struct http_request *r); /* done follows with CANCELED */

#endif
