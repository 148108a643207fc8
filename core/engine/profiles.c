/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/profiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/engine/naming.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define SCRIPT_MAX (4u << 20)
#define DEPTH_MAX 16
/* A manifest for all profiles without one of their own: no profile. */
#define BASE_MANIFEST "base-sandbox"

/* CONFIG/sandbox.d/container/<rest>. Caller frees. */
static char *profile_path(const struct paths *paths, const char *rest)
{
    return xasprintf("%s/sandbox.d/container/%s", paths->config, rest);
}

/* Adds "<hex>  <name>" of every regular file below a folder. */
static int add_lines(const char *path, const char *name, int depth, struct strvec *lines, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (depth > DEPTH_MAX) {
        return error_set(err, ERROR_INVALID, "%s: folders are nested too deeply", path);
    }
    if (fs_list(path, &names, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *child = path_join(path, names.v[i]);
        MT_CLEANUP(xfree) char *below = path_join(name, names.v[i]);
        struct stat st;
        char hex[HASH_HEX_LEN + 1];
        if (lstat(child, &st) != 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            if (add_lines(child, below, depth + 1, lines, err) < 0) {
                return -1;
            }
            continue;
        }
        if (hash_sha256_file(child, hex, err) < 0) {
            return -1;
        }
        strvec_pushf(lines, "%s\n%s  %s\n", below, hex, below); /* the path in front, to sort by */
    }
    return 0;
}

/* P5: the hash over the lines of script and lib, sorted by path. */
static int compute_rev(struct profile *p, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec lines = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char hex[HASH_HEX_LEN + 1];
    if (hash_sha256_file(p->script, hex, err) < 0 || add_lines(p->lib, "lib", 0, &lines, err) < 0) {
        return -1;
    }
    const char *base = path_base(p->script);
    strvec_pushf(&lines, "%s\n%s  %s\n", base, hex, base);
    strvec_sort(&lines);
    for (size_t i = 0; i < lines.len; i++) {
        strbuf_addstr(&text, strchr(lines.v[i], '\n') + 1);
    }
    hash_sha256_hex(text.buf, text.len, p->rev);
    return 0;
}

/* Script and lib of a profile, each of which must be there (P1); base has none. */
static int find_script(struct profile *p, const struct paths *paths, struct error *err)
{
    static const char HINT[] = "see `muthr-tui profiles` for those that exist; a script may be empty";
    MT_CLEANUP(xfree) char *rest = xasprintf("provision.d/%s.sh", p->name);
    p->script = profile_path(paths, rest);
    if (!fs_exists(p->script)) {
        int rc =
            strcmp(p->name, "base") == 0
                ? 0
                : error_hint(err, ERROR_NOT_FOUND, HINT, "profile %s has no script: %s is missing", p->name, p->script);
        free(p->script);
        p->script = NULL;
        return rc;
    }
    p->lib = profile_path(paths, "provision.d/lib");
    if (!fs_is_dir(p->lib)) {
        return error_hint(err, ERROR_NOT_FOUND, HINT, "profile %s cannot run: the folder %s is missing", p->name,
                          p->lib);
    }
    return compute_rev(p, err);
}

/* X1: a manifest that names no agent has that of the shipped one of its name: those published with muthr have none. */
static void take_shipped_agent(struct profile *p, const struct paths *paths)
{
    MT_CLEANUP(xfree) char *path = xasprintf("%s/profiles/manifests/%s.yaml", paths->data, p->name);
    struct manifest shipped;
    struct error ignored = ERROR_INIT;
    manifest_init(&shipped);
    if (p->manifest.agent.len == 0 && manifest_load(&shipped, path, &ignored) == 0) {
        strvec_pushv(&p->manifest.agent, (const char *const *)shipped.agent.v);
        manifest_release(&shipped);
    }
}

/* The profile's manifest, else the one for all that have none; neither has to be there. */
static int find_manifest(struct profile *p, const struct paths *paths, struct error *err)
{
    const char *const names[] = {p->name, BASE_MANIFEST};
    for (size_t i = 0; i < MT_ARRAY_LEN(names); i++) {
        MT_CLEANUP(xfree) char *rest = xasprintf("manifests/%s.yaml", names[i]);
        MT_CLEANUP(xfree) char *path = profile_path(paths, rest);
        struct error why = ERROR_INIT;
        if (manifest_load(&p->manifest, path, &why) == 0) {
            return 0;
        }
        if (why.code != ERROR_NOT_FOUND) {
            if (err != NULL) {
                *err = why;
            }
            return -1;
        }
    }
    return 0;
}

/* A folder that an image can be built from. */
static void find_containerfile(struct profile *p, const struct paths *paths)
{
    MT_CLEANUP(xfree) char *rest = xasprintf("images/%s", p->name);
    char *dir = profile_path(paths, rest);
    MT_CLEANUP(xfree) char *file = path_join(dir, "Containerfile");
    if (fs_exists(file)) {
        p->containerfile = dir;
    } else {
        free(dir);
    }
}

int profile_load(struct profile *p, const struct paths *paths, const char *name, struct error *err)
{
    memset(p, 0, sizeof(*p));
    manifest_init(&p->manifest);
    if (naming_check_word(name, "profile", err) < 0) {
        return -1;
    }
    if (naming_is_infrastructure(name)) {
        return error_set(err, ERROR_INVALID, "profile %s belongs to muthr's own services, not to sandboxes", name);
    }
    p->name = xstrdup(name);
    if (find_manifest(p, paths, err) < 0 || find_script(p, paths, err) < 0) {
        profile_release(p);
        return -1;
    }
    take_shipped_agent(p, paths);
    find_containerfile(p, paths);
    return 0;
}

int profile_load_service(struct profile *p, const struct paths *paths, const char *name, struct error *err)
{
    memset(p, 0, sizeof(*p));
    manifest_init(&p->manifest);
    p->name = xstrdup(name);
    if (find_script(p, paths, err) < 0) {
        profile_release(p);
        return -1;
    }
    return 0;
}

void profile_release(struct profile *p)
{
    free(p->name);
    free(p->script);
    free(p->lib);
    free(p->containerfile);
    manifest_release(&p->manifest);
    memset(p, 0, sizeof(*p));
    manifest_init(&p->manifest);
}

/* Copies one shipped file unless it was installed once or is there. */
static int install_file(const char *from, const char *to, const char *rel, struct strvec *done, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
    struct stat st;
    if (strvec_index(done, rel) >= 0) {
        return 0;
    }
    if (lstat(to, &st) != 0) {
        mode_t mode = stat(from, &st) == 0 ? st.st_mode & 0777 : 0644;
        MT_CLEANUP(xfree) char *dir = xstrndup(to, (size_t)(path_base(to) - to));
        if (fs_read(from, SCRIPT_MAX, &data, err) < 0 || fs_mkdirs(dir, 0755, err) < 0 ||
            fs_write_atomic(to, data.buf, data.len, mode, err) < 0) {
            return -1;
        }
    }
    strvec_push(done, rel);
    return 0;
}

/* Is there a manifest for all profiles without one, in the folder of manifests? */
static bool has_base_manifest(const char *dir)
{
    MT_CLEANUP(xfree) char *path = path_join(dir, BASE_MANIFEST ".yaml");
    return fs_exists(path);
}

/* One folder of shipped files into its place. */
static int install_dir(const char *from, const char *to, const char *rel, int depth, struct strvec *done,
                       struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (depth > DEPTH_MAX || fs_list(from, &names, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *source = path_join(from, names.v[i]);
        MT_CLEANUP(xfree) char *target = path_join(to, names.v[i]);
        MT_CLEANUP(xfree) char *below = path_join(rel, names.v[i]);
        if (strcmp(below, "manifests/base.yaml") == 0 && has_base_manifest(to)) {
            continue; /* the user's own says what base is */
        }
        int rc = fs_is_dir(source) ? install_dir(source, target, below, depth + 1, done, err)
                                   : install_file(source, target, below, done, err);
        if (rc < 0) {
            return -1;
        }
    }
    return 0;
}

int profiles_install(const struct paths *paths, struct error *err)
{
    static const char *const FOLDERS[] = {"provision.d", "manifests"};
    MT_CLEANUP(xfree) char *list = path_join(paths->state, "installed-profiles");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec done = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    fs_read(list, 1u << 20, &text, &ignored);
    for (char *line = text.buf, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        strvec_push(&done, line);
    }
    size_t before = done.len;
    for (size_t i = 0; i < MT_ARRAY_LEN(FOLDERS); i++) {
        MT_CLEANUP(xfree) char *from = xasprintf("%s/profiles/%s", paths->data, FOLDERS[i]);
        MT_CLEANUP(xfree) char *to = profile_path(paths, FOLDERS[i]);
        if (install_dir(from, to, FOLDERS[i], 0, &done, err) < 0) {
            return -1;
        }
    }
    if (done.len == before) {
        return 0;
    }
    strbuf_clear(&text);
    for (size_t i = 0; i < done.len; i++) {
        strbuf_addf(&text, "%s\n", done.v[i]);
    }
    return fs_mkdirs(paths->state, 0700, err) < 0 ? -1 : fs_write_atomic(list, text.buf, text.len, 0600, err);
}

/* Adds the name in front of a suffix, once. */
static void add_name(struct strvec *names, const char *file, const char *suffix)
{
    size_t len = strlen(file), end = strlen(suffix);
    if (len <= end || strcmp(file + len - end, suffix) != 0) {
        return;
    }
    MT_CLEANUP(xfree) char *name = xstrndup(file, len - end);
    if (naming_check_word(name, "profile", NULL) == 0 && !naming_is_infrastructure(name) &&
        strvec_index(names, name) < 0) {
        strvec_push(names, name);
    }
}

size_t profiles_list(const struct paths *paths, struct profile_entry **out)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT, files = STRVEC_INIT;
    MT_CLEANUP(xfree) char *scripts = profile_path(paths, "provision.d"), *manifests = profile_path(paths, "manifests");
    struct error ignored = ERROR_INIT;
    fs_list(scripts, &files, &ignored);
    for (size_t i = 0; i < files.len; i++) {
        add_name(&names, files.v[i], ".sh");
    }
    strvec_clear(&files);
    fs_list(manifests, &files, &ignored);
    for (size_t i = 0; i < files.len; i++) {
        if (strcmp(files.v[i], BASE_MANIFEST ".yaml") != 0) {
            add_name(&names, files.v[i], ".yaml");
        }
    }
    strvec_sort(&names);
    struct profile_entry *list = xcalloc(names.len + 1, sizeof(*list));
    for (size_t i = 0; i < names.len; i++) {
        struct profile p;
        struct error why = ERROR_INIT;
        MT_CLEANUP(xfree) char *shipped = xasprintf("%s/profiles/manifests/%s.yaml", paths->data, names.v[i]);
        list[i].name = xstrdup(names.v[i]);
        list[i].shipped = fs_exists(shipped);
        strvec_init(&list[i].warnings);
        if (profile_load(&p, paths, names.v[i], &why) < 0) {
            list[i].description = xstrdup(why.msg); /* what is wrong with it stands where it is chosen */
            list[i].path = xstrdup(manifests);
            list[i].broken = true;
            continue;
        }
        list[i].description = xstrdup(p.manifest.description != NULL ? p.manifest.description : "");
        list[i].agent = p.manifest.agent.len > 0 ? xstrdup(p.manifest.agent.v[0]) : NULL;
        list[i].path = p.script != NULL ? xstrdup(p.script) : xasprintf("%s/%s.yaml", manifests, names.v[i]);
        strvec_pushv(&list[i].warnings, (const char *const *)p.manifest.warnings.v);
        profile_release(&p);
    }
    *out = list;
    return names.len;
}

void profile_list_free(struct profile_entry *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(list[i].name);
        free(list[i].description);
        free(list[i].agent);
        free(list[i].path);
        strvec_release(&list[i].warnings);
    }
    free(list);
}

