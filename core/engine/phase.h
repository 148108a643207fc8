/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_ENGINE_PHASE_H
#define MT_CORE_ENGINE_PHASE_H

/* Reads the growing log of a provision run for its phase lines (P8). Bytes are hostile: escape sequences are dropped,
 * lines bounded. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct phase {
    char line[400]; /* being put together */
    size_t len;
    int escape;        /* state of the escape sequence being skipped */
    char phase[200];   /* the last phase line, sanitised */
    char failure[200]; /* the last [ERR] line */
    char last[200];    /* the last line that is not blank */
    uint64_t offset;   /* read so far of the file */
    uint64_t count;    /* phase lines seen */
};

void phase_init(struct phase *p);
void phase_feed(struct phase *p, const char *data, size_t len);
/* Reads what was added to the file: at most 256 KiB a call; of a larger backlog only the end. Returns true when there
 * may be more. */
bool phase_read(struct phase *p, const char *path);
/* Ends a last line without newline. */
void phase_end(struct phase *p);

#endif
