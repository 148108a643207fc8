/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/screens/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/util/clock.h"
#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/paths.h"
#include "core/util/strvec.h"
#include "core/util/xmalloc.h"
#include "tests/patience.h"
#include "tests/portable.h"

#define SYNC_FD 9
#define TITLE_MAX 256

struct harness {
    char *home, *program;
    struct strvec env;
    pid_t pid;    /* 0: not running */
    bool has_run; /* our program: there may be sandboxes and hosts */
    int status;
    int master, slave, sync;
    struct termios before;
    struct vt *vt;
    struct strbuf bytes;
    struct strbuf answers; /* of our terminal, not sent yet */
    char *command;         /* the last line typed that looks like a shell's */
    size_t synced;         /* sync bytes seen, and how many of them before the last thing sent */
    size_t synced_before;
    char title[TITLE_MAX];
};

uint64_t harness_deadline_ms(void)
{
    return patience(20000);
}

/* The program of this build: two folders above this test. */
static char *find_program(void)
{
    const char *given = getenv("MUTHR_TUI_BIN");
    char self[4096];
    ssize_t n;

    if (given) {
        return xstrdup(given);
    }
    n = self_path(self, sizeof(self) - 1);
    if (n <= 0) {
        fail_msg("set MUTHR_TUI_BIN to the program to test");
    }
    self[n] = '\0';
    for (int i = 0; i < 3; i++) {
        *strrchr(self, '/') = '\0';
    }
    return xasprintf("%s/muthr-tui", self);
}

/* The environment of the world; nothing of ours leaks in but PATH and the sanitizers' options. */
static void make_env(struct harness *h)
{
    static const char *const kept[] = {"PATH",         "ASAN_OPTIONS", "UBSAN_OPTIONS",
                                       "LSAN_OPTIONS", "TERMINFO",     "TERMINFO_DIRS"};
    /* A world of podman (tests/backends/podman_rig.h), when one is open. */
    static const char *const podman[] = {"MUTHR_TUI_BACKENDS",
                                         "CONTAINERS_CONF",
                                         "CONTAINERS_STORAGE_CONF",
                                         "CONTAINERS_REGISTRIES_CONF",
                                         "TMPDIR",
                                         "DPKG_ADMINDIR",
                                         "GOGC",
                                         "GOMEMLIMIT"};
    bool has_podman = getenv("MUTHR_TUI_BACKENDS") != NULL;

    for (size_t i = 0; has_podman && i < MT_ARRAY_LEN(podman); i++) {
        if (getenv(podman[i])) {
            strvec_pushf(&h->env, "%s=%s", podman[i], getenv(podman[i]));
        }
    }
    if (!has_podman) { /* the machine's own is none of our business */
        strvec_push(&h->env, "MUTHR_TUI_BACKENDS=bwrap");
    }
    for (size_t i = 0; i < MT_ARRAY_LEN(kept); i++) {
        if (getenv(kept[i])) {
            strvec_pushf(&h->env, "%s=%s", kept[i], getenv(kept[i]));
        }
    }
    strvec_push(&h->env, "MUTHR_SERVER_PORT=1"); /* nobody listens there, whatever runs on this machine */
    strvec_pushf(&h->env, "HOME=%s", h->home);
    strvec_pushf(&h->env, "XDG_CONFIG_HOME=%s/.config", h->home);
    strvec_pushf(&h->env, "XDG_STATE_HOME=%s/.local/state", h->home);
    strvec_pushf(&h->env, "XDG_RUNTIME_DIR=%s/run", h->home);
    strvec_pushl(&h->env, "TERM=xterm-256color", "COLORTERM=truecolor", "LANG=C.UTF-8", "SHELL=/bin/bash", "TZ=UTC",
                 NULL);
}

struct harness *harness_new(void)
{
    struct harness *h = xcalloc(1, sizeof(*h));
    char dir[] = "/tmp/mt-scr-XXXXXX";

    if (!mkdtemp(dir)) {
        fail_msg("mkdtemp: %s", strerror(errno));
    }
    h->home = xstrdup(dir);
    h->program = find_program();
    h->master = h->slave = h->sync = -1;
    strvec_init(&h->env);
    strbuf_init(&h->bytes);
    strbuf_init(&h->answers);
    make_env(h);
    harness_mkdir(h, "src");
    harness_mkdir(h, "run");
    return h;
}

