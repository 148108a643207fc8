/* SPDX-License-Identifier: Apache-2.0 */
/* Which image a sandbox is made from, and making sure that it is here: the golden one of its profile (S16), one built
 * from the profile's Containerfile (S13), the one that is named, or the default; with the project's toolchain on top
 * (S14). Images that we make are named after a hash of what they were made from: another content is another name. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "backends/podman/args.h"
#include "backends/podman/image_job.h"
#include "core/util/fs.h"
#include "core/util/hash.h"
#include "core/util/log.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/xmalloc.h"

#define DEFAULT_IMAGE "debian:13-slim" /* S3 */
#define CONTEXT_MAX_FILES 10000
#define CONTEXT_DEPTH 16
#define INSPECT_TIMEOUT_MS 30000
#define COMMIT_TIMEOUT_MS 600000

/* One BACKEND_IMAGE on its way. */
struct making {
    char ref[256];                  /* what is looked for, or made, now */
    char from[256];                 /* of a Containerfile: its base, or "" when only podman can tell */
    char base[PODMAN_IMAGE_ID_MAX]; /* id of the image before the toolchain layer */
    char *dir;                      /* context of ours, removed at the end */
    bool asked_base;                /* the base of the Containerfile was pulled already */
};

static struct making *making_of(struct request *r)
{
    return r->state;
}

static void release(struct request *r)
{
    struct making *m = making_of(r);
    struct error ignored = ERROR_INIT;
    if (m->dir) {
        fs_remove_tree(m->dir, &ignored);
    }
    free(m->dir);
    free(m);
}

/* The image is here; `id` is what stands behind the name, "" when that was not asked for yet. */
static void found(struct request *r, const char *ref, const char *id);

/* Asks for the id of m->ref; then gets an empty text when it is not here. */
static int ask_id(struct request *r, const char *ref,
                  void (*then)(struct request *r, const struct proc_result *res, const struct error *err),
                  struct error *err)
{
    const char *const args[] = {"image", "inspect", "--format", "{{.Id}}", ref, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 4096, .timeout_ms = INSPECT_TIMEOUT_MS};
    return podman_run(r, &opts, then, err);
}

/* The id out of an answer, as ps tells it; false: there is no such image. Other failures are left to the caller by err.
 */
static bool take_id(const struct proc_result *res, const struct error *err, char out[PODMAN_IMAGE_ID_MAX])
{
    podman_parse_image_id(!err && res->out->len > 0 ? res->out->buf : "", out);
    return out[0] != '\0';
}

/* Something in the chain could not even be started. */
static void fail(struct request *r, const struct error *err)
{
    podman_finish(r, err);
}

/* --- a reference that is used as it is --- */

static void on_pulled(struct request *r, const struct error *err)
{
    if (err) {
        fail(r, err);
    } else {
        found(r, making_of(r)->ref, "");
    }
}

static void on_have(struct request *r, const struct proc_result *res, const struct error *err)
{
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = ERROR_INIT;
    bool killed = err && err->code == ERROR_EXIT && res->signal != 0; /* that says nothing about the image */
    if (take_id(res, err, id)) {
        found(r, making_of(r)->ref, id);
    } else if (killed || (err && err->code != ERROR_NOT_FOUND && err->code != ERROR_EXIT)) {
        fail(r, err);
    } else if (strncmp(making_of(r)->ref, "localhost/", 10) == 0) { /* nobody could give it to us */
        error_hint(&mine, ERROR_NOT_FOUND, "build or import it, or name another image in the profile",
                   "there is no image %s here", making_of(r)->ref);
        fail(r, &mine);
    } else if (image_job_pull(r, making_of(r)->ref, on_pulled, &mine) < 0) {
        fail(r, &mine);
    }
}

