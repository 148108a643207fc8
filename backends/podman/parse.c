/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/parse.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "backends/podman/args.h"
#include "backends/rfc3339.h"
#include "core/engine/naming.h"
#include "core/util/utf8.h"

#define ZERO_DATE (-62135596800ll) /* 0001-01-01: podman's "never" */

void podman_seen_release(struct podman_seen *s)
{
    strvec_release(&s->networks);
    strvec_release(&s->create_command);
}

static void seen_init(struct podman_seen *s)
{
    memset(s, 0, sizeof(*s));
    strvec_init(&s->networks);
    strvec_init(&s->create_command);
}

void podman_parse_image_id(const char *text, char out[PODMAN_IMAGE_ID_MAX])
{
    static const char prefix[] = "sha256:";
    const char *hex = strncmp(text, prefix, strlen(prefix)) == 0 ? text + strlen(prefix) : text;
    size_t n = strspn(hex, "0123456789abcdef");
    bool is_one = n >= 12 && n < PODMAN_IMAGE_ID_MAX && (hex[n] == '\0' || isspace((unsigned char)hex[n]));
    str_format(out, PODMAN_IMAGE_ID_MAX, "%.*s", is_one ? (int)n : 0, hex);
}

bool podman_parse_version(const char *text, int version[3])
{
    const char *p = text;
    version[0] = version[1] = version[2] = 0;
    while (*p && !isdigit((unsigned char)*p)) {
        p++;
    }
    return sscanf(p, "%d.%d.%d", &version[0], &version[1], &version[2]) >= 2;
}

/* A date that is a number of seconds or a text. */
static int64_t get_seconds(const struct json *j, const char *key)
{
    const struct json *v = json_get(j, key);
    int64_t s = json_is_number(v) ? json_get_int(j, key, 0) : (int64_t)(rfc3339_parse(json_string(v)) / 1000);
    return s <= 0 || s == ZERO_DATE ? 0 : s;
}

/* A label without control characters. */
static void get_label(const struct json *labels, const char *key, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    const char *value = json_get_string(labels, key, "");
    utf8_sanitize(&clean, value, strlen(value), false);
    str_copy(out, cap, clean.buf);
}

/* N7: known by its name, and as managed; the muthr CLI's has other labels besides, and none of ours. */
static void fill_service(struct podman_seen *s, const struct json *labels)
{
    struct sandbox_info *i = &s->info;
    i->service = true;
    i->foreign = strcmp(json_get_string(labels, PODMAN_LABEL_MANAGED, ""), "true") != 0;
    get_label(labels, PODMAN_LABEL_OWNER, i->profile, sizeof(i->profile));
    if (!i->foreign) {
        get_label(labels, PODMAN_LABEL_USER, s->user, sizeof(s->user));
        s->writable_root = true; /* what its script has installed is in it: never made again by the way */
    }
}

static void fill_labels(struct podman_seen *s, const struct json *labels)
{
    struct sandbox_info *i = &s->info;
    char text[240];
    if (naming_is_infrastructure(s->container)) {
        fill_service(s, labels);
        return;
    }
    i->foreign = strcmp(json_get_string(labels, PODMAN_LABEL_MANAGED, ""), "true") != 0 ||
                 strcmp(json_get_string(labels, PODMAN_LABEL_OWNER, ""), "project") != 0;
    if (i->foreign) {
        return;
    }
    /* The engine's name, when it is one of this container: a label is no proof. */
    struct error ignored = ERROR_INIT;
    char reduced[PODMAN_NAME_MAX];
    const char *name = json_get_string(labels, PODMAN_LABEL_SANDBOX, "");
    if (*name && podman_container_name(name, reduced, &ignored) == 0 && strcmp(reduced, s->container) == 0) {
        get_label(labels, PODMAN_LABEL_SANDBOX, i->name, sizeof(i->name));
    }
    get_label(labels, PODMAN_LABEL_PROJECT, i->project, sizeof(i->project));
    get_label(labels, PODMAN_LABEL_PROFILE, i->profile, sizeof(i->profile));
    get_label(labels, PODMAN_LABEL_HASH, i->config_hash, sizeof(i->config_hash));
    str_copy(i->workspace, sizeof(i->workspace), json_get_string(labels, PODMAN_LABEL_WORKSPACE, ""));
    get_label(labels, PODMAN_LABEL_NETWORK, s->created_network, sizeof(s->created_network));
    get_label(labels, PODMAN_LABEL_USER, s->user, sizeof(s->user));
    get_label(labels, PODMAN_LABEL_MOUNT, i->mount, sizeof(i->mount));
    s->writable_root = strcmp(json_get_string(labels, PODMAN_LABEL_WRITABLE, ""), "true") == 0;
    s->require_limits = strcmp(json_get_string(labels, PODMAN_LABEL_REQUIRE, ""), "true") == 0;
    get_label(labels, PODMAN_LABEL_WARNING, i->warning, sizeof(i->warning));
    get_label(labels, PODMAN_LABEL_PORTS, text, sizeof(text));
    if (text[0]) {
        char all[480];
        str_format(all, sizeof(all), "%s%sport in use, not published: %s", i->warning, i->warning[0] ? "; " : "", text);
        str_copy(i->warning, sizeof(i->warning), all);
    }
}