const char *harness_home(const struct harness *h)
{
    return h->home;
}

void harness_mkdir(struct harness *h, const char *relative)
{
    struct error err = ERROR_INIT;
    char *path = path_join(h->home, relative);

    if (fs_mkdirs(path, 0700, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    free(path);
}

void harness_write(struct harness *h, const char *relative, const char *text)
{
    struct error err = ERROR_INIT;
    char *path = path_join(h->home, relative), *parent = xstrdup(path);

    *strrchr(parent, '/') = '\0';
    if (fs_mkdirs(parent, 0700, &err) != 0 || fs_write_atomic(path, text, strlen(text), 0600, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    free(parent);
    free(path);
}

/* --- the program --- */

const char *harness_program(const struct harness *h)
{
    return h->program;
}

/* Answers of our terminal to the program's questions. */
static void on_answer(const char *bytes, size_t len, void *arg)
{
    struct harness *h = arg;

    strbuf_add(&h->answers, bytes, len);
}

static void on_title(const char *title, void *arg)
{
    struct harness *h = arg;

    (void)str_copy(h->title, sizeof(h->title), title);
}

/* Opens a terminal of the given size. */
static void open_terminal(struct harness *h, int cols, int rows)
{
    struct vt_callbacks callbacks = {.output = on_answer, .title = on_title};
    struct winsize ws = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

    if (h->master >= 0) {
        close(h->master);
        close(h->slave);
    }
    vt_free(h->vt);
    h->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (h->master < 0 || grantpt(h->master) != 0 || unlockpt(h->master) != 0) {
        fail_msg("no pseudo-terminal: %s", strerror(errno));
    }
    h->slave = open(ptsname(h->master), O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(h->slave >= 0);
    assert_int_equal(ioctl(h->slave, TIOCSWINSZ, &ws), 0);
    assert_int_equal(tcgetattr(h->slave, &h->before), 0);
    assert_int_equal(fcntl(h->master, F_SETFL, fcntl(h->master, F_GETFL) | O_NONBLOCK), 0);
    h->vt = vt_new(&(struct vt_opts){.cols = cols, .rows = rows, .callbacks = &callbacks, .arg = h});
    strbuf_clear(&h->bytes);
    strbuf_clear(&h->answers);
}

/* Applies "KEY=VALUE" and "KEY" lines. */
static void apply_env(struct strvec *env, const char *const *lines)
{
    for (; lines && *lines; lines++) {
        const char *eq = strchr(*lines, '=');
        if (eq) {
            char *key = xstrndup(*lines, (size_t)(eq - *lines));
            strvec_setenv(env, key, eq + 1);
            free(key);
            continue;
        }
        size_t len = strlen(*lines);
        for (size_t i = env->len; i-- > 0;) {
            if (strncmp(env->v[i], *lines, len) == 0 && env->v[i][len] == '=') {
                strvec_remove(env, i);
            }
        }
    }
}

/* In the child: a session of its own on the slave, then the program. Only async-signal-safe calls. */
MT_NORETURN static void become(const struct harness *h, int sync, char *const *argv, char *const *env)
{
    (void)setsid();
    (void)ioctl(h->slave, TIOCSCTTY, 0);
    if (dup2(h->slave, 0) < 0 || dup2(h->slave, 1) < 0 || dup2(h->slave, 2) < 0) {
        _exit(126);
    }
    if (sync >= 0 && sync != SYNC_FD && dup2(sync, SYNC_FD) < 0) {
        _exit(126);
    }
    if (chdir(h->home) == 0) {
        execve(argv[0], argv, env);
    }
    _exit(127);
}

void harness_start(struct harness *h, const struct harness_opts *opts)
{
    static const struct harness_opts none = {0};
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    MT_CLEANUP(strvec) struct strvec env = STRVEC_INIT;
    int pair[2] = {-1, -1};

    opts = opts ? opts : &none;
    assert_int_equal(h->pid, 0);
    open_terminal(h, opts->cols ? opts->cols : 120, opts->rows ? opts->rows : 36);
    strvec_push(&argv, opts->program ? opts->program : h->program);
    strvec_pushv(&argv, opts->args ? opts->args : (const char *const[]){NULL});
    strvec_pushv(&env, (const char *const *)h->env.v);
    if (h->sync >= 0) {
        close(h->sync);
        h->sync = -1;
    }
    assert_int_equal(pipe(pair), 0);
    (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    h->sync = pair[0];
    h->synced = h->synced_before = 0;
    if (!opts->no_sync) {
        strvec_pushf(&env, "MUTHR_TUI_SYNC_FD=%d", SYNC_FD);
    }
    apply_env(&env, opts->env);
    h->has_run = h->has_run || !opts->program;
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0) {
        become(h, pair[1], argv.v, env.v);
    }
    close(pair[1]);
}

/* Sends what our terminal has to answer. */
static void send_answers(struct harness *h)
{
    ssize_t n = h->answers.len ? write(h->master, h->answers.buf, h->answers.len) : 0;

    if (n > 0) {
        strbuf_consume(&h->answers, (size_t)n);
    }
}

/* Takes all that is readable now. Returns true when something came. */
static bool take(struct harness *h)
{
    char buf[65536];
    bool any = false;
    ssize_t n;

    while (h->sync >= 0 && (n = read(h->sync, buf, sizeof(buf))) > 0) {
        h->synced += (size_t)n;
        any = true;
    }
    while (h->master >= 0 && (n = read(h->master, buf, sizeof(buf))) > 0) {
        strbuf_add(&h->bytes, buf, (size_t)n);
        vt_feed(h->vt, buf, (size_t)n);
        any = true;
    }
    send_answers(h);
    return any;
}

/* Reaps the program if it has ended. */
static void reap(struct harness *h)
{
    if (h->pid > 0 && waitpid(h->pid, &h->status, WNOHANG) == h->pid) {
        h->pid = 0;
    }
}

/* Waits for the next bytes, at most until `deadline`. False when it has passed. */
static bool pump(struct harness *h, uint64_t deadline)
{
    uint64_t now = clock_mono_ms();
    struct pollfd fds[2] = {{.fd = h->sync, .events = POLLIN}, {.fd = h->master, .events = POLLIN}};

    if (take(h)) {
        return true;
    }
    if (now >= deadline) {
        return false;
    }
    if (h->master >= 0 && h->answers.len) {
        fds[1].events |= POLLOUT;
    }
    /* The sync pipe's end stands for the program's end; a closed one would make poll return at once. */
    (void)poll(fds, 2, (int)MT_MIN(deadline - now, (uint64_t)1000));
    if (fds[0].revents & POLLHUP) {
        reap(h);
        if (h->pid == 0) {
            close(h->sync);
            h->sync = -1;
        } else {
            fds[0].fd = -1; /* closed by the program itself: its end is found by waitpid */
            (void)poll(fds + 1, 1, 20);
        }
    }
    return true;
}

/* Fails the test and shows what there is to see. */
MT_NORETURN static void give_up(struct harness *h, const char *what)
{
    MT_CLEANUP(strbuf) struct strbuf screen = STRBUF_INIT;

    harness_dump_text(h, &screen);
    /* not print_error: that one cuts at 1 KiB */
    fprintf(stderr, "%s; the screen (program %s):\n%s", what, h->pid ? "running" : "ended", screen.buf);
    strbuf_release(&screen);
    fail();
    abort();
}

/* Half a frame is nothing to look at, where frames have an end (2026) and somebody is there to send it. */
static bool holds(struct harness *h, bool (*fn)(struct harness *h, void *arg), void *arg)
{
    reap(h);
    return (h->pid == 0 || !vt_is_held(h->vt, clock_mono_ms())) && fn(h, arg);
}

void harness_wait(struct harness *h, bool (*fn)(struct harness *h, void *arg), void *arg, const char *what)
{
    uint64_t deadline = clock_mono_ms() + HARNESS_DEADLINE_MS;

    take(h);
    while (!holds(h, fn, arg)) {
        bool was_running = h->pid != 0;
        if (!pump(h, deadline)) {
            give_up(h, what);
        }
        reap(h);
        if (h->pid == 0 && !was_running && !take(h) && !holds(h, fn, arg)) {
            give_up(h, what); /* nothing more can come */
        }
    }
}

void harness_take(struct harness *h)
{
    (void)take(h);
}

void harness_watch(struct harness *h, bool (*fn)(struct harness *h, void *arg), void *arg, const char *what)
{
    uint64_t deadline = clock_mono_ms() + HARNESS_DEADLINE_MS;

    while (take(h), !holds(h, fn, arg)) {
        if (clock_mono_ms() > deadline) {
            give_up(h, what);
        }
        (void)poll(&(struct pollfd){.fd = h->master, .events = POLLIN}, 1, 5);
    }
}

/* The program has ended. */
static bool has_ended(struct harness *h, void *arg)
{
    (void)arg;
    reap(h);
    return h->pid == 0;
}

int harness_wait_exit(struct harness *h)
{
    harness_wait(h, has_ended, NULL, "the program does not end");
    take(h);
    return WIFSIGNALED(h->status) ? 128 + WTERMSIG(h->status) : WEXITSTATUS(h->status);
}

bool harness_is_running(struct harness *h)
{
    reap(h);
    return h->pid != 0;
}

pid_t harness_pid(const struct harness *h)
{
    return h->pid;
}

void harness_signal(struct harness *h, int signum)
{
    assert_true(h->pid > 0);
    take(h);
    h->synced_before = h->synced;
    assert_int_equal(kill(h->pid, signum), 0);
}

void harness_hang_up(struct harness *h)
{
    close(h->slave);
    close(h->master);
    h->slave = h->master = -1;
}

int harness_run(struct harness *h, const char *const *args, struct strbuf *out)
{
    MT_CLEANUP(strvec) struct strvec argv = STRVEC_INIT;
    int pair[2], status = 0;
    char buf[4096];
    ssize_t n;
    pid_t pid;

    strvec_push(&argv, h->program);
    strvec_pushv(&argv, args);
    assert_int_equal(pipe(pair), 0);
    (void)fcntl(pair[0], F_SETFD, FD_CLOEXEC);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);
        if (dup2(null, 0) < 0 || dup2(pair[1], 1) < 0 || dup2(pair[1], 2) < 0 || chdir(h->home) != 0) {
            _exit(126);
        }
        close(pair[1]);
        execve(argv.v[0], argv.v, h->env.v);
        _exit(127);
    }
    close(pair[1]);
    /* A daemon that keeps the pipe must not keep us: the verb's own end ends the reading. */
    uint64_t deadline = clock_mono_ms() + 4 * HARNESS_DEADLINE_MS;
    bool ended = false;
    (void)fcntl(pair[0], F_SETFL, O_NONBLOCK);
    while (clock_mono_ms() < deadline) {
        (void)poll(&(struct pollfd){.fd = pair[0], .events = POLLIN}, 1, ended ? 0 : 50);
        n = read(pair[0], buf, sizeof(buf));
        if (n > 0) {
            if (out) {
                strbuf_add(out, buf, (size_t)n);
            }
        } else if (ended) {
            break;
        }
        ended = ended || waitpid(pid, &status, WNOHANG) == pid;
    }
    close(pair[0]);
    if (!ended) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        fail_msg("%s %s does not end", h->program, args[0]);
    }
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* --- what a person does --- */

void harness_send(struct harness *h, const char *bytes, size_t len)
{
    uint64_t deadline = clock_mono_ms() + HARNESS_DEADLINE_MS;

    take(h);
    h->synced_before = h->synced;
    while (len > 0) {
        ssize_t n = write(h->master, bytes, len);
        if (n > 0) {
            bytes += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN && errno != EINTR) {
            give_up(h, "the terminal takes no input");
        }
        take(h);
        (void)poll(&(struct pollfd){.fd = h->master, .events = POLLIN | POLLOUT}, 1, 100);
        if (clock_mono_ms() > deadline) {
            give_up(h, "the program does not read its input");
        }
    }
}

void harness_key(struct harness *h, const char *chord)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    struct error err = ERROR_INIT;
    struct key k;

    if (key_parse(chord, &k, &err) != 0) {
        fail_msg("%s", err.msg);
    }
    key_encode(k, vt_modes(h->vt), &bytes);
    harness_send(h, bytes.buf, bytes.len);
}

void harness_keys(struct harness *h, const char *chords)
{
    while (*chords) {
        size_t n = strcspn(chords, " ");
        char *one = xstrndup(chords, n);
        if (n) {
            harness_key(h, one);
        }
        free(one);
        chords += n + (chords[n] == ' ');
    }
}

void harness_type(struct harness *h, const char *text)
{
    free(h->command);
    h->command = strchr(text, ' ') && strchr(text, '\r') ? xstrdup(text) : NULL;
    harness_send(h, text, strlen(text));
}

void harness_paste(struct harness *h, const char *text, size_t len)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;

    paste_encode(text, len, vt_modes(h->vt), &bytes);
    harness_send(h, bytes.buf, bytes.len);
}

void harness_mouse(struct harness *h, enum mouse_kind kind, enum mouse_button button, int col, int row)
{
    MT_CLEANUP(strbuf) struct strbuf bytes = STRBUF_INIT;
    struct mouse_event ev = {.row = row, .col = col, .kind = (uint8_t)kind, .button = (uint8_t)button};

    mouse_encode(&ev, vt_modes(h->vt), &bytes);
    harness_send(h, bytes.buf, bytes.len);
}

void harness_click(struct harness *h, int col, int row)
{
    harness_mouse(h, MOUSE_PRESS, MOUSE_BUTTON_LEFT, col, row);
    harness_mouse(h, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, col, row);
}

void harness_resize(struct harness *h, int cols, int rows)
{
    struct winsize ws = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};

    take(h);
    h->synced_before = h->synced;
    vt_resize(h->vt, cols, rows);
    assert_int_equal(ioctl(h->master, TIOCSWINSZ, &ws), 0); /* the kernel sends SIGWINCH */
}

