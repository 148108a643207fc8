/* SPDX-License-Identifier: Apache-2.0 */
/* What a new container may be, in the order in which the tool looks at it. */
#include "tests/play/container/standin.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

#define MIB 1048576.0
#define PORTS_MAX 64

/* "1.5G" in bytes, a whole number of MiB. -1: not an amount. */
static int64_t parse_memory(const char *text)
{
    static const char units[] = "KMGTP";
    char *end;
    double n = strtod(text, &end);
    const char *unit = *end ? strchr(units, toupper((unsigned char)*end)) : NULL;
    if (end == text || n < 0 || (*end && !unit)) {
        return -1;
    }
    if (unit) {
        end++;
        end += strcasecmp(end, "ib") == 0 ? 2 : strcasecmp(end, "b") == 0 ? 1 : 0;
        n *= pow(1024, (double)(unit - units) + 1);
    }
    return *end ? -1 : (int64_t)(floor(n / MIB) * MIB);
}

static bool name_is_good(const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        if (c > 127 || !(isalnum(c) || (i > 0 && strchr("_.-", c)))) {
            return false;
        }
    }
    return n >= 2 && n <= 63;
}

/* {KEY: VALUE} of --label; values with '=' are refused. */
static struct json *labels(const struct given *g)
{
    struct strvec all = STRVEC_INIT;
    struct json *out = json_new_object();
    given_all(g, "--label", &all);
    for (size_t i = 0; i < all.len; i++) {
        char *text = all.v[i], *equals = strchr(text, '=');
        if (!*text) {
            fail("invalidArgument", "label cannot be an empty string");
        }
        /* Split at '=' with empty pieces left out, in at most three. */
        if (equals == text || (equals && strchr(equals + 1, '=') && strspn(equals, "=") != strlen(equals))) {
            fail("invalidArgument", "invalid label format %s", text);
        }
        char *key = xstrndup(text, equals ? (size_t)(equals - text) : strlen(text));
        if (json_get(out, key)) { /* the last one counts */
            struct json *again = json_new_object();
            for (const struct json *c = json_first(out); c; c = json_next(c)) {
                if (strcmp(json_key(c), key) != 0) {
                    json_set_string(again, json_key(c), json_string(c));
                }
            }
            json_free(out);
            out = again;
        }
        json_set_string(out, key, equals ? equals + 1 + strspn(equals + 1, "=") : "");
        free(key);
    }
    strvec_release(&all);
    return out;
}

/* A mount in its newest shape. */
static void add_mount(struct json *out, const char *type, const char *source, const char *destination,
                      const char *options)
{
    struct json *m = json_new_object(), *t = json_new_object(), *list = json_new_array();
    for (const char *p = options ? options : ""; *p; p += strcspn(p, ","), p += *p == ',') {
        char *one = xstrndup(p, strcspn(p, ","));
        json_append_string(list, one);
        free(one);
    }
    json_set_string(m, "destination", destination);
    json_set(m, "options", list);
    json_set_string(m, "source", source);
    json_set(t, type, json_new_object());
    json_set(m, "type", t);
    json_append(out, m);
}

/* A named volume: made when it is not there. */
static void add_volume(struct json *out, const char *name, const char *destination, const char *options)
{
    char *path = in_root("volumes/%s", name);
    if (!name_is_good(name)) {
        fail("invalidArgument", "invalid volume name '%s': must match ^[A-Za-z0-9][A-Za-z0-9_.-]*$", name);
    }
    if (fs_mkdirs(path, 0755, NULL) < 0) {
        fail("internalError", "failed to create volume '%s'", name);
    }
    add_mount(out, "volume", path, destination, options);
    free(path);
}

