/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/image_chain.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"

#define CONTEXT_MAX_FILES 10000
#define CONTEXT_DEPTH 16

typedef void (*image_asked_fn)(struct image_chain *c, const char *id, const struct error *err);
typedef void (*image_made_fn)(struct image_chain *c, const struct error *err);

struct image_chain {
    const struct image_ops *ops;
    struct backend_call *call;
    const char *state; /* folder of the backend's */
    void *request;
    image_asked_fn asked;
    image_made_fn made;
    char ref[256];           /* what is looked for, or made, now */
    char from[256];          /* of a Containerfile: its base, or "" when only the runtime can tell */
    char base[IMAGE_ID_MAX]; /* id of the image before the toolchain layer */
    char *dir;               /* context of ours, removed at the end */
    bool asked_base;         /* the base of the Containerfile was pulled already */
};

/* The image is here; `id` is what stands behind the name, "" when that was not asked for yet. */
static void found(struct image_chain *c, const char *ref, const char *id);

/* Asks for the id of `ref`; then gets "" when it is not here. */
static int ask_id(struct image_chain *c, const char *ref, image_asked_fn then, struct error *err)
{
    c->asked = then;
    return c->ops->ask(c->request, ref, err);
}

void image_chain_asked(struct image_chain *c, const char *id, const struct error *err)
{
    c->asked(c, id, err);
}

static int pull(struct image_chain *c, const char *ref, image_made_fn then, struct error *err)
{
    c->made = then;
    return c->ops->pull(c->request, ref, err);
}

static int build(struct image_chain *c, const char *file, const char *context, image_made_fn then, struct error *err)
{
    c->made = then;
    return c->ops->build(c->request, c->ref, file, context, err);
}

void image_chain_made(struct image_chain *c, const struct error *err)
{
    c->made(c, err);
}

/* Something in the chain could not even be started. */
static void fail(struct image_chain *c, const struct error *err)
{
    c->ops->finish(c->request, err);
}

/* --- a reference that is used as it is --- */

static void on_pulled(struct image_chain *c, const struct error *err)
{
    if (err) {
        fail(c, err);
    } else {
        found(c, c->ref, "");
    }
}

static void on_have(struct image_chain *c, const char *id, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (!err) {
        found(c, c->ref, id);
    } else if (err->code != ERROR_NOT_FOUND) { /* that says nothing about the image */
        fail(c, err);
    } else if (strncmp(c->ref, "localhost/", 10) == 0) { /* nobody could give it to us */
        error_hint(&mine, ERROR_NOT_FOUND, "build or import it, or name another image in the profile",
                   "there is no image %s here", c->ref);
        fail(c, &mine);
    } else if (pull(c, c->ref, on_pulled, &mine) < 0) {
        fail(c, &mine);
    }
}

static int use_named(struct image_chain *c, struct error *err)
{
    const struct sandbox_spec *s = c->call->spec;
    str_copy(c->ref, sizeof(c->ref), s->image ? s->image : c->ops->default_image);
    return ask_id(c, c->ref, on_have, err);
}

/* --- a Containerfile of the profile --- */

/* The text that is hashed: every file's name, mode and content, in the order of names. */
static int hash_folder(const char *dir, const char *rel, int depth, size_t *files, struct strbuf *text,
                       struct error *err)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    if (depth > CONTEXT_DEPTH) {
        return error_set(err, ERROR_INVALID, "%s: folders are nested too deeply for an image", dir);
    }
    if (fs_list(dir, &names, err) < 0) {
        return -1;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *path = path_join(dir, names.v[i]);
        MT_CLEANUP(xfree) char *below = rel[0] != '\0' ? path_join(rel, names.v[i]) : xstrdup(names.v[i]);
        struct stat st;
        char hex[HASH_HEX_LEN + 1];
        if (lstat(path, &st) != 0 || ++*files > CONTEXT_MAX_FILES) {
            return error_set(err, ERROR_INVALID, "%s: too many files for an image, or they change meanwhile", dir);
        }
        strbuf_addf(text, "%s %o\n", below, (unsigned)st.st_mode);
        if (S_ISDIR(st.st_mode)) {
            if (hash_folder(path, below, depth + 1, files, text, err) < 0) {
                return -1;
            }
        } else if (S_ISREG(st.st_mode)) {
            if (hash_sha256_file(path, hex, err) < 0) {
                return -1;
            }
            strbuf_addf(text, "%s\n", hex);
        }
    }
    return 0;
}

/* The Containerfile in the folder; caller frees. */
static char *file_of(const char *dir)
{
    char *path = path_join(dir, "Containerfile");
    if (!fs_exists(path)) {
        free(path);
        path = path_join(dir, "Dockerfile");
    }
    return path;
}

