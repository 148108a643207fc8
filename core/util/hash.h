/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_UTIL_HASH_H
#define MT_CORE_UTIL_HASH_H

/* SHA-256 (nettle) and 64-bit FNV-1a (behaviour.md N4). */

#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"

#define HASH_HEX_LEN 64

/* Lower-case hex digest of `data`, NUL-terminated. */
void hash_sha256_hex(const void *data, size_t len, char out[HASH_HEX_LEN + 1]);
/* The same of a file's bytes, read in pieces. Errors: as error_sys. */
int hash_sha256_file(const char *path, char out[HASH_HEX_LEN + 1], struct error *err);
uint64_t hash_fnv1a64(const void *data, size_t len);

#endif
