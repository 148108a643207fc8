/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/probe_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

#define GOOD_SECONDS 86400
#define ANSWER_MAX (64u << 10)

/* Caller frees. */
static char *path_of(const char *state, const char *backend)
{
    return xasprintf("%s/probe-%s", state, backend);
}

bool probe_cache_read(const char *state, const char *backend, const struct strbuf *key, struct strbuf *out)
{
    MT_CLEANUP(xfree) char *path = path_of(state, backend);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    char hex[HASH_HEX_LEN + 1];
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != getuid()) {
        return false;
    }
    time_t age = time(NULL) - st.st_mtime;
    hash_sha256_hex(key->buf, key->len, hex);
    if (age < 0 || age >= GOOD_SECONDS || fs_read(path, ANSWER_MAX, &text, &ignored) < 0 ||
        text.len <= HASH_HEX_LEN + 1 || memcmp(text.buf, hex, HASH_HEX_LEN) != 0 || text.buf[HASH_HEX_LEN] != '\n') {
        return false;
    }
    strbuf_add(out, text.buf + HASH_HEX_LEN + 1, text.len - HASH_HEX_LEN - 1);
    return true;
}

void probe_cache_write(const char *state, const char *backend, const struct strbuf *key, const char *text, size_t len)
{
    MT_CLEANUP(xfree) char *path = path_of(state, backend);
    MT_CLEANUP(strbuf) struct strbuf whole = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char hex[HASH_HEX_LEN + 1];
    hash_sha256_hex(key->buf, key->len, hex);
    strbuf_addf(&whole, "%s\n", hex);
    strbuf_add(&whole, text, len);
    if (fs_mkdirs(state, 0700, &err) < 0 || fs_write_atomic(path, whole.buf, whole.len, 0600, &err) < 0) {
        log_info("%s: whether it works is tried again next time: %s", backend, err.msg);
    }
}

void probe_cache_forget(const char *state, const char *backend)
{
    MT_CLEANUP(xfree) char *path = path_of(state, backend);
    (void)unlink(path);
}

void probe_key_file(struct strbuf *key, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        strbuf_addf(key, "%s %lld %lld %lld %o %lld %lld %lld\n", path, (long long)st.st_size, (long long)st.st_mtime,
                    (long long)st.st_ino, (unsigned)st.st_mode, (long long)st.st_uid, (long long)st.st_gid,
                    (long long)st.st_dev);
    } else {
        strbuf_addf(key, "%s -\n", path);
    }
}

void probe_key_program(struct strbuf *key, const char *name)
{
    const char *path = getenv("PATH");
    for (const char *at = path != NULL ? path : "/usr/bin:/bin"; *at != '\0';) {
        size_t n = strcspn(at, ":");
        MT_CLEANUP(xfree) char *program = xasprintf("%.*s/%s", (int)n, at, name);
        if (n > 0 && access(program, X_OK) == 0) {
            probe_key_file(key, program);
            return;
        }
        at += n + (at[n] == ':' ? 1 : 0);
    }
    strbuf_addf(key, "%s -\n", name);
}

void probe_key_text(struct strbuf *key, const char *path)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    bool have = fs_read(path, 8192, &text, &ignored) == 0 && text.len > 0;
    strbuf_addf(key, "%s: ", path);
    strbuf_addstr(key, have ? text.buf : "-");
    strbuf_addch(key, '\n');
}
