/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"

static struct {
    struct log_entry ring[LOG_RING_SIZE];
    size_t next, count;
    uint64_t problems;
    int fd_plus_1; /* 0: no file */
    bool to_stderr;
    enum log_level stderr_least;
} g_log;

static const char *const LEVEL_NAMES[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warning", [LOG_ERROR] = "error"};

int log_open(const char *path, struct error *err)
{
    int fd = -1;
    if (path) {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
        if (fd < 0) {
            return error_sys(err, errno, "log file %s", path);
        }
    }
    if (g_log.fd_plus_1) {
        close(g_log.fd_plus_1 - 1);
    }
    g_log.fd_plus_1 = fd + 1;
    return 0;
}

void log_to_stderr(enum log_level least)
{
    g_log.to_stderr = true;
    g_log.stderr_least = least;
}

/* One write per line, so that lines of several processes do not mix; a full disk must not stop the program. */
static void write_line(int fd, const struct strbuf *line)
{
    ssize_t n;
    do {
        n = write(fd, line->buf, line->len);
    } while (n < 0 && errno == EINTR);
}

/* The file's and stderr's forms of an entry. */
static void write_entry(const struct log_entry *e, const char *text)
{
    struct strbuf line = STRBUF_INIT;
    if (g_log.fd_plus_1) {
        char when[32];
        clock_iso8601(e->wall_ms, when);
        strbuf_addf(&line, "%s %s [%ld] %s\n", when, LEVEL_NAMES[e->level], (long)getpid(), text);
        write_line(g_log.fd_plus_1 - 1, &line);
    }
    if (g_log.to_stderr && e->level >= g_log.stderr_least) {
        strbuf_clear(&line);
        strbuf_addf(&line, "muthr-tui: %s: %s\n", LEVEL_NAMES[e->level], text);
        write_line(STDERR_FILENO, &line);
    }
    strbuf_release(&line);
}

void log_add(enum log_level level, const char *fmt, ...)
{
    int saved = errno;
    struct strbuf raw = STRBUF_INIT;
    struct strbuf clean = STRBUF_INIT;
    va_list ap;
    va_start(ap, fmt);
    strbuf_vaddf(&raw, fmt, ap);
    va_end(ap);
    while (raw.len > 0 && raw.buf[raw.len - 1] == '\n') {
        strbuf_truncate(&raw, raw.len - 1);
    }
    utf8_sanitize(&clean, raw.buf, raw.len, false);

    struct log_entry *e = &g_log.ring[g_log.next];
    g_log.next = (g_log.next + 1) % LOG_RING_SIZE;
    g_log.count = MT_MIN(g_log.count + 1, (size_t)LOG_RING_SIZE);
    if (level >= LOG_WARN) {
        g_log.problems++;
    }
    e->wall_ms = clock_wall_ms();
    e->level = level;
    (void)str_copy(e->text, sizeof(e->text), clean.buf);
    write_entry(e, clean.buf);
    strbuf_release(&raw);
    strbuf_release(&clean);
    errno = saved;
}

bool log_get(size_t i, struct log_entry *out)
{
    if (i >= g_log.count) {
        return false;
    }
    *out = g_log.ring[(g_log.next + LOG_RING_SIZE - 1 - i) % LOG_RING_SIZE];
    return true;
}

uint64_t log_problem_count(void)
{
    return g_log.problems;
}