/* -v SRC:DST[:OPTIONS] */
static void volume(struct json *out, const char *text)
{
    struct strvec parts = STRVEC_INIT;
    for (const char *p = text; *p;) {
        size_t n = strcspn(p, ":");
        if (n > 0) {
            strvec_pushf(&parts, "%.*s", (int)n, p);
        }
        p += n + (p[n] ? 1 : 0);
    }
    if (parts.len == 0 || parts.len > 3) {
        fail("invalidArgument", "invalid volume format %s", text);
    }
    if (parts.len == 1) {
        char *name = xasprintf("anon-%d", (int)getpid());
        add_volume(out, name, parts.v[0], NULL);
        free(name);
    } else if (!strchr(parts.v[0], '/') && strcmp(parts.v[0], ".") != 0 && strcmp(parts.v[0], "..") != 0) {
        add_volume(out, parts.v[0], parts.v[1], parts.v[2]);
    } else {
        char *source = realpath(parts.v[0], NULL);
        if (!source) {
            fail("invalidArgument", "path '%s' does not exist", parts.v[0]);
        }
        add_mount(out, "virtiofs", source, parts.v[1], parts.v[2]);
        free(source);
    }
    strvec_release(&parts);
}

/* --mount type=...,source=...,target=...[,readonly] */
static void mount(struct json *out, const char *text)
{
    char *type = xstrdup("virtiofs"), *source = NULL, *target = xstrdup("");
    struct strbuf options = STRBUF_INIT;
    for (const char *p = text; *p; p += strcspn(p, ","), p += *p == ',') {
        char *part = xstrndup(p, strcspn(p, ",")), *value = strchr(part, '=');
        if (value) {
            *value++ = '\0';
        }
        bool has_value = value && *value && !strchr(value, '=');
        if (strcmp(part, "readonly") == 0 || strcmp(part, "ro") == 0) {
            strbuf_addf(&options, "%sro", options.len ? "," : "");
        } else if (!has_value) {
            fail("invalidArgument", "invalid directive format missing value %s in %s", part, text);
        } else if (strcmp(part, "type") == 0) {
            free(type);
            type = xstrdup(strcmp(value, "bind") == 0 ? "virtiofs" : value);
        } else if (strcmp(part, "source") == 0 || strcmp(part, "src") == 0) {
            free(source);
            source = xstrdup(value);
        } else if (strcmp(part, "target") == 0 || strcmp(part, "dst") == 0 || strcmp(part, "destination") == 0) {
            free(target);
            target = xstrdup(value);
        } else if (strcmp(part, "size") == 0 || strcmp(part, "mode") == 0) {
            strbuf_addf(&options, "%s%s=%s", options.len ? "," : "", part, value);
        } else {
            fail("invalidArgument", "unknown directive %s when parsing mount %s", part, text);
        }
        free(part);
    }
    if (strcmp(type, "virtiofs") == 0) {
        char *real = source ? realpath(source, NULL) : NULL;
        if (!real) {
            fail("invalidArgument", "path '%s' does not exist", source ? source : "");
        }
        if (!fs_is_dir(real)) {
            fail("invalidArgument", "path '%s' is not a directory", source);
        }
        add_mount(out, "virtiofs", real, target, options.buf);
        free(real);
    } else if (strcmp(type, "volume") == 0) {
        add_volume(out, source ? source : "anon", target, options.buf);
    } else if (strcmp(type, "tmpfs") == 0) {
        if (source) {
            fail("invalidArgument", "cannot specify source for tmpfs mount");
        }
        add_mount(out, "tmpfs", "tmpfs", target, options.buf);
    } else {
        fail("invalidArgument", "unsupported mount type %s", type);
    }
    if (!*target) {
        fail("invalidArgument", "mount destination cannot be empty");
    }
    free(type);
    free(source);
    free(target);
    strbuf_release(&options);
}

static struct json *mounts(const struct given *g)
{
    struct json *out = json_new_array();
    for (size_t i = 0; i < g->keys.len; i++) {
        if (strcmp(g->keys.v[i], "--tmpfs") == 0) {
            add_mount(out, "tmpfs", "tmpfs", g->values.v[i], NULL);
        } else if (strcmp(g->keys.v[i], "--volume") == 0) {
            volume(out, g->values.v[i]);
        } else if (strcmp(g->keys.v[i], "--mount") == 0) {
            mount(out, g->values.v[i]);
        }
    }
    return out;
}

