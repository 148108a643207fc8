/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/preset.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/util/fs.h"
#include "core/util/ini.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define TEXT_MAX (64u << 10)
#define DEPTH_MAX 16
#define PRESETS_MAX 1000
#define ENTRIES_MAX 10000 /* of all folders together */

static const char WORD[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-.";

/* One walk through provider.d. */
struct walk {
    struct presets *out;
    size_t entries;
    struct {
        dev_t dev;
        ino_t ino;
    } above[DEPTH_MAX + 1]; /* folders that we are in: a link back to one of them is a loop */
};

int preset_check_model(const char *model, struct error *err)
{
    if (model[0] == '\0') {
        return error_set(err, ERROR_INVALID, "the model's name is empty");
    }
    for (const char *p = model; *p != '\0'; p++) {
        if (strchr(WORD, *p) == NULL && *p != ':' && *p != '/') {
            MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
            utf8_sanitize(&shown, model, MT_MIN(strlen(model), (size_t)80), false);
            return error_set(err, ERROR_INVALID, "the model's name \"%s\" may hold only letters, digits and . _ : / -",
                             shown.buf);
        }
    }
    if (model[0] == '-') {
        return error_set(err, ERROR_INVALID, "the model's name \"%.80s\" begins with -, like an option", model);
    }
    return 0;
}

int preset_check_host(const char *host, struct error *err)
{
    size_t len = strlen(host);
    for (size_t i = 0; i < len; i++) {
        if (strchr(WORD, host[i]) == NULL && host[i] != ':') {
            len = 0;
        }
    }
    if (len == 0 || len >= sizeof(((struct preset *)0)->host) || host[0] == '-') {
        return error_set(err, ERROR_INVALID, "the host is no address: letters, digits and . : _ -, at most 63");
    }
    return 0;
}

/* What is being read of one file. */
struct reading {
    struct preset *p;
    const char *name;
    char *models[3]; /* by key, in the order in which they count */
    int runtime_line, host_line, port_line;
    int model_lines[3];
};

/* A key that stands twice says two things. */
static int once(int *line, int now, const char *name, const char *key, struct error *err)
{
    if (*line != 0) {
        return error_set(err, ERROR_PARSE, "%s:%d: %s stands in line %d already", name, now, key, *line);
    }
    *line = now;
    return 0;
}

/* The keys that say which program. */
static int take_runtime(struct reading *r, const char *key, const char *value, int line, struct error *err)
{
    if (once(&r->runtime_line, line, r->name, key, err) < 0) {
        return -1;
    }
    if (strcmp(value, "mlxcel") != 0 && strcmp(value, "llama") != 0) {
        return error_set(err, ERROR_INVALID, "%s:%d: %s: \"%.40s\" is neither mlxcel nor llama", r->name, line, key,
                         value);
    }
    return str_copy(r->p->runtime, sizeof(r->p->runtime), value);
}

/* The port. */
static int take_port(struct reading *r, const char *value, int line, struct error *err)
{
    size_t len = strlen(value);
    if (once(&r->port_line, line, r->name, "port", err) < 0) {
        return -1;
    }
    r->p->port = len > 0 && len <= 5 && strspn(value, "0123456789") == len ? strtoll(value, NULL, 10) : 0;
    if (r->p->port < 1 || r->p->port > 65535) {
        return error_set(err, ERROR_INVALID, "%s:%d: port: \"%.40s\" is none (1 to 65535)", r->name, line, value);
    }
    return 0;
}

/* One entry of the file. */
static int on_entry(void *arg, const char *section, const char *key, const char *value, int line, struct error *err)
{
    static const char *const MODELS[] = {"model", "model_id", "profile"};
    struct reading *r = arg;
    struct error mine = ERROR_INIT;

    (void)section;
    for (size_t i = 0; i < MT_ARRAY_LEN(MODELS); i++) {
        if (strcmp(key, MODELS[i]) != 0) {
            continue;
        }
        if (once(&r->model_lines[i], line, r->name, key, err) < 0) {
            return -1;
        }
        r->models[i] = xstrdup(value);
        if (preset_check_model(value, &mine) < 0) {
            return error_set(err, ERROR_INVALID, "%s:%d: %s: %s", r->name, line, key, mine.msg);
        }
    }
    if (strcmp(key, "runtime") == 0 || strcmp(key, "engine_runtime") == 0) {
        return take_runtime(r, key, value, line, err);
    }
    if (strcmp(key, "port") == 0) {
        return take_port(r, value, line, err);
    }
    if (strcmp(key, "host") == 0) {
        if (once(&r->host_line, line, r->name, key, err) < 0) {
            return -1;
        }
        if (preset_check_host(value, &mine) < 0) {
            return error_set(err, ERROR_INVALID, "%s:%d: %s", r->name, line, mine.msg);
        }
        str_copy(r->p->host, sizeof(r->p->host), value);
    }
    return 0;
}

int preset_parse(struct preset *out, const char *text, size_t len, const char *name, struct error *err)
{
    struct reading r = {.p = out, .name = name};
    int rc = ini_parse(text, len, name, on_entry, &r, err);
    const char *model = "";

    for (size_t i = MT_ARRAY_LEN(r.models); i-- > 0;) {
        model = r.models[i] != NULL ? r.models[i] : model;
    }
    out->model = xstrdup(model);
    for (size_t i = 0; i < MT_ARRAY_LEN(r.models); i++) {
        free(r.models[i]);
    }
    if (rc == 0 && out->model[0] == '\0') {
        rc = error_set(err, ERROR_INVALID, "%s:1: no model: it says neither model nor model_id nor profile", name);
    }
    return rc;
}

/* A further entry of the list. */
static struct preset *add(struct walk *w, const char *rel)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    struct presets *p = w->out;
    p->v = xreallocarray(p->v, p->count + 1, sizeof(*p->v));
    struct preset *one = &p->v[p->count++];
    *one = (struct preset){.error = ERROR_INIT};
    utf8_sanitize(&clean, rel, strlen(rel), false);
    one->file = xstrdup(clean.buf);
    const char *base = path_base(one->file);
    size_t len = strlen(base);
    one->name = xstrndup(base, len > 4 && strcmp(base + len - 4, ".ini") == 0 ? len - 4 : len);
    return one;
}

