/* SPDX-License-Identifier: Apache-2.0 */
/* JSON as each version prints it. What is stored has the newest shape; older ones lack keys or name them otherwise. */
#include "tests/play/container/standin.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/clock.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

#define SECONDS_1970_TO_2001 978307200.0

/* A copy of a node, without the member named (may be NULL). */
static struct json *copy(const struct json *j, const char *const *without)
{
    struct strbuf text = STRBUF_INIT;
    struct json *all, *out;
    json_write(j, false, &text);
    all = json_parse(text.buf, text.len, NULL);
    strbuf_release(&text);
    if (!without || !json_is_object(all)) {
        return all;
    }
    out = json_new_object();
    for (const struct json *c = json_first(all); c; c = json_next(c)) {
        bool left_out = false;
        for (const char *const *w = without; *w; w++) {
            left_out = left_out || strcmp(json_key(c), *w) == 0;
        }
        if (!left_out) {
            json_set(out, json_key(c), copy(c, NULL));
        }
    }
    json_free(all);
    return out;
}

void show_date(struct json *o, const char *key, double unix_seconds)
{
    char text[32];
    if (since(1, 0, 0)) {
        clock_iso8601((uint64_t)unix_seconds * 1000, text);
        json_set_string(o, key, text);
    } else {
        json_set_double(o, key, unix_seconds - SECONDS_1970_TO_2001);
    }
}

/* The configuration's networks; before 1.0 without the size of packets. */
static struct json *old_networks(const struct json *networks)
{
    struct json *out = json_new_array();
    for (const struct json *n = json_first(networks); n; n = json_next(n)) {
        struct json *one = json_new_object(), *options = json_new_object();
        json_set_string(options, "hostname", json_get_string(json_get(n, "options"), "hostname", ""));
        json_set_string(one, "network", json_get_string(n, "network", ""));
        json_set(one, "options", options);
        json_append(out, one);
    }
    return out;
}

/* What was configured, with the keys of the version. */
static struct json *configuration(const struct json *config)
{
    const char *without[12] = {NULL};
    size_t n = 0;
    if (since(1, 0, 0)) {
        return copy(config, NULL);
    }
    without[n++] = "creationDate";
    without[n++] = "networks";
    without[n++] = "resources";
    without[n++] = "shmSize";
    if (!since(0, 12, 0)) {
        without[n++] = "capAdd";
        without[n++] = "capDrop";
    }
    if (!since(0, 10, 0)) {
        without[n++] = "useInit";
    }
    if (!since(0, 8, 0)) {
        without[n++] = "readOnly";
    }
    struct json *out = copy(config, without), *resources = json_new_object();
    json_set(out, "networks", old_networks(json_get(config, "networks")));
    json_set_int(resources, "cpus", json_get_int(json_get(config, "resources"), "cpus", 0));
    json_set_int(resources, "memoryInBytes", json_get_int(json_get(config, "resources"), "memoryInBytes", 0));
    json_set(out, "resources", resources);
    return out;
}

/* The addresses of a running one. */
static struct json *attachments(const char *id, const struct json *config)
{
    struct json *out = json_new_array();
    const char *gateway = getenv("CONTAINER_STANDIN_GATEWAY");
    unsigned last = 3 + (unsigned)(hash_fnv1a64(id, strlen(id)) % 240);
    char address[32], mac[24];
    str_format(address, sizeof(address), "192.168.64.%u/24", last);
    str_format(mac, sizeof(mac), "02:42:ac:11:00:%02x", last);
    gateway = gateway && *gateway ? gateway : "192.168.64.1";
    for (const struct json *n = json_first(json_get(config, "networks")); n; n = json_next(n)) {
        struct json *one = json_new_object();
        json_set_string(one, "network", json_get_string(n, "network", ""));
        json_set_string(one, "hostname", json_get_string(json_get(n, "options"), "hostname", ""));
        json_set_string(one, since(0, 8, 0) ? "ipv4Address" : "address", address);
        json_set_string(one, since(0, 8, 0) ? "ipv4Gateway" : "gateway", gateway);
        if (since(1, 0, 0)) {
            json_set_string(one, "macAddress", mac);
            json_set_int(one, "mtu", 1280);
        }
        json_append(out, one);
    }
    return out;
}

struct json *show_container(const char *id)
{
    struct json *config = container_config(id), *out = json_new_object(), *networks, *status = out;
    enum life life = container_life(id, NULL);
    double started = container_number(id, "started");
    json_set(out, "configuration", configuration(config));
    networks = life == LIFE_RUNNING ? attachments(id, config) : json_new_array();
    if (since(1, 0, 0)) {
        json_set_string(out, "id", id);
        status = json_new_object();
        json_set(out, "status", status);
        json_set_string(status, "state", life_name(life));
    } else {
        json_set_string(out, "status", life_name(life));
    }
    json_set(status, "networks", networks);
    if (started > 0 && since(0, 8, 0)) {
        show_date(status, "startedDate", started);
    }
    json_free(config);
    return out;
}

