/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_PATHS_H
#define MT_CORE_UTIL_PATHS_H

/* Where our files live (design.md section 7), and path arithmetic. One struct, filled once at start, passed down. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

struct paths {
    char *home;   /* $HOME, absolute, else the password database's */
    char *config; /* $XDG_CONFIG_HOME/muthr, else ~/.config/muthr (relative XDG values are ignored, as the spec says) */
    char *state;  /* $XDG_STATE_HOME/muthr, else ~/.local/state/muthr */
    char *cache;  /* ~/.cache/muthr: shared with the muthr CLI, which does not look at XDG_CACHE_HOME */
    char *runtime; /* $XDG_RUNTIME_DIR/muthr when that is ours and 0700; else /tmp/muthr-UID (made 0700, checked) */
    char *data;    /* themes/ and profiles/: $MUTHR_TUI_DATA, else beside the executable (../share/muthr-tui), else the
                      build tree, else the compiled-in DATADIR */
    char *executable; /* absolute path of this program, for re-execution */
};

/* Fills *p from the environment. Creates nothing but checks. Errors: no usable home. `argv0` helps where the OS cannot
 * name the executable. */
int paths_init(struct paths *p, const char *argv0, struct error *err);
void paths_release(struct paths *p);
/* Makes p->runtime with 0700 and verifies owner and mode; ERROR_DENIED with the owner's name otherwise. */
int paths_make_runtime(const struct paths *p, struct error *err);

/* "~/x" and "~" become absolute; others are copied. Caller frees. */
char *path_expand(const char *path, const char *home);
/* "/home/u/x" becomes "~/x" for showing. Caller frees. */
char *path_tilde(const char *path, const char *home);
/* a + "/" + b, without doubled slashes. Caller frees. */
char *path_join(const char *a, const char *b);
const char *path_base(const char *path);
/* realpath(3); NULL and err when it fails (ELOOP: "symlink loop"). Caller frees. */
char *path_real(const char *path, struct error *err);
/* True when `path` is `dir` or below it (textual, both absolute and real). */
bool path_is_below(const char *path, const char *dir);

#endif
