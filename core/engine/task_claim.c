/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/task_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define FRESH_MS 3000 /* after that every process has heard of a session */

/* Opens and locks it. -1 and errno. */
static int open_locked(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) {
        return -1;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int sys = errno;
        close(fd);
        errno = sys;
        return -1;
    }
    return fd;
}

/* Is there a session that was begun so lately that its name is taken though the caller has not heard of it? */
static bool is_taken(const struct task_claim *c, int fd, char session[SESSION_ID_MAX])
{
    char text[96];
    unsigned long long when = 0;
    uint64_t now = clock_wall_ms();
    ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
    text[n > 0 ? n : 0] = '\0';
    session[0] = '\0';
    if (sscanf(text, "%39s %llu", session, &when) != 2) {
        return false;
    }
    return when >= c->since_wall_ms && when <= now && now - when < FRESH_MS && !c->is_known(c->arg, session);
}

int task_claim_take(const struct task_claim *c, int *fd, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = xasprintf("%s/tasks/%s", c->paths->state, c->sandbox);
    MT_CLEANUP(xfree) char *path = xasprintf("%s/%s.claim", dir, c->name);
    char session[SESSION_ID_MAX];
    struct error why = ERROR_INIT;
    *fd = fs_mkdirs(dir, 0700, &why) < 0 ? -1 : open_locked(path);
    if (*fd < 0 && why.code == ERROR_NONE && errno == EWOULDBLOCK) {
        return error_set(err, ERROR_EXISTS, "%s: the task %s is being started by somebody else", c->sandbox, c->name);
    }
    if (*fd < 0) {
        log_warn("%s: %s", path, why.code != ERROR_NONE ? why.msg : strerror(errno));
        return 0;
    }
    if (is_taken(c, *fd, session)) {
        close(*fd);
        *fd = -1;
        return error_set(err, ERROR_EXISTS, "%s: the task %s runs already, as session %s", c->sandbox, c->name,
                         session);
    }
    return 0;
}

void task_claim_end(int fd, const char *session)
{
    char text[96];
    if (fd < 0) {
        return;
    }
    if (session != NULL) {
        str_format(text, sizeof(text), "%s %llu\n", session, (unsigned long long)clock_wall_ms());
        if (ftruncate(fd, 0) != 0 || pwrite(fd, text, strlen(text), 0) < 0) {
            log_warn("task claim of %s: %s", session, strerror(errno));
        }
    }
    close(fd);
}
