/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/spec.h"

#include <stdlib.h>
#include <string.h>

#include "core/engine/devcontainer.h"
#include "core/engine/hosts.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

/* Who decides on the network: the request, an earlier explicit choice for this sandbox, the configuration, the profile;
 * else full. */
static int wanted_network(const struct spec_input *in, enum net_policy *out, struct strvec *warnings, struct error *err)
{
    static const int OPENNESS[NET_POLICY_COUNT] = {[NET_NONE] = 0, [NET_MODEL] = 1, [NET_FULL] = 2, [NET_SHARED] = 3};
    const struct manifest *m = &in->profile->manifest;
    if (in->net_given) {
        *out = in->net;
    } else if (in->record->have_net) {
        *out = in->record->net;
        if (m->have_network && OPENNESS[m->network] < OPENNESS[*out]) {
            strvec_pushf(warnings, "network is %s, as was chosen for this sandbox before; its profile says %s",
                         net_policy_name(*out), net_policy_name(m->network));
        }
    } else if (in->config->network[0] != '\0') {
        return net_policy_parse(in->config->network, out, err);
    } else {
        *out = m->have_network ? m->network : NET_FULL;
    }
    return 0;
}

int spec_wanted_network(const struct spec_input *in, enum net_policy *out, struct error *err)
{
    MT_CLEANUP(strvec) struct strvec ignored = STRVEC_INIT;
    return wanted_network(in, out, &ignored, err);
}

/* Does a source that is written as lying beside the projects really lie elsewhere? Agents can put links there. */
static bool is_led_away(const char *path, const char *real, const char *workspace, const char *written)
{
    size_t root = (size_t)(path_base(workspace) - workspace), plain = (size_t)(path_base(written) - written);
    bool inside =
        (root > 1 && strncmp(path, workspace, root) == 0) || (plain > 1 && strncmp(path, written, plain) == 0);
    return inside && strncmp(real, workspace, root) != 0;
}

/* S2: resolves a source; false when there is nothing to mount. */
static bool add_mount(struct sandbox_spec *out, const struct mount_spec *m, const struct spec_input *in,
                      struct strvec *warnings)
{
    struct error why = ERROR_INIT;
    if (in->ws->host[0] != '\0' && m->source[0] != '/') {
        strvec_pushf(warnings, "mount %s is left out: on %s only absolute paths can be named", m->source, in->ws->host);
        return false;
    }
    MT_CLEANUP(xfree) char *path = path_expand(m->source, in->paths->home);
    char *real = in->ws->host[0] != '\0' ? xstrdup(path) : path_real(path, &why); /* there: the runtime will say */
    if (real != NULL && in->ws->host[0] == '\0' && is_led_away(path, real, out->workspace, in->ws->path)) {
        error_set(&why, ERROR_DENIED, "a link in it leads out of the workspace root, to %s", real);
        free(real);
        real = NULL;
    }
    if (real == NULL) {
        strvec_pushf(warnings, "mount %s is left out: %s", m->source, why.msg);
        return false;
    }
    out->mounts = xreallocarray(out->mounts, out->mount_count + 1, sizeof(*out->mounts));
    out->mounts[out->mount_count++] =
        (struct mount_spec){.source = real, .target = xstrdup(m->target), .read_only = m->read_only};
    return true;
}

/* "name: hash" of a file that an image is made from. */
static void hash_line(const char *name, const char *path, struct strbuf *text)
{
    char hex[HASH_HEX_LEN + 1];
    if (hash_sha256_file(path, hex, NULL) == 0) {
        strbuf_addf(text, "%s: %.12s\n", name, hex);
    }
}

