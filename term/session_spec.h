/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_SESSION_SPEC_H
#define MT_TERM_SESSION_SPEC_H

/* What a new host is told to run: JSON on the pipe that is its standard input, never on a command line, so that
 * environment values stay out of the process list. Also the host's one answer, and session ids. */

#include <stddef.h>
#include <stdint.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

#define SESSION_SPEC_MAX (2u << 20) /* a longer one is refused */

struct session_start;

struct session_spec_data {
    struct session_info info;        /* id, kind, texts and size are filled */
    char *dir;                       /* of the sockets */
    char *cwd, *audit;               /* audit: see host_audit.h, "" none */
    char *rules_own, *rules_shipped; /* files of rules for the screen (term/rules.h); "" none */
    struct strvec argv, env;
    uint32_t scrollback_lines;
    uint64_t scrollback_bytes, log_max_bytes;
};

void session_spec_init(struct session_spec_data *d);
void session_spec_release(struct session_spec_data *d);

/* Appends the JSON of what is to be started under this id. */
void session_spec_write(const struct session_start *start, const char *id, const char *dir, struct strbuf *out);
/* Errors: PARSE; INVALID naming what is missing (argv, id, dir). */
int session_spec_read(const char *text, size_t len, struct session_spec_data *out, struct error *err);

/* The host's word to its parent: err NULL means it serves. */
void session_answer_write(const struct error *err, struct strbuf *out);
/* 0 when it serves; -1 with the host's error, or UNAVAILABLE when there was no word. */
int session_answer_read(const char *text, size_t len, struct error *err);

/* "<project>-<kind>-<time and chance>": ASCII letters, digits, dash, dot, underscore; sorts by project, kind and start.
 */
void session_id_make(char out[SESSION_ID_MAX], const char *project, enum session_kind kind, uint64_t wall_ms,
                     uint32_t chance);
/* True for what session_id_make makes: safe as a file name. */
int session_id_check(const char *id, struct error *err);

#endif
