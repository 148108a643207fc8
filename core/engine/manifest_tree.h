/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_MANIFEST_TREE_H
#define MT_CORE_ENGINE_MANIFEST_TREE_H

/* YAML text to a small tree with the place of each node: mappings, lists and scalars; no aliases, hence nothing that
 * grows while it is read; bounded depth and count. The only place of yaml.h. For manifest.c. */

#include <stddef.h>

#include "core/util/error.h"

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node {
    enum node_kind kind;
    char *key;     /* in a mapping, else NULL */
    char *value;   /* of a scalar, else NULL; without NUL bytes */
    int line, col; /* from 1; the line is that of the key */
    struct node *first, *last, *next;
};

/* Reads one document; *root is NULL for an empty one. Errors: PARSE as "name:line:col: what". Free with
 * manifest_tree_free. */
int manifest_tree_read(const char *text, size_t len, const char *name, struct node **root, struct error *err);
/* Frees a node, what is below it and its later siblings; NULL allowed. */
void manifest_tree_free(struct node *n);

#endif
