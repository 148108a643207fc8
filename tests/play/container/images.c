/* SPDX-License-Identifier: Apache-2.0 */
/* Images: folders with an OCI configuration and a tree of files. There is one tree, busybox's, under many names. */
#include "tests/play/container/standin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

#define MINI "localhost/muthr-mini:latest"   /* users root and muthr (1000), WORKDIR /workspace */
#define READY "localhost/muthr-ready:latest" /* with a bash and the marker of an installed baseline */

static const char *const catalog[] = {"docker.io/library/debian:13-slim", "docker.io/library/ubuntu:24.04",
                                      "docker.io/library/alpine:latest", "docker.io/library/busybox:latest", NULL};

/* A link for each of busybox's programs, after the list that the script has left. */
static int link_programs(const char *root)
{
    struct strbuf names = STRBUF_INIT;
    char *list = xasprintf("%s/list", root);
    int rc = fs_read(list, 65536, &names, NULL);
    for (const char *p = names.buf; *p && rc == 0; p += strcspn(p, "\n"), p += *p == '\n') {
        char *link = xasprintf("%s/bin/%.*s", root, (int)strcspn(p, "\n"), p);
        rc = symlink("busybox", link) != 0 && errno != EEXIST ? -1 : 0;
        free(link);
    }
    unlink(list);
    strbuf_release(&names);
    free(list);
    return rc;
}

/* Makes the tree of files, and what makes it a "ready" one. */
static int make_tree(const char *root, bool ready)
{
    static const char script[] =
        "set -e; cd \"$1\"; b=$(command -v busybox); umask 022\n"
        "mkdir -p bin etc tmp root home/muthr proc sys dev run workspace var/lib usr/bin; chmod 1777 tmp\n"
        "cp -L \"$b\" bin/busybox; \"$b\" --list >list\n"
        "printf 'root:x:0:0::/root:/bin/sh\\nmuthr:x:1000:1000::/home/muthr:/bin/sh\\n' >etc/passwd\n"
        "printf 'root:x:0:\\nmuthr:x:1000:\\n' >etc/group\n"
        "if [ \"$2\" = ready ]; then mkdir -p var/lib/muthr; echo 2 >var/lib/muthr/container-baseline-v2\n"
        "printf '#!/bin/sh\\nexec /bin/sh \"$@\"\\n' >bin/bash; chmod 755 bin/bash; fi\n";
    int rc = run_tool((const char *const[]){"sh", "-c", script, "sh", root, ready ? "ready" : "", NULL});
    return rc == 0 ? link_programs(root) : rc;
}

