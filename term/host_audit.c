/* SPDX-License-Identifier: Apache-2.0 */
#include "term/host_audit.h"

#include <string.h>

#include "core/util/audit.h"
#include "core/util/strbuf.h"

/* A copy of a member that is an object; NULL when there is none. */
static struct json *copy_of(const struct json *from)
{
    MT_CLEANUP(strbuf) struct strbuf text = STRBUF_INIT;

    if (!json_is_object(from)) {
        return NULL;
    }
    json_write(from, false, &text);
    return json_parse(text.buf, text.len, NULL);
}

/* Parses, and gives the path; NULL when nothing is to be written. */
static struct json *parse(const char *audit, const char **path)
{
    struct json *j = audit != NULL && audit[0] != '\0' ? json_parse(audit, strlen(audit), NULL) : NULL;

    *path = json_get_string(j, "path", NULL);
    return j;
}

int host_audit_start(const char *audit, const char *id, struct error *err)
{
    static const char *const parts[] = {"start", "command"};
    const char *path;
    struct json *j = parse(audit, &path);

    int rc = 0;
    for (size_t i = 0; path != NULL && rc == 0 && i < MT_ARRAY_LEN(parts); i++) {
        struct json *event = copy_of(json_get(j, parts[i]));

        if (event != NULL) {
            json_set_string(event, "session", id);
            rc = audit_append(path, event, err);
        }
    }
    json_free(j);
    return rc;
}

int host_audit_exit(const char *audit, const char *id, int exit_code, uint64_t duration_ms, struct error *err)
{
    int rc = 0;
    const char *path;
    struct json *j = parse(audit, &path);

    if (path != NULL) {
        struct json *event = json_new_object();

        json_set_string(event, "event", "session_exit");
        json_set_string(event, "project", json_get_string(json_get(j, "start"), "project", ""));
        json_set_string(event, "session", id);
        json_set_int(event, "exit_code", exit_code);
        json_set_double(event, "duration", (double)duration_ms / 1000);
        rc = audit_append(path, event, err);
    }
    json_free(j);
    return rc;
}
