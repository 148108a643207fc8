/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_SPEC_H
#define MT_CORE_ENGINE_SPEC_H

/* From manifest, configuration and request to what a sandbox should be (S2, S5, S9, S11), and its fingerprint. */

#include <stdbool.h>

#include "core/engine/backend.h"
#include "core/engine/profiles.h"
#include "core/engine/record.h"
#include "core/model/config.h"
#include "core/model/model.h"

struct spec_input {
    const struct workspace *ws;
    unsigned caps; /* of the backend that is to hold it */
    const struct profile *profile;
    const struct record *record;
    const struct config *config;
    const struct paths *paths;
    bool net_given; /* explicit choice of the request */
    enum net_policy net;
    bool will_provision; /* a script has to run: it needs the network */
    uint16_t model_port; /* of its inference server, when that is on this machine; else 0 */
};

/* Fills *out (released by the caller) and appends its canonical text, line by line; out->config_hash is that text's
 * hash. Mount sources that do not exist, or that a link beside the projects leads elsewhere, are left out, with a line
 * in *warnings. Errors: INVALID. */
int spec_build(struct sandbox_spec *out, const struct spec_input *in, struct strbuf *text, struct strvec *warnings,
               struct error *err);
/* The network that it is to have in the end, as spec_build works it out. INVALID. */
int spec_wanted_network(const struct spec_input *in, enum net_policy *out, struct error *err);
/* "network: full -> none, memory: no limit -> 2 GiB" between two canonical texts; "" when equal. */
void spec_diff(const char *old, const char *now, struct strbuf *out);
/* The same as strings of their own: "network: none instead of full". */
void spec_explain(const char *old, const char *now, struct strvec *out);
/* The network that a canonical text asks for; false when it says none, or text is NULL. */
bool spec_network(const char *text, enum net_policy *out);
/* Do two canonical texts ask for images of different content: by name, Containerfile or toolchain? */
bool spec_image_differs(const char *old, const char *now);

#endif