static int use_named(struct request *r, struct error *err)
{
    const struct sandbox_spec *s = r->call->spec;
    str_copy(making_of(r)->ref, sizeof(making_of(r)->ref), s->image ? s->image : DEFAULT_IMAGE);
    return ask_id(r, making_of(r)->ref, on_have, err);
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

static void on_built(struct request *r, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (err) {
        mine = *err;
        MT_CLEANUP(xfree) char *file = file_of(r->call->spec->containerfile);
        if (err->code != ERROR_CANCELED) {
            error_wrap(&mine, "%s", file);
        }
        fail(r, &mine);
    } else {
        found(r, making_of(r)->ref, "");
    }
}

static void on_have_built(struct request *r, const struct proc_result *res, const struct error *err)
{
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = ERROR_INIT;
    if (take_id(res, err, id)) {
        found(r, making_of(r)->ref, id);
        return;
    }
    MT_CLEANUP(xfree) char *file = file_of(r->call->spec->containerfile);
    if (image_job_build(r, making_of(r)->ref, file, r->call->spec->containerfile, on_built, &mine) < 0) {
        fail(r, &mine);
    }
}

/* Everything that goes into the name is known. */
static void name_built(struct request *r, const char *base_id)
{
    const struct sandbox_spec *s = r->call->spec;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error err = ERROR_INIT;
    char hex[HASH_HEX_LEN + 1];
    size_t files = 0;
    strbuf_addf(&text, "base %s\n", base_id);
    if (hash_folder(s->containerfile, "", 0, &files, &text, &err) < 0) {
        fail(r, &err);
        return;
    }
    hash_sha256_hex(text.buf, text.len, hex);
    str_format(making_of(r)->ref, sizeof(making_of(r)->ref), "localhost/muthr-build-%s:%.16s", s->profile, hex);
    for (char *p = making_of(r)->ref; *p; p++) { /* a repository's name is of small letters */
        *p = (char)(*p >= 'A' && *p <= 'Z' ? *p - 'A' + 'a' : *p);
    }
    if (ask_id(r, making_of(r)->ref, on_have_built, &err) < 0) {
        fail(r, &err);
    }
}

static void on_base_id(struct request *r, const struct proc_result *res, const struct error *err);

static void on_base_pulled(struct request *r, const struct error *err)
{
    struct error mine = ERROR_INIT;
    if (err || ask_id(r, making_of(r)->from, on_base_id, &mine) < 0) {
        fail(r, err ? err : &mine);
    }
}

/* The base is part of the name, so that a newer one makes a newer image. */
static void on_base_id(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct making *m = making_of(r);
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = ERROR_INIT;
    if (take_id(res, err, id)) {
        name_built(r, id);
    } else if (m->asked_base || strncmp(m->from, "localhost/", 10) == 0) {
        error_hint(&mine, ERROR_NOT_FOUND, "build or import it, or name another base", "there is no image %s here",
                   m->from);
        fail(r, &mine);
    } else {
        m->asked_base = true;
        if (image_job_pull(r, m->from, on_base_pulled, &mine) < 0) {
            fail(r, &mine);
        }
    }
}

static int use_containerfile(struct request *r, struct error *err)
{
    struct making *m = making_of(r);
    MT_CLEANUP(xfree) char *file = file_of(r->call->spec->containerfile);
    if (read_from(file, m->from, err) < 0) {
        return -1;
    }
    if (m->from[0] == '\0') {
        name_built(r, "unknown");
        return 0;
    }
    return ask_id(r, m->from, on_base_id, err);
}

/* --- the golden image --- */

/* The usual way, when there is no golden one. */
static int use_usual(struct request *r, struct error *err)
{
    return r->call->spec->containerfile ? use_containerfile(r, err) : use_named(r, err);
}

static void on_golden(struct request *r, const struct proc_result *res, const struct error *err)
{
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = ERROR_INIT;
    if (take_id(res, err, id)) {
        found(r, r->call->spec->golden, id);
    } else if (use_usual(r, &mine) < 0) {
        fail(r, &mine);
    }
}

/* --- the toolchain layer --- */

/* Without it, with a word that lasts. */
static void without_tools(struct request *r, const char *why)
{
    str_format(r->call->image_notice, sizeof(r->call->image_notice), "mise.toml: its tools are missing: %s", why);
    podman_finish(r, NULL);
}

static void on_tools(struct request *r, const struct error *err)
{
    if (err && err->code == ERROR_CANCELED) {
        fail(r, err);
    } else if (err) {
        log_warn("mise.toml of %s: %s", r->call->spec->project, err->msg);
        without_tools(r, err->msg);
    } else {
        str_copy(r->call->image, sizeof(r->call->image), making_of(r)->ref);
        r->call->image_id[0] = '\0'; /* that name is made of what is in it */
        podman_finish(r, NULL);
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

static void build_tools(struct request *r, const struct strbuf *mise)
{
    struct making *m = making_of(r);
    struct error err = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf file = STRBUF_INIT;
    MT_CLEANUP(xfree) char *root = path_join(r->be->state, "context");
    MT_CLEANUP(xfree) char *name = xasprintf("mise-%.32s", strrchr(m->ref, ':') + 1);
    m->dir = path_join(root, name);
    MT_CLEANUP(xfree) char *toml = path_join(m->dir, "mise.toml");
    MT_CLEANUP(xfree) char *containerfile = path_join(m->dir, "Containerfile");
    strbuf_addf(&file, "FROM %s\n%s", m->base, TOOLS_FILE);
    if (fs_mkdirs(m->dir, 0700, &err) < 0 || fs_write_atomic(toml, mise->buf, mise->len, 0644, &err) < 0 ||
        fs_write_atomic(containerfile, file.buf, file.len, 0644, &err) < 0 ||
        image_job_build(r, m->ref, containerfile, m->dir, on_tools, &err) < 0) {
        without_tools(r, err.msg);
    }
}

static void on_have_tools(struct request *r, const struct proc_result *res, const struct error *err)
{
    char id[PODMAN_IMAGE_ID_MAX];
    struct error mine = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf mise = STRBUF_INIT;
    if (take_id(res, err, id)) {
        on_tools(r, NULL);
    } else if (fs_read(r->call->spec->mise, 1u << 20, &mise, &mine) < 0) {
        without_tools(r, mine.msg);
    } else {
        build_tools(r, &mise);
    }
}

/* The id of the base is known: the layer's name is. */
static void on_tools_base(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct making *m = making_of(r);
    struct error mine = ERROR_INIT;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    char hex[HASH_HEX_LEN + 1], of_file[HASH_HEX_LEN + 1];
    if (take_id(res, err, m->base)) { /* what is used when the layer cannot be built */
        str_copy(r->call->image_id, sizeof(r->call->image_id), m->base);
    }
    if (m->base[0] == '\0' || hash_sha256_file(r->call->spec->mise, of_file, &mine) < 0) {
        without_tools(r, err ? err->msg : mine.msg);
        return;
    }
    strbuf_addf(&text, "%s\n%s\n%s", m->base, of_file, TOOLS_FILE);
    hash_sha256_hex(text.buf, text.len, hex);
    str_format(m->ref, sizeof(m->ref), "localhost/muthr-tools:%.16s", hex);
    if (ask_id(r, m->ref, on_have_tools, &mine) < 0) {
        without_tools(r, mine.msg);
    }
}

/* What was just pulled or built: the name alone does not tell when it becomes another one. */
static void on_new_id(struct request *r, const struct proc_result *res, const struct error *err)
{
    take_id(res, err, r->call->image_id);
    podman_finish(r, NULL);
}

static void found(struct request *r, const char *ref, const char *id)
{
    struct error err = ERROR_INIT;
    str_copy(r->call->image, sizeof(r->call->image), ref);
    str_copy(r->call->image_id, sizeof(r->call->image_id), id);
    if (r->call->spec->mise) {
        if (ask_id(r, r->call->image, on_tools_base, &err) < 0) {
            without_tools(r, err.msg);
        }
    } else if (id[0] != '\0' || ask_id(r, r->call->image, on_new_id, &err) < 0) {
        podman_finish(r, NULL);
    }
}

int podman_image(struct request *r, struct error *err)
{
    r->state = xcalloc(1, sizeof(struct making));
    r->release = release;
    if (r->call->spec->golden) {
        return ask_id(r, r->call->spec->golden, on_golden, err);
    }
    return use_usual(r, err);
}

/* --- BACKEND_COMMIT --- */

struct committing {
    char before[PODMAN_IMAGE_ID_MAX]; /* id that the tag had */
};

static void release_commit(struct request *r)
{
    free(r->state);
}

/* The one that had the name before is of no use any more, unless something still runs on it. */
static void on_old_removed(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (err) {
        log_info("the image before %s stays: %s", r->call->tag, err->msg);
    }
    podman_finish(r, NULL);
}

static void on_committed(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = r->state;
    const char *const args[] = {"rmi", c->before, NULL};
    struct cli_opts opts = {.args = args, .timeout_ms = INSPECT_TIMEOUT_MS};
    struct error mine = ERROR_INIT;
    take_id(res, err, r->call->image_id);
    if (err || c->before[0] == '\0' || strcmp(c->before, r->call->image_id) == 0) {
        podman_finish(r, err);
    } else if (podman_run(r, &opts, on_old_removed, &mine) < 0) {
        podman_finish(r, NULL);
    }
}

/* The labels that make a container ours must not come with the image: whoever runs it would be taken for a sandbox.
 * Nor what was true of that one only. */
static void on_before(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct committing *c = r->state;
    struct error mine = ERROR_INIT;
    take_id(res, err, c->before);
    const char *const args[] = {"commit",      "--quiet",
                                "--change",    "LABEL muthr.managed=",
                                "--change",    "LABEL muthr.owner=",
                                "--change",    "LABEL muthr.project=",
                                "--change",    "LABEL muthr.config-hash=",
                                "--change",    ("LABEL " PODMAN_LABEL_PORTS "="),
                                "--change",    ("LABEL " PODMAN_LABEL_WARNING "="),
                                r->call->name, r->call->tag,
                                NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 4096, .timeout_ms = COMMIT_TIMEOUT_MS};
    if (podman_run(r, &opts, on_committed, &mine) < 0) {
        podman_finish(r, &mine);
    }
}

static int on_owned(struct request *r, const struct podman_seen *seen, struct error *err)
{
    (void)seen;
    return ask_id(r, r->call->tag, on_before, err);
}

int podman_commit(struct request *r, struct error *err)
{
    if (!r->call->tag) {
        return error_set(err, ERROR_INVALID, "an image needs a name");
    }
    r->state = xcalloc(1, sizeof(struct committing));
    r->release = release_commit;
    return podman_owned(r, on_owned, err);
}
