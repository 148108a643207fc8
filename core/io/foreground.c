/* SPDX-License-Identifier: Apache-2.0 */
#include "core/io/foreground.h"

#include <stdlib.h>

#include <uv.h>

#include "core/io/fd.h"
#include "core/io/loop_private.h"
#include "core/util/xmalloc.h"

struct foreground {
    uv_process_t uv;
    foreground_fn done; /* NULL: nobody waits any more */
    void *arg;
    int exit_code, signum;
};

/* The handle is closed: now it can be told. */
static void on_closed(uv_handle_t *handle)
{
    struct foreground *f = handle->data;
    if (f->done != NULL) {
        f->done(f->arg, f->exit_code, f->signum);
    }
    free(f);
}

static void on_exit_cb(uv_process_t *uv, int64_t status, int signum)
{
    struct foreground *f = uv->data;
    f->exit_code = (int)status;
    f->signum = signum;
    if (!uv_is_closing((uv_handle_t *)uv)) {
        uv_close((uv_handle_t *)uv, on_closed);
    }
}

/* uv_close callback of one that never ran. */
static void on_unborn(uv_handle_t *handle)
{
    free(handle->data);
}

int foreground_start(struct foreground **out, struct loop *loop, const char *const *argv, foreground_fn done, void *arg,
                     struct error *err)
{
    struct foreground *f = xcalloc(1, sizeof(*f));
    uv_stdio_container_t io[3];
    union {
        const char *const *in;
        char **out;
    } args = {.in = argv}; /* libuv takes char ** but only reads */

    for (int i = 0; i < 3; i++) {
        io[i].flags = UV_INHERIT_FD;
        io[i].data.fd = i;
    }
    uv_process_options_t uo = {.exit_cb = on_exit_cb, .file = argv[0], .args = args.out, .stdio = io, .stdio_count = 3};
    f->uv.data = f;
    f->done = done;
    f->arg = arg;
    fd_cloexec_from(3);
    int rc = uv_spawn(loop_uv(loop), &f->uv, &uo);
    if (rc != 0) {
        uv_close((uv_handle_t *)&f->uv, on_unborn);
        return error_set(err, rc == UV_ENOENT ? ERROR_NOT_FOUND : ERROR_SYS, "%s: %s", argv[0], uv_strerror(rc));
    }
    *out = f;
    return 0;
}

void foreground_close(struct foreground *f)
{
    if (f != NULL && !uv_is_closing((uv_handle_t *)&f->uv)) {
        f->done = NULL;
        uv_close((uv_handle_t *)&f->uv, on_closed);
    }
}
