/* SPDX-License-Identifier: Apache-2.0 */
#include "core/engine/golden.h"

#include <string.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

/* The file; caller frees. Names of profiles and hosts hold no slash and no @. */
static char *golden_path(const struct paths *paths, const char *profile, const char *host)
{
    return xasprintf("%s/golden/%s%s%s", paths->state, profile, host[0] != '\0' ? "@" : "", host);
}

void golden_load(const struct paths *paths, const char *profile, const char *host, struct golden *out)
{
    MT_CLEANUP(xfree) char *path = golden_path(paths, profile, host);
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    memset(out, 0, sizeof(*out));
    if (fs_read(path, 400, &text, &ignored) < 0) {
        return;
    }
    size_t first = strcspn(text.buf, "\n");
    const char *second = text.buf + first + (text.buf[first] != '\0' ? 1 : 0);
    str_format(out->rev, sizeof(out->rev), "%.*s", (int)MT_MIN(first, sizeof(out->rev) - 1), text.buf);
    str_format(out->id, sizeof(out->id), "%.*s", (int)MT_MIN(strcspn(second, "\n"), sizeof(out->id) - 1), second);
}

int golden_save(const struct paths *paths, const char *profile, const char *host, const struct golden *g,
                struct error *err)
{
    MT_CLEANUP(xfree) char *path = golden_path(paths, profile, host), *dir = path_join(paths->state, "golden");
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    strbuf_addf(&text, "%s\n%s\n", g->rev, g->id);
    return fs_mkdirs(dir, 0700, err) < 0 ? -1 : fs_write_atomic(path, text.buf, text.len, 0600, err);
}

void golden_forget(const struct paths *paths, const char *profile, const char *host)
{
    MT_CLEANUP(xfree) char *path = golden_path(paths, profile, host);
    (void)unlink(path);
}

/* Takes "image: ..." out of a comma separated list: the golden one wins over what a manifest names. */
static void drop_image(struct strbuf *text)
{
    const char *at = strncmp(text->buf, "image: ", 7) == 0 ? text->buf : strstr(text->buf, ", image: ");
    if (at == NULL) {
        return;
    }
    const char *next = strstr(at + 2, ", ");
    MT_CLEANUP(xfree) char *rest = xstrdup(next != NULL ? next : "");
    strbuf_truncate(text, (size_t)(at - text->buf));
    strbuf_addstr(text, text->len == 0 && rest[0] != '\0' ? rest + 2 : rest);
}

bool golden_differs(const struct paths *paths, const char *host, const struct sandbox_spec *spec,
                    const struct sandbox_info *info, struct strbuf *text)
{
    struct golden g;
    /* A toolchain layer on top has a name of its own, which tells. */
    if (spec->golden == NULL || spec->mise != NULL || info->image_id[0] == '\0') {
        return false;
    }
    golden_load(paths, spec->profile, host, &g);
    if (g.id[0] == '\0' || strcmp(g.id, info->image_id) == 0) {
        return false;
    }
    if (text != NULL) {
        drop_image(text);
    }
    if (text != NULL && strcmp(info->image, spec->golden) == 0) {
        strbuf_addf(text, "%simage: re-built", text->len > 0 ? ", " : "");
    } else if (text != NULL) {
        strbuf_addf(text, "%simage: %s -> %s", text->len > 0 ? ", " : "",
                    info->image[0] != '\0' ? info->image : info->image_id, spec->golden);
    }
    return true;
}
