/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/clip.h"

#include <stdlib.h>
#include <unistd.h>

#include "core/io/proc.h"
#include "core/util/log.h"
#include "core/util/strbuf.h"

void clip_osc52(struct strbuf *out, const char *text, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (len > CLIP_MAX_BYTES) {
        return;
    }
    strbuf_addstr(out, "\033]52;c;");
    for (size_t i = 0; i < len; i += 3) {
        unsigned b[3] = {(unsigned char)text[i], i + 1 < len ? (unsigned char)text[i + 1] : 0,
                         i + 2 < len ? (unsigned char)text[i + 2] : 0};
        strbuf_addch(out, digits[b[0] >> 2]);
        strbuf_addch(out, digits[(b[0] & 3) << 4 | b[1] >> 4]);
        strbuf_addch(out, i + 1 < len ? digits[(b[1] & 15) << 2 | b[2] >> 6] : '=');
        strbuf_addch(out, i + 2 < len ? digits[b[2] & 63] : '=');
    }
    strbuf_addstr(out, "\033\\");
}

/* Is there such a program? */
static bool in_path(const char *name)
{
    const char *path = getenv("PATH");
    char file[4096];
    while (path && *path) {
        size_t n = 0;
        while (path[n] && path[n] != ':') {
            n++;
        }
        if (n && str_format(file, sizeof(file), "%.*s/%s", (int)n, path, name) == 0 && access(file, X_OK) == 0) {
            return true;
        }
        path += n + (path[n] == ':');
    }
    return false;
}

/* A clipboard program that fails is worth a line in the log, no more: OSC 52 went out as well. */
static void on_done(void *arg, const struct proc_result *res, const struct error *err)
{
    (void)arg;
    (void)res;
    if (err) {
        log_info("clipboard program: %s", err->msg);
    }
}

void clip_copy(struct loop *loop, struct screen *screen, const char *text, size_t len)
{
    static const char *const wayland[] = {"wl-copy", NULL};
    static const char *const x11[] = {"xclip", "-selection", "clipboard", NULL};
    static const char *const mac[] = {"pbcopy", NULL};
    const char *const *argv = NULL;
    MT_CLEANUP(strbuf) struct strbuf osc = STRBUF_INIT;
    clip_osc52(&osc, text, len);
    screen_send(screen, osc.buf, osc.len);
    if (getenv("WAYLAND_DISPLAY") && in_path(wayland[0])) {
        argv = wayland;
    } else if (getenv("DISPLAY") && in_path(x11[0])) {
        argv = x11;
    } else if (in_path(mac[0])) {
        argv = mac;
    }
    if (argv) {
        /* These fork a server that owns the selection: not ours to end. */
        struct proc_opts opts = {.argv = argv, .input = text, .input_len = len, .detached = true, .on_done = on_done};
        struct error err = ERROR_INIT;
        if (proc_start(NULL, loop, &opts, &err) != 0) {
            log_info("clipboard: %s", err.msg);
        }
    }
}
