/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_RECORD_H
#define MT_CORE_ENGINE_RECORD_H

/* What we remember of a sandbox beyond its runtime, in STATE/records/<sandbox>.json: profile, explicit network choice,
 * what it was created from, provisioned revisions (P5), and how long steps took. Written under the sandbox's lock (L2)
 * only. A broken file is set aside. */

#include <stdbool.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/model/model.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"

struct record {
    char profile[64]; /* "" unknown */
    bool have_net;    /* someone chose the network explicitly */
    enum net_policy net;
    char *spec;        /* canonical text at create (spec_text), or NULL */
    struct json *tree; /* the rest: revisions and times */
};

/* Never fails: what cannot be read is as if it were not there (a warning is logged). */
void record_load(struct record *r, const struct paths *paths, const char *sandbox);
int record_save(const struct record *r, const struct paths *paths, const char *sandbox, struct error *err);
int record_forget(const struct paths *paths, const char *sandbox, struct error *err);
void record_release(struct record *r);

/* What else is remembered, as texts; "" when it is not there. */
enum record_field {
    RECORD_IMAGE_CHOICE,   /* image that a person chose for this sandbox */
    RECORD_IMAGE,          /* what it was made from, as the backend's IMAGE verb said */
    RECORD_IMAGE_NOTICE,   /* lasting warning of that */
    RECORD_IMAGE_CONSENT,  /* image of the repository that a person said yes to */
    RECORD_SET_UP,         /* S15: "due" or "done" */
    RECORD_SET_UP_CONSENT, /* hash of the set-up command that a person said yes to */
    RECORD_BASELINE,       /* S4: version of the baseline inside */
    RECORD_IMAGES,         /* "yes": its backend has images */
    RECORD_BACKEND_WHY,    /* why it was made with the backend that has it */
    RECORD_RUN,            /* of a service: which run of which container its script was run in */
};
#define RECORD_FIELD_COUNT 10
const char *record_text(const struct record *r, enum record_field field);
void record_set_text(struct record *r, enum record_field field, const char *value);

/* P5: the revision that was provisioned last, or "". */
const char *record_revision(const struct record *r, const char *profile);
void record_set_revision(struct record *r, const char *profile, const char *rev);

/* Whether its script is through. A run marks its sandbox before the script starts (RECORD_STARTED), says how it ended,
 * and takes the mark away after a success: what dies half way is not taken for done. */
enum record_end { RECORD_STARTED, RECORD_CANCELED, RECORD_FAILED };
void record_set_unprovisioned(struct record *r, const char *profile, enum record_end end, int exit_code /* 0: none */);
/* The error that ended the run before or without the script, whose log would tell. Goes with the mark. */
void record_set_unprovisioned_error(struct record *r, const char *message);
void record_clear_unprovisioned(struct record *r);
/* The profile of the mark, or NULL; *why (may be NULL) gets a sentence. */
const char *record_unprovisioned(const struct record *r, struct strbuf *why);

/* Puts remembered durations into a view that is about to start, and takes those of one that succeeded. */
void record_fill_times(const struct record *r, struct op_view *op);
void record_take_times(struct record *r, const struct op_view *op);

#endif
