/* SPDX-License-Identifier: Apache-2.0 */
/* Linux only: `copy` and `export`. */
#include "tests/play/container/standin.h"

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* A folder or a file at a folder's descriptor. */
struct end {
    int dir;
    const char *name;
};

static int copy_entry(struct end from, struct end to);

/* A regular file. */
static int copy_file(int in, struct end to, mode_t mode)
{
    char buf[65536];
    ssize_t n = 0;
    int out = openat(to.dir, to.name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode & 07777);
    while (out >= 0 && (n = read(in, buf, sizeof(buf))) > 0) {
        if (write(out, buf, (size_t)n) != n) {
            n = -1;
            break;
        }
    }
    if (out >= 0) {
        fchmod(out, mode & 07777);
        close(out);
    }
    return out < 0 || n < 0 ? -1 : 0;
}

/* Everything in a folder. */
static int copy_folder(int in, struct end to, mode_t mode)
{
    struct strvec names = STRVEC_INIT;
    int rc = 0;
    if (mkdirat(to.dir, to.name, mode & 07777) != 0 && errno != EEXIST) {
        return -1;
    }
    int out = openat(to.dir, to.name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    rc = out < 0 ? -1 : fs_list_fd(in, &names);
    for (size_t i = 0; i < names.len && rc == 0; i++) {
        rc = copy_entry((struct end){in, names.v[i]}, (struct end){out, names.v[i]});
    }
    if (out >= 0) {
        close(out);
    }
    strvec_release(&names);
    return rc;
}

static int copy_entry(struct end from, struct end to)
{
    struct stat s;
    char link[4096];
    if (fstatat(from.dir, from.name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
        return -1;
    }
    if (S_ISLNK(s.st_mode)) {
        ssize_t n = readlinkat(from.dir, from.name, link, sizeof(link) - 1);
        link[n > 0 ? n : 0] = '\0';
        unlinkat(to.dir, to.name, 0);
        return n <= 0 || symlinkat(link, to.dir, to.name) != 0 ? -1 : 0;
    }
    int in = openat(from.dir, from.name, O_RDONLY | O_CLOEXEC);
    int rc = in < 0 ? -1 : S_ISDIR(s.st_mode) ? copy_folder(in, to, s.st_mode) : copy_file(in, to, s.st_mode);
    if (in >= 0) {
        close(in);
    }
    return rc;
}

/* "ID:/path": its two parts. False: a path of this machine. */
static bool parse(const char *text, char **id, char **path)
{
    const char *colon = strchr(text, ':');
    if (!colon) {
        *path = xstrdup(text);
        return false;
    }
    if (strchr(colon + 1, ':') || colon == text || colon[1] != '/') {
        fail("invalidArgument", "invalid path given: %s", text);
    }
    *id = xstrndup(text, (size_t)(colon - text));
    *path = xstrdup(colon + 1);
    return true;
}

/* The last part of a path. */
static const char *last(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* In a child inside the container. `out`: from there to `host`, else from `host` to there. */
static MT_NORETURN void copy_inside(pid_t init, bool out, int host, const char *host_name, const char *path)
{
    if (place_enter(init) < 0) {
        _exit(2);
    }
    if (!out) {
        char *parent = xstrndup(path, (size_t)(last(path) - path));
        if (*parent) {
            fs_mkdirs(parent, 0755, NULL);
        }
        free(parent);
    }
    struct end there = {AT_FDCWD, path}, here = {host, host_name};
    _exit(out ? copy_entry(there, here) != 0 : copy_entry(here, there) != 0);
}

int do_copy(const struct given *g)
{
    char *id[2] = {NULL}, *path[2];
    bool from = parse(g->args.v[0], &id[0], &path[0]), to = parse(g->args.v[1], &id[1], &path[1]);
    if (from && to) {
        fail("invalidArgument", "copying between containers is not supported");
    }
    if (!from && !to) {
        fail("invalidArgument", "one of source or destination must be a container reference (container_id:path)");
    }
    const char *name = id[from ? 0 : 1], *inside = path[from ? 0 : 1], *outside = path[from ? 1 : 0];
    if (!from && !fs_exists(outside)) {
        fail("notFound", "source path does not exist: %s", outside);
    }
    container_must_exist(name);
    if (container_life(name, NULL) != LIFE_RUNNING) {
        fail("invalidState", "container %s is not running", name);
    }
    char *host = from && fs_is_dir(outside) ? xasprintf("%s/%s", outside, last(inside)) : xstrdup(outside);
    char *folder = strchr(host, '/') ? xstrndup(host, (size_t)(last(host) - host)) : xstrdup(".");
    char *there =
        !from && inside[strlen(inside) - 1] == '/' ? xasprintf("%s%s", inside, last(outside)) : xstrdup(inside);
    int status = 0, fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    pid_t init = container_init(name), child = fd < 0 ? -1 : fork();
    if (child == 0) {
        copy_inside(init, from, fd, last(host), there);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) {
        fail("internalError", "failed to copy %s to %s", g->args.v[0], g->args.v[1]);
    }
    if (from) {
        strbuf_addf(&st.out, "%s\n", host);
    } else {
        strbuf_addf(&st.out, "%s:%s\n", name, there);
    }
    free(host);
    free(folder);
    free(there);
    return 0;
}

int do_export(const struct given *g)
{
    const char *id = g->args.v[0], *output = given_value(g, "--output", NULL);
    char *root, *half;
    container_must_exist(id);
    if (container_life(id, NULL) != LIFE_STOPPED) {
        fail("invalidState", "container is not stopped");
    }
    if (!output) {
        fail("unsupported", "the stand-in exports into files only");
    }
    if (fs_is_dir(output)) {
        fail("invalidArgument", "refusing to overwrite directory at %s; specify a file path", output);
    }
    root = container_path(id, "rootfs");
    half = in_root("export-%d.tar", (int)getpid());
    if (run_tool((const char *const[]){"tar", "-C", root, "--numeric-owner", "--sort=name", "-cf", half, ".", NULL}) !=
        0) {
        unlink(half);
        fail("unknown", "The operation couldn\xe2\x80\x99t be completed. No space left on device");
    }
    if (rename(half, output) != 0 && run_tool((const char *const[]){"mv", half, output, NULL}) != 0) {
        unlink(half);
        fail("unknown", "failed to move the archive to %s", output);
    }
    return 0;
}
#endif
