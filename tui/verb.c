/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/verb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "core/engine/devcontainer.h"
#include "core/engine/env.h"
#include "core/engine/pick.h"
#include "core/engine/task_def.h"
#include "core/util/utf8.h"
#include "core/util/xmalloc.h"
#include "tui/opnote.h"

/* One more kind of things to be told of. */
static int kind_parse(const char *text, unsigned *only, struct error *err)
{
    for (unsigned i = 0; i < VERB_KIND_COUNT; i++) {
        if (strcmp(text, verb_kind_names[i]) == 0) {
            *only |= 1u << i;
            return 0;
        }
    }
    return error_hint(err, ERROR_INVALID,
                      "Use --only workspace, session, operation, backend, inference, service or problem.",
                      "unknown kind '%s'", text);
}

/* A number of an option within its range. */
static int option_number(const char *name, const char *value, unsigned long max, unsigned *out, struct error *err)
{
    char *end;
    unsigned long number = strtoul(value, &end, 10);

    if (value[0] < '0' || value[0] > '9' || *end != '\0' || number == 0 || number > max) {
        return error_set(err, ERROR_INVALID, "%s takes a number from 1 to %lu, not '%.40s'", name, max, value);
    }
    *out = (unsigned)number;
    return 0;
}

/* Stores one option's value. */
static int option_apply(struct verb_options *o, char letter, const char *value, struct error *err)
{
    char *end;
    unsigned long number;

    o->given[(unsigned char)letter & 127] = true;
    switch (letter) {
    case 'o':
        return output_format_parse(value, &o->format, err);
    case 'a':
        o->all = true;
        break;
    case 'r':
        o->root = value;
        break;
    case 'p':
        o->profile = value;
        break;
    case 'b':
        o->backend = value;
        break;
    case 'i':
        o->image = value;
        return image_check_reference(value, err);
    case 'n':
        o->net_given = true;
        return net_policy_parse(value, &o->net, err);
    case 'e':
        return env_push_extra(&o->env, value, err);
    case 'x':
        o->recreate = true;
        break;
    case 'A':
        o->as_is = true;
        break;
    case 'R':
        o->reprovision = true;
        break;
    case 'P':
        o->no_provision = true;
        break;
    case 'd':
        o->dry_run = true;
        break;
    case 'y':
        o->yes = true;
        break;
    case 'f':
        o->force = true;
        break;
    case 'c':
        o->command = value;
        break;
    case 'C':
        o->cwd = value;
        break;
    case 'N':
        o->no_tty = true;
        break;
    case 'K':
        strvec_push(&o->keys, value);
        break;
    case 'E':
        strvec_push(&o->keys, "Enter");
        break;
    case 'B':
        o->paste = true;
        break;
    case 'H':
        o->history = strtoull(value, &end, 10);
        if (*value < '0' || *value > '9' || *end != '\0' || o->history > UINT32_MAX / 2) {
            return error_set(err, ERROR_INVALID, "--history takes a number of lines, not '%s'", value);
        }
        break;
    case 'I':
        o->ansi = true;
        break;
    case 'S':
        o->state = value;
        break;
    case 'Z':
        if (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0) {
            return error_set(err, ERROR_INVALID, "--kernel takes yes or no, not '%.40s'", value);
        }
        o->kernel = value;
        break;
    case 'O':
        return kind_parse(value, &o->only, err);
    case 't':
    case 'T':
        number = strtoul(value, &end, 10);
        if (*value == '\0' || *end != '\0' || number == 0 || number > 86400ul * 30) {
            return error_set(err, ERROR_INVALID, "--timeout takes seconds from 1 to 2592000, not '%s'", value);
        }
        o->timeout_s = (unsigned)number;
        break;
    case 's':
        o->as_session = true;
        break;
    case 'L':
        o->audit_log = value;
        break;
    case 'V':
        o->audit_check = value;
        break;
    case 'm':
        o->model = value;
        break;
    case 'u':
        o->runtime = value;
        break;
    case 'h':
        o->host = value;
        break;
    case 'k':
        return option_number("--port", value, 65535, &o->port, err);
    case 'w':
        o->wait = true;
        break;
    case 'W':
        return option_number("--timeout", value, 86400, &o->timeout_s, err);
    case 'l':
        return option_number("--lines", value, 10000, &o->lines, err);
    case 'F':
        o->follow = true;
        break;
    case 'q':
        o->quiet = true;
        break;
    case '1':
        o->command = value;
        break;
    case '2':
        o->wait = true;
        break;
    case '3':
        o->sandbox = value;
        break;
    case '4':
        o->task_name = value;
        return task_check_name(value, err);
    case '5':
        if (task_restart_parse(value) < 0) {
            return error_set(err, ERROR_INVALID, "--restart takes never, on-failure or always, not '%.40s'", value);
        }
        o->restart = (enum task_restart)task_restart_parse(value);
        break;
    case '6':
        return option_number("--max-restarts", value, 1000000, &o->most_restarts, err);
    case '7':
        return option_number("--ready-port", value, 65535, &o->ready_port, err);
    case '8':
        o->ready_match = value;
        return task_check_match(value, err) < 0 ? error_wrap(err, "--ready-match") : 0;
    case '9':
        o->allow_project = true;
        break;
    case '0':
        o->definitions = true;
        break;
    case 'G':
        o->again = true;
        break;
    case 'M':
        return option_number("--lines", value, 1000000, &o->lines, err);
    default:
        MT_BUG("option letter %c", letter);
    }
    return 0;
}

