/* SPDX-License-Identifier: Apache-2.0 */
/* The state folder. A container is a folder that is made under another name and renamed, and taken away the same way,
 * so that a kill at any moment leaves it whole or not there. It runs as long as something holds the record lock on its
 * file `keeper`: the kernel gives that back when the holder dies, however. */
#include "tests/play/container/standin.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

static int lock_fd = -1;

void store_lock(void)
{
    char *path = in_root("lock");
    lock_fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600);
    while (lock_fd >= 0 && flock(lock_fd, LOCK_EX) != 0 && errno == EINTR) {
    }
    free(path);
}

void store_unlock(void)
{
    if (lock_fd >= 0) {
        close(lock_fd);
        lock_fd = -1;
    }
}

char *container_path(const char *id, const char *rest)
{
    return in_root("containers/%s%s%s", id, *rest ? "/" : "", rest);
}

/* Can it be the name of a folder? */
static bool is_plain(const char *id)
{
    return *id && id[0] != '.' && !strchr(id, '/');
}

bool container_exists(const char *id)
{
    char *path = container_path(id, "config.json");
    bool there = is_plain(id) && fs_exists(path);
    free(path);
    return there;
}

void container_must_exist(const char *id)
{
    if (!container_exists(id)) {
        if (since(1, 0, 0)) {
            fail("notFound", "container not found: %s", id);
        }
        fail("notFound", "get failed: container %s not found", id);
    }
}

struct json *container_config(const char *id)
{
    char *path = container_path(id, "config.json");
    struct json *j = json_load(path, 0, NULL);
    free(path);
    return j;
}

void container_ids(struct strvec *out)
{
    struct strvec names = STRVEC_INIT;
    char *path = in_root("containers");
    if (fs_is_dir(path) && fs_list(path, &names, NULL) == 0) {
        for (size_t i = 0; i < names.len; i++) {
            if (container_exists(names.v[i])) {
                strvec_push(out, names.v[i]);
            }
        }
    }
    strvec_release(&names);
    free(path);
}

/* Does the container's folder hold that file? */
static bool has_file(const char *id, const char *file)
{
    char *path = container_path(id, file);
    bool there = fs_exists(path);
    free(path);
    return there;
}

enum life container_life(const char *id, pid_t *keeper)
{
    char *path = container_path(id, "keeper");
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    int fd = open(path, O_RDWR | O_CLOEXEC);
    bool held = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    free(path);
    if (fd >= 0) {
        close(fd);
    }
    if (keeper) {
        *keeper = held ? lock.l_pid : 0;
    }
    if (!held) {
        return LIFE_STOPPED;
    }
    return has_file(id, "stopping") ? LIFE_STOPPING : has_file(id, "init") ? LIFE_RUNNING : LIFE_STARTING;
}

const char *life_name(enum life life)
{
    return life == LIFE_RUNNING ? "running" : life == LIFE_STOPPING ? "stopping" : "stopped";
}

double container_number(const char *id, const char *file)
{
    struct strbuf text = STRBUF_INIT;
    char *path = container_path(id, file);
    double n = 0;
    if (fs_exists(path) && fs_read(path, 64, &text, NULL) == 0) {
        n = strtod(text.buf, NULL);
    }
    strbuf_release(&text);
    free(path);
    return n;
}

void container_note(const char *id, const char *file, const char *text)
{
    char *path = container_path(id, file);
    if (text) {
        fs_write_atomic(path, text, strlen(text), 0600, NULL);
    } else {
        unlink(path);
    }
    free(path);
}

pid_t container_init(const char *id)
{
    return container_life(id, NULL) == LIFE_STOPPED ? 0 : (pid_t)container_number(id, "init");
}

void container_remove(const char *id)
{
    char *path = container_path(id, ""), *gone = in_root("containers/.gone-%s-%d", id, (int)getpid());
    if (rename(path, gone) == 0) {
        fs_remove_tree(gone, NULL);
    }
    free(path);
    free(gone);
}

char *reference_full(const char *reference)
{
    const char *slash = strchr(reference, '/'), *last = strrchr(reference, '/');
    size_t head = slash ? (size_t)(slash - reference) : 0;
    bool has_domain = slash && (memchr(reference, '.', head) || memchr(reference, ':', head) ||
                                (head == 9 && strncmp(reference, "localhost", 9) == 0));
    bool has_tag = strchr(last ? last : reference, ':') || strchr(reference, '@');
    return xasprintf("%s%s%s%s", has_domain ? "" : "docker.io/", has_domain || slash ? "" : "library/", reference,
                     has_tag ? "" : ":latest");
}

/* images/index.json: reference -> digest. json_free. */
static struct json *image_index(void)
{
    char *path = in_root("images/index.json");
    struct json *j = fs_exists(path) ? json_load(path, 0, NULL) : NULL;
    free(path);
    return j ? j : json_new_object();
}

char *image_digest(const char *reference)
{
    char *full = reference_full(reference);
    struct json *index = image_index();
    char *digest = xstrdup_null(json_get_string(index, full, NULL));
    json_free(index);
    free(full);
    return digest;
}

char *image_path(const char *digest, const char *rest)
{
    const char *colon = strchr(digest, ':');
    return in_root("images/%s%s%s", colon ? colon + 1 : digest, *rest ? "/" : "", rest);
}

struct json *image_config(const char *digest)
{
    char *path = image_path(digest, "config.json");
    struct json *j = json_load(path, 0, NULL);
    free(path);
    return j;
}

void image_references(struct strvec *out)
{
    struct json *index = image_index();
    for (const struct json *c = json_first(index); c; c = json_next(c)) {
        strvec_push(out, json_key(c));
    }
    strvec_sort(out);
    json_free(index);
}

void image_bind(const char *reference, const char *digest)
{
    struct json *index = image_index(), *next = json_new_object();
    struct strbuf text = STRBUF_INIT;
    char *path = in_root("images/index.json"), *full = reference_full(reference);
    for (const struct json *c = json_first(index); c; c = json_next(c)) {
        if (strcmp(json_key(c), full) != 0) {
            json_set_string(next, json_key(c), json_string(c));
        }
    }
    if (digest) {
        json_set_string(next, full, digest);
    }
    json_write(next, false, &text);
    fs_write_atomic(path, text.buf, text.len, 0600, NULL);
    json_free(index);
    json_free(next);
    strbuf_release(&text);
    free(path);
    free(full);
}

int run_tool(const char *const *argv)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        union {
            const char *const *in;
            char *const *out;
        } words = {.in = argv};
        dup2(STDERR_FILENO, STDOUT_FILENO);
        execvp(argv[0], words.out);
        _exit(127);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return pid > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
