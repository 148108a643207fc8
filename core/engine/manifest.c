/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/manifest_tree.h"
#include "core/model/config.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define BYTES_MAX (1u << 20)
#define MEMORY_MIN (16u << 20)

static const char *const KIND_NAMES[] = {"text", "a list", "a mapping"};

void manifest_init(struct manifest *m)
{
    memset(m, 0, sizeof(*m));
    strvec_init(&m->agent);
    strvec_init(&m->ports);
    strvec_init(&m->warnings);
}

void manifest_release(struct manifest *m)
{
    free(m->name);
    free(m->description);
    free(m->image);
    free(m->backend);
    free(m->workspace_mount);
    for (size_t i = 0; i < m->mount_count; i++) {
        free(m->mounts[i].source);
        free(m->mounts[i].target);
    }
    free(m->mounts);
    strvec_release(&m->agent);
    strvec_release(&m->ports);
    strvec_release(&m->warnings);
    manifest_init(m);
}

struct taker {
    struct manifest *m;
    const char *name;
    struct error *err;
};

/* One known key. */
struct entry {
    const char *key;
    enum node_kind kind;
    int (*take)(struct taker *t, const struct node *n);
};

/* "file:line:col: key: what". */
static int refuse(struct taker *t, const struct node *n, const char *what)
{
    return error_set(t->err, ERROR_INVALID, "%s:%d:%d: %s: %s", t->name, n->line, n->col,
                     n->key != NULL ? n->key : "entry", what);
}

/* A line that does not stop anything. */
static void warn(struct taker *t, const struct node *n, const char *what)
{
    MT_CLEANUP(strbuf) struct strbuf key = STRBUF_INIT;
    utf8_sanitize(&key, n->key, MT_MIN(strlen(n->key), (size_t)80), false);
    strvec_pushf(&t->m->warnings, "%s:%d: %s: %s", t->name, n->line, key.buf, what);
}

/* Does a later sibling have the same key? The last one counts. */
static bool is_given_again(const struct node *n)
{
    for (const struct node *other = n->next; other != NULL; other = other->next) {
        if (strcmp(other->key, n->key) == 0) {
            return true;
        }
    }
    return false;
}

/* Goes through a mapping with a table of its keys. */
static int take_map(struct taker *t, const struct node *map, const struct entry *entries, size_t count)
{
    for (const struct node *n = map->first; n != NULL; n = n->next) {
        const struct entry *e = NULL;
        for (size_t i = 0; i < count; i++) {
            if (strcmp(entries[i].key, n->key) == 0 && (e == NULL || entries[i].kind == n->kind)) {
                e = &entries[i];
            }
        }
        if (e == NULL || is_given_again(n)) {
            warn(t, n, e == NULL ? "unknown key" : "given again below, where it counts");
            continue;
        }
        if (e->kind != n->kind) {
            char what[80];
            str_format(what, sizeof(what), "expected %s, found %s", KIND_NAMES[e->kind], KIND_NAMES[n->kind]);
            return refuse(t, n, what);
        }
        if (e->take(t, n) < 0) {
            return -1;
        }
    }
    return 0;
}

/* Texts of a list. */
static int take_texts(struct taker *t, const struct node *list, struct strvec *out)
{
    for (const struct node *n = list->first; n != NULL; n = n->next) {
        if (n->kind != NODE_SCALAR) {
            return refuse(t, n, "expected text");
        }
        strvec_push(out, n->value);
    }
    return 0;
}

/* Replaces a text field. */
static int set_text(char **field, const char *value)
{
    free(*field);
    *field = xstrdup(value);
    return 0;
}

static int take_name(struct taker *t, const struct node *n)
{
    return set_text(&t->m->name, n->value);
}

static int take_description(struct taker *t, const struct node *n)
{
    free(t->m->description);
    struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, n->value, MT_MIN(strlen(n->value), (size_t)400), false);
    t->m->description = strbuf_detach(&clean, NULL);
    return 0;
}

