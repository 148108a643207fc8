/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend a new sandbox gets, and what a person must be asked before it is started. */
#include <stdlib.h>
#include <string.h>

#include "core/engine/devcontainer.h"
#include "core/engine/engine_private.h"
#include "core/engine/golden.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* The first backend of this machine with that name (NULL: any) and those capabilities, usable or not. */
static struct slot *find_slot_here(struct engine *e, const char *name, unsigned caps, bool usable)
{
    for (size_t i = 0; i < e->slot_count; i++) {
        struct slot *s = &e->slots[i];
        bool works = s->be != NULL && s->probed && s->probe.usable;
        if (slot_host(s)[0] == '\0' && (name == NULL || strcmp(s->ops->name, name) == 0) &&
            (s->ops->caps & caps) == caps && (works || !usable)) {
            return s;
        }
    }
    return NULL;
}

/* A backend that somebody named: it, or the reason why not; never a silent substitute. */
static struct slot *named(struct engine *e, const char *name, const char *who, struct error *err)
{
    struct slot *s = find_slot_here(e, name, 0, true), *broken = find_slot_here(e, name, 0, false);
    if (s != NULL) {
        return s;
    }
    if (broken == NULL) {
        error_hint(err, ERROR_UNAVAILABLE, "`muthr-tui doctor` lists those that there are",
                   "there is no backend \"%.32s\" here (%s)", name, who);
    } else if (!broken->probed) {
        error_set(err, ERROR_BUSY, "backend %s is still being looked at", name);
    } else {
        error_hint(err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`", "backend %s cannot be used (%s): %s%s%s", name,
                   who, broken->probe.reason, broken->probe.fix[0] != '\0' ? "; " : "", broken->probe.fix);
    }
    return NULL;
}

/* What is to run in it names an image: by a person's choice, or by the profile. */
static bool wants_image(struct engine *e, const struct workspace *ws, const struct profile *profile, const char *image)
{
    struct record record;
    record_load(&record, e->opts.paths, ws->sandbox);
    bool wants = image != NULL || record_text(&record, RECORD_IMAGE_CHOICE)[0] != '\0';
    record_release(&record);
    return wants || profile->manifest.image != NULL || profile->containerfile != NULL;
}

/* "auto": the first one, but one with images for who names one. */
static struct slot *automatic(struct engine *e, const struct workspace *ws, const struct profile *profile,
                              const char *image, char notice[CHOICE_NOTICE_MAX], struct error *err)
{
    bool wants = profile != NULL && wants_image(e, ws, profile, image);
    struct slot *with = wants ? find_slot_here(e, NULL, BACKEND_CAP_IMAGES, true) : NULL;
    struct slot *first = with != NULL ? with : find_slot_here(e, NULL, 0, true);
    if (first == NULL) {
        return engine_slot_for(e, ws, err);
    }
    if (wants && with == NULL) {
        const struct slot *broken = find_slot_here(e, NULL, BACKEND_CAP_IMAGES, false);
        str_format(notice, CHOICE_NOTICE_MAX, "the image %.100s is not used: %s%.80s",
                   image != NULL                     ? image
                   : profile->manifest.image != NULL ? profile->manifest.image
                                                     : "of the profile's Containerfile",
                   broken != NULL ? broken->ops->name : "no backend here has images",
                   broken != NULL ? " cannot be used here" : "");
    }
    return first;
}

struct slot *engine_choose(struct engine *e, const struct workspace *ws, const struct choice *c,
                           char notice[CHOICE_NOTICE_MAX], struct error *err)
{
    bool exists = ws->have_info && ws->info.state != SANDBOX_NONE;
    const char *configured = e->opts.config->backend;
    char name[64];
    struct record record;
    struct profile profile;
    struct error ignored = ERROR_INIT;
    notice[0] = '\0';
    if (exists && c->backend[0] != '\0' && strcmp(c->backend, ws->backend) != 0) {
        error_hint(err, ERROR_INVALID, "delete it first: the project folder stays", "%s exists already, run by %s",
                   ws->sandbox, ws->backend);
        return NULL;
    }
    if (exists || ws->host[0] != '\0') {
        return engine_slot_for(e, ws, err);
    }
    if (c->backend[0] != '\0' && strcmp(c->backend, "auto") != 0) {
        return named(e, c->backend, "asked for", err);
    }
    record_load(&record, e->opts.paths, ws->sandbox);
    engine_profile_of(e, ws, &record, name);
    record_release(&record);
    /* One that cannot be loaded fails in the plan, with its reason. */
    bool have = profile_load(&profile, e->opts.paths, c->profile[0] != '\0' ? c->profile : name, &ignored) == 0;
    const char *its = have ? profile.manifest.backend : NULL;
    struct slot *slot;
    if (its != NULL && strcmp(its, "auto") != 0) {
        slot = named(e, its, "by its profile", err);
    } else if (strcmp(configured, "auto") != 0) {
        slot = named(e, configured, "by sandbox.backend", err);
    } else {
        slot = automatic(e, ws, have ? &profile : NULL, c->image, notice, err);
    }
    if (have) {
        profile_release(&profile);
    }
    return slot;
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
    char notice[CHOICE_NOTICE_MAX];
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
    const struct slot *slot = engine_choose(e, ws, &wish, notice, &ignored);
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
