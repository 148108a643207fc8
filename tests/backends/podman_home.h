/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_HOME_H
#define MT_TESTS_BACKENDS_PODMAN_HOME_H

/* The real program, verb by verb, on a private podman: a verb_rig home whose configuration says podman and whose
 * profile `base` says POD_READY, in a pod_world that is opened once for the whole group. */

#include "tests/backends/podman_rig.h"
#include "tests/backends/verb_rig.h"

/* Group set-up and tear-down. */
int home_open(void **state);
int home_close(void **state);
/* Of each test. The tear-down fails when a container is left. */
int home_setup(void **state);
int home_teardown(void **state);

/* Fails unless `ls` says so of muthr-<project>. "": not listed with a sandbox. */
void home_expect_status(const char *sandbox, const char *want);
/* Fails unless `shell PROJECT -c` works. */
void home_expect_shell(const char *project);
/* Fails when a byte of it commands a terminal. */
void home_expect_plain(const struct strbuf *text);
/* Runs a verb, prints its code, its time and the first line of what it says, and fails when it took longer than that or
 * its messages are not plain. */
void home_timed(struct ran *r, int limit_ms, const char *const *args);
#define home_timed_run(r, limit_ms, ...) home_timed((r), (limit_ms), (const char *const[]){__VA_ARGS__, NULL})
/* Names of all containers of the world, one a line; free(). */
char *home_containers(void);

#endif
