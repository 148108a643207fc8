/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/paths.h"

#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>
#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

char *path_join(const char *a, const char *b)
{
    size_t n = strlen(a);
    while (n > 1 && a[n - 1] == '/') {
        n--;
    }
    while (*b == '/') {
        b++;
    }
    if (n == 0) {
        return xstrdup(b);
    }
    bool root = n == 1 && a[0] == '/';
    return xasprintf("%.*s%s%s", (int)MT_MIN(n, (size_t)INT_MAX), a, root || !*b ? "" : "/", b);
}

char *path_expand(const char *path, const char *home)
{
    if (path[0] == '~' && path[1] == '\0') {
        return xstrdup(home);
    }
    return path[0] == '~' && path[1] == '/' ? path_join(home, path + 2) : xstrdup(path);
}

char *path_tilde(const char *path, const char *home)
{
    size_t n = strlen(home);
    while (n > 0 && home[n - 1] == '/') {
        n--;
    }
    if (n > 0 && strncmp(path, home, n) == 0 && (path[n] == '/' || path[n] == '\0')) {
        return xasprintf("~%s", path + n);
    }
    return xstrdup(path);
}

const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *path_real(const char *path, struct error *err)
{
    char *real = realpath(path, NULL);
    if (!real) {
        (void)error_sys(err, errno, "%s", path);
    }
    return real;
}

bool path_is_below(const char *path, const char *dir)
{
    size_t n = strlen(dir);
    while (n > 0 && dir[n - 1] == '/') {
        n--;
    }
    return strncmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

/* The folder that holds `path`; caller frees. */
static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) {
        return xstrdup(".");
    }
    return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* $name when it is an absolute path (the XDG specification has relative ones ignored), else home/fallback; plus /muthr.
 */
static char *xdg_dir(const char *name, const char *home, const char *fallback)
{
    const char *value = getenv(name);
    if (value && value[0] == '/') {
        return path_join(value, "muthr");
    }
    MT_CLEANUP(xfree) char *base = path_join(home, fallback);
    return path_join(base, "muthr");
}

/* $HOME, else what the password database says. */
static char *find_home(void)
{
    const char *home = getenv("HOME");
    if (home && home[0] == '/') {
        return path_join(home, "");
    }
    struct passwd *pw = getpwuid(geteuid());
    return pw && pw->pw_dir && pw->pw_dir[0] == '/' ? path_join(pw->pw_dir, "") : NULL;
}

/* True when `path` is a real folder of ours that nobody else can enter. */
static bool is_private_dir(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & 077) == 0;
}

static char *find_runtime(void)
{
    const char *value = getenv("XDG_RUNTIME_DIR");
    if (value && value[0] == '/' && is_private_dir(value)) {
        return path_join(value, "muthr");
    }
    /* Not macOS's folder of one's own (confstr, TMPDIR): with its 49 bytes a session's socket would be longer than the
     * 104 that an address takes there. What cleans /tmp after some days passes sockets over. */
    return xasprintf("/tmp/muthr-%lu", (unsigned long)geteuid());
}

/* argv0 as the shell resolved it: with a slash as it stands, else by PATH. */
static char *find_by_argv0(const char *argv0)
{
    if (!argv0 || !*argv0) {
        return NULL;
    }
    if (strchr(argv0, '/')) {
        return realpath(argv0, NULL);
    }
    const char *p = getenv("PATH");
    while (p && *p) {
        size_t n = strcspn(p, ":");
        MT_CLEANUP(xfree) char *file = xasprintf("%.*s/%s", (int)n, n ? p : ".", argv0);
        if (access(file, X_OK) == 0) {
            return realpath(file, NULL);
        }
        p += n + (p[n] == ':');
    }
    return NULL;
}

