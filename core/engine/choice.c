/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend a new sandbox gets, and what a person must be asked before it is started. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/engine/devcontainer.h"
#include "core/engine/engine_private.h"
#include "core/engine/golden.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

#define CANDIDATES_MAX 16

/* --- what a new one wants, and who can --- */

/* The backends of this machine in order of preference, those that are never chosen unasked behind the others. */
static size_t list_candidates(struct engine *e, struct pick_candidate *list, struct slot **slots)
{
    size_t n = 0;
    for (size_t place = 0; place <= e->order.len; place++) {
        for (size_t i = 0; i < e->slot_count && n < CANDIDATES_MAX; i++) {
            struct slot *s = &e->slots[i];
            size_t mine = slots_order_of(e, s->ops->name);
            if (s->host != NULL || (mine == SIZE_MAX ? e->order.len : mine) != place) {
                continue;
            }
            bool usable = s->be != NULL && s->probed && s->probe.usable;
            unsigned caps = usable ? s->probe.caps : s->ops->caps;
            caps |= (caps & BACKEND_CAP_SEAL_BY_IMAGE) != 0 ? (unsigned)BACKEND_CAP_SEAL : 0; /* as good, here */
            slots[n] = s;
            list[n++] = (struct pick_candidate){.name = s->ops->name,
                                                .unasked = mine != SIZE_MAX,
                                                .probed = s->probed,
                                                .usable = usable,
                                                .asleep = s->probed && !usable && s->probe.asleep,
                                                .caps = caps,
                                                .reason = s->probe.reason,
                                                .fix = s->probe.fix};
        }
    }
    return n;
}

/* The network that it is to have, and what cutting that takes. */
static unsigned network_wants(struct engine *e, const struct workspace *ws, const struct profile *profile,
                              const struct record *record, const struct choice *c)
{
    static const unsigned NEEDED[] = {[NET_NONE] = BACKEND_CAP_NET_NONE,
                                      [NET_FULL] = BACKEND_CAP_NET_FULL,
                                      [NET_SHARED] = BACKEND_CAP_NET_SHARED,
                                      [NET_MODEL] = BACKEND_CAP_NET_MODEL};
    struct spec_input in = {.ws = ws,
                            .profile = profile,
                            .record = record,
                            .config = e->opts.config,
                            .paths = e->opts.paths,
                            .net_given = c->net_given,
                            .net = c->net};
    enum net_policy net;
    struct error ignored = ERROR_INIT;
    if (spec_wanted_network(&in, &net, &ignored) < 0) {
        return 0; /* the plan will say why */
    }
    bool seals = net_policy_is_sealed(net) && profile->script != NULL;
    bool publishes = profile->manifest.ports.len > 0 && net != NET_NONE;
    return NEEDED[net] | (seals ? BACKEND_CAP_SEAL | BACKEND_CAP_NET_FULL : 0u) |
           (publishes ? (unsigned)BACKEND_CAP_PORTS : 0u);
}

/* What a sandbox of that profile (NULL: it cannot be loaded) needs of its backend. */
static unsigned wants_of(struct engine *e, const struct workspace *ws, const struct profile *profile,
                         const struct record *record, const struct choice *c)
{
    const struct config *config = e->opts.config;
    bool image = c->image != NULL || record_text(record, RECORD_IMAGE_CHOICE)[0] != '\0';
    unsigned wants = image ? BACKEND_CAP_IMAGES : 0;
    if (profile == NULL) {
        return wants;
    }
    const struct manifest *m = &profile->manifest;
    bool bounded = m->cpus > 0 || m->memory_bytes > 0 || config->cpus > 0 || config->memory[0] != '\0';
    wants |= m->image != NULL || profile->containerfile != NULL ? BACKEND_CAP_IMAGES : 0;
    wants |= m->gpu != GPU_NONE && config->allow_gpu ? BACKEND_CAP_GPU : 0;
    wants |= m->workspace_mode == WORKSPACE_OVERLAY ? BACKEND_CAP_OVERLAY : 0;
    wants |= config->require_resource_limits && bounded ? BACKEND_CAP_LIMITS : 0;
    return wants | network_wants(e, ws, profile, record, c);
}

