/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/podman/forward.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/io/fd.h"
#include "core/io/lockfile.h"
#include "core/io/proc.h"
#include "core/util/fs.h"
#include "core/util/log.h"
#include "core/util/xmalloc.h"

#define CONNECT_TIMEOUT_MS 20000 /* of one ssh command; ssh itself gives up a connection after 10 s */
#define LOCK_WAIT_MS 30000
#define IDLE_SECONDS "600"

enum forward_step { LOCK, LOOK, CHECK, CONNECT, FIND, FORWARD, CONFIRM };

struct waiter {
    void (*done)(void *arg, const struct error *err);
    void *arg;
    struct timer *timer; /* so that nothing ends inside forward_up or forward_cancel */
    struct forward *f;
    struct error err; /* what it is told when the timer fires */
    bool told;
    struct waiter *next;
};

struct forward {
    struct loop *loop;
    char *name, *host, *port; /* host: [user@]host; NULL: no ssh, a socket of this machine. port may be NULL */
    char *remote;             /* socket there; NULL: asked for at every start */
    char *dir, *socket, *control, *lock_path, *errors;
    struct waiter *waiters;
    struct lockfile *lock;
    struct proc *proc;
    enum forward_step step;
    bool busy, freed;    /* freed: with the end of what is in flight */
    struct strbuf found; /* the socket there, as asked */
};

/* --- address --- */

/* ssh://[user@]host[:port][/path] */
static int parse_ssh(struct forward *f, const char *url, struct error *err)
{
    const char *from = url + strlen("ssh://"), *slash = strchr(from, '/');
    size_t n = slash != NULL ? (size_t)(slash - from) : strlen(from);
    MT_CLEANUP(xfree) char *place = xstrndup(from, n);
    char *at = strrchr(place, '@'), *name = at != NULL ? at + 1 : place;
    char *bracket = name[0] == '[' ? strchr(name, ']') : NULL, *colon = strchr(bracket != NULL ? bracket : name, ':');
    if (colon != NULL) {
        *colon = '\0';
        f->port = xstrdup(colon + 1);
    }
    bool bad_port = f->port != NULL && (f->port[0] == '\0' || strspn(f->port, "0123456789") != strlen(f->port));
    if (place[0] == '-' || name[0] == '\0' || name[0] == '-' || bad_port) {
        return error_set(err, ERROR_INVALID, "host %s: %s is no address", f->name, url);
    }
    if (bracket != NULL) { /* ssh wants an IPv6 address without the brackets */
        *bracket = '\0';
        f->host = xasprintf("%.*s%s", (int)(name - place), place, name + 1);
    } else {
        f->host = xstrdup(place);
    }
    f->remote = slash != NULL && slash[1] != '\0' ? xstrdup(slash) : NULL;
    return 0;
}

struct forward *forward_new(struct loop *loop, const struct paths *paths, const struct backend_target *target,
                            struct error *err)
{
    struct forward *f = xcalloc(1, sizeof(*f));
    int rc = 0;
    f->loop = loop;
    f->name = xstrdup(target->name);
    strbuf_init(&f->found);
    f->dir = path_join(paths->runtime, "hosts");
    if (strncmp(target->url, "ssh://", 6) == 0) {
        rc = parse_ssh(f, target->url, err);
        f->socket = xasprintf("%s/%s.sock", f->dir, f->name);
    } else if (strncmp(target->url, "unix:///", 8) == 0) {
        f->socket = xstrdup(target->url + strlen("unix://"));
    } else {
        rc = error_set(err, ERROR_INVALID, "host %s: %s is neither ssh:// nor unix://", f->name, target->url);
        f->socket = xstrdup("");
    }
    f->control = xasprintf("%s/%s.ctl", f->dir, f->name);
    f->lock_path = xasprintf("%s/%s.lock", f->dir, f->name);
    f->errors = xasprintf("%s/%s.err", f->dir, f->name);
    if (rc == 0 && strlen(f->socket) >= sizeof(((struct sockaddr_un *)NULL)->sun_path)) {
        rc = error_set(err, ERROR_INVALID, "host %s: the path of its socket is too long: %s", f->name, f->socket);
    }
    if (rc < 0) {
        forward_free(f);
        return NULL;
    }
    return f;
}

const char *forward_socket(const struct forward *f)
{
    return f->socket;
}

/* --- the end of a wait --- */

