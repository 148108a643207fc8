/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/parse.h"

#include <stdlib.h>
#include <string.h>

#include "backends/rfc3339.h"
#include "core/engine/naming.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define SECONDS_TO_2001 978307200 /* from 1970: where Apple's numbers begin */

/* --- texts --- */

/* A text without control characters. */
static void clean_copy(char *out, size_t cap, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    utf8_sanitize(&clean, text, strlen(text), false);
    str_copy(out, cap, clean.buf);
}

static void get_label(const struct json *labels, const char *key, char *out, size_t cap)
{
    clean_copy(out, cap, json_get_string(labels, key, ""));
}

uint64_t ctr_parse_date(const struct json *j)
{
    if (json_is_number(j)) {
        double seconds = json_number(j) + SECONDS_TO_2001;
        return seconds > 0 && seconds < 1e11 ? (uint64_t)(seconds * 1000) : 0;
    }
    return rfc3339_parse(json_string(j));
}

/* "sha256:<hex>" -> the digits; "" when it is none. */
static void get_digest(const char *text, char *out, size_t cap)
{
    const char *hex = strncmp(text, "sha256:", 7) == 0 ? text + 7 : "";
    size_t n = strspn(hex, "0123456789abcdef");
    str_format(out, cap, "%.*s", n >= 12 && n < cap && hex[n] == '\0' ? (int)n : 0, hex);
}

/* An address without what only an attacker would put there; a CIDR's length is cut off. */
static void get_address(const char *text, char *out, size_t cap)
{
    size_t n = strspn(text, "0123456789abcdefABCDEF.:");
    bool good = n > 0 && n < cap && (text[n] == '\0' || text[n] == '/');
    str_format(out, cap, "%.*s", good ? (int)n : 0, text);
}

/* --- one container --- */

static void fill_labels(struct ctr_seen *s, const struct json *labels)
{
    struct sandbox_info *i = &s->info;
    struct error ignored = ERROR_INIT;
    char reduced[CTR_NAME_MAX];
    bool managed = strcmp(json_get_string(labels, CTR_LABEL_MANAGED, ""), "true") == 0;
    if (naming_is_infrastructure(s->container)) {
        i->service = true;
        i->foreign = !managed;
        get_label(labels, CTR_LABEL_OWNER, i->profile, sizeof(i->profile));
        return;
    }
    i->foreign = !managed || strcmp(json_get_string(labels, CTR_LABEL_OWNER, ""), "project") != 0;
    if (i->foreign) {
        return;
    }
    /* The engine's name, when it is one of this container: a label is no proof. */
    const char *name = json_get_string(labels, CTR_LABEL_SANDBOX, "");
    if (*name && ctr_container_name(name, reduced, &ignored) == 0 && strcmp(reduced, s->container) == 0) {
        get_label(labels, CTR_LABEL_SANDBOX, i->name, sizeof(i->name));
    }
    get_label(labels, CTR_LABEL_PROJECT, i->project, sizeof(i->project));
    get_label(labels, CTR_LABEL_PROFILE, i->profile, sizeof(i->profile));
    get_label(labels, CTR_LABEL_HASH, i->config_hash, sizeof(i->config_hash));
    str_copy(i->workspace, sizeof(i->workspace), json_get_string(labels, CTR_LABEL_WORKSPACE, ""));
    get_label(labels, CTR_LABEL_MOUNT, i->mount, sizeof(i->mount));
    get_label(labels, CTR_LABEL_WARNING, i->warning, sizeof(i->warning));
    get_label(labels, CTR_LABEL_NET, s->created_net, sizeof(s->created_net));
    get_label(labels, CTR_LABEL_USER, s->user, sizeof(s->user));
    s->require_limits = strcmp(json_get_string(labels, CTR_LABEL_REQUIRE, ""), "true") == 0;
}

/* A closed set of words; any other is unknown. There is no exit code anywhere. */
static void fill_state(struct ctr_seen *s, const char *state)
{
    struct sandbox_info *i = &s->info;
    clean_copy(s->state, sizeof(s->state), state);
    if (strcmp(state, "running") == 0) {
        i->state = SANDBOX_RUNNING;
    } else if (strcmp(state, "stopping") == 0) {
        i->state = SANDBOX_RUNNING;
        i->halted = true;
        str_copy(i->reason, sizeof(i->reason), "stopping");
    } else if (strcmp(state, "stopped") == 0) {
        i->state = SANDBOX_STOPPED;
    } else {
        i->state = SANDBOX_UNKNOWN;
        str_format(i->reason, sizeof(i->reason), "container calls its state %s", s->state[0] ? s->state : "nothing");
    }
}

