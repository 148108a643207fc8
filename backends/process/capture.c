/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/capture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/util/clock.h"

void capture_read(int fd, char *buf, size_t cap, uint64_t deadline)
{
    size_t len = 0;
    while (len + 1 < cap) {
        uint64_t now = clock_mono_ms();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (now >= deadline || poll(&p, 1, (int)(deadline - now)) <= 0) {
            break;
        }
        ssize_t n = read(fd, buf + len, cap - 1 - len);
        if (n <= 0) {
            break;
        }
        len += (size_t)n;
    }
    buf[len] = '\0';
}

int capture_run(const char *path, char *const *argv, char *buf, size_t cap, uint64_t timeout_ms)
{
    int fds[2], status = 0;
    uint64_t deadline = clock_mono_ms() + timeout_ms;
    buf[0] = '\0';
    if (fd_pipe(fds) < 0) {
        return -1;
    }
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDONLY);
        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(fds[1], 2);
        setpgid(0, 0);
        execv(path, argv);
        _exit(127);
    }
    close(fds[1]);
    if (pid > 0) {
        capture_read(fds[0], buf, cap, deadline);
        pid_t got;
        while ((got = waitpid(pid, &status, WNOHANG)) == 0 && clock_mono_ms() < deadline) {
            poll(NULL, 0, 1);
        }
        if (got == 0) {
            kill(-pid, SIGKILL);
            waitpid(pid, &status, 0);
        }
    }
    close(fds[0]);
    return pid < 0 ? -1 : WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
