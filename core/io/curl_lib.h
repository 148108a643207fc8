/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_IO_CURL_LIB_H
#define MT_CORE_IO_CURL_LIB_H

/* libcurl, loaded when the first request needs it instead of being linked: with it come about thirty libraries, whose
 * relocations cost each of our processes (hosts, shims, the client inside a session) about 1 MiB of private memory and
 * some milliseconds of start, and none of those processes ever asks for anything by HTTP. Only core/io/http.c uses
 * this. */

#include <curl/curl.h>

#include "core/util/error.h"

/* The functions that http.c calls: X(name), loaded as curl_name and called as lib->name(...). */
#define CURL_LIB_FUNCTIONS(X)                                                                                          \
    X(global_init)                                                                                                     \
    X(global_cleanup)                                                                                                  \
    X(free)                                                                                                            \
    X(url)                                                                                                             \
    X(url_set)                                                                                                         \
    X(url_get)                                                                                                         \
    X(url_cleanup)                                                                                                     \
    X(easy_init)                                                                                                       \
    X(easy_setopt)                                                                                                     \
    X(easy_getinfo)                                                                                                    \
    X(easy_strerror)                                                                                                   \
    X(easy_cleanup)                                                                                                    \
    X(multi_init)                                                                                                      \
    X(multi_setopt)                                                                                                    \
    X(multi_assign)                                                                                                    \
    X(multi_add_handle)                                                                                                \
    X(multi_remove_handle)                                                                                             \
    X(multi_info_read)                                                                                                 \
    X(multi_socket_action)                                                                                             \
    X(multi_cleanup)

/* The loaded library: a value, all members NULL until curl_lib_load. */
struct curl_lib {
    void *handle;
#define CURL_LIB_MEMBER(name) __typeof__(&curl_##name) name;
    CURL_LIB_FUNCTIONS(CURL_LIB_MEMBER)
#undef CURL_LIB_MEMBER
};

/* Loads libcurl and its functions and calls curl's global_init. Nothing happens when lib is loaded already. Takes some
 * milliseconds the first time in a process. The library stays mapped until the process ends (its resolver threads and
 * its TLS library's exit handlers may still run), so a second lib costs nothing.
 * Errors: UNAVAILABLE (no such library here, a function is missing, or it refused to start); lib stays as it was. */
int curl_lib_load(struct curl_lib *lib, struct error *err);

/* Balances the global_init of a lib that was loaded, and clears it. Nothing happens when it was not. */
void curl_lib_release(struct curl_lib *lib);

#endif