static void on_waiter(void *arg)
{
    struct waiter *w = arg;
    struct waiter **at = &w->f->waiters;
    while (*at != w) {
        at = &(*at)->next;
    }
    *at = w->next;
    struct waiter copy = *w;
    timer_close(w->timer);
    free(w);
    copy.done(copy.arg, copy.err.code != ERROR_NONE ? &copy.err : NULL);
}

/* Its turn to be told comes next. */
static void tell(struct waiter *w, const struct error *err)
{
    if (!w->told) {
        w->told = true;
        w->err = err != NULL ? *err : ERROR_INIT;
        timer_start(w->timer, 0);
    }
}

static void release(struct forward *f)
{
    char *const strings[] = {f->name,   f->host,    f->port,      f->remote, f->dir,
                             f->socket, f->control, f->lock_path, f->errors};
    for (size_t i = 0; i < MT_ARRAY_LEN(strings); i++) {
        free(strings[i]);
    }
    strbuf_release(&f->found);
    free(f);
}

/* The attempt is over, for all who wait. */
static void finish(struct forward *f, const struct error *err)
{
    f->busy = false;
    if (f->lock != NULL) {
        lockfile_release(f->lock);
        f->lock = NULL;
    }
    if (f->freed) {
        release(f);
        return;
    }
    if (err != NULL && err->code != ERROR_CANCELED) {
        log_warn("host %s: %s", f->name, err->msg);
    }
    for (struct waiter *w = f->waiters; w != NULL; w = w->next) {
        tell(w, err);
    }
}

/* --- what ssh says --- */

/* Turns the last words of ssh into what a person should do. */
static void explain(const struct forward *f, const char *text, struct error *err)
{
    static const struct {
        const char *says, *hint;
    } table[] = {
        {"Host key verification failed", "connect once by hand with ssh to check and accept its key"},
        {"REMOTE HOST IDENTIFICATION HAS CHANGED", "find out why, then mend known_hosts"},
        {"Permission denied", "load a key that it accepts into your ssh agent, or name one in ~/.ssh/config"},
        {"Could not resolve hostname", "check the name in [[hosts]]"},
        {"Connection refused", "is sshd running there?"},
        {"Connection timed out", "is it switched on, and reachable from this network?"},
        {"No route to host", "is it switched on, and reachable from this network?"},
        {"forwarding failed", "is stream forwarding allowed there (AllowStreamLocalForwarding)?"},
        {"forward request failed", "is stream forwarding allowed there (AllowStreamLocalForwarding)?"},
    };
    const char *hint = "try it by hand with ssh";
    for (size_t i = 0; i < MT_ARRAY_LEN(table); i++) {
        if (strstr(text, table[i].says) != NULL) {
            hint = table[i].hint;
            break;
        }
    }
    error_hint(err, ERROR_UNAVAILABLE, hint, "ssh to %s: %s", f->host, text[0] != '\0' ? text : "it failed silently");
}

/* The last line of the file that ssh's words went to. */
static void last_words(const struct forward *f, char *out, size_t cap)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;
    struct error ignored = ERROR_INIT;
    out[0] = '\0';
    if (fs_read(f->errors, 64u << 10, &text, &ignored) < 0) {
        return;
    }
    while (text.len > 0 && strchr("\r\n ", text.buf[text.len - 1]) != NULL) {
        strbuf_truncate(&text, text.len - 1);
    }
    const char *line = text.len > 0 ? strrchr(text.buf, '\n') : NULL;
    str_copy(out, cap, line != NULL ? line + 1 : text.len > 0 ? text.buf : "");
}

/* --- steps --- */

/* Does somebody accept connections at our end? */
static int knock(const struct forward *f)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    str_copy(addr.sun_path, sizeof(addr.sun_path), f->socket);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || fd_set_flags(fd, true) < 0) {
        int sys = errno;
        if (fd >= 0) {
            close(fd);
        }
        return sys;
    }
    int sys = connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) == 0 || errno == EAGAIN ? 0 : errno;
    close(fd);
    return sys;
}

static void advance(struct forward *f);

static void on_line(void *arg, enum proc_stream stream, const char *line, size_t len)
{
    struct forward *f = arg;
    if (stream == PROC_STDOUT && f->found.len == 0 && len > 0 && line[0] == '/') {
        strbuf_add(&f->found, line, len);
    }
}

