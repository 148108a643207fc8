/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of verbs and the one of their options; help and completion are made of them. */
#include <stdio.h>
#include <string.h>

#include "tui/verb.h"

const struct verb verb_table[] = {
    {"ls", "", "List the sandboxes (--all: every workspace)", "oar", 0, false, verb_ls},
    {"start", "[NAME...]", "Bring sandboxes up: create, start, provision", "oprbinexRPqL", -1, true, verb_start},
    {"stop", "[NAME...]", "Stop sandboxes; sessions inside end", "orabq", -1, false, verb_stop},
    {"delete", "[NAME...]", "Delete sandboxes and their private homes; never the project folder", "oryfbq", -1, false,
     verb_delete},
    {"shell", "[NAME] [-c CMD | -- CMD ARG...]", "A shell or command inside, on this terminal", "rpbnecCNtsqL", 1,
     false, verb_shell},
    {"attach", "SESSION", "Show one session full screen (id or its beginning, name, number)", "r", 1, false,
     verb_attach},
    {"sessions", "", "List the sessions", "or", 0, false, verb_sessions},
    {"rename", "SESSION NAME", "Give a session a name; an empty one: its own again", "or", 2, false, verb_rename},
    {"send", "SESSION [TEXT...|-]", "Type text (-: from stdin) or press keys in a session", "oKEBTr", -1, false,
     verb_send},
    {"screen", "SESSION", "Print what is on a session's screen", "oHIr", 1, false, verb_screen},
    {"wait", "SESSION", "Wait until a session is ready, blocked by a question, or exited", "oSTr", 1, false, verb_wait},
    {"task", "run [NAME]|ls|logs NAME|stop NAME...|restart NAME...",
     "Commands that run in sandboxes by themselves: begin, list, read, end them", "orp1be3456789G2CTMaFn0q", -1, false,
     verb_task},
    {"watch", "", "Print every change of what `ls` and `sessions` list, a JSON object a line", "Or", 0, false,
     verb_watch},
    {"provision", "[NAME]", "Run a profile's script in the sandbox (again)", "oprbneRxAq", 1, true, verb_provision},
    {"prune", "", "Delete stopped sandboxes that have no profile any more (orphans)", "oryq", 0, false, verb_prune},
    {"image", "build [NAME]", "Make a profile's image from a provisioned sandbox; new ones begin with it", "oprbnRq", 2,
     false, verb_image},
    {"changes", "[NAME]", "What programs inside changed in an overlay workspace", "or", 1, false, verb_changes},
    {"apply", "[NAME [PATH...]]", "Take changes of an overlay workspace over into the project folder", "oryq", -1,
     false, verb_apply},
    {"discard", "[NAME [PATH...]]", "Forget changes of an overlay workspace", "oryq", -1, false, verb_discard},
    {"profiles", "", "List the profiles", "or", 0, false, verb_profiles},
    {"doctor", "", "Check what this machine offers, and say what to fix", "orV", 0, false, verb_doctor},
    {"engine", "status [NAME]|start [PRESET]|stop|restart [PRESET]|presets|logs",
     "The inference server of this machine (status: others too): what it does, start it, stop it", "oamuhkwWlFq", 2,
     false, verb_engine},
    {"up", "", "Bring up the inference server and muthr's own services, after a list of what that means", "orydq", 0,
     false, verb_up},
    {"down", "", "Stop this machine's sandboxes, services and inference server, after a list of what ends", "orydq", 0,
     false, verb_down},
    {"services", "status|start|stop|restart|logs [NAME]",
     "muthr's own services: the MCP bridge (muthr-services) and search (muthr-searxng)", "orRlq", 3, false,
     verb_services},
    {"backend", "start BACKEND", "Start the service of what runs sandboxes, where it has one (Apple's container)",
     "orZq", 2, false, verb_backend},
    {"config", "show|init", "Print the settings in force, or write a commented file", "or", 2, false, verb_config},
    {"completion", "bash|zsh|fish", "Print what makes a shell complete the words after muthr-tui", "r", 1, false,
     verb_completion},
    {0},
};

