/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_QUESTIONS_H
#define MT_TERM_QUESTIONS_H

/* Inside a host: what one viewer asks of scrollback and screen, and its answers. Lines are answered at once; a search
 * takes turns on the loop, and a new one takes the place of the last. Only viewer.c uses it. */

#include "core/io/loop.h"
#include "core/util/strbuf.h"
#include "term/proto.h"
#include "term/vt.h"

struct questions;

/* An answer is ready to be sent. */
typedef void (*questions_fn)(void *arg, enum proto_type type, const struct strbuf *payload);

/* Borrows loop and terminal, which outlive it. */
struct questions *questions_new(struct loop *loop, struct vt *vt, questions_fn answer, void *arg);
/* What is under way is not answered any more. NULL allowed. */
void questions_free(struct questions *q);

/* Answered within the call. */
void questions_lines(struct questions *q, const struct proto_history *h);
/* The lines of the screen, answered in the same way. */
void questions_screen(struct questions *q, uint32_t id);
/* Answered within the call or in a later turn; once more when the numbers come later than the place. */
void questions_search(struct questions *q, const struct proto_search *s);
/* Nobody waits for the search any more: it is answered as dropped. */
void questions_stop(struct questions *q);

#endif
