/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_INFERENCE_LOCAL_H
#define MT_CORE_INFERENCE_LOCAL_H

/* The local inference server (I4): what runs here, and whether it is ours to stop. Files are the muthr CLI's too: pid
 * file, logs and active preset in ~/.cache/muthr; a record of our own in the state folder tells with what it was
 * started, and when, so that a process number that was given out again is never mistaken for it. Looks and files only;
 * local_job.h starts and stops. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/inference/preset.h"
#include "core/model/config.h"
#include "core/util/error.h"
#include "core/util/paths.h"

enum local_pid {
    LOCAL_NONE,    /* no pid file */
    LOCAL_RUNS,    /* it is that server */
    LOCAL_STALE,   /* that process has ended */
    LOCAL_FOREIGN, /* the number is another program's now */
    LOCAL_UNSURE,  /* whose it is may not be seen: left alone */
    LOCAL_BROKEN,  /* the file holds no process number */
};

struct local_runtime {
    const char *name, *exe, *install; /* "llama", "llama-server", what to do when it is missing */
};
#define LOCAL_RUNTIMES 2
extern const struct local_runtime local_runtimes[LOCAL_RUNTIMES];
/* NULL and err (INVALID) for any other name. */
const struct local_runtime *local_runtime_find(const char *name, struct error *err);

struct local_server {
    const struct local_runtime *runtime;
    enum local_pid pid_state;
    int pid;                                        /* as the file says; 0: none */
    bool leads;                                     /* it leads its process group */
    char note[400];                                 /* what is odd about the pid file, for people; or "" */
    char preset[128];                               /* that it was started with, or "" */
    char model[256];                                /* the same; "": not known (the CLI started it) */
    char host[64];                                  /* where it was told to listen; "": not known */
    int64_t port;                                   /* 0: not known */
    uint64_t started_ms;                            /* wall clock; 0: not known */
    char *log, *errlog, *pidfile, *record, *active; /* paths */
};

/* What stands there for a runtime. */
void local_look(struct local_server *out, const struct paths *paths, const struct local_runtime *runtime);
void local_server_release(struct local_server *s);

/* What somebody asks for; any may be NULL or 0. */
struct local_request {
    const char *preset, *model, *runtime, *host;
    int64_t port;
};
/* What that comes to. */
struct local_want {
    const struct local_runtime *runtime;
    char *program;                          /* absolute */
    char preset[128], model[256], host[64]; /* preset: its name, or the file of one whose name is not its alone */
    int64_t port;
};
/* The preset's and the request's words, then the settings; without preset and model: the active preset, else the
 * setting `model`. Errors name the field: INVALID, NOT_FOUND (no such preset, nothing to start), UNAVAILABLE (the
 * program is not on PATH; the hint says what to install). */
int local_resolve(struct local_want *out, const struct paths *paths, const struct config *config,
                  const struct local_request *req, struct error *err);
void local_want_release(struct local_want *w);

/* Writes pid file, record and active preset of a server that was just started. */
int local_note_started(const struct local_server *s, const struct local_want *w, int pid, struct error *err);
/* Removes pid file and record, unless another process has come into them. A broken pid file is set aside. */
void local_forget(const struct local_server *s);

/* Where to talk to a server that listens on `host` ("0.0.0.0": here). */
const char *local_reach(const char *host);
/* Is the port listened on for more than this machine and its containers? Names addresses in `out`, "" when not. As the
 * system tells; where it does not, by `host`. */
void local_exposure(const char *host, int64_t port, char out[160]);
/* Who holds the port that `host` wants: a sentence's part like "llama-server (process 12) on 0.0.0.0", "" when it is
 * free. *pid: its process, 0 when not known. */
void local_holder(const char *host, int64_t port, char out[200], int *pid);
/* Both at once, for half the price: for whom the port is open, and who holds it on any address. Some 20 ms where there
 * are hundreds of processes. */
void local_port(const char *host, int64_t port, char exposed[160], char holder[200]);
/* The last lines of a log from byte `from` on, sanitised, at most `lines`. */
void local_tail(const char *path, int64_t from, size_t lines, struct strbuf *out);

#endif
