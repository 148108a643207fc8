/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of an overlay workspace, from upper folders as the kernel and fuse-overlayfs leave them; apply and discard
 * against hostile ones. */
#if defined(__linux__)
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>

#include "backends/bwrap/overlay.h"
#include "backends/bwrap/overlay_private.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"
#include "tests/unit/temphome.h"

struct rig {
    struct temphome home;
    char *dir, *project;
    enum overlay_kind kind;
};

#define PROJECT "src/p/"
#define UPPER "state/overlay/upper/"

static void at(const struct rig *r, char out[512], const char *rel)
{
    str_format(out, 512, "%s/%s", r->home.dir, rel);
}

static void prepare(struct rig *r)
{
    struct error err = ERROR_INIT;
    int fd = overlay_open_project(r->project, &err);
    assert_true(fd >= 0);
    if (overlay_prepare(r->dir, fd, r->kind, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    close(fd);
}

/* A project with a few files, and an empty upper folder. */
static void set_up(struct rig *r, enum overlay_kind kind)
{
    memset(r, 0, sizeof(*r));
    temphome_open(&r->home);
    r->kind = kind;
    r->dir = path_join(r->home.dir, "state");
    r->project = path_join(r->home.dir, "src/p");
    temphome_write(&r->home, PROJECT "a", "one\n");
    temphome_write(&r->home, PROJECT "b", "two\n");
    temphome_write(&r->home, PROJECT "d/x", "x\n");
    temphome_write(&r->home, PROJECT "d/y", "y\n");
    temphome_write(&r->home, PROJECT ".git/config", "[core]\n");
    temphome_mkdir(&r->home, "state");
    prepare(r);
}

static void tear_down(struct rig *r)
{
    free(r->dir);
    free(r->project);
    temphome_close(&r->home);
}

static void whiteout(const struct rig *r, const char *rel)
{
    char path[512];
    at(r, path, rel);
    assert_int_equal(mknod(path, S_IFCHR, makedev(0, 0)), 0); /* the kernel lets anybody make this one */
}

static void opaque(const struct rig *r, const char *rel)
{
    char path[512];
    at(r, path, rel);
    assert_int_equal(setxattr(path, "user.overlay.opaque", "y", 1, 0), 0);
}

static bool holds(const struct rig *r, const char *rel, const char *text)
{
    char path[512];
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;
    at(r, path, rel);
    return fs_read(path, 1u << 20, &out, NULL) == 0 && strcmp(out.buf, text) == 0;
}

static bool is_there(const struct rig *r, const char *rel)
{
    char path[512];
    struct stat st;
    at(r, path, rel);
    return lstat(path, &st) == 0;
}

static mode_t mode_of(const struct rig *r, const char *rel)
{
    char path[512];
    struct stat st;
    at(r, path, rel);
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static const struct workspace_change *find(const struct overlay_changes *c, const char *path)
{
    for (size_t i = 0; i < c->len; i++) {
        if (strcmp(c->v[i].path, path) == 0) {
            return &c->v[i];
        }
    }
    return NULL;
}

static struct overlay_changes look(const struct rig *r)
{
    struct overlay_changes c;
    struct error err = ERROR_INIT;
    if (overlay_changes(r->dir, r->project, &c, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    return c;
}

static size_t count(const struct rig *r)
{
    struct overlay_changes c = look(r);
    size_t n = c.len;
    overlay_changes_release(&c);
    return n;
}

static struct overlay_changes apply(const struct rig *r, const char *const *paths)
{
    struct overlay_changes held;
    struct error err = ERROR_INIT;
    if (overlay_apply(r->dir, r->project, paths, &held, &err) < 0) {
        fail_msg("%s", err.msg);
    }
    return held;
}

/* Takes changes, expects that none is held back. */
static void apply_clean(const struct rig *r, const char *const *paths)
{
    struct overlay_changes held = apply(r, paths);
    if (held.len != 0) {
        fail_msg("%s is held back: %s", held.v[0].path, held.v[0].note);
    }
    overlay_changes_release(&held);
}

static void link_to(const struct rig *r, const char *target, const char *rel)
{
    char path[512];
    at(r, path, rel);
    assert_int_equal(symlink(target, path), 0);
}

static void set_mode(const struct rig *r, const char *rel, mode_t mode)
{
    char path[512];
    at(r, path, rel);
    assert_int_equal(chmod(path, mode), 0);
}

static void test_kinds(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "a", "one\n"); /* copied up only */
    set_mode(&r, UPPER "a", mode_of(&r, PROJECT "a"));
    temphome_write(&r.home, UPPER "new/deep/file", "n\n");
    temphome_mkdir(&r.home, UPPER "empty");
    whiteout(&r, UPPER "b");
    whiteout(&r, UPPER "never-was");
    temphome_mkdir(&r.home, UPPER "d");
    set_mode(&r, UPPER "d", mode_of(&r, PROJECT "d"));
    opaque(&r, UPPER "d");
    temphome_write(&r.home, UPPER "d/x", "changed\n");
    struct overlay_changes c = look(&r);
    assert_int_equal(c.len, 5);
    assert_null(find(&c, "a"));
    assert_int_equal(find(&c, "new/deep/file")->kind, CHANGE_ADDED);
    assert_int_equal(find(&c, "empty")->kind, CHANGE_ADDED);
    assert_int_equal(find(&c, "b")->kind, CHANGE_DELETED);
    assert_int_equal(find(&c, "d/x")->kind, CHANGE_MODIFIED);
    assert_int_equal(find(&c, "d/y")->kind, CHANGE_DELETED);
    for (size_t i = 0; i < c.len; i++) {
        assert_false(c.v[i].conflict || c.v[i].risky);
    }
    overlay_changes_release(&c);
    assert_true(overlay_has_changes(r.dir, r.project));
    apply_clean(&r, NULL);
    assert_true(holds(&r, PROJECT "new/deep/file", "n\n"));
    assert_true(holds(&r, PROJECT "d/x", "changed\n"));
    assert_false(is_there(&r, PROJECT "b"));
    assert_false(is_there(&r, PROJECT "d/y"));
    assert_true(is_there(&r, PROJECT "empty"));
    assert_int_equal(count(&r), 0);
    assert_false(overlay_has_changes(r.dir, r.project));
    assert_false(is_there(&r, UPPER "new")); /* what is taken is forgotten: the project shows through again */
    assert_false(is_there(&r, UPPER "d"));
    tear_down(&r);
}

static void test_types(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "d", "a file now\n");
    temphome_write(&r.home, UPPER "a/inside", "a folder now\n");
    link_to(&r, "d", UPPER "b");
    struct overlay_changes c = look(&r);
    assert_int_equal(find(&c, "d")->kind, CHANGE_TYPE);
    assert_int_equal(find(&c, "a")->kind, CHANGE_TYPE);
    assert_int_equal(find(&c, "a/inside")->kind, CHANGE_ADDED);
    assert_int_equal(find(&c, "b")->kind, CHANGE_TYPE);
    overlay_changes_release(&c);
    apply_clean(&r, NULL);
    assert_true(holds(&r, PROJECT "d", "a file now\n"));
    assert_true(holds(&r, PROJECT "a/inside", "a folder now\n"));
    assert_int_equal(count(&r), 0);
    tear_down(&r);
}

static void test_conflicts(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "a", "theirs\n");
    temphome_write(&r.home, UPPER "fresh", "theirs\n");
    whiteout(&r, UPPER "d");
    whiteout(&r, UPPER "b");
    temphome_write(&r.home, PROJECT "a", "mine, longer\n");
    temphome_write(&r.home, PROJECT "fresh", "mine\n");
    temphome_write(&r.home, PROJECT "d/z", "in a folder that is to go\n");
    char path[512];
    at(&r, path, PROJECT "b");
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 12345}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    static const char *const named[] = {"a", "fresh", "d", "b", NULL};
    for (int i = 0; i < 2; i++) { /* named or not */
        struct overlay_changes held = apply(&r, i == 0 ? NULL : named);
        assert_int_equal(held.len, 4);
        for (size_t k = 0; k < held.len; k++) {
            assert_true(held.v[k].conflict);
            assert_string_not_equal(held.v[k].note, "");
        }
        overlay_changes_release(&held);
    }
    assert_true(holds(&r, PROJECT "a", "mine, longer\n"));
    assert_true(holds(&r, PROJECT "fresh", "mine\n"));
    assert_true(holds(&r, PROJECT "d/z", "in a folder that is to go\n"));
    assert_true(is_there(&r, PROJECT "b"));
    prepare(&r); /* a restart forgets neither changes nor conflicts */
    struct overlay_changes c = look(&r);
    assert_int_equal(c.len, 4);
    assert_true(find(&c, "a")->conflict && find(&c, "fresh")->conflict);
    overlay_changes_release(&c);
    tear_down(&r);
}

/* What is no change any more shows through, and what the person changes elsewhere is the new start. */
static void test_restart(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "a", "theirs\n");
    temphome_write(&r.home, PROJECT "b", "mine\n");
    prepare(&r);
    temphome_write(&r.home, UPPER "b", "theirs after mine\n");
    apply_clean(&r, NULL);
    assert_true(holds(&r, PROJECT "b", "theirs after mine\n"));
    assert_true(holds(&r, PROJECT "a", "theirs\n"));
    tear_down(&r);
}

