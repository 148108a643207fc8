/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/theme.h"

#include <string.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/hex.h"
#include "core/util/strbuf.h"
#include "core/util/toml.h"
#include "core/util/xmalloc.h"

#define THEME_SUFFIX ".toml"
#define NONE 0xFFFFFFFFu
#define PANE_FG 0xC8C8C8u
#define PANE_BG 0x000000u

/* themes/default.toml as bytes: written by the Makefile. */
static const unsigned char default_text[] = {
#include "theme_default.inc"
};

static const char *const role_names[THEME_ROLE_COUNT] = {
#define THEME_NAME(id, name) [THEME_##id] = name,
    THEME_ROLES(THEME_NAME)
#undef THEME_NAME
};

static const struct {
    const char *name;
    uint16_t attr;
} attr_names[] = {
    {"bold", CELL_BOLD},       {"dim", CELL_DIM},
    {"italic", CELL_ITALIC},   {"underline", CELL_UL_SINGLE << CELL_UL_SHIFT},
    {"reverse", CELL_REVERSE}, {"strike", CELL_STRIKE},
    {"blink", CELL_BLINK},
};

/* What is being read, for errors and references. */
struct reader {
    const char *origin;
    const struct toml *palette;
    struct error *err;
};

/* "file:line:col: what" at the value of `t`. */
static int fail_at(const struct reader *r, int line, int col, const char *what, const char *name)
{
    return error_set(r->err, ERROR_PARSE, "%s:%d:%d: %s \"%s\"", r->origin, line, col, what, name);
}

/* "#rgb" or "#rrggbb". */
static int parse_hex(const char *s, uint32_t *out)
{
    size_t len = strlen(s);
    uint32_t v = 0;

    if (len != 4 && len != 7) {
        return -1;
    }
    for (size_t i = 1; i < len; i++) {
        int digit = hex_digit(s[i]);
        if (digit < 0) {
            return -1;
        }
        v = v << 4 | (uint32_t)digit;
        if (len == 4) {
            v = v << 4 | (uint32_t)digit;
        }
    }
    *out = (uint32_t)CELL_KIND_RGB << 24 | v;
    return 0;
}

/* A colour value; palette names may refer to each other, `depth` deep at most. */
static int read_color(const struct reader *r, const struct toml *t, int depth, uint32_t *out)
{
    if (t->type == TOML_INT && t->integer >= 0 && t->integer <= 255) {
        *out = cell_indexed((unsigned)t->integer);
        return 0;
    }
    if (t->type != TOML_STRING) {
        return error_set(r->err, ERROR_PARSE,
                         "%s:%d:%d: a colour is \"#rrggbb\", a palette name, \"default\" or 0 to 255", r->origin,
                         t->line, t->col);
    }
    if (t->string[0] == '#') {
        return parse_hex(t->string, out) == 0 ? 0
                                              : fail_at(r, t->line, t->col, "this is no colour (#rrggbb):", t->string);
    }
    if (strcmp(t->string, "default") == 0) {
        *out = CELL_COLOR_DEFAULT;
        return 0;
    }
    const struct toml *named = toml_get(r->palette, t->string);
    if (!named) {
        return fail_at(r, t->line, t->col, "the palette has no colour", t->string);
    }
    if (depth == 0) {
        return fail_at(r, t->line, t->col, "colours refer to each other in a circle at", t->string);
    }
    return read_color(r, named, depth - 1, out);
}

/* One key of a role's inline table. */
static int read_role_key(const struct reader *r, const struct toml *t, struct style *st)
{
    if (strcmp(t->key, "fg") == 0) {
        return read_color(r, t, 8, &st->fg);
    }
    if (strcmp(t->key, "bg") == 0) {
        return read_color(r, t, 8, &st->bg);
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(attr_names); i++) {
        if (strcmp(t->key, attr_names[i].name) == 0) {
            if (t->type != TOML_BOOL) {
                return fail_at(r, t->line, t->col, "true or false is wanted for", t->key);
            }
            st->attrs |= t->boolean ? attr_names[i].attr : 0;
            return 0;
        }
    }
    return fail_at(r, t->key_line, t->key_col,
                   "a role has fg, bg, bold, dim, italic, underline, reverse, strike, blink; not", t->key);
}

/* One role: a colour for the text, or a table. */
static int read_role(const struct reader *r, const struct toml *t, struct style *st)
{
    *st = (struct style){NONE, NONE, 0};
    if (t->type != TOML_TABLE) {
        return read_color(r, t, 8, &st->fg);
    }
    for (const struct toml *k = t->first; k; k = k->next) {
        if (read_role_key(r, k, st) != 0) {
            return -1;
        }
    }
    return 0;
}

