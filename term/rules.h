/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_RULES_H
#define MT_TERM_RULES_H

/* What the screen of an agent says about it: the rules of attention.toml for one program, compiled. The format is
 * described in term/attention.toml, which is shipped; a file of the person's own is looked at first. Pure but for
 * reading the two files. */

#include <stdbool.h>
#include <stddef.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

#define RULES_FILE "attention.toml"
#define RULES_LINES_MAX 60 /* a rule looks at so many lines at most */

enum rules_state { RULES_NONE, RULES_WORKING, RULES_WAITING, RULES_IDLE };

struct rules;
struct rules_programs;

/* The rules for `program` from the person's own file and the shipped one; a file that is not there has none. Either
 * path may be NULL or "". What is wrong is left out and, when `problems` is not NULL, told there with file, line and
 * column. Returns NULL when there is no rule for the program: nothing to look at. Free with rules_free. */
struct rules *rules_load(const char *own, const char *shipped, const char *program, struct strvec *problems);
void rules_free(struct rules *r);
/* 0 when the file is as it should be or is not there, else -1 and the first problem: for those who must not change over
 * to half a file. */
int rules_check(const char *path, struct error *err);
/* Every problem of a file, as rules_load tells them, whoever its rules are for. Returns the number of its rules. */
size_t rules_problems(const char *path, struct strvec *problems);

/* How many of the last lines that are not empty they want. */
int rules_lines(const struct rules *r);
/* What the lines say (last of the screen's lines that are not empty, each ended by a newline, none empty). `shown`
 * gets the text for the person, "" when there is none. */
enum rules_state rules_judge(const struct rules *r, const char *lines, struct strbuf *shown);

/* Which program it is, for sessions whose label says nothing, such as a shell in which an agent was started by hand: by
 * its name, when some rule of the two files is for it, or by the title that it gives its window ([[agent]], the
 * person's own first). NULL when there are no rules. */
struct rules_programs *rules_programs_load(const char *own, const char *shipped);
void rules_programs_free(struct rules_programs *t);
/* Is there a rule for a program of this name? Those that are for whatever runs ("*") do not count. */
bool rules_programs_know(const struct rules_programs *t, const char *name);
/* The name of the program; valid as long as `t`. NULL: no title of an agent; `t` may be NULL. */
const char *rules_programs_by_title(const struct rules_programs *t, const char *title);

/* The program's name as rules know it, of a session's label: the first word without its folder. */
void rules_program(const char *label, char *out, size_t cap);

#endif
