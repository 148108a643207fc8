/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_BACKENDS_SEATBELT_CLONE_H
#define MT_BACKENDS_SEATBELT_CLONE_H

#include "core/util/error.h"

/* Makes `to` (which must not be there) a clone of the folder `from`: files share their space with the original until
 * one is written to, where the file system can; else they are copied. Folders, files and links as they are, anything
 * else (sockets, devices) is left out. Blocks. On failure nothing is left: SYS tells, a full disk by name. */
int clone_tree(const char *from, const char *to, struct error *err);

#endif