/* States of 3.4 are spelled otherwise: "configured" is created, "created" is initialized. Nothing hangs on the second,
 * which lasts for milliseconds. */
static void fill_state(struct podman_seen *s, const char *state, int exit_code)
{
    struct sandbox_info *i = &s->info;
    char lower[16];
    str_copy(lower, sizeof(lower), state);
    for (char *p = lower; *p; p++) {
        *p = (char)tolower((unsigned char)*p);
    }
    str_copy(s->state, sizeof(s->state), strcmp(lower, "configured") == 0 ? "created" : lower);
    i->exit_code = exit_code;
    if (strcmp(s->state, "running") == 0) {
        i->state = SANDBOX_RUNNING;
    } else if (strcmp(s->state, "paused") == 0 || strcmp(s->state, "stopping") == 0) {
        i->state = SANDBOX_RUNNING;
        i->halted = true;
        str_copy(i->reason, sizeof(i->reason), s->state);
    } else if (strcmp(s->state, "created") == 0) {
        i->state = SANDBOX_STOPPED;
        str_copy(i->reason, sizeof(i->reason), "not started yet");
    } else if (strcmp(s->state, "initialized") == 0) {
        i->state = SANDBOX_CREATING;
    } else if (strcmp(s->state, "exited") == 0 || strcmp(s->state, "stopped") == 0 ||
               strcmp(s->state, "removing") == 0) {
        /* The main process is an idle loop: it ends by a signal only, TERM from `stop` or KILL after its patience. */
        bool polite = exit_code == 0 || exit_code == 128 + 15 || exit_code == 128 + 9;
        i->state = polite ? SANDBOX_STOPPED : SANDBOX_FAILED;
        if (!polite) {
            str_format(i->reason, sizeof(i->reason), "crashed: exit %d", exit_code);
        } else if (exit_code == 128 + 9) {
            str_copy(i->reason, sizeof(i->reason), "killed");
        }
    } else {
        i->state = SANDBOX_UNKNOWN;
        str_copy(i->reason, sizeof(i->reason), s->state);
    }
}

/* What holds now, or when it runs again. Networks of its own: connected or cut; the others are told by the label. */
static void fill_net(struct podman_seen *s, const struct json *labels, const char *mode)
{
    struct sandbox_info *i = &s->info;
    const char *created = mode && *mode ? mode : s->created_network;
    bool known = true;
    (void)labels;
    for (size_t k = 0; k < s->networks.len; k++) {
        if (k == 0 || strcmp(s->networks.v[k], s->network) < 0) {
            str_copy(s->network, sizeof(s->network), s->networks.v[k]);
        }
    }
    if (s->networks.len > 0) {
        size_t model = 0;
        for (size_t k = 0; k < s->networks.len; k++) {
            model += strncmp(s->networks.v[k], PODMAN_MODEL_NETWORK, strlen(PODMAN_MODEL_NETWORK)) == 0;
        }
        i->net = model == s->networks.len ? NET_MODEL : NET_FULL;
    } else if (strcmp(created, "host") == 0) {
        i->net = NET_SHARED;
    } else if (strcmp(created, "none") == 0) {
        i->net = NET_NONE;
    } else if (strncmp(created, "slirp4netns", 11) == 0 || strncmp(created, "pasta", 5) == 0) {
        i->net = NET_FULL;
    } else if (strncmp(created, "container:", 10) == 0 || strncmp(created, "ns:", 3) == 0 || !*created) {
        known = false;
    } else {
        i->net = NET_NONE; /* a bridge that it is not connected to any more */
    }
    i->net_known = known;
}

static void add_port(struct sandbox_info *i, const char *ip, int64_t host, int64_t container, bool udp)
{
    if (i->port_count < SANDBOX_PORTS_MAX && container > 0 && container <= 65535 && host >= 0 && host <= 65535) {
        struct port_spec *p = &i->ports[i->port_count++];
        memset(p, 0, sizeof(*p));
        str_copy(p->host_ip, sizeof(p->host_ip), ip);
        p->host_port = (uint16_t)host;
        p->container_port = (uint16_t)container;
        p->udp = udp;
    }
}

