/* SPDX-License-Identifier: Apache-2.0 */
/* The script of one of muthr's own services (P1-P5): brought in, run, and remembered for this run of its container. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/services_private.h"
#include "core/engine/tar.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define ARCHIVE_MAX (16u << 20)
#define SCRIPT_MAX (4u << 20)
#define INNER_IDS "1000" /* of the user muthr inside; nothing of the host's is mounted */

bool service_skip_script(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    str_copy(why, STEP_WHY_MAX, r->no_script);
    return !r->do_provision;
}

bool service_skip_baseline(void *ctx, char why[STEP_WHY_MAX])
{
    struct service_run *r = ctx;
    bool none = (r->slot->ops->caps & BACKEND_CAP_BASELINE) == 0;
    str_copy(why, STEP_WHY_MAX, "not needed");
    return none || service_skip_script(ctx, why);
}

enum step_result step_service_baseline(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    MT_CLEANUP(xfree) char *path = path_join(r->e->opts.paths->data, "profiles/baseline.sh");
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    (void)op;
    if (fs_read(path, SCRIPT_MAX, &script, err) < 0) {
        return STEP_FAIL;
    }
    strvec_clear(&r->argv);
    strvec_pushl(&r->argv, "sh", "-c", script.buf, "baseline", INNER_IDS, INNER_IDS, "/", NULL);
    return service_submit(r, BACKEND_EXEC,
                          (struct backend_call){.argv = (const char *const *)r->argv.v, .cwd = "/", .as_root = true},
                          NULL);
}

enum step_result step_service_copy(struct op *op, void *ctx, struct error *err)
{
    static const char UNPACK[] = "rm -rf -- \"$1\" && mkdir -p -m 700 -- \"$1\" && exec tar -xf - -C \"$1\"";
    struct service_run *r = ctx;
    MT_CLEANUP(strbuf) struct strbuf script = STRBUF_INIT;
    MT_CLEANUP(xfree) char *name = xasprintf("%s.sh", r->kind->name);
    (void)op;
    strbuf_clear(&r->tar);
    if (fs_read(r->script.script, ARCHIVE_MAX, &script, err) < 0 ||
        tar_add_file(&r->tar, name, 0755, script.buf, script.len, err) < 0 ||
        tar_add_tree(&r->tar, r->script.lib, "lib", ARCHIVE_MAX, err) < 0) {
        return STEP_FAIL;
    }
    tar_end(&r->tar);
    strvec_clear(&r->argv);
    strvec_pushl(&r->argv, "sh", "-c", UNPACK, "sh", NULL);
    strvec_pushf(&r->argv, "/tmp/muthr-provision-%s", r->kind->name);
    return service_submit(
        r, BACKEND_EXEC,
        (struct backend_call){
            .argv = (const char *const *)r->argv.v, .cwd = "/tmp", .input = r->tar.buf, .input_len = r->tar.len},
        NULL);
}

/* Its log; the one before is kept as .1. */
static int open_log(struct service_run *r, struct error *err)
{
    MT_CLEANUP(xfree) char *dir = path_join(r->e->opts.paths->state, "logs");
    MT_CLEANUP(xfree) char *path = engine_service_script_log(r->e, r->kind->name);
    MT_CLEANUP(xfree) char *old = xasprintf("%s.1", path);
    if (fs_mkdirs(dir, 0700, err) < 0) {
        return -1;
    }
    if (rename(path, old) != 0 && errno != ENOENT) {
        return error_sys(err, errno, "%s", path);
    }
    r->log = fopen(path, "we");
    r->logged = 0;
    phase_init(&r->phase);
    return r->log != NULL ? 0 : error_sys(err, errno, "%s", path);
}

/* Through: so it is remembered, for this run of this container. */
static int settle_script(struct service_run *r, struct error *err)
{
    char run[120];
    services_run_text(&r->info, run);
    record_set_revision(&r->record, r->kind->name, r->script.rev);
    record_set_text(&r->record, RECORD_RUN, run);
    record_clear_unprovisioned(&r->record);
    return record_save(&r->record, r->e->opts.paths, r->kind->name, err);
}

/* The mark goes only with a success: who dies half way leaves it. */
enum step_result step_service_provision(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    const struct endpoint *ep = endpoints_of(r->e, ""); /* the usual one */
    (void)op;
    strvec_clear(&r->env);
    strvec_clear(&r->argv);
    if (engine_environment(r->e, r->slot, &r->info, &r->script, "/workspace", ep, watcher_view(ep->watcher), true,
                           &r->env, NULL, err) < 0) {
        return STEP_FAIL;
    }
    if (r->reprovision) {
        strvec_setenv(&r->env, "MUTHR_REPROVISION", "1");
    }
    record_set_unprovisioned(&r->record, r->kind->name, RECORD_STARTED, 0);
    if (record_save(&r->record, r->e->opts.paths, r->kind->name, err) < 0 || open_log(r, err) < 0) {
        return STEP_FAIL;
    }
    strvec_pushl(&r->argv, "bash", "-c", "exec bash \"$0\" </dev/null", NULL);
    strvec_pushf(&r->argv, "/tmp/muthr-provision-%s/%s.sh", r->kind->name, r->kind->name);
    return service_submit(r, BACKEND_EXEC,
                          (struct backend_call){.argv = (const char *const *)r->argv.v,
                                                .env = (const char *const *)r->env.v,
                                                .cwd = "/tmp"},
                          settle_script);
}

/* How a script that is not through has ended, for who looks at the service later. */
static void note_unprovisioned(struct service_run *r)
{
    const struct op_view *v = op_get_view(r->op);
    bool failed = v->error.code != ERROR_NONE;
    struct error why = ERROR_INIT;
    record_set_unprovisioned(&r->record, r->kind->name, failed ? RECORD_FAILED : RECORD_CANCELED,
                             v->error.code == ERROR_EXIT ? v->error.sys : 0);
    if (record_save(&r->record, r->e->opts.paths, r->kind->name, &why) < 0) {
        log_warn("%s", why.msg);
    }
}

enum step_result step_service_record(struct op *op, void *ctx, struct error *err)
{
    struct service_run *r = ctx;
    if (!r->have_record) {
        return STEP_NEXT;
    }
    if (r->log != NULL && record_unprovisioned(&r->record, NULL) != NULL) {
        note_unprovisioned(r);
        return STEP_NEXT;
    }
    if (op_get_view(op)->error.code != ERROR_NONE) {
        return STEP_NEXT;
    }
    record_take_times(&r->record, op_get_view(op));
    return record_save(&r->record, r->e->opts.paths, r->kind->name, err) < 0 ? STEP_FAIL : STEP_NEXT;
}
