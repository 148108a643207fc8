/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/session.h"

#include <signal.h>
#include <string.h>

#include "core/util/compiler.h"
#include "core/util/strbuf.h"

static const char *const KIND_NAMES[] = {
    [SESSION_SHELL] = "shell",
    [SESSION_AGENT] = "agent",
    [SESSION_TASK] = "task",
    [SESSION_PROVISION] = "provision",
};

static const char *const ATTENTION_NAMES[] = {
    [ATTENTION_NONE] = "none",     [ATTENTION_FINISHED] = "finished", [ATTENTION_BELL] = "bell",
    [ATTENTION_NOTIFY] = "notify", [ATTENTION_WAITING] = "waiting",   [ATTENTION_FAILED] = "failed",
};

const char *session_kind_name(enum session_kind k)
{
    return (size_t)k < MT_ARRAY_LEN(KIND_NAMES) ? KIND_NAMES[k] : "unknown";
}

int session_kind_parse(const char *s)
{
    for (size_t i = 0; s != NULL && i < MT_ARRAY_LEN(KIND_NAMES); i++) {
        if (strcmp(s, KIND_NAMES[i]) == 0) {
            return (int)i;
        }
    }
    return -1;
}

const char *attention_kind_name(enum attention_kind a)
{
    return (size_t)a < MT_ARRAY_LEN(ATTENTION_NAMES) ? ATTENTION_NAMES[a] : "unknown";
}

const char *session_shown(const struct session_info *s)
{
    return s->name[0] != '\0' ? s->name : s->label[0] != '\0' ? s->label : session_kind_name(s->kind);
}

const char *session_told(const struct session_info *s)
{
    bool same = strcmp(s->title, s->label) == 0 || strcmp(s->title, session_shown(s)) == 0;

    return s->title[0] != '\0' && !same ? s->title : s->state == SESSION_RUNNING ? s->front : "";
}

void session_end_text(int code, int signum, char *out, size_t cap)
{
    str_format(out, cap, signum != 0 ? "killed %d" : "exited %d", signum != 0 ? signum : code);
}

bool session_has_failed(const struct session_info *s)
{
    int sig = s->exit_signal != 0 ? s->exit_signal : s->exit_code > 128 ? s->exit_code - 128 : 0;
    bool asked = sig == SIGHUP || sig == SIGINT || sig == SIGTERM || s->attention == ATTENTION_FINISHED;
    return s->state == SESSION_EXITED && (s->exit_code != 0 || s->exit_signal != 0) && !asked;
}

bool session_wants_person(const struct session_info *s)
{
    return s->attention > ATTENTION_FINISHED && !s->attention_seen;
}
