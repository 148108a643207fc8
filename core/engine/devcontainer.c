/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/devcontainer.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/json.h"
#include "core/util/jsonc.h"
#include "core/util/paths.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"

#define FILE_MAX (256u << 10)
#define COMMAND_MAX 4096u /* bytes of a whole set-up command: what is longer, no person reads */
#define WORDS_MAX 64

int image_check_reference(const char *image, struct error *err)
{
    static const char FIRST[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t len = strlen(image);
    if (len == 0 || len > 255 || strspn(image, FIRST) == 0) {
        return error_set(err, ERROR_INVALID, "\"%.60s\" is not an image reference", image);
    }
    for (const char *p = image; *p != '\0'; p++) {
        if (strchr(FIRST, *p) == NULL && strchr("._/:@-", *p) == NULL) {
            return error_set(err, ERROR_INVALID, "an image reference may hold only letters, digits and . _ / : @ -");
        }
    }
    return 0;
}

/* Nothing of it is used, and why. */
static void refuse(struct devcontainer *d, const char *why)
{
    MT_CLEANUP(strbuf) struct strbuf clean = STRBUF_INIT;
    bool found = d->found;
    utf8_sanitize(&clean, why, strlen(why), false);
    devcontainer_release(d);
    d->found = found;
    d->problem = strbuf_detach(&clean, NULL);
}

/* One command: text for a shell, or words. False: neither, or too much of it. */
static bool add_command(struct devcontainer *d, const struct json *node)
{
    if (d->command_count == DEVCONTAINER_COMMANDS_MAX) {
        return false;
    }
    struct strvec *argv = &d->commands[d->command_count++];
    strvec_init(argv);
    if (json_is_string(node)) {
        strvec_pushl(argv, "sh", "-c", json_string(node), NULL);
        return true;
    }
    for (const struct json *word = json_is_array(node) ? json_first(node) : NULL; word != NULL;
         word = json_next(word)) {
        if (!json_is_string(word) || argv->len == WORDS_MAX) {
            return false;
        }
        strvec_push(argv, json_string(word));
    }
    return argv->len > 0 && argv->v[0][0] != '\0';
}

/* The command as a person is to see it: all of it, in one line. */
static void describe(struct devcontainer *d, const struct json *node)
{
    MT_CLEANUP(strbuf) struct strbuf raw = STRBUF_INIT;
    struct strbuf clean = STRBUF_INIT;
    if (json_is_string(node)) {
        strbuf_addstr(&raw, json_string(node));
    } else {
        json_write(node, false, &raw);
    }
    utf8_sanitize(&clean, raw.buf, raw.len, false);
    d->set_up = strbuf_detach(&clean, NULL);
}

/* Everything that would run, as one hash. */
static void identify(struct devcontainer *d)
{
    MT_CLEANUP(strbuf) struct strbuf all = STRBUF_INIT;
    for (size_t i = 0; i < d->command_count; i++) {
        for (size_t k = 0; k < d->commands[i].len; k++) {
            strbuf_add(&all, d->commands[i].v[k], strlen(d->commands[i].v[k]) + 1);
        }
        strbuf_addch(&all, '\n');
    }
    hash_sha256_hex(all.buf, all.len, d->set_up_id);
}

/* postCreateCommand: text, words, or several of these by name. False: refused. */
static bool take_set_up(struct devcontainer *d, const struct json *node)
{
    if (node == NULL) {
        return true;
    }
    describe(d, node);
    if (strlen(d->set_up) > COMMAND_MAX) {
        refuse(d, "its postCreateCommand is too long to be read by a person");
        return false;
    }
    if (json_is_string(node) && strspn(json_string(node), " \t\r\n") == strlen(json_string(node))) {
        free(d->set_up);
        d->set_up = NULL;
        return true;
    }
    bool good = true;
    if (json_is_object(node)) {
        for (const struct json *c = json_first(node); c != NULL && good; c = json_next(c)) {
            good = add_command(d, c);
        }
    } else {
        good = add_command(d, node);
    }
    if (!good) {
        refuse(d, "its postCreateCommand is neither text, nor a list of words, nor a few of these by name");
        return false;
    }
    if (d->command_count == 0) {
        free(d->set_up);
        d->set_up = NULL;
        return true;
    }
    identify(d);
    return true;
}

void devcontainer_parse(struct devcontainer *d, const char *text, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf plain = STRBUF_INIT;
    struct error err = ERROR_INIT;
    d->found = true;
    struct json *tree = jsonc_strip(text, len, &plain, &err) == 0 ? json_parse(plain.buf, plain.len, &err) : NULL;
    if (!json_is_object(tree)) {
        refuse(d, tree != NULL ? "it is not an object" : err.msg);
        json_free(tree);
        return;
    }
    const char *image = json_get_string(tree, "image", NULL);
    d->builds = json_get(tree, "build") != NULL || json_get(tree, "dockerFile") != NULL ||
                json_get(tree, "dockerComposeFile") != NULL || json_get(tree, "features") != NULL;
    if (image != NULL && image_check_reference(image, &err) < 0) {
        refuse(d, err.msg);
    } else if (take_set_up(d, json_get(tree, "postCreateCommand"))) {
        d->image = xstrdup_null(image);
    }
    json_free(tree);
}

void devcontainer_load(struct devcontainer *d, const char *workspace)
{
    static const char *const PLACES[] = {".devcontainer/devcontainer.json", ".devcontainer.json"};
    memset(d, 0, sizeof(*d));
    for (size_t i = 0; i < MT_ARRAY_LEN(PLACES) && !d->found; i++) {
        MT_CLEANUP(xfree) char *path = path_join(workspace, PLACES[i]);
        MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
        struct error err = ERROR_INIT;
        if (!fs_exists(path) && !fs_is_link(path)) {
            continue;
        }
        d->found = true;
        d->place = PLACES[i];
        MT_CLEANUP(xfree) char *real = path_real(path, &err);
        if (real == NULL || !path_is_below(real, workspace)) {
            refuse(d, "it is a link that leads out of the project");
        } else if (fs_read(real, FILE_MAX, &text, &err) < 0) {
            refuse(d, err.msg);
        } else {
            devcontainer_parse(d, text.buf, text.len);
        }
    }
}

void devcontainer_release(struct devcontainer *d)
{
    for (size_t i = 0; i < d->command_count; i++) {
        strvec_release(&d->commands[i]);
    }
    free(d->problem);
    free(d->image);
    free(d->set_up);
    memset(d, 0, sizeof(*d));
}
