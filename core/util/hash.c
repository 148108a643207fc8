/* SPDX-License-Identifier: Apache-2.0 */
#include "core/util/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <nettle/sha2.h>
#include <nettle/version.h>

/* nettle 4 dropped the length from the digest functions. */
static void digest_hex(struct sha256_ctx *ctx, char out[HASH_HEX_LEN + 1])
{
    static const char HEX[] = "0123456789abcdef";
    uint8_t raw[SHA256_DIGEST_SIZE];
#if NETTLE_VERSION_MAJOR >= 4
    sha256_digest(ctx, raw);
#else
    sha256_digest(ctx, sizeof(raw), raw);
#endif
    for (size_t i = 0; i < sizeof(raw); i++) {
        out[2 * i] = HEX[raw[i] >> 4];
        out[2 * i + 1] = HEX[raw[i] & 15];
    }
    out[HASH_HEX_LEN] = '\0';
}

void hash_sha256_hex(const void *data, size_t len, char out[HASH_HEX_LEN + 1])
{
    struct sha256_ctx ctx;
    sha256_init(&ctx);
    if (len > 0) {
        sha256_update(&ctx, len, data);
    }
    digest_hex(&ctx, out);
}

int hash_sha256_file(const char *path, char out[HASH_HEX_LEN + 1], struct error *err)
{
    struct sha256_ctx ctx;
    uint8_t piece[16384];
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return error_sys(err, errno, "%s", path);
    }
    sha256_init(&ctx);
    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            int sys = errno;
            close(fd);
            return error_sys(err, sys, "%s", path);
        }
        if (n == 0) {
            break;
        }
        sha256_update(&ctx, (size_t)n, piece);
    }
    close(fd);
    digest_hex(&ctx, out);
    return 0;
}

uint64_t hash_fnv1a64(const void *data, size_t len)
{
    const unsigned char *p = data;
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++) {
        h = (h ^ p[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}
