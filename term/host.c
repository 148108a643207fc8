/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "term/host_session.h"
#include "term/session_spec.h"

#define EXIT_USAGE 64

/* Reads a descriptor to its end, at most `max` bytes; -1 on error or too much. */
static int read_all(int fd, size_t max, struct strbuf *out)
{
    char buf[8192];

    for (;;) {
        ssize_t n = read(fd, buf, sizeof(buf));

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return n < 0 ? -1 : 0;
        }
        if (out->len + (size_t)n > max) {
            return -1;
        }
        strbuf_add(out, buf, (size_t)n);
    }
}

static void write_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, data, len);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return; /* whoever asked is gone: the session runs all the same */
        }
        data += n;
        len -= (size_t)n;
    }
}

/* Closes every descriptor from `first` on. */
static void close_from(int first)
{
    DIR *d = opendir("/dev/fd");
    struct dirent *e;
    int fds[256], n = 0;
    long max = sysconf(_SC_OPEN_MAX);

    if (d == NULL) {
        for (int fd = first; fd < (int)MT_MIN(max, 4096); fd++) {
            close(fd);
        }
        return;
    }
    while ((e = readdir(d)) != NULL && n < (int)MT_ARRAY_LEN(fds)) {
        char *end;
        long fd = strtol(e->d_name, &end, 10);

        if (*end == '\0' && fd >= first && fd != dirfd(d)) {
            fds[n++] = (int)fd;
        }
    }
    closedir(d);
    for (int i = 0; i < n; i++) {
        close(fds[i]);
    }
    if (n == (int)MT_ARRAY_LEN(fds)) {
        close_from(first); /* there were more than fit */
    }
}

/* Leaves nothing of the cockpit: descriptors 0-2 become /dev/null, the answer pipe becomes 3, all others are closed. */
static int settle(int answer)
{
    int null;

    answer = fcntl(answer, F_DUPFD_CLOEXEC, 10); /* out of the way of what follows */
    null = open("/dev/null", O_RDWR);
    if (answer < 0 || null < 0 || chdir("/") != 0) {
        return -1;
    }
    for (int fd = 0; fd < 3; fd++) {
        if (dup2(null, fd) < 0) {
            return -1;
        }
    }
    if (dup2(answer, 3) < 0) {
        return -1;
    }
    close_from(4);
    return fcntl(3, F_SETFD, FD_CLOEXEC);
}

/* Tells the waiting parent, once, how the start went. */
static void on_ready(void *arg, const struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT;

    (void)arg;
    session_answer_write(err, &answer);
    write_all(3, answer.buf, answer.len);
    close(3);
}

/* The detached process: becomes the host. */
static int host_process(const struct session_spec_data *spec, int answer)
{
    mode_t before = umask(077);

    if (settle(answer) != 0) {
        return 1;
    }
    return host_session_run(spec, before, on_ready, NULL) == 0 ? 0 : 1;
}

/* Says why it failed in the form that the cockpit reads. */
static int fail(const struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf answer = STRBUF_INIT;

    session_answer_write(err, &answer);
    write_all(STDOUT_FILENO, answer.buf, answer.len);
    return 1;
}

/* The process that the cockpit waits for: passes the host's answer on. */
static int relay_answer(pid_t child, int answer)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    int status;

    read_all(answer, 1u << 16, &text);
    close(answer);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (session_answer_read(text.buf, text.len, &err) != 0) {
        return fail(&err);
    }
    write_all(STDOUT_FILENO, text.buf, text.len);
    return 0;
}

/* Forks twice: a new process session, and no chance of a controlling terminal of our own. *is_host tells who returns.
 */
static int detach(const struct session_spec_data *spec, bool *is_host, struct error *err)
{
    int fds[2];
    pid_t child;

    if (pipe(fds) != 0) {
        return error_sys(err, errno, "session host: pipe");
    }
    child = fork();
    if (child < 0) {
        return error_sys(err, errno, "session host: fork");
    }
    if (child > 0) {
        close(fds[1]);
        return relay_answer(child, fds[0]);
    }
    close(fds[0]);
    setsid();
    child = fork();
    if (child != 0) {
        _exit(child < 0 ? 1 : 0);
    }
    *is_host = true;
    return host_process(spec, fds[1]);
}

int host_main(int argc, char **argv)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct session_spec_data spec;
    struct error err = ERROR_INIT;
    bool is_host = false;
    int rc;

    (void)argv;
    if (argc != 1 || isatty(STDIN_FILENO)) {
        fputs("muthr-tui host is started by the cockpit, not by hand; see muthr-tui --help\n", stderr);
        return EXIT_USAGE;
    }
    session_spec_init(&spec);
    if (read_all(STDIN_FILENO, SESSION_SPEC_MAX, &text) != 0) {
        error_set(&err, ERROR_INVALID, "session host: cannot read what to run, or it is too long");
        rc = fail(&err);
    } else if (session_spec_read(text.buf, text.len, &spec, &err) != 0) {
        rc = fail(&err);
    } else {
        rc = detach(&spec, &is_host, &err);
        rc = rc == -1 && !is_host ? fail(&err) : rc;
    }
    session_spec_release(&spec);
    return rc;
}