/* An entry that is only an error. */
static void add_error(struct walk *w, const char *rel, const struct error *err)
{
    struct preset *one = add(w, rel);
    one->model = xstrdup("");
    one->error = *err;
}

/* One file. */
static void read_file(struct walk *w, const char *path, const char *rel)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct preset *one = add(w, rel);

    if (strspn(one->name, WORD) != strlen(one->name) || one->name[0] == '-' || strlen(one->name) > 63) {
        error_hint(&one->error, ERROR_INVALID, "rename the file: letters, digits and . _ -, at most 63",
                   "%s: its name cannot be a preset's", one->file);
    } else if (fs_read(path, TEXT_MAX, &text, &one->error) < 0) {
        (void)0; /* the error names the file */
    } else {
        preset_parse(one, text.buf, text.len, one->file, &one->error);
    }
    if (one->model == NULL) {
        one->model = xstrdup("");
    }
}

static void walk_folder(struct walk *w, const char *path, const char *rel, int depth);

/* Is it one of the folders that we are in? */
static bool is_above(const struct walk *w, const struct stat *st, int depth)
{
    for (int i = 0; i < depth; i++) {
        if (w->above[i].dev == st->st_dev && w->above[i].ino == st->st_ino) {
            return true;
        }
    }
    return false;
}

/* One name in a folder. */
static void walk_entry(struct walk *w, const char *path, const char *rel, int depth)
{
    size_t len = strlen(rel);
    bool ini = len > 4 && strcmp(rel + len - 4, ".ini") == 0;
    struct error err = ERROR_INIT;
    struct stat st;

    if (stat(path, &st) != 0) {
        if (ini || errno == ELOOP) { /* a link that leads nowhere, or round */
            error_sys(&err, errno, "%s", rel);
            add_error(w, rel, &err);
        }
    } else if (S_ISDIR(st.st_mode) && is_above(w, &st, depth)) {
        error_set(&err, ERROR_INVALID, "%s: a link back to a folder above it", rel);
        add_error(w, rel, &err);
    } else if (S_ISDIR(st.st_mode)) {
        walk_folder(w, path, rel, depth);
    } else if (ini) {
        read_file(w, path, rel);
    }
}

