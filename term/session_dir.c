/* SPDX-License-Identifier: Apache-2.0 */
#include "term/session_dir.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"
#include "term/session_spec.h"

#define SUFFIX ".sock"

/* True when nobody but us and root can put something else under a name in there: ours or root's, link included, and not
 * writable by others unless it is sticky. */
static bool is_safe_parent(const char *path)
{
    struct stat st;

    for (int i = 0; i < 2; i++) {
        if ((i == 0 ? lstat(path, &st) : stat(path, &st)) != 0 || (st.st_uid != geteuid() && st.st_uid != 0)) {
            return false;
        }
    }
    return (st.st_mode & 022) == 0 || (st.st_mode & S_ISVTX) != 0;
}

/* The folder that holds `dir` may be gone, with somebody waiting to make it in our place: it is made or judged first.
 */
static int check_parent(const char *dir, struct error *err)
{
    const char *slash = strrchr(dir, '/');
    MT_CLEANUP(xfree) char *parent = slash == NULL ? xstrdup(".") : xstrndup(dir, (size_t)(slash - dir));

    if (slash == NULL || slash == dir) {
        return 0;
    }
    if (fs_mkdirs(parent, 0700, err) != 0) {
        return -1;
    }
    return is_safe_parent(parent) ? 0
                                  : error_hint(err, ERROR_DENIED, "set XDG_RUNTIME_DIR to a private folder of yours",
                                               "%s: others could replace what is in it", parent);
}

int session_dir_prepare(const char *dir, struct error *err)
{
    struct stat st;

    if (check_parent(dir, err) != 0) {
        return -1;
    }
    if (fs_mkdirs(dir, 0700, err) != 0) {
        return -1;
    }
    if (lstat(dir, &st) != 0) {
        return error_sys(err, errno, "%s", dir);
    }
    if (!S_ISDIR(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "%s is not a directory", dir);
    }
    if (st.st_uid != geteuid()) {
        return error_hint(err, ERROR_DENIED, "remove it, or set XDG_RUNTIME_DIR to a directory of your own",
                          "%s belongs to uid %d, not to you", dir, (int)st.st_uid);
    }
    if ((st.st_mode & 077) != 0 || (st.st_mode & 0700) != 0700) {
        log_warn("%s had mode %03o: set to 700", dir, (unsigned)(st.st_mode & 07777));
        if (chmod(dir, 0700) != 0) {
            return error_sys(err, errno, "chmod 700 %s", dir);
        }
    }
    return 0;
}

char *session_dir_socket(const char *dir, const char *id)
{
    return xasprintf("%s/%s" SUFFIX, dir, id);
}

bool session_dir_id(const char *name, char id[SESSION_ID_MAX])
{
    size_t len = strlen(name), cut = strlen(SUFFIX);

    if (len <= cut || len - cut >= SESSION_ID_MAX || strcmp(name + len - cut, SUFFIX) != 0) {
        return false;
    }
    memcpy(id, name, len - cut);
    id[len - cut] = '\0';
    return session_id_check(id, NULL) == 0;
}

int session_dir_list(const char *dir, struct strvec *ids, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    char id[SESSION_ID_MAX];

    if (fs_list(dir, &names, err) != 0) {
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        if (session_dir_id(names.v[i], id)) {
            strvec_push(ids, id);
        }
    }
    return 0;
}

/* Milliseconds since the inode was made or changed. */
static int64_t age_ms(const struct stat *st)
{
#if defined(__APPLE__)
    const struct timespec at = st->st_ctimespec;
#else
    const struct timespec at = st->st_ctim;
#endif
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now); /* not clock_wall_ms: that may be frozen for golden screens */
    return ((int64_t)now.tv_sec - at.tv_sec) * 1000 + (now.tv_nsec - at.tv_nsec) / 1000000;
}

enum session_sweep session_dir_sweep(const char *path)
{
    struct stat st;
    int64_t age;

    if (lstat(path, &st) != 0) {
        return SESSION_SWEEP_DONE;
    }
    if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid()) {
        return SESSION_SWEEP_NOT_OURS;
    }
    age = age_ms(&st);
    if (age >= 0 && age < SESSION_SWEEP_AGE_MS) {
        return SESSION_SWEEP_YOUNG;
    }
    return unlink(path) == 0 || errno == ENOENT ? SESSION_SWEEP_DONE : SESSION_SWEEP_NOT_OURS;
}
