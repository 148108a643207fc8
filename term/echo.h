/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_ECHO_H
#define MT_TERM_ECHO_H

/* What a host writes on a lent terminal (term/loan.h): the cells that a key has changed beside the cursor, as bytes for
 * it. Pure. Only what every terminal draws alike and nothing else depends on: printable ASCII in one of the pens of the
 * offer. Everything else waits for the cockpit. */

#include <stdbool.h>

#include "core/util/strbuf.h"
#include "term/cell.h"
#include "term/loan.h"

/* The cursor went from column `from` to `to` of a row: cells between them are new, as are those after them that a
 * program drew again, which come with the frame. Appends the bytes and fills in `drawn`. False, and nothing was
 * appended, when it is not of that kind. The terminal's pen is at its default before and after. */
bool echo_write(const struct loan_offer *offer, const struct cell *cells, int row, int from, int to, struct strbuf *out,
                struct loan_drawn *drawn);

#endif
