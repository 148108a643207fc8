/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define LOCK_WAIT_MS 500
#define ARGV_MAX (128u << 10) /* of a command that is written down; the rest of it is left out, and said */

static const char FIRST[] = "0000000000000000000000000000000000000000000000000000000000000000";

/* --- what is hidden --- */

/* Names whose values are no secret: those that muthr sets itself. */
static bool is_shown(const char *pair, size_t n)
{
    static const char *const NAMES[] = {"MUTHR_INFERENCE_URL",  "MUTHR_OPENAI_URL",    "MUTHR_MODEL_NAME",
                                        "MUTHR_CTX_WINDOW",     "MUTHR_SPECS_REV",     "MUTHR_WORKSPACE_MOUNT",
                                        "MUTHR_SEARXNG_URL",    "MUTHR_BACKEND",       "MUTHR_CONTAINER_HOST_GATEWAY",
                                        "MUTHR_MCP_BRIDGE_URL", "MUTHR_ENGINE_RUNTIME"};
    for (size_t i = 0; i < MT_ARRAY_LEN(NAMES); i++) {
        if (strlen(NAMES[i]) == n && memcmp(NAMES[i], pair, n) == 0) {
            return true;
        }
    }
    return false;
}

/* Text as JSON can hold it: other bytes are replaced. Caller frees. */
static char *clean(const char *s)
{
    struct strbuf out = STRBUF_INIT;
    utf8_sanitize(&out, s, strlen(s), true);
    return strbuf_detach(&out, NULL);
}

/* "NAME=***". Caller frees. */
static char *hide(const char *pair)
{
    size_t n = strcspn(pair, "=");
    return is_shown(pair, n) || pair[n] == '\0' ? clean(pair) : xasprintf("%.*s=***", (int)n, pair);
}

struct json *audit_env(const struct strvec *env)
{
    struct json *list = json_new_array();
    for (size_t i = 0; env != NULL && i < env->len; i++) {
        MT_CLEANUP(xfree) char *text = hide(env->v[i]);
        json_append_string(list, text);
    }
    return list;
}

struct json *audit_argv(const char *const *argv)
{
    struct json *list = json_new_array();
    size_t bytes = 0;
    for (size_t i = 0; argv != NULL && argv[i] != NULL; i++) {
        bool after = i > 0 && strcmp(argv[i - 1], "--env") == 0, inside = strncmp(argv[i], "--env=", 6) == 0;
        MT_CLEANUP(xfree) char *pair = after || inside ? hide(argv[i] + (inside ? 6 : 0)) : NULL;
        MT_CLEANUP(xfree) char *text = inside ? xasprintf("--env=%s", pair) : clean(after ? pair : argv[i]);
        bytes += strlen(text);
        if (bytes > ARGV_MAX) {
            json_append_string(list, "(cut off)");
            break;
        }
        json_append_string(list, text);
    }
    return list;
}

/* --- appending --- */

/* Opens the log and locks it; what was renamed away meanwhile is not it any more. */
static int open_locked(const char *path, struct error *err)
{
    uint64_t end = clock_mono_ms() + LOCK_WAIT_MS;
    for (;;) {
        struct stat mine, there;
        int fd = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0600);
        if (fd < 0 || fstat(fd, &mine) < 0) {
            int sys = errno;
            if (fd >= 0) {
                close(fd);
            }
            return error_sys(err, sys, "audit log %s", path);
        }
        if (!S_ISREG(mine.st_mode)) {
            close(fd);
            return error_set(err, ERROR_INVALID, "audit log %s is not a regular file", path);
        }
        if (flock(fd, LOCK_EX | LOCK_NB) == 0 && stat(path, &there) == 0 && there.st_ino == mine.st_ino &&
            there.st_dev == mine.st_dev) {
            return fd;
        }
        close(fd);
        if (clock_mono_ms() >= end) {
            return error_set(err, ERROR_BUSY, "audit log %s is locked by another program", path);
        }
        poll(NULL, 0, 2);
    }
}

/* The hash of the last line; *torn: it has no end. */
static int last_hash(int fd, const char *path, off_t size, char out[HASH_HEX_LEN + 1], bool *torn, struct error *err)
{
    str_copy(out, HASH_HEX_LEN + 1, FIRST);
    *torn = false;
    if (size == 0) {
        return 0;
    }
    off_t from = size > (off_t)AUDIT_LINE_MAX + 1 ? size - (off_t)AUDIT_LINE_MAX - 1 : 0;
    size_t len = (size_t)(size - from), got = 0;
    MT_CLEANUP(xfree) char *buf = xmalloc(len);
    while (got < len) {
        ssize_t n = pread(fd, buf + got, len - got, from + (off_t)got);
        if (n <= 0 && !(n < 0 && errno == EINTR)) {
            return error_sys(err, n < 0 ? errno : EIO, "audit log %s", path);
        }
        got += n > 0 ? (size_t)n : 0;
    }
    *torn = buf[len - 1] != '\n';
    len -= *torn ? 0 : 1;
    size_t start = len;
    while (start > 0 && buf[start - 1] != '\n') {
        start--;
    }
    hash_sha256_hex(buf + start, len - start, out);
    return 0;
}

