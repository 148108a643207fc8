# One table of widths; a cluster is one cell or two, and never cut.
! "wide, and at the right edge"
feed "\xe4\xb8\xad\xe6\x96\x87"
cell 0 0 中,wide
cell 0 1 right
cursor 0 4
feed "\e[1;20H\xe4\xb8\xad"
cell 0 19 .
cell 1 0 中,wide
wraps 0 yes
! "wide at the right edge without wrapping"
feed "\e[?7l\e[1;20H\xe4\xb8\xad"
cell 0 19 .
cursor 0 19
! "combining marks join"
feed "e\xcc\x81a\xcc\x80\xcc\x81x"
cell 0 0 "e\xcc\x81"
cell 0 2 x
! "emoji, new ones too, are wide"
feed "\xf0\x9f\x98\x80\xf0\x9f\xab\xa8\xf0\x9f\xaa\xbf\xf0\x9f\xab\xb8"
cell 0 0 😀,wide
cell 0 2 🫨,wide
cell 0 4 🪿,wide
cell 0 6 🫸,wide
cursor 0 8
! "VS16 makes wide, VS15 does not"
feed "\xe2\x9d\xa4\xef\xb8\x8f|\xe2\x9d\xa4\xef\xb8\x8e|\xe2\x9d\xa4|"
cell 0 0 ❤️,wide
cell 0 2 |
cell 0 3 ❤︎
cell 0 4 |
cell 0 5 ❤
cursor 0 7
! "skin tones"
feed "\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbdx"
cell 0 0 👍🏽,wide
cell 0 2 x
! "a skin tone alone"
feed "a\xf0\x9f\x8f\xbdx"
cell 0 1 🏽,wide
cell 0 3 x
! "ZWJ families"
feed "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7x"
cell 0 0 👨‍👩‍👧,wide
cell 0 2 x
! "ZWJ with VS16 and skin: one cluster"
feed "\xf0\x9f\x8f\xb3\xef\xb8\x8f\xe2\x80\x8d\xf0\x9f\x8c\x88|\xf0\x9f\x91\xa9\xf0\x9f\x8f\xbf\xe2\x80\x8d\xf0\x9f\x9a\x80|"
cell 0 0 🏳️‍🌈,wide
cell 0 2 |
cell 0 3 👩🏿‍🚀,wide
cell 0 5 |
! "keycaps"
feed "1\xef\xb8\x8f\xe2\x83\xa3x#\xef\xb8\x8f\xe2\x83\xa3y"
cell 0 0 1️⃣,wide
cell 0 2 x
cell 0 3 "#️⃣,wide"
cell 0 5 y
! "flags: pairs, and a lone one"
feed "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa\xf0\x9f\x87\xab\xf0\x9f\x87\xb7x"
cell 0 0 🇩🇪,wide
cell 0 2 🇫🇷,wide
cell 0 4 x
! "clusters arrive in pieces"
bytewise "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9"
cell 0 0 👨‍👩,wide
cursor 0 2
! "a flag at the right margin is not split"
feed "\e[1;20H\xf0\x9f\x87\xa9\xf0\x9f\x87\xaax"
cell 0 19 .
cell 1 0 🇩🇪,wide
cell 1 2 x
! "VS16 in the last column"
feed "\e[1;20H\xe2\x9d\xa4\xef\xb8\x8fx"
cell 0 19 .
cell 1 0 ❤️,wide
cell 1 2 x
! "a family at the right margin is not split"
feed "\e[1;19H\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7x"
cell 0 18 👨‍👩‍👧,wide
cell 1 0 x
! "writing over half of a wide character"
feed "\xe4\xb8\xad\xe4\xb8\xad\e[1;2Hx"
cell 0 0 .
cell 0 1 x
cell 0 2 中,wide
feed "\e[1;3Hy"
cell 0 2 y
cell 0 3 .
! "Hangul syllables from jamo, Thai, Devanagari"
feed "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xabx"
cell 0 0 "\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab,wide"
cell 0 2 x
! "zero width space and joiners have no cell"
feed "a\xe2\x80\x8bb\xe2\x80\x8cc\xef\xbb\xbfd"
cursor 0 4
! "ambiguous characters are narrow"
feed "\xc2\xa7\xe2\x86\x92\xe2\x94\x80\xce\xb1"
cursor 0 4
! "soft hyphen and no-break space have a column"
feed "\xc2\xa0\xc2\xad|"
cursor 0 3
! "a tower of marks is bounded"
feed "a\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81\xcc\x81x"
cursor 0 2
cell 0 1 x
! "insert mode with wide characters"
feed "ab\e[4h\e[1;1H\xe4\xb8\xad"
row 0 "中ab"