static void on_proc(void *arg, const struct proc_result *res, const struct error *err)
{
    struct forward *f = arg;
    struct error why = ERROR_INIT;
    char words[300];
    f->proc = NULL;
    if (f->freed || (err != NULL && err->code == ERROR_CANCELED)) {
        error_set(&why, ERROR_CANCELED, "cancelled");
    } else if (err == NULL) {
        f->step = f->step == CHECK ? FIND : (enum forward_step)(f->step + 1);
    } else if (f->step == CHECK && err->code == ERROR_EXIT) {
        f->step = CONNECT; /* there is no master yet */
    } else if (err->code == ERROR_NOT_FOUND) {
        error_hint(&why, ERROR_UNAVAILABLE, "install the OpenSSH client", "host %s: there is no ssh here", f->name);
    } else if (err->code == ERROR_TIMEOUT) {
        explain(f, "Connection timed out", &why);
    } else if (f->step == FIND && res->exit_code == 3) {
        error_hint(&why, ERROR_UNAVAILABLE, "run there: systemctl --user enable --now podman.socket",
                   "%s has no podman socket that this user may open", f->host);
    } else {
        last_words(f, words, sizeof(words));
        explain(f, words, &why);
    }
    if (why.code != ERROR_NONE) {
        finish(f, &why);
    } else {
        advance(f);
    }
}

/* Runs ssh with options of ours, then `args`; its words go to a file, because the master outlives the command and would
 * hold a pipe open. */
static void run_ssh(struct forward *f, const char *const *args, const char *input)
{
    struct strvec argv = STRVEC_INIT;
    struct error err = ERROR_INIT;
    const char *redirect = f->step == FIND ? "exec \"$@\" 2>\"$0\"" : "exec \"$@\" >/dev/null 2>\"$0\"";
    strvec_pushl(&argv, "sh", "-c", redirect, f->errors, "ssh", "-S", f->control, "-o", "BatchMode=yes", NULL);
    if (f->port != NULL) {
        strvec_pushl(&argv, "-p", f->port, NULL);
    }
    strvec_pushv(&argv, args);
    struct proc_opts opts = {.argv = (const char *const *)argv.v,
                             .input = input,
                             .input_len = input != NULL ? strlen(input) : 0,
                             .timeout_ms = CONNECT_TIMEOUT_MS,
                             .kill_grace_ms = 500,
                             .on_line = on_line,
                             .on_done = on_proc,
                             .arg = f};
    if (proc_start(&f->proc, f->loop, &opts, &err) < 0) {
        finish(f, &err);
    }
    strvec_release(&argv);
}

static void on_lock(void *arg, const struct error *err)
{
    struct forward *f = arg;
    if (err != NULL || f->freed) {
        struct error why = ERROR_INIT;
        error_set(&why, ERROR_CANCELED, "cancelled");
        finish(f, err != NULL ? err : &why);
        return;
    }
    f->step = LOOK;
    advance(f);
}

/* There is no master: makes one. */
static void run_connect(struct forward *f)
{
    const char *const args[] = {"-f",
                                "-N",
                                "-M",
                                "-o",
                                ("ControlPersist=" IDLE_SECONDS),
                                "-o",
                                "ConnectTimeout=10",
                                "-o",
                                "ServerAliveInterval=15",
                                "-o",
                                "ServerAliveCountMax=3",
                                "-o",
                                "StreamLocalBindUnlink=yes",
                                "-o",
                                "RemoteCommand=none",
                                f->host,
                                NULL};
    run_ssh(f, args, NULL);
}

/* Where podman listens over there, for this user. */
static void run_find(struct forward *f)
{
    static const char SCRIPT[] =
        "for s in \"${XDG_RUNTIME_DIR:-/run/user/$(id -u)}/podman/podman.sock\" /run/podman/podman.sock; do "
        "if [ -S \"$s\" ] && [ -w \"$s\" ]; then echo \"$s\"; exit 0; fi; done; exit 3";
    const char *const args[] = {f->host, "exec sh -s", NULL}; /* whatever the login shell is */
    strbuf_clear(&f->found);
    run_ssh(f, args, SCRIPT);
}

/* Our end of the way. A socket that nobody serves is in its way. */
static void run_forward(struct forward *f)
{
    const char *remote = f->remote != NULL ? f->remote : f->found.buf;
    MT_CLEANUP(xfree) char *pair = xasprintf("%s:%s", f->socket, remote);
    const char *const args[] = {"-O", "forward", "-L", pair, f->host, NULL};
    (void)unlink(f->socket);
    run_ssh(f, args, NULL);
}

