/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/manifest.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/model/config.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define BYTES_MAX (1u << 20)
#define NODES_MAX 4096
#define DEPTH_MAX 12

enum kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum kind kind;
    char *key;   /* in a map */
    char *value; /* of a scalar */
    int line, col;
    struct node *first, *last, *next;
};

struct reader {
    yaml_parser_t parser;
    const char *name;
    size_t count;
};

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

/* --- text to tree --- */

/* Frees a node, what is below it and its later siblings. Depth is bounded by the reader. */
static void free_nodes(struct node *n)
{
    while (n != NULL) {
        struct node *next = n->next;
        free_nodes(n->first);
        free(n->key);
        free(n->value);
        free(n);
        n = next;
    }
}

/* "name:line:col: what" at an event. */
static int fail_at(const struct reader *r, const yaml_mark_t *mark, const char *what, struct error *err)
{
    return error_set(err, ERROR_PARSE, "%s:%d:%d: %s", r->name, (int)mark->line + 1, (int)mark->column + 1, what);
}

/* The next event; -1 with err on broken YAML. */
static int next_event(struct reader *r, yaml_event_t *ev, struct error *err)
{
    if (yaml_parser_parse(&r->parser, ev)) {
        return 0;
    }
    MT_CLEANUP(strbuf) struct strbuf what = STRBUF_INIT;
    const char *problem = r->parser.problem != NULL ? r->parser.problem : "not YAML";
    utf8_sanitize(&what, problem, strlen(problem), false);
    return fail_at(r, &r->parser.problem_mark, what.buf, err);
}

static int read_children(struct reader *r, struct node *parent, int depth, struct error *err);

/* Makes the node that an event begins, with all below it. *out stays NULL at the end of a collection. */
static int read_node(struct reader *r, yaml_event_t *ev, int depth, struct node **out, struct error *err)
{
    *out = NULL;
    if (ev->type == YAML_ALIAS_EVENT) {
        return fail_at(r, &ev->start_mark, "aliases (*name) are not allowed here", err);
    }
    if (ev->type != YAML_SCALAR_EVENT && ev->type != YAML_SEQUENCE_START_EVENT &&
        ev->type != YAML_MAPPING_START_EVENT) {
        return 0;
    }
    if (++r->count > NODES_MAX || depth > DEPTH_MAX) {
        return fail_at(r, &ev->start_mark, "too much in one manifest", err);
    }
    struct node *n = xcalloc(1, sizeof(*n));
    n->line = (int)ev->start_mark.line + 1;
    n->col = (int)ev->start_mark.column + 1;
    if (ev->type == YAML_SCALAR_EVENT) {
        n->value = xstrndup((const char *)ev->data.scalar.value, ev->data.scalar.length);
        if (strlen(n->value) != ev->data.scalar.length) {
            free_nodes(n);
            return fail_at(r, &ev->start_mark, "a NUL byte in a text", err);
        }
    } else {
        n->kind = ev->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
        if (read_children(r, n, depth + 1, err) < 0) {
            free_nodes(n);
            return -1;
        }
    }
    *out = n;
    return 0;
}

/* Reads one event and the node it begins. */
static int read_next(struct reader *r, int depth, struct node **out, struct error *err)
{
    yaml_event_t ev;
    if (next_event(r, &ev, err) < 0) {
        return -1;
    }
    int rc = read_node(r, &ev, depth, out, err);
    yaml_event_delete(&ev);
    return rc;
}

/* Adds a child, in order. */
static void add_child(struct node *parent, struct node *child)
{
    if (parent->last != NULL) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
}

/* All children of a list or map, up to its end event. */
static int read_children(struct reader *r, struct node *parent, int depth, struct error *err)
{
    for (;;) {
        struct node *n = NULL, *key = NULL;
        if (parent->kind == NODE_MAP) {
            if (read_next(r, depth, &key, err) < 0) {
                return -1;
            }
            if (key == NULL) {
                return 0;
            }
            if (key->kind != NODE_SCALAR) {
                int rc = error_set(err, ERROR_PARSE, "%s:%d:%d: a key must be text", r->name, key->line, key->col);
                free_nodes(key);
                return rc;
            }
        }
        if (read_next(r, depth, &n, err) < 0) {
            free_nodes(key);
            return -1;
        }
        if (n == NULL) {
            free_nodes(key);
            return 0;
        }
        if (key != NULL) {
            n->key = key->value;
            key->value = NULL;
            n->line = key->line;
            free_nodes(key);
        }
        add_child(parent, n);
    }
}

