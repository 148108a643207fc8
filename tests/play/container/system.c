/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/play/container/standin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* One of `system version`'s entries. */
static struct json *part(const char *name, const char *version)
{
    struct json *o = json_new_object();
    json_set_string(o, "appName", name);
    json_set_string(o, "buildType", "release");
    json_set_string(o, "commit", "5db7b2c");
    json_set_string(o, "version", version);
    return o;
}

int do_system_version(const struct given *g)
{
    struct json *all = json_new_array();
    struct strbuf text = STRBUF_INIT;
    char *sentence = xasprintf("container-apiserver version %s (build: release, commit: 5db7b2c)", st.text);
    json_append(all, part("container", st.text));
    if (!root_has("down")) {
        json_append(all, part("container-apiserver", sentence));
    }
    if (strcmp(given_value(g, "--format", "table"), "json") == 0) {
        show_json(all, &text);
        strbuf_addf(&st.out, "%s\n", text.buf);
    } else {
        strbuf_addf(&st.out, "COMPONENT  VERSION\nCLI        %s\n", st.text);
    }
    free(sentence);
    return 0;
}

int do_system_status(const struct given *g)
{
    bool as_json = strcmp(given_value(g, "--format", "table"), "json") == 0, down = root_has("down");
    struct strbuf text = STRBUF_INIT;
    struct json *o = json_new_object();
    if (!as_json) {
        strbuf_addstr(&st.out,
                      down ? "apiserver is not running and not registered with launchd\n" : "apiserver is running\n");
        return down;
    }
    json_set_string(o, "apiServerAppName", down ? "" : "container-apiserver");
    json_set_string(o, "apiServerBuild", down ? "" : "release");
    json_set_string(o, "apiServerCommit", down ? "" : "5db7b2c");
    json_set_string(o, "apiServerVersion", down ? "" : st.text);
    json_set_string(o, "appRoot", down ? "" : st.root);
    json_set_string(o, "installRoot", down ? "" : "/usr/local/");
    json_set_string(o, "status", down ? "unregistered" : "running");
    show_json(o, &text);
    strbuf_addf(&st.out, "%s\n", text.buf);
    return down;
}

/* Prints what is kept back now, so that a question is seen before its answer is read. */
static void show_now(void)
{
    if (write(STDOUT_FILENO, st.out.buf, st.out.len) >= 0) {
        strbuf_clear(&st.out);
    }
}

/* The kernel, asked for when no flag says what is wanted. */
static void install_kernel(const struct given *g)
{
    char answer[64] = "", *path = in_root("no-kernel");
    bool wanted = given_has(g, "--enable-kernel-install");
    if (!wanted && !given_has(g, "--disable-kernel-install")) {
        strbuf_addstr(&st.out, "No default kernel configured.\nInstall the recommended default kernel from "
                               "[https://example.invalid/kernel.tar]? [Y/n]: ");
        show_now();
        if (!fgets(answer, sizeof(answer), stdin)) {
            fail("internalError", "failed to read user input");
        }
        answer[strcspn(answer, "\n")] = '\0';
        wanted = answer[0] == '\0' || strcasecmp(answer, "y") == 0;
        if (!wanted) {
            strbuf_addstr(&st.out,
                          "Please use the `container system kernel set --recommended` command to configure the "
                          "default kernel\n");
        }
    }
    if (wanted) {
        strbuf_addstr(&st.out, "Installing kernel...\n");
        show_now();
        sleep_ms(setting("PULL_MS", "pull_ms", 200));
        if (root_has("offline")) {
            fail("internalError", "failed to download kernel: The Internet connection appears to be offline.");
        }
        unlink(path);
    }
    free(path);
}

int do_system_start(const struct given *g)
{
    char *path = in_root("down");
    strbuf_addstr(&st.out, "Registering API server with launchd...\nVerifying apiserver is running...\n");
    unlink(path);
    free(path);
    if (root_has("no-kernel")) {
        install_kernel(g);
    }
    return 0;
}

int do_system_stop(const struct given *g)
{
    struct strvec ids = STRVEC_INIT;
    char *path = in_root("down");
    (void)g;
    container_ids(&ids);
    for (size_t i = 0; i < ids.len; i++) {
        if (container_life(ids.v[i], NULL) != LIFE_STOPPED) {
            keeper_stop(ids.v[i], 15, 5000);
        }
    }
    fs_write_atomic(path, "", 0, 0600, NULL);
    free(path);
    return 0;
}

int do_builder_status(const struct given *g)
{
    if (strcmp(given_value(g, "--format", "table"), "json") == 0) {
        strbuf_addstr(&st.out, "[]\n");
    } else {
        strbuf_addstr(&st.out, "builder is not running\n");
    }
    return 0;
}

int do_volume_list(const struct given *g)
{
    struct strvec names = STRVEC_INIT;
    struct json *all = json_new_array();
    struct strbuf text = STRBUF_INIT;
    char *path = in_root("volumes");
    bool as_json = strcmp(given_value(g, "--format", "table"), "json") == 0;
    if (fs_is_dir(path)) {
        fs_list(path, &names, NULL);
    }
    for (size_t i = 0; i < names.len; i++) {
        struct json *o = json_new_object();
        char *source = in_root("volumes/%s", names.v[i]);
        json_set_string(o, "name", names.v[i]);
        json_set_string(o, "source", source);
        json_append(all, o);
        strbuf_addf(&text, "%s\n", names.v[i]);
        free(source);
    }
    if (as_json) {
        show_json(all, &st.out);
        strbuf_addch(&st.out, '\n');
    } else {
        strbuf_addstr(&st.out, text.buf);
    }
    free(path);
    return 0;
}

int do_volume_delete(const struct given *g)
{
    for (size_t i = 0; i < g->args.len; i++) {
        char *path = in_root("volumes/%s", g->args.v[i]);
        if (strchr(g->args.v[i], '/') || !fs_is_dir(path)) {
            fail("notFound", "volume '%s' not found", g->args.v[i]);
        }
        fs_remove_tree(path, NULL);
        strbuf_addf(&st.out, "%s\n", g->args.v[i]);
        free(path);
    }
    return 0;
}