static void fill_mount(struct ctr_seen *s, const struct json *m)
{
    const struct json *type = json_get(m, "type"), *kind = json_first(type);
    if (s->mount_count == CTR_MOUNTS_MAX) {
        s->mounts_more++;
        return;
    }
    struct ctr_mount *out = &s->mounts[s->mount_count++];
    clean_copy(out->kind, sizeof(out->kind),
               json_is_string(type)             ? json_string(type)
               : kind && json_key(kind) != NULL ? json_key(kind)
                                                : "");
    clean_copy(out->source, sizeof(out->source), json_get_string(m, "source", ""));
    clean_copy(out->target, sizeof(out->target), json_get_string(m, "destination", ""));
    MT_CLEANUP(strvec) struct strvec options = STRVEC_INIT;
    json_get_strings(m, "options", &options);
    out->read_only = strvec_index(&options, "ro") >= 0 || strvec_index(&options, "readonly") >= 0;
}

static void add_port(struct sandbox_info *i, const struct json *p, int64_t step)
{
    int64_t host = json_get_int(p, "hostPort", 0) + step, inside = json_get_int(p, "containerPort", 0) + step;
    if (i->port_count >= SANDBOX_PORTS_MAX || host <= 0 || host > 65535 || inside <= 0 || inside > 65535) {
        return;
    }
    struct port_spec *out = &i->ports[i->port_count++];
    memset(out, 0, sizeof(*out));
    get_address(json_get_string(p, "hostAddress", ""), out->host_ip, sizeof(out->host_ip));
    out->host_port = (uint16_t)host;
    out->container_port = (uint16_t)inside;
    out->udp = strcmp(json_get_string(p, "proto", "tcp"), "udp") == 0;
}

/* An array of names as "A, B". */
static void join_names(const struct json *c, const char *key, char *out, size_t cap)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    json_get_strings(c, key, &names);
    for (size_t i = 0; i < names.len; i++) {
        strbuf_addf(&text, "%s%s", text.len ? ", " : "", names.v[i]);
    }
    clean_copy(out, cap, text.buf);
}

static void fill_main(struct ctr_seen *s, const struct json *init)
{
    for (const struct json *l = json_first(json_get(init, "rlimits")); l; l = json_next(l)) {
        if (strcmp(json_get_string(l, "limit", ""), "RLIMIT_NPROC") == 0) {
            s->pids = MT_MAX(json_get_int(l, "hard", 0), 0);
        }
    }
    const struct json *user = json_get(init, "user"), *id = json_get(user, "id"), *raw = json_get(user, "raw");
    if (json_is_object(id)) {
        str_format(s->main_user, sizeof(s->main_user), "%lld:%lld", (long long)json_get_int(id, "uid", -1),
                   (long long)json_get_int(id, "gid", -1));
    } else {
        clean_copy(s->main_user, sizeof(s->main_user), json_get_string(raw, "userString", ""));
    }
}

