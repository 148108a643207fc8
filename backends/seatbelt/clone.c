/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/process/host.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

#define DEPTH_MAX 128

/* A failure in words: the disk is what people can do something about. */
static int fail(struct error *err, int sys, const char *path)
{
    if (sys == ENOSPC || sys == EDQUOT) {
        error_hint(err, ERROR_SYS, "make room, or take a smaller image", "the disk is full: %s cannot be copied", path);
        err->sys = sys;
        return -1;
    }
    return error_sys(err, sys, "copy of %s", path);
}

/* Byte by byte, for a file system that cannot clone. 0, or -1 and errno. */
static int copy_bytes(const char *from, const char *to, mode_t mode)
{
    static char buf[1 << 16];
    ssize_t n = 0;
    int sys = 0, in = open(from, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    int out = in < 0 ? -1 : open(to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    sys = in < 0 || out < 0 ? errno : 0;
    while (!sys && (n = read(in, buf, sizeof(buf))) != 0) {
        for (ssize_t at = 0; n > 0 && at < n && !sys;) {
            ssize_t w = write(out, buf + at, (size_t)(n - at));
            sys = w < 0 && errno != EINTR ? errno : 0;
            at += w > 0 ? w : 0;
        }
        sys = n < 0 && errno != EINTR ? errno : sys;
    }
    if (!sys && fchmod(out, mode & 0777) < 0) {
        sys = errno;
    }
    if (in >= 0) {
        close(in);
    }
    if (out >= 0 && close(out) < 0 && !sys) { /* some file systems tell of a full disk here */
        sys = errno;
    }
    errno = sys;
    return sys ? -1 : 0;
}

static int clone_file(const char *from, const char *to, mode_t mode, bool *can_clone, struct error *err)
{
    if (*can_clone) {
        if (host_clone_file(from, to) == 0) {
            return 0;
        }
        if (errno != ENOTSUP && errno != EXDEV) {
            return fail(err, errno, from);
        }
        *can_clone = false;
    }
    return copy_bytes(from, to, mode) < 0 ? fail(err, errno, from) : 0;
}

static int clone_link(const char *from, const char *to, struct error *err)
{
    char target[4096];
    ssize_t n = readlink(from, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';
    return n <= 0 || symlink(target, to) < 0 ? fail(err, errno, from) : 0;
}

static int clone_any(const char *from, const char *to, int depth, bool *can_clone, struct error *err);

static int clone_folder(const char *from, const char *to, mode_t mode, int depth, bool *can_clone, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (depth == DEPTH_MAX) {
        return error_set(err, ERROR_INVALID, "%s: folders lie too deep", from);
    }
    if (fs_list(from, &names, err) < 0) {
        return -1;
    }
    if (mkdir(to, 0700) < 0) {
        return fail(err, errno, to);
    }
    int rc = 0;
    for (size_t i = 0; i < names.len && rc == 0; i++) {
        char *a = path_join(from, names.v[i]), *b = path_join(to, names.v[i]);
        rc = clone_any(a, b, depth + 1, can_clone, err);
        free(a);
        free(b);
    }
    return rc == 0 && chmod(to, (mode & 0777) | 0700) < 0 ? fail(err, errno, to) : rc;
}

static int clone_any(const char *from, const char *to, int depth, bool *can_clone, struct error *err)
{
    struct stat sb;
    if (lstat(from, &sb) < 0) {
        return fail(err, errno, from);
    }
    if (S_ISDIR(sb.st_mode)) {
        return clone_folder(from, to, sb.st_mode, depth, can_clone, err);
    }
    if (S_ISREG(sb.st_mode)) {
        return clone_file(from, to, sb.st_mode, can_clone, err);
    }
    return S_ISLNK(sb.st_mode) ? clone_link(from, to, err) : 0;
}

int clone_tree(const char *from, const char *to, struct error *err)
{
    bool can_clone = true;
    if (!fs_is_dir(from)) {
        return error_set(err, ERROR_NOT_FOUND, "the image %s is no folder", from);
    }
    if (fs_exists(to)) {
        return error_set(err, ERROR_EXISTS, "%s is there already", to);
    }
    char *real = path_real(from, err);
    int rc = real ? clone_any(real, to, 0, &can_clone, err) : -1;
    free(real);
    if (rc < 0) {
        fs_remove_tree(to, NULL);
    }
    return rc;
}