/* The role of a name, -1 when there is none. */
static int role_find(const char *name)
{
    for (int i = 0; i < THEME_ROLE_COUNT; i++) {
        if (strcmp(role_names[i], name) == 0) {
            return i;
        }
    }
    return -1;
}

/* Reads [roles]; what is not given looks like text. */
static int read_roles(const struct reader *r, const struct toml *roles, struct theme *out)
{
    for (int i = 0; i < THEME_ROLE_COUNT; i++) {
        out->roles[i] = (struct style){NONE, NONE, 0};
    }
    for (const struct toml *t = roles ? roles->first : NULL; t; t = t->next) {
        int role = role_find(t->key);
        if (role < 0) {
            return fail_at(r, t->key_line, t->key_col, "there is no role", t->key);
        }
        if (read_role(r, t, &out->roles[role]) != 0) {
            return -1;
        }
    }
    struct style *text = &out->roles[THEME_TEXT];
    text->fg = text->fg == NONE ? CELL_COLOR_DEFAULT : text->fg;
    text->bg = text->bg == NONE ? CELL_COLOR_DEFAULT : text->bg;
    for (int i = 0; i < THEME_ROLE_COUNT; i++) {
        struct style *st = &out->roles[i];
        st->fg = st->fg == NONE ? text->fg : st->fg;
        st->bg = st->bg == NONE ? text->bg : st->bg;
    }
    return 0;
}

static uint32_t pane_rgb(uint32_t c, uint32_t standard)
{
    return CELL_COLOR_KIND(c) == CELL_KIND_RGB       ? c & 0xffffff
           : CELL_COLOR_KIND(c) == CELL_KIND_INDEXED ? cell_palette_rgb(c & 0xff)
                                                     : standard;
}

/* Reads [pane]: RGB, because programs are answered in RGB. */
static int read_pane(const struct reader *r, const struct toml *pane, struct theme *out)
{
    uint32_t fg = out->roles[THEME_TEXT].fg, bg = out->roles[THEME_TEXT].bg;

    for (const struct toml *t = pane ? pane->first : NULL; t; t = t->next) {
        bool is_fg = strcmp(t->key, "fg") == 0;
        if (!is_fg && strcmp(t->key, "bg") != 0) {
            return fail_at(r, t->key_line, t->key_col, "[pane] has fg and bg, not", t->key);
        }
        if (read_color(r, t, 8, is_fg ? &fg : &bg) != 0) {
            return -1;
        }
    }
    out->pane_fg = pane_rgb(fg, out->light ? PANE_BG : PANE_FG);
    out->pane_bg = pane_rgb(bg, out->light ? 0xffffff : PANE_BG);
    out->pane_fg_own = CELL_COLOR_KIND(fg) == CELL_KIND_DEFAULT;
    out->pane_bg_own = CELL_COLOR_KIND(bg) == CELL_KIND_DEFAULT;
    return 0;
}

/* Reads the top level. */
static int read_theme(struct reader *r, const struct toml *root, struct theme *out)
{
    static const struct {
        const char *key;
        enum toml_type type;
    } known[] = {{"name", TOML_STRING},
                 {"light", TOML_BOOL},
                 {"palette", TOML_TABLE},
                 {"roles", TOML_TABLE},
                 {"pane", TOML_TABLE}};
    const struct toml *light = toml_get(root, "light"), *name = toml_get(root, "name");

    for (const struct toml *t = root->first; t; t = t->next) {
        size_t i = 0;
        while (i < MT_ARRAY_LEN(known) && strcmp(known[i].key, t->key) != 0) {
            i++;
        }
        if (i == MT_ARRAY_LEN(known)) {
            return fail_at(r, t->key_line, t->key_col, "a theme has name, light, [palette], [roles], [pane]; not",
                           t->key);
        }
        if (t->type != known[i].type) {
            return error_set(r->err, ERROR_PARSE, "%s:%d:%d: %s must be a %s", r->origin, t->line, t->col, t->key,
                             toml_type_name(known[i].type));
        }
    }
    r->palette = toml_get(root, "palette");
    for (const struct toml *t = r->palette ? r->palette->first : NULL; t; t = t->next) {
        uint32_t ignored;
        if (read_color(r, t, 8, &ignored) != 0) {
            return -1;
        }
    }
    out->light = light && light->boolean;
    (void)str_copy(out->name, sizeof(out->name), name ? name->string : "");
    return read_roles(r, toml_get(root, "roles"), out) == 0 ? read_pane(r, toml_get(root, "pane"), out) : -1;
}

