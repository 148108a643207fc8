/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for Apple's `container` command line tool (0.6 to 1.x), so that what drives it can be tested where that
 * tool cannot run. It keeps its state on disk, refuses what the version it plays refuses, prints that version's JSON
 * and texts, and runs processes for real, in Linux namespaces of their own.
 *
 * Where the behaviour is published (github.com/apple/container at the tags 0.6.0 to 1.2.2, and apple/containerization):
 *   grammar, floors       Sources/ContainerCommands, Flags.swift, docs/command-reference.md; refusals and exit 64 as
 *                         swift-argument-parser words them
 *   values                Parser.swift (labels, volumes, mounts, ports, environment), Utility.swift (names, networks,
 *                         at most 64 ports)
 *   states, delete, export, copy, stop   ContainersService.swift
 *   unknown commands      DefaultCommand.swift;  kernel question: SystemStart.swift
 *   list, inspect, images JSON           the Codable types of the tags; ContainerStats for stats
 *   exec on a terminal    ProcessIO.swift, Terminal.swift: raw mode that leaves OPOST on (off in trees later than
 *                         1.2.2), the size handed on after the process has started and at each SIGWINCH
 *   errors                ContainerizationError's two texts, before 0.10 and since
 * Guessed, because no source that could be read says it: the text for a name of a wrong shape, for a pull without a
 * network, all of `image save`, what becomes of a process when its `exec` is killed (it lives on; on a terminal it gets
 * a hangup), a process's HOME and TERM when nobody gave them, exit 128+N of a process that a signal ended.
 * Played and not real: the virtual machine. A container is a process in namespaces of its own with a copy of the
 * image's files as root; memory and CPUs are only noted; `default` is the host's network (127.0.0.1 inside is the
 * host's), `none` is really none; images are trees of busybox whatever they are called.
 *
 * Settings, each an environment variable or a file of the state folder:
 *   CONTAINER_STANDIN           the state folder (else ~/.container-standin)
 *   _VERSION   version          "1.2.2"                _STATS_MS      stats_ms     gap between two samples, 2000
 *   _SHUTDOWN_MS shutdown_ms    how long `stopping` lasts after the last process, 0
 *   _PULL_MS   pull_ms          how long a pull takes, 200         _CREATE_MS create_ms, _START_MS start_ms: 0
 *   _MACOS     macos            26                     _GATEWAY (environment only) address of the host, 192.168.64.1
 * Files without content: down (the service is not running), no-kernel (none installed), offline (no pull works).
 * `catalog`: names that can be pulled, one a line, beside those of images.c. `plugins/container-NAME`: a program that
 * is run for the unknown command NAME. fault.c says how faults are ordered, and that `calls` notes every call. */
#include "tests/play/container/standin.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/util/fs.h"
#include "core/util/xmalloc.h"

struct standin st = {.out = {.buf = strbuf_empty}};

bool since(int major, int minor, int patch)
{
    return st.version >= VERSION_OF(major, minor, patch);
}

char *in_root(const char *format, ...)
{
    struct strbuf path = STRBUF_INIT;
    va_list ap;
    strbuf_addf(&path, "%s/", st.root);
    va_start(ap, format);
    strbuf_vaddf(&path, format, ap);
    va_end(ap);
    return strbuf_detach(&path, NULL);
}

bool root_has(const char *name)
{
    char *path = in_root("%s", name);
    bool there = fs_exists(path);
    free(path);
    return there;
}

/* The first line of a file of the state folder, or NULL. free(). */
static char *line_of(const char *name)
{
    struct strbuf text = STRBUF_INIT;
    char *path = in_root("%s", name), *line = NULL;
    if (fs_exists(path) && fs_read(path, 4096, &text, NULL) == 0) {
        line = xstrndup(text.buf, strcspn(text.buf, "\n"));
    }
    strbuf_release(&text);
    free(path);
    return line;
}

long setting(const char *environment, const char *name, long fallback)
{
    char *variable = xasprintf("CONTAINER_STANDIN_%s", environment), *line = NULL;
    const char *text = getenv(variable);
    long value = fallback;
    if (!text) {
        line = line_of(name);
        text = line;
    }
    if (text && *text) {
        value = strtol(text, NULL, 10);
    }
    free(variable);
    free(line);
    return value;
}

void sleep_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (ms > 0 && nanosleep(&t, &t) != 0) {
    }
}

