/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_THEME_H
#define MT_TUI_THEME_H

/* Semantic roles -> colours and attributes, from TOML files (themes/NAME.toml; user's in config/themes/). Views name
 * roles only. The default is compiled in. A file: name, light, [palette] name = colour, [roles] role = "colour" or {
 * fg, bg, bold, dim, italic, underline, reverse }, [pane] fg, bg. A colour is
 * "#rrggbb", "#rgb", a name of the palette, "default" (the terminal's own) or 0..255 (xterm's palette). A role that is
 * not given looks like text. 24-bit colours are reduced by render.c to what the terminal has. */

#include "core/util/error.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "tui/surface.h"

/* It never settles on this one. */
/* clang-format off */
/* X-macro: enum and the names in theme files must agree. */
#define THEME_ROLES(X)                                                                                                 \
    X(TEXT, "text")                                                                                                    \
    X(DIM, "dim")                                                                                                      \
    X(STRONG, "strong") X(ACCENT, "accent") X(OK, "ok") X(WARN, "warn") X(BAD, "bad") X(INFO, "info") X(BUSY, "busy")  \
        X(BORDER, "border") X(BORDER_FOCUS, "border_focus") X(TITLE, "title") X(TITLE_FOCUS, "title_focus")            \
            X(SELECTION, "selection") X(SELECTION_DIM, "selection_dim") X(BAR, "bar") X(BAR_DIM, "bar_dim")            \
                X(BAR_STRONG, "bar_strong") X(KEY, "key") X(KEY_LABEL, "key_label") X(KEY_OFF, "key_off")              \
                    X(GAUGE, "gauge") X(GAUGE_BACK, "gauge_back") X(DIALOG, "dialog") X(DIALOG_TITLE, "dialog_title")  \
                        X(INPUT, "input") X(MATCH, "match") X(COPY_SELECTION, "copy_selection")                        \
                            X(ATTENTION, "attention") X(NET_OPEN, "net_open") X(NET_CLOSED, "net_closed")              \
                                X(NOTICE, "notice") X(ERROR, "error")
/* clang-format on */
enum theme_role {
#define THEME_ENUM(id, name) THEME_##id,
    THEME_ROLES(THEME_ENUM)
#undef THEME_ENUM
        THEME_ROLE_COUNT
};

struct theme {
    char name[48];
    bool light;
    struct style roles[THEME_ROLE_COUNT];
    uint32_t pane_fg, pane_bg;     /* what panes are told for OSC 10/11 */
    bool pane_fg_own, pane_bg_own; /* the theme leaves it to the terminal: what that says of itself is truer */
};

/* Looks in config/themes, then data/themes, then the compiled-in default. Errors: NOT_FOUND listing the known names;
 * PARSE with file:line:col (unknown role or bad colour included). *out is untouched on failure. */
int theme_load(struct theme *out, const struct paths *paths, const char *name, struct error *err);
void theme_default(struct theme *out);
/* Names of all themes that can be loaded, sorted, default first. */
void theme_names(const struct paths *paths, struct strvec *out);
/* The file a name would be loaded from (caller frees; for watching it), NULL for the compiled-in default or an unknown
 * name. */
char *theme_path(const struct paths *paths, const char *name);
/* Parses theme text; `origin` stands in errors. For theme_load, tests and previews. */
int theme_parse(struct theme *out, const char *text, size_t len, const char *origin, struct error *err);
/* The colours and attributes of `role` on the background of `ground`: a state's glyph in the selected row. */
struct style theme_on(const struct theme *t, enum theme_role role, enum theme_role ground);
/* The style of a role; bg falls back to TEXT's where the role gives none. */
struct style theme_style(const struct theme *t, enum theme_role role);

#endif
