/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that everybody has, in a pane of the cockpit in a real sandbox beside the same on a bare terminal and what
 * xterm.js makes of the same bytes: at three sizes, with other sizes in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/util/compiler.h"
#include "core/util/fs.h"
#include "core/util/xmalloc.h"
#include "tests/screens/npm.h"
#include "tests/screens/stage.h"
#include "tests/screens/world.h"

static int group_tear_down(void **state)
{
    (void)state;
    npm_remove_xterm();
    return 0;
}

static void test_bash(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    stage_type(s, "printf 'a\\tb\\e[31mred\\e[0m\\n'; ls --color=always -1F /usr/bin | head -18; echo do''ne\r");
    stage_wait(s, "done");
    stage_same_as_xterm(s, "colours");
    /* A line longer than the screen is edited in the middle. */
    stage_type(s, "echo a very long line that wraps around the right margin because it has very many words 日本 in it");
    stage_wait(s, "in it");
    stage_same_as_xterm(s, "long-line");
    stage_keys(s, "Home M-f M-f");
    stage_type(s, "INSERTED");
    stage_keys(s, "End BSpace");
    stage_wait(s, "INSERTED");
    stage_same_as_xterm(s, "edited");
    stage_keys(s, "C-r");
    stage_type(s, "prin");
    stage_wait(s, "(reverse-i-search)`prin'");
    stage_same_as_xterm(s, "search");
    stage_keys(s, "C-g C-u");
    stage_type(s, "clear; seq 1 200; echo do''ne\r");
    stage_wait(s, "done");
    stage_same_as_xterm(s, "scrolled");
    stage_resize(s, 120, 36);
    stage_type(s, "until [ \"$(stty size)\" = '36 120' ]; do sleep 0.02; done; echo si''zed 120\r");
    stage_wait(s, "sized 120");
    stage_same(s, "wider");
    stage_resize(s, 60, 15);
    stage_type(s, "until [ \"$(stty size)\" = '15 60' ]; do sleep 0.02; done; echo si''zed 60\r");
    stage_wait(s, "sized 60");
    stage_same(s, "smaller");
    stage_keys(s, "C-l");
    stage_wait_gone(s, "sized 60");
    stage_same_as_xterm(s, "cleared");
    stage_close(s);
}

static void test_vim(void **state)
{
    struct stage *s = stage_open(state, 120, 36);

    stage_type(s, "vim -u vimrc hello.c\r");
    stage_wait(s, "#include");
    stage_same_as_xterm(s, "start");
    stage_type(s, ":vsplit lines.txt\r");
    stage_wait(s, "quick brown");
    stage_same_as_xterm(s, "split");
    stage_keys(s, "C-f C-f");
    stage_wait_gone(s, "line 2:");
    stage_same_as_xterm(s, "paged");
    stage_resize(s, 80, 24);
    stage_same_as_xterm(s, "smaller");
    stage_type(s, ":set list cursorline | wincmd =\r");
    stage_type(s, "/lazy\r");
    stage_wait(s, "/lazy");
    stage_same_as_xterm(s, "search");
    stage_type(s, "oneu ");
    stage_type(s, "日本 wide\x1b");
    stage_wait(s, "[+]");
    stage_same_as_xterm(s, "insert");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "bigger");
    stage_type(s, "yy20pu:echo \"now\" 6*7\r");
    stage_wait(s, "now 42");
    stage_same_as_xterm(s, "undone");
    stage_type(s, "V5jd:split\r");
    stage_keys(s, "C-l");
    stage_type(s, ":echo \"then\" 6*8\r");
    stage_wait(s, "then 48");
    stage_same_as_xterm(s, "deleted");
    stage_type(s, ":qa!\r");
    stage_wait_gone(s, "then 48");
    stage_same(s, "left");
    stage_close(s);
}