/* ~/.cache/muthr/<sandbox>-profiles. Caller frees. */
static char *record_path(const struct paths *paths, const char *sandbox)
{
    return xasprintf("%s/%s-profiles", paths->cache, sandbox);
}

bool profiles_recorded(const struct paths *paths, const char *sandbox, const char *profile)
{
    MT_CLEANUP(xfree) char *path = record_path(paths, sandbox);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    if (fs_read(path, 1u << 20, &text, &ignored) < 0) {
        return false;
    }
    for (const char *line = text.buf; *line != '\0';) {
        size_t n = strcspn(line, "\r\n");
        if (n > 0 && (profile == NULL || (strlen(profile) == n && memcmp(profile, line, n) == 0))) {
            return true;
        }
        line += n + (line[n] != '\0' ? 1 : 0);
    }
    return false;
}

int profiles_record(const struct paths *paths, const char *sandbox, const char *profile, struct error *err)
{
    if (profiles_recorded(paths, sandbox, profile)) {
        return 0;
    }
    MT_CLEANUP(xfree) char *path = record_path(paths, sandbox);
    MT_CLEANUP(xfree) char *line = xasprintf("%s\n", profile);
    return fs_mkdirs(paths->cache, 0700, err) < 0 ? -1 : fs_append(path, line, strlen(line), 0644, err);
}

int profiles_forget(const struct paths *paths, const char *sandbox, struct error *err)
{
    MT_CLEANUP(xfree) char *path = record_path(paths, sandbox);
    return unlink(path) == 0 || errno == ENOENT ? 0 : error_sys(err, errno, "%s", path);
}
