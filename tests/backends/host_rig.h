/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_HOST_RIG_H
#define MT_TESTS_BACKENDS_HOST_RIG_H

/* For tests of hosts: a directory of sockets, a loop, clients on it, and waiting for what they see. Hosts are real
 * processes: the test program itself, re-executed with `host` as its first argument. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/io/loop.h"
#include "core/util/strbuf.h"
#include "term/client.h"

#define RIG_WAIT_MS 20000 /* for things that take milliseconds: only a hang reaches it, also on a busy machine */

struct rig {
    struct loop *loop;
    struct timer *heart; /* wakes the loop so that conditions are looked at */
    char base[64];       /* temporary, removed at the end */
    char dir[80];        /* of the sockets */
};

struct rig_client {
    struct rig *rig;
    struct sessions *s;
    bool greedy; /* takes each frame at once, as a cockpit that paints does */
    int added, changed, removed, frames, lost;
    bool scanned;
    char last_removed[SESSION_ID_MAX];
    struct strbuf clipboard;
    /* of the start that is going on */
    bool start_done;
    char start_id[SESSION_ID_MAX];
    struct error start_err;
};

void rig_open(struct rig *r);
/* Makes the loop anew in a forked child. */
void rig_loop(struct rig *r);
/* Ends every session that is left, waits for the hosts to be gone, fails the test when one of them reported a leak or a
 * bad access. */
void rig_close(struct rig *r);

void rig_client_open(struct rig_client *c, struct rig *r);
void rig_client_close(struct rig_client *c);

/* Turns the loop until cond(arg); false after ms. */
bool rig_wait(struct rig *r, bool (*cond)(void *arg), void *arg, int ms);
/* Turns the loop for so long. */
void rig_turn(struct rig *r, int ms);

/* Starts `sh -c script` (or an interactive bash for NULL, with "PROMPT> ") at 80x24; the id in c->start_id. Fails the
 * test on errors. */
const char *rig_start(struct rig_client *c, const char *script);
/* The same with a spec; executable, argv (when NULL) and size are filled, label when NULL. Returns false and
 * c->start_err on errors. */
bool rig_start_spec(struct rig_client *c, struct session_start *spec);

/* An interactive bash that is viewed, its prompt on the screen. Returns c->start_id. */
const char *rig_shell(struct rig_client *c);

/* The mirror as text, trailing blanks cut, rows ended by newlines. */
void rig_screen(struct rig_client *c, const char *id, struct strbuf *out);
/* Waits until the text is on the screen; fails the test with the screen when it does not come. */
void rig_expect(struct rig_client *c, const char *id, const char *text);
void rig_type(struct rig_client *c, const char *id, const char *text);
void rig_expect_state(struct rig_client *c, const char *id, enum session_state state);
void rig_expect_removed(struct rig_client *c, const char *id);
void rig_expect_count(struct rig_client *c, size_t count);
/* Waits until a path is there, or gone. */
bool rig_wait_path(struct rig *r, const char *path, bool there);
/* Waits until a process is gone. */
bool rig_wait_gone(struct rig *r, int pid);
/* A number of /proc/PID/status; -1 when there is none. */
long rig_proc_status(int pid, const char *key);

#endif
