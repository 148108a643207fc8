/* SPDX-License-Identifier: Apache-2.0 */
/* Entry: the cockpit without a verb; verbs; and the helper processes that are this same executable (host, enter, shim:
 * not for people). */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#if defined(__linux__)
#include "backends/bwrap/bwrap.h"
#endif
#include "backends/container/container.h"
#include "backends/podman/podman.h"
#include "backends/seatbelt/seatbelt.h"
#include "core/io/fd.h"
#include "core/util/paths.h"
#include "term/host.h"
#include "tui/cockpit.h"
#include "tui/output.h"
#include "tui/verb.h"

#define FILES_WANTED 1024 /* no more: what is started may use select(2) */

/* Programs inside the program, by their first argument. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} helpers[] = {
    {"host", host_main},
#if defined(__linux__)
    {"enter", bwrap_enter_main},
    {"shim", bwrap_shim_main},
#endif
    {"podman-enter", podman_enter_main},
    {"seat", seatbelt_main},
    {"seat-enter", seatbelt_enter_main},
    {"container-enter", container_enter_main},
};

/* Takes the cockpit's options off the front. Returns the index of the first other argument, or -1 after saying what is
 * wrong. */
static int cockpit_options(int argc, char **argv, struct cockpit_opts *o)
{
    int i = 1;

    for (; i < argc && argv[i][0] == '-'; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;

        if (strcmp(argv[i], "--ascii") == 0) {
            o->ascii = true;
        } else if (strcmp(argv[i], "--no-mouse") == 0) {
            o->no_mouse = true;
        } else if (strcmp(argv[i], "--theme") == 0 && value != NULL) {
            o->theme = value;
            i++;
        } else if (strcmp(argv[i], "--root") == 0 && value != NULL) {
            setenv("MUTHR_WORKSPACE_ROOT", value, 1);
            i++;
        } else {
            output_note("muthr-tui: unknown option or missing value: '%s'\n  `muthr-tui --help` tells the rest.",
                        argv[i]);
            return -1;
        }
    }
    return i;
}

/* Descriptors 0 to 2 that the caller closed are taken, so that no socket of ours lands there. They are opened the wrong
 * way round: using them still fails, as it should. */
static void hold_standard_streams(void)
{
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) < 0) {
            _exit(1);
        }
    }
}

/* The answers that need nothing opened: --version, --help, help [VERB]. Returns an exit code, or -1 when it is none of
 * them. */
static int simple_answer(int argc, char **argv)
{
    if (argc < 2) {
        return -1;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        printf("muthr-tui %s\n", MT_VERSION);
        return output_flush() < 0 ? 1 : 0;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const struct verb *v = argc > 2 ? verb_find(argv[2]) : NULL;

        if (argc > 2 && v == NULL) {
            output_note("muthr-tui: unknown verb '%s'\n  `muthr-tui --help` lists the verbs.", argv[2]);
            return EXIT_USAGE;
        }
        verb_help(v);
        return output_flush() < 0 ? 1 : 0;
    }
    return -1;
}

int main(int argc, char **argv)
{
    struct paths paths;
    struct error err = ERROR_INIT;
    struct cockpit_opts opts = {.paths = &paths};

    hold_standard_streams();
    for (size_t i = 0; argc > 1 && i < MT_ARRAY_LEN(helpers); i++) {
        if (strcmp(argv[1], helpers[i].name) == 0) {
            return helpers[i].run(argc - 1, argv + 1);
        }
    }
    setlocale(LC_ALL, "");
    signal(SIGPIPE, SIG_IGN);
    fd_raise_limit(FILES_WANTED);
    int answer = simple_answer(argc, argv);
    if (answer >= 0) {
        return answer;
    }
    int first = cockpit_options(argc, argv, &opts);
    if (first < 0) {
        return EXIT_USAGE;
    }
    if (paths_init(&paths, argv[0], &err) < 0) {
        output_error(&err);
        return error_exit_code(&err);
    }
    int rc = first < argc ? verb_main(&paths, argc - first, argv + first) : cockpit_main(&opts);
    paths_release(&paths);
    return rc;
}
