/* SPDX-License-Identifier: Apache-2.0 */
/* Which backend a new sandbox gets, on either platform, why, and what would make a better one available. */
#include "core/engine/pick.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "core/util/xmalloc.h"

#define NETS (BACKEND_CAP_NET_NONE | BACKEND_CAP_NET_FULL)
#define PODMAN (BACKEND_CAP_IMAGES | BACKEND_CAP_PORTS | BACKEND_CAP_SEAL | BACKEND_CAP_LIMITS | NETS)
#define BWRAP (BACKEND_CAP_OVERLAY | BACKEND_CAP_SEAL | BACKEND_CAP_LIMITS | NETS)
#define CONTAINER (BACKEND_CAP_IMAGES | BACKEND_CAP_PORTS | BACKEND_CAP_LIMITS | NETS)
#define SEATBELT (BACKEND_CAP_GPU | NETS)

/* The backends of a platform in its order, all of them usable. */
static size_t all_of(enum pick_platform p, struct pick_candidate *out)
{
    const char *const *order = pick_order(p);
    size_t n = 0;
    for (; order[n] != NULL; n++) {
        unsigned caps = strcmp(order[n], "podman") == 0      ? PODMAN
                        : strcmp(order[n], "bwrap") == 0     ? BWRAP
                        : strcmp(order[n], "container") == 0 ? CONTAINER
                                                             : SEATBELT;
        out[n] = (struct pick_candidate){
            .name = order[n], .unasked = true, .probed = true, .usable = true, .caps = caps, .reason = "", .fix = ""};
    }
    return n;
}

static void breaks(struct pick_candidate *c, const char *reason, const char *fix)
{
    c->usable = false;
    c->reason = reason;
    c->fix = fix;
}

/* Name of the one that is picked, which must be one. */
static const char *picked(const struct pick_input *in, struct pick *out)
{
    struct error err = ERROR_INIT;
    assert_int_equal(pick_backend(in, out, &err), 0);
    assert_int_equal(err.code, ERROR_NONE);
    return in->list[out->index].name;
}

static void test_order(void **state)
{
    struct pick_candidate list[8];
    struct pick p;
    (void)state;
    struct pick_input in = {.list = list, .count = all_of(PICK_LINUX, list)};
    assert_int_equal(in.count, 2);
    assert_string_equal(picked(&in, &p), "podman");
    assert_string_equal(p.why, "the first that works here; bwrap works too");
    assert_int_equal(p.better_count, 0);
    assert_string_equal(p.passed, "");
    breaks(&list[0], "podman is not installed", "sudo apt install podman");
    assert_string_equal(picked(&in, &p), "bwrap");
    assert_string_equal(p.why, "the only one that works here");
    assert_int_equal(p.better_count, 1);
    assert_string_equal(list[p.better[0].index].name, "podman");
    assert_string_equal(p.better[0].good_for, "images, published ports");

    in.count = all_of(PICK_MACOS, list);
    assert_int_equal(in.count, 3);
    assert_string_equal(picked(&in, &p), "container");
    assert_string_equal(p.why, "the first that works here; seatbelt, podman work too");
    breaks(&list[0], "the container service is not running", "container system start");
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.down, "");
    list[0].asleep = true; /* it would be taken, if its service ran */
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.down, "container is down: `muthr-tui backend start container` starts it");
    in.asked = "seatbelt"; /* who names one knows */
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.down, "");
    in.asked = NULL;
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.why, "the first that works here; podman works too");
    assert_int_equal(p.better_count, 1);
    assert_string_equal(p.better[0].good_for, "images, published ports, limits that hold");
    breaks(&list[1], "sandbox-exec is missing", "");
    assert_string_equal(picked(&in, &p), "podman");
    assert_int_equal(p.better_count, 2); /* the GPU is what seatbelt would be good for */
    assert_string_equal(p.better[1].good_for, "the GPU");
}