/* The base of the last stage, "" when it is no plain reference (a variable, a stage, scratch). */
static int read_from(const char *file, char out[256], struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    MT_CLEANUP(strvec) struct strvec stages = STRVEC_INIT;
    out[0] = '\0';
    if (fs_read(file, 1u << 20, &text, err) < 0) {
        return -1;
    }
    for (char *line = text.buf, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        if (next) {
            *next++ = '\0';
        }
        char *word, *save = NULL;
        if (!(word = strtok_r(line, " \t\r", &save)) || strcasecmp(word, "FROM") != 0) {
            continue;
        }
        while ((word = strtok_r(NULL, " \t\r", &save)) && strncmp(word, "--", 2) == 0) {
        }
        bool plain = word && !strchr(word, '$') && strcmp(word, "scratch") != 0 && strvec_index(&stages, word) < 0;
        str_copy(out, 256, plain ? word : "");
        if ((word = strtok_r(NULL, " \t\r", &save)) && strcasecmp(word, "AS") == 0 &&
            (word = strtok_r(NULL, " \t\r", &save))) {
            strvec_push(&stages, word);
        }
    }
    return 0;
}

static void on_built(struct image_chain *c, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (err) {
        mine = *err;
        MT_CLEANUP(xfree) char *file = file_of(c->call->spec->containerfile);
        if (err->code != ERROR_CANCELED) {
            error_wrap(&mine, "%s", file);
        }
        fail(c, &mine);
    } else {
        found(c, c->ref, "");
    }
}

static void on_have_built(struct image_chain *c, const char *id, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (!err) {
        found(c, c->ref, id);
        return;
    }
    MT_CLEANUP(xfree) char *file = file_of(c->call->spec->containerfile);
    if (build(c, file, c->call->spec->containerfile, on_built, &mine) < 0) {
        fail(c, &mine);
    }
}

/* Everything that goes into the name is known. */
static void name_built(struct image_chain *c, const char *base_id)
{
    const struct sandbox_spec *s = c->call->spec;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char hex[HASH_HEX_LEN + 1];
    size_t files = 0;
    strbuf_addf(&text, "base %s\n", base_id);
    if (hash_folder(s->containerfile, "", 0, &files, &text, &err) < 0) {
        fail(c, &err);
        return;
    }
    hash_sha256_hex(text.buf, text.len, hex);
    str_format(c->ref, sizeof(c->ref), "localhost/muthr-build-%s:%.16s", s->profile, hex);
    for (char *p = c->ref; *p; p++) { /* a repository's name is of small letters */
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    }
    if (ask_id(c, c->ref, on_have_built, &err) < 0) {
        fail(c, &err);
    }
}

static void on_base_id(struct image_chain *c, const char *id, const struct error *err);

static void on_base_pulled(struct image_chain *c, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (err || ask_id(c, c->from, on_base_id, &mine) < 0) {
        fail(c, err ? err : &mine);
    }
}

/* The base is part of the name, so that a newer one makes a newer image. */
static void on_base_id(struct image_chain *c, const char *id, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (!err) {
        name_built(c, id);
    } else if (err->code != ERROR_NOT_FOUND) {
        fail(c, err);
    } else if (c->asked_base || strncmp(c->from, "localhost/", 10) == 0) {
        error_hint(&mine, ERROR_NOT_FOUND, "build or import it, or name another base", "there is no image %s here",
                   c->from);
        fail(c, &mine);
    } else {
        c->asked_base = true;
        if (pull(c, c->from, on_base_pulled, &mine) < 0) {
            fail(c, &mine);
        }
    }
}

static int use_containerfile(struct image_chain *c, struct error *err)
{
    MT_CLEANUP(xfree) char *file = file_of(c->call->spec->containerfile);
    if (read_from(file, c->from, err) < 0) {
        return -1;
    }
    if (c->from[0] == '\0') {
        name_built(c, "unknown");
        return 0;
    }
    return ask_id(c, c->from, on_base_id, err);
}

/* --- the golden image --- */

/* The usual way, when there is no golden one. */
static int use_usual(struct image_chain *c, struct error *err)
{
    return c->call->spec->containerfile ? use_containerfile(c, err) : use_named(c, err);
}

static void on_golden(struct image_chain *c, const char *id, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (!err) {
        found(c, c->call->spec->golden, id);
    } else if (use_usual(c, &mine) < 0) {
        fail(c, &mine);
    }
}

/* --- the toolchain layer --- */

/* Without it, with a word that lasts. */
static void without_tools(struct image_chain *c, const char *why)
{
    str_format(c->call->image_notice, sizeof(c->call->image_notice), "mise.toml: its tools are missing: %s", why);
    c->ops->finish(c->request, NULL);
}

static void on_tools(struct image_chain *c, const struct error *err)
{
    if (err && err->code == ERROR_CANCELED) {
        fail(c, err);
    } else if (err) {
        log_warn("mise.toml of %s: %s", c->call->spec->project, err->msg);
        without_tools(c, err->msg);
    } else {
        str_copy(c->call->image, sizeof(c->call->image), c->ref);
        c->call->image_id[0] = '\0'; /* that name is made of what is in it */
        c->ops->finish(c->request, NULL);
    }
}

/* What the layer is made by. A mise that the base brings is used; else it comes by npm, which the base may have or a
 * package manager gives. Tools go to a place that every user of the sandbox can read. */
