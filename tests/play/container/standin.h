/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_PLAY_CONTAINER_STANDIN_H
#define MT_TESTS_PLAY_CONTAINER_STANDIN_H

/* What the stand-in's files share. main.c says what it stands for and how it is ordered about. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/util/compiler.h"
#include "core/util/json.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

/* 1.2.2 -> 10202, so that floors compare. */
#define VERSION_OF(major, minor, patch) ((major)*10000 + (minor)*100 + (patch))
#define EXIT_USAGE 64

struct standin {
    char *root;        /* the state folder */
    char text[32];     /* "1.2.2" */
    int version;       /* VERSION_OF */
    struct strbuf out; /* stdout, kept back until the end so that a fault can take it away */
};
extern struct standin st;
/* Is the version played at least that one? */
bool since(int major, int minor, int patch);
/* A number from the environment CONTAINER_STANDIN_<NAME>, or from the state folder's file `name`, or the fallback. */
long setting(const char *environment, const char *name, long fallback);
/* <root>/<format>. free(). */
char *in_root(const char *format, ...) MT_PRINTF(1, 2);
/* Does <root>/<name> exist? */
bool root_has(const char *name);
void sleep_ms(long ms);

/* say.c: what goes wrong. None of these returns. */

/* `message` with a cause in the style of the version: "message (cause: "code: \"inner\"")" since 0.10, before that
 * code: "message" (cause: ...). cause_code NULL: no cause. Exit 1. */
MT_NORETURN void fail_because(const char *code, const char *cause_code, const char *cause, const char *format, ...)
    MT_PRINTF(4, 5);
#define fail(code, ...) fail_because((code), NULL, NULL, __VA_ARGS__)
/* The service does not answer. */
MT_NORETURN void fail_service(const char *what);
/* A command line that the grammar refuses: text, usage, exit 64. */
MT_NORETURN void fail_usage(const char *usage, const char *path, const char *format, ...) MT_PRINTF(3, 4);
/* Prints what was kept back and ends. */
MT_NORETURN void finish(int code);

/* grammar.c */

/* One option. `names` is "--long", "-s/--long" or "-s/--long/--other"; the first long one is its key. */
struct option_rule {
    const char *names;
    char kind;           /* f: flag, s: text, i: whole number, u: whole number not below 0 */
    const char *value;   /* as help shows it: "cpus" */
    int from, until;     /* VERSION_OF of the first that has it, and of the first that has it no more; 0: no border */
    const char *choices; /* "json|table", or NULL */
};
struct command;
struct given {
    const struct command *command;
    struct strvec keys, values; /* in order; a flag's value is "" */
    struct strvec args;
};
struct command {
    const char *path;  /* "image pull" */
    const char *usage; /* what follows the path */
    const struct option_rule *options[6];
    const char *names_of_args; /* "<container-id>": what is missing, in the words of the error; NULL: none is needed */
    int most_args;             /* -1: any number */
    bool passes_on;            /* everything behind the first argument is handed on, options too */
    int from;                  /* VERSION_OF the first that has it */
    bool offline;              /* works without the service */
    int (*run)(const struct given *g);
};
/* Reads what follows the command's words; ends the program with 64 when the grammar refuses it. */
void grammar_read(const struct command *c, char **argv, int argc, struct given *out);
bool given_has(const struct given *g, const char *key);
/* The last one given, or the fallback. */
const char *given_value(const struct given *g, const char *key, const char *fallback);
/* All of them, in order. */
void given_all(const struct given *g, const char *key, struct strvec *out);
extern const struct command commands[];
extern const size_t command_count;

/* fault.c */

/* Notes the call and does what the faults ordered for it say before it is run. */
void fault_before(const char *path, char **argv, int argc);
/* What they say for the moment when the work is done and the answer is not yet out. */
void fault_after(void);

/* store.c: containers, images and volumes on disk */

/* Held until the program ends or unlocks; other instances wait. */
void store_lock(void);
void store_unlock(void);
char *container_path(const char *id, const char *rest);
bool container_exists(const char *id);
/* Its configuration (of the newest shape), or NULL. json_free. */
struct json *container_config(const char *id);
void container_ids(struct strvec *out);
enum life { LIFE_STOPPED, LIFE_RUNNING, LIFE_STOPPING, LIFE_STARTING };
/* *keeper (may be NULL): pid of what keeps it, 0 when stopped. */
enum life container_life(const char *id, pid_t *keeper);
const char *life_name(enum life life);
/* Process id of its first process as the host sees it; 0: none. */
pid_t container_init(const char *id);
/* A number kept in a file of the container's folder; 0 when there is none. */
double container_number(const char *id, const char *file);
void container_note(const char *id, const char *file, const char *text);
/* Takes it away for good. */
void container_remove(const char *id);
/* Fails as the version does when there is none of that name. */
void container_must_exist(const char *id);
/* "docker.io/library/debian:13-slim" for "debian:13-slim". free(). */
char *reference_full(const char *reference);
/* The digest ("sha256:...") behind a reference, or NULL. free(). */
char *image_digest(const char *reference);
/* <root>/images/<hex>/<rest>. free(). */
char *image_path(const char *digest, const char *rest);
/* Its OCI configuration. json_free; NULL: none. */
struct json *image_config(const char *digest);
void image_references(struct strvec *out);
/* Binds a reference to a digest; NULL takes it away. */
void image_bind(const char *reference, const char *digest);
/* Runs a tool of the machine's to its end. Its exit code. */
int run_tool(const char *const *argv);

