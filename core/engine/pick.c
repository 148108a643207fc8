/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/pick.h"

#include <stdint.h>
#include <string.h>

#include "core/util/xmalloc.h"

/* A container of Apple's is a machine of its own: nothing walls off better there. On Linux podman brings images and a
 * network of its own; bwrap needs nothing but its program. */
static const char *const LINUX_ORDER[] = {"podman", "bwrap", NULL};
static const char *const MACOS_ORDER[] = {"container", "seatbelt", "podman", NULL};

const char *const *pick_order(enum pick_platform p)
{
    return p == PICK_MACOS ? MACOS_ORDER : LINUX_ORDER;
}

/* What a sandbox can want of its backend, in the words of people. */
static const struct {
    unsigned cap;
    const char *text;
} WANTS[] = {
    {BACKEND_CAP_IMAGES, "images"},
    {BACKEND_CAP_GPU, "the GPU"},
    {BACKEND_CAP_OVERLAY, "overlay workspaces"},
    {BACKEND_CAP_NET_FULL, "a network of its own"},
    {BACKEND_CAP_NET_MODEL, "the network \"model\""},
    {BACKEND_CAP_NET_NONE, "a cut network"},
    {BACKEND_CAP_NET_SHARED, "the host's network"},
    {BACKEND_CAP_SEAL, "a network that is cut after provisioning"},
    {BACKEND_CAP_PORTS, "published ports"},
    {BACKEND_CAP_LIMITS, "limits that hold"},
};
/* What a plan neither refuses nor tells by itself. */
#define SILENT_LOSSES ((unsigned)(BACKEND_CAP_IMAGES | BACKEND_CAP_PORTS))

void pick_caps_text(unsigned caps, char *out, size_t cap)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < MT_ARRAY_LEN(WANTS) && at < cap; i++) {
        if ((caps & WANTS[i].cap) != 0) {
            str_format(out + at, cap - at, "%s%s", at > 0 ? ", " : "", WANTS[i].text);
            at += strlen(out + at);
        }
    }
}

static bool is_name(const char *s)
{
    return s != NULL && s[0] != '\0' && strcmp(s, "auto") != 0;
}

/* "podman: not installed" of one whose own name stands in front of its reason already. */
static int refuse(const struct pick_candidate *c, const char *who, struct error *err)
{
    return error_hint(err, ERROR_UNAVAILABLE, "see `muthr-tui doctor`", "backend %s cannot be used%s%s%s: %s%s%s",
                      c->name, who != NULL ? " (" : "", who != NULL ? who : "", who != NULL ? ")" : "", c->reason,
                      c->fix[0] != '\0' ? "; " : "", c->fix);
}

/* One that somebody named: it, or the reason why not. */
static int take_named(const struct pick_input *in, const char *name, const char *who, struct pick *out,
                      struct error *err)
{
    out->named = true;
    str_copy(out->why, sizeof(out->why), who);
    for (size_t i = 0; i < in->count; i++) {
        const struct pick_candidate *c = &in->list[i];
        if (strcmp(c->name, name) != 0) {
            continue;
        }
        out->index = i;
        if (!c->probed) {
            return error_set(err, ERROR_BUSY, "backend %s is still being looked at", name);
        }
        return c->usable ? 0 : refuse(c, who, err);
    }
    return error_hint(err, ERROR_UNAVAILABLE, "`muthr-tui doctor` lists those that there are",
                      "there is no backend \"%.32s\" here (%s)", name, who);
}

/* How many of the wants it does not have. */
static unsigned lacking(const struct pick_candidate *c, unsigned wants)
{
    return (unsigned)__builtin_popcount(wants & ~c->caps);
}

/* None that may be chosen unasked works. */
static int none_usable(const struct pick_input *in, struct error *err)
{
    const struct pick_candidate *first = NULL;
    for (size_t i = 0; i < in->count; i++) {
        const struct pick_candidate *c = &in->list[i];
        if (c->unasked && !c->probed) {
            return error_set(err, ERROR_BUSY, "backend %s is still being looked at", c->name);
        }
        first = first == NULL && c->unasked ? c : first;
    }
    return first != NULL ? refuse(first, NULL, err)
                         : error_hint(err, ERROR_UNAVAILABLE, "`muthr-tui doctor` lists those that there are",
                                      "there is no backend here");
}

