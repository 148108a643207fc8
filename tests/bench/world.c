/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/world.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_LIMIT_MS 15000
#define CAT_LIMIT_MS 120000

/* What runs in the pane: it shows a file and then a mark, or says the size it has. Each mark has characters that no
 * workload has and a row of its own, so that it is drawn whole whatever was there before. */
static const char DRIVER[] = "stty -echo\n"
                             "n=1\n"
                             "printf 'READY-NOW\\n'\n"
                             "while read -r verb file mark; do\n"
                             "    n=$((n % 20 + 1))\n"
                             "    case $verb in\n"
                             "    cat) cat \"$file\"\n"
                             "        printf '\\033[m\\033[?1049l\\033[r\\033[2J\\033[%d;5H%s' \"$n\" \"$mark\" ;;\n"
                             "    size) set -- $(stty size)\n"
                             "        printf '\\033[2J\\033[%d;9H=%sx%s=' \"$n\" \"$1\" \"$2\" ;;\n"
                             "    esac\n"
                             "done\n";

int run_line(char *line, size_t cap, const char *const *argv)
{
    int fds[2];
    int status;

    if (pipe(fds) < 0) {
        die("pipe");
    }
    pid_t pid = fork();
    if (pid == 0) {
        int null = open("/dev/null", O_RDWR);

        dup2(null, 0);
        dup2(fds[1], 1);
        dup2(null, 2);
        close(fds[0]);
        close(fds[1]);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(fds[1]);
    FILE *f = fdopen(fds[0], "r");
    if (line != NULL && cap > 0) {
        line[0] = '\0';
        if (fgets(line, (int)cap, f) != NULL) {
            line[strcspn(line, "\n")] = '\0';
        }
    }
    while (fgetc(f) != EOF) {
    }
    fclose(f);
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

/* Private directories and the environment that names them. */
static void make_home(struct world *w)
{
    static const char *const dirs[] = {"/src", "/src/bench", "/.config", "/.local", "/.cache", "/run"};
    char path[400];

    snprintf(w->home, sizeof(w->home), "/tmp/mtbench.XXXXXX");
    if (mkdtemp(w->home) == NULL) {
        die("mkdtemp");
    }
    for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
        snprintf(path, sizeof(path), "%s%s", w->home, dirs[i]);
        mkdir(path, 0700);
    }
    setenv("HOME", w->home, 1);
    snprintf(path, sizeof(path), "%s/run", w->home);
    setenv("XDG_RUNTIME_DIR", path, 1);
    unsetenv("XDG_STATE_HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("XDG_DATA_HOME");
    unsetenv("MUTHR_WORKSPACE_ROOT");
    setenv("MUTHR_TUI_BACKENDS", "bwrap", 0); /* what is measured does not depend on what else this machine has */
    unsetenv("TMUX");
    setenv("TERM", "xterm-256color", 1);
    setenv("COLORTERM", "truecolor", 1);
    setenv("LANG", "C.UTF-8", 1);
    unsetenv("LC_ALL");
    snprintf(path, sizeof(path), "%s/src/bench", w->home);
    if (chdir(path) != 0) {
        die("chdir");
    }
}

static void start_sandbox(const struct world *w)
{
    const char *argv[] = {w->muthr, "start", "bench", "--net", "none", "--quiet", NULL};

    if (run_line(NULL, 0, argv) != 0) {
        die("bench: the sandbox did not start");
    }
}

void world_open(struct world *w, const char *muthr)
{
    const char *version[] = {"tmux", "-V", NULL};

    w->muthr = muthr;
    make_home(w);
    snprintf(w->tmux_sock, sizeof(w->tmux_sock), "%s/tmux", w->home);
    FILE *f = fopen("driver.sh", "w");
    if (f == NULL || fputs(DRIVER, f) == EOF || fclose(f) != 0) {
        die("bench: driver.sh");
    }
    w->with_tmux = run_line(NULL, 0, version) == 0;
    start_sandbox(w);
}

void world_kill_tmux(const struct world *w)
{
    const char *argv[] = {"tmux", "-S", w->tmux_sock, "kill-server", NULL};

    if (w->with_tmux) {
        run_line(NULL, 0, argv);
        unlink(w->tmux_sock); /* a server that is still going down must not be asked by the next client */
        usleep(200000);
    }
}

/* Ends the sandbox and the hosts of its sessions: a mere stop would leave those to tell how theirs ended. */
static void delete_sandbox(const struct world *w)
{
    const char *del[] = {w->muthr, "delete", "bench", "--yes", "--force", "--quiet", NULL};

    run_line(NULL, 0, del);
}

void world_renew(struct world *w)
{
    delete_sandbox(w);
    world_kill_tmux(w);
    start_sandbox(w);
}

void world_close(struct world *w)
{
    const char *rm[] = {"rm", "-rf", w->home, NULL};

    if (w->home[0] == '\0') {
        return;
    }
    delete_sandbox(w);
    world_kill_tmux(w);
    if (chdir("/") != 0) {
        return;
    }
    /* A host that ends just now may make its folder once more: gone is what stays gone. */
    for (int i = 0, gone = 0; i < 40 && gone < 5; i++) {
        gone = access(w->home, F_OK) == 0 ? 0 : gone + 1;
        run_line(NULL, 0, rm);
        usleep(100000);
    }
}

void world_session(const struct world *w, char *id, size_t cap, const char *command)
{
    const char *argv[] = {w->muthr, "shell", "bench", "--quiet", "--session", "-c", command, NULL};

    if (run_line(id, cap, argv) != 0 || id[0] == '\0') {
        die("bench: no session");
    }
}

void world_window(const struct world *w, const char *command)
{
    const char *argv[] = {"tmux", "-S", w->tmux_sock, "new-window", "-d", command, NULL};

    if (run_line(NULL, 0, argv) != 0) {
        die("bench: no window of tmux");
    }
}

void side_open(struct side *s, const struct world *w, enum side_kind kind, const char *command, int cols, int rows)
{
    const char *raw[] = {"sh", "-c", command, NULL};
    const char *tmux[] = {"tmux",         "-S", w->tmux_sock,  "-f",    "/dev/null",
                          "start-server", ";",  "set-option",  "-g",    "history-limit",
                          HISTORY_LINES,  ";",  "new-session", command, NULL};
    const char *attach[] = {w->muthr, "attach", s->id, NULL};
    const char *const *argv[SIDES] = {[SIDE_RAW] = raw, [SIDE_TMUX] = tmux, [SIDE_OURS] = attach};

    s->kind = kind;
    s->w = w;
    if (kind == SIDE_OURS) {
        world_session(w, s->id, sizeof(s->id), command);
    }
    outer_start_sized(&s->o, argv[kind], cols, rows);
}

/* The size of the pane as the driver sees it. */
static void ask_size(struct side *s, int *cols, int *rows)
{
    double end = now_ms() + START_LIMIT_MS;

    outer_settle(&s->o, 100);
    outer_type(&s->o, "size\n");
    while (now_ms() < end && outer_read(&s->o, 20)) {
        for (const char *p = s->o.seen; (p = memchr(p, '=', s->o.len - (size_t)(p - s->o.seen))) != NULL; p++) {
            char text[32] = "";

            memcpy(text, p, s->o.len - (size_t)(p - s->o.seen) < 31 ? s->o.len - (size_t)(p - s->o.seen) : 31);
            char last = '\0';
            if (sscanf(text, "=%dx%d%c", rows, cols, &last) == 3 && last == '=') {
                outer_forget(&s->o);
                return;
            }
        }
    }
    die("bench: the driver does not say its size");
}

void side_open_driver(struct side *s, const struct world *w, enum side_kind kind, int cols, int rows)
{
    int c = 0, r = 0, outer_cols = cols, outer_rows = rows;

    side_open(s, w, kind, "exec sh driver.sh", cols, rows);
    outer_until(&s->o, "READY-NOW", START_LIMIT_MS);
    for (int i = 0; i < 4; i++) {
        ask_size(s, &c, &r);
        if (c == cols && r == rows) {
            side_find_procs(s);
            return;
        }
        outer_cols += cols - c;
        outer_rows += rows - r;
        outer_resize(&s->o, outer_cols, outer_rows);
        outer_settle(&s->o, 200);
    }
    die("bench: a pane of %dx%d became one of %dx%d", cols, rows, c, r);
}

double side_cat(struct side *s, const char *file)
{
    static const char sign[] = "#@&%";
    static unsigned count;
    char mark[16], line[128];
    unsigned v = ++count;

    mark[0] = '~';
    for (int i = 1; i < 9; i++, v /= 4) {
        mark[i] = sign[v % 4];
    }
    mark[9] = '~';
    mark[10] = '\0';
    snprintf(line, sizeof(line), "cat %s %s\n", file, mark);
    outer_settle(&s->o, 30);
    double from = now_ms();
    outer_type(&s->o, line);
    return outer_until(&s->o, mark, CAT_LIMIT_MS) - from;
}

void side_find_procs(struct side *s)
{
    s->procs.n = 0;
    if (s->kind != SIDE_RAW) {
        proc_set_find(&s->procs, s->w->home, s->w->muthr, s->kind == SIDE_OURS);
        if (s->procs.n == 0) {
            die("bench: none of the processes to be measured were found");
        }
    }
}

void side_close_driver(struct side *s)
{
    outer_type(&s->o, "\004");
    outer_settle(&s->o, 100);
    side_close(s);
}

void side_close(struct side *s)
{
    outer_end(&s->o);
}
