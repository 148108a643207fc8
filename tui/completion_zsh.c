/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/completion.h"

#include <string.h>

static const char head[] = "#compdef muthr-tui\n"
                           "# Completion of muthr-tui for zsh, made by `muthr-tui completion zsh`.\n"
                           "_muthr_tui_list() {\n"
                           "  local what=$1\n"
                           "  local -a names\n"
                           "  shift\n"
                           "  names=(${(f)\"$(command muthr-tui completion $what 2>/dev/null)\"})\n"
                           "  compadd \"$@\" -a names\n"
                           "}\n"
                           "_muthr_tui_workspaces() { _muthr_tui_list workspaces \"$@\" }\n"
                           "_muthr_tui_profiles() { _muthr_tui_list profiles \"$@\" }\n"
                           "_muthr_tui_sessions() { _muthr_tui_list sessions \"$@\" }\n"
                           "_muthr_tui_themes() { _muthr_tui_list themes \"$@\" }\n"
                           "_muthr-tui() {\n"
                           "  local curcontext=$curcontext state line ret=1\n"
                           "  local -a verbs\n"
                           "  typeset -A opt_args\n"
                           "  _arguments -C \\\n"
                           "    '--root[the workspace root, instead of the configured one]:DIR:_files -/' \\\n"
                           "    '--theme[the theme, instead of the configured one]:NAME:_muthr_tui_themes' \\\n"
                           "    '--ascii[everything in ASCII]' \\\n"
                           "    '--no-mouse[leave the mouse to the terminal]' \\\n"
                           "    '(- *)'{-h,--help}'[its verbs]' \\\n"
                           "    '(- *)'{-V,--version}'[its version]' \\\n"
                           "    '1: :->verb' '*:: :->rest' && ret=0\n";

static const char tail[] = "    *) _message 'no such verb' ;;\n"
                           "    esac\n"
                           "    ;;\n"
                           "  esac\n"
                           "  return ret\n"
                           "}\n"
                           "if [ \"$funcstack[1]\" = _muthr-tui ]; then _muthr-tui \"$@\"; else compdef _muthr-tui "
                           "muthr-tui; fi\n";

/* Text within '...' and [...] or after a ':', where these have a meaning. */
static void add_text(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'') {
            strbuf_addstr(out, "'\\''");
        } else if (*text == ']' || *text == '[' || *text == ':' || *text == '\\') {
            strbuf_addf(out, "\\%c", *text);
        } else {
            strbuf_addch(out, *text);
        }
    }
}

/* What is offered: "(a b c)", the function that lists it, or " " for anything. */
static void add_offer(struct strbuf *out, const struct completion_of *c)
{
    if (c->words.len > 0) {
        strbuf_addch(out, '(');
        for (size_t i = 0; i < c->words.len; i++) {
            strbuf_addf(out, "%s%s", i > 0 ? " " : "", c->words.v[i]);
        }
        strbuf_addch(out, ')');
    } else if (c->list == NULL) {
        strbuf_addch(out, ' ');
    } else if (strcmp(c->list, "files") == 0 || strcmp(c->list, "folders") == 0) {
        strbuf_addstr(out, strcmp(c->list, "files") == 0 ? "_files" : "_files -/");
    } else {
        strbuf_addf(out, "_muthr_tui_%s", c->list);
    }
}

/* One spelling of an option; each may come more than once. */
static void add_option(struct strbuf *out, const struct option_row *o, const char *name)
{
    strbuf_addf(out, " \\\n        '*%s%s[", name, o->value != NULL && name == o->longname ? "=" : "");
    add_text(out, o->help);
    strbuf_addch(out, ']');
    if (o->value != NULL) {
        struct completion_of c;

        completion_of_option(o, &c);
        strbuf_addf(out, ":%s:", o->value);
        add_offer(out, &c);
        completion_of_release(&c);
    }
    strbuf_addch(out, '\'');
}

/* The case of one verb. */
static void add_verb(struct strbuf *out, const struct verb *v)
{
    struct completion_of c;

    completion_of_verb(v, &c);
    strbuf_addf(out, "    %s)\n      _arguments '(- *)'{-h,--help}'[its options]'", v->name);
    for (const struct option_row *o = verb_option_next(v, NULL); o != NULL; o = verb_option_next(v, o)) {
        if (o->shortname != NULL) {
            add_option(out, o, o->shortname);
        }
        add_option(out, o, o->longname);
    }
    if (c.words.len > 0) {
        strbuf_addstr(out, " \\\n        '1:what:");
        add_offer(out, &c);
        strbuf_addch(out, '\'');
    }
    if (c.list != NULL && completion_takes_files(v)) {
        strbuf_addf(out, " \\\n        '1:name:_muthr_tui_%s' '*:file:_files'", c.list);
    } else if (c.list != NULL) {
        strbuf_addf(out, " \\\n        '*:name:_muthr_tui_%s'", c.list);
    }
    strbuf_addstr(out, " && ret=0\n      ;;\n");
    completion_of_release(&c);
}

void completion_zsh(struct strbuf *out)
{
    strbuf_addstr(out, head);
    strbuf_addstr(out, "  verbs=(\n    'help:Tell what a verb does'\n");
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        strbuf_addf(out, "    '%s:", v->name);
        add_text(out, v->help);
        strbuf_addstr(out, "'\n");
    }
    strbuf_addstr(out, "  )\n"
                       "  case $state in\n"
                       "  verb) _describe -t verbs verb verbs && ret=0 ;;\n"
                       "  rest)\n"
                       "    case $words[1] in\n"
                       "    help) _describe -t verbs verb verbs && ret=0 ;;\n");
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        add_verb(out, v);
    }
    strbuf_addstr(out, tail);
}