/* A port above 1, or 0. */
static int port_number(const char *text, size_t len)
{
    int n = 0;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9' || n > 65535) {
            return 0;
        }
        n = n * 10 + (text[i] - '0');
    }
    return len > 0 && n > 1 && n <= 65535 ? n : 0;
}

/* -p [IP:]HOST:CONTAINER[/PROTO] */
static void publish(struct json *out, const char *text)
{
    const char *slash = strchr(text, '/'), *proto = slash ? slash + 1 : "tcp", *middle = NULL, *first = NULL;
    size_t len = slash ? (size_t)(slash - text) : strlen(text);
    char address[64] = "0.0.0.0";
    unsigned char binary[16];
    for (size_t i = 0; i < len; i++) {
        if (text[i] == ':' && !(text[0] == '[' && memchr(text + i, ']', len - i))) {
            first = middle;
            middle = text + i;
        }
    }
    if (!middle || middle == text || (first && first + 1 == middle)) {
        fail("invalidArgument", "invalid publish value: %s", text);
    }
    const char *host = first ? first + 1 : text;
    if (first) {
        bool v6 = text[0] == '[' && first > text + 1 && first[-1] == ']';
        str_format(address, sizeof(address), "%.*s", (int)(first - text) - (v6 ? 2 : 0), text + (v6 ? 1 : 0));
        if (inet_pton(v6 ? AF_INET6 : AF_INET, address, binary) != 1) {
            fail("invalidArgument", "invalid publish %s address: %s", v6 ? "IPv6" : "IPv4", text);
        }
    }
    int host_port = port_number(host, (size_t)(middle - host));
    int inner = port_number(middle + 1, (size_t)(text + len - middle - 1));
    if (!host_port) {
        fail("invalidArgument", "invalid publish host port: %.*s", (int)(middle - host), host);
    }
    if (!inner) {
        fail("invalidArgument", "invalid publish container port: %.*s", (int)(text + len - middle - 1), middle + 1);
    }
    if (strcasecmp(proto, "tcp") != 0 && strcasecmp(proto, "udp") != 0) {
        fail("invalidArgument", "invalid publish protocol: %s", proto);
    }
    for (const struct json *p = json_first(out); p; p = json_next(p)) {
        if (json_get_int(p, "hostPort", 0) == host_port && strcasecmp(json_get_string(p, "proto", ""), proto) == 0) {
            fail("invalidArgument", "host ports for different publish port specs may not overlap");
        }
    }
    struct json *p = json_new_object();
    json_set_int(p, "containerPort", inner);
    json_set_int(p, "count", 1);
    json_set_string(p, "hostAddress", address);
    json_set_int(p, "hostPort", host_port);
    json_set_string(p, "proto", strcasecmp(proto, "udp") == 0 ? "udp" : "tcp");
    json_append(out, p);
}

static struct json *ports(const struct given *g)
{
    struct json *out = json_new_array();
    struct strvec all = STRVEC_INIT;
    given_all(g, "--publish", &all);
    for (size_t i = 0; i < all.len; i++) {
        publish(out, all.v[i]);
    }
    if (all.len > PORTS_MAX) {
        fail("invalidArgument", "cannot exceed more than %d port publish descriptors", PORTS_MAX);
    }
    strvec_release(&all);
    return out;
}

/* Does this network exist? */
static bool network_exists(const char *name)
{
    char *path = in_root("networks/%s", name);
    bool there = strcmp(name, "default") == 0 || fs_exists(path);
    free(path);
    return there;
}

static struct json *networks(const struct given *g, const char *id)
{
    struct json *out = json_new_array();
    struct strvec all = STRVEC_INIT;
    given_all(g, "--network", &all);
    if (all.len == 0) {
        strvec_push(&all, "default");
    }
    if (strvec_index(&all, "none") >= 0) {
        if (all.len > 1) {
            fail("unsupported", "no other networks may be created along with network none");
        }
        return out;
    }
    for (size_t i = 0; i < all.len; i++) {
        struct json *n = json_new_object(), *options = json_new_object();
        char *name = xstrndup(all.v[i], strcspn(all.v[i], ","));
        if (strcmp(name, "default") != 0 && setting("MACOS", "macos", 26) < 26) {
            fail("invalidArgument", "non-default network configuration requires macOS 26 or newer");
        }
        if (!network_exists(name)) {
            fail("notFound", since(1, 0, 0) ? "network not found: %s" : "no network for id %s", name);
        }
        json_set_string(options, "hostname", id);
        json_set_int(options, "mtu", 1280);
        json_set_string(n, "network", name);
        json_set(n, "options", options);
        json_append(out, n);
        free(name);
    }
    strvec_release(&all);
    return out;
}

