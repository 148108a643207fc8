/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/toml.h"

#include "core/util/fs.h"
#include "core/util/toml_scan.h"
#include "core/util/xmalloc.h"

enum { MAX_NESTING = 32, MAX_FILE_BYTES = 4 << 20 };

struct parser {
    struct toml_scan s;
    struct toml *root, *table; /* table: where the next key = value goes */
};

/* A key between two dots, with its place. */
struct key_part {
    struct strbuf text;
    int line, col;
};

static struct toml *node_new(enum toml_type type, int line, int col)
{
    struct toml *t = xcalloc(1, sizeof(*t));
    t->type = type;
    t->line = line;
    t->col = col;
    return t;
}

static void append(struct toml *parent, struct toml *child)
{
    if (parent->last) {
        parent->last->next = child;
    } else {
        parent->first = child;
    }
    parent->last = child;
}

/* Appends `child` to a table under a key, which is copied. */
static void append_keyed(struct toml *parent, const struct key_part *key, struct toml *child)
{
    child->key = xstrdup(key->text.buf);
    child->key_line = key->line;
    child->key_col = key->col;
    append(parent, child);
}

/* toml_get for the parser, which may change what it finds. */
static struct toml *child_of(struct toml *t, const char *key)
{
    struct toml *c = t->first;
    while (c && strcmp(c->key, key) != 0) {
        c = c->next;
    }
    return c;
}

static int parse_value(struct parser *p, int depth, struct toml **out);

/* One part of a key. */
static int parse_key_part(struct parser *p, struct key_part *part)
{
    struct toml_scan *s = &p->s;
    part->line = s->line;
    part->col = s->col;
    strbuf_clear(&part->text);
    int b = toml_scan_peek(s, 0);
    if (b == '"' || b == '\'') {
        if (toml_scan_peek(s, 1) == b && toml_scan_peek(s, 2) == b) {
            return toml_scan_fail(s, s->line, s->col, "a key cannot be a multi-line string");
        }
        return toml_scan_string(s, &part->text);
    }
    while (toml_scan_is_bare(b)) {
        strbuf_addch(&part->text, (char)b);
        toml_scan_next(s);
        b = toml_scan_peek(s, 0);
    }
    return part->text.len > 0 ? 0 : toml_scan_fail(s, s->line, s->col, "a key is missing");
}

/* The table `key` in `t`, made when it is missing. `by_dots`: named by a dotted key in front of a value, not by a
 * header. */
static int descend(struct parser *p, struct toml **t, const struct key_part *key, bool by_dots)
{
    struct toml *c = child_of(*t, key->text.buf);
    if (!c) {
        c = node_new(TOML_TABLE, key->line, key->col);
        c->is_implicit = true;
        c->is_dotted = by_dots;
        append_keyed(*t, key, c);
    } else if (c->is_array_of_tables && !by_dots) {
        c = c->last;
    } else if (c->type != TOML_TABLE) {
        return toml_scan_fail(&p->s, key->line, key->col, "'%s' is %s already (line %d), not a table", key->text.buf,
                              toml_type_name(c->type), c->key_line);
    } else if (c->is_inline) {
        return toml_scan_fail(&p->s, key->line, key->col, "the inline table '%s' (line %d) cannot be extended",
                              key->text.buf, c->key_line);
    } else if (by_dots && !c->is_dotted) {
        return toml_scan_fail(&p->s, key->line, key->col, "the table '%s' is defined already (line %d)", key->text.buf,
                              c->line);
    }
    *t = c;
    return 0;
}

/* A dotted key: descends from *t to the table of the last part, which is left in *part. */
static int parse_path(struct parser *p, struct toml **t, struct key_part *part, bool by_dots)
{
    struct toml_scan *s = &p->s;
    for (int depth = 1;; depth++) {
        if (parse_key_part(p, part) != 0) {
            return -1;
        }
        toml_scan_blanks(s);
        if (toml_scan_peek(s, 0) != '.') {
            return 0;
        }
        if (depth >= MAX_NESTING) {
            return toml_scan_fail(s, s->line, s->col, "nested too deeply");
        }
        toml_scan_next(s);
        toml_scan_blanks(s);
        if (descend(p, t, part, by_dots) != 0) {
            return -1;
        }
    }
}