/* Why this one: "the first that works here", and which work as well. */
static void say_why(const struct pick_input *in, struct pick *out)
{
    const char *also[PICK_BETTER_MAX];
    size_t n = 0;
    bool first = true;
    for (size_t i = 0; i < in->count; i++) {
        const struct pick_candidate *c = &in->list[i];
        if (c->usable && c->unasked && i != out->index && n < MT_ARRAY_LEN(also)) {
            also[n++] = c->name;
            first = first && i > out->index;
        }
    }
    str_format(out->why, sizeof(out->why), "%s",
               n == 0  ? "the only one that works here"
               : first ? "the first that works here"
                       : "the first here that can do what is wanted");
    size_t at = strlen(out->why);
    for (size_t i = 0; i < n; i++) {
        str_format(out->why + at, sizeof(out->why) - at, "%s%s%s", i == 0 ? "; " : ", ", also[i],
                   i + 1 < n ? ""
                   : n > 1   ? " work too"
                             : " works too");
        at = strlen(out->why);
    }
}

/* One that would be taken before it, if its service ran. */
static void say_down(const struct pick_input *in, struct pick *out)
{
    for (size_t i = 0; i < out->index && out->down[0] == '\0'; i++) {
        const struct pick_candidate *c = &in->list[i];
        if (c->unasked && c->asleep && lacking(c, in->wants) <= lacking(&in->list[out->index], in->wants)) {
            str_format(out->down, sizeof(out->down), "%s is down: `muthr-tui backend start %s` starts it", c->name,
                       c->name);
        }
    }
}

/* Why the one before it in the order was passed over, and what is lost with the one that was taken. */
static void say_losses(const struct pick_input *in, struct pick *out)
{
    const struct pick_candidate *mine = &in->list[out->index];
    char text[160];
    for (size_t i = 0; i < out->index && !out->named && out->passed[0] == '\0'; i++) {
        const struct pick_candidate *c = &in->list[i];
        if (c->usable && c->unasked) {
            pick_caps_text(in->wants & ~c->caps & mine->caps, text, sizeof(text));
            str_format(out->passed, sizeof(out->passed), "%s runs it: %s cannot give it %s", mine->name, c->name, text);
        }
    }
    unsigned lost = in->wants & ~mine->caps & SILENT_LOSSES;
    if (lost == 0) {
        return;
    }
    const struct pick_candidate *could = NULL;
    for (size_t i = 0; i < in->count && could == NULL; i++) {
        could = (in->list[i].caps & lost) == lost ? &in->list[i] : NULL;
    }
    char why[100];
    if (could == NULL) {
        str_copy(why, sizeof(why), "no backend here has that");
    } else {
        str_format(why, sizeof(why), could->usable ? "%s has that" : "%s cannot be used here", could->name);
    }
    if ((lost & BACKEND_CAP_IMAGES) != 0) {
        str_format(out->loss, sizeof(out->loss), "the image %.100s is not used: %s",
                   in->image != NULL ? in->image : "of the profile's Containerfile", why);
    } else {
        pick_caps_text(lost, text, sizeof(text));
        str_format(out->loss, sizeof(out->loss), "%s cannot give it %s: %s", mine->name, text, why);
    }
}

/* Those that are not usable and would be taken before this one, or can do what it cannot. */
static void list_better(const struct pick_input *in, struct pick *out)
{
    unsigned all = 0;
    for (size_t i = 0; i < MT_ARRAY_LEN(WANTS); i++) {
        all |= WANTS[i].cap;
    }
    for (size_t i = 0; i < in->count && out->better_count < PICK_BETTER_MAX; i++) {
        const struct pick_candidate *c = &in->list[i];
        unsigned more = c->caps & all & ~in->list[out->index].caps;
        if (!c->probed || c->usable || !c->unasked || (i > out->index && more == 0)) {
            continue;
        }
        out->better[out->better_count].index = i;
        pick_caps_text(more, out->better[out->better_count].good_for, sizeof(out->better[0].good_for));
        out->better_count++;
    }
}

int pick_backend(const struct pick_input *in, struct pick *out, struct error *err)
{
    memset(out, 0, sizeof(*out));
    int rc = 0;
    if (is_name(in->asked)) {
        rc = take_named(in, in->asked, "asked for", out, err);
    } else if (is_name(in->by_profile)) {
        rc = take_named(in, in->by_profile, "its profile names it", out, err);
    } else if (is_name(in->configured)) {
        rc = take_named(in, in->configured, "sandbox.backend names it", out, err);
    } else {
        size_t best = SIZE_MAX;
        for (size_t i = 0; i < in->count; i++) {
            const struct pick_candidate *c = &in->list[i];
            bool may = c->unasked && c->usable;
            if (may && (best == SIZE_MAX || lacking(c, in->wants) < lacking(&in->list[best], in->wants))) {
                best = i;
            }
        }
        if (best == SIZE_MAX) {
            return none_usable(in, err);
        }
        out->index = best;
        say_why(in, out);
        say_down(in, out);
    }
    if (rc == 0) {
        say_losses(in, out);
        list_better(in, out);
    }
    return rc;
}
