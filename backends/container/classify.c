/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/container/classify.h"

#include <stdlib.h>
#include <string.h>

#include "core/util/strbuf.h"
#include "core/util/utf8.h"

#define START_SERVICE "start its service: muthr-tui backend start container"

/* What a text means, in lower case. The first that is found counts: specific ones before general ones. Two styles:
 * `message (cause: "code: \"inner\"")` since 0.10, `code: "message" (cause: ...)` before. */
static const struct {
    const char *text;
    enum error_code code;
    const char *hint;
} meanings[] = {
    {"requires macos 26", ERROR_UNAVAILABLE, "networks other than the default one need macOS 26 or newer"},
    {"plugins are unavailable", ERROR_UNAVAILABLE, START_SERVICE},
    {"xpc connection error", ERROR_UNAVAILABLE, START_SERVICE},
    {"container system start", ERROR_UNAVAILABLE, START_SERVICE},
    {"connection invalid", ERROR_UNAVAILABLE, START_SERVICE},
    {"connection interrupted", ERROR_UNAVAILABLE, START_SERVICE},
    {"xpc timeout", ERROR_TIMEOUT, "its service is busy or hangs: container system stop, then container system start"},
    {"plugin 'container-", ERROR_UNAVAILABLE, "this version of container has no such command: update it"},
    {"unknown option", ERROR_UNAVAILABLE, "this version of container is too old for that: update it"},
    {"unexpected argument", ERROR_UNAVAILABLE, "this version of container is too old for that: update it"},
    {"permission denied while binding to host port", ERROR_DENIED, "choose a host port of 1024 or more"},
    {"address already in use", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"eaddrinuse", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"errno: 48", ERROR_BUSY, "choose another host port in the manifest, or end what listens on it"},
    {"hostname(s) already exist", ERROR_EXISTS, "delete the container of that name, or rename the project folder"},
    {"already exists", ERROR_EXISTS, "delete the container of that name, or rename the project folder"},
    {"minimum memory amount", ERROR_INVALID, "give the sandbox more memory"},
    {"is not a valid container id", ERROR_INVALID, "rename the project folder"},
    {"invalid label format", ERROR_INVALID, NULL},
    {"invalid volume format", ERROR_INVALID, NULL},
    {"currently in use", ERROR_BUSY, "another container uses it"},
    {"can not be deleted", ERROR_BUSY, "stop the sandbox first"},
    {"cannot be deleted", ERROR_BUSY, "stop the sandbox first"},
    {"is not running", ERROR_UNAVAILABLE, "start the sandbox first"},
    {"failed to find target executable", ERROR_NOT_FOUND, "the image has no such program"},
    {"mount source path", ERROR_NOT_FOUND, "a mounted folder is gone"},
    {"does not exist", ERROR_NOT_FOUND, "a folder that is to be mounted is not there"},
    {"default kernel not configured", ERROR_UNAVAILABLE,
     "install its kernel: container system kernel set --recommended"},
    {"no space left on device", ERROR_SYS, "free some space: container image prune removes what nothing uses"},
    {"no such container", ERROR_NOT_FOUND, NULL},
    {"not found", ERROR_NOT_FOUND, NULL},
    {"notfound", ERROR_NOT_FOUND, NULL},
    {"operation timed out", ERROR_TIMEOUT, NULL},
    {"invalidstate", ERROR_BUSY, NULL},
    {"permission denied", ERROR_DENIED, NULL},
    {"operation not permitted", ERROR_DENIED, NULL},
};

/* A copy in lower case (ASCII). */
static void lower(const char *text, struct strbuf *out)
{
    for (const char *p = text; *p; p++) {
        strbuf_addch(out, *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p);
    }
}

bool ctr_is_cli_error(const char *text)
{
    return strncmp(text, "Error: ", 7) == 0 || strstr(text, "\nError: ") != NULL;
}

bool ctr_is_service_down(const char *text)
{
    struct error err = ERROR_INIT;
    ctr_classify(1, text, &err);
    return err.hint && strcmp(err.hint, START_SERVICE) == 0;
}

/* The text from the last "Error: " on (it may have several lines), else the last line that says something. */
static const char *pick(const char *text)
{
    const char *found = strncmp(text, "Error: ", 7) == 0 ? text : NULL;
    for (const char *p = strstr(text, "\nError: "); p; p = strstr(p + 1, "\nError: ")) {
        found = p + 1;
    }
    if (found) {
        return found + 7;
    }
    for (const char *line = text; *line;) {
        size_t n = strcspn(line, "\r\n");
        if (n > strspn(line, " \t") && strncmp(line, "See '", 5) != 0 && strncmp(line, "Usage: ", 7) != 0) {
            found = line;
        }
        line += n + strspn(line + n, "\r\n");
    }
    return found ? found : "";
}