/* {"id":{...}} or {"raw":{"userString":...}} */
static struct json *user(const struct given *g, const struct json *image)
{
    const char *name = given_value(g, "--user", json_get_string(image, "User", "")),
               *uid = given_value(g, "--uid", NULL);
    const char *gid = given_value(g, "--gid", NULL);
    struct json *out = json_new_object(), *inner = json_new_object();
    if (*name || (uid && !gid)) {
        json_set_string(inner, "userString", *name ? name : uid);
        json_set(out, "raw", inner);
        return out;
    }
    json_set_int(inner, "gid", gid && uid ? strtol(gid, NULL, 10) : 0);
    json_set_int(inner, "uid", uid ? strtol(uid, NULL, 10) : 0);
    json_set(out, "id", inner);
    return out;
}

/* --ulimit nproc=SOFT[:HARD], kept as it would be; it is not applied. Others are not played. */
static struct json *rlimits(const struct given *g)
{
    struct json *all = json_new_array();
    struct strvec given = STRVEC_INIT;
    given_all(g, "--ulimit", &given);
    for (size_t i = 0; i < given.len; i++) {
        const char *colon = strchr(given.v[i], ':');
        if (strncmp(given.v[i], "nproc=", 6) != 0) {
            fail("invalidArgument", "unsupported ulimit type: the stand-in has nproc only: %s", given.v[i]);
        }
        long long soft = strtoll(given.v[i] + 6, NULL, 10), hard = colon ? strtoll(colon + 1, NULL, 10) : soft;
        if (soft <= 0 || soft > hard) {
            fail("invalidArgument", "invalid ulimit value '%s'", given.v[i]);
        }
        struct json *o = json_new_object();
        json_set_int(o, "hard", hard);
        json_set_string(o, "limit", "RLIMIT_NPROC");
        json_set_int(o, "soft", soft);
        json_append(all, o);
    }
    strvec_release(&given);
    return all;
}

/* What its first process is: entry point and arguments over the image's. */
static struct json *process(const struct given *g, const struct json *image)
{
    struct json *out = json_new_object();
    struct strvec words = STRVEC_INIT, env = STRVEC_INIT, rest = STRVEC_INIT;
    const char *entry = given_value(g, "--entrypoint", "");
    if (*entry) {
        strvec_push(&words, entry);
    } else {
        json_get_strings(image, "Entrypoint", &words);
    }
    for (size_t i = 1; i < g->args.len; i++) {
        strvec_push(&words, g->args.v[i]);
    }
    if (g->args.len == 1 && !*entry) {
        json_get_strings(image, "Cmd", &words);
    }
    if (words.len == 0) {
        fail("invalidArgument", "command/entrypoint not specified for container process");
    }
    json_get_strings(image, "Env", &env);
    given_env(g, &env);
    for (size_t i = 1; i < words.len; i++) {
        strvec_push(&rest, words.v[i]);
    }
    json_set_strings(out, "arguments", &rest);
    json_set_strings(out, "environment", &env);
    json_set_string(out, "executable", words.v[0]);
    json_set(out, "rlimits", rlimits(g));
    json_set(out, "supplementalGroups", json_new_array());
    json_set_bool(out, "terminal", given_has(g, "--tty"));
    json_set(out, "user", user(g, image));
    json_set_string(out, "workingDirectory",
                    given_value(g, "--cwd", given_value(g, "--workdir", json_get_string(image, "WorkingDir", "/"))));
    strvec_release(&words);
    strvec_release(&env);
    strvec_release(&rest);
    return out;
}

