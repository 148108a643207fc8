/* SPDX-License-Identifier: Apache-2.0 */
/* Measures what a person with podman feels, next to `podman run -it` by hand in the same run: from the key to a usable
 * shell for a new sandbox and for one that runs, and how long the list takes to tell what happened behind our back.
 * Prints a table on stderr and JSON on stdout.
 *
 *   bench_podman MUTHR-TUI IMAGE
 *
 * IMAGE has bash and the baseline (its marker, too), and is here already. Podman is used as the environment says (a
 * private store, if it names one); HOME and the XDG folders are temporary. Removes the containers that it made. */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/outer.h"

#define ROUNDS 5
#define LIMIT_MS 60000

static const char *muthr, *image;
static char home[256];

/* Runs a shell line; its exit code. */
static int run(const char *line)
{
    int rc = system(line); // NOLINT(cert-env33-c)
    return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(*v), compare);
    return v[n / 2];
}

static void type(struct outer *o, const char *text)
{
    if (write(o->fd, text, strlen(text)) < 0) {
        die("bench: the program has gone");
    }
}

static void end(struct outer *o)
{
    kill(o->pid, SIGTERM);
    waitpid(o->pid, NULL, 0);
    close(o->fd);
}

/* The folders, and a configuration that takes podman and the image. */
static void prepare(void)
{
    char line[1600];
    snprintf(home, sizeof(home), "/tmp/mt-bench-podman.XXXXXX");
    if (mkdtemp(home) == NULL) {
        die("bench: no temporary folder");
    }
    const char *const vars[][2] = {{"HOME", ""},
                                   {"XDG_STATE_HOME", "/state"},
                                   {"XDG_CONFIG_HOME", "/config"},
                                   {"XDG_CACHE_HOME", "/cache"},
                                   {"XDG_RUNTIME_DIR", "/run"}};
    for (size_t i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        char path[320];
        snprintf(path, sizeof(path), "%s%s", home, vars[i][1]);
        mkdir(path, 0700);
        setenv(vars[i][0], path, 1);
    }
    snprintf(line, sizeof(line),
             "mkdir -p %s/src/bench %s/config/muthr/sandbox.d/container/manifests && "
             "printf '[sandbox]\\nbackend = \"podman\"\\n' >%s/config/muthr/muthr.toml && "
             "printf 'name: base\\nimage: %s\\n' >%s/config/muthr/sandbox.d/container/manifests/base.yaml",
             home, home, home, image, home);
    if (run(line) != 0) {
        die("bench: cannot prepare %s", home);
    }
}

/* What is typed into a shell, and the answer that shows that it works. */
static double until_answer(struct outer *o, const char *prompt, double from)
{
    outer_until(o, prompt, LIMIT_MS);
    type(o, "echo $((40+2))answer\r");
    return outer_until(o, "42answer", LIMIT_MS) - from;
}

/* Enter on the workspace, to a shell that answers. */
static double measure_ours(void)
{
    const char *const argv[] = {muthr, NULL};
    struct outer o;
    outer_start(&o, argv);
    outer_until(&o, "bench", LIMIT_MS);
    outer_settle(&o, 1500);
    double from = now_ms();
    type(&o, "\r");
    double took = until_answer(&o, "@muthr-box", from); /* the prompt's host name: root or not */
    end(&o);
    return took;
}

/* `podman run -it`, with what the sandbox has at least: an init and the folder. */
static double measure_run(void)
{
    char mount[300];
    snprintf(mount, sizeof(mount), "%s/src/bench:/workspace", home);
    const char *const argv[] = {"podman", "run",    "-it", "--rm",       "--init", "--pull=never",
                                "-v",     mount,    "-w",  "/workspace", "--name", "mt-bench-by-hand",
                                "-e",     "PS1=$ ", image, "bash",       "--norc", NULL};
    struct outer o;
    double from = now_ms();
    outer_start(&o, argv);
    double took = until_answer(&o, "$ ", from);
    type(&o, "exit\r");
    waitpid(o.pid, NULL, 0);
    close(o.fd);
    return took;
}

/* `podman exec -it` into the running one, by hand. */
static double measure_exec(void)
{
    const char *const argv[] = {"podman", "exec", "-it", "-e", "PS1=$ ", "muthr-bench", "bash", "--norc", NULL};
    struct outer o;
    double from = now_ms();
    outer_start(&o, argv);
    double took = until_answer(&o, "$ ", from);
    type(&o, "exit\r");
    waitpid(o.pid, NULL, 0);
    close(o.fd);
    return took;
}

/* From the end of `podman stop` by hand (after which the world has changed) to the list that says so. */
static double measure_event(void)
{
    const char *const argv[] = {muthr, NULL};
    struct outer o;
    outer_start(&o, argv);
    outer_until(&o, "running", LIMIT_MS);
    outer_settle(&o, 1500);
    if (run("podman kill muthr-bench >/dev/null") != 0) {
        die("bench: podman kill failed");
    }
    double from = now_ms();
    double took = outer_until(&o, "killed", LIMIT_MS) - from; /* whole: drawn where nothing like it stood */
    end(&o);
    return took;
}

static void print(const char *name, double ours, double theirs, const char *than, int last)
{
    if (theirs > 0) {
        fprintf(stderr, "%-44s %9.0f ms %9.0f ms %6.2f  %s\n", name, ours, theirs, ours / theirs, than);
        printf("  {\"figure\": \"%s\", \"unit\": \"ms\", \"muthr\": %.1f, \"podman\": %.1f}%s\n", name, ours, theirs,
               last ? "" : ",");
    } else {
        fprintf(stderr, "%-44s %9.0f ms %12s\n", name, ours, "-");
        printf("  {\"figure\": \"%s\", \"unit\": \"ms\", \"muthr\": %.1f, \"podman\": null}%s\n", name, ours,
               last ? "" : ",");
    }
}

int main(int argc, char **argv)
{
    double fresh[ROUNDS], run_it[ROUNDS], open[ROUNDS], exec_it[ROUNDS], event[ROUNDS];
    char line[400];
    if (argc != 3) {
        die("usage: bench_podman MUTHR-TUI IMAGE");
    }
    muthr = argv[1];
    image = argv[2];
    prepare();
    snprintf(line, sizeof(line), "%s delete --yes bench >/dev/null 2>&1", muthr);
    for (int i = 0; i < ROUNDS; i++) {
        run_it[i] = measure_run();
        fresh[i] = measure_ours();
        exec_it[i] = measure_exec();
        event[i] = measure_event();
        run(line);
    }
    char start[400];
    snprintf(start, sizeof(start), "%s start bench >/dev/null 2>&1", muthr);
    for (int i = 0; i < ROUNDS; i++) {
        run(start);
        open[i] = measure_ours();
        run(line);
    }
    printf("[\n");
    print("a new sandbox, from Enter to a usable shell", median(fresh, ROUNDS), median(run_it, ROUNDS),
          "against podman run -it", 0);
    print("a running sandbox, from Enter to a usable shell", median(open, ROUNDS), median(exec_it, ROUNDS),
          "against podman exec -it", 0);
    print("killed behind our back, until the list says so", median(event, ROUNDS), 0, "", 1);
    printf("]\n");
    snprintf(line, sizeof(line), "rm -rf %s", home);
    return run(line);
}
