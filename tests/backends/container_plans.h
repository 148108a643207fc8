/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_CONTAINER_PLANS_H
#define MT_TESTS_BACKENDS_CONTAINER_PLANS_H

/* Plans of test_container_engine: each is gone through by the real program in a home of its own (verb_rig), over the
 * stand-in for Apple's container (standin_rig). A plan fails as a cmocka test does. */

#include "tests/backends/standin_rig.h"
#include "tests/backends/verb_rig.h"

#define DEMO "muthr-demo"
#define READY "localhost/muthr-ready:latest"

extern const char *plan_version; /* played in this process */

/* A profile's manifest over an image; manifest_ready: the one that needs nothing installed. */
void manifest_of(const char *name, const char *image, const char *rest);
void manifest_ready(const char *name, const char *rest);
/* A profile `cut`, whose script needs a network and that has none afterwards. */
void profile_cut(void);
/* Is the version played at least that one? */
bool plays(int major, int minor);
/* The container's state; "": there is none. */
void expect_container(const char *want);
/* A program runs inside. */
void expect_alive(void);
/* How often a command ("create", "image\",\"pull") was called since standin_forget_calls. */
int called(const char *command);
/* What the container was made with, as `inspect` tells it. json_free. */
struct json *inspected(void);
/* Networks of the running container; -1: it does not run, or is not there. */
int networks_of_demo(void);

void plan_ensure_from_none(void);
void plan_ensure_from_stopped(void);
void plan_ensure_running(void);
void plan_drifted_stopped(void);
void plan_drifted_running(void);
void plan_provision(void);
void plan_provision_failing(void);
void plan_seal(void);
void plan_seal_killed(void);
void plan_seal_service_down(void);
void plan_golden(void);
void plan_stop(void);
void plan_delete(void);
void plan_slow_shutdown(void);
void plan_recreate(void);
void plan_cancel_at_each_step(void);
void plan_killed_at_each_step(void);
void plan_service_down_at_each_step(void);
void plan_two_at_once(void);
void plan_half_answers(void);
void plan_foreign(void);
void plan_port_clash(void);
void plan_error_texts(void);
void plan_service_offered(void);
void plan_upgrade(void);
void plan_odd_names(void);
void plan_rounded_limits(void);
void plan_shell_with_resize(void);
void plan_session(void);
void plan_task(void);
void plan_idle_stop(void);

#endif