/* What is wanted and the first cannot do. */
static void test_wants(void **state)
{
    struct pick_candidate list[8];
    struct pick p;
    (void)state;
    struct pick_input in = {.list = list, .count = all_of(PICK_LINUX, list), .wants = BACKEND_CAP_OVERLAY};
    assert_string_equal(picked(&in, &p), "bwrap");
    assert_string_equal(p.passed, "bwrap runs it: podman cannot give it overlay workspaces");
    assert_string_equal(p.why, "the first here that can do what is wanted; podman works too");
    assert_string_equal(p.loss, "");
    list[0].caps &= ~(unsigned)BACKEND_CAP_NET_FULL; /* rootless without a helper */
    in.wants = BACKEND_CAP_NET_FULL;
    assert_string_equal(picked(&in, &p), "bwrap");
    assert_string_equal(p.passed, "bwrap runs it: podman cannot give it a network of its own");
    in.wants = BACKEND_CAP_NET_FULL | BACKEND_CAP_IMAGES; /* none has both: the order decides */
    assert_string_equal(picked(&in, &p), "podman");

    in.count = all_of(PICK_MACOS, list);
    in.wants = BACKEND_CAP_GPU;
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.passed, "seatbelt runs it: container cannot give it the GPU");
    in.wants = BACKEND_CAP_SEAL;
    assert_string_equal(picked(&in, &p), "podman");
    in.wants = BACKEND_CAP_IMAGES;
    in.image = "debian:13-slim";
    breaks(&list[0], "no", "");
    assert_string_equal(picked(&in, &p), "podman");
    assert_string_equal(p.passed, "podman runs it: seatbelt cannot give it images");
    breaks(&list[2], "no", "");
    assert_string_equal(picked(&in, &p), "seatbelt"); /* better than nothing, and said for as long as it lives */
    assert_string_equal(p.loss, "the image debian:13-slim is not used: container cannot be used here");
    in.wants = BACKEND_CAP_OVERLAY; /* the plan refuses that by itself */
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.loss, "");
    in.wants = BACKEND_CAP_PORTS;
    assert_string_equal(picked(&in, &p), "seatbelt");
    assert_string_equal(p.loss, "seatbelt cannot give it published ports: container cannot be used here");
}

/* Who names one gets that or an error; the request counts before the profile, that before the configuration. */
static void test_named(void **state)
{
    struct pick_candidate list[8];
    struct pick p;
    struct error err = ERROR_INIT;
    (void)state;
    struct pick_input in = {
        .list = list, .count = all_of(PICK_LINUX, list), .configured = "bwrap", .wants = BACKEND_CAP_IMAGES};
    assert_string_equal(picked(&in, &p), "bwrap");
    assert_true(p.named);
    assert_string_equal(p.why, "sandbox.backend names it");
    assert_string_equal(p.passed, "");
    assert_string_equal(p.loss, "the image of the profile's Containerfile is not used: podman has that");
    in.by_profile = "podman";
    assert_string_equal(picked(&in, &p), "podman");
    assert_string_equal(p.why, "its profile names it");
    in.asked = "bwrap";
    assert_string_equal(picked(&in, &p), "bwrap");
    assert_string_equal(p.why, "asked for");
    in.asked = "auto"; /* that is nobody's name */
    assert_string_equal(picked(&in, &p), "podman");
    breaks(&list[0], "podman is not installed", "sudo apt install podman");
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_string_equal(err.msg, "backend podman cannot be used (its profile names it): podman is not installed; sudo "
                                 "apt install podman");
    list[0].probed = false;
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    in.asked = "seatbelt";
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    assert_string_equal(err.msg, "there is no backend \"seatbelt\" here (asked for)");
}

/* One that somebody's word has opened is nobody else's. */
static void test_unasked(void **state)
{
    struct pick_candidate list[8];
    struct pick p;
    struct error err = ERROR_INIT;
    (void)state;
    struct pick_input in = {.list = list, .count = all_of(PICK_LINUX, list)};
    list[in.count++] = (struct pick_candidate){
        .name = "container", .probed = true, .usable = true, .caps = CONTAINER, .reason = "", .fix = ""};
    breaks(&list[0], "a", "b");
    breaks(&list[1], "c", "d");
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_string_equal(err.msg, "backend podman cannot be used: a; b");
    list[1].probed = false;
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_int_equal(err.code, ERROR_BUSY);
    in.asked = "container";
    assert_string_equal(picked(&in, &p), "container");
    in.count = 0;
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_int_equal(err.code, ERROR_UNAVAILABLE);
    in.asked = NULL;
    assert_int_equal(pick_backend(&in, &p, &err), -1);
    assert_string_equal(err.msg, "there is no backend here");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_wants),
        cmocka_unit_test(test_named),
        cmocka_unit_test(test_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