/* Clicks, drags and the wheel arrive where they were made. */
static void test_mouse(void **state)
{
    struct stage *s = stage_open(state, 120, 36);

    stage_type(s, "vim -u vimrc -c 'set ttymouse=sgr' -c 'vsplit hello.c' lines.txt\r");
    stage_wait(s, "quick brown");
    stage_wait(s, "#include");
    stage_click(s, 30, 3);
    stage_wait(s, "4,");
    stage_same_as_xterm(s, "clicked");
    stage_click(s, 90, 10); /* the other window */
    stage_wait(s, "11,");
    stage_same_as_xterm(s, "window");
    stage_mouse(s, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 70, 5);
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 75, 7);
    stage_mouse(s, MOUSE_MOTION, MOUSE_BUTTON_LEFT, 80, 8);
    stage_mouse(s, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 80, 8);
    stage_wait(s, "VISUAL");
    stage_same_as_xterm(s, "dragged");
    stage_keys(s, "Escape");
    stage_wait_gone(s, "VISUAL");
    for (int i = 0; i < 5; i++) {
        stage_mouse(s, MOUSE_PRESS, MOUSE_WHEEL_DOWN, 90, 10);
    }
    stage_wait_gone(s, "line 15:");
    stage_same_as_xterm(s, "wheel");
    /* The border between the windows. */
    stage_resize(s, 200, 50);
    stage_type(s, ":wincmd = | echo \"now\" &columns\r");
    stage_wait(s, "now 200");
    stage_click(s, 190, 40);
    stage_same_as_xterm(s, "far");
    stage_type(s, ":qa!\r");
    stage_wait_gone(s, "#include");
    /* Nothing is sent to a shell that did not ask. */
    stage_type(s, "clear; echo re''ady\r");
    stage_wait(s, "ready");
    harness_mouse(s->bare, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 3, 3);
    stage_type(s, "echo li''stening; cat -v\r"); /* said when the terminal is in cat's hands */
    stage_wait(s, "listening");
    harness_mouse(s->pane, MOUSE_PRESS, MOUSE_BUTTON_LEFT, 10, 10);
    harness_mouse(s->pane, MOUSE_RELEASE, MOUSE_BUTTON_LEFT, 10, 10);
    stage_type(s, "x\r");
    stage_wait(s, "x");
    stage_same(s, "silent");
    stage_keys(s, "C-c");
    stage_wait(s, "^C");
    stage_same(s, "interrupted");
    stage_close(s);
}

static void test_less(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    stage_type(s, "less lines.txt\r");
    stage_wait(s, "line 12:");
    stage_same_as_xterm(s, "start");
    stage_type(s, "  ");
    stage_wait_gone(s, "line 12:");
    stage_same_as_xterm(s, "paged");
    stage_type(s, "/line 7.:\r");
    stage_wait(s, "line 79:");
    stage_same_as_xterm(s, "search");
    stage_resize(s, 120, 36);
    stage_same_as_xterm(s, "resized");
    stage_type(s, "100g");
    stage_wait(s, "line 100:");
    stage_same_as_xterm(s, "wider");
    stage_keys(s, "Up Up PgUp");
    stage_wait(s, "line 70:");
    stage_same_as_xterm(s, "back");
    stage_resize(s, 40, 12);
    stage_same_as_xterm(s, "shrunk");
    stage_type(s, "G");
    stage_wait(s, "line 300:");
    stage_same_as_xterm(s, "small");
    stage_type(s, "q");
    stage_wait(s, "$ less");
    stage_close(s);
}

static void test_git(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    harness_write(
        s->pane, "src/api/make.sh",
        "export GIT_AUTHOR_DATE=2026-01-01T00:00:00Z GIT_COMMITTER_DATE=2026-01-01T00:00:00Z\n"
        "git init -q repo; cd repo; git config user.name 'Zoë'; git config user.email z@example.com\n"
        "cp ../lines.txt .; git add .; git commit -qm 'First: ünï 日本'; sed -i 's/lazy/eager/; 50,60d' lines.txt\n"
        "git commit -qam 'Second'; sed -i '2,200s/fox/cat/' lines.txt\n");
    harness_type(s->bare, "sh make.sh; echo ma''de\r");
    harness_wait_text(s->bare, "made");
    stage_keys(s, "C-l");
    stage_type(s, "cd repo; clear; git -c color.ui=always log -p --stat\r");
    stage_wait(s, "commit ");
    stage_same_as_xterm(s, "log");
    stage_type(s, "  ");
    stage_wait_gone(s, "Second");
    stage_same_as_xterm(s, "paged");
    stage_resize(s, 120, 36);
    stage_same_as_xterm(s, "wider");
    stage_type(s, "/First\r");
    stage_wait(s, "First: ünï 日本");
    stage_same_as_xterm(s, "search");
    stage_type(s, "q");
    stage_wait_gone(s, "First");
    stage_type(s, "clear; git -c color.ui=always diff --word-diff\r");
    stage_wait(s, "diff --git");
    stage_resize(s, 60, 20);
    stage_same_as_xterm(s, "small");
    stage_type(s, "40g");
    stage_wait_gone(s, "diff --git");
    stage_same_as_xterm(s, "diff");
    stage_type(s, "q");
    stage_wait(s, "$");
    stage_same(s, "left");
    stage_close(s);
}