/* What it was created with. */
static void fill_config(struct ctr_seen *s, const struct json *c)
{
    struct sandbox_info *i = &s->info;
    const struct json *image = json_get(c, "image"), *resources = json_get(c, "resources"),
                      *networks = json_get(c, "networks");
    fill_labels(s, json_get(c, "labels"));
    clean_copy(i->image, sizeof(i->image), json_get_string(image, "reference", ""));
    get_digest(json_get_string(json_get(image, "descriptor"), "digest", ""), i->image_id, sizeof(i->image_id));
    str_copy(s->image, sizeof(s->image), i->image);
    const struct json *labels = json_get(c, "labels");
    if (strncmp(s->image, CTR_SEALED_IMAGE, strlen(CTR_SEALED_IMAGE)) == 0 &&
        json_get_string(labels, CTR_LABEL_IMAGE, NULL)) {
        clean_copy(i->image, sizeof(i->image), json_get_string(labels, CTR_LABEL_IMAGE, ""));
        get_digest(json_get_string(labels, CTR_LABEL_IMAGE_ID, ""), i->image_id, sizeof(i->image_id));
    }
    i->created_wall_ms = ctr_parse_date(json_get(c, "creationDate"));
    s->config_known = json_is_array(networks);
    for (const struct json *n = json_first(networks); n; n = json_next(n)) {
        const char *name = json_is_string(n) ? json_string(n) : json_get_string(n, "network", "");
        if (s->networks++ == 0) {
            clean_copy(s->network, sizeof(s->network), name);
        }
    }
    s->cpus = MT_MAX(json_get_int(resources, "cpus", 0), 0);
    s->memory_bytes = (uint64_t)MT_MAX(json_get_int(resources, "memoryInBytes", 0), 0);
    for (const struct json *p = json_first(json_get(c, "publishedPorts")); p; p = json_next(p)) {
        int64_t count = MT_MIN(MT_MAX(json_get_int(p, "count", 1), 1), SANDBOX_PORTS_MAX);
        for (int64_t k = 0; k < count; k++) {
            add_port(i, p, k);
        }
    }
    for (unsigned k = 0; k < i->port_count; k++) {
        s->host_ports[s->host_port_count++] = i->ports[k].host_port;
    }
    for (const struct json *p = json_first(json_get(c, "publishedSockets")); p; p = json_next(p)) {
        s->sockets++;
    }
    for (const struct json *m = json_first(json_get(c, "mounts")); m; m = json_next(m)) {
        fill_mount(s, m);
    }
    s->caps_known = json_is_array(json_get(c, "capDrop"));
    join_names(c, "capAdd", s->cap_add, sizeof(s->cap_add));
    join_names(c, "capDrop", s->cap_drop, sizeof(s->cap_drop));
    s->read_only = json_get_bool(c, "readOnly", false);
    s->init = json_get_bool(c, "useInit", false);
    s->rosetta = json_get_bool(c, "rosetta", false);
    s->ssh = json_get_bool(c, "ssh", false);
    fill_main(s, json_get(c, "initProcess"));
}

/* What holds now, or when it runs again: the addresses that it has while it runs, else what it was created with. */
static void fill_net(struct ctr_seen *s, const struct json *networks)
{
    struct sandbox_info *i = &s->info;
    bool running = i->state == SANDBOX_RUNNING, attached = json_first(networks) != NULL;
    if (running && attached) {
        i->net = NET_FULL;
        i->net_known = true;
    } else if (s->config_known && (!running || s->networks == 0)) {
        i->net = s->networks ? NET_FULL : NET_NONE;
        i->net_known = true;
    }
    for (const struct json *n = json_first(networks); running && n && !i->gateway[0]; n = json_next(n)) {
        get_address(json_get_string(n, "ipv4Gateway", json_get_string(n, "gateway", "")), i->gateway,
                    sizeof(i->gateway));
    }
    /* Published ports lead nowhere while it does not run, or without a network. */
    for (unsigned k = 0; (!running || (i->net_known && i->net == NET_NONE)) && k < i->port_count; k++) {
        i->ports[k].host_port = 0;
    }
}

static void format_limits(struct ctr_seen *s)
{
    double mib = (double)s->memory_bytes / (1 << 20);
    if (s->memory_bytes > 0 && s->cpus > 0) {
        char pids[48] = "";
        if (s->pids > 0) {
            str_format(pids, sizeof(pids), ", pids %lld (per user)", (long long)s->pids);
        }
        str_format(s->info.limits, sizeof(s->info.limits), "memory %.1f %s, cpus %lld (virtual machine)%s",
                   mib >= 1024 ? mib / 1024 : mib, mib >= 1024 ? "GiB" : "MiB", (long long)s->cpus, pids);
    }
}

/* One entry. False: no container of any generation. */
static bool fill(struct ctr_seen *s, const struct json *c)
{
    const struct json *config = json_get(c, "configuration"), *status = json_get(c, "status");
    bool nested = json_is_object(status); /* from 1.0 */
    const char *id = json_get_string(config, "id", json_get_string(c, "id", ""));
    const char *state = nested ? json_get_string(status, "state", NULL) : json_string(status);
    if (!json_is_object(config) || !*id || !state) {
        return false;
    }
    if (strlen(id) >= sizeof(s->container)) {
        return true; /* none of ours: its name stays empty */
    }
    clean_copy(s->container, sizeof(s->container), id);
    str_copy(s->info.name, sizeof(s->info.name), s->container);
    str_copy(s->info.id, sizeof(s->info.id), s->container);
    fill_state(s, state);
    fill_config(s, config);
    const struct json *from = nested ? status : c;
    if (s->info.state == SANDBOX_RUNNING) {
        s->info.started_wall_ms = ctr_parse_date(json_get(from, "startedDate"));
    }
    fill_net(s, json_get(from, "networks"));
    format_limits(s);
    return true;
}

