/* SPDX-License-Identifier: Apache-2.0 */
#include "tui/completion.h"

#include <string.h>

static const char head[] = "# Completion of muthr-tui for fish, made by `muthr-tui completion fish`.\n"
                           "# The verb and what follows it.\n"
                           "function __muthr_tui_words\n"
                           "    set -l words (commandline -opc)\n"
                           "    set -e words[1]\n"
                           "    while set -q words[1]\n"
                           "        switch $words[1]\n"
                           "            case --root --theme\n"
                           "                set -e words[1]\n"
                           "                set -q words[1]; and set -e words[1]\n"
                           "            case '-*'\n"
                           "                set -e words[1]\n"
                           "            case '*'\n"
                           "                break\n"
                           "        end\n"
                           "    end\n"
                           "    set -q words[1]; and printf '%s\\n' $words\n"
                           "end\n"
                           "function __muthr_tui_none\n"
                           "    test (count (__muthr_tui_words)) -eq 0\n"
                           "end\n"
                           "# Is it this verb; with a second argument: and nothing else but options yet?\n"
                           "function __muthr_tui_is\n"
                           "    set -l words (__muthr_tui_words)\n"
                           "    test \"$words[1]\" = $argv[1]; or return 1\n"
                           "    set -q argv[2]; or return 0\n"
                           "    test (count (string match -v -- '-*' $words)) -eq 1\n"
                           "end\n"
                           "complete -c muthr-tui -f\n"
                           "complete -c muthr-tui -n __muthr_tui_none -l root -r -a '(__fish_complete_directories)' "
                           "-d 'the workspace root'\n"
                           "complete -c muthr-tui -n __muthr_tui_none -l theme -x -a '(muthr-tui completion themes "
                           "2>/dev/null)' -d 'the theme'\n"
                           "complete -c muthr-tui -n __muthr_tui_none -l ascii -d 'everything in ASCII'\n"
                           "complete -c muthr-tui -n __muthr_tui_none -l no-mouse -d 'leave the mouse to the "
                           "terminal'\n"
                           "complete -c muthr-tui -n __muthr_tui_none -s V -l version -d 'its version'\n"
                           "complete -c muthr-tui -s h -l help -d 'what it takes'\n"
                           "complete -c muthr-tui -n __muthr_tui_none -a help -d 'Tell what a verb does'\n";

/* Text within '...'. */
static void add_text(struct strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '\'' || *text == '\\') {
            strbuf_addch(out, '\\');
        }
        strbuf_addch(out, *text);
    }
}

/* " -a '...'": words, or the command that lists them. Files are what fish offers by itself. */
static void add_offer(struct strbuf *out, const struct completion_of *c)
{
    if (c->words.len > 0) {
        strbuf_addstr(out, " -a '");
        for (size_t i = 0; i < c->words.len; i++) {
            strbuf_addf(out, "%s%s", i > 0 ? " " : "", c->words.v[i]);
        }
        strbuf_addch(out, '\'');
    } else if (c->list != NULL && strcmp(c->list, "folders") == 0) {
        strbuf_addstr(out, " -a '(__fish_complete_directories)'");
    } else if (c->list != NULL && strcmp(c->list, "files") != 0) {
        strbuf_addf(out, " -a '(muthr-tui completion %s 2>/dev/null)'", c->list);
    }
}

/* One option of a verb. -x: its value is one of those, -r: files do too. */
static void add_option(struct strbuf *out, const struct verb *v, const struct option_row *o)
{
    struct completion_of c;

    completion_of_option(o, &c);
    strbuf_addf(out, "complete -c muthr-tui -n '__muthr_tui_is %s'", v->name);
    if (o->shortname != NULL) {
        strbuf_addf(out, " -s %s", o->shortname + 1);
    }
    strbuf_addf(out, " -l %s", o->longname + 2);
    if (o->value != NULL) {
        strbuf_addstr(out, c.list != NULL && strcmp(c.list, "files") == 0 ? " -r -F" : " -x");
        add_offer(out, &c);
    }
    strbuf_addstr(out, " -d '");
    add_text(out, o->help);
    strbuf_addstr(out, "'\n");
    completion_of_release(&c);
}

/* All of one verb. */
static void add_verb(struct strbuf *out, const struct verb *v)
{
    struct completion_of c, words = COMPLETION_OF_INIT;

    strbuf_addf(out, "complete -c muthr-tui -n __muthr_tui_none -a %s -d '", v->name);
    add_text(out, v->help);
    strbuf_addf(out, "'\ncomplete -c muthr-tui -n '__muthr_tui_is help first' -a %s\n", v->name);
    for (const struct option_row *o = verb_option_next(v, NULL); o != NULL; o = verb_option_next(v, o)) {
        add_option(out, v, o);
    }
    completion_of_verb(v, &c);
    if (c.words.len > 0) {
        words.words = c.words;
        strbuf_addf(out, "complete -c muthr-tui -n '__muthr_tui_is %s first'", v->name);
        add_offer(out, &words);
        strbuf_addch(out, '\n');
    }
    if (c.list != NULL) {
        words = (struct completion_of){.list = c.list};
        strbuf_addf(out, "complete -c muthr-tui -n '__muthr_tui_is %s", v->name);
        if (c.words.len > 0) {
            strbuf_addf(out, "; and not __muthr_tui_is %s first", v->name);
        }
        strbuf_addch(out, '\'');
        add_offer(out, &words);
        strbuf_addch(out, '\n');
    }
    if (completion_takes_files(v)) {
        strbuf_addf(out, "complete -c muthr-tui -n '__muthr_tui_is %s; and not __muthr_tui_is %s first' -F\n", v->name,
                    v->name);
    }
    completion_of_release(&c);
}

void completion_fish(struct strbuf *out)
{
    strbuf_addstr(out, head);
    for (const struct verb *v = verb_table; v->name != NULL; v++) {
        add_verb(out, v);
    }
}