/* The descriptor of an image's index. */
static struct json *descriptor(const char *digest)
{
    struct json *d = json_new_object();
    json_set_string(d, "digest", digest);
    json_set_string(d, "mediaType", "application/vnd.oci.image.index.v1+json");
    json_set_int(d, "size", 8923);
    return d;
}

/* One platform of it. */
static struct json *variant(const char *digest)
{
    struct json *v = json_new_object(), *p = json_new_object(), *config = image_config(digest);
    json_set_string(p, "architecture", json_get_string(config, "architecture", "arm64"));
    json_set_string(p, "os", "linux");
    json_set(v, "config", config);
    if (since(1, 0, 0)) {
        json_set_string(v, "digest", digest);
    }
    json_set(v, "platform", p);
    json_set_int(v, "size", 2 << 20);
    return v;
}

struct json *show_image(const char *reference, bool listed)
{
    struct json *out = json_new_object(), *variants = json_new_array(), *c;
    char *full = reference_full(reference), *digest = image_digest(reference);
    const char *colon = strchr(digest, ':');
    if (since(1, 0, 0)) {
        c = json_new_object();
        show_date(c, "creationDate", 1786127761);
        json_set(c, "descriptor", descriptor(digest));
        json_set_string(c, "name", full);
        json_set(out, "configuration", c);
        json_set_string(out, "id", colon ? colon + 1 : digest);
    } else if (listed) {
        json_set_string(out, "reference", full);
        json_set(out, "descriptor", descriptor(digest));
    } else {
        json_set_string(out, "name", full);
        json_set(out, "index", descriptor(digest));
    }
    if (since(1, 0, 0) || !listed) {
        json_append(variants, variant(digest));
        json_set(out, "variants", variants);
    } else {
        json_free(variants);
    }
    free(full);
    free(digest);
    return out;
}

/* Orders members by their names. */
static int by_key(const void *a, const void *b)
{
    const struct json *const *left = a, *const *right = b;
    return strcmp(json_key(*left), json_key(*right));
}

/* A node with the members of every object in order. */
static struct json *sorted(const struct json *j)
{
    if (json_is_array(j)) {
        struct json *out = json_new_array();
        for (const struct json *c = json_first(j); c; c = json_next(c)) {
            json_append(out, sorted(c));
        }
        return out;
    }
    if (!json_is_object(j)) {
        return copy(j, NULL);
    }
    struct json *out = json_new_object();
    const struct json **members = NULL;
    size_t n = 0;
    for (const struct json *c = json_first(j); c; c = json_next(c)) {
        members = xreallocarray(members, n + 1, sizeof(*members));
        members[n++] = c;
    }
    if (n > 1) {
        qsort(members, n, sizeof(*members), by_key);
    }
    for (size_t i = 0; i < n; i++) {
        json_set(out, json_key(members[i]), sorted(members[i]));
    }
    free(members);
    return out;
}

void show_json(const struct json *j, struct strbuf *out)
{
    if (!since(1, 0, 0)) {
        json_write(j, false, out);
        return;
    }
    struct json *in_order = sorted(j);
    json_write(in_order, false, out);
    json_free(in_order);
}

/* Appends it and a line end; `pretty` as inspect does. */
static void print(const struct json *j, bool pretty)
{
    struct strbuf text = STRBUF_INIT;
    show_json(j, &text);
    if (pretty) {
        struct json *again = json_parse(text.buf, text.len, NULL);
        json_write(again, true, &st.out);
        json_free(again);
    } else {
        strbuf_addf(&st.out, "%s\n", text.buf);
    }
    strbuf_release(&text);
}

int do_list(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    struct json *all = json_new_array();
    bool as_json = strcmp(given_value(g, "--format", "table"), "json") == 0, quiet = given_has(g, "--quiet");
    container_ids(&ids);
    if (!as_json && !quiet) {
        strbuf_addstr(&st.out, "ID  IMAGE  OS  ARCH  STATE  ADDR\n");
    }
    for (size_t i = 0; i < ids.len; i++) {
        enum life life = container_life(ids.v[i], NULL);
        if (life != LIFE_RUNNING && !given_has(g, "--all")) {
            continue;
        }
        if (as_json) {
            json_append(all, show_container(ids.v[i]));
        } else {
            strbuf_addf(&st.out, quiet ? "%s\n" : "%s  -  linux  arm64  %s\n", ids.v[i], life_name(life));
        }
    }
    if (as_json) {
        print(all, false);
    }
    return 0;
}

int do_inspect(const struct given *g)
{
    struct json *all = json_new_array();
    for (size_t i = 0; i < g->args.len; i++) {
        if (container_exists(g->args.v[i])) {
            json_append(all, show_container(g->args.v[i]));
        } else if (since(1, 0, 0)) {
            container_must_exist(g->args.v[i]);
        }
    }
    print(all, true);
    return 0;
}