/* CPUs and memory. */
static struct json *resources(const struct given *g)
{
    struct json *out = json_new_object();
    const char *memory = given_value(g, "--memory", "1G");
    int64_t bytes = parse_memory(memory);
    if (bytes < 0) {
        fail("invalidArgument", "invalid memory amount: %s", memory);
    }
    json_set_int(out, "cpuOverhead", 1);
    json_set_int(out, "cpus", strtoll(given_value(g, "--cpus", "4"), NULL, 10));
    json_set_int(out, "memoryInBytes", bytes);
    return out;
}

/* "CAP_CHOWN" for "chown"; unknown names are refused. */
static struct json *capabilities(const struct given *g, const char *key)
{
    struct json *out = json_new_array();
    struct strvec all = STRVEC_INIT;
    given_all(g, key, &all);
    for (size_t i = 0; i < all.len; i++) {
        struct strbuf name = STRBUF_INIT;
        if (strncasecmp(all.v[i], "CAP_", 4) != 0 && strcasecmp(all.v[i], "ALL") != 0) {
            strbuf_addstr(&name, "CAP_");
        }
        for (const char *p = all.v[i]; *p; p++) {
            strbuf_addch(&name, (char)toupper((unsigned char)*p));
        }
        json_append_string(out, name.buf);
        strbuf_release(&name);
    }
    strvec_release(&all);
    return out;
}

/* All of it, keys in order. */
static struct json *configuration(const struct given *g, const char *id, const char *reference, const char *digest)
{
    struct json *c = json_new_object(), *image = json_new_object(), *d = json_new_object(),
                *platform = json_new_object();
    struct json *whole = image_config(digest), *dns = json_new_object();
    const struct json *settings = json_get(whole, "config");
    char now[32];
    clock_iso8601(clock_wall_ms(), now);
    json_set(c, "capAdd", capabilities(g, "--cap-add"));
    json_set(c, "capDrop", capabilities(g, "--cap-drop"));
    json_set_string(c, "creationDate", now);
    json_set(dns, "nameservers", json_new_array());
    json_set(dns, "options", json_new_array());
    json_set(dns, "searchDomains", json_new_array());
    json_set(c, "dns", dns);
    json_set_string(c, "id", id);
    json_set_string(d, "digest", digest);
    json_set_string(d, "mediaType", "application/vnd.oci.image.index.v1+json");
    json_set_int(d, "size", 8923);
    json_set(image, "descriptor", d);
    json_set_string(image, "reference", reference);
    json_set(c, "image", image);
    json_set(c, "initProcess", process(g, settings));
    json_set(c, "labels", labels(g));
    json_set(c, "mounts", mounts(g));
    json_set(c, "networks", networks(g, id));
    json_set_string(platform, "architecture", given_value(g, "--arch", "arm64"));
    json_set_string(platform, "os", given_value(g, "--os", "linux"));
    json_set(c, "platform", platform);
    json_set(c, "publishedPorts", ports(g));
    json_set(c, "publishedSockets", json_new_array());
    json_set_bool(c, "readOnly", given_has(g, "--read-only"));
    json_set(c, "resources", resources(g));
    json_set_bool(c, "rosetta", given_has(g, "--rosetta"));
    json_set_string(c, "runtimeHandler", "container-runtime-linux");
    if (given_value(g, "--shm-size", NULL)) {
        json_set_int(c, "shmSize", parse_memory(given_value(g, "--shm-size", "64M")));
    }
    json_set_bool(c, "ssh", given_has(g, "--ssh"));
    json_set(c, "sysctls", json_new_object());
    json_set_bool(c, "useInit", given_has(g, "--init"));
    json_set_bool(c, "virtualization", given_has(g, "--virtualization"));
    json_free(whole);
    return c;
}

/* A host name, which is its name, must be no other's. */
static void check_clash(const char *id)
{
    if (container_exists(id)) {
        fail("exists", "container already exists: %s", id);
    }
}

