/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "core/util/compiler.h"

#if defined(__linux__)
#include "backends/bwrap/bwrap.h"
#endif

/* Programs inside of this program: re-executed by us, not for people. */
static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} inner[] = {
#if defined(__linux__)
    {"shim", bwrap_shim_main},
    {"enter", bwrap_enter_main},
#endif
};

int main(int argc, char **argv)
{
    const char *verb = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < MT_ARRAY_LEN(inner); i++) {
        if (strcmp(verb, inner[i].name) == 0) {
            return inner[i].run(argc - 1, argv + 1);
        }
    }
    if (strcmp(verb, "--version") == 0) {
        printf("muthr-tui %s\n", MT_VERSION);
        return 0;
    }
    fprintf(stderr, "muthr-tui: unknown verb '%s'\n", verb);
    return 64;
}
