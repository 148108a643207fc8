/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/manifest_tree.h"

#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define NODES_MAX 4096
#define DEPTH_MAX 12

struct reader {
    yaml_parser_t parser;
    const char *name;
    size_t count;
};

void manifest_tree_free(struct node *n)
{
    while (n != NULL) {
        struct node *next = n->next;
        manifest_tree_free(n->first);
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
            manifest_tree_free(n);
            return fail_at(r, &ev->start_mark, "a NUL byte in a text", err);
        }
    } else {
        n->kind = ev->type == YAML_MAPPING_START_EVENT ? NODE_MAP : NODE_LIST;
        if (read_children(r, n, depth + 1, err) < 0) {
            manifest_tree_free(n);
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
                manifest_tree_free(key);
                return rc;
            }
        }
        if (read_next(r, depth, &n, err) < 0) {
            manifest_tree_free(key);
            return -1;
        }
        if (n == NULL) {
            manifest_tree_free(key);
            return 0;
        }
        if (key != NULL) {
            n->key = key->value;
            key->value = NULL;
            n->line = key->line;
            manifest_tree_free(key);
        }
        add_child(parent, n);
    }
}

int manifest_tree_read(const char *text, size_t len, const char *name, struct node **root, struct error *err)
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
        manifest_tree_free(*root);
        *root = NULL;
    }
    return rc;
}
