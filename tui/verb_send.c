/* SPDX-License-Identifier: Apache-2.0 */
/* send: text and keys into a session, as somebody at its terminal would type them. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "core/util/xmalloc.h"
#include "tui/verb.h"

#define EXIT_TIMEOUT 124
#define READ_BYTES (64u << 10)
#define AHEAD_BYTES (1u << 20)      /* not yet taken by the host: stdin waits then */
#define PASTE_MAX_BYTES (64u << 20) /* a paste has an end, and is gathered before it is sent */

struct send {
    struct verb_ctx *ctx;
    char id[SESSION_ID_MAX];
    struct sessions *sessions;
    struct strbuf waiting; /* to be handed over */
    struct strbuf paste;   /* gathered from stdin */
    struct strbuf keys;    /* behind the text */
    struct key_modes modes;
    bool from_stdin, at_end;
    struct watch *input; /* NULL: stdin cannot be waited for, and is never late */
    struct timer *late;
    size_t given; /* handed over */
    size_t left;  /* of that, not yet taken by the host */
};

static void send_pump(struct send *s);

/* Gives up: says how far it came. */
static void send_fail(struct send *s, enum error_code code, const char *why)
{
    struct error err = ERROR_INIT;
    size_t taken = s->given - s->left;

    if (s->at_end) {
        error_set(&err, code, "session %s %s: %zu of %zu bytes were taken", s->id, why, taken,
                  s->given + s->waiting.len);
    } else {
        error_set(&err, code, "session %s %s: %zu bytes were taken", s->id, why, taken);
    }
    int rc = verb_error(s->ctx, &err);
    verb_finish(s->ctx, code == ERROR_TIMEOUT ? EXIT_TIMEOUT : rc);
}

/* timer_fn */
static void send_late(void *arg)
{
    send_fail(arg, ERROR_TIMEOUT, "does not read");
}

/* What ended, or is not there any more, takes nothing. */
static bool send_is_over(struct send *s)
{
    const struct session_info *info = sessions_find(s->sessions, s->id);
    char end[40];

    if (info == NULL) {
        send_fail(s, ERROR_EXIT, "is gone");
        return true;
    }
    if (verb_session_end(info, end, sizeof(end)) != NULL) {
        char why[80];

        str_format(why, sizeof(why), "has ended (%s)", end);
        send_fail(s, ERROR_EXIT, why);
        return true;
    }
    return false;
}

/* bus_fn */
static void send_event(void *arg, const struct model_event *ev)
{
    struct send *s = arg;
    bool ours = strcmp(ev->session, s->id) == 0;

    if (ours && !s->ctx->finished && (ev->kind == MODEL_SESSION || ev->kind == MODEL_SESSION_REMOVED)) {
        send_is_over(s);
    }
}

/* The text is whole: what belongs behind it follows. */
static void send_end(struct send *s)
{
    s->at_end = true;
    if (s->paste.len > 0) {
        paste_encode(s->paste.buf, s->paste.len, &s->modes, &s->waiting);
        strbuf_release(&s->paste);
    }
    strbuf_add(&s->waiting, s->keys.buf, s->keys.len);
}

/* Reads a piece of stdin. */
static void send_read(struct send *s)
{
    char buf[READ_BYTES];
    ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));
    struct error err = ERROR_INIT;

    if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
        return;
    }
    if (n < 0) {
        error_sys(&err, errno, "cannot read stdin");
        verb_fail(s->ctx, &err);
    } else if (n == 0) {
        send_end(s);
    } else if (!s->ctx->o.paste) {
        strbuf_add(&s->waiting, buf, (size_t)n);
    } else if (s->paste.len + (size_t)n > PASTE_MAX_BYTES) {
        error_set(&err, ERROR_INVALID, "a paste has at most %u MiB", PASTE_MAX_BYTES >> 20);
        verb_fail(s->ctx, &err);
    } else {
        strbuf_add(&s->paste, buf, (size_t)n);
    }
}

/* watch_fn */
static void send_readable(void *arg, int events)
{
    struct send *s = arg;

    (void)events;
    send_read(s);
    send_pump(s);
}

/* Hands over what there is, and reads on while the host keeps up. */
static void send_pump(struct send *s)
{
    while (!s->ctx->finished) {
        size_t n = sessions_input(s->sessions, s->id, s->waiting.buf, s->waiting.len);

        strbuf_consume(&s->waiting, n);
        s->given += n;
        s->left += n;
        if (s->at_end || s->input != NULL || s->waiting.len > 0 || s->left > AHEAD_BYTES) {
            break;
        }
        send_read(s);
    }
    if (s->input != NULL) {
        watch_set(s->input, s->at_end || s->ctx->finished || s->left > AHEAD_BYTES ? 0 : WATCH_READ);
    }
    if (s->at_end && s->waiting.len == 0 && s->left == 0 && !s->ctx->finished) {
        verb_finish(s->ctx, 0);
    }
}

