/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/completion.h"

/* What is the same whatever the verbs are. bash 3.2 (macOS) has no mapfile and no compopt. */
static const char head[] =
    "# Completion of muthr-tui for bash, made by `muthr-tui completion bash`.\n"
    "# Names that the program lists are quoted, never expanded: a folder may be called anything.\n"
    "_muthr_tui_list() {\n"
    "    local name\n"
    "    while IFS= read -r name; do\n"
    "        [ -n \"$name\" ] || continue\n"
    "        case $name in \"$cur\"*) COMPREPLY+=(\"$(printf '%q' \"$name\")\") ;; esac\n"
    "    done <<<\"$(muthr-tui completion \"$1\" 2>/dev/null)\"\n"
    "}\n"
    "_muthr_tui_files() {\n"
    "    local name\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    while IFS= read -r name; do\n"
    "        [ -z \"$name\" ] || COMPREPLY+=(\"$name\")\n"
    "    done <<<\"$(compgen \"$1\" -- \"$cur\")\"\n"
    "}\n"
    "# $1: a list (@name) or words of ours.\n"
    "_muthr_tui_offer() {\n"
    "    case $1 in\n"
    "    @none) ;;\n"
    "    @files) _muthr_tui_files -f ;;\n"
    "    @folders) _muthr_tui_files -d ;;\n"
    "    @*) _muthr_tui_list \"${1#@}\" ;;\n"
    "    *) COMPREPLY=($(compgen -W \"$1\" -- \"$cur\")) ;;\n"
    "    esac\n"
    "}\n"
    "_muthr_tui() {\n"
    "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]}\n"
    "    local verb= options= takes= words= names=@none value= more= i n=0\n"
    "    COMPREPLY=()\n"
    "    [ \"$cur\" != = ] || cur=\n"
    "    [ \"$prev\" != = ] || prev=${COMP_WORDS[COMP_CWORD-2]}\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --root | --theme) ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *) verb=${COMP_WORDS[i]}; break ;;\n"
    "        esac\n"
    "    done\n"
    "    case $verb in\n";

static const char tail[] = "    *) return ;;\n"
                           "    esac\n"
                           "    for ((i++; i < COMP_CWORD; i++)); do\n"
                           "        case ${COMP_WORDS[i]} in\n"
                           "        --) _muthr_tui_offer @files; return ;;\n"
                           "        -*)\n"
                           "            case $takes in\n"
                           "            *\" ${COMP_WORDS[i]} \"*)\n"
                           "                ((i++))\n"
                           "                [ \"${COMP_WORDS[i]}\" != = ] || ((i++))\n"
                           "                ;;\n"
                           "            esac\n"
                           "            ;;\n"
                           "        *) ((n++)) ;;\n"
                           "        esac\n"
                           "    done\n"
                           "    if [ -n \"$value\" ]; then\n"
                           "        _muthr_tui_offer \"$value\"\n"
                           "        return\n"
                           "    fi\n"
                           "    case $cur in\n"
                           "    -*) _muthr_tui_offer \"$options\" ;;\n"
                           "    *)\n"
                           "        if [ $n = 0 ] && [ -n \"$words\" ]; then\n"
                           "            _muthr_tui_offer \"$words\"\n"
                           "        else\n"
                           "            [ $n != 0 ] || more=\n"
                           "            _muthr_tui_offer \"${more:-$names}\"\n"
                           "        fi\n"
                           "        ;;\n"
                           "    esac\n"
                           "}\n"
                           "complete -F _muthr_tui muthr-tui\n";

/* "a b c", or "@list"; "@none" when there is nothing to offer. */
static void add_offer(struct strbuf *out, const struct completion_of *c)
{
    if (c->words.len == 0) {
        strbuf_addf(out, "@%s", c->list != NULL ? c->list : "none");
    }
    for (size_t i = 0; i < c->words.len; i++) {
        strbuf_addf(out, "%s%s", i > 0 ? " " : "", c->words.v[i]);
    }
}

/* The options of a verb: all, and those that take a value. */
static void add_options(struct strbuf *out, const struct verb *v)
{
    MT_CLEANUP(strbuf) struct strbuf takes = STRBUF_INIT;

    strbuf_addstr(out, "        options='--help");
    for (const struct option_row *o = verb_option_next(v, NULL); o != NULL; o = verb_option_next(v, o)) {
        strbuf_addf(out, " %s", o->longname);
        if (o->shortname != NULL) {
            strbuf_addf(out, " %s", o->shortname);
        }
        if (o->value != NULL) {
            strbuf_addf(&takes, " %s%s%s", o->longname, o->shortname != NULL ? " " : "",
                        o->shortname != NULL ? o->shortname : "");
        }
    }
    strbuf_addf(out, "' takes='%s '\n", takes.buf);
}

/* What each option's value can be. */
static void add_values(struct strbuf *out, const struct verb *v)
{
    for (const struct option_row *o = verb_option_next(v, NULL); o != NULL; o = verb_option_next(v, o)) {
        struct completion_of c;

        if (o->value == NULL) {
            continue;
        }
        completion_of_option(o, &c);
        strbuf_addf(out, "        %s%s%s) value='", o->shortname != NULL ? o->shortname : "",
                    o->shortname != NULL ? " | " : "", o->longname);
        add_offer(out, &c);
        strbuf_addstr(out, "' ;;\n");
        completion_of_release(&c);
    }
}

/* The case of one verb. */
static void add_verb(struct strbuf *out, const struct verb *v)
{
    struct completion_of c;

    completion_of_verb(v, &c);
    strbuf_addf(out, "    %s)\n", v->name);
    add_options(out, v);
    if (c.words.len > 0) {
        strbuf_addstr(out, "        words='");
        add_offer(out, &c);
        strbuf_addstr(out, "'\n");
    }
    if (c.list != NULL) {
        strbuf_addf(out, "        names=@%s%s\n", c.list, completion_takes_files(v) ? " more=@files" : "");
    }
    strbuf_addstr(out, "        case $prev in\n");
    add_values(out, v);
    strbuf_addstr(out, "        esac\n        ;;\n");
    completion_of_release(&c);
}

void completion_bash(struct strbuf *out)
{
    strbuf_addstr(out, head);
    strbuf_addstr(out, "    '')\n"
                       "        case $prev in --root) value=@folders ;; --theme) value=@themes ;; esac\n"
                       "        i=COMP_CWORD options='--root --theme --ascii --no-mouse --help --version'\n"
                       "        words='help");
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        strbuf_addf(out, " %s", v->name);
    }
    strbuf_addstr(out, "'\n        ;;\n    help)\n        words='");
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        strbuf_addf(out, "%s%s", v == verb_table ? "" : " ", v->name);
    }
    strbuf_addstr(out, "'\n        ;;\n");
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        add_verb(out, v);
    }
    strbuf_addstr(out, tail);
}
