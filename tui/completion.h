/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TUI_COMPLETION_H
#define MT_TUI_COMPLETION_H

/* What the three shells are told of a verb, worked out of its row in the table (verb_table.c), so that no script is
 * kept by hand. The scripts hold words of ours only; names of projects, profiles and sessions are asked for when Tab is
 * pressed (`muthr-tui completion workspaces`, ...) and never expanded by the shell. */

#include <stdbool.h>

#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "tui/verb.h"

/* What is offered for a value or an argument: words, or one of the lists below, or nothing. */
struct completion_of {
    struct strvec words; /* "text", "json", ... */
    const char *list;    /* "workspaces", "profiles", "sessions", "themes", "folders", "files"; NULL */
};
#define COMPLETION_OF_INIT                                                                                             \
    {                                                                                                                  \
        .words = STRVEC_INIT                                                                                           \
    }
void completion_of_release(struct completion_of *c);

/* What an option's value can be; empty: anything. */
void completion_of_option(const struct option_row *row, struct completion_of *out);
/* What the verb's first argument can be: the words of its usage ("run [NAME]|ls|logs NAME": run, ls, logs), and what
 * the rest are: workspaces, sessions. */
void completion_of_verb(const struct verb *v, struct completion_of *out);
/* Can a command or paths follow what is listed? */
bool completion_takes_files(const struct verb *v);

/* The scripts. */
void completion_bash(struct strbuf *out);
void completion_zsh(struct strbuf *out);
void completion_fish(struct strbuf *out);

#endif