/* Finds the option row of `arg` among those the verb takes; *value is set for --name=value. */
static const struct option_row *option_find(const struct verb *v, const char *arg, const char **value)
{
    size_t n = strcspn(arg, "=");

    *value = NULL;
    for (const struct option_row *r = verb_option_next(v, NULL); r != NULL; r = verb_option_next(v, r)) {
        if (r->shortname != NULL && strcmp(arg, r->shortname) == 0) {
            return r;
        }
        if (strlen(r->longname) == n && strncmp(arg, r->longname, n) == 0) {
            *value = arg[n] == '=' ? arg + n + 1 : NULL;
            return r;
        }
    }
    return NULL;
}

/* Parses the arguments after the verb's name into o. */
static int options_parse(const struct verb *v, int argc, char **argv, struct verb_options *o, struct error *err)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];

        if (strcmp(arg, "--") == 0) {
            for (i++; i < argc; i++) {
                strvec_push(strpbrk(v->options, "c1") != NULL ? &o->rest : &o->names, argv[i]);
            }
            break;
        }
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            o->help = true;
            return 0;
        }
        if (arg[0] != '-' || arg[1] == '\0') {
            strvec_push(&o->names, arg);
            continue;
        }
        const char *value;
        const struct option_row *r = option_find(v, arg, &value);
        if (r == NULL) {
            return error_hint(
                err, ERROR_INVALID,
                v->run == verb_shell
                    ? "`--help` after the verb lists its options; for a folder that begins with -, give "
                      "the sandbox's name (see `muthr-tui ls --all`)"
                    : "`--help` after the verb lists its options; a name that begins with - goes after --",
                "%s: unknown option '%s'", v->name, arg);
        }
        if (r->value == NULL && value != NULL) {
            return error_set(err, ERROR_INVALID, "%s: %s takes no value", v->name, r->longname);
        }
        if (r->value != NULL && value == NULL) {
            if (++i >= argc) {
                return error_set(err, ERROR_INVALID, "%s: %s needs %s", v->name, r->longname, r->value);
            }
            value = argv[i];
        }
        if (option_apply(o, r->letter, value ? value : "", err) < 0) {
            return -1;
        }
    }
    if (v->max_names >= 0 && o->names.len > (size_t)v->max_names) {
        return error_set(err, ERROR_INVALID, "%s: too many arguments: '%s'", v->name, o->names.v[v->max_names]);
    }
    return 0;
}