/* --- waiting --- */

static bool is_synced(struct harness *h, void *arg)
{
    (void)arg;
    return h->synced > h->synced_before;
}

void harness_settle(struct harness *h)
{
    harness_wait(h, is_synced, NULL, "nothing is drawn");
    take(h);
}

static bool has_text(struct harness *h, void *arg)
{
    return harness_has(h, arg);
}

static bool lacks_text(struct harness *h, void *arg)
{
    return !harness_has(h, arg);
}

void harness_wait_text(struct harness *h, const char *text)
{
    MT_CLEANUP(xfree) char *what = xasprintf("\"%s\" does not appear", text);
    MT_CLEANUP(xfree) char *copy = xstrdup(text);

    if (h->command && strstr(h->command, text)) {
        fail_msg("\"%s\" is seen in the echo of \"%s\" already: write it there in pa''rts", text, h->command);
    }
    free(h->command);
    h->command = NULL;
    harness_wait(h, has_text, copy, what);
}

void harness_wait_gone(struct harness *h, const char *text)
{
    MT_CLEANUP(xfree) char *what = xasprintf("\"%s\" does not go away", text);
    MT_CLEANUP(xfree) char *copy = xstrdup(text);

    harness_wait(h, lacks_text, copy, what);
}

/* --- looking --- */