static void test_risky(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER ".git/hooks/pre-commit", "#!/bin/sh\nevil\n");
    temphome_write(&r.home, UPPER ".git/config", "[core] fsmonitor=evil\n");
    temphome_write(&r.home, UPPER ".git/objects/ab/cd", "content\n");
    temphome_write(&r.home, UPPER "sub/.vscode/tasks.json", "{}\n");
    temphome_write(&r.home, UPPER ".github/workflows/x.yml", "on: push\n");
    temphome_write(&r.home, UPPER ".GIT/hooks/x", "case\n");
    link_to(&r, "/etc/passwd", UPPER "absolute");
    link_to(&r, "../../outside", UPPER "up");
    link_to(&r, "d/../../../outside", UPPER "through");
    link_to(&r, "d/x", UPPER "good");
    struct overlay_changes held = apply(&r, NULL);
    static const char *const expected[] = {".GIT/hooks/x",
                                           ".git/config",
                                           ".git/hooks/pre-commit",
                                           ".github/workflows/x.yml",
                                           "absolute",
                                           "sub/.vscode/tasks.json",
                                           "through",
                                           "up"};
    assert_int_equal(held.len, MT_ARRAY_LEN(expected));
    for (size_t i = 0; i < MT_ARRAY_LEN(expected); i++) {
        const struct workspace_change *c = find(&held, expected[i]);
        if (c == NULL || !c->risky) {
            fail_msg("%s was taken", expected[i]);
        }
        MT_CLEANUP(xfree) char *rel = xasprintf(PROJECT "%s", expected[i]);
        assert_true(strcmp(expected[i], ".git/config") == 0 || !is_there(&r, rel));
    }
    overlay_changes_release(&held);
    assert_true(is_there(&r, PROJECT "good"));
    assert_true(holds(&r, PROJECT ".git/objects/ab/cd", "content\n"));
    assert_true(holds(&r, PROJECT ".git/config", "[core]\n"));
    static const char *const above[] = {"sub", NULL}, *const itself[] = {"sub/.vscode", ".git/hooks/pre-commit", NULL};
    held = apply(&r, above);
    assert_int_equal(held.len, 1); /* a folder around it does not name it */
    overlay_changes_release(&held);
    apply_clean(&r, itself);
    assert_true(holds(&r, PROJECT "sub/.vscode/tasks.json", "{}\n"));
    assert_true(is_there(&r, PROJECT ".git/hooks/pre-commit"));
    tear_down(&r);
    set_up(&r, OVERLAY_KERNEL);
    whiteout(&r, UPPER ".git"); /* the whole history, hooks with it */
    held = apply(&r, NULL);
    assert_int_equal(held.len, 1);
    assert_true(held.v[0].risky);
    assert_true(is_there(&r, PROJECT ".git/config"));
    overlay_changes_release(&held);
    tear_down(&r);
}

