/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/image_parse.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/util/json.h"
#include "core/util/xmalloc.h"

void ctr_image_release(struct ctr_image *img)
{
    strvec_release(&img->env);
    strvec_release(&img->entrypoint);
    strvec_release(&img->cmd);
    strvec_release(&img->label_keys);
    strvec_release(&img->label_values);
}

const char *ctr_image_arch(void)
{
    static const struct {
        const char *machine, *arch;
    } table[] = {{"arm64", "arm64"}, {"aarch64", "arm64"}, {"x86_64", "amd64"}, {"amd64", "amd64"}};
    struct utsname u;
    for (size_t i = 0; uname(&u) == 0 && i < MT_ARRAY_LEN(table); i++) {
        if (strcmp(u.machine, table[i].machine) == 0) {
            return table[i].arch;
        }
    }
    return "arm64";
}

void ctr_image_digest(const char *text, char out[CTR_IMAGE_ID_MAX])
{
    out[0] = '\0';
    if (!text) {
        return;
    }
    text += strncmp(text, "sha256:", 7) == 0 ? 7 : 0;
    size_t n = strspn(text, "0123456789abcdef");
    if (n >= 12 && n < CTR_IMAGE_ID_MAX && text[n] == '\0') {
        str_copy(out, CTR_IMAGE_ID_MAX, text);
    }
}

/* The variant to take the settings of, or NULL. */
static const struct json *choose_variant(const struct json *variants, const char *arch)
{
    const struct json *first = NULL;
    for (const struct json *v = json_first(variants); v; v = json_next(v)) {
        const struct json *platform = json_get(v, "platform");
        if (strcmp(json_get_string(platform, "os", "linux"), "linux") != 0) {
            continue; /* "unknown": an attestation */
        }
        if (strcmp(json_get_string(platform, "architecture", ""), arch) == 0) {
            return v;
        }
        first = first ? first : v;
    }
    return first;
}

/* The settings of an OCI configuration. */
static void take_config(const struct json *config, struct ctr_image *out)
{
    json_get_strings(config, "Env", &out->env);
    json_get_strings(config, "Entrypoint", &out->entrypoint);
    json_get_strings(config, "Cmd", &out->cmd);
    str_copy(out->user, sizeof(out->user), json_get_string(config, "User", ""));
    str_copy(out->workdir, sizeof(out->workdir), json_get_string(config, "WorkingDir", ""));
    str_copy(out->stop_signal, sizeof(out->stop_signal), json_get_string(config, "StopSignal", ""));
    for (const struct json *l = json_first(json_get(config, "Labels")); l; l = json_next(l)) {
        if (json_key(l) && json_string(l)) {
            strvec_push(&out->label_keys, json_key(l));
            strvec_push(&out->label_values, json_string(l));
        }
    }
}

int ctr_image_parse(const char *text, size_t len, const char *arch, struct ctr_image *out, struct error *err)
{
    struct strvec *const lists[] = {&out->env, &out->entrypoint, &out->cmd, &out->label_keys, &out->label_values};
    for (size_t i = 0; i < MT_ARRAY_LEN(lists); i++) {
        strvec_init(lists[i]);
    }
    struct json *root = json_parse(text, len, err);
    if (!root) {
        error_wrap(err, "container image inspect");
        return -1;
    }
    const struct json *image = json_is_array(root) ? json_first(root) : NULL;
    const struct json *config = json_get(image, "configuration");
    const struct json *index = config ? json_get(config, "descriptor") : json_get(image, "index");
    int result = 0;
    if (json_is_object(image)) {
        const struct json *variant = choose_variant(json_get(image, "variants"), arch);
        str_copy(out->name, sizeof(out->name), json_get_string(config ? config : image, "name", ""));
        ctr_image_digest(json_get_string(index, "digest", json_get_string(image, "id", "")), out->id);
        take_config(json_get(json_get(variant, "config"), "config"), out);
    } else if (json_is_array(root) && !image) {
        result = error_set(err, ERROR_NOT_FOUND, "container: no such image");
    } else {
        result = error_set(err, ERROR_PARSE, "container image inspect: not a list of images");
    }
    json_free(root);
    return result;
}