/* Where a port stands: tcp before udp, then as the manifest has it, then those that it does not tell of. */
static size_t port_rank(const struct port_spec *p, const char *order)
{
    char name[24];
    str_format(name, sizeof(name), "%u/%s", p->container_port, p->udp ? "udp" : "tcp");
    size_t len = strlen(name), rank = p->udp ? 2 * SANDBOX_PORTS_MAX : 0, k = 0;
    for (const char *at = order; *at && k < SANDBOX_PORTS_MAX; k++) {
        size_t n = strcspn(at, " ");
        if (n == len && memcmp(at, name, n) == 0) {
            return rank + k;
        }
        at += n + strspn(at + n, " ");
    }
    return rank + SANDBOX_PORTS_MAX;
}

/* Podman has an order of its own; the first address that is shown or copied is to be the manifest's first. */
static void sort_ports(struct sandbox_info *i, const struct json *labels)
{
    char order[240];
    get_label(labels, PODMAN_LABEL_ORDER, order, sizeof(order));
    for (unsigned k = 1; k < i->port_count; k++) {
        struct port_spec p = i->ports[k];
        unsigned to = k;
        while (to > 0 && port_rank(&i->ports[to - 1], order) > port_rank(&p, order)) {
            i->ports[to] = i->ports[to - 1];
            to--;
        }
        i->ports[to] = p;
    }
}

/* ps: an entry is a range of ports. Keys of 3.4 are in camel case. */
static void fill_ps_ports(struct sandbox_info *i, const struct json *ports)
{
    for (const struct json *p = json_first(ports); p; p = json_next(p)) {
        const char *ip = json_get_string(p, "host_ip", json_get_string(p, "hostIP", ""));
        int64_t host = json_get_int(p, "host_port", json_get_int(p, "hostPort", 0));
        int64_t inside = json_get_int(p, "container_port", json_get_int(p, "containerPort", 0));
        int64_t range = json_get_int(p, "range", 1);
        bool udp = strcmp(json_get_string(p, "protocol", "tcp"), "udp") == 0;
        for (int64_t k = 0; k < MT_MIN(MT_MAX(range, 1), SANDBOX_PORTS_MAX); k++) {
            add_port(i, ip, host ? host + k : 0, inside + k, udp);
        }
    }
}

/* inspect: {"8080/tcp": [{"HostIp","HostPort"}]}. */
static void fill_inspect_ports(struct sandbox_info *i, const struct json *ports)
{
    for (const struct json *p = json_first(ports); p; p = json_next(p)) {
        const char *key = json_key(p) ? json_key(p) : "";
        for (const struct json *b = json_first(p); b; b = json_next(b)) {
            add_port(i, json_get_string(b, "HostIp", ""), strtol(json_get_string(b, "HostPort", "0"), NULL, 10),
                     strtol(key, NULL, 10), strstr(key, "/udp") != NULL);
        }
    }
}

/* G1: the host as seen from inside. A slirp4netns leads to it only when told to, which it is not. */
static void fill_gateway(struct sandbox_info *i, const struct json *networks)
{
    char clean[sizeof(i->gateway)];
    if (i->net_known && i->net == NET_SHARED) {
        str_copy(i->gateway, sizeof(i->gateway), "127.0.0.1");
    }
    for (const struct json *n = json_first(networks); n && !i->gateway[0]; n = json_next(n)) {
        const char *v4 = json_get_string(n, "Gateway", ""), *v6 = json_get_string(n, "IPv6Gateway", "");
        str_copy(clean, sizeof(clean), *v4 ? v4 : v6);
        if (strspn(clean, "0123456789abcdefABCDEF.:") == strlen(clean)) {
            str_copy(i->gateway, sizeof(i->gateway), clean);
        }
    }
}

/* Published ports lead nowhere while it does not run, or once it was cut off (conmon still holds the socket). */
static void close_ports(struct sandbox_info *i)
{
    bool open = i->state == SANDBOX_RUNNING && (i->net == NET_FULL || !i->net_known);
    for (unsigned k = 0; !open && k < i->port_count; k++) {
        i->ports[k].host_port = 0;
    }
}

static void fill_ps(struct podman_seen *s, const struct json *c)
{
    struct sandbox_info *i = &s->info;
    const struct json *labels = json_get(c, "Labels");
    const char *name = json_string(json_first(json_get(c, "Names")));
    str_copy(s->container, sizeof(s->container), name ? name : "");
    str_copy(i->name, sizeof(i->name), s->container);
    str_copy(i->id, sizeof(i->id), json_get_string(c, "Id", json_get_string(c, "ID", "")));
    fill_labels(s, labels);
    fill_state(s, json_get_string(c, "State", ""), (int)json_get_int(c, "ExitCode", 0));
    str_copy(i->image, sizeof(i->image), json_get_string(c, "Image", ""));
    podman_parse_image_id(json_get_string(c, "ImageID", ""), i->image_id);
    s->started = get_seconds(c, "StartedAt");
    s->exited = get_seconds(c, "ExitedAt");
    s->ever_started = s->started > 0;
    i->created_wall_ms = (uint64_t)get_seconds(c, "Created") * 1000;
    if (i->state == SANDBOX_RUNNING) {
        i->started_wall_ms = (uint64_t)s->started * 1000;
        i->pid = (int)json_get_int(c, "Pid", 0);
    }
    json_get_strings(c, "Networks", &s->networks);
    fill_net(s, labels, NULL);
    fill_ps_ports(i, json_get(c, "Ports"));
    sort_ports(i, labels);
    close_ports(i);
}

