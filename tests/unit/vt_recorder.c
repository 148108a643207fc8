/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/vt_recorder.h"

#include <stdlib.h>

#include "core/util/xmalloc.h"

static void on_output(const char *bytes, size_t len, void *arg)
{
    strbuf_add(&((struct vt_recorder *)arg)->out, bytes, len);
}

static void on_title(const char *title, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "title(%s)", title);
}

static void on_bell(void *arg)
{
    strbuf_addstr(&((struct vt_recorder *)arg)->calls, "bell");
}

static void on_notify(const char *title, const char *body, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "notify(%s|%s)", title, body);
}

static void on_progress(enum vt_progress state, int percent, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "progress(%d,%d)", (int)state, percent);
}

static void on_cwd(const char *path, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "cwd(%s)", path);
}

static void on_clipboard(const char *data, size_t len, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "clip(%zu:%.40s)", len, data);
}

static void on_mark(char kind, int status, void *arg)
{
    strbuf_addf(&((struct vt_recorder *)arg)->calls, "mark(%c%d)", kind, status);
}

static struct vt *terminal(struct vt_recorder *r, int cols, int rows)
{
    static const struct vt_callbacks callbacks = {.output = on_output,
                                                  .title = on_title,
                                                  .bell = on_bell,
                                                  .notify = on_notify,
                                                  .progress = on_progress,
                                                  .cwd = on_cwd,
                                                  .clipboard = on_clipboard,
                                                  .mark = on_mark};

    return vt_new(&(struct vt_opts){.cols = cols, .rows = rows, .callbacks = &callbacks, .arg = r});
}

void vt_recorder_init(struct vt_recorder *r, int cols, int rows)
{
    strbuf_init(&r->out);
    strbuf_init(&r->calls);
    r->vt = terminal(r, cols, rows);
}

void vt_recorder_renew(struct vt_recorder *r, int cols, int rows)
{
    vt_free(r->vt);
    strbuf_clear(&r->out);
    strbuf_clear(&r->calls);
    r->vt = terminal(r, cols, rows);
}

void vt_recorder_release(struct vt_recorder *r)
{
    vt_free(r->vt);
    strbuf_release(&r->out);
    strbuf_release(&r->calls);
    r->vt = NULL;
}

struct vt_recorder *vt_recorder_new(int cols, int rows)
{
    struct vt_recorder *r = xcalloc(1, sizeof(*r));

    vt_recorder_init(r, cols, rows);
    return r;
}

void vt_recorder_free(struct vt_recorder *r)
{
    vt_recorder_release(r);
    free(r);
}