/* The output format that was asked for, also when some option before it was wrong. */
static enum output_format format_wanted(int argc, char **argv)
{
    enum output_format format = OUTPUT_TEXT;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strncmp(argv[i], "--output=", 9) == 0) {
            output_format_parse(argv[i] + 9, &format, NULL);
        } else if (i + 1 < argc && (strcmp(argv[i], "-o") == 0 || strcmp(argv[i], "--output") == 0)) {
            output_format_parse(argv[i + 1], &format, NULL);
        }
    }
    return format;
}

/* Both halves of readiness: engine scanned, sessions heard of. */
static void verb_ready(void *arg)
{
    struct verb_ctx *ctx = arg;

    loop_stop(ctx->loop);
}

/* What somebody should see besides the verb's own answer. */
static void verb_problem(void *arg, const struct model_event *ev)
{
    (void)arg;
    if (ev->kind == MODEL_PROBLEM) {
        output_note("muthr-tui: %s", ev->text);
    }
}

/* A session that is there and cannot be shown. */
static void verb_trouble(void *arg, const char *id, const struct error *err)
{
    (void)arg;
    output_note("muthr-tui: session %s cannot be shown: %s%s%s", id, err->msg, err->hint != NULL ? "\n  " : "",
                err->hint != NULL ? err->hint : "");
}

/* --audit-log as the hosts need it: they run in /. */
static char *verb_absolute(const char *path)
{
    char cwd[4096];

    if (path == NULL || path[0] == '/' || getcwd(cwd, sizeof(cwd)) == NULL) {
        return xstrdup_null(path);
    }
    return path_join(cwd, path);
}

int verb_open_sessions(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;

    ctx->loop = loop_new();
    ctx->bus = bus_new();
    ctx->model = model_new(ctx->bus);
    if (ctx->resumes) { /* those that only look, or hand stderr on to a program, have nothing to do with it */
        bus_subscribe(ctx->bus, verb_problem, NULL);
    }
    if (port_open(&ctx->port, ctx->loop, ctx->paths, &ctx->config, ctx->model, &err) < 0) {
        ctx->exit_code = verb_error(ctx, &err);
        return -1;
    }
    port_on_trouble(ctx->port, ctx->tells ? verb_trouble : NULL, ctx);
    port_on_scanned(ctx->port, verb_ready, ctx);
    loop_run(ctx->loop);
    return 0;
}

int verb_open(struct verb_ctx *ctx)
{
    struct error err = ERROR_INIT;

    if (verb_open_sessions(ctx) < 0) {
        return -1;
    }
    ctx->audit_log = verb_absolute(ctx->o.audit_log);
    struct engine_opts opts = {
        .loop = ctx->loop,
        .paths = ctx->paths,
        .config = &ctx->config,
        .model = ctx->model,
        .bus = ctx->bus,
        .registry = backend_registry,
        .order = pick_order(PICK_PLATFORM),
        .audit_log = ctx->audit_log,
        .no_resume = !ctx->resumes,
        .profile_notes = true,
        .fresh_probes = ctx->doubts,
        .lazy_follow = !ctx->follows,
        .wanted = &ctx->o.names,
    };
    port_fill(ctx->port, &opts.port);
    ctx->engine = engine_new(&opts, &err);
    if (ctx->engine == NULL) {
        ctx->exit_code = verb_error(ctx, &err);
        return -1;
    }
    ctx->notes = opnotes_new(ctx->paths, ctx->bus, ctx->model);
    engine_on_ready(ctx->engine, verb_ready, ctx);
    loop_run(ctx->loop);
    return 0;
}

void verb_run(struct verb_ctx *ctx)
{
    while (!ctx->finished) {
        loop_run(ctx->loop);
    }
}

void verb_finish(struct verb_ctx *ctx, int exit_code)
{
    ctx->exit_code = exit_code;
    ctx->finished = true;
    loop_stop(ctx->loop);
}

int verb_error(struct verb_ctx *ctx, const struct error *err)
{
    output_error(err);
    if (ctx->failure.code == ERROR_NONE) {
        ctx->failure = *err;
    }
    return error_exit_code(err);
}

void verb_fail(struct verb_ctx *ctx, const struct error *err)
{
    verb_finish(ctx, verb_error(ctx, err));
}

