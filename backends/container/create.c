/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/container/container_private.h"
#include "core/io/hostport.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* CREATE: one `container create`. Nothing is started. */

#define CREATE_TIMEOUT_MS 90000 /* the command gives up after 60 s by itself */

struct create {
    struct strvec args;
    struct strbuf warning, dropped;
    struct port_spec ports[SANDBOX_PORTS_MAX];
    size_t port_count;
};

static void create_release(struct request *r)
{
    struct create *c = r->state;
    strvec_release(&c->args);
    strbuf_release(&c->warning);
    strbuf_release(&c->dropped);
    free(c);
}

static void pass_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    if (r->call->on_line && stream == PROC_STDERR) {
        r->call->on_line(r->call, true, line, len);
    }
}

static void on_created(struct request *r, const struct proc_result *res, const struct error *err)
{
    const struct create *c = r->state;
    (void)res;
    ctr_own(r)->making = false;
    if (!err && c->warning.len && r->call->on_line) {
        r->call->on_line(r->call, true, c->warning.buf, c->warning.len);
    }
    ctr_changed(r->be, r->call->spec->name);
    ctr_finish(r, err);
}

/* Whose the person's programs inside are: ours; as root, those of who owns the project, unless that is root too. */
static void find_owner(struct ctr_args_input *in)
{
    struct stat sb;
    in->uid = getuid();
    in->gid = getgid();
    if (in->uid == 0 && stat(in->spec->workspace, &sb) == 0 && sb.st_uid != 0) {
        in->uid = sb.st_uid;
        in->gid = sb.st_gid;
    }
}

/* S12: any free port is chosen here, and one that is taken is left out: as part of the container it could not be
 * changed any more when the start fails. */
static void choose_ports(struct create *c, const struct sandbox_spec *s)
{
    for (size_t i = 0; s->net != NET_NONE && i < s->port_count && c->port_count < SANDBOX_PORTS_MAX; i++) {
        struct port_spec p = s->ports[i];
        if (p.host_port != 0 && hostport_is_taken(p.host_ip, p.host_port, p.udp)) {
            strbuf_addf(&c->dropped, "%s%u/%s", c->dropped.len ? " " : "", p.host_port, p.udp ? "udp" : "tcp");
            continue;
        }
        p.host_port = p.host_port ? p.host_port : hostport_any(p.host_ip, p.udp);
        c->ports[c->port_count++] = p;
    }
}

static int run_create(struct request *r, struct error *err)
{
    struct create *c = r->state;
    const struct sandbox_spec *s = r->call->spec;
    struct ctr_args_input in = {.spec = s, .container = r->container, .image = s->image ? s->image : CTR_DEFAULT_IMAGE};
    char home[CTR_VOLUME_MAX];
    ctr_home_name(r->container, home);
    in.home = home;
    choose_ports(c, s);
    in.ports = c->ports;
    in.port_count = c->port_count;
    in.dropped = c->dropped.buf;
    memcpy(in.version, r->be->facts.version, sizeof(in.version));
    find_owner(&in);
    if (ctr_args_create(&in, &c->args, &c->warning, err) < 0) {
        return -1;
    }
    struct cli_opts opts = {.args = (const char *const *)c->args.v,
                            .capture_max_bytes = 4096,
                            .timeout_ms = CREATE_TIMEOUT_MS,
                            .on_line = pass_line};
    ctr_watch_hurry(r->be);
    ctr_own(r)->making = true;
    return ctr_run(r, &opts, on_created, err);
}

/* Nothing is made beside one that is there, ours or not. */
static int on_look(struct request *r, const struct ctr_seen *seen, struct error *err)
{
    return seen ? error_set(err, ERROR_EXISTS, "sandbox %s exists already", r->call->spec->name)
                : ctr_need_facts(r, run_create, err);
}

int ctr_create(struct request *r, struct error *err)
{
    struct create *c = xcalloc(1, sizeof(*c));
    strvec_init(&c->args);
    strbuf_init(&c->warning);
    strbuf_init(&c->dropped);
    r->state = c;
    r->release = create_release;
    if (!fs_is_dir(r->call->spec->workspace)) {
        return error_set(err, ERROR_NOT_FOUND, "project folder %s is not there", r->call->spec->workspace);
    }
    return ctr_owned_or_none(r, on_look, err);
}
