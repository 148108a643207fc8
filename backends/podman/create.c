/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/podman/args.h"
#include "backends/podman/podman_private.h"
#if defined(__linux__)
#include "backends/seccomp.h"
#endif
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

/* CREATE: the network and the home folder's volume first, then one `podman create`. Nothing is started. */

#define CREATE_TIMEOUT_MS 60000
#define VOLUME_TIMEOUT_MS 20000

/* Whose the person's programs inside are: ours; as root, those of who owns the project, unless that is root too. */
struct owner {
    uid_t uid;
    gid_t gid;
};

struct create {
    struct owner owner;
    struct strvec args;
    struct strbuf warning;
    char *network, *seccomp;
    char volume[PODMAN_NAME_MAX + 8]; /* "" = the home is part of the root */
    bool made_volume;
    struct error failed; /* why the creation failed, while the volume is taken away */
};

static void create_release(struct request *r)
{
    struct create *c = r->state;
    strvec_release(&c->args);
    strbuf_release(&c->warning);
    free(c->network);
    free(c->seccomp);
    free(c);
}

/* Our system call rules as a file that podman reads at creation; NULL: podman's own profile holds. */
static char *write_seccomp(const struct backend *be, bool packages)
{
#if defined(__linux__)
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char *path = path_join(be->state, packages ? "seccomp-packages.json" : "seccomp.json");
    if (!be->target_url && seccomp_write_json(packages, &text, &err) == 0 && fs_mkdirs(be->state, 0700, &err) == 0 &&
        fs_write_atomic(path, text.buf, text.len, 0600, &err) == 0) {
        return path;
    }
    if (!be->target_url) {
        log_warn("podman's own system call filter is used: %s", err.msg);
    }
    free(path);
#else
    (void)be;
    (void)packages;
#endif
    return NULL;
}

/* --- failure --- */

static void on_volume_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct create *c = r->state;
    struct error why = c->failed;
    (void)res;
    (void)err;
    podman_finish(r, &why);
}

/* Leaves nothing behind. */
static void fail(struct request *r, const struct error *err)
{
    struct create *c = r->state;
    const char *args[] = {"volume", "rm", c->volume, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = VOLUME_TIMEOUT_MS};
    c->failed = *err;
    if (!c->made_volume || podman_run(r, &opts, on_volume_removed, NULL) < 0) {
        podman_finish(r, err);
    }
}

/* --- the way forward --- */

static void on_created(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (err) {
        fail(r, err);
        return;
    }
    podman_changed(r->be, r->call->spec->name);
    podman_finish(r, NULL);
}

static int run_create(struct request *r, struct error *err)
{
    struct create *c = r->state;
    const struct sandbox_spec *s = r->call->spec;
    const struct podman_facts *f = &r->be->facts;
    struct podman_args_input in = {.spec = s,
                                   .container = r->container,
                                   .image = s->image ? s->image : PODMAN_DEFAULT_IMAGE,
                                   .network = c->network,
                                   .seccomp = c->seccomp,
                                   .home = c->volume[0] ? c->volume : NULL,
                                   .rootless = f->rootless,
                                   .label_disable = f->selinux,
                                   .can_memory = f->has_memory,
                                   .can_pids = f->has_pids,
                                   .can_cpu = f->has_cpu,
                                   .has_passwd_entry = podman_at_least(r->be, 4, 3),
                                   .has_user = !r->be->target_url,
                                   .uid = c->owner.uid,
                                   .gid = c->owner.gid};
    if (podman_args_create(&in, &c->args, &c->warning, err) < 0) {
        return -1;
    }
    struct cli_opts opts = {.args = (const char *const *)c->args.v, .timeout_ms = CREATE_TIMEOUT_MS};
    return podman_run(r, &opts, on_created, err);
}

static void on_volume(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct create *c = r->state;
    struct error why = ERROR_INIT;
    (void)res;
    c->made_volume = !err;
    if (err && err->code != ERROR_EXISTS) {
        podman_finish(r, err);
    } else if (run_create(r, &why) < 0) {
        fail(r, &why);
    }
}

/* The home folder outlives stops and is apart from the read-only root. A volume is made with its owner told (measured:
 * one that is made by the way has the owner of the image's folder); rootless, the user is 0 in podman's eyes. It
 * also outlives a re-creation (DELETE with keep_home); what COMMIT is to have of it, the engine copies beforehand. */
static int make_volume(struct request *r, struct error *err)
{
    struct create *c = r->state;
    char owner[64], sandbox[320];
    const bool zero = r->be->facts.rootless || r->be->target_url;
    str_format(c->volume, sizeof(c->volume), "%s-home", r->container);
    str_format(owner, sizeof(owner), "o=uid=%u,gid=%u", zero ? 0 : (unsigned)c->owner.uid,
               zero ? 0 : (unsigned)c->owner.gid);
    str_format(sandbox, sizeof(sandbox), "%s=%s", PODMAN_LABEL_SANDBOX, r->call->spec->name);
    const char *args[] = {"volume",  "create",
                          "--label", (PODMAN_LABEL_MANAGED "=true"),
                          "--label", (PODMAN_LABEL_OWNER "=project"),
                          "--label", sandbox,
                          "--opt",   owner,
                          c->volume, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = VOLUME_TIMEOUT_MS};
    return podman_run(r, &opts, on_volume, err);
}

static struct owner owner_of(const char *workspace)
{
    struct owner o = {getuid(), getgid()};
    struct stat sb;
    if (o.uid == 0 && stat(workspace, &sb) == 0 && sb.st_uid != 0) {
        o.uid = sb.st_uid;
        o.gid = sb.st_gid;
    }
    return o;
}

static int on_network(struct request *r, const char *network, struct error *err)
{
    struct create *c = r->state;
    free(c->network);
    c->network = xstrdup(network);
    c->seccomp = write_seccomp(r->be, r->call->spec->writable_root);
    return make_volume(r, err);
}

static int on_facts(struct request *r, struct error *err)
{
    return podman_net_prepare(r, on_network, err);
}

/* Nothing is made beside one that is there, ours or not. */
static int on_look(struct request *r, const struct podman_seen *seen, struct error *err)
{
    return seen ? error_set(err, ERROR_EXISTS, "sandbox %s exists already", r->call->spec->name)
                : podman_need_facts(r, on_facts, err);
}

int podman_create(struct request *r, struct error *err)
{
    const struct sandbox_spec *s = r->call->spec;
    if (r->call->service) {
        return podman_service(r, err);
    }
    struct create *c = xcalloc(1, sizeof(*c));
    strvec_init(&c->args);
    strbuf_init(&c->warning);
    r->state = c;
    r->release = create_release;
    c->owner = owner_of(s->workspace);
    if (!r->be->target_url && !fs_is_dir(s->workspace)) {
        return error_set(err, ERROR_NOT_FOUND, "project folder %s is not there", s->workspace);
    }
    return podman_owned_or_none(r, on_look, err);
}