/* A reference as registries know them: no space, no control character, not an option. */
static int take_image(struct taker *t, const struct node *n)
{
    static const char ALLOWED[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/:@+";
    size_t len = strlen(n->value);
    if (len == 0 || len > 255 || n->value[0] == '-' || strspn(n->value, ALLOWED) != len) {
        return refuse(t, n, "not a reference of an image, as in debian:13-slim");
    }
    return set_text(&t->m->image, n->value);
}

static int take_backend(struct taker *t, const struct node *n)
{
    size_t len = strlen(n->value);
    if (len == 0 || len > 15 || strspn(n->value, "abcdefghijklmnopqrstuvwxyz0123456789-") != len) {
        return refuse(t, n, "expected auto or a backend that `muthr-tui doctor` lists");
    }
    return set_text(&t->m->backend, n->value);
}

static int take_command(struct taker *t, const struct node *n)
{
    strvec_clear(&t->m->agent);
    return take_texts(t, n, &t->m->agent);
}

static int take_command_text(struct taker *t, const struct node *n)
{
    strvec_clear(&t->m->agent);
    if (n->value[0] != '\0') {
        strvec_push(&t->m->agent, n->value);
    }
    return 0;
}

static int take_agent(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {{"command", NODE_LIST, take_command},
                                        {"command", NODE_SCALAR, take_command_text}};
    return take_map(t, n, KEYS, MT_ARRAY_LEN(KEYS));
}

/* A number of the plain decimal kind (not 0x.., inf, nan). */
static bool read_number(const char *text, double *out)
{
    size_t len = strlen(text);
    char *end;
    if (len == 0 || len > 20 || strspn(text, "0123456789.") != len) {
        return false;
    }
    *out = strtod(text, &end);
    return *end == '\0';
}

/* A number in a range. */
static int take_number(struct taker *t, const struct node *n, double min, double max, double *out)
{
    double value;
    if (!read_number(n->value, &value) || !(value >= min && value <= max)) {
        char what[96];
        str_format(what, sizeof(what), "expected a number between %.15g and %.15g", min, max);
        return refuse(t, n, what);
    }
    *out = value;
    return 0;
}

static int take_cpus(struct taker *t, const struct node *n)
{
    return take_number(t, n, 0.01, 4096, &t->m->cpus);
}

static int take_memory(struct taker *t, const struct node *n)
{
    struct error why = ERROR_INIT;
    if (config_parse_size(n->value, &t->m->memory_bytes, &why) < 0) {
        return refuse(t, n, why.msg);
    }
    if (t->m->memory_bytes < MEMORY_MIN) {
        return refuse(t, n, "less than 16M cannot run anything");
    }
    return 0;
}

static int take_pids(struct taker *t, const struct node *n)
{
    double value;
    if (take_number(t, n, 16, 4194304, &value) < 0) {
        return -1;
    }
    t->m->pids = (unsigned)value;
    return 0;
}

static int take_cpu_seconds(struct taker *t, const struct node *n)
{
    double value;
    if (take_number(t, n, 1, 1e9, &value) < 0) {
        return -1;
    }
    t->m->cpu_seconds = (unsigned)value;
    return 0;
}

static int take_resources(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {{"cpus", NODE_SCALAR, take_cpus},
                                        {"memory", NODE_SCALAR, take_memory},
                                        {"pids", NODE_SCALAR, take_pids},
                                        {"cpu_seconds", NODE_SCALAR, take_cpu_seconds}};
    return take_map(t, n, KEYS, MT_ARRAY_LEN(KEYS));
}

static int take_network(struct taker *t, const struct node *n)
{
    struct error why = ERROR_INIT;
    if (net_policy_parse(n->value, &t->m->network, &why) < 0) {
        return refuse(t, n, why.msg);
    }
    if (t->m->network == NET_SHARED) { /* giving up isolation is a person's choice, never a file's */
        return refuse(t, n, "shared cannot be set by a profile: choose it when starting, or in the configuration");
    }
    t->m->have_network = true;
    return 0;
}

static int take_seal(struct taker *t, const struct node *n)
{
    if (strcmp(n->value, "warn") != 0 && strcmp(n->value, "strict") != 0) {
        return refuse(t, n, "expected warn or strict");
    }
    t->m->seal_warn = strcmp(n->value, "warn") == 0;
    return 0;
}

static int take_workspace_mode(struct taker *t, const struct node *n)
{
    bool overlay = strcmp(n->value, "overlay") == 0;
    if (!overlay && strcmp(n->value, "direct") != 0) {
        return refuse(t, n, "expected direct or overlay");
    }
    t->m->workspace_mode = overlay ? WORKSPACE_OVERLAY : WORKSPACE_DIRECT;
    return 0;
}

static int take_writable_root(struct taker *t, const struct node *n)
{
    bool yes = strcmp(n->value, "true") == 0 || strcmp(n->value, "yes") == 0;
    if (!yes && strcmp(n->value, "false") != 0 && strcmp(n->value, "no") != 0) {
        return refuse(t, n, "expected true or false");
    }
    t->m->writable_root = yes;
    return 0;
}

static int take_gpu(struct taker *t, const struct node *n)
{
    struct error why = ERROR_INIT;
    return gpu_tier_parse(n->value, &t->m->gpu, &why) < 0 ? refuse(t, n, "expected none, mps-only or metal-compute")
                                                          : 0;
}

/* Ports of this machine that its programs may connect to. */
static int take_connect(struct taker *t, const struct node *n)
{
    t->m->connect_count = 0;
    for (const struct node *c = n->first; c != NULL; c = c->next) {
        double value;
        if (c->kind != NODE_SCALAR || !read_number(c->value, &value) || value < 1 || value > 65535 ||
            value != (double)(uint16_t)value) {
            return refuse(t, c, "expected a port, 1 to 65535");
        }
        if (t->m->connect_count == SANDBOX_CONNECT_MAX) {
            return refuse(t, c, "too many ports");
        }
        t->m->connect[t->m->connect_count++] = (uint16_t)value;
    }
    return 0;
}

static int take_security(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {{"network", NODE_SCALAR, take_network},
                                        {"seal", NODE_SCALAR, take_seal},
                                        {"connect", NODE_LIST, take_connect},
                                        {"workspace_mode", NODE_SCALAR, take_workspace_mode},
                                        {"writable_root", NODE_SCALAR, take_writable_root}};
    return take_map(t, n, KEYS, MT_ARRAY_LEN(KEYS));
}

/* A path with a ".." segment could lead anywhere. */
static bool has_dotdot(const char *path)
{
    for (const char *p = path; (p = strstr(p, "..")) != NULL; p += 2) {
        if ((p == path || p[-1] == '/') && (p[2] == '\0' || p[2] == '/')) {
            return true;
        }
    }
    return false;
}

/* Targets that would undo what a sandbox is made of. */
static bool is_system(const char *target)
{
    static const char *const TREES[] = {"/proc", "/sys", "/dev", "/run/muthr"};
    static const char *const FOLDERS[] = {"/usr", "/etc", "/bin", "/sbin", "/lib", "/lib64", "/home", "/run"};
    for (size_t i = 0; i < MT_ARRAY_LEN(TREES); i++) {
        if (path_is_below(target, TREES[i])) {
            return true;
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(FOLDERS); i++) {
        if (strcmp(target, FOLDERS[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* "source:target[:ro]" (S2). */
static int take_mount(struct taker *t, const struct node *n)
{
    const char *first = strchr(n->value, ':');
    if (n->kind != NODE_SCALAR || first == NULL) {
        return refuse(t, n, "expected source:target or source:target:ro");
    }
    const char *second = strchr(first + 1, ':');
    MT_CLEANUP(xfree) char *source = xstrndup(n->value, (size_t)(first - n->value));
    MT_CLEANUP(xfree)
    char *target = second != NULL ? xstrndup(first + 1, (size_t)(second - first - 1)) : xstrdup(first + 1);
    if (second != NULL && strcmp(second + 1, "ro") != 0 && strcmp(second + 1, "rw") != 0) {
        return refuse(t, n, "after the second colon only ro or rw may stand");
    }
    if ((source[0] != '/' && strncmp(source, "~/", 2) != 0) || has_dotdot(source)) {
        return refuse(t, n, "the source must be absolute or start with ~/, without ..");
    }
    if (target[0] != '/' || target[1] == '\0' || has_dotdot(target)) {
        return refuse(t, n, "the target must be absolute, without ..");
    }
    if (is_system(target)) {
        return refuse(t, n, "the target must not be, or lie in, a folder of the system");
    }
    t->m->mounts = xreallocarray(t->m->mounts, t->m->mount_count + 1, sizeof(*t->m->mounts));
    t->m->mounts[t->m->mount_count++] = (struct mount_spec){
        .source = source, .target = target, .read_only = second != NULL && second[1] == 'r' && second[2] == 'o'};
    source = target = NULL;
    return 0;
}

static int take_mount_list(struct taker *t, const struct node *n)
{
    for (const struct node *c = n->first; c != NULL; c = c->next) {
        if (c->kind != NODE_SCALAR) {
            return refuse(t, c, "expected source:target or source:target:ro");
        }
        if (take_mount(t, c) < 0) {
            return -1;
        }
    }
    return 0;
}

static int take_workspace(struct taker *t, const struct node *n)
{
    if (n->value[0] != '/' || n->value[1] == '\0' || has_dotdot(n->value)) {
        return refuse(t, n, "must be an absolute path, without ..");
    }
    if (is_system(n->value)) {
        return refuse(t, n, "must not be, or lie in, a folder of the system");
    }
    return set_text(&t->m->workspace_mount, n->value);
}

static int take_mounts(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {{"workspace", NODE_SCALAR, take_workspace},
                                        {"extra", NODE_LIST, take_mount_list}};
    return take_map(t, n, KEYS, MT_ARRAY_LEN(KEYS));
}

static int take_ports(struct taker *t, const struct node *n)
{
    for (const struct node *c = n->first; c != NULL; c = c->next) {
        struct error why = ERROR_INIT;
        struct port_spec port;
        if (c->kind != NODE_SCALAR) {
            return refuse(t, c, "expected text");
        }
        if (port_spec_parse(c->value, &port, &why) < 0) {
            return refuse(t, c, why.msg);
        }
        if (t->m->ports.len == SANDBOX_PORTS_MAX) {
            return refuse(t, c, "too many ports");
        }
        strvec_push(&t->m->ports, c->value);
    }
    return 0;
}

int manifest_parse(struct manifest *m, const char *text, size_t len, const char *name, struct error *err)
{
    static const struct entry KEYS[] = {
        {"name", NODE_SCALAR, take_name},
        {"profile", NODE_SCALAR, take_name},
        {"description", NODE_SCALAR, take_description},
        {"backend", NODE_SCALAR, take_backend},
        {"agent", NODE_SCALAR, take_command_text},
        {"agent", NODE_LIST, take_command},
        {"image", NODE_SCALAR, take_image},
        {"agent", NODE_MAP, take_agent},
        {"resources", NODE_MAP, take_resources},
        {"security", NODE_MAP, take_security},
        {"mounts", NODE_MAP, take_mounts},
        {"mounts", NODE_LIST, take_mount_list},
        {"ports", NODE_LIST, take_ports},
        {"gpu", NODE_SCALAR, take_gpu},
    };
    struct taker t = {.m = m, .name = name, .err = err};
    struct node *root;
    manifest_init(m);
    if (manifest_tree_read(text, len, name, &root, err) < 0) {
        return -1;
    }
    int rc = 0;
    if (root != NULL && root->kind == NODE_MAP) {
        rc = take_map(&t, root, KEYS, MT_ARRAY_LEN(KEYS));
    } else if (root != NULL) {
        rc = error_set(err, ERROR_INVALID, "%s:1:1: a manifest is a mapping of keys", name);
    }
    manifest_tree_free(root);
    if (rc < 0) {
        manifest_release(m);
    }
    return rc;
}

int manifest_load(struct manifest *m, const char *path, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    manifest_init(m);
    if (fs_read(path, BYTES_MAX, &text, err) < 0) {
        return -1;
    }
    /* A long path would push what is wrong out of the message. */
    return manifest_parse(m, text.buf, text.len, strlen(path) > 120 ? path_base(path) : path, err);
}
