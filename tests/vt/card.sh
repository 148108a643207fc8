#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A card to look at, in a pane and in the bare terminal beside it: colours, attributes, underlines, links, widths, lines.
# Everything that ends in | must end in the same column as the ruler above it.
e=$(printf '\033')
row() { printf '%s%s[%dG|\n' "$1" "$e" 41; }
ramp() { # true colour, 64 steps
    i=0
    while [ $i -lt 64 ]; do
        r=$((255 - i * 4)) g=$((i * 8)) b=$((i * 4))
        [ $g -gt 255 ] && g=$((510 - g))
        printf '%s[48;2;%d;%d;%dm ' "$e" $r $g $b
        i=$((i + 1))
    done
    printf '%s[0m\n' "$e"
}
ramp
i=0
while [ $i -lt 16 ]; do printf '%s[48;5;%dm    ' "$e" $i; i=$((i + 1)); done
printf '%s[0m\n' "$e"
i=232
while [ $i -lt 256 ]; do printf '%s[48;5;%dm  ' "$e" $i; i=$((i + 1)); done
printf '%s[0m\n' "$e"
printf '%s[1mbold%s[0m %s[2mdim%s[0m %s[3mitalic%s[0m %s[7mreverse%s[0m %s[9mstrike%s[0m %s[53moverline%s[0m %s[8mhidden%s[0m\n' \
    "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e"
printf '%s[4msingle%s[0m %s[4:2mdouble%s[0m %s[4:3mcurly%s[0m %s[4:4mdotted%s[0m %s[4:5mdashed%s[0m ' \
    "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e"
printf '%s[4:3;58:2::255:60:60mred%s[0m %s[4;58:5:12mblue%s[0m\n' "$e" "$e" "$e" "$e"
printf '%s]8;;https://example.org/one%s\\first link%s]8;;%s\\ and %s]8;id=2;https://example.org/two%s\\second%s]8;;%s\\\n' \
    "$e" "$e" "$e" "$e" "$e" "$e" "$e" "$e"
printf '0123456789012345678901234567890123456789|\n'
row 'wide   中文字 日本語 한국어'
row 'emoji  😀🚀🎉 new 🫨🪿🫸'
row 'VS16   ❤️ ☀️ ✈️  text ❤ ☀ ✈'
row 'skin   👍🏽 👋🏿 ZWJ 👨‍👩‍👧 👩🏽‍🚀 🏳️‍🌈'
row 'flags  🇩🇪🇫🇷🇯🇵 keys 1️⃣ #️⃣ *️⃣'
row 'marks  é ä̂ ñ  नि กำ'
row 'lines  ┌──┬──┐ ╔══╗ ▁▂▃▄▅▆▇█ ░▒▓ ⠿⣿'
row 'ambig. § ° ± → ← ↑ α Ω ① … “”'
printf '%s(0lqqwqqk%s(B line drawing %s[4mlast%s[0m\n' "$e" "$e" "$e" "$e"
