/* SPDX-License-Identifier: Apache-2.0 */
/* Linux only: `build` of the instructions that our own Containerfiles use, done for real. */
#include "tests/play/container/standin.h"

#if defined(__linux__)
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

#define FILE_MAX 16384

struct build {
    const char *context;
    char *root; /* the tree as it grows, or NULL before FROM */
    struct strvec env, labels, cmd, entrypoint;
    char *workdir, *user;
    struct strbuf recipe; /* what its digest is made from */
    int step, steps;
    bool quiet;
};

/* Text on stderr as the plain progress of a build. */
static void say(const struct build *b, const char *format, const char *text)
{
    if (!b->quiet) {
        fprintf(stderr, "#%d ", b->step + 4);
        fprintf(stderr, "%s%s\n", format, text);
    }
}

/* Takes what was made back, and fails. */
static MT_NORETURN void give_up(struct build *b, const char *why, const char *text)
{
    if (b->root) {
        fs_remove_tree(b->root, NULL);
    }
    fail("unknown", "failed to solve: %s%s", why, text);
}

/* JSON ["a","b"] or, for a shell, the rest of the line. */
static void words_of(const char *rest, struct strvec *out)
{
    struct json *j = rest[0] == '[' ? json_parse(rest, strlen(rest), NULL) : NULL;
    strvec_clear(out);
    for (const struct json *c = json_first(j); c; c = json_next(c)) {
        strvec_push(out, json_string(c) ? json_string(c) : "");
    }
    if (!j) {
        strvec_pushl(out, "/bin/sh", "-c", rest, NULL);
    }
    json_free(j);
}

/* One word of a line, quotes and backslashes taken away as a Containerfile's parser does. Returns what is behind it. */
static const char *take_word(const char *p, struct strbuf *out)
{
    char quote = 0;
    strbuf_clear(out);
    for (; *p && (quote || !strchr(" \t", *p)); p++) {
        if (!quote && (*p == '"' || *p == '\'')) {
            quote = *p;
        } else if (quote && *p == quote) {
            quote = 0;
        } else if (*p == '\\' && p[1] && quote != '\'') {
            strbuf_addch(out, *++p);
        } else {
            strbuf_addch(out, *p);
        }
    }
    return p + strspn(p, " \t");
}

/* KEY=VALUE KEY=VALUE, or the old KEY VALUE. */
static void pairs(const char *rest, struct strvec *out)
{
    struct strbuf word = STRBUF_INIT;
    while (*rest) {
        const char *next = take_word(rest, &word);
        char *equals = strchr(word.buf, '=');
        if (!equals) {
            strvec_setenv(out, word.buf, next);
            break;
        }
        *equals = '\0';
        strvec_setenv(out, word.buf, equals + 1);
        rest = next;
    }
    strbuf_release(&word);
}

/* A list of KEY=VALUE from an object. */
static void from_object(const struct json *o, struct strvec *out)
{
    for (const struct json *c = json_first(o); c; c = json_next(c)) {
        strvec_setenv(out, json_key(c), json_string(c) ? json_string(c) : "");
    }
}

static void do_from(struct build *b, const char *rest)
{
    struct strbuf name = STRBUF_INIT;
    const char *next = take_word(rest, &name);
    if (strncmp(name.buf, "--platform", 10) == 0) {
        take_word(next, &name);
    }
    b->root = in_root("build-%d", (int)getpid());
    if (strcmp(name.buf, "scratch") == 0) {
        fs_mkdirs(b->root, 0755, NULL);
        strbuf_release(&name);
        return;
    }
    image_need(name.buf, NULL);
    char *digest = image_digest(name.buf), *from = image_path(digest, "rootfs");
    struct json *whole = image_config(digest);
    const struct json *config = json_get(whole, "config");
    if (run_tool((const char *const[]){"cp", "-a", "--reflink=auto", from, b->root, NULL}) != 0) {
        give_up(b, "no space left on device", "");
    }
    json_get_strings(config, "Env", &b->env);
    json_get_strings(config, "Cmd", &b->cmd);
    json_get_strings(config, "Entrypoint", &b->entrypoint);
    from_object(json_get(config, "Labels"), &b->labels);
    free(b->workdir);
    b->workdir = xstrdup(json_get_string(config, "WorkingDir", "/"));
    b->user = xstrdup_null(json_get_string(config, "User", NULL));
    strbuf_addf(&b->recipe, "%s\n", digest);
    json_free(whole);
    free(digest);
    free(from);
    strbuf_release(&name);
}

