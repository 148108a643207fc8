/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_MODEL_PRIVATE_H
#define MT_CORE_MODEL_MODEL_PRIVATE_H

/* The inside of a model, for model*.c only. */

#include "core/model/config_inference.h"
#include "core/model/model.h"

/* Heap pointers in arrays, so that what callers hold for one turn does not move when another entry is added. */
struct model {
    struct bus *bus;
    struct workspace **workspaces;
    size_t workspace_count;
    workspace_id last_id;
    struct op_view **ops;
    size_t op_count;
    struct session_info **sessions;
    size_t session_count;
    struct backend_view *backends;
    size_t backend_count;
    struct inference_view **inference; /* never empty */
    size_t inference_count;
    bool inference_watched[CONFIG_INFERENCE_MAX + 1];
    bool inference_fresh[CONFIG_INFERENCE_MAX + 1]; /* something was heard of it since it is watched */
    const struct config_inference *rules;           /* who uses which; borrowed */
    size_t rule_count;
    struct service_view services[SERVICE_COUNT];
    const char *usual_profile; /* of a workspace that has none yet */
    struct pressure_note {
        char session[SESSION_ID_MAX];
        size_t endpoint;
        int slot;
        uint64_t used;
        bool busy; /* when it was seen last */
    } * notes;     /* which agent a slot was matched to (pressure.h) */
    size_t note_count;
};

/* Publishes an event without a text; `session` may be NULL. */
void model_publish(struct model *m, enum model_event_kind kind, workspace_id ws, op_id op, const char *session);
void model_init_services(struct model *m);
void model_init_inference(struct model *m);
void model_release_inference(struct model *m);

/* pressure.c: endpoint i was looked at; matches its slots to agents. */
void pressure_match(struct model *m, size_t i);
void pressure_release(struct model *m);

#endif