/* The host has taken some. */
static void send_taken(void *arg, size_t left)
{
    struct send *s = arg;

    s->left = left;
    if (!s->ctx->finished) {
        send_pump(s);
    }
}

/* The text of the arguments, or that it comes from stdin. */
static int send_text(struct send *s, struct error *err)
{
    const struct strvec *names = &s->ctx->o.names;
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    if (names->len == 2 && strcmp(names->v[1], "-") == 0) {
        s->from_stdin = true;
        s->input = watch_new(s->ctx->loop, STDIN_FILENO, send_readable, s, NULL); /* NULL: a file, or nothing at all */
        return 0;
    }
    for (size_t i = 1; i < names->len; i++) {
        strbuf_addstr(&text, i > 1 ? " " : "");
        strbuf_addstr(&text, names->v[i]);
    }
    if (names->len < 2 && s->ctx->o.keys.len == 0) {
        return error_hint(err, ERROR_INVALID, "Give TEXT, - for what comes on stdin, --enter or --key.",
                          "nothing to send");
    }
    strbuf_add(s->ctx->o.paste ? &s->paste : &s->waiting, text.buf, text.len);
    send_end(s);
    return 0;
}

/* The bytes of the keys, in the modes of the program. */
static int send_keys(struct send *s, struct error *err)
{
    for (size_t i = 0; i < s->ctx->o.keys.len; i++) {
        struct key key;

        if (key_parse(s->ctx->o.keys.v[i], &key, err) != 0) {
            return -1;
        }
        key_encode(key, &s->modes, &s->keys);
    }
    return 0;
}

/* Begins: what the program asked for is known, or does not matter. */
static void send_begin(struct send *s)
{
    struct error err = ERROR_INIT;

    strbuf_clear(&s->keys);
    if (send_keys(s, &err) < 0 || send_text(s, &err) < 0 ||
        sessions_on_taken(s->sessions, s->id, send_taken, s, &err) < 0) {
        verb_fail(s->ctx, &err);
        return;
    }
    send_pump(s);
}

/* sessions_look_fn: only how keys and pastes are written is of interest. */
static void send_looked(void *arg, const struct session_screen *screen, const struct session_rows *rows,
                        const struct error *err)
{
    struct send *s = arg;

    (void)rows;
    if (s->ctx->finished) {
        return;
    }
    if (err != NULL) {
        verb_fail(s->ctx, err);
        return;
    }
    s->modes = screen->modes;
    send_begin(s);
}

/* Sends all of it, or gives up. */
static void send_run(struct send *s)
{
    struct error err = ERROR_INIT;
    struct bus_sub *sub = bus_subscribe(s->ctx->bus, send_event, s);

    s->late = timer_new(s->ctx->loop, send_late, s);
    if (s->ctx->o.timeout_s > 0) {
        timer_start(s->late, (uint64_t)s->ctx->o.timeout_s * 1000);
    }
    if (send_is_over(s)) {
        ;
    } else if (s->ctx->o.keys.len == 0 && !s->ctx->o.paste) {
        send_begin(s);
    } else if (sessions_look(s->sessions, s->id, send_looked, s, &err) < 0) {
        verb_fail(s->ctx, &err);
    }
    verb_run(s->ctx);
    timer_close(s->late);
    watch_close(s->input);
    bus_unsubscribe(s->ctx->bus, sub);
}

/* What was taken, for programs. */
static int send_report(const struct send *s)
{
    struct output *out = output_new(s->ctx->o.format, NULL, 0);
    struct json *row = json_new_object();

    json_set_string(row, "id", s->id);
    json_set_int(row, "taken", (int64_t)s->given);
    output_row_take(out, row);
    s->ctx->answered = true;
    return output_finish(out, NULL) < 0 ? 1 : 0;
}

int verb_send(struct verb_ctx *ctx)
{
    struct send s = {.ctx = ctx, .waiting = STRBUF_INIT, .paste = STRBUF_INIT, .keys = STRBUF_INIT};
    struct error err = ERROR_INIT;

    if (ctx->o.names.len == 0) {
        error_hint(&err, ERROR_INVALID, "`muthr-tui sessions` lists them.", "send takes a session and a text");
        return verb_error(ctx, &err);
    }
    if (send_keys(&s, &err) < 0) { /* before anything is typed */
        strbuf_release(&s.keys);
        return verb_error(ctx, &err);
    }
    int rc = verb_open_sessions(ctx) < 0 ? ctx->exit_code : verb_session(ctx, ctx->o.names.v[0], s.id);
    if (rc == 0) {
        s.sessions = port_sessions(ctx->port);
        send_run(&s);
        rc = ctx->exit_code;
    }
    if (rc == 0 && ctx->o.format != OUTPUT_TEXT) {
        rc = send_report(&s);
    }
    strbuf_release(&s.waiting);
    strbuf_release(&s.paste);
    strbuf_release(&s.keys);
    return rc;
}
