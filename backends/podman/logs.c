/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/logs.h"

#include <stdlib.h>
#include <string.h>

#include "backends/podman/podman_private.h"
#include "core/util/xmalloc.h"

/* `podman logs -f` ends when the container stops, and its log goes on with the next start. A restart shall not end
 * what the reader sees: after the end the container is looked at for a moment, and when it runs again the log is
 * followed on from the last line's stamp. */

#define RESTART_MS 500 /* between two looks for a restart */
#define RESTART_LOOKS 4

struct reader {
    char seen[PODMAN_STAMP_MAX]; /* of the last line given out: fixed width, for comparing */
    char since[PODMAN_STAMP_MAX + 8];
    bool resumed; /* lines up to `seen` are known */
};

bool podman_log_split(const char *line, size_t len, char stamp[PODMAN_STAMP_MAX], size_t *text_at)
{
    static const char form[] = "0000-00-00T00:00:00";
    size_t n = sizeof(form) - 1, digits = 0;
    if (len < n + 1) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        bool digit = line[i] >= '0' && line[i] <= '9';
        if (form[i] == '0' ? !digit : line[i] != form[i]) {
            return false;
        }
    }
    memcpy(stamp, line, n);
    stamp[n] = '.';
    size_t at = n;
    if (line[at] == '.') {
        for (at++; at < len && line[at] >= '0' && line[at] <= '9' && digits < 9; at++) {
            stamp[n + 1 + digits++] = line[at];
        }
    }
    memset(stamp + n + 1 + digits, '0', 9 - digits); /* Go leaves zeros at the end out */
    stamp[n + 10] = '\0';
    while (at < len && line[at] != ' ') {
        if (!strchr("Z+-:0123456789", line[at])) {
            return false;
        }
        at++;
    }
    *text_at = at + (at < len);
    return at < len || len == at;
}

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct request *r = arg;
    struct reader *reader = r->state;
    char stamp[PODMAN_STAMP_MAX];
    size_t at;
    if (!podman_log_split(line, len, stamp, &at) || (reader->resumed && strcmp(stamp, reader->seen) <= 0)) {
        return;
    }
    /* Two streams come in blocks: a later one may be a little older. */
    if (strcmp(stamp, reader->seen) > 0) {
        memcpy(reader->seen, stamp, sizeof(stamp));
        size_t end = MT_MIN(at ? at - 1 : 0, sizeof(reader->since) - 1);
        memcpy(reader->since, line, end);
        reader->since[end] = '\0';
    }
    if (r->call->on_line) {
        r->call->on_line(r->call, stream == PROC_STDERR, line + at, len - at);
    }
}

static int read_on(struct request *r, struct error *err);

/* Does it run again? */
static void on_state(struct request *r, const struct proc_result *res, const struct error *err);

static void look(struct request *r)
{
    const char *const args[] = {"container", "inspect", "--format", "{{.State.Running}}", r->container, NULL};
    struct cli_opts opts = {.args = args, .capture_max_bytes = 64, .timeout_ms = 10000};
    struct error err = ERROR_INIT;
    if (podman_run(r, &opts, on_state, &err) < 0) {
        podman_finish(r, &err);
    }
}

static void on_state(struct request *r, const struct proc_result *res, const struct error *err)
{
    struct reader *reader = r->state;
    struct error why = ERROR_INIT;
    if (err) {
        podman_finish(r, err->code == ERROR_NOT_FOUND ? NULL : err); /* removed: its log has ended */
    } else if (strncmp(res->out->buf, "true", 4) == 0) {
        reader->resumed = true;
        r->tries = 0;
        if (read_on(r, &why) < 0) {
            podman_finish(r, &why);
        }
    } else if (++r->tries < RESTART_LOOKS) {
        podman_wait(r, RESTART_MS, look);
    } else {
        podman_finish(r, NULL);
    }
}

static void on_end(struct request *r, const struct proc_result *res, const struct error *err)
{
    (void)res;
    if (!err && r->call->follow) {
        look(r);
    } else {
        podman_finish(r, err);
    }
}

static int read_on(struct request *r, struct error *err)
{
    const struct reader *reader = r->state;
    MT_CLEANUP(strvec) struct strvec args = STRVEC_INIT;
    strvec_pushl(&args, "logs", "-t", NULL);
    if (r->call->follow) {
        strvec_push(&args, "-f");
    }
    if (reader->resumed && reader->since[0]) {
        strvec_pushl(&args, "--since", reader->since, NULL);
    } else if (!reader->resumed && r->call->tail >= 0) {
        strvec_push(&args, "--tail");
        strvec_pushf(&args, "%lld", (long long)r->call->tail);
    }
    strvec_push(&args, r->container);
    struct cli_opts opts = {.args = (const char *const *)args.v, .on_line = on_line};
    return podman_run(r, &opts, on_end, err);
}

static void on_release(struct request *r)
{
    free(r->state);
}

int podman_logs(struct request *r, struct error *err)
{
    r->state = xcalloc(1, sizeof(struct reader));
    r->release = on_release;
    return read_on(r, err);
}
