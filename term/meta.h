/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_TERM_META_H
#define MT_TERM_META_H

/* A session's facts (struct session_info) as the JSON of the protocol's META message, and back. Keys are only ever
 * added; a reader takes what it knows, so host and cockpit may be of different ages. */

#include <stddef.h>

#include "core/model/session.h"
#include "core/util/error.h"
#include "core/util/strbuf.h"

void meta_write(const struct session_info *info, struct strbuf *out);
/* Fills *info; every text is made fit for the screen and cut to its field. The id is not taken from the message: it is
 * the socket's name. Errors: PARSE. */
int meta_read(const char *text, size_t len, const char *id, struct session_info *info, struct error *err);

#endif
