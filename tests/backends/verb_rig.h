/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TESTS_BACKENDS_VERB_RIG_H
#define MT_TESTS_BACKENDS_VERB_RIG_H

/* The real program run verb by verb as child processes, in a home of its own. With fixture_main (bwrap_fixture.h) every
 * group runs as whoever started it and, when that is root, again as an ordinary user. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "core/util/json.h"
#include "core/util/strbuf.h"

#define RIG_DEADLINE_MS 30000

struct verb_rig {
    char *base, *home, *src; /* src: <home>/src, the workspace root */
    bool as_root;
};
extern struct verb_rig vr;

/* A home with the workspaces demo, other, "a b"; nothing running. */
int verb_setup(void **state);
/* Deletes every sandbox, and fails when a process of this home is left. */
int verb_teardown(void **state);

/* What a child said, and how it ended: exit code, or 128 + signal. */
struct ran {
    int code;
    struct strbuf out, err;
};
#define RAN_INIT ((struct ran){.code = -1, .out = STRBUF_INIT, .err = STRBUF_INIT})
void ran_release(struct ran *r);

/* How a child is started; zero means the usual. */
struct verb_how {
    const char *cwd;   /* NULL: <src>/demo */
    const char *input; /* stdin; NULL: /dev/null */
    size_t input_len;
    bool close_stdin, close_stdout, full_stdout, broken_stdout;
    void (*prepare)(void); /* in the child, before exec */
};
/* Runs `muthr-tui ARGS` (NULL-terminated) to its end; r is overwritten. */
void verb_run_how(struct ran *r, const struct verb_how *how, const char *const *args);
#define verb_run(r, ...) verb_run_how((r), NULL, (const char *const[]){__VA_ARGS__, NULL})
#define verb_run_with(r, how, ...) verb_run_how((r), (how), (const char *const[]){__VA_ARGS__, NULL})
/* Runs, and fails the test with what was said when it does not end in `code`. */
#define verb_expect(want, ...)                                                                                         \
    do {                                                                                                               \
        struct ran rig_ran_ = RAN_INIT;                                                                                \
        verb_run(&rig_ran_, __VA_ARGS__);                                                                              \
        ran_expect(&rig_ran_, (want));                                                                                 \
        ran_release(&rig_ran_);                                                                                        \
    } while (0)
void ran_expect(const struct ran *r, int code);
/* Fails unless `text` stands in `in`. */
void expect_text(const struct strbuf *in, const char *text);
/* Parses stdout as JSON (fails when it is none). json_free. */
struct json *ran_json(const struct ran *r);

/* Starts one in the background, its output in <base>/bg.<n>.{out,err}. verb_wait: exit code, or 128 + signal; kills it
 * and returns -1 after the deadline. */
pid_t verb_start_argv(const char *const *args);
#define verb_begin(...) verb_start_argv((const char *const[]){__VA_ARGS__, NULL})
int verb_wait(pid_t pid, uint64_t timeout_ms);
/* Output so far of the one started last; ext "out" or "err". free(). */
char *verb_said(const char *ext);

/* Waits until cond(arg) with a deadline, looking every 10 ms; returns the last cond. */
bool verb_until(bool (*cond)(const void *arg), const void *arg, uint64_t timeout_ms);
/* Conditions: the file below src exists / the process is gone. */
bool src_exists(const void *relative);
bool pid_is_gone(const void *pid);
/* Writes a file below the home; makes its folders. */
void home_write(const char *relative, const char *text);
bool home_exists(const char *relative);
/* Reads one below the home, "" when it is not there. free(). */
char *home_read(const char *relative);
/* A profile of the test's own. */
void profile_write(const char *name, const char *script);

/* Status of a sandbox as `ls -o json` tells it; "" when it is not listed. free(). */
char *sandbox_status(const char *sandbox);
/* Fails unless that is its status. */
void expect_status(const char *sandbox, const char *want);
/* Processes of this home: those that carry it in their environment or see a part of it mounted. */
size_t verb_processes(pid_t *pids, size_t cap);
/* The first one with `word` in its program name and `other` (may be NULL) in its command line, or 0. */
pid_t verb_process(const char *word, const char *other);

#endif