static const char TOOLS_FILE[] =
    "ENV MISE_DATA_DIR=/opt/mise MISE_YES=1 MISE_TRUSTED_CONFIG_PATHS=/opt/mise-project\n"
    "ENV PATH=/opt/mise/shims:$PATH\n"
    "COPY mise.toml /opt/mise-project/mise.toml\n"
    "RUN command -v mise >/dev/null || { command -v npm >/dev/null || { command -v apt-get >/dev/null && apt-get "
    "update "
    "&& apt-get install -y --no-install-recommends npm ca-certificates; } || { command -v apk >/dev/null && apk add "
    "--no-cache npm; } || { command -v dnf >/dev/null && dnf install -y npm; }; npm install -g @jdxcode/mise; }\n"
    "RUN mkdir -p /opt/mise && cd /opt/mise-project && mise install && (mise reshim || true) && chmod -R a+rX "
    "/opt/mise\n";

static void build_tools(struct image_chain *c, const struct strbuf *mise)
{
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf file = STRBUF_INIT;
    MT_CLEANUP(xfree) char *root = path_join(c->state, "context");
    MT_CLEANUP(xfree) char *name = xasprintf("mise-%.32s", strrchr(c->ref, ':') + 1);
    c->dir = path_join(root, name);
    MT_CLEANUP(xfree) char *toml = path_join(c->dir, "mise.toml");
    MT_CLEANUP(xfree) char *containerfile = path_join(c->dir, "Containerfile");
    strbuf_addf(&file, "FROM %s\n%s", c->ops->from_by_name ? c->call->image : c->base, TOOLS_FILE);
    if (fs_mkdirs(c->dir, 0700, &err) < 0 || fs_write_atomic(toml, mise->buf, mise->len, 0644, &err) < 0 ||
        fs_write_atomic(containerfile, file.buf, file.len, 0644, &err) < 0 ||
        build(c, containerfile, c->dir, on_tools, &err) < 0) {
        without_tools(c, err.msg);
    }
}

static void on_have_tools(struct image_chain *c, const char *id, const struct error *err)
{
    (void)id;
    struct error mine = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf mise = STRBUF_INIT;
    if (!err) {
        on_tools(c, NULL);
    } else if (fs_read(c->call->spec->mise, 1u << 20, &mise, &mine) < 0) {
        without_tools(c, mine.msg);
    } else {
        build_tools(c, &mise);
    }
}

/* The id of the base is known: the layer's name is. */
static void on_tools_base(struct image_chain *c, const char *id, const struct error *err)
{
    struct error mine = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char hex[HASH_HEX_LEN + 1], of_file[HASH_HEX_LEN + 1];
    str_copy(c->base, sizeof(c->base), id);
    if (!err) { /* what is used when the layer cannot be built */
        str_copy(c->call->image_id, sizeof(c->call->image_id), c->base);
    }
    if (c->base[0] == '\0' || hash_sha256_file(c->call->spec->mise, of_file, &mine) < 0) {
        without_tools(c, err ? err->msg : mine.msg);
        return;
    }
    strbuf_addf(&text, "%s\n%s\n%s", c->base, of_file, TOOLS_FILE);
    hash_sha256_hex(text.buf, text.len, hex);
    str_format(c->ref, sizeof(c->ref), "localhost/muthr-tools:%.16s", hex);
    if (ask_id(c, c->ref, on_have_tools, &mine) < 0) {
        without_tools(c, mine.msg);
    }
}

/* What was just pulled or built: the name alone does not tell when it becomes another one. */
static void on_new_id(struct image_chain *c, const char *id, const struct error *err)
{
    (void)err;
    str_copy(c->call->image_id, sizeof(c->call->image_id), id);
    c->ops->finish(c->request, NULL);
}

static void found(struct image_chain *c, const char *ref, const char *id)
{
    struct error err = ERROR_INIT;
    str_copy(c->call->image, sizeof(c->call->image), ref);
    str_copy(c->call->image_id, sizeof(c->call->image_id), id);
    if (c->call->spec->mise) {
        if (ask_id(c, c->call->image, on_tools_base, &err) < 0) {
            without_tools(c, err.msg);
        }
    } else if (id[0] != '\0' || ask_id(c, c->call->image, on_new_id, &err) < 0) {
        c->ops->finish(c->request, NULL);
    }
}

struct image_chain *image_chain_new(const struct image_ops *ops, struct backend_call *call, const char *state,
                                    void *request)
{
    struct image_chain *c = xcalloc(1, sizeof(*c));
    c->ops = ops;
    c->call = call;
    c->state = state;
    c->request = request;
    return c;
}

int image_chain_run(struct image_chain *c, struct error *err)
{
    return c->call->spec->golden ? ask_id(c, c->call->spec->golden, on_golden, err) : use_usual(c, err);
}

void image_chain_free(struct image_chain *c)
{
    struct error ignored = ERROR_INIT;
    if (c && c->dir) {
        fs_remove_tree(c->dir, &ignored);
    }
    if (c) {
        free(c->dir);
    }
    free(c);
}
