/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/error.h"

#include <errno.h>
#include <stdarg.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

/* Here are the functions themselves. */
#undef error_set
#undef error_hint
#undef error_sys
#undef error_wrap

/* Puts `text` into err->msg: sanitised, cut at a character's border, never empty at the end by a stray newline. */
static void store(struct error *err, struct strbuf *text)
{
    struct strbuf clean = STRBUF_INIT;
    while (text->len > 0 && (text->buf[text->len - 1] == '\n' || text->buf[text->len - 1] == '\r')) {
        strbuf_truncate(text, text->len - 1);
    }
    utf8_sanitize(&clean, text->buf, text->len, false);
    (void)str_copy(err->msg, sizeof(err->msg), clean.buf);
    strbuf_release(&clean);
}

/* The common part of every constructor. */
static void fill(struct error *err, enum error_code code, int sys, const char *hint, struct strbuf *text)
{
    err->code = code;
    err->sys = sys;
    err->hint = hint;
    store(err, text);
}

int error_set(struct error *err, enum error_code code, const char *fmt, ...)
{
    if (err) {
        struct strbuf text = STRBUF_INIT;
        va_list ap;
        va_start(ap, fmt);
        strbuf_vaddf(&text, fmt, ap);
        va_end(ap);
        fill(err, code, 0, NULL, &text);
        strbuf_release(&text);
    }
    return -1;
}

int error_hint(struct error *err, enum error_code code, const char *hint, const char *fmt, ...)
{
    if (err) {
        struct strbuf text = STRBUF_INIT;
        va_list ap;
        va_start(ap, fmt);
        strbuf_vaddf(&text, fmt, ap);
        va_end(ap);
        fill(err, code, 0, hint, &text);
        strbuf_release(&text);
    }
    return -1;
}

/* What the caller may do about errno value `sys`. */
static enum error_code code_of_errno(int sys)
{
    switch (sys) {
    case ENOENT:
        return ERROR_NOT_FOUND;
    case EACCES:
    case EPERM:
    case EROFS:
        return ERROR_DENIED;
    case EEXIST:
        return ERROR_EXISTS;
    default:
        return ERROR_SYS;
    }
}

/* Advice for the errors that a person can cure, or NULL. */
static const char *hint_of_errno(int sys)
{
    switch (sys) {
    case ENOSPC:
        return "free some disk space and try again";
    case EROFS:
        return "the file system is mounted read-only: remount it writable, or point the XDG variables elsewhere";
    case EACCES:
        return "check the owner and the permissions of the path";
    default:
        return NULL;
    }
}

int error_sys(struct error *err, int sys, const char *fmt, ...)
{
    if (err) {
        struct strbuf text = STRBUF_INIT;
        va_list ap;
        va_start(ap, fmt);
        strbuf_vaddf(&text, fmt, ap);
        va_end(ap);
        strbuf_addf(&text, ": %s", sys == ELOOP ? "symlink loop (too many levels of symbolic links)" : strerror(sys));
        fill(err, code_of_errno(sys), sys, hint_of_errno(sys), &text);
        strbuf_release(&text);
    }
    return -1;
}

int error_wrap(struct error *err, const char *fmt, ...)
{
    if (err) {
        struct strbuf text = STRBUF_INIT;
        va_list ap;
        va_start(ap, fmt);
        strbuf_vaddf(&text, fmt, ap);
        va_end(ap);
        strbuf_addf(&text, ": %s", err->msg);
        store(err, &text);
        strbuf_release(&text);
    }
    return -1;
}

bool error_is_transient(const struct error *err)
{
    switch (err->code) {
    case ERROR_TIMEOUT:
    case ERROR_BUSY:
    case ERROR_UNAVAILABLE:
        return true;
    case ERROR_SYS:
        return err->sys == EINTR || err->sys == EAGAIN || err->sys == ENOBUFS || err->sys == EMFILE ||
               err->sys == ENFILE || err->sys == ENOMEM;
    default:
        return false;
    }
}

int error_exit_code(const struct error *err)
{
    switch (err->code) {
    case ERROR_NONE:
        return 0;
    case ERROR_INVALID:
    case ERROR_PARSE:
        return 64;
    case ERROR_NOT_FOUND:
        return 66;
    case ERROR_UNAVAILABLE:
    case ERROR_ANSWER:
        return 69;
    default:
        return 1;
    }
}

const char *error_code_name(enum error_code code)
{
    static const char *const NAMES[] = {
        [ERROR_NONE] = "none",         [ERROR_CANCELED] = "canceled",
        [ERROR_TIMEOUT] = "timeout",   [ERROR_NOT_FOUND] = "not_found",
        [ERROR_EXISTS] = "exists",     [ERROR_BUSY] = "busy",
        [ERROR_DENIED] = "denied",     [ERROR_UNAVAILABLE] = "unavailable",
        [ERROR_INVALID] = "invalid",   [ERROR_PARSE] = "parse",
        [ERROR_EXIT] = "exit",         [ERROR_SYS] = "sys",
        [ERROR_ANSWER] = "bad_answer",
    };
    size_t i = (size_t)code;
    return i < MT_ARRAY_LEN(NAMES) ? NAMES[i] : "unknown";
}