/* key = value, into `table`. */
static int parse_pair(struct parser *p, struct toml *table, int depth)
{
    struct toml_scan *s = &p->s;
    struct key_part key = {.text = STRBUF_INIT};
    struct toml *value = NULL;
    int rc = parse_path(p, &table, &key, true);
    if (rc == 0 && toml_scan_peek(s, 0) != '=') {
        rc = toml_scan_fail(s, s->line, s->col, "'=' is missing after the key '%s'", key.text.buf);
    }
    if (rc == 0) {
        struct toml *old = child_of(table, key.text.buf);
        if (old) {
            rc = toml_scan_fail(s, key.line, key.col, "the key '%s' is set already (line %d)", key.text.buf,
                                old->key_line);
        }
    }
    if (rc == 0) {
        toml_scan_next(s);
        toml_scan_blanks(s);
        rc = parse_value(p, depth, &value);
    }
    if (rc == 0) {
        append_keyed(table, &key, value);
    }
    strbuf_release(&key.text);
    return rc;
}

/* [1, 2, ]: the reading position is on the bracket. */
static int parse_array(struct parser *p, int depth, struct toml *array)
{
    struct toml_scan *s = &p->s;
    toml_scan_next(s);
    for (;;) {
        struct toml *value = NULL;
        if (toml_scan_space(s) != 0) {
            return -1;
        }
        if (toml_scan_peek(s, 0) != ']') {
            if (parse_value(p, depth + 1, &value) != 0) {
                return -1;
            }
            append(array, value);
            if (toml_scan_space(s) != 0) {
                return -1;
            }
            if (toml_scan_peek(s, 0) == ',') {
                toml_scan_next(s);
                continue;
            }
        }
        if (toml_scan_peek(s, 0) != ']') {
            return toml_scan_fail(s, s->line, s->col, "',' or ']' is missing in the array of line %d", array->line);
        }
        toml_scan_next(s);
        return 0;
    }
}

/* Inline tables are closed once read: nothing outside may add to them or to what is in them. */
static void seal(struct toml *t)
{
    t->is_inline = true;
    for (struct toml *c = t->first; c; c = c->next) {
        if (c->type == TOML_TABLE) {
            seal(c);
        }
    }
}

/* { a = 1, b = 2 }: the reading position is on the brace. TOML 1.0: one line, no trailing comma. */
static int parse_inline(struct parser *p, int depth, struct toml *table)
{
    struct toml_scan *s = &p->s;
    toml_scan_next(s);
    toml_scan_blanks(s);
    if (toml_scan_peek(s, 0) == '}') {
        toml_scan_next(s);
        seal(table);
        return 0;
    }
    for (;;) {
        toml_scan_blanks(s);
        if (parse_pair(p, table, depth + 1) != 0) {
            return -1;
        }
        toml_scan_blanks(s);
        int b = toml_scan_peek(s, 0);
        if (b != ',' && b != '}') {
            return toml_scan_fail(s, s->line, s->col, "',' or '}' is missing in the inline table of line %d",
                                  table->line);
        }
        toml_scan_next(s);
        if (b == '}') {
            seal(table);
            return 0;
        }
    }
}

/* A value without children. */
static int parse_scalar(struct parser *p, struct toml *t)
{
    struct toml_scan *s = &p->s;
    int b = toml_scan_peek(s, 0);
    if (b == '"' || b == '\'') {
        struct strbuf text = STRBUF_INIT;
        if (toml_scan_string(s, &text) != 0) {
            strbuf_release(&text);
            return -1;
        }
        t->type = TOML_STRING;
        t->string = strbuf_detach(&text, NULL);
        return 0;
    }
    struct toml_scalar v;
    if (toml_scan_scalar(s, &v) != 0) {
        return -1;
    }
    t->type = v.type;
    if (v.type == TOML_FLOAT) {
        t->number = v.number;
    } else if (v.type == TOML_BOOL) {
        t->boolean = v.boolean;
    } else {
        t->integer = v.integer;
    }
    return 0;
}

/* Any value; *out belongs to the caller on success. */
static int parse_value(struct parser *p, int depth, struct toml **out)
{
    struct toml_scan *s = &p->s;
    int b = toml_scan_peek(s, 0);
    if (depth >= MAX_NESTING) {
        return toml_scan_fail(s, s->line, s->col, "nested too deeply");
    }
    struct toml *t = node_new(b == '{' ? TOML_TABLE : TOML_ARRAY, s->line, s->col);
    int rc = b == '[' ? parse_array(p, depth, t) : b == '{' ? parse_inline(p, depth, t) : parse_scalar(p, t);
    if (rc != 0) {
        toml_free(t);
        return -1;
    }
    *out = t;
    return 0;
}

/* [[name]]: a new table in the array `key` of `at`. */
static int open_array_table(struct parser *p, struct toml *at, const struct key_part *key, int line, int col)
{
    struct toml *array = child_of(at, key->text.buf);
    if (array && !array->is_array_of_tables) {
        return toml_scan_fail(&p->s, key->line, key->col, "'%s' is %s already (line %d)", key->text.buf,
                              array->type == TOML_TABLE ? "a table" : "set", array->key_line);
    }
    if (!array) {
        array = node_new(TOML_ARRAY, line, col);
        array->is_array_of_tables = true;
        append_keyed(at, key, array);
    }
    p->table = node_new(TOML_TABLE, line, col);
    append(array, p->table);
    return 0;
}