/* --- the way back --- */

/* May it stand in one line of a Containerfile? */
static bool is_one_line(const char *s)
{
    for (; *s; s++) {
        if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f) {
            return false;
        }
    }
    return true;
}

/* In double quotes, where BuildKit takes a backslash away in front of these three only. */
static void add_quoted(struct strbuf *out, const char *s)
{
    strbuf_addch(out, '"');
    for (; *s; s++) {
        if (*s == '"' || *s == '$' || *s == '\\') {
            strbuf_addch(out, '\\');
        }
        strbuf_addch(out, *s);
    }
    strbuf_addch(out, '"');
}

static int add_env(const struct ctr_image *base, struct strbuf *out, struct error *err)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    for (size_t i = 0; i < base->env.len; i++) {
        const char *pair = base->env.v[i], *eq = strchr(pair, '=');
        size_t n = eq ? (size_t)(eq - pair) : 0;
        if (n == 0 || strspn(pair, plain) != n || !is_one_line(eq + 1)) {
            return error_hint(err, ERROR_INVALID, "use a base image without that variable",
                              "the image's variable %.*s cannot be kept: a Containerfile cannot say its %s",
                              (int)MT_MIN(n, (size_t)60), pair, n == 0 || strspn(pair, plain) != n ? "name" : "value");
        }
        strbuf_addf(out, "ENV %.*s=", (int)n, pair);
        add_quoted(out, eq + 1);
        strbuf_addch(out, '\n');
    }
    return 0;
}

/* ["a","b"]: nothing in it is expanded, and a line break has an escape. */
static void add_list(struct strbuf *out, const char *word, const struct strvec *list)
{
    if (list->len == 0) {
        return;
    }
    struct json *arr = json_new_array();
    for (size_t i = 0; i < list->len; i++) {
        json_append_string(arr, list->v[i]);
    }
    strbuf_addf(out, "%s ", word);
    json_write(arr, false, out);
    strbuf_addch(out, '\n');
    json_free(arr);
}

static int add_word(struct strbuf *out, const char *word, const char *value, struct error *err)
{
    if (value[0] == '\0') {
        return 0;
    }
    if (!is_one_line(value)) {
        return error_hint(err, ERROR_INVALID, "use another base image",
                          "the image's %s cannot be kept: it holds a line break", word);
    }
    strbuf_addf(out, "%s ", word);
    add_quoted(out, value);
    strbuf_addch(out, '\n');
    return 0;
}

int ctr_image_recipe(const struct ctr_image *base, const char *tar, struct strbuf *out, size_t *left_out,
                     struct error *err)
{
    size_t lost = 0;
    strbuf_clear(out);
    strbuf_addf(out, "FROM scratch\nADD %s /\n", tar);
    if (add_env(base, out, err) < 0 || add_word(out, "WORKDIR", base->workdir, err) < 0 ||
        add_word(out, "USER", base->user, err) < 0 || add_word(out, "STOPSIGNAL", base->stop_signal, err) < 0) {
        return -1;
    }
    add_list(out, "ENTRYPOINT", &base->entrypoint);
    add_list(out, "CMD", &base->cmd);
    for (size_t i = 0; i < base->label_keys.len; i++) {
        const char *key = base->label_keys.v[i], *value = base->label_values.v[i];
        if (strncmp(key, "muthr.", 6) == 0) {
            continue;
        }
        if (key[0] == '\0' || !is_one_line(key) || !is_one_line(value)) {
            lost++;
            continue;
        }
        strbuf_addstr(out, "LABEL ");
        add_quoted(out, key);
        strbuf_addch(out, '=');
        add_quoted(out, value);
        strbuf_addch(out, '\n');
    }
    if (left_out) {
        *left_out = lost;
    }
    if (out->len >= CTR_CONTAINERFILE_MAX) {
        return error_hint(err, ERROR_INVALID, "use a base image with fewer variables and labels",
                          "the image's settings take %zu bytes, and container builds nothing from %u on", out->len,
                          CTR_CONTAINERFILE_MAX);
    }
    return 0;
}