/* One folder, and those below it. `rel` is "" for provider.d itself. */
static void walk_folder(struct walk *w, const char *path, const char *rel, int depth)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error err = ERROR_INIT;
    struct stat st;

    if (depth >= DEPTH_MAX) {
        error_set(&err, ERROR_INVALID, "%s: more than %d folders deep", rel, DEPTH_MAX);
    } else if (fs_list(path, &names, &err) == 0 && stat(path, &st) == 0) {
        w->above[depth].dev = st.st_dev;
        w->above[depth].ino = st.st_ino;
    }
    if (err.code != ERROR_NONE) {
        if (depth > 0 || err.code != ERROR_NOT_FOUND) {
            add_error(w, rel[0] != '\0' ? rel : "provider.d", &err);
        }
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *below = path_join(path, names.v[i]);
        MT_CLEANUP(xfree) char *name = rel[0] != '\0' ? xasprintf("%s/%s", rel, names.v[i]) : xstrdup(names.v[i]);
        if (w->out->count >= PRESETS_MAX || ++w->entries > ENTRIES_MAX) {
            if (w->out->count == 0 || w->out->v[w->out->count - 1].error.code != ERROR_BUSY) {
                error_set(&err, ERROR_BUSY, "%s: too many files; the rest is not read", name);
                add_error(w, name, &err);
            }
            return;
        }
        walk_entry(w, below, name, depth + 1);
    }
}

/* qsort: by file. */
static int by_file(const void *a, const void *b)
{
    return strcmp(((const struct preset *)a)->file, ((const struct preset *)b)->file);
}

void presets_load(struct presets *p, const struct paths *paths)
{
    MT_CLEANUP(xfree) char *dir = path_join(paths->config, "provider.d");
    struct walk w = {.out = p};

    *p = PRESETS_INIT;
    walk_folder(&w, dir, "", 0);
    if (p->count > 1) {
        qsort(p->v, p->count, sizeof(*p->v), by_file);
    }
    for (size_t i = 0; i < p->count; i++) {
        for (size_t k = 0; k < p->count && p->v[i].twin == NULL; k++) {
            size_t len = strlen(p->v[k].file);
            bool file = len > 4 && strcmp(p->v[k].file + len - 4, ".ini") == 0;
            if (k != i && file && strcmp(p->v[k].name, p->v[i].name) == 0) {
                p->v[i].twin = p->v[k].file;
            }
        }
    }
}

void presets_release(struct presets *p)
{
    for (size_t i = 0; i < p->count; i++) {
        free(p->v[i].name);
        free(p->v[i].file);
        free(p->v[i].model);
    }
    free(p->v);
    *p = PRESETS_INIT;
}

/* Is that how the file was called, with or without its ending? */
static bool is_file(const struct preset *p, const char *name)
{
    size_t len = strlen(name), all = strlen(p->file);
    return strcmp(p->file, name) == 0 ||
           (all == len + 4 && strncmp(p->file, name, len) == 0 && strcmp(p->file + len, ".ini") == 0);
}

const struct preset *presets_find(const struct presets *p, const char *name, struct error *err)
{
    const struct preset *found = NULL;

    for (size_t i = 0; i < p->count && found == NULL; i++) {
        bool whole = is_file(&p->v[i], name) && (strchr(name, '/') != NULL || strstr(name, ".ini") != NULL);
        found = whole || strcmp(p->v[i].name, name) == 0 ? &p->v[i] : NULL;
        if (found != NULL && !whole && found->twin != NULL) {
            error_hint(err, ERROR_INVALID, "give the file instead, or rename one",
                       "two presets are called %s: %s and %s", found->name, found->file, found->twin);
            return NULL;
        }
    }
    if (found == NULL) {
        MT_CLEANUP(strbuf) struct strbuf shown = STRBUF_INIT;
        utf8_sanitize(&shown, name, MT_MIN(strlen(name), (size_t)80), false);
        error_hint(err, ERROR_NOT_FOUND, "`muthr-tui engine presets` lists them", "no preset is called \"%s\"",
                   shown.buf);
    } else if (found->error.code != ERROR_NONE) {
        if (err != NULL) {
            *err = found->error;
        }
        return NULL;
    }
    return found;
}