/* All of it, or the file as it was. */
static int write_whole(int fd, const char *path, off_t size, const struct strbuf *line, struct error *err)
{
    size_t at = 0;
    int sys = 0;
    while (at < line->len && sys == 0) {
        ssize_t n = write(fd, line->buf + at, line->len - at);
        sys = n < 0 && errno != EINTR ? errno : 0;
        at += n > 0 ? (size_t)n : 0;
    }
    if (sys == 0) {
        return 0;
    }
    if (at > 0 && ftruncate(fd, size) < 0) {
        return error_sys(err, sys, "audit log %s (half a line stays)", path);
    }
    return error_sys(err, sys, "audit log %s", path);
}

/* The line of an event. */
static void make_line(struct json *event, const char *prev, struct strbuf *line)
{
    char ts[32];
    clock_iso8601(clock_wall_ms(), ts);
    json_set_string(event, "ts", ts);
    json_set_string(event, "prev", prev);
    json_write(event, false, line);
    while (line->len > 0 && line->buf[line->len - 1] == '\n') {
        strbuf_truncate(line, line->len - 1);
    }
    strbuf_addch(line, '\n');
}

int audit_append(const char *path, struct json *event, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT, text = STRBUF_INIT;
    MT_CLEANUP(xfree) char *dir = xstrdup(path);
    char prev[HASH_HEX_LEN + 1];
    struct stat st;
    bool torn;
    char *slash = strrchr(dir, '/');
    if (slash != NULL && slash != dir) {
        *slash = '\0';
    }
    int fd = slash != NULL && fs_mkdirs(slash != dir ? dir : "/", 0700, err) < 0 ? -1 : open_locked(path, err);
    int rc = fd < 0 ? -1 : fstat(fd, &st) < 0 ? error_sys(err, errno, "audit log %s", path) : 0;
    rc = rc == 0 ? last_hash(fd, path, st.st_size, prev, &torn, err) : rc;
    if (rc == 0) {
        make_line(event, prev, &text);
        if (torn) { /* somebody's half line: it stays, and is found broken; ours begins a new one */
            strbuf_addch(&line, '\n');
        }
        strbuf_add(&line, text.buf, text.len);
        rc = text.len > AUDIT_LINE_MAX ? error_set(err, ERROR_INVALID, "audit log %s: the event is too long", path)
                                       : write_whole(fd, path, st.st_size, &line, err);
    }
    if (fd >= 0) {
        close(fd);
    }
    json_free(event);
    return rc;
}

/* --- checking --- */

/* Is the line what the one before it promises? False with the reason. */
static bool check_line(const char *line, size_t len, const char *expected, size_t number, struct audit_result *out)
{
    struct json *j = json_parse(line, len, NULL);
    const char *prev = json_get_string(j, "prev", NULL), *event = json_get_string(j, "event", NULL);
    bool good = json_is_object(j) && prev != NULL && event != NULL;
    if (!good) {
        str_copy(out->reason, sizeof(out->reason), "it is no event");
    } else if (strcmp(prev, expected) != 0) {
        good = false;
        if (number == 1) {
            str_copy(out->reason, sizeof(out->reason), "it was not the first: lines before it are missing");
        } else {
            str_format(
                out->reason, sizeof(out->reason),
                "it does not follow line %zu: that one was changed, or lines between them were removed or put in",
                number - 1);
        }
    }
    json_free(j);
    return good;
}

int audit_verify(const char *path, struct audit_result *out, struct error *err)
{
    char expected[HASH_HEX_LEN + 1];
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = 0;
    memset(out, 0, sizeof(*out));
    str_copy(expected, sizeof(expected), FIRST);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        int sys = fd < 0 ? errno : EINVAL;
        if (fd >= 0) {
            close(fd);
        }
        return error_sys(err, sys, "audit log %s", path);
    }
    FILE *in = fdopen(fd, "r");
    while (out->broken == 0 && (n = getline(&line, &cap, in)) > 0) {
        size_t len = (size_t)n;
        out->lines++;
        if (line[len - 1] != '\n') {
            out->broken = out->lines;
            str_copy(out->reason, sizeof(out->reason), "it was cut off while it was written");
        } else if (!check_line(line, len - 1, expected, out->lines, out)) {
            out->broken = out->lines;
        }
        hash_sha256_hex(line, len - 1, expected);
    }
    int rc = ferror(in) ? error_sys(err, errno, "audit log %s", path) : 0;
    free(line);
    fclose(in);
    return rc;
}
