/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/spec.h"
#include "core/util/fs.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

#define MANIFESTS ".config/muthr/sandbox.d/container/manifests/"

struct fixture {
    struct temphome home;
    struct config config;
    struct profile profile;
    struct record record;
    struct workspace ws;
    struct sandbox_spec spec;
    struct strbuf text;
    struct strvec warnings;
};

/* The spec of ~/src/demo with profile base, whose manifest is `text`. */
static void build(struct fixture *f, const char *text)
{
    struct error err = ERROR_INIT;
    memset(f, 0, sizeof(*f));
    temphome_open(&f->home);
    temphome_mkdir(&f->home, "src/demo");
    temphome_mkdir(&f->home, "data");
    temphome_mkdir(&f->home, "secret");
    char link[128];
    str_format(link, sizeof(link), "%s/src/demo/data", f->home.dir);
    char target[128];
    str_format(target, sizeof(target), "%s/secret", f->home.dir);
    assert_int_equal(symlink(target, link), 0);
    temphome_write(&f->home, MANIFESTS "base.yaml", text);
    strbuf_init(&f->text);
    strvec_init(&f->warnings);
    assert_int_equal(config_load(&f->config, &f->home.paths, &err), 0);
    if (profile_load(&f->profile, &f->home.paths, "base", &err) < 0) {
        fail_msg("%s", err.msg);
    }
    str_copy(f->ws.name, sizeof(f->ws.name), "demo");
    str_copy(f->ws.sandbox, sizeof(f->ws.sandbox), "muthr-demo");
    str_format(f->ws.path, sizeof(f->ws.path), "%s/src/demo", f->home.dir);
    record_load(&f->record, &f->home.paths, "muthr-demo");
    const struct spec_input in = {
        .ws = &f->ws, .profile = &f->profile, .record = &f->record, .config = &f->config, .paths = &f->home.paths};
    if (spec_build(&f->spec, &in, &f->text, &f->warnings, &err) < 0) {
        fail_msg("%s", err.msg);
    }
}

static void drop(struct fixture *f)
{
    sandbox_spec_release(&f->spec);
    strbuf_release(&f->text);
    strvec_release(&f->warnings);
    record_release(&f->record);
    profile_release(&f->profile);
    config_release(&f->config);
    temphome_close(&f->home);
}

static void test_manifest_counts(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, "image: img:1\nports: ['8080:80', ':53/udp']\nresources: {cpus: 2, memory: 1G, pids: 99}\n"
              "security: {workspace_mode: overlay, writable_root: yes}\nmounts: ['~/data:/data:ro']\n");
    assert_string_equal(f.spec.image, "img:1");
    assert_int_equal(f.spec.port_count, 2);
    assert_int_equal(f.spec.ports[0].host_port, 8080);
    assert_true(f.spec.ports[1].udp);
    assert_int_equal(f.spec.workspace_mode, WORKSPACE_OVERLAY);
    assert_true(f.spec.writable_root);
    assert_int_equal(f.spec.pids, 99);
    assert_int_equal(f.spec.mount_count, 1);
    assert_true(f.spec.mounts[0].read_only);
    assert_non_null(strstr(f.text.buf, "workspace mode: overlay\n"));
    assert_non_null(strstr(f.text.buf, "root: writable\n"));
    assert_int_equal(f.warnings.len, 0);
    drop(&f);
    build(&f, "description: nothing special\n");
    assert_int_equal(f.spec.workspace_mode, WORKSPACE_DIRECT);
    assert_null(strstr(f.text.buf, "workspace mode")); /* old fingerprints stay true */
    drop(&f);
}

/* B2: the GPU only with everybody's yes; ports and places only where the host's are seen. */
static void test_host_paths(void **state)
{
    (void)state;
    struct fixture f;
    struct error err = ERROR_INIT;
    build(&f, "gpu: metal-compute\nsecurity: {network: none, connect: [5432]}\n");
    assert_int_equal(f.spec.gpu, GPU_NONE); /* no backend with a GPU */
    assert_int_equal(f.spec.connect_count, 0);
    assert_string_equal(f.spec.workspace_mount, "/workspace");
    assert_non_null(strstr(f.warnings.v[0], "this backend has none"));
    for (int allowed = 0; allowed < 2; allowed++) {
        struct spec_input in = {.ws = &f.ws,
                                .caps = BACKEND_CAP_GPU | BACKEND_CAP_HOST_PATHS,
                                .profile = &f.profile,
                                .record = &f.record,
                                .config = &f.config,
                                .paths = &f.home.paths,
                                .net_given = allowed,
                                .net = NET_MODEL,
                                .model_port = 8080};
        sandbox_spec_release(&f.spec);
        strvec_clear(&f.warnings);
        strbuf_clear(&f.text);
        f.config.allow_gpu = allowed;
        assert_int_equal(spec_build(&f.spec, &in, &f.text, &f.warnings, &err), 0);
        assert_int_equal(f.spec.gpu, allowed ? GPU_METAL : GPU_NONE);
        assert_int_equal(f.warnings.len, !allowed);
        assert_true(allowed || strstr(f.warnings.v[0], "sandbox.allow_gpu") != NULL);
        assert_true(allowed == (strstr(f.text.buf, "gpu: metal-compute\n") != NULL));
        assert_int_equal(f.spec.connect[0], 5432);
        assert_int_equal(f.spec.model_port, allowed ? 8080 : 0); /* none means none */
        assert_string_equal(f.spec.workspace_mount, f.spec.workspace);
    }
    drop(&f);
}

