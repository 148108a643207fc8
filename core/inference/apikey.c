/* SPDX-License-Identifier: Apache-2.0 */
#include "core/inference/apikey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

void apikey_clear(struct apikey *k)
{
    for (volatile char *at = k->text; at < k->text + sizeof(k->text); at++) {
        *at = '\0';
    }
}

/* Takes what stands before the first line's end, without spaces around it. */
static int take(struct apikey *k, const char *text, const char *where, struct error *err)
{
    text += strspn(text, " \t");
    size_t len = strcspn(text, "\r\n");
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        len--;
    }
    if (len >= sizeof(k->text)) {
        return error_set(err, ERROR_INVALID, "%s: the key is too long", where);
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f) {
            return error_set(err, ERROR_INVALID, "%s: this is no key", where);
        }
    }
    memcpy(k->text, text, len);
    k->text[len] = '\0';
    return 0;
}

/* Is it a file of ours, and for us alone? */
static int check_file(int fd, const char *path, struct error *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return error_sys(err, errno, "%s", path);
    }
    if (!S_ISREG(st.st_mode)) {
        return error_set(err, ERROR_INVALID, "%s: not a file", path);
    }
    if (st.st_uid != geteuid()) {
        return error_set(err, ERROR_DENIED, "%s: the key file belongs to somebody else", path);
    }
    if ((st.st_mode & 077) != 0) {
        return error_hint(err, ERROR_DENIED, "chmod 600 the file", "%s: others can read the key file", path);
    }
    return 0;
}

int apikey_read(struct apikey *k, const char *variable, const char *path, struct error *err)
{
    const char *value = variable != NULL ? getenv(variable) : NULL;
    struct apikey raw;
    size_t len = 0;
    apikey_clear(k);
    if (value != NULL && value[0] != '\0') {
        return take(k, value, variable, err);
    }
    if (path == NULL || path[0] == '\0') {
        return 0;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return error_sys(err, errno, "%s", path);
    }
    int rc = check_file(fd, path, err);
    while (rc == 0 && len < sizeof(raw.text) - 1) {
        ssize_t n = read(fd, raw.text + len, sizeof(raw.text) - 1 - len);
        if (n < 0 && errno != EINTR) {
            rc = error_sys(err, errno, "%s", path);
        }
        if (n == 0) {
            break;
        }
        len += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    raw.text[len] = '\0';
    if (rc == 0) {
        bool whole = len < sizeof(raw.text) - 1 || memchr(raw.text, '\n', len) != NULL;
        rc = whole ? take(k, raw.text, path, err) : error_set(err, ERROR_INVALID, "%s: the key is too long", path);
    }
    apikey_clear(&raw);
    return rc;
}