/* The OCI configuration of a catalogue's image. */
static struct json *make_config(const char *reference)
{
    struct json *all = json_new_object(), *config = json_new_object(), *labels = json_new_object();
    struct strvec env = STRVEC_INIT, cmd = STRVEC_INIT;
    bool mini = strcmp(reference, MINI) == 0;
    strvec_push(&env, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    strvec_push(&cmd, "/bin/sh");
    json_set_strings(config, "Cmd", &cmd);
    json_set_strings(config, "Env", &env);
    if (mini) {
        json_set_string(labels, "muthr.test", "mini");
    }
    json_set(config, "Labels", labels);
    json_set_string(config, "WorkingDir", strncmp(reference, "localhost/", 10) == 0 ? "/workspace" : "/");
    json_set_string(all, "architecture", "arm64");
    json_set(all, "config", config);
    json_set_string(all, "os", "linux");
    strvec_release(&env);
    strvec_release(&cmd);
    return all;
}

/* Puts an image of the catalogue into the store. Under the lock. */
static void add(const char *reference)
{
    char hex[HASH_HEX_LEN + 1];
    struct strbuf text = STRBUF_INIT;
    struct json *config = make_config(reference);
    bool ready = strcmp(reference, MINI) != 0 && !strstr(reference, "busybox") && !strstr(reference, "alpine");
    json_write(config, false, &text);
    strbuf_addf(&text, "%s", reference);
    hash_sha256_hex(text.buf, text.len, hex);
    strbuf_truncate(&text, text.len - strlen(reference));
    char *digest = xasprintf("sha256:%s", hex), *dir = image_path(digest, ""),
         *half = in_root("images/.%s.%d", hex, (int)getpid());
    char *root = xasprintf("%s/rootfs", half), *file = xasprintf("%s/config.json", half);
    if (!fs_is_dir(dir)) {
        if (fs_mkdirs(root, 0755, NULL) < 0 || make_tree(root, ready) != 0 ||
            fs_write_atomic(file, text.buf, text.len, 0600, NULL) < 0 || rename(half, dir) != 0) {
            fail("internalError", "failed to unpack %s: is busybox installed?", reference);
        }
    }
    image_bind(reference, digest);
    json_free(config);
    strbuf_release(&text);
    free(digest);
    free(dir);
    free(half);
    free(root);
    free(file);
}

/* A new state folder has the local images. */
void images_begin(void)
{
    char *index = in_root("images/index.json"), *dir = in_root("images");
    if (!fs_exists(index)) {
        store_lock();
        if (!fs_exists(index) && fs_mkdirs(dir, 0755, NULL) == 0) {
            add(READY);
            add(MINI);
        }
        store_unlock();
    }
    free(index);
    free(dir);
}

/* Can it be fetched from somewhere? */
static bool in_catalog(const char *full)
{
    struct strbuf text = STRBUF_INIT;
    char *path = in_root("catalog");
    bool found = false;
    for (const char *const *c = catalog; *c; c++) {
        found = found || strcmp(*c, full) == 0;
    }
    if (!found && fs_exists(path) && fs_read(path, 65536, &text, NULL) == 0) {
        for (const char *p = text.buf; *p; p += strcspn(p, "\n"), p += *p == '\n') {
            found = found || (strcspn(p, "\n") == strlen(full) && strncmp(p, full, strlen(full)) == 0);
        }
    }
    strbuf_release(&text);
    free(path);
    return found;
}

/* How progress is shown: NULL not at all, else "plain" or "ansi". */
static const char *progress_style(const char *asked)
{
    if (!asked || strcmp(asked, "none") == 0) {
        return NULL;
    }
    if (strcmp(asked, "plain") == 0) {
        return "plain";
    }
    if (strcmp(asked, "auto") == 0 && !isatty(STDERR_FILENO)) {
        return since(0, 12, 0) ? "plain" : NULL;
    }
    return isatty(STDERR_FILENO) || strcmp(asked, "color") == 0 ? "ansi" : NULL;
}

/* One line of a fetch. */
static void progress_line(const char *style, int task, const char *what, int percent, long elapsed_ms)
{
    char items[96] = "";
    if (!style) {
        return;
    }
    if (task == 1) {
        str_format(items, sizeof(items), " (%d of 8 blobs, %.1f/27.1 MB, 4.8 MB/s)", percent * 8 / 100,
                   percent * 0.271);
    } else {
        str_format(items, sizeof(items), " (%d entries)", percent * 40);
    }
    bool plain = strcmp(style, "plain") == 0;
    fprintf(stderr, "%s[%d/2] %s%s %d%%%s [%lds]%s", plain ? "" : "\r\033[K\xe2\xa0\x8b ", task, what,
            task == 1 ? " image" : " image", percent, items, elapsed_ms / 1000, plain ? "\n" : "");
}

/* Takes the time that a pull takes, and shows it. */
static void fetch(const char *full, const char *style)
{
    long ms = setting("PULL_MS", "pull_ms", 200);
    if (root_has("offline")) {
        fail("internalError", "failed to fetch %s: The Internet connection appears to be offline.", full);
    }
    for (int i = 0; i < 4; i++) {
        progress_line(style, 1, "Fetching", i * 30 + 5, ms * i / 6);
        sleep_ms(ms / 6);
    }
    if (!in_catalog(full)) {
        fail_because("notFound", "notFound", "manifest unknown",
                     "HTTP request to https://registry.example.invalid/v2 failed with response: 404 Not Found. Reason: "
                     "Unknown image %s",
                     full);
    }
    for (int i = 0; i < 2; i++) {
        progress_line(style, 2, "Unpacking", i * 50 + 50, ms * (4 + i) / 6);
        sleep_ms(ms / 6);
    }
    if (style && strcmp(style, "ansi") == 0) {
        fprintf(stderr, "\r\033[K\033[?25h");
    }
}

void image_need(const char *reference, const char *progress)
{
    char *full = reference_full(reference), *digest;
    images_begin();
    digest = image_digest(full);
    if (!digest) {
        fetch(full, progress_style(progress));
        store_lock();
        add(full);
        store_unlock();
    }
    free(digest);
    free(full);
}

int do_image_pull(const struct given *g)
{
    char *full = reference_full(g->args.v[0]);
    const char *asked = given_value(g, "--progress", since(0, 12, 0) ? "auto" : "ansi");
    images_begin();
    fetch(full, given_has(g, "--disable-progress-updates") ? NULL : progress_style(asked));
    store_lock();
    add(full);
    store_unlock();
    free(full);
    return 0;
}

int do_image_delete(const struct given *g)
{
    struct strvec names = STRVEC_INIT;
    struct strbuf failed = STRBUF_INIT;
    if (g->args.len == 0 && !given_has(g, "--all")) {
        fail("invalidArgument", "no images specified and --all not supplied");
    }
    if (given_has(g, "--all")) {
        image_references(&names);
    } else {
        strvec_pushv(&names, (const char *const *)g->args.v);
    }
    store_lock();
    for (size_t i = 0; i < names.len; i++) {
        char *digest = image_digest(names.v[i]), *full = reference_full(names.v[i]);
        if (digest) {
            image_bind(full, NULL);
            strbuf_addf(&st.out, "%s\n", full);
        } else if (!given_has(g, "--force")) {
            strbuf_addf(&failed, "%s\"%s\"", failed.len ? ", " : "", names.v[i]);
        }
        free(digest);
        free(full);
    }
    store_unlock();
    if (failed.len) {
        fail("internalError", "failed to delete one or more images: [%s]", failed.buf);
    }
    strbuf_addstr(&st.out, "Reclaimed Zero KB in disk space\n");
    return 0;
}

int do_image_tag(const struct given *g)
{
    char *digest, *full = reference_full(g->args.v[1]);
    images_begin();
    digest = image_digest(g->args.v[0]);
    if (!digest) {
        fail("notFound", since(1, 0, 0) ? "image not found: %s" : "Image with reference %s", g->args.v[0]);
    }
    store_lock();
    image_bind(full, digest);
    store_unlock();
    strbuf_addf(&st.out, "%s\n", full);
    return 0;
}

int do_image_save(const struct given *g)
{
    const char *output = given_value(g, "--output", NULL);
    char *digest = image_digest(g->args.v[0]), *dir;
    if (!digest || g->args.len != 1) {
        strbuf_addf(&st.out, "failed to get image for reference %s\n", g->args.v[0]);
        fail("invalidArgument", "failed to save image(s)");
    }
    if (!output) {
        fail("internalError", "the stand-in saves into files only");
    }
    dir = image_path(digest, "");
    if (run_tool((const char *const[]){"tar", "-C", dir, "--numeric-owner", "-cf", output, ".", NULL}) != 0) {
        fail("internalError", "failed to save image(s)");
    }
    strbuf_addf(&st.out, "%s\n", g->args.v[0]);
    return 0;
}