static char *find_executable(const char *argv0)
{
#if defined(__linux__)
    char buf[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", buf, sizeof(buf) - 1);
    if (n > 0) {
        static const char DELETED[] = " (deleted)";
        size_t tail = sizeof(DELETED) - 1;
        buf[n] = '\0';
        /* Replaced by an upgrade while we run: the new one is at the same place. */
        if ((size_t)n > tail && strcmp(buf + n - tail, DELETED) == 0 && !fs_exists(buf)) {
            buf[(size_t)n - tail] = '\0';
        }
        return xstrdup(buf);
    }
#elif defined(__APPLE__)
    char buf[PATH_MAX];
    uint32_t size = sizeof(buf);
    if (_NSGetExecutablePath(buf, &size) == 0) {
        char *real = realpath(buf, NULL);
        if (real) {
            return real;
        }
    }
#endif
    char *found = find_by_argv0(argv0);
    return found ? found : xstrdup(argv0 ? argv0 : "muthr-tui");
}

/* `dir`/`rel` when it holds themes; else NULL. */
static char *data_at(const char *dir, const char *rel)
{
    char *data = path_join(dir, rel);
    MT_CLEANUP(xfree) char *themes = path_join(data, "themes");
    if (fs_is_dir(themes)) {
        return data;
    }
    free(data);
    return NULL;
}

/* The build tree keeps a data folder of links beside the program (Makefile); tests are two folders below it. */
static char *find_data(const char *executable)
{
    const char *value = getenv("MUTHR_TUI_DATA");
    if (value && value[0] == '/') {
        return xstrdup(value);
    }
    MT_CLEANUP(xfree) char *dir = parent_of(executable);
    char *data = data_at(dir, "../share/muthr-tui");
    data = data ? data : data_at(dir, "data");
    data = data ? data : data_at(dir, "../../data");
    if (data) {
        char *real = realpath(data, NULL);
        if (real) {
            free(data);
            data = real;
        }
    }
    return data ? data : xstrdup(MT_DATADIR);
}

int paths_init(struct paths *p, const char *argv0, struct error *err)
{
    *p = (struct paths){0};
    p->home = find_home();
    if (!p->home) {
        return error_hint(err, ERROR_NOT_FOUND, "set HOME to an absolute path", "no home folder");
    }
    p->config = xdg_dir("XDG_CONFIG_HOME", p->home, ".config");
    p->state = xdg_dir("XDG_STATE_HOME", p->home, ".local/state");
    p->cache = path_join(p->home, ".cache/muthr");
    p->runtime = find_runtime();
    p->executable = find_executable(argv0);
    p->data = find_data(p->executable);
    return 0;
}

void paths_release(struct paths *p)
{
    free(p->home);
    free(p->config);
    free(p->state);
    free(p->cache);
    free(p->runtime);
    free(p->data);
    free(p->executable);
    *p = (struct paths){0};
}

int paths_make_runtime(const struct paths *p, struct error *err)
{
    struct stat st;
    if (mkdir(p->runtime, 0700) != 0 && errno != EEXIST) {
        return error_sys(err, errno, "runtime folder %s", p->runtime);
    }
    if (lstat(p->runtime, &st) != 0) {
        return error_sys(err, errno, "runtime folder %s", p->runtime);
    }
    if (!S_ISDIR(st.st_mode)) {
        return error_hint(err, ERROR_DENIED, "remove it, or set XDG_RUNTIME_DIR to a private folder of yours",
                          "runtime folder %s is not a folder", p->runtime);
    }
    if (st.st_uid != geteuid()) {
        struct passwd *pw = getpwuid(st.st_uid);
        return error_hint(err, ERROR_DENIED, "set XDG_RUNTIME_DIR to a private folder of yours",
                          "runtime folder %s belongs to %s (uid %lu)", p->runtime, pw ? pw->pw_name : "someone else",
                          (unsigned long)st.st_uid);
    }
    if ((st.st_mode & 077) != 0) {
        return error_hint(err, ERROR_DENIED, "chmod 700 it after checking what is inside",
                          "runtime folder %s is open to others (mode %04o)", p->runtime, (unsigned)st.st_mode & 07777u);
    }
    return 0;
}