/* One "name: value" line per fact that would need a re-create (S5); never the environment. */
static void canonical_text(const struct sandbox_spec *s, const struct manifest *m, struct strbuf *text)
{
    strbuf_addf(text, "workspace: %s at %s\n", s->workspace, s->workspace_mount);
    strbuf_addf(text, "image: %s\n", s->image != NULL ? s->image : "-");
    strbuf_addf(text, "network: %s\n", net_policy_name(s->net_after));
    strbuf_addf(text, "cpus: %.3f\n", s->cpus);
    strbuf_addf(text, "memory: %llu\n", (unsigned long long)s->memory_bytes);
    strbuf_addf(text, "pids: %u\n", s->pids);
    strbuf_addf(text, "limits: %s\n", s->require_limits ? "required" : "as possible");
    for (size_t i = 0; i < s->mount_count; i++) {
        strbuf_addf(text, "mount %s: %s%s\n", s->mounts[i].target, s->mounts[i].source,
                    s->mounts[i].read_only ? " (read-only)" : "");
    }
    for (size_t i = 0; i < m->ports.len; i++) {
        strbuf_addf(text, "port %zu: %s\n", i, m->ports.v[i]);
    }
    if (s->workspace_mode == WORKSPACE_OVERLAY) { /* as these last ones: sandboxes without keep their fingerprint */
        strbuf_addstr(text, "workspace mode: overlay\n");
    }
    if (s->writable_root) {
        strbuf_addstr(text, "root: writable\n");
    }
    if (s->cpu_seconds != 0) {
        strbuf_addf(text, "cpu seconds: %u\n", s->cpu_seconds);
    }
    if (s->gpu != GPU_NONE) {
        strbuf_addf(text, "gpu: %s\n", gpu_tier_name(s->gpu));
    }
    for (size_t i = 0; i < s->connect_count; i++) {
        strbuf_addf(text, "connect %zu: %u\n", i, (unsigned)s->connect[i]);
    }
    if (s->model_port != 0) {
        strbuf_addf(text, "inference port: %u\n", (unsigned)s->model_port);
    }
    if (s->containerfile != NULL) {
        MT_CLEANUP(xfree) char *file = path_join(s->containerfile, "Containerfile");
        hash_line("containerfile", file, text);
    }
    if (s->mise != NULL) {
        hash_line("mise.toml", s->mise, text);
    }
}

/* A regular file of the project itself; links may lead anywhere. Caller frees. */
static char *project_file(const char *workspace, const char *name)
{
    char *path = path_join(workspace, name);
    struct error ignored = ERROR_INIT;
    MT_CLEANUP(xfree) char *real = path_real(path, &ignored);
    if (real == NULL || !path_is_below(real, workspace) || fs_is_dir(real)) {
        free(path);
        return NULL;
    }
    return path;
}

/* S13: the image that the repository names, when a person or the configuration allows it; else a word about it. */
static void take_repository_image(struct sandbox_spec *out, const struct spec_input *in, struct strvec *warnings)
{
    struct devcontainer dev;
    devcontainer_load(&dev, out->workspace);
    if (dev.image != NULL &&
        (in->config->allow_untrusted_image || strcmp(record_text(in->record, RECORD_IMAGE_CONSENT), dev.image) == 0)) {
        out->image = xstrdup(dev.image);
    } else if (dev.image != NULL) {
        strvec_pushf(warnings,
                     "the image %s that the repository names is not used (sandbox.allow_untrusted_image, or a yes in "
                     "the cockpit, allows it)",
                     dev.image);
    } else if (dev.builds) {
        strvec_push(warnings, "the image that devcontainer.json builds is not used: the profile's is");
    }
    if (dev.problem != NULL) {
        strvec_pushf(warnings, "devcontainer.json is not used: %s", dev.problem);
    }
    devcontainer_release(&dev);
}

/* What its image is made from (S13, S14, S16), for a backend that has images. */
static void choose_image(struct sandbox_spec *out, const struct spec_input *in, struct strvec *warnings)
{
    static const char *const MISE[] = {"mise.toml", ".mise.toml"};
    const char *choice = record_text(in->record, RECORD_IMAGE_CHOICE);
    bool here = in->ws->host[0] == '\0';
    if (choice[0] != '\0') {
        free(out->image);
        out->image = xstrdup(choice);
    } else {
        out->golden = xasprintf("localhost/muthr-profile-%s:latest", in->profile->name);
        out->containerfile = xstrdup_null(in->profile->containerfile);
    }
    if (out->image == NULL && out->containerfile == NULL && here) {
        take_repository_image(out, in, warnings);
    }
    for (size_t i = 0; here && out->mise == NULL && i < MT_ARRAY_LEN(MISE); i++) {
        out->mise = project_file(out->workspace, MISE[i]);
    }
}

/* S12: as written in the manifest. */
static int take_ports(struct sandbox_spec *out, const struct manifest *m, struct strvec *warnings, struct error *err)
{
    if (m->ports.len > 0 && out->net_after == NET_NONE) {
        strvec_push(warnings, "ports are not published: it has no network");
        return 0;
    }
    if (m->ports.len > SANDBOX_PORTS_MAX) {
        return error_set(err, ERROR_INVALID, "profile %s publishes more than %d ports", out->profile,
                         SANDBOX_PORTS_MAX);
    }
    out->ports = m->ports.len > 0 ? xcalloc(m->ports.len, sizeof(*out->ports)) : NULL;
    for (size_t i = 0; i < m->ports.len; i++) {
        if (port_spec_parse(m->ports.v[i], &out->ports[i], err) < 0) {
            return error_wrap(err, "profile %s", out->profile);
        }
        out->port_count++;
    }
    return 0;
}