void harness_row(struct harness *h, int row, struct strbuf *out)
{
    const struct cell *cells = vt_row(h->vt, row, NULL);

    for (int x = 0; cells && x < vt_cols(h->vt); x++) {
        char small[8];
        size_t len = 0;
        if (cells[x].width == 0) {
            continue;
        }
        const char *text = cluster_text(vt_clusters(h->vt), cells[x].ch, small, &len);
        strbuf_add(out, text, len);
    }
    while (out->len && out->buf[out->len - 1] == ' ') {
        strbuf_truncate(out, out->len - 1);
    }
}

bool harness_find(struct harness *h, const char *text, int *col, int *row)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;

    for (int y = 0; y < vt_rows(h->vt); y++) {
        strbuf_clear(&line);
        harness_row(h, y, &line);
        const char *at = strstr(line.buf, text);
        if (!at) {
            continue;
        }
        /* The column is where the cells' texts add up to the byte offset. */
        const struct cell *cells = vt_row(h->vt, y, NULL);
        size_t offset = 0;
        int x = 0;
        for (; x < vt_cols(h->vt) && offset < (size_t)(at - line.buf); x++) {
            char small[8];
            size_t len = 0;
            if (cells[x].width) {
                (void)cluster_text(vt_clusters(h->vt), cells[x].ch, small, &len);
                offset += len;
            }
        }
        while (x < vt_cols(h->vt) && cells[x].width == 0) {
            x++;
        }
        if (col) {
            *col = x;
        }
        if (row) {
            *row = y;
        }
        return true;
    }
    return false;
}

