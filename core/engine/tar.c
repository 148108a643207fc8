/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/tar.h"

#include <string.h>
#include <sys/stat.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

#define BLOCK 512
#define DEPTH_MAX 16

struct header {
    char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
    char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], pad[12];
};
_Static_assert(sizeof(struct header) == BLOCK, "ustar header");

/* Writes an octal field with its terminating NUL; no snprintf, which gcc believes to be cut. */
static void octal(char *field, size_t cap, unsigned long long value)
{
    field[cap - 1] = '\0';
    for (size_t i = cap - 1; i > 0; i--) {
        field[i - 1] = (char)('0' + value % 8);
        value /= 8;
    }
}

/* Splits a long name into prefix and name at a slash. */
static int put_name(struct header *h, const char *name, struct error *err)
{
    size_t len = strlen(name);
    if (len <= sizeof(h->name)) {
        memcpy(h->name, name, len);
        return 0;
    }
    for (const char *slash = strchr(name, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        size_t front = (size_t)(slash - name), rest = len - front - 1;
        if (front <= sizeof(h->prefix) && rest > 0 && rest <= sizeof(h->name)) {
            memcpy(h->prefix, name, front);
            memcpy(h->name, slash + 1, rest);
            return 0;
        }
    }
    return error_set(err, ERROR_INVALID, "%.200s: the name is too long for an archive", name);
}

/* Appends one header block. */
static int put_header(struct strbuf *out, const char *name, char type, mode_t mode, size_t size, struct error *err)
{
    struct header h;
    memset(&h, 0, sizeof(h));
    if (put_name(&h, name, err) < 0) {
        return -1;
    }
    octal(h.mode, sizeof(h.mode), mode & 0777);
    octal(h.uid, sizeof(h.uid), 0);
    octal(h.gid, sizeof(h.gid), 0);
    octal(h.size, sizeof(h.size), size);
    octal(h.mtime, sizeof(h.mtime), 0);
    h.type = type;
    memcpy(h.magic, "ustar", 6);
    memcpy(h.version, "00", 2);
    memset(h.checksum, ' ', sizeof(h.checksum));
    unsigned sum = 0;
    for (size_t i = 0; i < sizeof(h); i++) {
        sum += ((const unsigned char *)&h)[i];
    }
    octal(h.checksum, 7, sum); /* six digits, NUL, space */
    strbuf_add(out, &h, sizeof(h));
    return 0;
}

int tar_add_dir(struct strbuf *out, const char *name, mode_t mode, struct error *err)
{
    MT_CLEANUP(xfree) char *slashed = xasprintf("%s/", name);
    return put_header(out, slashed, '5', mode, 0, err);
}

int tar_add_file(struct strbuf *out, const char *name, mode_t mode, const void *data, size_t len, struct error *err)
{
    static const char ZEROS[BLOCK];
    if (put_header(out, name, '0', mode, len, err) < 0) {
        return -1;
    }
    strbuf_add(out, data, len);
    strbuf_add(out, ZEROS, (BLOCK - len % BLOCK) % BLOCK);
    return 0;
}

/* One level of tar_add_tree. */
static int add_level(struct strbuf *out, const char *path, const char *name, size_t max_bytes, int depth,
                     struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (depth > DEPTH_MAX) {
        return error_set(err, ERROR_INVALID, "%s: folders are nested too deeply", path);
    }
    if (fs_list(path, &names, err) < 0 || tar_add_dir(out, name, 0755, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *child = path_join(path, names.v[i]);
        MT_CLEANUP(xfree) char *inside = path_join(name, names.v[i]);
        MT_CLEANUP(strbuf) struct strbuf data = STRBUF_INIT;
        struct stat st;
        if (lstat(child, &st) != 0 || (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))) {
            continue;
        }
        if (S_ISDIR(st.st_mode)) {
            if (add_level(out, child, inside, max_bytes, depth + 1, err) < 0) {
                return -1;
            }
            continue;
        }
        size_t left = out->len < max_bytes ? max_bytes - out->len : 0;
        if (fs_read(child, left, &data, err) < 0 ||
            tar_add_file(out, inside, st.st_mode, data.buf, data.len, err) < 0) {
            return -1;
        }
    }
    return 0;
}

int tar_add_tree(struct strbuf *out, const char *path, const char *name, size_t max_bytes, struct error *err)
{
    return add_level(out, path, name, max_bytes, 0, err);
}

void tar_end(struct strbuf *out)
{
    static const char ZEROS[2 * BLOCK];
    strbuf_add(out, ZEROS, sizeof(ZEROS));
}
