/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_NAMING_H
#define MT_CORE_ENGINE_NAMING_H

/* Names and places (behaviour.md N1-N7): the workspace root, the sandbox name of a folder, and what a current directory
 * stands for. Pure but for path resolution; shared with the muthr CLI, so results must match it byte by byte. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/paths.h"

#define NAMING_SANDBOX_MAX 96

/* N1-N3: expands and resolves `setting`. *path: the real path, or on failure what was asked for, expanded (never NULL;
 * caller frees). NOT_FOUND: does not exist (the hint tells how to make it); INVALID: refused, each reason with its own
 * message; DENIED: unreadable. */
int naming_root(const char *setting, const struct paths *paths, char **path, struct error *err);

/* N4: the sandbox name of a folder name (bytes). ascii_only for runtimes that refuse other names. INVALID when nothing
 * is left. Names that would not fit are shortened and get the hash as well. */
int naming_sandbox(const char *folder, bool ascii_only, char out[NAMING_SANDBOX_MAX], struct error *err);
/* N7: muthr-services, muthr-searxng. */
bool naming_is_infrastructure(const char *sandbox);
/* N6: muthr-config. */
bool naming_is_reserved(const char *sandbox);
/* A profile or runtime name: [A-Za-z0-9_-]+ of at most 63 bytes. `what` stands in the message. */
int naming_check_word(const char *word, const char *what, struct error *err);

struct naming_context {
    char project[256]; /* folder name; "" for reserved */
    char inner[4096];  /* below the project folder, without slash at either end; may be "" */
    char sandbox[NAMING_SANDBOX_MAX];
    bool reserved; /* inside the configuration folder: muthr-config */
};
/* N5, N6: what `cwd` stands for, given the resolved root. INVALID (exit 64) at the root itself or outside, naming the
 * root. */
int naming_context(const char *root, const char *cwd, const struct paths *paths, struct naming_context *out,
                   struct error *err);

#endif
