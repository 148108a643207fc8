/* SPDX-License-Identifier: Apache-2.0 */
/* Steps: the network cut by making the sandbox anew. Where a container keeps for life the network that it was created
 * with, one that is provisioned with a network, and is to have none afterwards (S11), becomes an image, and a container
 * without a network is created from that, in its name, with its labels and its hash. What is cut off in the middle
 * claims nothing: the record calls it not provisioned until the image is made, and the next start does it again. From
 * then on there is either nothing of that name, or one without a network that has all of it inside. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/engine_private.h"
#include "core/util/hash.h"
#include "core/util/xmalloc.h"

bool offline_is_used(const struct run *r)
{
    unsigned caps = r->slot->ops->caps & r->slot->probe.caps;
    return (r->slot->ops->caps & BACKEND_CAP_SEAL) == 0 && (caps & BACKEND_CAP_SEAL_BY_IMAGE) != 0;
}

/* Something is to be done inside that needs a network. */
static bool needs_network(const struct run *r)
{
    return (r->do_provision && !r->adopt) || r->do_set_up;
}

bool offline_reopens(const struct run *r)
{
    bool down = r->info.state == SANDBOX_STOPPED || r->info.state == SANDBOX_FAILED || r->do_stop;
    return (r->slot->ops->caps & BACKEND_CAP_SEAL_BY_IMAGE) != 0 && down && r->do_start && !r->do_create &&
           needs_network(r) && run_wants_network(&r->info, &r->spec);
}

int offline_check_plan(const struct run *r, struct error *err)
{
    bool by_image = (r->slot->ops->caps & BACKEND_CAP_SEAL_BY_IMAGE) != 0;
    if (!by_image || !r->do_start || !net_policy_is_sealed(r->spec.net_after)) {
        return 0;
    }
    if (r->spec.net_after == NET_MODEL) {
        return error_hint(err, ERROR_UNAVAILABLE, "network: choose none or full, or a backend that can: podman, bwrap",
                          "%s cannot give a sandbox the network \"model\"", r->slot->ops->name);
    }
    if (r->spec.net == r->spec.net_after || offline_is_used(r) || r->profile.manifest.seal_warn) {
        return 0;
    }
    return error_hint(err, ERROR_UNAVAILABLE,
                      "update it, or choose network: full, or allow an open one with seal: warn in the profile's "
                      "manifest",
                      "%s needs a network while it is provisioned and none afterwards, and %s %s cannot take it away",
                      r->sandbox, r->slot->ops->name, r->slot->probe.version);
}

bool skip_offline(void *ctx, char why[STEP_WHY_MAX])
{
    struct run *r = ctx;
    if (r->offline) {
        return false;
    }
    if (!r->came_up || !r->have_spec || !offline_is_used(r) || !net_policy_is_sealed(r->spec.net_after)) {
        return true;
    }
    if (r->e->leave && r->session_stop) {
        str_copy(why, STEP_WHY_MAX, "provisioning goes on without us"); /* whoever resumes it seals */
        return true;
    }
    str_copy(why, STEP_WHY_MAX, "it has no network");
    return run_is_sealed(r);
}

static int settle_stop(struct run *r, struct error *err)
{
    (void)err;
    r->info.state = SANDBOX_STOPPED; /* nothing of it is open now, whatever comes */
    return 0;
}

enum step_result step_offline_stop(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)step_stop(op, ctx, err); /* its sessions are told; the call is this one */
    if (r->ending.len > 0) {
        run_note(r, "it was started again without a network: the sessions in it have ended");
    }
    r->offline = true;
    r->settle = settle_stop;
    return STEP_WAIT;
}

enum step_result step_offline_image(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    char hex[HASH_HEX_LEN + 1];
    const char *bare = run_bare(r);
    (void)err;
    hash_sha256_hex(bare, strlen(bare), hex); /* a repository's name takes no capitals */
    str_format(r->tag_name, sizeof(r->tag_name), "localhost/muthr-sealed-%.16s:latest", hex);
    op_text(op, "an image of it, to create it from without a network");
    r->call.tag = r->tag_name;
    return run_submit(r, BACKEND_COMMIT, NULL);
}

enum step_result step_offline_remove(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    (void)err;
    r->call.force = false;
    r->call.keep_home = true; /* it is created again in this op */
    return run_submit(r, BACKEND_DELETE, NULL);
}

/* What the script made is in the image, and the container that it ran in is gone. */
static int record_made(struct run *r, struct error *err)
{
    if (!r->do_provision) {
        return 0;
    }
    record_set_revision(&r->record, r->profile.name, r->profile.rev);
    record_clear_unprovisioned(&r->record);
    r->marked = false;
    return record_save(&r->record, r->e->opts.paths, r->sandbox, err);
}

enum step_result step_offline_create(struct op *op, void *ctx, struct error *err)
{
    struct run *r = ctx;
    (void)op;
    if (r->spec.made_from == NULL) { /* not at the second try */
        if (record_made(r, err) < 0) {
            return STEP_FAIL;
        }
        r->spec.made_from = xstrdup(r->info.image);
        r->spec.made_from_id = xstrdup(r->info.image_id);
        free(r->spec.image);
        r->spec.image = xstrdup(r->tag_name);
        r->spec.net = r->spec.net_after;
    }
    r->call.spec = &r->spec;
    r->created = true;
    r->came_up = false;
    return run_submit(r, BACKEND_CREATE, NULL);
}

/* Only what is read back counts. */
static int settle_offline(struct run *r, struct error *err)
{
    if (run_take_info(r, err) < 0) {
        return -1;
    }
    if (r->info.state != SANDBOX_RUNNING) {
        return error_set(err, r->info.state == SANDBOX_CREATING ? ERROR_BUSY : ERROR_EXIT,
                         "%s did not come up again without a network: %s%s%s", r->sandbox,
                         sandbox_state_name(r->info.state), r->info.reason[0] != '\0' ? ": " : "", r->info.reason);
    }
    r->came_up = true;
    r->offline = false;
    return 0;
}

enum step_result step_offline_check(struct op *op, void *ctx, struct error *err)
{
    (void)op;
    (void)err;
    return run_submit(ctx, BACKEND_INSPECT, settle_offline);
}