/* show.c: JSON */

/* One container as `list` and `inspect` tell it in this version. */
struct json *show_container(const char *id);
struct json *show_image(const char *reference, bool listed);
/* Appends the text: keys sorted since 1.0, as they come before that. */
void show_json(const struct json *j, struct strbuf *out);
/* Seconds since 2001 as a number before 1.0, ISO 8601 without a fraction since then. */
void show_date(struct json *o, const char *key, double unix_seconds);

/* place.c (Linux): namespaces and processes */

struct place_user {
    uid_t uid;
    gid_t gid;
    gid_t groups[32];
    size_t group_count;
    char home[256];
};
struct place {
    const char *rootfs;
    const struct json *config; /* the container's; NULL for a step of a build */
    bool network;
};
/* In a new process that is the first of new namespaces: makes the place its world. Returns NULL, or what failed. free()
 */
char *place_make(const struct place *p);
/* Starts a process in new namespaces, as fork does. `go` (write end) must be closed to let it go on: place_wait. */
pid_t place_fork(bool network, int go[2]);
/* In the child: waits until the parent has given it its user numbers. */
void place_wait(int go[2]);
/* In the parent. */
void place_go(pid_t pid, int go[2]);
/* "name", "uid" or "uid:gid" against the etc/passwd of the root that is `/` now. Returns 0, or -1: no such user. */
int place_user_find(const char *text, struct place_user *out);
/* Becomes that user. In namespaces of an ordinary user, where there is no other, stays who it is. */
void place_user_become(const struct place_user *u);
/* Keeps only the capabilities that this version gives, with the container's additions and removals. */
void place_capabilities(const struct json *config);
/* Enters the namespaces of a process. The process id namespace is only that of children. -1: gone. */
int place_enter(pid_t pid);
/* execvp with PATH of the new environment. Returns errno. */
int place_exec(char *const *argv, char *const *env);
/* The program: `usage` of CPU in microseconds, memory and processes of the place of which `init` is the first. */
void place_usage(pid_t init, uint64_t *cpu_usec, uint64_t *memory, uint64_t *processes);
/* Environment of a process: the configuration's, the additions, and what the guest's agent sets itself. */
void process_env(const struct json *config, const struct strvec *more, const struct place_user *u, bool tty,
                 struct strvec *out);
/* `--env K=V`, `--env K` (taken from ours; left out when unset) and --env-file. */
void given_env(const struct given *g, struct strvec *out);

/* keeper.c: what stands behind a running container */

/* Starts it; returns when its first process runs. Ends the program with the version's error when it does not. */
void keeper_start(const char *id);
/* Tells the keeper to stop it, and waits until it is stopped. */
void keeper_stop(const char *id, int signal_number, long timeout_ms);
/* ports.c: binds what is published. Returns the number of sockets, or -1 with errno. */
int ports_bind(const struct json *config, int *fds, uint16_t *targets, size_t cap);
/* Never returns: hands connections on. */
MT_NORETURN void ports_serve(const int *fds, const uint16_t *targets, size_t count);

/* One for each command, in the file of its kind. */
int do_create(const struct given *g);
int do_run(const struct given *g);
int do_start(const struct given *g);
int do_stop(const struct given *g);
int do_kill(const struct given *g);
int do_delete(const struct given *g);
int do_prune(const struct given *g);
int do_list(const struct given *g);
int do_inspect(const struct given *g);
int do_exec(const struct given *g);
int do_logs(const struct given *g);
int do_stats(const struct given *g);
int do_copy(const struct given *g);
int do_export(const struct given *g);
int do_image_list(const struct given *g);
int do_image_inspect(const struct given *g);
int do_image_pull(const struct given *g);
int do_image_delete(const struct given *g);
int do_image_tag(const struct given *g);
int do_image_save(const struct given *g);
int do_build(const struct given *g);
int do_builder_status(const struct given *g);
int do_network_list(const struct given *g);
int do_network_inspect(const struct given *g);
int do_network_create(const struct given *g);
int do_network_delete(const struct given *g);
int do_volume_list(const struct given *g);
int do_volume_delete(const struct given *g);
int do_system_status(const struct given *g);
int do_system_start(const struct given *g);
int do_system_stop(const struct given *g);
int do_system_version(const struct given *g);
int do_help(const struct given *g);
/* Makes the container and prints nothing. Returns its name. free(). */
char *create_container(const struct given *g);
/* A new state folder gets the images that are there from the start. */
void images_begin(void);
/* Fetches an image when it is not here, with the version's progress when `progress` says so. */
void image_need(const char *reference, const char *progress);
/* A signal's number for "SIGTERM", "TERM", "15". -1: none. */
int signal_number(const char *name);

#endif
