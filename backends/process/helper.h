/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_PROCESS_HELPER_H
#define MT_BACKENDS_PROCESS_HELPER_H

/* The verbs that write, wait or start something, each in a short process of its own: `muthr-tui HELPER VERB [NAME
 * [GRACE_MS]]`. They may block. Progress goes to stdout a line each; a failure ends with a line of \x1e and the error
 * as JSON. What differs between the backends stands in their helper_kind. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/engine/backend.h"
#include "core/util/error.h"
#include "core/util/paths.h"

#define HELPER_FORCE_GRACE_MS 1 /* as calls.c gives it: by force */

struct helper_kind;
struct helper {
    const struct helper_kind *kind;
    struct paths paths;
    char *root;
    char *dir; /* of the sandbox, NULL where the verb has none */
    const char *name;
    uint64_t grace_ms;
};

struct helper_verb {
    const char *name;
    int (*run)(struct helper *h, struct error *err);
    bool needs_name;
};

struct helper_kind {
    const char *name;   /* the program's first argument */
    const char *folder; /* of the sandboxes, below the state folder */
    const struct helper_verb *verbs;
    size_t verb_count;
    /* What else must hold of a spec before it is stored (its workspace was judged); may be NULL. */
    int (*check)(struct helper *h, const struct sandbox_spec *spec, struct error *err);
    /* More for the folder of a new sandbox; may be NULL. */
    int (*furnish)(const char *dir, const struct sandbox_spec *spec, struct error *err);
    /* Supervises until the end, in a process of its own: tells on ready_fd how the start goes (report.h). */
    int (*supervise)(struct helper *h, int ready_fd, int way);
    int (*stop)(struct helper *h, struct error *err);
    /* Before the folder of a stopped sandbox is removed, its lock held; may be NULL. -1: it stays. */
    int (*let_go)(struct helper *h, struct error *err);
    /* After a crash: ends what is left, records it. Does nothing while the supervisor lives. */
    void (*clean_up)(const char *root, const char *id);
};

/* Runs the verb that the arguments name. Returns the exit code. */
int helper_main(const struct helper_kind *kind, int argc, char **argv);

/* A line on stdout, at once. */
void helper_say(const char *text);
/* Reads a spec from stdin. */
int helper_read_spec(struct sandbox_spec *out, struct error *err);
void helper_say_probe(const struct backend_probe *p);

/* Builds the folder under a temporary name; the rename makes it exist all at once or not at all. */
int helper_create(struct helper *h, struct error *err);
/* Rewrites the configuration of a stopped one. */
int helper_update(struct helper *h, struct error *err);
/* Stores that the network of a sandbox that does not run is cut from its next start on; *net (may be NULL): which one
 * holds then. */
int helper_store_seal(struct helper *h, enum net_policy *net, struct error *err);
/* Stops it, then removes its folder. */
int helper_delete(struct helper *h, struct error *err);

/* One attempt to start: leaves the supervisor behind (way is handed on to it) and follows what it says. 0, -1, or
 * HELPER_START_SILENT: it ended without a word, HELPER_START_AGAIN: somebody was still clearing up. */
enum { HELPER_START_SILENT = 1, HELPER_START_AGAIN = 2 };
int helper_start(struct helper *h, int way, struct error *err);

/* Is the lock held by the supervisor that the status names? Not, when it is still to write it, or when somebody clears
 * up after one that was killed. */
bool helper_is_supervised(const struct helper *h, int holder);
/* Until nobody holds the lock. False when that takes longer. */
bool helper_wait_unlocked(struct helper *h, uint64_t timeout_ms);
/* Kills whoever holds the lock, checked twice so that a reused pid cannot be hit. */
void helper_kill_supervisor(struct helper *h);
/* Half-made and half-removed folders of processes that are gone, and sandboxes whose supervisor was killed together
 * with whoever watched it. */
void helper_collect_garbage(struct helper *h);

#endif
