/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_SERVICES_H
#define MT_CORE_ENGINE_SERVICES_H

/* muthr's own services (N7) as ops of the engine: brought up (made, started, provisioned), stopped, restarted. They are
 * no sandboxes: no plan of those ever touches them. Their containers are never deleted by us: what their script has
 * installed is in them; `podman rm muthr-services` is a person's decision. How they stand is in the model
 * (model_service), by the lists and events of the backend that holds them; nothing is asked besides. */

#include "core/engine/engine.h"
#include "core/model/service.h"

enum service_plan { SERVICE_START, SERVICE_STOP, SERVICE_RESTART };
#define SERVICE_PLAN_COUNT 3
const char *service_plan_name(enum service_plan plan); /* "start", "stop", "restart" */

struct engine_service_request {
    enum service_plan plan;
    const char *name;                                  /* as service_find takes it */
    bool reprovision;                                  /* run the script even when it is through */
    void (*done)(void *arg, const struct op_view *op); /* once, at the end; may be NULL */
    void *arg;
};
/* Queues an op whose view's `sandbox` is the service's name; engine_cancel ends it. START is idempotent: image, create,
 * start, provision as far as needed. 0 and err: NOT_FOUND (no such service), UNAVAILABLE (nothing here holds services),
 * BUSY (backends are still being looked at), EXISTS (an op on it runs), CANCELED (closing). */
op_id engine_service(struct engine *e, const struct engine_service_request *req, struct error *err);
/* The log of the last run of its script, or of the one before; free(). */
char *engine_service_script_log(const struct engine *e, const char *name);

#endif
