/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_PROFILES_H
#define MT_CORE_ENGINE_PROFILES_H

/* Profiles on disk (P1, P5, P7): CONFIG/sandbox.d/container/{provision.d/P.sh,provision.d/lib,manifests/P.yaml,
 * images/P/Containerfile}, filled once with the shipped ones. A profile without a manifest takes the one called
 * base-sandbox.yaml when there is one, as the muthr CLI does. */

#include <stdbool.h>

#include "core/engine/engine.h"
#include "core/engine/manifest.h"
#include "core/util/paths.h"

struct profile {
    char *name;
    char *script;        /* absolute path, or NULL: nothing to run (base) */
    char *lib;           /* absolute path of provision.d/lib, NULL with script NULL */
    char rev[65];        /* MUTHR_SPECS_REV; "" without a script */
    char *containerfile; /* absolute path of images/P, when there is a Containerfile in it (S13), or NULL */
    struct manifest manifest;
};

/* Reads one profile with its revision. Errors: INVALID (name, manifest), NOT_FOUND naming the missing path. *p is
 * released on failure. */
int profile_load(struct profile *p, const struct paths *paths, const char *name, struct error *err);
/* The script of one of muthr's own services (N7), as a profile without a manifest. NOT_FOUND names what is missing. */
int profile_load_service(struct profile *p, const struct paths *paths, const char *name, struct error *err);
void profile_release(struct profile *p);
/* Copies shipped files that were never installed before (a list in the state folder remembers); never overwrites. */
int profiles_install(const struct paths *paths, struct error *err);
/* All profiles by name, sorted. Heap; profile_list_free. */
size_t profiles_list(const struct paths *paths, struct profile_entry **out);

/* P7: does ~/.cache/muthr/<sandbox>-profiles name the profile (NULL: does it name any)? */
bool profiles_recorded(const struct paths *paths, const char *sandbox, const char *profile);
/* Appends the profile once. */
int profiles_record(const struct paths *paths, const char *sandbox, const char *profile, struct error *err);
/* The sandbox is gone: so is its record. */
int profiles_forget(const struct paths *paths, const char *sandbox, struct error *err);

#endif
