/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/facts_cache.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/podman/podman_private.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

#define GOOD_SECONDS 86400
#define ANSWER_MAX (256u << 10)

/* A file's identity as far as a change of it shows. */
static void add_file(struct strbuf *key, const char *path)
{
    struct stat st;
    if (stat(path, &st) == 0) {
        strbuf_addf(key, "%s %lld %lld %lld\n", path, (long long)st.st_size, (long long)st.st_mtime,
                    (long long)st.st_ino);
    } else {
        strbuf_addf(key, "%s -\n", path);
    }
}

/* The podman that PATH finds. */
static void add_program(struct strbuf *key)
{
    const char *path = getenv("PATH");
    for (const char *at = path ? path : "/usr/bin:/bin"; *at;) {
        size_t n = strcspn(at, ":");
        MT_CLEANUP(xfree) char *program = xasprintf("%.*s/podman", (int)n, at);
        if (n > 0 && access(program, X_OK) == 0) {
            add_file(key, program);
            return;
        }
        at += n + (at[n] == ':' ? 1 : 0);
    }
}

/* Where the answer to today's question would be; caller frees. */
static char *cache_path(const struct backend *be)
{
    static const char *const vars[] = {
        "CONTAINERS_CONF",          "CONTAINERS_CONF_OVERRIDE", "CONTAINERS_STORAGE_CONF",
        "XDG_RUNTIME_DIR",          "XDG_CONFIG_HOME",          "HOME",
        "DBUS_SESSION_BUS_ADDRESS", "STORAGE_DRIVER",           "TMPDIR"};
    static const char *const files[] = {"/etc/containers/containers.conf", "/etc/containers/storage.conf",
                                        "/usr/share/containers/containers.conf", "/etc/subuid", "/etc/subgid"};
    MT_CLEANUP(strbuf) struct strbuf key = STRBUF_INIT, boot = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    char hex[HASH_HEX_LEN + 1];
    strbuf_addf(&key, "uid %lld\n", (long long)getuid());
    add_program(&key);
    for (size_t i = 0; i < MT_ARRAY_LEN(vars); i++) {
        const char *value = getenv(vars[i]);
        strbuf_addf(&key, "%s=%s\n", vars[i], value ? value : "");
        if (value && i < 3 && value[0] == '/') {
            add_file(&key, value);
        }
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(files); i++) {
        add_file(&key, files[i]);
    }
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    static const char *const own[] = {"containers.conf", "storage.conf"};
    for (size_t i = 0; i < MT_ARRAY_LEN(own); i++) {
        MT_CLEANUP(xfree)
        char *path = config && config[0] ? xasprintf("%s/containers/%s", config, own[i])
                                         : xasprintf("%s/.config/containers/%s", home ? home : "", own[i]);
        add_file(&key, path);
    }
    if (fs_read("/proc/sys/kernel/random/boot_id", 100, &boot, &ignored) == 0) { /* Linux; elsewhere the day decides */
        strbuf_addstr(&key, boot.buf);
    }
    hash_sha256_hex(key.buf, key.len, hex);
    return xasprintf("%s/info-%.16s.json", be->state, hex);
}

bool facts_cache_read(const struct backend *be, struct strbuf *out)
{
    MT_CLEANUP(xfree) char *path = cache_path(be);
    struct error ignored = ERROR_INIT;
    struct stat st;
    if (be->target_url || stat(path, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != getuid()) {
        return false;
    }
    time_t age = time(NULL) - st.st_mtime;
    return age >= 0 && age < GOOD_SECONDS && fs_read(path, ANSWER_MAX, out, &ignored) == 0;
}

/* Answers to yesterday's questions. */
static void remove_others(const struct backend *be, const char *keep)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    struct error ignored = ERROR_INIT;
    if (fs_list(be->state, &names, &ignored) < 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *path = path_join(be->state, names.v[i]);
        if (strncmp(names.v[i], "info-", 5) == 0 && strcmp(path, keep) != 0) {
            (void)unlink(path);
        }
    }
}

void facts_cache_write(const struct backend *be, const char *text, size_t len)
{
    MT_CLEANUP(xfree) char *path = cache_path(be);
    struct error err = ERROR_INIT;
    if (be->target_url || len > ANSWER_MAX) {
        return;
    }
    if (fs_mkdirs(be->state, 0700, &err) < 0 || fs_write_atomic(path, text, len, 0600, &err) < 0) {
        log_info("podman: what it is is asked again next time: %s", err.msg);
        return;
    }
    remove_others(be, path);
}

void facts_cache_forget(const struct backend *be)
{
    if (!be->target_url) {
        MT_CLEANUP(xfree) char *path = cache_path(be);
        (void)unlink(path);
    }
}