const struct verb *verb_find(const char *name)
{
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        if (strcmp(v->name, name) == 0) {
            return v;
        }
    }
    return NULL;
}

/* One row per option. */
static const struct option_row option_rows[] = {
    {'o', "-o", "--output", "FORMAT", "text, json or ndjson"},
    {'a', "-a", "--all", NULL, "all of them"},
    {'r', NULL, "--root", "DIR", "the workspace root, instead of the configured one"},
    {'p', "-p", "--profile", "NAME", "the profile (see `muthr-tui profiles`)"},
    {'b', NULL, "--backend", "NAME", "what runs a new sandbox (see `muthr-tui doctor`); or whose is meant"},
    {'i', NULL, "--image", "IMAGE", "the image to make it from, from now on (backends with images)"},
    {'n', NULL, "--net", "POLICY", "none, model (only the inference server), full, or shared (not isolated)"},
    {'e', "-e", "--env", "KEY=VALUE", "set a variable inside; may be repeated"},
    {'x', NULL, "--recreate", NULL, "re-create it when its settings differ; sessions inside end"},
    {'A', NULL, "--as-is", NULL, "only run the script: settings and network of a running sandbox stay"},
    {'R', NULL, "--again", NULL, "provision even when this revision ran already"},
    {'P', NULL, "--no-provision", NULL, "start only"},
    {'y', "-y", "--yes", NULL, "do not ask"},
    {'d', "-n", "--dry-run", NULL, "only list what would be done"},
    {'f', "-f", "--force", NULL, "without a polite stop"},
    {'c', "-c", "--command", "CMD", "run CMD with bash -lc"},
    {'C', NULL, "--cwd", "DIR", "start in this folder inside"},
    {'N', NULL, "--no-tty", NULL, "no terminal: stdin, stdout and stderr are passed through apart"},
    {'t', NULL, "--timeout", "SECONDS", "end the command after this time (exit 124)"},
    {'s', NULL, "--session", NULL, "as a session that outlives this terminal"},
    {'L', NULL, "--audit-log", "PATH", "write sessions and commands down in this file"},
    {'V', NULL, "--audit", "FILE", "check the chain of an audit log instead"},
    {'K', NULL, "--key", "KEY", "press a key behind the text: Enter, C-c, Up, F1, ...; may be repeated"},
    {'E', NULL, "--enter", NULL, "press Enter behind the text"},
    {'B', NULL, "--paste", NULL, "as a paste: marked as one for a program that asked for it"},
    {'H', NULL, "--history", "LINES", "with so many lines of the scrollback before it"},
    {'I', NULL, "--ansi", NULL, "with colours and attributes, as escape sequences"},
    {'S', NULL, "--state", "STATE",
     "ready (silent for 2 s after output, asks nothing), blocked (asks a person) or exited"},
    {'O', NULL, "--only", "KIND",
     "workspace, session, operation, backend, inference, service or problem; may be repeated"},
    {'T', NULL, "--timeout", "SECONDS", "give up after this time (exit 124)"},
    {'m', "-m", "--model", "MODEL", "this model instead of a preset's"},
    {'u', NULL, "--runtime", "NAME", "llama (llama-server) or mlxcel (mlxcel-server)"},
    {'h', NULL, "--host", "ADDRESS", "where it listens (server_host; 127.0.0.1)"},
    {'k', NULL, "--port", "PORT", "the port on which it listens (server_port; 8080)"},
    {'w', "-w", "--wait", NULL, "until it is ready"},
    {'W', "-t", "--timeout", "SECONDS", "how long --wait waits at most (600)"},
    {'l', NULL, "--lines", "N", "of each log (40)"},
    {'F', "-f", "--follow", NULL, "print what comes, too, until Ctrl-C"},
    {'1', "-c", "--command", "CMD", "run: this command, with sh -c, instead of a task that is written down"},
    {'3', "-s", "--sandbox", "NAME", "the workspace; run: else the one you are in, else of all of them"},
    {'4', NULL, "--name", "NAME", "run: what it is called; else made from the command"},
    {'5', NULL, "--restart", "POLICY", "run: never, on-failure or always, each time after a longer pause"},
    {'6', NULL, "--max-restarts", "N", "run: so often in a row, then it has failed"},
    {'7', NULL, "--ready-port", "PORT", "run: it is ready when it listens on this port, inside"},
    {'8', NULL, "--ready-match", "RE", "run: it is ready when a line of its output matches"},
    {'9', NULL, "--allow-project-task", NULL, "run: this definition of the project may be run, now and later"},
    {'G', NULL, "--again", NULL, "run: end the one of that name that runs, first"},
    {'2', "-w", "--wait", NULL, "run: until it is ready or has ended; then with its exit code"},
    {'M', NULL, "--lines", "N", "logs: the last N lines (100; --all: all that are kept)"},
    {'0', NULL, "--definitions", NULL, "ls: what is written down and could be run"},
    {'Z', NULL, "--kernel", "yes|no", "where it has no kernel for its virtual machines: download the recommended one?"},
    {'q', "-q", "--quiet", NULL, "say nothing but errors"},
};