/* A project that is a link: to a folder of one's own, not to the system's, the home or the other projects. */
static void test_linked_project(void **state)
{
    (void)state;
    static const struct {
        const char *target, *what; /* below the home; NULL: it is used */
    } cases[] = {{"etc", "outside the home directory"},
                 {"", "holds the other projects"},
                 {"/src", "holds the other projects"},
                 {"/../..", "holds the other projects"},
                 {"/secret", NULL},
                 {"/src/demo", NULL}};
    for (size_t i = 0; i < MT_ARRAY_LEN(cases); i++) {
        struct fixture f;
        struct error err = ERROR_INIT;
        char target[128];
        build(&f, "description: x\n");
        sandbox_spec_release(&f.spec);
        strvec_clear(&f.warnings);
        strbuf_clear(&f.text);
        str_format(f.ws.path, sizeof(f.ws.path), "%s/src/link", f.home.dir);
        bool away = strcmp(cases[i].target, "etc") == 0;
        str_format(target, sizeof(target), "%s%s", away ? "/" : f.home.dir, cases[i].target);
        assert_int_equal(symlink(target, f.ws.path), 0);
        const struct spec_input in = {
            .ws = &f.ws, .profile = &f.profile, .record = &f.record, .config = &f.config, .paths = &f.home.paths};
        int rc = spec_build(&f.spec, &in, &f.text, &f.warnings, &err);
        if (cases[i].what != NULL) {
            assert_int_equal(rc, -1);
            assert_non_null(strstr(err.msg, cases[i].what));
        } else {
            assert_int_equal(rc, 0);
            assert_int_equal(f.warnings.len, i == 4 ? 1 : 0);
        }
        drop(&f);
    }
}

/* A link that an agent may have put into a project does not widen what is mounted (S2). */
static void test_mounts(void **state)
{
    (void)state;
    struct fixture f;
    build(&f, "mounts: ['~/src/demo/data:/data', '~/gone:/gone', '~/secret:/ok']\n");
    assert_int_equal(f.spec.mount_count, 1);
    assert_string_equal(f.spec.mounts[0].target, "/ok");
    assert_int_equal(f.warnings.len, 2);
    assert_non_null(strstr(f.warnings.v[0], "leads out of the workspace root"));
    assert_non_null(strstr(f.warnings.v[1], "mount ~/gone is left out"));
    drop(&f);
}

/* The manifest for all profiles without one, and what the list says of a broken one and of unknown keys. */
static void test_profiles_tell(void **state)
{
    (void)state;
    struct temphome t;
    struct profile p;
    struct error err = ERROR_INIT;
    struct profile_entry *list;
    temphome_open(&t);
    temphome_write(&t, MANIFESTS "base-sandbox.yaml", "profile: base\nresources: {cpus: 3}\n");
    assert_int_equal(profile_load(&p, &t.paths, "base", &err), 0);
    assert_true(p.manifest.cpus > 2.9);
    profile_release(&p);
    temphome_write(&t, MANIFESTS "base.yaml", "colour: red\n");
    temphome_write(&t, MANIFESTS "broken.yaml", "resources: {cpus: 0}\n");
    size_t count = profiles_list(&t.paths, &list);
    assert_int_equal(count, 2); /* base-sandbox is none */
    assert_string_equal(list[0].name, "base");
    assert_int_equal(list[0].warnings.len, 1);
    assert_non_null(strstr(list[0].warnings.v[0], "base.yaml:1: colour: unknown key"));
    assert_false(list[0].broken);
    assert_true(list[1].broken);
    assert_non_null(strstr(list[1].description, "broken.yaml:1:"));
    profile_list_free(list, count);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_manifest_counts), cmocka_unit_test(test_mounts),
        cmocka_unit_test(test_linked_project),  cmocka_unit_test(test_host_paths),
        cmocka_unit_test(test_profiles_tell),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