/* Writes the folder under another name and renames it. */
static void put_down(const char *id, const struct json *config, const char *digest, bool goes_away)
{
    struct strbuf text = STRBUF_INIT;
    char *half = in_root("containers/.new-%s-%d", id, (int)getpid()), *file = xasprintf("%s/config.json", half);
    char *whole = container_path(id, ""), *from = image_path(digest, "rootfs"), *remove = xasprintf("%s/remove", half);
    char *keeper = xasprintf("%s/keeper", half), *root = xasprintf("%s/rootfs", half);
    json_write(config, false, &text);
    if (fs_mkdirs(half, 0755, NULL) < 0 ||
        run_tool((const char *const[]){"cp", "-a", "--reflink=auto", from, root, NULL}) != 0 ||
        fs_write_atomic(keeper, "", 0, 0600, NULL) < 0 ||
        (goes_away && fs_write_atomic(remove, "", 0, 0600, NULL) < 0) ||
        fs_write_atomic(file, text.buf, text.len, 0600, NULL) < 0) {
        fs_remove_tree(half, NULL);
        fail("internalError", "failed to create container %s", id);
    }
    store_lock();
    if (container_exists(id)) {
        fs_remove_tree(half, NULL);
        check_clash(id);
    }
    if (rename(half, whole) != 0) {
        fs_remove_tree(half, NULL);
        fail("internalError", "failed to create container %s", id);
    }
    store_unlock();
    strbuf_release(&text);
    free(half);
    free(file);
    free(whole);
    free(from);
    free(remove);
    free(keeper);
    free(root);
}

char *create_container(const struct given *g)
{
    const char *name = given_value(g, "--name", NULL), *image = g->args.v[0];
    char *id = name ? xstrdup(name)
                    : xasprintf("%08x-0000-4000-8000-%012llx", (unsigned)getpid(), (unsigned long long)clock_wall_ms());
    image_need(image, isatty(STDERR_FILENO) ? "ansi" : since(0, 12, 0) ? "auto" : NULL);
    char *reference = reference_full(image), *digest = image_digest(image);
    struct json *config = configuration(g, id, reference, digest);
    int64_t memory = json_get_int(json_get(config, "resources"), "memoryInBytes", 0);
    if (root_has("no-kernel")) {
        fail("notFound",
             "default kernel not configured for architecture arm64, please use the `container system kernel set` "
             "command to configure it");
    }
    if (!name_is_good(id)) {
        fail("invalidArgument", "invalid entity name %s", id);
    }
    check_clash(id);
    if (since(0, 10, 0) && memory < (int64_t)(200 * MIB)) {
        fail("invalidArgument", "minimum memory amount allowed is 200 MiB (got %lld bytes)", (long long)memory);
    }
    sleep_ms(setting("CREATE_MS", "create_ms", 0));
    put_down(id, config, digest, given_has(g, "--rm"));
    if (given_value(g, "--cidfile", NULL)) {
        fs_write_atomic(given_value(g, "--cidfile", ""), id, strlen(id), 0644, NULL);
    }
    json_free(config);
    free(reference);
    free(digest);
    return id;
}

int do_create(const struct given *g)
{
    char *id = create_container(g);
    strbuf_addf(&st.out, "%s\n", id);
    free(id);
    return 0;
}

int do_run(const struct given *g)
{
    if (!given_has(g, "--detach")) {
        fail("unsupported", "the stand-in runs detached only");
    }
    char *id = create_container(g);
    keeper_start(id);
    strbuf_addf(&st.out, "%s\n", id);
    free(id);
    return 0;
}

int signal_number(const char *name)
{
    static const struct {
        const char *name;
        int number;
    } all[] = {{"HUP", 1},   {"INT", 2},   {"QUIT", 3},  {"KILL", 9},
               {"USR1", 10}, {"USR2", 12}, {"TERM", 15}, {"WINCH", 28}};
    char *end;
    long n = strtol(name, &end, 10);
    if (*name && !*end) {
        return n > 0 && n < 65 ? (int)n : -1;
    }
    name += strncasecmp(name, "SIG", 3) == 0 ? 3 : 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(all); i++) {
        if (strcasecmp(all[i].name, name) == 0) {
            return all[i].number;
        }
    }
    return -1;
}
