/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_SESSION_H
#define MT_CORE_MODEL_SESSION_H

/* What the model knows of a session: one program on one terminal inside a sandbox, owned by a host process that
 * outlives the cockpit. A value type: filled from a host's metadata (term/client), copied into the model, never
 * pointing anywhere. */

#include <stdbool.h>
#include <stdint.h>

#include "core/model/task.h"

#define SESSION_ID_MAX 40
#define SESSION_COMMAND_MAX 2048 /* a longer one is not kept */

enum session_kind { SESSION_SHELL, SESSION_AGENT, SESSION_TASK, SESSION_PROVISION };
const char *session_kind_name(enum session_kind k);
/* -1 when unknown. */
int session_kind_parse(const char *s);

enum session_state { SESSION_STARTING, SESSION_RUNNING, SESSION_EXITED, SESSION_LOST /* its host died */ };

/* Why a session wants a person; the greatest wins. */
enum attention_kind {
    ATTENTION_NONE,
    ATTENTION_FINISHED,
    ATTENTION_BELL,
    ATTENTION_NOTIFY,
    ATTENTION_WAITING,
    ATTENTION_FAILED
};
const char *attention_kind_name(enum attention_kind a);

struct session_info {
    char id[SESSION_ID_MAX]; /* unique on this machine: name of its socket file without ".sock" */
    enum session_kind kind;
    enum session_state state;
    char sandbox[96];  /* muthr-<project> */
    char project[256]; /* the folder's real name (bytes) */
    char backend[16];
    char profile[64];  /* provision and agent sessions */
    char label[80];    /* "shell", "opencode", "provision": what was asked for */
    char name[80];     /* given by a person and kept by the host; "": its label is shown */
    char front[64];    /* the program that a shell runs in the foreground; "": none, or not known */
    char title[160];   /* set by the program, sanitised; may be "" */
    char cwd[512];     /* inside, as reported by OSC 7; may be "" */
    int host_pid, pid; /* of the host, and of the program on the pty */
    int cols, rows;
    int number; /* that a cockpit gave it, kept by its host; 0: none yet */
    uint64_t started_wall_ms;
    uint64_t last_output_wall_ms; /* 0: none yet */
    uint64_t last_input_wall_ms;
    bool working;  /* output within the last 2 s, or the program says so (OSC 9;4, title spinner) */
    bool flooding; /* it writes more than anyone reads */
    int progress;  /* OSC 9;4 percentage, -1 none */
    enum attention_kind attention;
    char attention_text[160];    /* of the notification, or the question that is waited with */
    bool attention_seen;         /* a person looked at it since: it still stands, but counts no more */
    uint64_t attention_since_ms; /* wall */
    int exit_code, exit_signal;  /* valid when EXITED */
    uint64_t ended_wall_ms;
    bool seen;            /* the end was seen by a person: the host goes away */
    char log_path[512];   /* "" unless it keeps a log file */
    uint64_t log_lost;    /* bytes at its end that could not be written; 0: none are missing */
    char log_problem[48]; /* why: "No space left on device" */
    char tag[128];        /* free for the engine: provision sessions carry "<profile> <specs-rev>" */
    /* What sh or bash was told to run (bytes; never for the screen), to run it again; "": no command, or too long. */
    char command[SESSION_COMMAND_MAX];
    uint64_t silent_since_ms; /* wall; of a cockpit: its host was asked then, and has not answered; 0: it answers */
    struct task_state task;   /* kind SESSION_TASK */
    char last_line[160];      /* the last non-blank line, sanitised (for the list, and for failures) */
};

/* What it is called on the screen: its name, else its label, else its kind. */
const char *session_shown(const struct session_info *s);

/* What there is to say besides: the title that its program set, unless it is that very word, else the program in the
 * foreground. "": nothing. */
const char *session_told(const struct session_info *s);

/* How a program ended, in the words that are used everywhere: "exited 3", "killed 9". */
void session_end_text(int code, int signum, char *out, size_t cap);
/* Has it ended badly? One that was asked to end (by a person, with its sandbox) has
 * an exit code too, and has not. */
bool session_has_failed(const struct session_info *s);

/* Does it call for a person who has not looked at it since? */
bool session_wants_person(const struct session_info *s);

#endif