static void test_hostile(void **state)
{
    (void)state;
    struct rig r;
    char path[512], outside[512];
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "-rf", "dash\n");
    temphome_write(&r.home, UPPER "new\nline", "newline\n");
    temphome_write(&r.home, UPPER "\xff\xfe", "bytes\n");
    temphome_write(&r.home, UPPER ".wh.a", "a reserved name\n"); /* no mark of the kernel's: a file */
    temphome_write(&r.home, UPPER "suid", "x\n");
    set_mode(&r, UPPER "suid", 06755);
    at(&r, path, UPPER "pipe");
    assert_int_equal(mkfifo(path, 0600), 0);
    /* The parent was swapped for a link on the host. */
    temphome_write(&r.home, UPPER "d/planted", "x\n");
    temphome_mkdir(&r.home, "elsewhere");
    at(&r, path, PROJECT "d");
    at(&r, outside, "elsewhere");
    assert_int_equal(fs_remove_tree(path, NULL), 0);
    assert_int_equal(symlink(outside, path), 0);
    struct overlay_changes c = look(&r);
    assert_non_null(strstr(find(&c, "suid")->note, "setuid"));
    overlay_changes_release(&c);
    struct overlay_changes held = apply(&r, NULL);
    assert_non_null(find(&held, "pipe"));
    assert_false(is_there(&r, PROJECT "pipe"));
    assert_non_null(find(&held, "d/planted"));
    assert_false(is_there(&r, "elsewhere/planted"));
    overlay_changes_release(&held);
    assert_true(holds(&r, PROJECT "-rf", "dash\n"));
    assert_true(holds(&r, PROJECT "new\nline", "newline\n"));
    assert_true(holds(&r, PROJECT "\xff\xfe", "bytes\n"));
    assert_int_equal(mode_of(&r, PROJECT "suid"), 0755);
    tear_down(&r);
}

