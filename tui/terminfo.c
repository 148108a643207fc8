/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/terminfo.h"

#include <string.h>

#define NCURSES_NOMACROS 1
#include <curses.h>
#include <term.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

#define HINT "set TERM to what your terminal is, for example: TERM=xterm-256color muthr-tui"

static const struct {
    const char *capability;
    struct key key;
} key_capabilities[] = {
    {"kcuu1", {KEYSYM_UP, 0}},     {"kcud1", {KEYSYM_DOWN, 0}},          {"kcub1", {KEYSYM_LEFT, 0}},
    {"kcuf1", {KEYSYM_RIGHT, 0}},  {"khome", {KEYSYM_HOME, 0}},          {"kend", {KEYSYM_END, 0}},
    {"kich1", {KEYSYM_INSERT, 0}}, {"kdch1", {KEYSYM_DELETE, 0}},        {"kpp", {KEYSYM_PGUP, 0}},
    {"knp", {KEYSYM_PGDN, 0}},     {"kcbt", {KEYSYM_TAB, KEYMOD_SHIFT}},
};

/* Terminals that draw underline styles though their entry may not say so; matched as a prefix of TERM. */
static const char *const rich_terms[] = {"xterm-kitty", "kitty", "foot",          "alacritty", "wezterm",
                                         "contour",     "rio",   "xterm-ghostty", "ghostty",   "mintty"};

/* Others that take OSC 8, or ignore it as they should: a hardware console or an emulation of old ones is none of them.
 */
static const char *const link_terms[] = {"xterm", "tmux", "screen", "gnome", "vte", "konsole", "iterm", "iTerm", "st-"};

/* A string capability, or NULL; tigetstr has two ways to say no. */
static const char *get_string(const char *capability)
{
    char name[16];
    const char *value;

    (void)str_copy(name, sizeof(name), capability);
    value = tigetstr(name);
    return value == (char *)-1 || value == NULL || value[0] == '\0' ? NULL : value;
}

/* A boolean capability. */
static bool get_flag(const char *capability)
{
    char name[16];

    (void)str_copy(name, sizeof(name), capability);
    return tigetflag(name) == 1;
}

/* Copies a capability without its $<n> padding marks; "" when missing or too long. */
static void copy_plain(char *dst, size_t cap, const char *src)
{
    size_t n = 0;

    dst[0] = '\0';
    for (; src && *src; src++) {
        if (src[0] == '$' && src[1] == '<' && strchr(src, '>')) {
            src = strchr(src, '>');
            continue;
        }
        if (n + 1 >= cap) {
            dst[0] = '\0';
            return;
        }
        dst[n++] = *src;
        dst[n] = '\0';
    }
}

/* Adds one key string. */
static void add_key(struct terminfo *t, const char *capability, struct key key)
{
    if (t->key_count < TERMINFO_KEYS) {
        copy_plain(t->keys[t->key_count].bytes, TERMINFO_STRING, get_string(capability));
        t->keys[t->key_count].key = key;
        t->key_count += t->keys[t->key_count].bytes[0] == '\033';
    }
}

/* Reads all keys that input can name. */
static void read_keys(struct terminfo *t)
{
    char name[8];

    for (size_t i = 0; i < MT_ARRAY_LEN(key_capabilities); i++) {
        add_key(t, key_capabilities[i].capability, key_capabilities[i].key);
    }
    for (unsigned i = 1; i <= 20; i++) {
        (void)str_format(name, sizeof(name), "kf%u", i);
        add_key(t, name, (struct key){KEYSYM_F1 + i - 1, 0});
    }
}

/* Whether TERM begins with one of these names. */
static bool is_among(const char *term, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strncmp(term, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether TERM begins with one of the terminals known to be rich. */
static bool is_rich(const char *term)
{
    return is_among(term, rich_terms, MT_ARRAY_LEN(rich_terms));
}

/* Reads what is needed from the entry that setupterm has made current. */
static int read_entry(struct terminfo *t, struct error *err)
{
    char cup[TERMINFO_STRING];
    static char colors[] = "colors";

    copy_plain(cup, sizeof(cup), get_string("cup"));
    if (strncmp(cup, "\033[%i%p1%d;%p2%d", 15) != 0 || get_flag("gn") || get_flag("hc")) {
        return error_hint(err, ERROR_INVALID, HINT,
                          "the terminal type %s cannot be drawn on (no cursor addressing that we know)", t->name);
    }
    t->colors = tigetnum(colors);
    t->bce = get_flag("bce");
    t->direct = get_flag("RGB") || get_flag("Tc") || get_string("RGB") || t->colors > 1 << 16;
    t->ech = get_string("ech") != NULL;
    t->cha = get_string("hpa") != NULL && strncmp(get_string("hpa"), "\033[", 2) == 0;
    t->underline_styles = get_string("Smulx") != NULL || get_flag("Su") || is_rich(t->name);
    t->underline_color = get_string("Setulc") != NULL || get_flag("Su") || is_rich(t->name);
    t->cursor_style = get_string("Ss") != NULL || is_rich(t->name) || strncmp(t->name, "xterm", 5) == 0;
    t->hyperlinks = is_rich(t->name) || is_among(t->name, link_terms, MT_ARRAY_LEN(link_terms));
    copy_plain(t->enter, sizeof(t->enter), get_string("smcup"));
    copy_plain(t->leave, sizeof(t->leave), get_string("rmcup"));
    read_keys(t);
    return 0;
}

int terminfo_read(struct terminfo *t, const char *term, int fd, struct error *err)
{
    int status = 0, rc;

    *t = (struct terminfo){.colors = -1};
    if (!term || !term[0]) {
        return error_hint(err, ERROR_INVALID, HINT, "TERM is not set: what kind of terminal is this?");
    }
    if (strcmp(term, "dumb") == 0) {
        return error_hint(err, ERROR_INVALID, HINT, "TERM=dumb: this terminal cannot show a full-screen program");
    }
    /* Nothing can be stored under a name like this, and ncurses would take slashes as they are. */
    if (strchr(term, '/') || str_copy(t->name, sizeof(t->name), term) != 0) {
        return error_hint(err, ERROR_INVALID, HINT, "TERM is not the name of a terminal type");
    }
    if (setupterm(t->name, fd, &status) != OK) {
        return error_hint(err, ERROR_INVALID, HINT,
                          status == 0 ? "the terminal type %s (TERM) is not in this system's terminfo database"
                                      : "no terminfo database is installed, so TERM=%s means nothing here",
                          term);
    }
    rc = read_entry(t, err);
    del_curterm(cur_term);
    return rc;
}
