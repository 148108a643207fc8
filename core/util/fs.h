/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_FS_H
#define MT_CORE_UTIL_FS_H

/* Small synchronous file work on local state. Errors name the path. */

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "core/util/error.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

/* Makes `path` and its missing parents with `mode`. Existing directories are left as they are. */
int fs_mkdirs(const char *path, mode_t mode, struct error *err);
/* Reads at most max_bytes (larger: ERROR_INVALID). Refuses anything but regular files. */
int fs_read(const char *path, size_t max_bytes, struct strbuf *out, struct error *err);
/* Writes whole to a temporary name beside it, fsync, rename (design.md 7). The old file survives every failure, and no
 * temporary is left. A symbolic link of that name is replaced, never written through: for files of our own. */
int fs_write_atomic(const char *path, const void *data, size_t len, mode_t mode, struct error *err);
/* The same for what is a person's (settings, profiles): a link of that name (dotfiles kept elsewhere) stays one, and
 * what it leads to is replaced. */
int fs_write_through(const char *path, const void *data, size_t len, mode_t mode, struct error *err);
/* Appends one block with O_APPEND and one write(2). */
int fs_append(const char *path, const void *data, size_t len, mode_t mode, struct error *err);
/* Renames a broken file to PATH.broken-N and logs a warning; the new name in *moved_to (may be NULL; caller frees). */
int fs_set_aside(const char *path, char **moved_to, struct error *err);
bool fs_exists(const char *path); /* follows symlinks */
bool fs_is_dir(const char *path);
/* Are both there, and one file or folder? By what they lead to, not by name. */
bool fs_is_same(const char *a, const char *b);
bool fs_is_link(const char *path); /* a symbolic link, wherever it leads */
/* Names in a directory except . and .., sorted by bytes. */
int fs_list(const char *path, struct strvec *out, struct error *err);
/* The same of an open directory, which stays open and where it stands. On failure errno tells. */
int fs_list_fd(int fd, struct strvec *out);
/* Removes a tree without following symlinks, dirfd-relative, fixing modes of directories it owns. Missing: success. */
int fs_remove_tree(const char *path, struct error *err);
/* Copies a tree of regular files, directories and symlinks (modes kept, owners not). */
int fs_copy_tree(const char *from, const char *to, struct error *err);

#endif
