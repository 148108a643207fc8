/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/engine/profiles.h"
#include "core/engine/record.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/json.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

#define CONTAINER ".config/muthr/sandbox.d/container/"

static void test_load_and_revision(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct profile p;
    struct error err = ERROR_INIT;
    assert_int_equal(profile_load(&p, &t.paths, "base", &err), 0); /* base needs no files */
    assert_null(p.script);
    assert_string_equal(p.rev, "");
    profile_release(&p);
    assert_int_equal(profile_load(&p, &t.paths, "x", &err), -1);
    assert_non_null(strstr(err.msg, "provision.d/x.sh is missing"));
    temphome_write(&t, CONTAINER "provision.d/x.sh", "echo x\n");
    assert_int_equal(profile_load(&p, &t.paths, "x", &err), -1);
    assert_non_null(strstr(err.msg, "provision.d/lib is missing"));
    temphome_write(&t, CONTAINER "provision.d/lib/provision-lib.sh", "# lib\n");
    temphome_write(&t, CONTAINER "provision.d/lib/b/z", "z");
    assert_int_equal(profile_load(&p, &t.paths, "x", &err), 0);
    char script[65], lib[65], z[65], want[65];
    struct strbuf lines = STRBUF_INIT;
    hash_sha256_hex("echo x\n", 7, script);
    hash_sha256_hex("# lib\n", 6, lib);
    hash_sha256_hex("z", 1, z);
    strbuf_addf(&lines, "%s  lib/b/z\n%s  lib/provision-lib.sh\n%s  x.sh\n", z, lib,
                script); /* as shasum -a 256 writes them */
    hash_sha256_hex(lines.buf, lines.len, want);
    assert_string_equal(p.rev, want);
    strbuf_release(&lines);
    profile_release(&p);
    temphome_write(&t, CONTAINER "provision.d/lib/b/z", "zz");
    assert_int_equal(profile_load(&p, &t.paths, "x", &err), 0);
    assert_string_not_equal(p.rev, want);
    profile_release(&p);
    temphome_write(&t, CONTAINER "manifests/x.yaml", "security: {network: open}\n");
    assert_int_equal(profile_load(&p, &t.paths, "x", &err), -1);
    assert_non_null(strstr(err.msg, "x.yaml:1:"));
    const char *bad[] = {"", "../x", "a b", "muthr-services", "x.sh"};
    for (size_t i = 0; i < MT_ARRAY_LEN(bad); i++) {
        assert_int_equal(profile_load(&p, &t.paths, bad[i], &err), -1);
        assert_int_equal(err.code, ERROR_INVALID);
    }
    temphome_close(&t);
}

static void test_install(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    free(t.paths.data);
    t.paths.data = path_join(t.dir, "data");
    struct error err = ERROR_INIT;
    struct strbuf text = STRBUF_INIT;
    temphome_write(&t, "data/profiles/provision.d/one.sh", "shipped one\n");
    temphome_write(&t, "data/profiles/provision.d/two.sh", "shipped two\n");
    temphome_write(&t, "data/profiles/provision.d/lib/provision-lib.sh", "lib\n");
    temphome_write(&t, "data/profiles/manifests/one.yaml", "description: the first\nagent: {command: [one]}\n");
    temphome_write(&t, CONTAINER "provision.d/one.sh", "my own\n");
    assert_int_equal(profiles_install(&t.paths, &err), 0);
    MT_CLEANUP(xfree)
    char *one = path_join(t.dir, CONTAINER "provision.d/one.sh"),
         *two = path_join(t.dir, CONTAINER "provision.d/two.sh");
    assert_int_equal(fs_read(one, 100, &text, &err), 0);
    assert_string_equal(text.buf, "my own\n");
    assert_true(fs_exists(two));
    assert_int_equal(unlink(two), 0);
    temphome_write(&t, "data/profiles/provision.d/three.sh", "new in a later version\n");
    assert_int_equal(profiles_install(&t.paths, &err), 0);
    assert_false(fs_exists(two)); /* removed by the user: stays removed */
    struct profile_entry *list;
    size_t n = profiles_list(&t.paths, &list);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].name, "one");
    assert_string_equal(list[0].description, "the first");
    assert_string_equal(list[0].agent, "one");
    assert_true(list[0].shipped);
    assert_string_equal(list[1].name, "three");
    assert_null(list[1].agent);
    profile_list_free(list, n);
    strbuf_release(&text);
    temphome_close(&t);
}