/* [name]: a table that no other header has opened. */
static int open_table(struct parser *p, struct toml *at, const struct key_part *key, int line, int col)
{
    struct toml *t = child_of(at, key->text.buf);
    if (t && (t->type != TOML_TABLE || !t->is_implicit || t->is_inline || t->is_dotted)) {
        return toml_scan_fail(&p->s, key->line, key->col, "'%s' is %s already (line %d)", key->text.buf,
                              t->type == TOML_TABLE ? "a table" : "set", t->key_line);
    }
    if (!t) {
        t = node_new(TOML_TABLE, line, col);
        append_keyed(at, key, t);
    }
    t->is_implicit = false;
    t->line = line;
    t->col = col;
    p->table = t;
    return 0;
}

/* [a.b] or [[a.b]]: the reading position is on the bracket. */
static int parse_header(struct parser *p)
{
    struct toml_scan *s = &p->s;
    struct key_part key = {.text = STRBUF_INIT};
    struct toml *at = p->root;
    int line = s->line, col = s->col;
    bool array = toml_scan_peek(s, 1) == '[';
    toml_scan_next(s);
    if (array) {
        toml_scan_next(s);
    }
    toml_scan_blanks(s);
    int rc = parse_path(p, &at, &key, false);
    for (int i = 0; i < 1 + array && rc == 0; i++) {
        if (toml_scan_peek(s, 0) != ']') {
            rc = toml_scan_fail(s, s->line, s->col, "'%s' is missing at the end of the header", array ? "]]" : "]");
        } else {
            toml_scan_next(s);
        }
    }
    if (rc == 0) {
        rc = array ? open_array_table(p, at, &key, line, col) : open_table(p, at, &key, line, col);
    }
    strbuf_release(&key.text);
    return rc;
}

/* Blank space, a header or a pair, a comment, the line's end. */
static int parse_line(struct parser *p)
{
    struct toml_scan *s = &p->s;
    toml_scan_blanks(s);
    int b = toml_scan_peek(s, 0);
    if (b == '[') {
        if (parse_header(p) != 0) {
            return -1;
        }
    } else if (b >= 0 && b != '#' && !toml_scan_at_newline(s)) {
        if (parse_pair(p, p->table, 0) != 0) {
            return -1;
        }
    }
    return toml_scan_line_end(s);
}

struct toml *toml_parse(const char *text, size_t len, const char *name, struct error *err)
{
    struct parser p = {.s = {.p = text, .len = len, .line = 1, .col = 1, .name = name, .err = err}};
    if (toml_scan_begin(&p.s) != 0) {
        return NULL;
    }
    p.root = p.table = node_new(TOML_TABLE, 1, 1);
    while (toml_scan_peek(&p.s, 0) >= 0) {
        if (parse_line(&p) != 0) {
            toml_free(p.root);
            return NULL;
        }
    }
    return p.root;
}

struct toml *toml_load(const char *path, struct error *err)
{
    struct strbuf text = STRBUF_INIT;
    struct toml *t = NULL;
    if (fs_read(path, MAX_FILE_BYTES, &text, err) == 0) {
        t = toml_parse(text.buf, text.len, path, err);
    }
    strbuf_release(&text);
    return t;
}

/* Recursion is bounded: the parser limits the depth. */
void toml_free(struct toml *t)
{
    if (!t) {
        return;
    }
    if (t->type == TOML_STRING) {
        free(t->string);
    }
    for (struct toml *c = t->first, *next; c; c = next) {
        next = c->next;
        toml_free(c);
    }
    free(t->key);
    free(t);
}

const struct toml *toml_get(const struct toml *t, const char *key)
{
    if (!t || t->type != TOML_TABLE) {
        return NULL;
    }
    const struct toml *c = t->first;
    while (c && strcmp(c->key, key) != 0) {
        c = c->next;
    }
    return c;
}

const char *toml_type_name(enum toml_type type)
{
    static const char *const NAMES[] = {
        [TOML_STRING] = "a string", [TOML_INT] = "an integer", [TOML_FLOAT] = "a float",
        [TOML_BOOL] = "a boolean",  [TOML_ARRAY] = "an array", [TOML_TABLE] = "a table",
    };
    size_t i = (size_t)type;
    return i < MT_ARRAY_LEN(NAMES) ? NAMES[i] : "unknown";
}