/* B2: the GPU when the profile asks for it, the configuration allows it and the backend has it; else a word. */
static void take_gpu(struct sandbox_spec *out, const struct spec_input *in, struct strvec *warnings)
{
    enum gpu_tier wanted = in->profile->manifest.gpu;
    if (wanted == GPU_NONE) {
        return;
    }
    if ((in->caps & BACKEND_CAP_GPU) == 0) {
        strvec_pushf(warnings, "gpu: %s is left out: this backend has none", gpu_tier_name(wanted));
    } else if (!in->config->allow_gpu) {
        strvec_pushf(warnings, "gpu: %s is left out: sandbox.allow_gpu = true would allow it", gpu_tier_name(wanted));
    } else {
        out->gpu = wanted;
    }
}

/* What a sandbox reaches of this machine's loopback, where it shares that. */
static void take_connect(struct sandbox_spec *out, const struct spec_input *in)
{
    const struct manifest *m = &in->profile->manifest;
    if ((in->caps & BACKEND_CAP_HOST_PATHS) == 0) {
        return;
    }
    memcpy(out->connect, m->connect, sizeof(out->connect));
    out->connect_count = m->connect_count;
    out->cpu_seconds = m->cpu_seconds;
    out->model_port = out->net_after == NET_NONE || out->net_after == NET_SHARED ? 0 : in->model_port;
}

/* S2: where the project really is. What N2 says of the root holds for a project that is a link: below the home
 * directory, and neither it nor what the other projects are in. */
static int take_workspace(struct sandbox_spec *out, const struct spec_input *in, struct strvec *warnings,
                          struct error *err)
{
    static const char HINT[] = "move it below the home directory, or replace the link by a folder";
    const char *path = in->ws->path;
    if (in->ws->host[0] != '\0') { /* it can only be named here; its runtime says when it is not there */
        out->workspace = xstrdup(path);
        return 0;
    }
    struct error ignored = ERROR_INIT;
    MT_CLEANUP(xfree) char *parent = xstrndup(path, (size_t)(path_base(path) - path));
    MT_CLEANUP(xfree) char *root = path_real(parent, &ignored), *home = path_real(in->paths->home, &ignored);
    char *real = out->workspace = path_real(path, err);
    if (real == NULL) {
        return error_wrap(err, "project folder");
    }
    if (root == NULL || home == NULL || (path_is_below(real, root) && strcmp(real, root) != 0)) {
        return 0;
    }
    if (!path_is_below(real, home) || path_is_below(root, real)) {
        return error_hint(err, ERROR_INVALID, HINT, "the project folder %s leads to %s, %s", in->ws->shown, real,
                          path_is_below(root, real) ? "which holds the other projects" : "outside the home directory");
    }
    strvec_pushf(warnings, "the project folder is a link: %s is what programs inside change", real);
    return 0;
}

int spec_build(struct sandbox_spec *out, const struct spec_input *in, struct strbuf *text, struct strvec *warnings,
               struct error *err)
{
    const struct manifest *m = &in->profile->manifest;
    const struct config *c = in->config;
    memset(out, 0, sizeof(*out));
    if (wanted_network(in, &out->net_after, warnings, err) < 0 ||
        config_parse_size(c->memory, &out->memory_bytes, err) < 0) {
        return -1;
    }
    char bare[NAMING_SANDBOX_MAX];
    out->name = xstrdup(hosts_bare(in->ws->sandbox, in->ws->name, in->caps, bare));
    out->project = xstrdup(in->ws->name);
    if (take_workspace(out, in, warnings, err) < 0) {
        sandbox_spec_release(out);
        return -1;
    }
    bool in_place = (in->caps & BACKEND_CAP_HOST_PATHS) != 0;
    out->workspace_mount = xstrdup(in_place                     ? out->workspace
                                   : m->workspace_mount != NULL ? m->workspace_mount
                                                                : "/workspace");
    out->profile = xstrdup(in->profile->name);
    out->image = xstrdup_null(m->image);
    out->workspace_mode = m->workspace_mode;
    out->writable_root = m->writable_root;
    out->net = net_policy_is_sealed(out->net_after) && in->will_provision ? NET_FULL : out->net_after;
    out->cpus = m->cpus > 0 ? m->cpus : c->cpus;
    out->memory_bytes = m->memory_bytes > 0 ? m->memory_bytes : out->memory_bytes;
    out->pids = m->pids > 0 ? m->pids : (unsigned)c->pids;
    out->require_limits = c->require_resource_limits;
    take_gpu(out, in, warnings);
    take_connect(out, in);
    for (size_t i = 0; i < m->mount_count; i++) {
        add_mount(out, &m->mounts[i], in, warnings);
    }
    if (take_ports(out, m, warnings, err) < 0) {
        sandbox_spec_release(out);
        return -1;
    }
    if (strcmp(record_text(in->record, RECORD_IMAGES), "yes") == 0) {
        choose_image(out, in, warnings);
    }
    canonical_text(out, m, text);
    char hex[HASH_HEX_LEN + 1];
    hash_sha256_hex(text->buf, text->len, hex);
    out->config_hash = xstrdup(hex);
    return 0;
}