/* An answer that is a list of objects; NULL: it is none. */
static struct json *parse_array(const char *text, size_t len, const char *what, struct error *err)
{
    struct json *root = json_parse(text, len, err);
    if (!root) {
        error_wrap(err, "container's list of %s", what);
        return NULL;
    }
    bool good = json_is_array(root);
    for (const struct json *c = json_first(root); good && c; c = json_next(c)) {
        good = json_is_object(c);
    }
    if (!good) {
        json_free(root);
        error_set(err, ERROR_PARSE, "container's answer is no list of %s", what);
        return NULL;
    }
    return root;
}

int ctr_parse_list(const char *text, size_t len, void (*each)(void *arg, const struct ctr_seen *seen), void *arg,
                   struct error *err)
{
    struct json *root = parse_array(text, len, "containers", err);
    struct ctr_seen *s = root ? xcalloc(1, sizeof(*s)) : NULL;
    int rc = s ? 0 : -1;
    for (const struct json *c = json_first(root); rc == 0 && c; c = json_next(c)) {
        memset(s, 0, sizeof(*s));
        if (fill(s, c)) {
            if (s->container[0]) {
                each(arg, s);
            }
        } else {
            rc = error_hint(err, ERROR_PARSE, "this version of container may be newer than what is known here",
                            "container's list of containers has an entry that is none");
        }
    }
    free(s);
    json_free(root);
    return rc;
}

/* --- the other answers --- */

int ctr_parse_system_version(const char *text, size_t len, struct ctr_system *out, struct error *err)
{
    struct json *root = parse_array(text, len, "versions", err);
    memset(out, 0, sizeof(*out));
    if (!root) {
        return -1;
    }
    const struct json *cli = json_first(root);
    const char *version = json_get_string(cli, "version", "");
    bool good = ctr_parse_version(version, out->version);
    clean_copy(out->version_text, sizeof(out->version_text), version);
    out->service_up = cli && json_next(cli);
    json_free(root);
    return good ? 0
                : error_set(err, ERROR_PARSE, "what answers to `container system version` is not Apple's container");
}

int ctr_parse_network(const char *text, size_t len, const char *name, char *gateway, size_t cap, struct error *err)
{
    struct json *root = parse_array(text, len, "networks", err);
    gateway[0] = '\0';
    if (!root) {
        return -1;
    }
    for (const struct json *n = json_first(root); n; n = json_next(n)) {
        const struct json *status = json_get(n, "status");
        if (strcmp(json_get_string(n, "id", ""), name) == 0) {
            get_address(json_get_string(status, "ipv4Gateway", json_get_string(status, "gateway", "")), gateway, cap);
        }
    }
    json_free(root);
    return 0;
}

/* A count that is there, not negative. */
static uint64_t get_count(const struct json *j, const char *key)
{
    return (uint64_t)MT_MAX(json_get_int(j, key, 0), 0);
}

int ctr_parse_stats(const char *text, size_t len, void (*each)(void *arg, const struct ctr_sample *s), void *arg,
                    struct error *err)
{
    struct json *root = parse_array(text, len, "figures", err);
    if (!root) {
        return -1;
    }
    for (const struct json *c = json_first(root); c; c = json_next(c)) {
        struct ctr_sample s = {.container = ""};
        const char *id = json_get_string(c, "id", "");
        if (!*id || strlen(id) >= sizeof(s.container)) {
            json_free(root);
            return error_set(err, ERROR_PARSE, "container's figures have an entry without a name");
        }
        clean_copy(s.container, sizeof(s.container), id);
        s.stats.cpu_ns = get_count(c, "cpuUsageUsec") * 1000;
        s.stats.memory_bytes = get_count(c, "memoryUsageBytes");
        s.stats.memory_limit_bytes = get_count(c, "memoryLimitBytes");
        s.stats.procs = (unsigned)MT_MIN(get_count(c, "numProcesses"), 1u << 30);
        each(arg, &s);
    }
    json_free(root);
    return 0;
}
