/* SPDX-License-Identifier: Apache-2.0 */
#include <stdint.h>

#include "core/util/toml.h"
#include "core/util/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What every tree must be, whatever the input: keys only in tables, strings valid, the chain of children complete. */
static void check_tree(const struct toml *t)
{
    const struct toml *last = NULL;
    if (t->line < 1 || t->col < 1) {
        MT_BUG("a node without a place");
    }
    if (t->type == TOML_STRING && !utf8_is_valid(t->string, strlen(t->string))) {
        MT_BUG("a string that is not UTF-8");
    }
    for (const struct toml *c = t->first; c; c = c->next) {
        if ((c->key != NULL) != (t->type == TOML_TABLE)) {
            MT_BUG("a key in the wrong place");
        }
        if (c->key && toml_get(t, c->key) != c) {
            MT_BUG("a key that stands twice");
        }
        check_tree(c);
        last = c;
    }
    if (t->last != last) {
        MT_BUG("a broken list");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct toml *t = toml_parse((const char *)data, size, "f.toml", &err);
    if (t) {
        check_tree(t);
        toml_free(t);
    } else if (err.code != ERROR_PARSE || strncmp(err.msg, "f.toml:", 7) != 0) {
        MT_BUG("an error without a place: %s", err.msg);
    }
    return 0;
}
