/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_DEVCONTAINER_H
#define MT_CORE_ENGINE_DEVCONTAINER_H

/* What a repository asks for in .devcontainer/devcontainer.json or .devcontainer.json (S13, S15): an image and a set-up
 * command. Its content is a stranger's: bounded, checked, never acted on without consent. Other keys are not used. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/strvec.h"

#define DEVCONTAINER_COMMANDS_MAX 16

struct devcontainer {
    bool found;
    const char *place;  /* the file, relative to the project; NULL: from memory, or none */
    bool builds;        /* it describes a build (Dockerfile, compose, features): not used here */
    char *problem;      /* why it could not be used, a sentence without its end; or NULL. The rest is then empty */
    char *image;        /* a reference that may be given to a runtime, or NULL */
    char *set_up;       /* postCreateCommand as written, for people: one line, sanitised; NULL: none */
    char set_up_id[65]; /* hash of what would run: consent is given to exactly that */
    struct strvec commands[DEVCONTAINER_COMMANDS_MAX]; /* argv each, to be run one after another */
    size_t command_count;
};

/* Never fails: what cannot be read is in `problem`. Follows no link out of `workspace` (absolute, real). */
void devcontainer_load(struct devcontainer *d, const char *workspace);
/* The same from memory. */
void devcontainer_parse(struct devcontainer *d, const char *text, size_t len);
void devcontainer_release(struct devcontainer *d);

/* A reference that is safe to hand to a runtime: [A-Za-z0-9][A-Za-z0-9._/:@-]*, at most 255 bytes. */
int image_check_reference(const char *image, struct error *err);

#endif