/* The step's process. */
static MT_NORETURN void run_step(struct build *b, int go[2], const struct strvec *argv)
{
    struct place place = {.rootfs = b->root, .network = true};
    struct place_user user;
    struct strvec env = STRVEC_INIT;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    place_wait(go);
    dup2(STDERR_FILENO, STDOUT_FILENO);
    dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO);
    char *wrong = place_make(&place);
    if (wrong || place_user_find(b->user && *b->user ? b->user : "0", &user) < 0) {
        fprintf(stderr, "%s\n", wrong ? wrong : "unable to find user");
        _exit(125);
    }
    if (chdir(b->workdir) != 0 && (fs_mkdirs(b->workdir, 0755, NULL) < 0 || chdir(b->workdir) != 0)) {
        _exit(125);
    }
    strvec_pushv(&env, (const char *const *)b->env.v);
    if (!strvec_getenv(&env, "HOME")) {
        strvec_setenv(&env, "HOME", user.home);
    }
    place_user_become(&user);
    place_exec(argv->v, env.v);
    _exit(127);
}

static void do_run_step(struct build *b, const char *rest)
{
    struct strvec argv = STRVEC_INIT;
    int go[2], status = 0;
    char text[64];
    words_of(rest, &argv);
    pid_t pid = place_fork(true, go);
    if (pid == 0) {
        run_step(b, go, &argv);
    }
    if (pid > 0) {
        place_go(pid, go);
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
        }
    }
    if (pid < 0 || status != 0) {
        str_format(text, sizeof(text), "\" did not complete successfully: exit code: %d",
                   WIFEXITED(status) ? WEXITSTATUS(status) : 137);
        char *all = xasprintf("%s%s", rest, text);
        give_up(b, "process \"/bin/sh -c ", all);
    }
    strvec_release(&argv);
}