/* Which one a new sandbox gets. */
static struct slot *pick_slot(struct engine *e, const struct workspace *ws, const struct profile *profile,
                              const struct record *record, const struct choice *c, struct pick *pick, struct error *err)
{
    struct pick_candidate list[CANDIDATES_MAX];
    struct slot *slots[CANDIDATES_MAX];
    struct pick_input in = {.asked = c->backend,
                            .by_profile = profile != NULL ? profile->manifest.backend : NULL,
                            .configured = e->opts.config->backend,
                            .list = list,
                            .wants = wants_of(e, ws, profile, record, c),
                            .image = c->image != NULL  ? c->image
                                     : profile != NULL ? profile->manifest.image
                                                       : NULL};
    in.count = list_candidates(e, list, slots);
    return pick_backend(&in, pick, err) == 0 ? slots[pick->index] : NULL;
}

/* Opens what somebody names and what was not looked at so far. */
static void open_wanted(struct engine *e, const struct choice *c, const struct profile *profile)
{
    const char *its = profile != NULL ? profile->manifest.backend : NULL;
    if (c->backend[0] != '\0') {
        slots_open_named(e, c->backend);
    } else if (its != NULL) {
        slots_open_named(e, its);
    }
}

/* --- one that exists --- */

/* Two backends have a sandbox of that name: the one that a person names, else nothing is done. */
static struct slot *choose_twin(struct engine *e, const struct workspace *ws, const struct choice *c, struct error *err)
{
    struct slot *one = NULL, *other = NULL;
    slots_find(e, ws->sandbox, &one, &other);
    if (one != NULL && strcmp(one->ops->name, c->backend) == 0) {
        return one;
    }
    if (other != NULL && strcmp(other->ops->name, c->backend) == 0) {
        return other;
    }
    error_hint(err, ERROR_INVALID,
               "`muthr-tui delete NAME --backend B` deletes one of them; --backend also says which "
               "is meant for stop",
               "two sandboxes are called %s, one of %s and one of %s", ws->sandbox, ws->backend, ws->other_backend);
    return NULL;
}

