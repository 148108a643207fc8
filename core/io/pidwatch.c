/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/pidwatch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#if defined(__linux__)
#include <sys/syscall.h>
#elif defined(__APPLE__)
#include <sys/event.h>
#endif

#include "core/io/procinfo.h"
#include "core/util/xmalloc.h"

#define LOOK_MS 500

struct pidwatch {
    int fd; /* -1: looked at now and then */
    int pid;
    struct watch *watch;
    struct timer *look;
    void (*fn)(void *arg);
    void *arg;
};

bool pid_has_ended(int pid)
{
    return pid <= 0 || (kill(pid, 0) != 0 && errno != EPERM) || procinfo_is_zombie(pid);
}

/* A descriptor that becomes readable when the process ends; -1 and errno. */
static int open_fd(int pid)
{
#if defined(__linux__) && defined(SYS_pidfd_open)
    return (int)syscall(SYS_pidfd_open, pid, 0); /* close-on-exec by itself */
#elif defined(__APPLE__)
    struct kevent ev;
    int fd = kqueue();
    if (fd < 0) {
        return -1;
    }
    (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    EV_SET(&ev, (uintptr_t)pid, EVFILT_PROC, EV_ADD | EV_ONESHOT, NOTE_EXIT, 0, NULL);
    if (kevent(fd, &ev, 1, NULL, 0, NULL) < 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

/* Readable: it has ended. */
static void on_ready(void *arg, int events)
{
    struct pidwatch *p = arg;
    (void)events;
    watch_set(p->watch, 0);
    p->fn(p->arg);
}

/* timer callback */
static void on_look(void *arg)
{
    struct pidwatch *p = arg;
    if (pid_has_ended(p->pid)) {
        timer_stop(p->look);
        p->fn(p->arg);
    }
}

struct pidwatch *pidwatch_new(struct loop *loop, int pid, void (*fn)(void *arg), void *arg, struct error *err)
{
    int fd = pid > 0 ? open_fd(pid) : -1;
    if (pid <= 0 || (fd < 0 && (errno == ESRCH || (errno == ENOSYS && pid_has_ended(pid))))) {
        error_set(err, ERROR_NOT_FOUND, "process %d has ended", pid);
        return NULL;
    }
    if (fd < 0 && errno != ENOSYS) {
        error_sys(err, errno, "watch process %d", pid);
        return NULL;
    }
    struct pidwatch *p = xcalloc(1, sizeof(*p));
    p->fd = fd;
    p->pid = pid;
    p->fn = fn;
    p->arg = arg;
    if (fd < 0) {
        p->look = timer_new(loop, on_look, p);
        timer_repeat(p->look, LOOK_MS); /* Linux before 5.3 has no event for the end of a process that is not ours */
        return p;
    }
    p->watch = watch_new(loop, fd, on_ready, p, err);
    if (p->watch == NULL) {
        close(fd);
        free(p);
        return NULL;
    }
    watch_set(p->watch, WATCH_READ);
    return p;
}

void pidwatch_close(struct pidwatch *p)
{
    if (p != NULL) {
        watch_close(p->watch);
        timer_close(p->look);
        if (p->fd >= 0) {
            close(p->fd);
        }
        free(p);
    }
}