/* Is it an archive that ADD unpacks? */
static bool is_archive(const char *path)
{
    static const char *const ends[] = {".tar", ".tar.gz", ".tgz", ".tar.xz"};
    size_t n = strlen(path);
    for (size_t i = 0; i < MT_ARRAY_LEN(ends); i++) {
        size_t e = strlen(ends[i]);
        if (n > e && strcmp(path + n - e, ends[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Adds what a file is to the recipe. */
static void note_file(struct build *b, const char *path)
{
    char hex[HASH_HEX_LEN + 1];
    if (hash_sha256_file(path, hex, NULL) == 0) {
        strbuf_addf(&b->recipe, "%s\n", hex);
    }
}

/* COPY and ADD: [--chown=..] SOURCE... TARGET, or their JSON form. */
static void do_add(struct build *b, const char *rest, bool unpack)
{
    struct strvec words = STRVEC_INIT;
    struct strbuf word = STRBUF_INIT;
    const char *owner = NULL;
    if (rest[0] == '[') {
        words_of(rest, &words);
        rest = "";
    }
    while (*rest) {
        rest = take_word(rest, &word);
        strvec_push(&words, word.buf);
    }
    size_t first = 0;
    for (; first < words.len && strncmp(words.v[first], "--", 2) == 0; first++) {
        owner = strncmp(words.v[first], "--chown=", 8) == 0 ? words.v[first] + 8 : owner;
    }
    if (words.len < first + 2) {
        give_up(b, "dockerfile parse error: COPY requires at least two arguments", "");
    }
    const char *target = words.v[words.len - 1];
    bool into = target[strlen(target) - 1] == '/' || words.len > first + 2;
    for (size_t i = first; i + 1 < words.len; i++) {
        char *from = xasprintf("%s/%s", b->context, words.v[i]);
        char *to =
            xasprintf("%s/%s%s%s", b->root, target[0] == '/' ? "" : b->workdir, target[0] == '/' ? "" : "/", target);
        if (!fs_exists(from) || strstr(words.v[i], "..")) {
            give_up(b, "failed to compute cache key: not found: ", words.v[i]);
        }
        note_file(b, from);
        int rc;
        if (unpack && is_archive(from)) {
            rc = fs_mkdirs(to, 0755, NULL) < 0 ||
                 run_tool((const char *const[]){"tar", "-C", to, "--numeric-owner", "-xpf", from, NULL}) != 0;
        } else {
            char *folder = xstrdup(to), *slash = strrchr(folder, '/'), *all = xasprintf("%s/.", from);
            bool is_folder = fs_is_dir(from);
            if (!into && !is_folder && slash) {
                *slash = '\0';
            }
            fs_mkdirs(folder, 0755, NULL);
            rc = run_tool((const char *const[]){"cp", "-a", is_folder ? all : from, to, NULL}) != 0 ||
                 (!owner && run_tool((const char *const[]){"chown", "-R", "0:0", to, NULL}) != 0 && geteuid() == 0);
            free(folder);
            free(all);
        }
        if (rc) {
            give_up(b, "failed to copy files: no space left on device: ", words.v[i]);
        }
        free(from);
        free(to);
    }
    strvec_release(&words);
    strbuf_release(&word);
}

/* One instruction. */
static void instruction(struct build *b, const char *line)
{
    size_t n = strcspn(line, " \t");
    char *word = xstrndup(line, n);
    const char *rest = line + n + strspn(line + n, " \t");
    char *shown = xasprintf("[%d/%d] %s", ++b->step, b->steps, line);
    say(b, shown, "");
    strbuf_addf(&b->recipe, "%s\n", line);
    if (strcasecmp(word, "FROM") != 0 && strcasecmp(word, "ARG") != 0 && !b->root) {
        give_up(b, "dockerfile parse error: no build stage in current context", "");
    }
    if (strcasecmp(word, "FROM") == 0) {
        do_from(b, rest);
    } else if (strcasecmp(word, "RUN") == 0) {
        do_run_step(b, rest);
    } else if (strcasecmp(word, "COPY") == 0 || strcasecmp(word, "ADD") == 0) {
        do_add(b, rest, strcasecmp(word, "ADD") == 0);
    } else if (strcasecmp(word, "ENV") == 0 || strcasecmp(word, "ARG") == 0) {
        pairs(rest, &b->env);
    } else if (strcasecmp(word, "LABEL") == 0) {
        pairs(rest, &b->labels);
    } else if (strcasecmp(word, "CMD") == 0) {
        words_of(rest, &b->cmd);
    } else if (strcasecmp(word, "ENTRYPOINT") == 0) {
        words_of(rest, &b->entrypoint);
    } else if (strcasecmp(word, "WORKDIR") == 0) {
        struct strbuf dir = STRBUF_INIT;
        take_word(rest, &dir);
        free(b->workdir);
        b->workdir = strbuf_detach(&dir, NULL);
    } else if (strcasecmp(word, "USER") == 0) {
        free(b->user);
        b->user = xstrdup(rest);
    } else if (strcasecmp(word, "EXPOSE") != 0 && strcasecmp(word, "SHELL") != 0 &&
               strcasecmp(word, "STOPSIGNAL") != 0 && strcasecmp(word, "VOLUME") != 0) {
        give_up(b, "dockerfile parse error: unknown instruction: ", word);
    }
    free(shown);
    free(word);
}

/* Lines put together, without remarks. */
static void lines_of(const char *text, struct strvec *out)
{
    struct strbuf line = STRBUF_INIT;
    for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
        size_t n = strcspn(p, "\n");
        const char *q = p + strspn(p, " \t");
        if (*q == '#' || (size_t)(q - p) >= n) {
            continue;
        }
        bool goes_on = n > 0 && p[n - 1] == '\\';
        strbuf_addf(&line, "%.*s", (int)(n - (size_t)(line.len ? 0 : q - p) - (goes_on ? 1 : 0)), line.len ? p : q);
        if (!goes_on) {
            strvec_push(out, line.buf);
            strbuf_clear(&line);
        }
    }
    if (line.len) {
        strvec_push(out, line.buf);
    }
    strbuf_release(&line);
}

/* The image's OCI configuration. */
static void write_config(const struct build *b, struct strbuf *out)
{
    struct json *all = json_new_object(), *config = json_new_object(), *labels = json_new_object();
    if (b->cmd.len) {
        json_set_strings(config, "Cmd", &b->cmd);
    }
    if (b->entrypoint.len) {
        json_set_strings(config, "Entrypoint", &b->entrypoint);
    }
    json_set_strings(config, "Env", &b->env);
    for (size_t i = 0; i < b->labels.len; i++) {
        char *key = xstrndup(b->labels.v[i], strcspn(b->labels.v[i], "="));
        json_set_string(labels, key, strchr(b->labels.v[i], '=') + 1);
        free(key);
    }
    json_set(config, "Labels", labels);
    if (b->user) {
        json_set_string(config, "User", b->user);
    }
    json_set_string(config, "WorkingDir", b->workdir);
    json_set_string(all, "architecture", "arm64");
    json_set(all, "config", config);
    json_set_string(all, "os", "linux");
    json_write(all, false, out);
    json_free(all);
}

/* Puts the tree into the store. Returns its digest. free(). */
static char *keep(struct build *b)
{
    char hex[HASH_HEX_LEN + 1];
    struct strbuf text = STRBUF_INIT;
    write_config(b, &text);
    strbuf_addstr(&b->recipe, text.buf);
    hash_sha256_hex(b->recipe.buf, b->recipe.len, hex);
    char *digest = xasprintf("sha256:%s", hex), *dir = image_path(digest, ""),
         *half = in_root("images/.%s.%d", hex, (int)getpid());
    char *root = xasprintf("%s/rootfs", half), *file = xasprintf("%s/config.json", half);
    store_lock();
    if (fs_is_dir(dir)) {
        fs_remove_tree(b->root, NULL);
    } else if (fs_mkdirs(half, 0755, NULL) < 0 || rename(b->root, root) != 0 ||
               fs_write_atomic(file, text.buf, text.len, 0600, NULL) < 0 || rename(half, dir) != 0) {
        give_up(b, "failed to export the image", "");
    }
    store_unlock();
    strbuf_release(&text);
    free(dir);
    free(half);
    free(root);
    free(file);
    return digest;
}

/* The Dockerfile named, or the first of the two usual names. free(). */
static char *file_of(const struct given *g, const char *context)
{
    const char *given = given_value(g, "--file", NULL);
    char *path = given ? xstrdup(given) : xasprintf("%s/Dockerfile", context);
    if (!given && !fs_exists(path)) {
        free(path);
        path = xasprintf("%s/Containerfile", context);
    }
    return path;
}

int do_build(const struct given *g)
{
    struct build b = {.context = g->args.len ? g->args.v[0] : ".",
                      .env = STRVEC_INIT,
                      .labels = STRVEC_INIT,
                      .cmd = STRVEC_INIT,
                      .entrypoint = STRVEC_INIT,
                      .workdir = xstrdup("/"),
                      .recipe = STRBUF_INIT,
                      .quiet = given_has(g, "--quiet")};
    struct strbuf text = STRBUF_INIT;
    struct strvec lines = STRVEC_INIT, tags = STRVEC_INIT, labels = STRVEC_INIT;
    char *path = file_of(g, b.context);
    if (!fs_is_dir(b.context)) {
        fail_usage(g->command->usage, g->command->path, "context dir does not exist %s", b.context);
    }
    if (!fs_exists(path)) {
        fail_usage(g->command->usage, g->command->path, "Dockerfile does not exist at path: %s", path);
    }
    if (fs_read(path, 1 << 20, &text, NULL) < 0 || text.len >= FILE_MAX) {
        fail("invalidArgument",
             "Dockerfile size (%zu bytes) exceeds the maximum allowed size of %d bytes. See "
             "https://github.com/apple/container/issues/735.",
             text.len, FILE_MAX);
    }
    given_all(g, "--tag", &tags);
    given_all(g, "--label", &labels);
    lines_of(text.buf, &lines);
    b.steps = (int)lines.len;
    for (size_t i = 0; i < lines.len; i++) {
        instruction(&b, lines.v[i]);
    }
    if (!b.root) {
        give_up(&b, "the Dockerfile cannot be empty", "");
    }
    for (size_t i = 0; i < labels.len; i++) {
        pairs(labels.v[i], &b.labels);
    }
    char *digest = keep(&b);
    store_lock();
    for (size_t i = 0; i < tags.len; i++) {
        char *full = reference_full(tags.v[i]);
        image_bind(full, digest);
        strbuf_addf(&st.out, "%s\n", full);
        free(full);
    }
    store_unlock();
    free(digest);
    free(path);
    return 0;
}
#endif
