/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_PODMAN_RIG_H
#define MT_TESTS_BACKENDS_PODMAN_RIG_H

/* A private world of real podman for one test process: own storage, configuration, network, locks and home, all below
 * one folder, nothing in /etc or of the machine's own podman touched. It works as root only. The world is swept by
 * pod_close, by a watcher when the process ends in any other way, and by the next pod_open when even that was killed.
 *
 * A test program's main: `return pod_main(run);`, its group's set-up calls pod_open, its tear-down pod_close. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "core/util/json.h"
#include "core/util/strbuf.h"

#define POD_DEADLINE_MS 60000
#define POD_MINI "localhost/muthr-mini:latest" /* busybox; users root and muthr (1000); WORKDIR /workspace */
#define POD_MINI_LABEL "muthr.test=mini"
#define POD_READY "localhost/muthr-ready:latest" /* pod_ready: the same with all that a sandbox needs */

struct pod_world {
    int number;          /* no two worlds of this machine have the same: networks, ports and names derive from it */
    int port_base;       /* 20 host ports from here on are this world's */
    char base[64];       /* everything is below: home/ tmp/ root/ run/ net/ bin/ containers.conf storage.conf */
    char network[32];    /* the default network's name; its bridge has the same name */
    char home[80];       /* HOME */
    char program[4096];  /* the built muthr-tui, also MT_TEST_PROGRAM */
    const char *podman;  /* absolute path of the real one, whatever a test puts into PATH */
    const char *skipped; /* pod_main: why nothing runs, or NULL */
};
extern struct pod_world pod;

/* Runs the group, or, where podman cannot run at all (not root, not installed, no privilege for it), reports one
 * skipped test with the reason. Returns the exit status for main. */
int pod_main(int (*run)(void));
/* Makes the world and sets CONTAINERS_CONF, CONTAINERS_STORAGE_CONF, CONTAINERS_REGISTRIES_CONF, TMPDIR, HOME, XDG_*
 * and MT_TEST_PROGRAM; unsets CONTAINER_HOST and its like. Imports POD_MINI. The world is in a network namespace of its
 * own (podman_net.h), which has no way out. Returns 0, or -1 with the reason on stderr. */
int pod_open(void);
/* The same in the machine's own network, for what must reach the package registries. One such world at a time. */
int pod_open_connected(void);
/* Makes POD_READY: POD_MINI with a bash (busybox's shell under that name) and the marker of an installed baseline, so
 * that an ensure up to a shell takes a second and needs no network. Returns 0, or -1 with the reason on stderr. */
int pod_ready(void);
/* Removes containers, images, processes, mounts, network and files. Returns 0, or -1 when a process of the world was
 * left that no container accounts for (it is ended and named on stderr). */
int pod_close(void);

/* What podman said, and how it ended: exit code, 128 + signal, or -1 after the deadline. */
struct pod_ran {
    int code;
    struct strbuf out, err;
};
#define POD_RAN_INIT ((struct pod_ran){.code = -1, .out = STRBUF_INIT, .err = STRBUF_INIT})
void pod_ran_release(struct pod_ran *r);

/* Runs any program (argv[0] by PATH) to its end in this world; r is overwritten. */
int pod_run_argv(struct pod_ran *r, const char *const *argv, uint64_t timeout_ms);
/* Runs `podman ARGS`. Returns the exit code. */
int pod_podman(struct pod_ran *r, const char *const *args);
#define pod_run(r, ...) pod_podman((r), (const char *const[]){__VA_ARGS__, NULL})
/* Runs `podman ARGS`, fails the test unless it succeeds; its stdout without the last newlines. free(). */
char *pod_text_of(const char *const *args);
#define pod_text(...) pod_text_of((const char *const[]){__VA_ARGS__, NULL})
/* The same, output dropped. */
#define pod_do(...) free(pod_text(__VA_ARGS__))

/* State as podman names it ("running", "exited", ...); "" when there is no such container. free(). */
char *pod_state(const char *container);
bool pod_is(const char *container, const char *state);
/* `inspect` of one container: its object, or NULL. json_free *doc. */
const struct json *pod_inspect(const char *container, struct json **doc);
/* Pids of its conmon and of its first process; 0 when there is none. */
pid_t pod_conmon(const char *container);
pid_t pod_pid(const char *container);

/* Waits until cond(arg) with a deadline, looking every 20 ms; returns the last cond. */
bool pod_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms);
/* Waits for a container's state, "" = gone; fails the test when it does not come. */
void pod_expect(const char *container, const char *state, uint64_t timeout_ms);
/* Processes whose command line, environment or root file system is in this world, except this one and its ancestors. */
size_t pod_processes(pid_t *pids, size_t cap);
/* The first process of this world whose command line has both texts (NULL: any), or 0. Made for finding `podman`
 * children to kill. */
pid_t pod_process(const char *word, const char *other);
/* Its command line, words separated by blanks; "" when it is gone. */
void pod_command(pid_t pid, char *buf, size_t cap);
/* Writes a program into <base>/bin and puts that folder first in PATH: a stand-in for `name`. `script` says at its top
 * what it stands for. pod_stand_in(name, NULL) takes it away again. */
void pod_stand_in(const char *name, const char *script);

#endif