/* The value of `name` (of length n) in a canonical text, with its length; NULL when it is not there. */
static const char *find_line(const char *text, const char *name, size_t n, size_t *len)
{
    for (const char *line = text; *line != '\0';) {
        size_t end = strcspn(line, "\n");
        if (end > n + 2 && memcmp(line, name, n) == 0 && memcmp(line + n, ": ", 2) == 0) {
            *len = end - n - 2;
            return line + n + 2;
        }
        line += end + (line[end] != '\0' ? 1 : 0);
    }
    *len = 1;
    return NULL;
}

/* One difference between two canonical texts, in the words of people; `old` and `now` end with NUL. */
typedef void (*diff_fn)(void *arg, const char *name, const char *old, const char *now);

/* A value as people say it: amounts that stand for nothing are no limit, and bytes have a unit. */
static char *say_value(const char *name, const char *value, size_t len)
{
    MT_CLEANUP(xfree) char *text = xstrndup(value != NULL ? value : "", value != NULL ? len : 0);
    double number = strtod(text, NULL);
    bool cpus = strcmp(name, "cpus") == 0, memory = strcmp(name, "memory") == 0;
    if (value == NULL || strcmp(text, "-") == 0) {
        return xstrdup("none");
    }
    if ((cpus || memory || strcmp(name, "pids") == 0) && number <= 0) {
        return xstrdup("no limit");
    }
    if (memory) {
        bool giga = number >= 1024.0 * 1024 * 1024;
        return xasprintf("%.4g %s", number / (giga ? 1024.0 * 1024 * 1024 : 1024.0 * 1024), giga ? "GiB" : "MiB");
    }
    return cpus ? xasprintf("%.4g", number) : xstrdup(text);
}

/* Lines of `from` that read otherwise, or are missing, in `to`. */
static void diff_lines(const char *from, const char *to, bool forward, diff_fn fn, void *arg)
{
    for (const char *line = from; *line != '\0';) {
        size_t end = strcspn(line, "\n"), a_len, b_len;
        const char *colon = memchr(line, ':', end);
        size_t n = colon != NULL ? (size_t)(colon - line) : end;
        const char *a = find_line(from, line, n, &a_len), *b = find_line(to, line, n, &b_len);
        bool same = a != NULL && b != NULL && a_len == b_len && memcmp(a, b, a_len) == 0;
        if (!same && (forward || b == NULL)) {
            MT_CLEANUP(xfree) char *name = xstrndup(line, n);
            MT_CLEANUP(xfree) char *old = say_value(name, forward ? a : b, forward ? a_len : b_len);
            MT_CLEANUP(xfree) char *now = say_value(name, forward ? b : a, forward ? b_len : a_len);
            fn(arg, name, old, now);
        }
        line += end + (line[end] != '\0' ? 1 : 0);
    }
}

/* "network: full -> none", comma separated. */
static void add_short(void *arg, const char *name, const char *old, const char *now)
{
    struct strbuf *out = arg;
    strbuf_addf(out, "%s%s: %s -> %s", out->len > 0 ? ", " : "", name, old, now);
}

void spec_diff(const char *old, const char *now, struct strbuf *out)
{
    diff_lines(old, now, true, add_short, out);
    diff_lines(now, old, false, add_short, out);
}

/* "network: none instead of full", a string each. */
static void add_long(void *arg, const char *name, const char *old, const char *now)
{
    strvec_pushf(arg, "%s: %s instead of %s", name, now, old);
}

void spec_explain(const char *old, const char *now, struct strvec *out)
{
    diff_lines(old, now, true, add_long, out);
    diff_lines(now, old, false, add_long, out);
}

bool spec_network(const char *text, enum net_policy *out)
{
    size_t len;
    const char *value = text != NULL ? find_line(text, "network", strlen("network"), &len) : NULL;
    MT_CLEANUP(xfree) char *word = value != NULL ? xstrndup(value, len) : NULL;
    return word != NULL && net_policy_parse(word, out, NULL) == 0;
}

bool spec_image_differs(const char *old, const char *now)
{
    static const char *const LINES[] = {"image", "containerfile", "mise.toml"};
    for (size_t i = 0; i < MT_ARRAY_LEN(LINES); i++) {
        size_t a_len = 0, b_len = 0, n = strlen(LINES[i]);
        const char *a = find_line(old, LINES[i], n, &a_len), *b = find_line(now, LINES[i], n, &b_len);
        if ((a == NULL) != (b == NULL) || (a != NULL && (a_len != b_len || memcmp(a, b, a_len) != 0))) {
            return true;
        }
    }
    return false;
}