/* The whole document; NULL root for an empty one. */
static int read_document(const char *text, size_t len, const char *name, struct node **root, struct error *err)
{
    struct reader r = {.name = name};
    *root = NULL;
    if (!yaml_parser_initialize(&r.parser)) {
        return error_set(err, ERROR_SYS, "%s: no memory for the YAML parser", name);
    }
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    int rc = 0;
    for (bool end = false; rc == 0 && !end;) {
        yaml_event_t ev;
        rc = next_event(&r, &ev, err);
        if (rc < 0) {
            break;
        }
        end = ev.type == YAML_STREAM_END_EVENT;
        if (*root != NULL && ev.type == YAML_DOCUMENT_START_EVENT) {
            rc = fail_at(&r, &ev.start_mark, "only one document is allowed", err);
        } else if (*root == NULL) {
            rc = read_node(&r, &ev, 0, root, err);
        }
        yaml_event_delete(&ev);
    }
    yaml_parser_delete(&r.parser);
    if (rc < 0) {
        free_nodes(*root);
        *root = NULL;
    }
    return rc;
}

/* --- tree to manifest --- */

struct taker {
    struct manifest *m;
    const char *name;
    struct error *err;
};

/* One known key. */
struct entry {
    const char *key;
    enum kind kind;
    int (*take)(struct taker *t, const struct node *n);
};

/* "file:line:col: key: what". */
static int refuse(struct taker *t, const struct node *n, const char *what)
{
    return error_set(t->err, ERROR_INVALID, "%s:%d:%d: %s: %s", t->name, n->line, n->col,
                     n->key != NULL ? n->key : "entry", what);
}

/* A line that does not stop anything. */
static void warn_unknown(struct taker *t, const struct node *n)
{
    MT_CLEANUP(strbuf) struct strbuf key = STRBUF_INIT;
    utf8_sanitize(&key, n->key, MT_MIN(strlen(n->key), (size_t)80), false);
    strvec_pushf(&t->m->warnings, "%s:%d: %s: unknown key", t->name, n->line, key.buf);
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
        if (e == NULL) {
            warn_unknown(t, n);
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

static int take_image(struct taker *t, const struct node *n)
{
    return set_text(&t->m->image, n->value);
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

/* A number in a range. */
static int take_number(struct taker *t, const struct node *n, double min, double max, double *out)
{
    char *end;
    double value = strtod(n->value, &end);
    if (end == n->value || *end != '\0' || !(value >= min && value <= max)) {
        char what[96];
        str_format(what, sizeof(what), "expected a number between %.15g and %.15g", min, max);
        return refuse(t, n, what);
    }
    *out = value;
    return 0;
}

static int take_cpus(struct taker *t, const struct node *n)
{
    return take_number(t, n, 0, 4096, &t->m->cpus);
}

static int take_memory(struct taker *t, const struct node *n)
{
    struct error why = ERROR_INIT;
    if (config_parse_size(n->value, &t->m->memory_bytes, &why) < 0) {
        return refuse(t, n, why.msg);
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

static int take_resources(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {
        {"cpus", NODE_SCALAR, take_cpus}, {"memory", NODE_SCALAR, take_memory}, {"pids", NODE_SCALAR, take_pids}};
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

static int take_security(struct taker *t, const struct node *n)
{
    static const struct entry KEYS[] = {{"network", NODE_SCALAR, take_network}, {"seal", NODE_SCALAR, take_seal}};
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
    return take_texts(t, n, &t->m->ports);
}

int manifest_parse(struct manifest *m, const char *text, size_t len, const char *name, struct error *err)
{
    static const struct entry KEYS[] = {
        {"name", NODE_SCALAR, take_name},        {"description", NODE_SCALAR, take_description},
        {"image", NODE_SCALAR, take_image},      {"agent", NODE_MAP, take_agent},
        {"resources", NODE_MAP, take_resources}, {"security", NODE_MAP, take_security},
        {"mounts", NODE_MAP, take_mounts},       {"mounts", NODE_LIST, take_mount_list},
        {"ports", NODE_LIST, take_ports},
    };
    struct taker t = {.m = m, .name = name, .err = err};
    struct node *root;
    manifest_init(m);
    if (read_document(text, len, name, &root, err) < 0) {
        return -1;
    }
    int rc = 0;
    if (root != NULL && root->kind == NODE_MAP) {
        rc = take_map(&t, root, KEYS, MT_ARRAY_LEN(KEYS));
    } else if (root != NULL) {
        rc = error_set(err, ERROR_INVALID, "%s:1:1: a manifest is a mapping of keys", name);
    }
    free_nodes(root);
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
    return manifest_parse(m, text.buf, text.len, path, err);
}
