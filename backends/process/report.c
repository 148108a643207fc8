/* SPDX-License-Identifier: Apache-2.0 */
#include "backends/process/report.h"

#include <errno.h>
#include <unistd.h>

#include "core/util/json.h"

void report_error_write(const struct error *err, struct strbuf *out)
{
    struct json *j = json_new_object();
    char text[sizeof(err->msg) + 512];
    /* A hint is static text of the process that made it; here it becomes part of the message. */
    str_format(text, sizeof(text), err->hint ? "%s (%s)" : "%s%s", err->msg, err->hint ? err->hint : "");
    json_set_int(j, "code", err->code);
    json_set_int(j, "sys", err->sys);
    json_set_string(j, "msg", text);
    json_write(j, false, out);
    json_free(j);
}

void report_error_parse(const char *text, size_t len, struct error *err)
{
    struct json *j = json_parse(text, len, NULL);
    int64_t code = json_get_int(j, "code", ERROR_SYS);
    error_set(err, code > ERROR_NONE && code <= ERROR_CODE_LAST ? (enum error_code)code : ERROR_SYS, "%s",
              json_get_string(j, "msg", "the helper failed without a message"));
    err->sys = (int)json_get_int(j, "sys", 0);
    json_free(j);
}

bool report_ready(int fd, enum report_ready kind, const char *text)
{
    MT_CLEANUP(strbuf) struct strbuf line = STRBUF_INIT;
    strbuf_addf(&line, "%c%s\n", (char)kind, text);
    return fd < 0 || write(fd, line.buf, line.len) >= 0 || errno != EPIPE;
}