static void test_fzf(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    stage_type(s, "seq -f 'item %g 日本' 2000 >items; clear; fzf -m --preview 'echo {}; seq 30' <items\r");
    stage_wait(s, "2000/2000");
    stage_wait(s, "1/31");
    stage_same_as_xterm(s, "start");
    stage_type(s, "99");
    stage_wait(s, "56/2000");
    stage_wait(s, "item 99 ");
    stage_keys(s, "Up Up Tab");
    stage_wait(s, "(1)");
    stage_same_as_xterm(s, "chosen");
    stage_resize(s, 200, 50);
    stage_same_as_xterm(s, "resized");
    stage_keys(s, "BSpace");
    stage_wait(s, "542/2000");
    stage_same_as_xterm(s, "wider");
    stage_resize(s, 50, 14);
    stage_same_as_xterm(s, "shrunk");
    stage_type(s, "9");
    stage_wait(s, "56/2000");
    stage_same_as_xterm(s, "small");
    stage_keys(s, "Escape");
    stage_wait_gone(s, "56/2000");
    /* On a part of the normal screen. */
    stage_type(s, "clear; seq 30; fzf --height 50% --layout reverse <items\r");
    stage_wait(s, "2000/2000");
    stage_same_as_xterm(s, "inline");
    stage_type(s, "777");
    stage_wait(s, "2/2000");
    stage_same_as_xterm(s, "inline-filter");
    stage_keys(s, "Enter");
    stage_wait_gone(s, "2/2000");
    stage_wait(s, "item 777 日本");
    stage_same(s, "taken");
    stage_close(s);
}

static void test_nano(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    stage_type(s, "nano -I -l hello.c\r");
    stage_wait(s, "#include");
    stage_same_as_xterm(s, "start");
    stage_type(s, "hello 日本 wide");
    stage_wait(s, "hello 日本 wide");
    stage_keys(s, "C-w");
    stage_wait(s, "Search");
    stage_type(s, "printf\r");
    stage_wait_gone(s, "Search:");
    stage_same_as_xterm(s, "search");
    stage_resize(s, 120, 36);
    stage_keys(s, "C-g");
    stage_wait(s, "nano help text");
    stage_same_as_xterm(s, "help");
    stage_resize(s, 40, 12);
    stage_keys(s, "C-x");
    stage_wait_gone(s, "help text");
    stage_same_as_xterm(s, "small");
    stage_keys(s, "C-x");
    stage_wait(s, "Save modified buffer");
    stage_type(s, "n");
    stage_wait(s, "$ nano");
    stage_close(s);
}

static void test_tmux_inside(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    harness_write(s->pane, "src/api/tmux.conf",
                  "set -g status-right ''\nset -g status-left 'inner '\nset -g automatic-rename off\n"
                  "set -g default-command \"env PS1='% ' bash --norc --noprofile\"\n");
    /* Each has a server of its own: the socket's folder is the sandbox's, or the bare shell's. */
    stage_type(s, "export TMUX_TMPDIR=$(mktemp -d); clear; tmux -f tmux.conf new-session -n one\r");
    stage_wait(s, "inner");
    stage_wait(s, "%");
    stage_same_as_xterm(s, "start");
    stage_keys(s, "C-b");
    stage_type(s, "%");
    stage_wait(s, "│%");
    stage_type(s, "ls --color=always /usr; echo 日本 do''ne\r");
    stage_wait(s, "日本 done");
    stage_same_as_xterm(s, "columns");
    stage_keys(s, "C-b");
    stage_type(s, "\"");
    stage_wait(s, "├");
    stage_same_as_xterm(s, "three");
    stage_type(s, "seq 20''0\r");
    stage_wait(s, "200");
    stage_resize(s, 120, 36);
    /* How many lines had been pushed off depends on when each shell saw its sizes. */
    stage_type(s, "clear; tmux clear-history; seq 100; echo wi''der\r");
    stage_wait(s, "wider");
    stage_same_as_xterm(s, "wider");
    stage_keys(s, "C-b");
    stage_type(s, "[");
    stage_wait(s, "[0/"); /* tmux itself loses keys that come together with this one */
    stage_keys(s, "PgUp PgUp");
    stage_wait_gone(s, "wider");
    stage_same_as_xterm(s, "copy-mode");
    stage_type(s, "q");
    stage_wait(s, "wider");
    stage_resize(s, 70, 20);
    stage_same_as_xterm(s, "shrunk");
    stage_keys(s, "C-b");
    stage_type(s, "o");
    stage_type(s, "echo le''ft\r");
    stage_wait(s, "left");
    stage_same_as_xterm(s, "small");
    stage_type(s, "tmux kill-server\r");
    stage_wait_gone(s, "inner");
    stage_close(s);
}