/* The slot that holds it, usable, or the reason why not. */
static struct slot *choose_holder(struct engine *e, const struct workspace *ws, struct error *err)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        if (s->host != NULL || strcmp(s->ops->name, ws->backend) != 0) {
            continue;
        }
        if (s->be != NULL && s->probed && s->probe.usable) {
            return s;
        }
        if (!s->probed) {
            error_set(err, ERROR_BUSY, "backend %s is still being looked at", s->ops->name);
        } else {
            error_hint(err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`",
                       "%s is run by %s, and backend %s cannot be used: %s%s%s", ws->sandbox, ws->backend, ws->backend,
                       s->probe.reason, s->probe.fix[0] != '\0' ? "; " : "", s->probe.fix);
        }
        return NULL;
    }
    error_hint(err, ERROR_UNAVAILABLE, "add it to tui.backends (MUTHR_TUI_BACKENDS)",
               "%s is run by %s, which is not looked at here", ws->sandbox, ws->backend);
    return NULL;
}

struct slot *engine_choose(struct engine *e, const struct workspace *ws, const struct choice *c, struct pick *pick,
                           struct error *err)
{
    bool exists = ws->have_info && ws->info.state != SANDBOX_NONE,
         other = c->backend[0] != '\0' && strcmp(c->backend, "auto") != 0 && strcmp(c->backend, ws->backend) != 0;
    memset(pick, 0, sizeof(*pick));
    if (ws->host[0] != '\0' && !(exists && other)) {
        return engine_slot_for(e, ws, err);
    }
    if (exists && ws->other_backend[0] != '\0') {
        return choose_twin(e, ws, c, err);
    }
    /* Of one that is only remembered, whoever names another backend means a new one. */
    if (exists && other && (!ws->remembered || ws->host[0] != '\0')) {
        error_hint(err, ERROR_INVALID, "delete it first: the project folder stays", "%s exists already, run by %s",
                   ws->sandbox, ws->backend);
        return NULL;
    }
    if (exists && !other) {
        return choose_holder(e, ws, err);
    }
    char name[64];
    struct record record;
    struct profile profile;
    struct error ignored = ERROR_INIT;
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    /* One that cannot be loaded fails in the plan, with its reason. */
    bool have = profile_load(&profile, e->opts.paths, c->profile[0] != '\0' ? c->profile : name, &ignored) == 0;
    open_wanted(e, c, have ? &profile : NULL);
    struct slot *slot = pick_slot(e, ws, have ? &profile : NULL, &record, c, pick, err);
    record_release(&record);
    if (have) {
        profile_release(&profile);
    }
    return slot;
}

const char *choice_wanted(const struct slot *slot, const struct profile *profile)
{
    const char *name = profile->manifest.backend;
    bool other = slot->host == NULL && name != NULL && strcmp(name, "auto") != 0;
    return other && strcmp(name, slot->ops->name) != 0 ? name : NULL;
}

/* --- what would be chosen --- */

/* What it would be made from, in a sentence; "" on a backend without images. */
static void say_image(struct engine *e, const struct slot *slot, const struct profile *profile,
                      const struct record *record, char out[200])
{
    struct golden golden = {.id = ""};
    const char *choice = record_text(record, RECORD_IMAGE_CHOICE);
    out[0] = '\0';
    if ((slot->ops->caps & BACKEND_CAP_IMAGES) == 0) {
        return;
    }
    if (profile != NULL && choice[0] == '\0') {
        golden_load(e->opts.paths, profile->name, slot_host(slot), &golden);
    }
    if (golden.id[0] != '\0') {
        str_format(out, 200, "the image that was baked for the profile %.60s", profile->name);
    } else if (choice[0] == '\0' && profile != NULL && profile->containerfile != NULL) {
        str_format(out, 200, "built from the Containerfile of the profile %.60s, at the first start", profile->name);
    } else {
        const char *name = choice[0] != '\0'                                    ? choice
                           : profile != NULL && profile->manifest.image != NULL ? profile->manifest.image
                                                                                : BACKEND_DEFAULT_IMAGE;
        str_format(out, 200, "%.120s%s", name,
                   strncmp(name, "localhost/", 10) == 0 ? "" : ", pulled at the first start unless it is here already");
    }
}

void choice_tell(struct engine *e, const struct workspace *ws)
{
    static const struct choice none = {.backend = "", .profile = ""};
    struct record record;
    struct pick pick;
    struct error err = ERROR_INIT;
    char name[64];
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    const struct profile *profile = refresh_profile(e, name);
    struct slot *slot = pick_slot(e, ws, profile, &record, &none, &pick, &err);
    if (slot != NULL) {
        char image[200], why[200];
        say_image(e, slot, profile, &record, image);
        str_format(why, sizeof(why), "%s%s%s", pick.why, pick.down[0] != '\0' ? "; " : "", pick.down);
        record_release(&record);
        refresh_profile_done(e);
        model_set_backend(e->opts.model, ws->id, slot->ops->name, why, "", false);
        model_set_image_plan(e->opts.model, ws->id, image);
        return;
    }
    record_release(&record);
    refresh_profile_done(e);
    model_set_image_plan(e->opts.model, ws->id, "");
    const char *configured = e->opts.config->backend;
    bool named = strcmp(configured, "auto") != 0;
    model_set_backend(e->opts.model, ws->id,
                      named               ? configured
                      : e->slot_count > 0 ? e->slots[0].ops->name
                                          : "",
                      err.code == ERROR_BUSY ? "" : err.msg, "", false);
}

int engine_pick(struct engine *e, const char *sandbox, const char *profile, struct engine_pick *out, struct error *err)
{
    static const struct workspace nobody = {.id = 0};
    const struct workspace *ws = sandbox != NULL ? model_workspace_by_sandbox(e->opts.model, sandbox) : &nobody;
    struct pick_candidate list[CANDIDATES_MAX];
    struct slot *slots[CANDIDATES_MAX];
    struct record record;
    struct pick pick;
    char name[64];
    memset(out, 0, sizeof(*out));
    if (ws == NULL) {
        return error_set(err, ERROR_NOT_FOUND, "there is no workspace with the sandbox %.96s", sandbox);
    }
    const struct choice c = {.backend = "", .profile = profile != NULL ? profile : ""};
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    struct slot *slot = pick_slot(e, ws, refresh_profile(e, profile != NULL ? profile : name), &record, &c, &pick, err);
    record_release(&record);
    refresh_profile_done(e);
    if (slot == NULL) {
        return -1;
    }
    str_copy(out->backend, sizeof(out->backend), slot->ops->name);
    str_copy(out->why, sizeof(out->why), pick.why);
    str_copy(out->passed, sizeof(out->passed), pick.passed);
    str_copy(out->loss, sizeof(out->loss), pick.loss);
    list_candidates(e, list, slots);
    for (size_t i = 0; i < pick.better_count && i < MT_ARRAY_LEN(out->better); i++) {
        const struct slot *b = slots[pick.better[i].index];
        str_copy(out->better[i].backend, sizeof(out->better[i].backend), b->ops->name);
        str_copy(out->better[i].good_for, sizeof(out->better[i].good_for), pick.better[i].good_for);
        str_copy(out->better[i].reason, sizeof(out->better[i].reason), b->probe.reason);
        str_copy(out->better[i].fix, sizeof(out->better[i].fix), b->probe.fix);
        out->better_count++;
    }
    return 0;
}

/* --- consent --- */

/* What was shown to the person of that sandbox last; made when it is not there. */
static struct shown_consent *shown_of(struct engine *e, const char *sandbox, bool make)
{
    for (struct shown_consent *s = e->shown; s != NULL; s = s->next) {
        if (strcmp(s->sandbox, sandbox) == 0) {
            return s;
        }
    }
    if (!make) {
        return NULL;
    }
    struct shown_consent *s = xcalloc(1, sizeof(*s));
    str_copy(s->sandbox, sizeof(s->sandbox), sandbox);
    s->next = e->shown;
    e->shown = s;
    return s;
}

void consent_forget_all(struct engine *e)
{
    while (e->shown != NULL) {
        struct shown_consent *next = e->shown->next;
        free(e->shown);
        e->shown = next;
    }
}

bool consent_matches(struct engine *e, const char *sandbox, bool image, const char *now)
{
    const struct shown_consent *s = shown_of(e, sandbox, false);
    return s == NULL || strcmp(image ? s->image : s->set_up, now) == 0;
}

bool set_up_is_due(const struct record *record, const struct sandbox_info *info)
{
    return info->state == SANDBOX_NONE || strcmp(record_text(record, RECORD_SET_UP), "due") == 0;
}

void engine_consent(struct engine *e, const struct engine_request *req, struct engine_consent *out)
{
    const char *sandbox = req->sandbox;
    const struct workspace *ws = model_workspace_by_sandbox(e->opts.model, sandbox);
    const struct choice wish = {.backend = req->backend != NULL ? req->backend : "",
                                .profile = req->profile != NULL ? req->profile : ""};
    struct devcontainer dev;
    struct record record;
    struct pick pick;
    struct error ignored = ERROR_INIT;
    memset(out, 0, sizeof(*out));
    MT_CLEANUP(xfree) char *real = ws != NULL && ws->host[0] == '\0' ? path_real(ws->path, &ignored) : NULL;
    if (real == NULL) {
        return;
    }
    record_load(&record, e->opts.paths, sandbox);
    devcontainer_load(&dev, real);
    const struct sandbox_info none = {.state = SANDBOX_NONE};
    const struct config *c = e->opts.config;
    if (dev.set_up != NULL && !c->allow_post_create && set_up_is_due(&record, ws->have_info ? &ws->info : &none) &&
        strcmp(record_text(&record, RECORD_SET_UP_CONSENT), dev.set_up_id) != 0) {
        out->post_create = xstrdup(dev.set_up);
    }
    const struct slot *slot = engine_choose(e, ws, &wish, &pick, &ignored);
    bool images = slot != NULL && (slot->ops->caps & BACKEND_CAP_IMAGES) != 0;
    char name[64];
    struct profile profile;
    if (str_copy(name, sizeof(name), wish.profile) < 0 || name[0] == '\0') {
        engine_profile_of(e, ws, &record, name);
    }
    if (images && dev.image != NULL && !c->allow_untrusted_image &&
        strcmp(record_text(&record, RECORD_IMAGE_CONSENT), dev.image) != 0 &&
        record_text(&record, RECORD_IMAGE_CHOICE)[0] == '\0' &&
        profile_load(&profile, e->opts.paths, name, &ignored) == 0) {
        struct golden golden; /* it would win */
        golden_load(e->opts.paths, profile.name, "", &golden);
        bool own = profile.manifest.image != NULL || profile.containerfile != NULL || golden.id[0] != '\0';
        out->image = own ? NULL : xstrdup(dev.image);
        profile_release(&profile);
    }
    out->place = out->post_create != NULL || out->image != NULL ? xstrdup_null(dev.place) : NULL;
    struct shown_consent *shown = shown_of(e, sandbox, true);
    str_copy(shown->set_up, sizeof(shown->set_up), dev.set_up_id);
    str_copy(shown->image, sizeof(shown->image), dev.image != NULL ? dev.image : "");
    devcontainer_release(&dev);
    record_release(&record);
}

void engine_consent_release(struct engine_consent *c)
{
    free(c->post_create);
    free(c->image);
    free(c->place);
    memset(c, 0, sizeof(*c));
}
