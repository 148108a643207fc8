/* SPDX-License-Identifier: Apache-2.0 */
#ifndef MT_CORE_MODEL_CONFIG_H
#define MT_CORE_MODEL_CONFIG_H

/* Settings: ONE option table (config_table.c) holds name, type, default, range, environment override and help of each;
 * it feeds the parser, `config show`, `config init`, and the README. Shared file with the muthr CLI: unknown top-level
 * keys and tables are left alone; unknown keys in [tui], [sandbox] and [attention] are warnings with line and column.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/util/error.h"
#include "core/util/paths.h"
#include "core/util/strbuf.h"
#include "core/util/strvec.h"

#define CONFIG_OPTIONS_MAX 48

struct config_key {
    char *context, *chord, *command;
    int line;
}; /* from [tui.keys] (context "all") and [tui.keys.<context>]: "chord" = "command" */

/* Another machine with a runtime: [[hosts]] name, url, workspace_root. */
struct config_host {
    char *name;           /* [a-z0-9-]{1,31}, unique */
    char *url;            /* ssh://[user@]host[:port][/path/of.sock] or unix:///path */
    char *workspace_root; /* absolute, there; NULL: only existing sandboxes are listed */
    int line;
};

/* An inference endpoint besides the default one: [[inference]] name, host and port (or url), key_file, key_env, model,
 * sandboxes, profiles. See config_inference.h. */
struct config_inference {
    char *name; /* [a-z0-9-]{1,31}, unique, never "default" */
    char *host; /* name or address, IPv6 without brackets */
    int64_t port;
    char *key_file, *key_env; /* "": none. key_file unexpanded */
    char *model;              /* its name while it is silent; "": as for the default one */
    struct strvec sandboxes;  /* patterns of project names */
    struct strvec profiles;   /* patterns of profile names */
    int line;
};

struct config {
    /* shared with the CLI */
    char *workspace_root;         /* MUTHR_WORKSPACE_ROOT; "~/src"; unexpanded */
    char *container_host_gateway; /* MUTHR_CONTAINER_HOST_GATEWAY; "" */
    int64_t server_port;          /* MUTHR_SERVER_PORT; 8080 */
    char *server_key_file;        /* MUTHR_SERVER_KEY_FILE; "": none. Unexpanded */
    char *server_host;            /* MUTHR_SERVER_HOST; "127.0.0.1": where `engine start` lets it listen */
    char *model;                  /* "": default model name for P6 */
    /* [sandbox] */
    char *backend;             /* "auto" */
    char *profile;             /* "base" */
    char *network;             /* "" = the profile's; none | model | full | shared */
    int64_t stop_timeout_s;    /* 30 */
    int64_t idle_stop_minutes; /* 30; 0: never */
    bool require_resource_limits;
    double cpus;                                   /* 0 = none */
    char *memory;                                  /* "" | "2G": size with K M G */
    int64_t pids;                                  /* 512 */
    int64_t parallel_ops;                          /* 4 */
    bool allow_untrusted_image, allow_post_create; /* S13, S15 */
    bool allow_gpu;                                /* B2: a profile's `gpu` key counts */
    /* [tui] */
    char *backends; /* "": as usual on this platform; MUTHR_TUI_BACKENDS */
    char *theme;    /* "default" */
    char *prefix;   /* "C-]" */
    bool ascii, mouse, alt_digits, confirm_quit;
    int64_t list_width;       /* 0: as the screen allows */
    int64_t scrollback_lines; /* 10000 */
    int64_t scrollback_mb;    /* 16, per session */
    char *log;                /* "" = state/muthr-tui.log */
    char *clipboard;          /* "off" | "ask" | "on": OSC 52 writes of programs */
    bool audit;               /* A1: every session is written down */
    int64_t undo_seconds;     /* window in which a delete can be taken back; 0: none */
    /* [attention] */
    bool attention_bell;                                     /* pass it on to the outer terminal */
    char *services_address, *services_image, *searxng_image; /* [services] */
    char *attention_notify;                                  /* "off" | "osc9" | "osc777" | "osc99" */
    struct config_key *keys;
    size_t key_count;

    struct config_host *hosts; /* [[hosts]], in order */
    size_t host_count;
    struct config_inference *inference; /* [[inference]], in order: the first that matches is used */
    size_t inference_count;

    char *path;                        /* of the file */
    char *origins[CONFIG_OPTIONS_MAX]; /* per row of the option table: "12" (line), "MUTHR_..." or NULL (default) */
    struct {
        char *text;
        int line, col;
    } * warnings;
    size_t warning_count;
};

/* Defaults, then the file (may be missing), then the environment. On a broken or unreadable file returns -1 with
 * "file:line:col: what" in err, and *c holds defaults plus environment: the cockpit starts with those and shows the
 * error. Range and type errors name the option. */
int config_load(struct config *c, const struct paths *paths, struct error *err);
void config_release(struct config *c);

/* The effective settings as TOML with the origin of each ("default", "file:line", "MUTHR_...") as a comment; or as
 * JSON. */
void config_show(const struct config *c, bool as_json, struct strbuf *out);
/* Text for `config init`: every option commented out with its help. */
void config_template(struct strbuf *out);
/* Parses "2G", "512M", "1.5GiB", "" (0). */
int config_parse_size(const char *s, uint64_t *bytes, struct error *err);

#endif