int do_image_list(const struct given *g)
{
    struct strvec references = STRVEC_INIT;
    struct json *all = json_new_array();
    bool as_json = strcmp(given_value(g, "--format", "table"), "json") == 0;
    if (as_json && (given_has(g, "--quiet") || given_has(g, "--verbose"))) {
        fail("invalidArgument", "cannot use flag --quiet or --verbose along with --format json");
    }
    images_begin();
    image_references(&references);
    for (size_t i = 0; i < references.len; i++) {
        if (as_json) {
            json_append(all, show_image(references.v[i], true));
        } else {
            strbuf_addf(&st.out, "%s\n", references.v[i]);
        }
    }
    if (as_json) {
        print(all, false);
    }
    return 0;
}

int do_image_inspect(const struct given *g)
{
    struct json *all = json_new_array();
    struct strbuf missing = STRBUF_INIT;
    images_begin();
    for (size_t i = 0; i < g->args.len; i++) {
        char *digest = image_digest(g->args.v[i]);
        if (digest) {
            json_append(all, show_image(g->args.v[i], false));
        } else {
            strbuf_addf(&missing, "%s%s", missing.len ? ", " : "", g->args.v[i]);
        }
        free(digest);
    }
    if (missing.len && since(1, 0, 0)) {
        fail("notFound", "image not found: %s", missing.buf);
    }
    if (missing.len == 0 || json_first(all)) {
        print(all, true);
    }
    if (missing.len) {
        fail("notFound", "Image with reference %s", missing.buf);
    }
    return 0;
}

/* A network's entry in the shape of the version. */
static struct json *show_network(const char *name)
{
    struct json *out = json_new_object(), *config = json_new_object(), *status = json_new_object();
    const char *gateway = getenv("CONTAINER_STANDIN_GATEWAY");
    gateway = gateway && *gateway ? gateway : "192.168.64.1";
    json_set_string(out, "id", name);
    if (since(1, 0, 0)) {
        show_date(config, "creationDate", 1786127761);
        json_set_string(config, "name", name);
        json_set(config, "options", json_new_object());
        json_set_string(config, "plugin", "container-network-vmnet");
    } else {
        json_set_string(out, "state", "running");
        json_set_string(config, "id", name);
    }
    if (since(0, 8, 0)) {
        json_set(config, "labels", json_new_object());
    }
    if (since(0, 8, 0) && !since(1, 0, 0)) {
        show_date(config, "creationDate", 1777049765);
    }
    json_set_string(config, "mode", "nat");
    json_set(out, since(1, 0, 0) ? "configuration" : "config", config);
    json_set_string(status, since(0, 8, 0) ? "ipv4Subnet" : "address", "192.168.64.0/24");
    json_set_string(status, since(0, 8, 0) ? "ipv4Gateway" : "gateway", gateway);
    if (since(0, 8, 0)) {
        json_set_string(status, "ipv6Subnet", "fd00:64::/64");
    }
    json_set(out, "status", status);
    return out;
}

/* Names of the networks: the one that is always there, and files of ours. */
static void networks(struct strvec *out)
{
    char *path = in_root("networks");
    strvec_push(out, "default");
    if (fs_is_dir(path)) {
        fs_list(path, out, NULL);
    }
    free(path);
}

int do_network_list(const struct given *g)
{
    struct strvec names = STRVEC_INIT;
    struct json *all = json_new_array();
    bool as_json = strcmp(given_value(g, "--format", "table"), "json") == 0;
    networks(&names);
    for (size_t i = 0; i < names.len; i++) {
        if (as_json) {
            json_append(all, show_network(names.v[i]));
        } else {
            strbuf_addf(&st.out, "%s\n", names.v[i]);
        }
    }
    if (as_json) {
        print(all, false);
    }
    return 0;
}

int do_network_inspect(const struct given *g)
{
    struct strvec names = STRVEC_INIT;
    struct json *all = json_new_array();
    networks(&names);
    for (size_t i = 0; i < g->args.len; i++) {
        if (strvec_index(&names, g->args.v[i]) >= 0) {
            json_append(all, show_network(g->args.v[i]));
        } else if (since(1, 0, 0)) {
            fail("notFound", "network not found: %s", g->args.v[i]);
        }
    }
    print(all, true);
    return 0;
}

int do_network_create(const struct given *g)
{
    char *dir = in_root("networks"), *path = in_root("networks/%s", g->args.v[0]);
    if (strcmp(g->args.v[0], "default") == 0 || fs_exists(path)) {
        fail("exists", "network %s already exists", g->args.v[0]);
    }
    if (strchr(g->args.v[0], '/') || fs_mkdirs(dir, 0700, NULL) < 0 || fs_write_atomic(path, "", 0, 0600, NULL) < 0) {
        fail("invalidArgument", "invalid network ID: %s", g->args.v[0]);
    }
    strbuf_addf(&st.out, "%s\n", g->args.v[0]);
    return 0;
}

int do_network_delete(const struct given *g)
{
    for (size_t i = 0; i < g->args.len; i++) {
        char *path = in_root("networks/%s", g->args.v[i]);
        if (strchr(g->args.v[i], '/') || !fs_exists(path)) {
            fail("notFound", "network %s not found", g->args.v[i]);
        }
        fs_remove_tree(path, NULL);
        strbuf_addf(&st.out, "%s\n", g->args.v[i]);
        free(path);
    }
    return 0;
}
