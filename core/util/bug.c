/* SPDX-License-Identifier: Apache-2.0 */
#include <stdarg.h>
#include <unistd.h>

#include "core/util/compiler.h"

void (*mt_bug_hook)(void);

void mt_bug(const char *file, int line, const char *fmt, ...)
{
    static volatile int entered;
    char text[1024];
    va_list ap;

    /* A bug inside the hook must not call the hook again. */
    if (!entered) {
        entered = 1;
        if (mt_bug_hook) {
            mt_bug_hook();
        }
    }
    int n = snprintf(text, sizeof(text), "muthr-tui: bug at %s:%d: ", file, line);
    size_t used = n < 0 ? 0 : MT_MIN((size_t)n, sizeof(text) - 2);
    va_start(ap, fmt);
    n = vsnprintf(text + used, sizeof(text) - 1 - used, fmt, ap);
    va_end(ap);
    used += n < 0 ? 0 : MT_MIN((size_t)n, sizeof(text) - 2 - used);
    text[used++] = '\n';
    ssize_t done = write(STDERR_FILENO, text, used);
    (void)done;
    abort();
}