bool harness_has(struct harness *h, const char *text)
{
    return harness_find(h, text, NULL, NULL);
}

const struct cell *harness_cell(struct harness *h, int col, int row)
{
    const struct cell *cells = vt_row(h->vt, row, NULL);

    assert_non_null(cells);
    assert_in_range(col, 0, vt_cols(h->vt) - 1);
    return &cells[col];
}

struct vt *harness_vt(struct harness *h)
{
    return h->vt;
}

const char *harness_title(const struct harness *h)
{
    return h->title;
}

const struct strbuf *harness_bytes(const struct harness *h)
{
    return &h->bytes;
}

bool harness_tty_is_restored(struct harness *h)
{
    struct termios now;

    assert_int_equal(tcgetattr(h->slave, &now), 0);
    return now.c_iflag == h->before.c_iflag && now.c_oflag == h->before.c_oflag && now.c_cflag == h->before.c_cflag &&
           now.c_lflag == h->before.c_lflag;
}

/* --- the end --- */

/* The process that listens on a session's socket; 0 when nobody does. */
static pid_t host_of(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = self_socket(AF_UNIX, SOCK_STREAM, false);
    pid_t pid = 0;

    if (fd >= 0 && str_copy(addr.sun_path, sizeof(addr.sun_path), path) == 0 &&
        connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
#if defined(__linux__)
        struct ucred cred;
        socklen_t len = sizeof(cred);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == 0) {
            pid = cred.pid;
        }
#else
        socklen_t len = sizeof(pid);
        (void)getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, &pid, &len);