/* Deeper than descriptors and stack allow: said, not followed. */
static void test_deep(void **state)
{
    (void)state;
    struct rig r;
    char path[512];
    set_up(&r, OVERLAY_KERNEL);
    at(&r, path, UPPER);
    int fd = open(path, O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < 1000 && fd >= 0; i++) {
        assert_int_equal(mkdirat(fd, "d", 0755), 0);
        int below = openat(fd, "d", O_RDONLY | O_DIRECTORY);
        close(fd);
        fd = below;
    }
    close(fd);
    struct overlay_changes held = apply(&r, NULL);
    assert_int_equal(held.len, 1);
    assert_non_null(strstr(held.v[0].note, "too deep"));
    overlay_changes_release(&held);
    tear_down(&r);
}

static void test_fuse(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_FUSE);
    temphome_write(&r.home, UPPER ".wh.b", "");
    temphome_mkdir(&r.home, UPPER "d");
    set_mode(&r, UPPER "d", mode_of(&r, PROJECT "d"));
    temphome_write(&r.home, UPPER "d/.wh..wh..opq", "");
    temphome_write(&r.home, UPPER "d/y", "y\n");
    set_mode(&r, UPPER "d/y", mode_of(&r, PROJECT "d/y"));
    struct overlay_changes c = look(&r);
    assert_int_equal(c.len, 2);
    assert_int_equal(find(&c, "b")->kind, CHANGE_DELETED);
    assert_int_equal(find(&c, "d/x")->kind, CHANGE_DELETED);
    overlay_changes_release(&c);
    r.kind = OVERLAY_KERNEL; /* another way of mounting reads other marks: refused while there are changes */
    struct error err = ERROR_INIT;
    int fd = overlay_open_project(r.project, &err);
    assert_int_equal(overlay_prepare(r.dir, fd, r.kind, &err), -1);
    assert_int_equal(err.code, ERROR_DENIED);
    close(fd);
    apply_clean(&r, NULL);
    assert_false(is_there(&r, PROJECT "b"));
    assert_false(is_there(&r, PROJECT "d/x"));
    prepare(&r);
    tear_down(&r);
}

static void test_discard(void **state)
{
    (void)state;
    struct rig r;
    struct error err = ERROR_INIT;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, UPPER "a", "theirs\n");
    temphome_write(&r.home, UPPER "n/1", "1\n");
    temphome_write(&r.home, UPPER "n/2", "2\n");
    whiteout(&r, UPPER "b");
    temphome_mkdir(&r.home, UPPER "d");
    opaque(&r, UPPER "d");
    static const char *const one[] = {"n/1", "b", NULL}, *const nothing[] = {"zzz", NULL},
                             *const bad[] = {"../src", NULL}, *const hidden[] = {"d/x", NULL},
                             *const folder[] = {"d", NULL};
    assert_int_equal(overlay_discard(r.dir, r.project, one, &err), 0);
    assert_int_equal(overlay_discard(r.dir, r.project, nothing, &err), -1);
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_int_equal(overlay_discard(r.dir, r.project, bad, &err), -1);
    assert_int_equal(overlay_discard(r.dir, r.project, hidden, &err), -1);
    assert_int_equal(err.code, ERROR_INVALID);
    struct overlay_changes c = look(&r);
    assert_null(find(&c, "n/1"));
    assert_null(find(&c, "b"));
    assert_non_null(find(&c, "n/2"));
    overlay_changes_release(&c);
    assert_int_equal(overlay_discard(r.dir, r.project, folder, &err), 0);
    assert_int_equal(count(&r), 2);
    temphome_mkdir(&r.home, "state/overlay/work/work");
    set_mode(&r, "state/overlay/work/work", 0);
    assert_int_equal(overlay_discard(r.dir, r.project, NULL, &err), 0);
    assert_int_equal(count(&r), 0);
    assert_true(holds(&r, PROJECT "a", "one\n"));
    assert_true(holds(&r, PROJECT "d/x", "x\n"));
    tear_down(&r);
}

/* Without its records everything on the host could be newer: nothing of it is overwritten. */
static void test_broken_records(void **state)
{
    (void)state;
    struct rig r;
    set_up(&r, OVERLAY_KERNEL);
    temphome_write(&r.home, "state/overlay/manifest.list", "garbage");
    temphome_write(&r.home, UPPER "a", "theirs\n");
    temphome_write(&r.home, UPPER "fresh", "theirs\n");
    struct overlay_changes held = apply(&r, NULL);
    assert_int_equal(held.len, 1);
    assert_true(find(&held, "a")->conflict);
    overlay_changes_release(&held);
    assert_true(holds(&r, PROJECT "a", "one\n"));
    assert_true(holds(&r, PROJECT "fresh", "theirs\n"));
    tear_down(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds),          cmocka_unit_test(test_types), cmocka_unit_test(test_conflicts),
        cmocka_unit_test(test_restart),        cmocka_unit_test(test_risky), cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_deep),           cmocka_unit_test(test_fuse),  cmocka_unit_test(test_discard),
        cmocka_unit_test(test_broken_records),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
#else
int main(void)
{
    return 0;
}
#endif
