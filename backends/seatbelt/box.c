/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/seatbelt/box.h"

#include <pwd.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/xmalloc.h"

/* macOS before 15 has no C.UTF-8. */
#if defined(__APPLE__)
#define BOX_LANG "en_US.UTF-8"
#else
#define BOX_LANG "C.UTF-8"
#endif

/* --- network --- */

/* Ports of localhost that it may connect to: its own, the profile's, its inference server's. */
static size_t connect_ports(const struct sandbox_spec *spec, enum net_policy net, int port, uint16_t *out)
{
    size_t n = 0;
    if (port > 0) {
        out[n++] = (uint16_t)port;
    }
    for (size_t i = 0; i < spec->connect_count; i++) {
        out[n++] = spec->connect[i];
    }
    if (spec->model_port && net != NET_NONE) {
        out[n++] = spec->model_port;
    }
    return n;
}

enum sbprofile_net box_tier(const struct sandbox_spec *spec, enum net_policy net, int port)
{
    uint16_t ports[SBPROFILE_PORTS_MAX];
    switch (net) {
    case NET_SHARED:
        return SBPROFILE_NET_SHARED;
    case NET_FULL:
        return SBPROFILE_NET_FULL;
    default:
        return connect_ports(spec, net, port, ports) > 0 ? SBPROFILE_NET_LOCALHOST : SBPROFILE_NET_NONE;
    }
}

void box_net_words(const struct sandbox_spec *spec, enum net_policy net, int port, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    uint16_t ports[SBPROFILE_PORTS_MAX];
    size_t count = connect_ports(spec, net, port, ports), others = 0;
    enum sbprofile_net tier = box_tier(spec, net, port);
    out[0] = '\0';
    if (tier == SBPROFILE_NET_NONE || tier == SBPROFILE_NET_SHARED) {
        return;
    }
    if (port > 0) {
        strbuf_addf(&text, " listens on %d", port);
    }
    for (size_t i = port > 0 ? 1 : 0; i < count; i++, others++) {
        strbuf_addf(&text, "%s%u", others ? ", " : text.len ? ", connects to " : " connects to ", (unsigned)ports[i]);
    }
    str_format(out, cap, "%s%s",
               tier == SBPROFILE_NET_FULL ? "of localhost only:" : "localhost only:", text.len ? text.buf : " nothing");
}

/* --- profile --- */

/* A folder of the sandbox, canonical where it exists already. */
static char *real_or_same(const char *path)
{
    struct error ignored = ERROR_INIT;
    char *real = path_real(path, &ignored);
    return real ? real : xstrdup(path);
}

const char *box_image(const struct sandbox_spec *spec)
{
    return spec->image && spec->image[0] == '/' ? spec->image : NULL;
}

int box_profile(const char *dir, const struct sandbox_spec *spec, enum net_policy net, int port, struct strbuf *out,
                struct strbuf *left_out, struct error *err)
{
    uint16_t ports[SBPROFILE_PORTS_MAX], own = (uint16_t)port;
    char *state = real_or_same(dir), *workspace = real_or_same(spec->workspace);
    char *home = path_join(state, "home"), *tmp = path_join(state, "tmp"), *root = path_join(state, "root");
    struct sbprofile_mount *mounts = xcalloc(spec->mount_count + 1, sizeof(*mounts));
    MT_CLEANUP(strvec) struct strvec real = STRVEC_INIT;
    size_t count = 0;
    for (size_t i = 0; i < spec->mount_count; i++) {
        struct error why = ERROR_INIT;
        char *path = path_real(spec->mounts[i].source, &why);
        if (!path && left_out) {
            strbuf_addf(left_out, "%s%s", left_out->len ? ", " : "", spec->mounts[i].source);
        }
        strvec_push(&real, path ? path : "");
        free(path);
    }
    for (size_t i = 0; i < spec->mount_count; i++) {
        if (real.v[i][0]) {
            mounts[count++] = (struct sbprofile_mount){.path = real.v[i], .read_only = spec->mounts[i].read_only};
        }
    }
    struct sbprofile_in in = {.state = state,
                              .home = home,
                              .tmp = tmp,
                              .root = box_image(spec) ? root : NULL,
                              .workspace = workspace,
                              .mounts = mounts,
                              .mount_count = count,
                              .gpu = spec->gpu,
                              .net = box_tier(spec, net, port),
                              .bind = &own,
                              .bind_count = port > 0,
                              .connect = ports,
                              .connect_count = connect_ports(spec, net, port, ports),
                              .shell = true};
    int rc = sbprofile_write(&in, out, err);
    free(state);
    free(workspace);
    free(home);
    free(tmp);
    free(root);
    free(mounts);
    return rc;
}

