/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_PRESET_H
#define MT_CORE_INFERENCE_PRESET_H

/* Model presets (I4): the files in provider.d (at any depth) that end in .ini, below the muthr config folder, shared
 * with the muthr CLI. One file is one preset, called like the file without .ini. Keys, in any section: model (or
 * model_id, or profile), runtime (or engine_runtime), host, port; others are somebody else's. A file that is wrong is
 * listed with its error; it hides no other. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/paths.h"

struct preset {
    char *name;         /* sanitised */
    char *file;         /* below provider.d, sanitised: "coding/fast.ini" */
    char *model;        /* "" only with an error */
    char runtime[16];   /* "mlxcel", "llama", or "": not said */
    char host[64];      /* "": not said */
    int64_t port;       /* 0: not said */
    const char *twin;   /* file of another preset of this name, or NULL: then it is started only by its file */
    struct error error; /* code NONE: it can be used */
};

struct presets {
    struct preset *v;
    size_t count;
};
#define PRESETS_INIT ((struct presets){0})

/* Reads them all, sorted by file. Never fails: what is wrong is an entry with an error, the folder itself included. */
void presets_load(struct presets *p, const struct paths *paths);
void presets_release(struct presets *p);
/* By name, or by file with or without .ini. NULL and err: NOT_FOUND; INVALID when two have the name (both files are
 * named); the preset's own error. */
const struct preset *presets_find(const struct presets *p, const char *name, struct error *err);
/* What the text of one file says, into *out (zeroed; model is allocated). Pure. `name` is for errors. */
int preset_parse(struct preset *out, const char *text, size_t len, const char *name, struct error *err);
/* P4 and what may stand behind --model: not empty, [A-Za-z0-9._:/-], no dash first. */
int preset_check_model(const char *model, struct error *err);
/* A host that --host may have: an address or a name, nothing that looks like an option. */
int preset_check_host(const char *host, struct error *err);

#endif