static void fill_inspect(struct podman_seen *s, const struct json *c)
{
    struct sandbox_info *i = &s->info;
    const struct json *state = json_get(c, "State"), *config = json_get(c, "Config"), *host = json_get(c, "HostConfig");
    const struct json *net = json_get(c, "NetworkSettings");
    const char *name = json_get_string(c, "Name", "");
    str_copy(s->container, sizeof(s->container), name + (*name == '/'));
    str_copy(i->name, sizeof(i->name), s->container);
    str_copy(i->id, sizeof(i->id), json_get_string(c, "Id", ""));
    fill_labels(s, json_get(config, "Labels"));
    fill_state(s, json_get_string(state, "Status", ""), (int)json_get_int(state, "ExitCode", 0));
    str_copy(i->image, sizeof(i->image), json_get_string(c, "ImageName", ""));
    podman_parse_image_id(json_get_string(c, "Image", ""), i->image_id);
    s->started = get_seconds(state, "StartedAt");
    s->exited = get_seconds(state, "FinishedAt");
    s->ever_started = s->started > 0;
    i->created_wall_ms = rfc3339_parse(json_get_string(c, "Created", NULL));
    if (i->state == SANDBOX_RUNNING) {
        i->started_wall_ms = (uint64_t)s->started * 1000; /* as ps tells it: a later start is another one (S8) */
        i->pid = (int)json_get_int(state, "Pid", 0);
    }
    for (const struct json *n = json_first(json_get(net, "Networks")); n; n = json_next(n)) {
        strvec_push(&s->networks, json_key(n) ? json_key(n) : "");
    }
    fill_net(s, json_get(config, "Labels"), s->created_network[0] ? NULL : json_get_string(host, "NetworkMode", ""));
    fill_inspect_ports(i, json_get(net, "Ports"));
    sort_ports(i, json_get(config, "Labels"));
    if (i->state == SANDBOX_RUNNING) {
        fill_gateway(i, json_get(net, "Networks"));
    }
    close_ports(i);
    s->oom_killed = json_get_bool(state, "OOMKilled", false);
    s->memory_bytes = (uint64_t)MT_MAX(json_get_int(host, "Memory", 0), 0);
    s->pids = json_get_int(host, "PidsLimit", 0);
    s->cpus = json_get_double(host, "NanoCpus", 0) / 1e9;
    json_get_strings(config, "CreateCommand", &s->create_command);
    if (s->oom_killed && i->state != SANDBOX_RUNNING) {
        i->state = SANDBOX_FAILED;
        str_copy(i->reason, sizeof(i->reason), "killed: memory limit");
    }
}

/* Both shapes: an array of objects. `all`: foreign ones too. */
static int parse_all(const char *text, size_t len, void (*fill)(struct podman_seen *s, const struct json *c), bool all,
                     void (*each)(void *arg, const struct podman_seen *seen), void *arg, struct error *err)
{
    static const char empty[] = "[]";
    if (len == 0 || strspn(text, " \r\n\t") == len) {
        text = empty; /* 3.4 prints nothing for no container */
        len = 2;
    }
    struct json *root = json_parse(text, len, err);
    if (!root) {
        return error_wrap(err, "podman's answer");
    }
    if (!json_is_array(root)) {
        json_free(root);
        return error_set(err, ERROR_PARSE, "podman's answer is no list of containers");
    }
    for (const struct json *c = json_first(root); c; c = json_next(c)) {
        struct podman_seen s;
        if (!json_is_object(c)) {
            continue;
        }
        seen_init(&s);
        fill(&s, c);
        bool hidden = json_get_bool(c, "IsInfra", false) || (s.info.foreign && !s.info.service);
        if (s.container[0] && (all || !hidden)) {
            each(arg, &s);
        }
        podman_seen_release(&s);
    }
    json_free(root);
    return 0;
}

int podman_parse_ps(const char *text, size_t len, void (*each)(void *arg, const struct podman_seen *seen), void *arg,
                    struct error *err)
{
    return parse_all(text, len, fill_ps, false, each, arg, err);
}

int podman_parse_inspect(const char *text, size_t len, void (*each)(void *arg, const struct podman_seen *seen),
                         void *arg, struct error *err)
{
    return parse_all(text, len, fill_inspect, true, each, arg, err);
}