/* --- limits --- */

static void bound(int what, rlim_t wanted)
{
    struct rlimit now;
    if (getrlimit(what, &now) == 0) {
        now.rlim_max = now.rlim_max == RLIM_INFINITY ? wanted : MT_MIN(now.rlim_max, wanted);
        now.rlim_cur = now.rlim_max;
        setrlimit(what, &now);
    }
}

void box_set_limits(const struct sandbox_spec *spec)
{
    bound(RLIMIT_NOFILE, BOX_OPEN_FILES);
    bound(RLIMIT_CORE, 0);
    if (spec->cpu_seconds) {
        bound(RLIMIT_CPU, spec->cpu_seconds);
    }
}

/* --- environment --- */

void box_mark(const char *dir, const struct state_status *st, struct strbuf *out)
{
    strbuf_addf(out, "MUTHR_SEATBELT=%s.%d.%llu", path_base(dir), st->shim_pid, (unsigned long long)st->shim_start);
}

static void add_bin(struct strbuf *path, const char *folder, const char *bin)
{
    char *full = path_join(folder, bin);
    if (fs_is_dir(full) && !strchr(full, ':')) {
        strbuf_addf(path, "%s:", full);
    }
    free(full);
}

/* The image's programs, those of mounted tools, the system's. */
static void add_path(const char *dir, const struct sandbox_spec *spec, struct strvec *env)
{
    MT_CLEANUP(strbuf) struct strbuf path = STRBUF_INIT;
    char *root = path_join(dir, "root");
    strbuf_addf(&path, "%s/home/.local/bin:", dir);
    if (box_image(spec)) {
        add_bin(&path, root, "usr/local/bin");
        add_bin(&path, root, "usr/bin");
        add_bin(&path, root, "bin");
    }
    for (size_t i = 0; i < spec->mount_count; i++) {
        add_bin(&path, spec->mounts[i].source, "bin");
        add_bin(&path, spec->mounts[i].source, "usr/bin");
    }
    strbuf_addstr(&path, "/usr/bin:/bin");
    strvec_setenv(env, "PATH", path.buf);
    free(root);
}

void box_environment(const char *dir, const struct sandbox_spec *spec, const struct state_status *st,
                     struct strvec *env)
{
    MT_CLEANUP(strbuf) struct strbuf mark = STRBUF_INIT;
    const struct passwd *pw = getpwuid(geteuid());
    char *home = path_join(dir, "home"), *tmp = path_join(dir, "tmp"), *root = path_join(dir, "root");
    add_path(dir, spec, env);
    strvec_setenv(env, "HOME", home);
    strvec_setenv(env, "TMPDIR", tmp);
    strvec_setenv(env, "USER", pw ? pw->pw_name : "muthr");
    strvec_setenv(env, "LOGNAME", pw ? pw->pw_name : "muthr");
    strvec_setenv(env, "SHELL", "/bin/bash");
    strvec_setenv(env, "LANG", BOX_LANG);
    strvec_setenv(env, "TERM", "xterm-256color");
    strvec_setenv(env, "MUTHR_PROJECT", spec->project);
    strvec_setenv(env, "MUTHR_SANDBOX", spec->name);
    if (box_image(spec)) {
        strvec_setenv(env, "MUTHR_ROOT", root);
    }
    if (st->port) {
        char port[16];
        str_format(port, sizeof(port), "%d", st->port);
        strvec_setenv(env, "PORT", port);
        strvec_setenv(env, "MUTHR_PORT", port);
    }
    box_mark(dir, st, &mark);
    strvec_push(env, mark.buf);
    free(home);
    free(tmp);
    free(root);
}
