/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/temphome.h"

#include <sys/stat.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* Ends the test program: without a home nothing can be tested. */
static void must(int rc, const char *what)
{
    if (rc != 0) {
        perror(what);
        abort();
    }
}

void temphome_open(struct temphome *t)
{
    static const char *const CLEAR[] = {"MUTHR_WORKSPACE_ROOT", "MUTHR_SERVER_PORT", "MUTHR_CONTAINER_HOST_GATEWAY",
                                        "MUTHR_TUI_DATA"};
    str_copy(t->dir, sizeof(t->dir), "/tmp/muthr-test-XXXXXX");
    must(mkdtemp(t->dir) == NULL, "mkdtemp");
    setenv("HOME", t->dir, 1);
    const char *names[][2] = {
        {"XDG_CONFIG_HOME", ".config"}, {"XDG_STATE_HOME", ".local/state"}, {"XDG_RUNTIME_DIR", "run"}};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        MT_CLEANUP(xfree) char *path = path_join(t->dir, names[i][1]);
        must(fs_mkdirs(path, 0700, NULL), path);
        setenv(names[i][0], path, 1);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(CLEAR); i++) {
        unsetenv(CLEAR[i]);
    }
    struct error err = ERROR_INIT;
    if (paths_init(&t->paths, "test", &err) < 0) {
        fprintf(stderr, "paths: %s\n", err.msg);
        abort();
    }
}

void temphome_close(struct temphome *t)
{
    paths_release(&t->paths);
    must(fs_remove_tree(t->dir, NULL), "remove home");
}

void temphome_mkdir(const struct temphome *t, const char *rel)
{
    MT_CLEANUP(xfree) char *path = path_join(t->dir, rel);
    must(fs_mkdirs(path, 0755, NULL), path);
}

void temphome_write(const struct temphome *t, const char *rel, const char *text)
{
    MT_CLEANUP(xfree) char *path = path_join(t->dir, rel);
    MT_CLEANUP(xfree) char *dir = xstrdup(path);
    *strrchr(dir, '/') = '\0';
    must(fs_mkdirs(dir, 0755, NULL), dir);
    FILE *f = fopen(path, "w");
    must(f == NULL, path);
    fputs(text, f);
    fclose(f);
}
