/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_ERROR_H
#define MT_CORE_UTIL_ERROR_H

/* Errors as values: a struct on the caller's stack, without ownership. A function that can fail returns 0 or -1,
 * takes `struct error *err` last, fills it on failure and leaves it untouched on success. NULL means "don't care".
 * Create once at the source with the object's name; wrap on the way up only when that adds a fact. */

#include <stdbool.h>

#include "core/util/compiler.h"

/* What the caller may do about it. Names are stable: they appear in JSON output. */
enum error_code {
    ERROR_NONE,
    ERROR_CANCELED,    /* asked for: not a failure to report */
    ERROR_TIMEOUT,     /* may work later */
    ERROR_NOT_FOUND,   /* the named thing does not exist */
    ERROR_EXISTS,      /* the named thing is there already */
    ERROR_BUSY,        /* held by someone else, retry later */
    ERROR_DENIED,      /* permission or policy */
    ERROR_UNAVAILABLE, /* backend, server or helper is not there */
    ERROR_INVALID,     /* the caller's or user's input is wrong */
    ERROR_PARSE,       /* data from elsewhere, a person's file among them, is malformed */
    ERROR_EXIT,        /* a child ended with a code that is not 0 (sys holds it) */
    ERROR_SYS,         /* a system call failed (sys holds errno) */
    ERROR_ANSWER,      /* what runs the sandboxes answers what makes no sense: nobody's input is wrong */
};
#define ERROR_CODE_LAST ERROR_ANSWER

struct error {
    enum error_code code;
    int sys;          /* errno, or the exit code for ERROR_EXIT; else 0 */
    const char *hint; /* static text: what to do next; or NULL */
    char msg[512];    /* one line, no newline, valid UTF-8, control characters replaced */
};

#define ERROR_INIT ((struct error){.code = ERROR_NONE})

/* Fills *err (when not NULL) and returns -1, so that `return error_set(err, ...)` reads well. */
int error_set(struct error *err, enum error_code code, const char *fmt, ...) MT_PRINTF(3, 4);
/* The same with a static hint. */
int error_hint(struct error *err, enum error_code code, const char *hint, const char *fmt, ...) MT_PRINTF(4, 5);
/* From errno value `sys`: "<fmt>: <strerror>"; the code is chosen from it (ENOENT -> NOT_FOUND, EACCES/EPERM/EROFS ->
 * DENIED, EEXIST -> EXISTS, else SYS). ENOSPC, EROFS and EACCES get a hint. */
int error_sys(struct error *err, int sys, const char *fmt, ...) MT_PRINTF(3, 4);
/* Puts "<fmt>: " before the message. Returns -1. */
int error_wrap(struct error *err, const char *fmt, ...) MT_PRINTF(2, 3);

/* The same calls, as compilers and analysers see them: always -1, so that what a failed function has not filled in is
 * known not to be used. */
static inline int error_failed(void)
{
    return -1;
}
#define error_set(...) (error_set(__VA_ARGS__), error_failed())
#define error_hint(...) (error_hint(__VA_ARGS__), error_failed())
#define error_sys(...) (error_sys(__VA_ARGS__), error_failed())
#define error_wrap(...) (error_wrap(__VA_ARGS__), error_failed())

/* True for codes that a retry may cure: TIMEOUT, BUSY, UNAVAILABLE, and SYS with EINTR, EAGAIN, ENOBUFS, EMFILE,
 * ENFILE, ENOMEM. */
bool error_is_transient(const struct error *err);
/* What a program that failed with it exits with: 64 the user's input, 66 something named is missing, 69 nothing here
 * does the work, or what does it answers nonsense, 1 anything else; 0 for ERROR_NONE. Source: behaviour O2, sysexits.h.
 */
int error_exit_code(const struct error *err);
/* "not_found", "canceled", ... Never NULL. */
const char *error_code_name(enum error_code code);

#endif
