/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/play/container/standin.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Writes all of it; a reader that is gone is no error here. */
static void put(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

void finish(int code)
{
    if (code == 0) {
        fault_after();
    }
    put(STDOUT_FILENO, st.out.buf, st.out.len);
    _exit(code);
}

void fail_because(const char *code, const char *cause_code, const char *cause, const char *format, ...)
{
    struct strbuf message = STRBUF_INIT, all = STRBUF_INIT;
    va_list ap;
    va_start(ap, format);
    strbuf_vaddf(&message, format, ap);
    va_end(ap);
    if (since(0, 10, 0)) {
        strbuf_addf(&all, "Error: %s", message.buf);
        if (cause_code) {
            strbuf_addf(&all, " (cause: \"%s: \\\"%s\\\"\")", cause_code, cause);
        }
    } else {
        strbuf_addf(&all, "Error: %s: \"%s\"", code, message.buf);
        if (cause_code) {
            strbuf_addf(&all, " (cause: \"%s: \"%s\"\")", cause_code, cause);
        }
    }
    strbuf_addch(&all, '\n');
    put(STDOUT_FILENO, st.out.buf, st.out.len);
    put(STDERR_FILENO, all.buf, all.len);
    _exit(1);
}

void fail_service(const char *what)
{
    fail("interrupted",
         "%sXPC connection error: %s%s\nEnsure container system service has been started with `container system "
         "start`.",
         since(0, 10, 0) ? "" : "internalError: \"", what, since(0, 10, 0) ? "" : "\"");
}

void fail_usage(const char *usage, const char *path, const char *format, ...)
{
    struct strbuf all = STRBUF_INIT;
    va_list ap;
    strbuf_addstr(&all, "Error: ");
    va_start(ap, format);
    strbuf_vaddf(&all, format, ap);
    va_end(ap);
    strbuf_addf(&all, "\nUsage: container%s%s%s%s\n  See 'container%s%s --help' for more information.\n",
                *path ? " " : "", path, *usage ? " " : "", usage, *path ? " " : "", path);
    put(STDERR_FILENO, all.buf, all.len);
    _exit(EXIT_USAGE);
}