/* Behind the code words of the old style, of which one may hold another: `interrupted: "internalError: "why`. */
static const char *behind_codes(const char *text, bool *quoted)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    *quoted = false;
    for (size_t n = strspn(text, letters); n > 0 && strncmp(text + n, ": \"", 3) == 0; n = strspn(text, letters)) {
        text += n + 3;
        *quoted = true;
    }
    return text;
}

/* The first line; of the old style only the message: `notFound: "container X" (cause: ...)` -> `container X`. */
static void reason(const char *text, struct strbuf *out)
{
    bool quoted;
    const char *from = behind_codes(text, &quoted);
    size_t n = strcspn(from, "\r\n");
    for (size_t i = 0; quoted && i < n; i++) {
        bool ends = from[i] == '"' && (i + 1 == n || from[i + 1] == '"' || strncmp(from + i + 1, " (cause", 7) == 0);
        n = ends ? i : n;
    }
    strbuf_add(out, from, n);
}

/* The place in `meanings` of what a text in lower case says; *at: where in the text. -1: nothing that is known. */
static int find_meaning(const char *low, size_t *at)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(meanings); i++) {
        const char *p = strstr(low, meanings[i].text);
        if (p) {
            *at = (size_t)(p - low);
            return (int)i;
        }
    }
    return -1;
}

/* The line of `text` around a place, from "failed to" on where a log line says that. */
static const char *line_around(const char *text, size_t at)
{
    const char *from = text + at;
    while (from > text && from[-1] != '\n') {
        from--;
    }
    const char *what = strstr(from, "failed to ");
    return what && what < text + at ? what : from;
}

int ctr_classify(int exit_code, const char *stderr_text, struct error *err)
{
    MT_CLEANUP(strbuf) struct strbuf why = STRBUF_INIT, low = STRBUF_INIT, clean = STRBUF_INIT;
    const char *all = stderr_text ? stderr_text : "", *text = pick(all);
    size_t at = 0;
    lower(text, &low);
    int i = find_meaning(low.buf, &at);
    if (i < 0) { /* "delete failed for one or more containers: [x]": the reason stands in a log line before it */
        strbuf_clear(&low);
        lower(all, &low);
        i = find_meaning(low.buf, &at);
        text = i >= 0 ? line_around(all, at) : text;
    }
    enum error_code code = i >= 0 ? meanings[i].code : ERROR_EXIT;
    reason(text, &why);
    utf8_sanitize(&clean, why.buf, why.len, false);
    if (clean.len == 0) {
        error_set(err, ERROR_EXIT, "container: exit %d without a word", exit_code);
    } else {
        error_hint(err, code, i >= 0 ? meanings[i].hint : NULL, "container: %s", clean.buf);
    }
    if (err) {
        err->sys = code == ERROR_EXIT ? exit_code : 0;
    }
    return -1;
}

/* May this character be a part of a name, or of a path with it? */
static bool goes_on(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && strchr("_-/", c));
}

bool ctr_says_none(const char *text, const char *container)
{
    struct error err = ERROR_INIT;
    size_t n = strlen(container);
    ctr_classify(1, text, &err);
    if (err.code != ERROR_NOT_FOUND || n == 0) {
        return false;
    }
    for (const char *p = strstr(text, container); p; p = strstr(p + 1, container)) {
        bool begins = p == text || (!goes_on(p[-1]) && p[-1] != '.');
        bool ends = !goes_on(p[n]) && !(p[n] == '.' && goes_on(p[n + 1]));
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

bool ctr_port_error(const char *text, uint16_t *port)
{
    MT_CLEANUP(strbuf) struct strbuf low = STRBUF_INIT;
    static const char *const about[] = {"address already in use", "eaddrinuse", "errno: 48",
                                        "permission denied while binding to host port"};
    bool found = false;
    lower(text, &low);
    *port = 0;
    for (size_t i = 0; !found && i < MT_ARRAY_LEN(about); i++) {
        found = strstr(low.buf, about[i]) != NULL;
    }
    const char *p = found ? strstr(low.buf, "host port ") : NULL;
    unsigned long n = p ? strtoul(p + 10, NULL, 10) : 0;
    *port = n <= 65535 ? (uint16_t)n : 0;
    return found;
}