/* It draws what never comes again: the bare terminal is given what the one in the pane wrote. */
static void test_htop(void **state)
{
    struct stage *s = stage_open_recorded(state, 120, 36, "htop -d 600");

    stage_wait(s, "F10Quit");
    stage_same_as_xterm(s, "start");
    stage_keys(s, "F5");
    stage_wait(s, "F5List");
    stage_same_as_xterm(s, "tree");
    stage_resize(s, 80, 24);
    stage_same_as_xterm(s, "smaller");
    stage_keys(s, "F2");
    stage_wait(s, "Display options");
    stage_same_as_xterm(s, "setup");
    stage_keys(s, "Escape");
    stage_wait_gone(s, "Display options");
    stage_resize(s, 200, 50);
    stage_keys(s, "F6");
    stage_wait(s, "Sort by");
    stage_same_as_xterm(s, "sort");
    stage_close(s);
}

/* Every attribute, the styles and colours of underlines, 24-bit colours, the palette, links. */
static void test_card_of_attributes(void **state)
{
    struct stage *s = stage_open(state, 120, 36);
    MT_CLEANUP(strbuf) struct strbuf card = STRBUF_INIT;

    for (int i = 1; i <= 9; i += i == 5 ? 2 : 1) { /* xterm.js knows but one kind of blinking */
        strbuf_addf(&card, "\x1b[%dmSGR %d\x1b[m \x1b[%d;31;44mon colours\x1b[m  ", i, i, i);
    }
    strbuf_addf(&card, "\r\n\x1b[53mover\x1b[m \x1b[1;2;3;9mall\x1b[22mless\x1b[23mless\x1b[29mnone\x1b[m\r\n");
    for (int i = 1; i <= 5; i++) {
        strbuf_addf(&card, "\x1b[4:%dmunderline %d\x1b[m \x1b[4:%d;58:2::255:100:%dmcoloured\x1b[59m not\x1b[m  ", i, i,
                    i, i * 40);
    }
    strbuf_addf(&card, "\x1b[21mdouble\x1b[24m plain\x1b[m\r\n");
    for (int i = 0; i < 256; i++) {
        strbuf_addf(&card, "\x1b[48;5;%dm\x1b[38:5:%dm%c%s", i, 255 - i, 'a' + i % 26,
                    i % 64 == 63 ? "\x1b[m\r\n" : "");
    }
    for (int i = 0; i < 100; i++) {
        strbuf_addf(&card, "\x1b[48;2;%d;%d;%dm\x1b[38:2::%d:%d:%dmx", i * 2, 255 - i * 2, 128, 255 - i, i, i * 2);
    }
    strbuf_addf(&card, "\x1b[m\r\n\x1b[44mto the right margin in blue\x1b[K\x1b[m\r\n");
    strbuf_addf(&card, "\x1b[7mreversed, and erased:\x1b[K\x1b[m\r\n");
    strbuf_addf(&card, "\x1b(0lqqwqqk\x1b(B line drawing\r\nend of the card\r\n");
    harness_write(s->pane, "src/api/card", card.buf);
    harness_write(
        s->pane, "src/api/links",
        "\x1b]8;;https://example.com/one\x1b\\a link\x1b]8;;\x1b\\, "
        "\x1b]8;id=x;https://example.com/two\x07\x1b[4:3;58;5;9manother\x1b[m\x1b]8;;\x07 \x1b[6mfast\x1b[m\r\n"
        "end of the links\r\n");
    stage_type(s, "clear; cat card\r");
    stage_wait(s, "end of the card");
    stage_same_as_xterm(s, "card");
    stage_resize(s, 200, 50);
    stage_same(s, "wider");
    stage_resize(s, 80, 24);
    stage_type(s, "clear; cat links\r"); /* which xterm.js underlines */
    stage_wait(s, "end of the links");
    stage_same(s, "links");
    stage_close(s);
}