/* The manifests that muthr publishes stay what they are beside the shipped ones. */
static void test_published(void **state)
{
    (void)state;
    struct temphome t;
    struct profile p;
    struct error err = ERROR_INIT;
    temphome_open(&t);
    free(t.paths.data);
    t.paths.data = path_join(t.dir, "data");
    temphome_write(&t, "data/profiles/provision.d/one.sh", "shipped\n");
    temphome_write(&t, "data/profiles/provision.d/lib/provision-lib.sh", "lib\n");
    temphome_write(&t, "data/profiles/manifests/one.yaml", "agent: {command: [one, --yes]}\n");
    temphome_write(&t, "data/profiles/manifests/base.yaml", "description: shipped\n");
    temphome_write(&t, CONTAINER "manifests/one.yaml", "profile: one\nresources: {cpus: 2}\n");
    temphome_write(&t, CONTAINER "manifests/base-sandbox.yaml", "profile: base\nresources: {cpus: 3}\n");
    assert_int_equal(profiles_install(&t.paths, &err), 0);
    assert_int_equal(profile_load(&p, &t.paths, "base", &err), 0);
    assert_true(p.manifest.cpus == 3); /* not hidden by a base.yaml of ours */
    profile_release(&p);
    assert_int_equal(profile_load(&p, &t.paths, "one", &err), 0);
    assert_true(p.manifest.cpus == 2);
    assert_int_equal(p.manifest.agent.len, 2); /* the published one names none */
    assert_string_equal(p.manifest.agent.v[0], "one");
    profile_release(&p);
    MT_CLEANUP(xfree) char *lib = path_join(t.dir, CONTAINER "provision.d/lib");
    assert_int_equal(fs_remove_tree(lib, &err), 0);
    assert_int_equal(profiles_install(&t.paths, &err), 0);
    assert_int_equal(profile_load(&p, &t.paths, "one", &err), -1); /* P1: not an empty one in its place */
    assert_non_null(strstr(err.msg, "lib is missing"));
    temphome_close(&t);
}

static void test_records(void **state)
{
    (void)state;
    struct temphome t;
    temphome_open(&t);
    struct error err = ERROR_INIT;
    struct strbuf text = STRBUF_INIT;
    assert_false(profiles_recorded(&t.paths, "muthr-api", NULL));
    assert_int_equal(profiles_record(&t.paths, "muthr-api", "opencode", &err), 0);
    assert_int_equal(profiles_record(&t.paths, "muthr-api", "opencode", &err), 0);
    assert_int_equal(profiles_record(&t.paths, "muthr-api", "open", &err), 0);
    MT_CLEANUP(xfree) char *path = path_join(t.paths.cache, "muthr-api-profiles");
    assert_int_equal(fs_read(path, 100, &text, &err), 0);
    assert_string_equal(text.buf, "opencode\nopen\n");
    assert_true(profiles_recorded(&t.paths, "muthr-api", "open"));
    assert_false(profiles_recorded(&t.paths, "muthr-api", "code"));
    assert_true(profiles_recorded(&t.paths, "muthr-api", NULL));
    assert_int_equal(profiles_forget(&t.paths, "muthr-api", &err), 0);
    assert_int_equal(profiles_forget(&t.paths, "muthr-api", &err), 0);
    assert_false(profiles_recorded(&t.paths, "muthr-api", NULL));
    strbuf_release(&text);
    struct record r;
    record_load(&r, &t.paths, "muthr-api");
    assert_string_equal(record_revision(&r, "p"), "");
    record_set_revision(&r, "p", "abc");
    r.have_net = true;
    r.net = NET_SHARED;
    assert_int_equal(record_save(&r, &t.paths, "muthr-api", &err), 0);
    record_release(&r);
    record_load(&r, &t.paths, "muthr-api");
    assert_string_equal(record_revision(&r, "p"), "abc");
    assert_true(r.have_net && r.net == NET_SHARED);
    record_release(&r);
    temphome_write(&t, ".local/state/muthr/records/odd.json",
                   "{\"net\": \"weird\", \"revisions\": 3, \"times\": [1], \"profile\": 5}");
    record_load(&r, &t.paths, "odd");
    assert_false(r.have_net);
    struct op_view op = {.step_count = 1};
    record_fill_times(&r, &op);
    record_set_revision(&r, "p", "x"); /* replaces what is of the wrong type */
    assert_string_equal(record_revision(&r, "p"), "x");
    record_release(&r);
    temphome_close(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_load_and_revision), cmocka_unit_test(test_install),
                                       cmocka_unit_test(test_published), cmocka_unit_test(test_records)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