#endif
    }
    if (fd >= 0) {
        close(fd);
    }
    return pid;
}

/* Ends the hosts that are left in this world, and waits until they are gone (they are not our children). */
static void end_hosts(struct harness *h)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    MT_CLEANUP(xfree) char *dir = path_join(h->home, "run/muthr/sessions");
    uint64_t deadline = clock_mono_ms() + HARNESS_DEADLINE_MS;

    if (!fs_exists(dir) || fs_list(dir, &names, NULL) != 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        char *path = path_join(dir, names.v[i]);
        pid_t pid = host_of(path);
        if (pid > 1 && kill(pid, SIGTERM) == 0) {
            while (kill(pid, 0) == 0 && clock_mono_ms() < deadline) {
                (void)poll(NULL, 0, 5);
            }
            if (kill(pid, 0) == 0) {
                print_error("host %d does not end by SIGTERM\n", (int)pid);
                (void)kill(pid, SIGKILL);
            }
        }
        free(path);
    }
}

/* Deletes the sandboxes that have left a state folder. */
static void delete_sandboxes(struct harness *h)
{
    MT_CLEANUP(strvec) struct strvec names = STRVEC_INIT;
    MT_CLEANUP(xfree) char *root = path_join(h->home, "src");
    static const char *const list[] = {"ls", "--output", "json", NULL};
    MT_CLEANUP(strbuf) struct strbuf out = STRBUF_INIT;

    if (!fs_exists(root) || access(h->program, X_OK) != 0 || fs_list(root, &names, NULL) != 0 ||
        harness_run(h, list, &out) != 0) {
        return;
    }
    for (size_t i = 0; i < names.len; i++) {
        MT_CLEANUP(xfree) char *quoted = xasprintf("muthr-%s\"", names.v[i]);
        const char *args[] = {"delete", "--yes", names.v[i], NULL};
        if (names.v[i][0] != '-' && strstr(out.buf, quoted)) {
            MT_CLEANUP(strbuf) struct strbuf said = STRBUF_INIT;
            if (harness_run(h, args, &said) != 0) {
                print_error("delete %s: %s\n", names.v[i], said.buf);
            }
        }
    }
}

void harness_free(struct harness *h)
{
    struct error err = ERROR_INIT;

    if (!h) {
        return;
    }
    if (h->pid > 0) {
        kill(h->pid, SIGKILL);
        waitpid(h->pid, &h->status, 0);
        h->pid = 0;
    }
    if (h->has_run) {
        delete_sandboxes(h);
        end_hosts(h);
    }
    if (h->master >= 0) {
        close(h->master);
        close(h->slave);
    }
    if (h->sync >= 0) {
        close(h->sync);
    }
    vt_free(h->vt);
    if (fs_remove_tree(h->home, &err) != 0) {
        print_error("%s\n", err.msg);
    }
    strvec_release(&h->env);
    strbuf_release(&h->bytes);
    strbuf_release(&h->answers);
    free(h->command);
    free(h->home);
    free(h->program);
    free(h);
}