int theme_parse(struct theme *out, const char *text, size_t len, const char *origin, struct error *err)
{
    struct reader r = {.origin = origin, .err = err};
    struct theme fresh = {0};
    struct toml *root = toml_parse(text, len, origin, err);
    int rc;

    if (!root) {
        return -1;
    }
    rc = read_theme(&r, root, &fresh);
    toml_free(root);
    if (rc == 0) {
        *out = fresh;
    }
    return rc;
}

void theme_default(struct theme *out)
{
    struct error err = ERROR_INIT;

    if (theme_parse(out, (const char *)default_text, sizeof(default_text), "themes/default.toml", &err) != 0) {
        MT_BUG("%s", err.msg);
    }
}

/* True for a name that is safe as a file name. */
static bool is_theme_name(const char *name)
{
    size_t len = strlen(name);

    return len > 0 && len < sizeof(((struct theme *)0)->name) && name[0] != '.' && !strchr(name, '/');
}

char *theme_path(const struct paths *paths, const char *name)
{
    const char *dirs[] = {paths->config, paths->data};

    for (size_t i = 0; i < MT_ARRAY_LEN(dirs) && is_theme_name(name); i++) {
        if (dirs[i]) {
            char *path = xasprintf("%s/themes/%s" THEME_SUFFIX, dirs[i], name);
            if (fs_exists(path)) {
                return path;
            }
            free(path);
        }
    }
    return NULL;
}

/* The error for a name that no file has. */
static int fail_unknown(const struct paths *paths, const char *name, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf list = STRBUF_INIT;

    theme_names(paths, &names);
    for (size_t i = 0; i < names.len; i++) {
        strbuf_addf(&list, "%s%s", i ? ", " : "", names.v[i]);
    }
    return error_hint(err, ERROR_NOT_FOUND, "own themes go to the themes folder beside muthr.toml",
                      "there is no theme \"%s\"; there are: %s", name, list.buf);
}

int theme_load(struct theme *out, const struct paths *paths, const char *name, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char *path = theme_path(paths, name);
    int rc;

    if (!path) {
        if (strcmp(name, "default") == 0) {
            theme_default(out);
            return 0;
        }
        return fail_unknown(paths, name, err);
    }
    rc = fs_read(path, 1u << 20, &text, err);
    if (rc == 0) {
        rc = theme_parse(out, text.buf, text.len, path, err);
    }
    if (rc == 0) {
        /* The file's name is what the user types; a name inside may be stale after a copy. */
        (void)str_copy(out->name, sizeof(out->name), name);
    }
    free(path);
    return rc;
}

/* Adds the themes of one directory. */
static void add_names(const char *dir, struct strvec *out)
{
    MT_CLEANUP(strvec) struct strvec files = STRVEC_INIT;
    char *path = path_join(dir, "themes");

    if (fs_list(path, &files, NULL) == 0) {
        for (size_t i = 0; i < files.len; i++) {
            size_t len = strlen(files.v[i]), suffix = strlen(THEME_SUFFIX);
            if (len > suffix && strcmp(files.v[i] + len - suffix, THEME_SUFFIX) == 0) {
                files.v[i][len - suffix] = '\0';
                if (is_theme_name(files.v[i]) && strvec_index(out, files.v[i]) < 0 &&
                    strcmp(files.v[i], "default") != 0) {
                    strvec_push(out, files.v[i]);
                }
            }
        }
    }
    free(path);
}

void theme_names(const struct paths *paths, struct strvec *out)
{
    MT_CLEANUP(strvec) struct strvec found = STRVEC_INIT;

    if (paths->config) {
        add_names(paths->config, &found);
    }
    if (paths->data) {
        add_names(paths->data, &found);
    }
    strvec_sort(&found);
    strvec_push(out, "default");
    for (size_t i = 0; i < found.len; i++) {
        strvec_push(out, found.v[i]);
    }
}

struct style theme_style(const struct theme *t, enum theme_role role)
{
    return t->roles[role];
}

struct style theme_on(const struct theme *t, enum theme_role role, enum theme_role ground)
{
    struct style st = t->roles[role];

    st.bg = t->roles[ground].bg;
    st.attrs |= t->roles[ground].attrs & CELL_REVERSE;
    return st;
}