/* Does what the step asks for; every step but the last comes back here. */
static void advance(struct forward *f)
{
    struct error err = ERROR_INIT;
    switch (f->step) {
    case LOCK:
        if (fs_mkdirs(f->dir, 0700, &err) < 0 || lockfile_acquire(&f->lock, f->loop, LOCKFILE_ADVISORY, f->lock_path,
                                                                  LOCK_WAIT_MS, NULL, on_lock, f, &err) < 0) {
            finish(f, &err);
        }
        return;
    case LOOK:
        if (knock(f) == 0) {
            finish(f, NULL);
            return;
        }
        f->step = CHECK;
        advance(f);
        return;
    case CHECK: {
        const char *const args[] = {"-O", "check", f->host, NULL};
        run_ssh(f, args, NULL);
        return;
    }
    case CONNECT:
        run_connect(f);
        return;
    case FIND:
        if (f->remote != NULL) {
            f->step = FORWARD;
            advance(f);
        } else {
            run_find(f);
        }
        return;
    case FORWARD:
        run_forward(f);
        return;
    case CONFIRM:
        break;
    }
    int sys = knock(f);
    if (sys != 0) {
        error_hint(&err, ERROR_UNAVAILABLE, "try it by hand with ssh", "host %s: %s does not answer: %s", f->name,
                   f->socket, strerror(sys));
    }
    finish(f, sys != 0 ? &err : NULL);
}

/* --- outside --- */

/* A socket of this machine is there, or not. */
static void look_local(struct forward *f)
{
    struct error err = ERROR_INIT;
    int sys = knock(f);
    if (sys != 0) {
        error_hint(&err, ERROR_UNAVAILABLE, "start the service that listens there (podman system service)",
                   "host %s: nobody answers at %s: %s", f->name, f->socket, strerror(sys));
    }
    finish(f, sys != 0 ? &err : NULL);
}

void forward_up(struct forward *f, void (*done)(void *arg, const struct error *err), void *arg)
{
    struct waiter *w = xcalloc(1, sizeof(*w));
    w->f = f;
    w->done = done;
    w->arg = arg;
    w->timer = timer_new(f->loop, on_waiter, w);
    w->next = f->waiters;
    f->waiters = w;
    if (f->busy) {
        return;
    }
    if (f->host == NULL) {
        look_local(f);
    } else if (knock(f) == 0) {
        tell(w, NULL);
    } else {
        f->busy = true;
        f->step = LOCK;
        advance(f);
    }
}

void forward_cancel(struct forward *f, void *arg)
{
    struct error err = ERROR_INIT;
    bool wanted = false;
    error_set(&err, ERROR_CANCELED, "cancelled");
    for (struct waiter *w = f->waiters; w != NULL; w = w->next) {
        if (w->arg == arg) {
            tell(w, &err);
        }
        wanted |= !w->told;
    }
    if (!wanted && f->proc != NULL) {
        proc_kill(f->proc); /* nobody waits for it any more */
    }
}

void forward_list_argv(const struct forward *f, const char *path, struct strvec *argv, struct strbuf *input)
{
    strbuf_addstr(input, "cd -- ");
    strbuf_add_quoted(input, path);
    strbuf_addstr(input, " || exit 1\nfor d in */; do\n  if [ -d \"$d\" ]; then printf '%s\\n' \"${d%/}\"; fi\ndone\n");
    if (f->host == NULL) {
        strvec_pushl(argv, "sh", "-s", NULL);
        return;
    }
    strvec_pushl(argv, "ssh", "-S", f->control, "-o", "BatchMode=yes", "-o", "RemoteCommand=none", NULL);
    if (f->port != NULL) {
        strvec_pushl(argv, "-p", f->port, NULL);
    }
    strvec_pushl(argv, f->host, "exec sh -s", NULL);
}

void forward_free(struct forward *f)
{
    if (f == NULL) {
        return;
    }
    f->freed = true;
    if (f->proc != NULL) {
        proc_kill(f->proc); /* the rest goes with it */
    } else if (f->lock != NULL && f->busy && f->step == LOCK) {
        struct lockfile *lock = f->lock;
        f->lock = NULL;
        lockfile_release(lock); /* on_lock follows with CANCELED */
    } else {
        release(f);
    }
}