void verb_close(struct verb_ctx *ctx)
{
    if (ctx->engine != NULL) {
        engine_close(ctx->engine, true, verb_ready, ctx);
        loop_run(ctx->loop);
    }
    opnotes_free(ctx->notes);
    port_close(ctx->port);
    model_free(ctx->model);
    bus_free(ctx->bus);
    if (ctx->loop != NULL) {
        loop_free(ctx->loop);
    }
    free(ctx->audit_log);
    ctx->audit_log = NULL;
    ctx->engine = NULL;
    ctx->notes = NULL;
    ctx->port = NULL;
    ctx->model = NULL;
    ctx->bus = NULL;
    ctx->loop = NULL;
}

bool verb_ask(const char *question)
{
    char answer[16];

    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO)) {
        return false;
    }
    fprintf(stderr, "%s (y/N) ", question);
    if (fgets(answer, sizeof(answer), stdin) == NULL) {
        fputc('\n', stderr);
        return false;
    }
    answer[strcspn(answer, "\r\n")] = '\0';
    return strcasecmp(answer, "y") == 0 || strcasecmp(answer, "yes") == 0;
}

/* Loads the settings; a broken file stops a verb, because it would act on the wrong root or backend. doctor, config and
 * completion go on; doctor says in its table what is wrong with them. */
static int verb_config_load(struct verb_ctx *ctx, const struct verb *v)
{
    struct error err = ERROR_INIT;
    int rc = config_load(&ctx->config, ctx->paths, &err);
    bool tells = (v->run != verb_doctor || ctx->o.audit_check != NULL) && v->run != verb_completion;

    if (ctx->o.root != NULL) {
        free(ctx->config.workspace_root);
        ctx->config.workspace_root = xstrdup(ctx->o.root);
    }
    for (size_t i = 0; i < ctx->config.warning_count && tells && !ctx->o.quiet; i++) {
        output_note("muthr-tui: warning: %s", ctx->config.warnings[i].text);
    }
    if (rc < 0 && !tells) {
        ctx->failure = err;
    } else if (rc < 0) {
        verb_error(ctx, &err);
    }
    if (rc < 0) {
        if (v->run != verb_doctor && v->run != verb_config && v->run != verb_completion) {
            output_note("  Mend the file, or move it away; `muthr-tui config init` writes a fresh one.");
            return EXIT_USAGE;
        }
        ctx->exit_code = EXIT_USAGE;
    }
    return 0;
}

int verb_main(const struct paths *paths, int argc, char **argv)
{
    const struct verb *v = verb_find(argv[0]);
    struct error err = ERROR_INIT;
    struct verb_ctx ctx = {.paths = paths,
                           .failure = ERROR_INIT,
                           .o = {.env = STRVEC_INIT, .keys = STRVEC_INIT, .names = STRVEC_INIT, .rest = STRVEC_INIT}};
    int rc;

    if (v == NULL) {
        output_note("muthr-tui: unknown verb '%s'\n  `muthr-tui --help` lists the verbs.", argv[0]);
        return EXIT_USAGE;
    }
    ctx.resumes = v->resumes;
    if (options_parse(v, argc, argv, &ctx.o, &err) < 0) {
        verb_error(&ctx, &err);
        ctx.o.format = format_wanted(argc, argv);
        rc = EXIT_USAGE;
    } else if (ctx.o.help) {
        verb_help(v);
        rc = 0;
    } else {
        rc = verb_config_load(&ctx, v);
        if (rc == 0) {
            rc = v->run(&ctx);
        }
        verb_close(&ctx);
        config_release(&ctx.config);
    }
    if (rc != 0 && ctx.o.format != OUTPUT_TEXT && !ctx.answered && ctx.failure.code != ERROR_NONE) {
        output_error_json(&ctx.failure, rc);
    }
    if (output_flush() < 0 && rc == 0) {
        rc = 1;
    }
    strvec_release(&ctx.o.env);
    strvec_release(&ctx.o.keys);
    strvec_release(&ctx.o.names);
    strvec_release(&ctx.o.rest);
    return rc;
}