/* The state folder and the version. */
static void settle(void)
{
    const char *dir = getenv("CONTAINER_STANDIN"), *home = getenv("HOME"),
               *version = getenv("CONTAINER_STANDIN_VERSION");
    char *line = NULL;
    if (!(dir && *dir) && !(home && *home)) {
        fprintf(stderr, "stand-in: CONTAINER_STANDIN is not set\n");
        _exit(99);
    }
    st.root = dir && *dir ? xstrdup(dir) : xasprintf("%s/.container-standin", home);
    if (fs_mkdirs(st.root, 0755, NULL) < 0) {
        fprintf(stderr, "stand-in: cannot make %s\n", st.root);
        _exit(99);
    }
    if (!(version && *version)) {
        line = line_of("version");
        version = line ? line : "1.2.2";
    }
    str_copy(st.text, sizeof(st.text), version);
    free(line);
    int part[3] = {0};
    if (sscanf(st.text, "%d.%d.%d", &part[0], &part[1], &part[2]) < 2) {
        fprintf(stderr, "stand-in: not a version: %s\n", st.text);
        _exit(99);
    }
    st.version = VERSION_OF(part[0], part[1], part[2]);
}

/* What a word that is no command leads to. */
static MT_NORETURN void unknown_command(char **argv)
{
    const char *word = argv[1];
    if (word[0] == '-') {
        fail_usage("<subcommand>", "", "Unknown option '%s'", word);
    }
    if (root_has("down")) {
        fail_usage("<subcommand>", "",
                   "Plugins are unavailable. Start the container system services and retry:\n\n    container system "
                   "start\n\nCheck to see that the plugin exists under:\n  - %s/plugins/%s\n",
                   st.root, word);
    }
    char *plugin = in_root("plugins/container-%s", word);
    if (access(plugin, X_OK) == 0) {
        execv(plugin, argv + 1);
    }
    fail_usage("<subcommand>", "",
               "Plugin 'container-%s' not found.\n\n- If system services are not running, start them with: container "
               "system start\n- If the plugin isn't installed, ensure it exists under:\n\nCheck to see that the plugin "
               "exists under:\n  - %s/plugins/%s\n",
               word, st.root, word);
}

/* Does the command exist in the version, on the macOS played? `network` needs 26. */
static bool is_here(const struct command *c)
{
    return st.version >= c->from && !(strncmp(c->path, "network ", 8) == 0 && setting("MACOS", "macos", 26) < 26);
}

/* The command of these words and how many they are. Ends the program when there is none. */
static const struct command *find_command(char **argv, int argc, int *words)
{
    const char *group = argc > 1 ? argv[1] : "";
    size_t len = strlen(group);
    bool is_group = false;
    for (size_t i = 0; i < command_count; i++) {
        const struct command *c = &commands[i];
        if (!is_here(c)) {
            continue;
        }
        if (strcmp(c->path, group) == 0) {
            *words = 1;
            return c;
        }
        if (strncmp(c->path, group, len) == 0 && c->path[len] == ' ') {
            is_group = true;
            if (argc > 2 && strcmp(c->path + len + 1, argv[2]) == 0) {
                *words = 2;
                return c;
            }
        }
    }
    if (is_group && argc > 2 && argv[2][0] == '-') {
        fail_usage("<subcommand>", group, "Unknown option '%s'", argv[2]);
    }
    if (is_group && argc > 2) {
        fail_usage("<subcommand>", group, "Unexpected argument '%s'", argv[2]);
    }
    if (is_group) {
        strbuf_addf(&st.out, "USAGE: container %s <subcommand>\n", group);
        finish(0);
    }
    unknown_command(argv);
}

int do_help(const struct given *g)
{
    size_t len = 0;
    if (g->args.len > 0 && since(1, 0, 0)) {
        for (size_t i = 0; i < command_count; i++) {
            len = strlen(g->args.v[0]);
            if (strncmp(commands[i].path, g->args.v[0], len) == 0 && strchr(" ", commands[i].path[len])) {
                strbuf_addf(&st.out, "USAGE: container %s %s\n", commands[i].path, commands[i].usage);
                return 0;
            }
        }
        fail_usage("help [<subcommand>]", "", "unknown command '%s'", g->args.v[0]);
    }
    if (g->args.len > 0 && since(0, 12, 0)) {
        fail_usage("", "help", "Unexpected argument '%s'", g->args.v[0]);
    }
    strbuf_addstr(&st.out, "OVERVIEW: A container platform for macOS\n\nUSAGE: container [--debug] <subcommand>\n");
    return 0;
}

int main(int argc, char **argv)
{
    struct given given;
    int words = 0;
    settle();
    if (argc == 1 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        given = (struct given){.args = STRVEC_INIT};
        do_help(&given);
        finish(0);
    }
    if (strcmp(argv[1], "--version") == 0) {
        fault_before("--version", argv, argc);
        strbuf_addf(&st.out, "container CLI version %s (build: release, commit: 5db7b2c)\n", st.text);
        finish(0);
    }
    const struct command *c = find_command(argv, argc, &words);
    grammar_read(c, argv + 1 + words, argc - 1 - words, &given);
    fault_before(c->path, argv, argc);
    if (!c->offline && root_has("down")) {
        fail_service("Connection invalid");
    }
    finish(c->run(&given));
}
