/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_TAR_H
#define MT_CORE_ENGINE_TAR_H

/* Writes ustar archives into memory: how provision scripts get into a sandbox (`tar -xf -` on the stdin of an exec).
 * Deterministic: no times, owner 0, names as given. Source: POSIX pax, "ustar Interchange Format". */

#include <stddef.h>
#include <sys/types.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"

int tar_add_dir(struct strbuf *out, const char *name, mode_t mode, struct error *err);
int tar_add_file(struct strbuf *out, const char *name, mode_t mode, const void *data, size_t len, struct error *err);
/* A folder with what is below it: regular files and folders (symbolic links are left out). Fails when the archive would
 * pass max_bytes. */
int tar_add_tree(struct strbuf *out, const char *path, const char *name, size_t max_bytes, struct error *err);
/* The two blocks that end an archive. */
void tar_end(struct strbuf *out);

#endif
