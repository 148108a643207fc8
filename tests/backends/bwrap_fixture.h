/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_BWRAP_FIXTURE_H
#define MT_TESTS_BACKENDS_BWRAP_FIXTURE_H

/* Real bwrap sandboxes through the backend's vtable, in a private HOME. Every test runs twice: as whoever started it
 * and, when that is root, again as an ordinary user made for the purpose. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/engine/backend.h"
#include "core/io/loop.h"
#include "core/util/strbuf.h"

#define DEADLINE_MS 40000

struct fixture {
    struct loop *loop;
    struct paths paths;
    struct backend *be;
    char *base;      /* everything of ours is below */
    char *workspace; /* <home>/src/demo */
    struct backend_probe probe;
    bool as_root;
};
extern struct fixture fx;
/* Another backend of process sandboxes than bwrap, and the folder of its sandboxes: set before fixture_main. */
extern const struct backend_ops *fx_ops;
extern const char *fx_folder;

/* Runs a cmocka group, then again as an ordinary user. Returns the exit status for main. */
int fixture_main(int argc, char **argv, int (*run)(void));
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Submits and turns the loop until it is done. Returns the error's code (ERROR_NONE: success); the text in fx_error. */
extern struct error fx_error;
enum error_code call_run(struct backend_call *call);
/* The verbs with a name only. */
enum error_code call_name(enum backend_verb verb, const char *name);
/* It must succeed: the test fails with its error otherwise. */
void call_must(enum backend_verb verb, const char *name);
/* Creates with this network; memory and pids 0 = none. */
enum error_code sandbox_create(const char *name, enum net_policy net, uint64_t memory_bytes, unsigned pids);
/* Creates and starts; fails the test when that does not work. */
void sandbox_up(const char *name, enum net_policy net, uint64_t memory_bytes, unsigned pids);
struct sandbox_info sandbox_inspect(const char *name);
/* Runs `sh -c script` inside; its output (both streams) into *out. Returns the exit code. */
int sandbox_sh(const char *name, struct strbuf *out, const char *script);
/* Turns the loop until cond(arg) or the deadline; returns the last cond. */
bool wait_for(bool (*cond)(void *arg), void *arg, uint64_t timeout_ms);
/* Condition for wait_for: no process with *(int *)arg. */
bool process_is_gone(void *arg);
int parent_of(int pid);
/* <state>/sandboxes/<id>/<rest>, to be freed. */
char *sandbox_path(const char *name, const char *rest);

#endif