/* Wide, combining, clusters of several code points; xterm.js has no table for these. */
static void test_card_of_characters(void **state)
{
    struct stage *s = stage_open(state, 80, 24);

    harness_write(
        s->pane, "src/api/card",
        "wide |日本語|한글|ｆｕｌｌ|  combining |e\xcc\x81|o\xcc\x88\xcc\x84|\xe0\xa4\x95\xe0\xa5\x8d\xe0\xa4\xb7|\n"
        "family |👨\xe2\x80\x8d👩\xe2\x80\x8d👧|👩\xe2\x80\x8d💻|🏳\xef\xb8\x8f\xe2\x80\x8d🌈|  skin "
        "|👍🏽|👋🏿|\n"
        "flags |🇩🇪|🇯🇵|🇺🇸|  keycaps |1\xef\xb8\x8f\xe2\x83\xa3|#\xef\xb8\x8f\xe2\x83\xa3|\n"
        "vs16 |❤\xef\xb8\x8f|☺\xef\xb8\x8f|⚠\xef\xb8\x8f|  vs15 |❤\xef\xb8\x8e|☺\xef\xb8\x8e|  new "
        "|🫠|🪿|🫨|\n"
        "marks \xef\xbb\xbf|\xe2\x80\x8b|\xc2\xad|\xe2\x80\x8e|  box |┌─┬─┐|█▓▒░|⣿⣷|\xf0\x9f\xae\x8b|\n"
        "right margin: 789012345678901234567890123456789012345678901234567890123456789日\n"
        "right margin: 789012345678901234567890123456789012345678901234567890123456789👨\xe2\x80\x8d👩\xe2\x80\x8d👧"
        "|\nbroken \xff\xfe \xc3( \xed\xa0\x80 \xf0\x9f\x91 done\nend of the card\n");
    stage_type(s, "clear; cat card\r");
    stage_wait(s, "end of the card");
    stage_same(s, "card");
    stage_type(s, "vim -u vimrc card\r");
    stage_wait(s, "1,1");
    stage_same(s, "vim");
    stage_keys(s, "Down Down Right Right Right Right Right Right Right Right Right");
    stage_wait(s, "3,");
    stage_same(s, "moved");
    stage_resize(s, 200, 50);
    stage_type(s, ":echo \"now\" 6*7\r");
    stage_wait(s, "now 42");
    stage_same(s, "wider");
    stage_type(s, ":qa!\r");
    stage_wait_gone(s, "now 42");
    stage_resize(s, 40, 12);
    stage_type(s, "clear; head -5 card; echo sm''all\r");
    stage_wait(s, "small");
    stage_same(s, "small");
    stage_close(s);
}

/* The card that people look at (tests/vt/card.sh), in all of its colours and clusters. */
static void test_card_to_look_at(void **state)
{
    struct stage *s = *state;
    MT_CLEANUP(strbuf) struct strbuf card = STRBUF_INIT;

    assert_int_equal(fs_read("tests/vt/card.sh", 1u << 20, &card, NULL), 0);
    harness_write(s->pane, "src/api/card.sh", card.buf);
    s = stage_open(state, 120, 36);
    stage_type(s, "clear; sh card.sh; echo sh''own\r");
    stage_wait(s, "shown");
    stage_same(s, "look-120x36");
    stage_resize(s, 200, 50);
    stage_type(s, "clear; sh card.sh | less -R\r");
    stage_wait(s, "(END)");
    stage_same(s, "look-in-less");
    stage_resize(s, 80, 24);
    stage_same(s, "look-80x24");
    stage_type(s, "q");
    stage_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bash, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_vim, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_mouse, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_less, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_git, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_fzf, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_nano, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_tmux_inside, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_htop, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_card_of_attributes, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_card_of_characters, stage_set_up, stage_tear_down),
        cmocka_unit_test_setup_teardown(test_card_to_look_at, stage_set_up, stage_tear_down),
    };
    cmocka_set_test_filter(getenv("TEST_FILTER"));
    return cmocka_run_group_tests(tests, NULL, group_tear_down);
}