const struct option_row *verb_option_next(const struct verb *v, const struct option_row *after)
{
    for (size_t i = after != NULL ? (size_t)(after - option_rows) + 1 : 0; i < MT_ARRAY_LEN(option_rows); i++) {
        if (strchr(v->options, option_rows[i].letter) != NULL) {
            return &option_rows[i];
        }
    }
    return NULL;
}

const char *verb_option_name(char letter)
{
    for (size_t i = 0; i < MT_ARRAY_LEN(option_rows); i++) {
        if (option_rows[i].letter == letter) {
            return option_rows[i].longname;
        }
    }
    return "that option";
}

void verb_help(const struct verb *v)
{
    if (v == NULL) {
        printf("Usage: muthr-tui [--root DIR] [--theme NAME] [--ascii] [--no-mouse]    the cockpit\n"
               "       muthr-tui VERB [OPTION...] [NAME...]                            one thing, no screen\n\n"
               "  --root DIR    the workspace root, instead of the configured one\n"
               "  --theme NAME  the theme, instead of the configured one\n"
               "  --ascii       everything in ASCII, also what programs show: for terminals without UTF-8\n"
               "  --no-mouse    leave the mouse to the terminal\n\n"
               "NAME is a project folder or a sandbox; without one, the project you are in.\n\nVerbs:\n");
        for (v = verb_table; v->name != NULL; v++) {
            printf("  %-10s %s\n", v->name, v->help);
        }
        printf("\n  muthr-tui VERB --help   its options      muthr-tui --version\n"
               "\nExit codes: 0 done, 1 failed, 64 usage or context, 66 missing input, 69 no backend, 77 refused "
               "without a "
               "terminal,\nelse the command's own.\n");
        return;
    }
    printf("Usage: muthr-tui %s [OPTION...]%s%s\n%s.\n\n", v->name, v->args[0] != '\0' ? " " : "", v->args, v->help);
    for (size_t i = 0; i < MT_ARRAY_LEN(option_rows); i++) {
        const struct option_row *r = &option_rows[i];

        if (strchr(v->options, r->letter) != NULL) {
            char left[40];

            str_format(left, sizeof(left), "%s%s%s%s%s", r->shortname != NULL ? r->shortname : "   ",
                       r->shortname != NULL ? ", " : " ", r->longname, r->value != NULL ? " " : "",
                       r->value != NULL ? r->value : "");
            printf("  %-26s %s\n", left, r->help);
        }
    }
}

const char *const verb_kind_names[VERB_KIND_COUNT] = {"workspace", "session", "operation", "backend",
                                                      "inference", "service", "problem"};
