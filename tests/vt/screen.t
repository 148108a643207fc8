# Cursor, erasing, editing, scrolling, charsets; K1-K8, B12, B14 and what the bare library lacks.
! "cursor movement and its bounds"
feed "\e[3;5H"
cursor 2 4
feed "\e[99;99H"
cursor 4 19
feed "\e[A\e[2D\e[99A"
cursor 0 17
feed "\e[2E"
cursor 2 0
feed "\e[5G\e[F"
cursor 1 0
feed "\e[4d\e[7`"
cursor 3 6
feed "\e[3a\e[1e"
cursor 4 9
feed "\e[;H\e[0;0H\e[2;3f"
cursor 1 2
! "parameters beyond every bound (K7)"
feed "\e[99999999999999999999;99999999999999999999H\e[99999999999999C"
cursor 4 19
feed "\e[4294967297A"
cursor 0 19
! "wrap, pending wrap"
feed "01234567890123456789"
cursor 0 19
wraps 0 no
feed "x"
row 1 "x"
wraps 0 yes
feed "\e[1;20HY\rZ"
cursor 0 1
row 0 "Z123456789012345678Y"
! "EL keeps a pending wrap; a move ends it"
feed "01234567890123456789\e[Kx"
row 1 "x"
feed "\e[1;20Hy\e[Dz"
row 0 "012345678901234567zy"
! "DECAWM off"
feed "\e[?7l0123456789012345678901234"
screen "01234567890123456784"
! "reverse wrap"
feed "\e[?45h0123456789012345678901\b\b\b\bX"
screen "012345678901234567X9/01"
feed "\e[?45$p"
answer "\e[?45;1$y"
! "ED and EL"
feed "11111\r\n22222\r\n33333\e[2;3H\e[J"
screen "11111/22"
feed "\e[1;3H\e[1J"
screen "   11/22"
feed "\e[1;4H\e[K\e[2;1H\e[1K"
screen "/ 2"
! "ECH, ICH, DCH, IL, DL"
feed "abcdef\e[1;2H\e[2X"
row 0 "a  def"
feed "\e[2@"
row 0 "a    def"
feed "\e[4P"
row 0 "adef"
feed "\e[L"
screen "/adef"
feed "\e[2;1H\e[M"
screen ""
! "DCH and ICH outside the scrolling region (B12)"
feed "\e[2;3r\e[5;1Habcdef\e[5;2H\e[2P\e[1@"
row 4 "a def"
! "CUU and CUD stop at margins when they begin inside (B12)"
feed "\e[2;4r\e[3;1H\e[9A"
cursor 1 0
feed "\e[9B"
cursor 3 0
feed "\e[5;1H\e[9A"
cursor 1 0
feed "\e[1;1H\e[9A"
cursor 0 0
feed "\e[5;1H\e[B"
cursor 4 0
! "scrolling region: newline, RI, SU, SD"
feed "1\r\n2\r\n3\r\n4\r\n5\e[2;4r\e[4;1H\nX"
screen "1/3/4/X/5"
feed "\e[2;1H\eMY"
screen "1/Y/3/4/5"
feed "\e[S"
screen "1/3/4//5"
feed "\e[2T"
screen "1///3/5"
! "SU keeps nothing of a region, all of a screen"
feed "1\r\n2\r\n3\e[2S"
screen "3"
history 2
! "ED 3 empties the scrollback"
feed "\n\n\n\n\n\n\n"
history 3
feed "\e[3J"
history 0
! "region set, screen made smaller, then newline, IL, RI (K3)"
feed "\e[2;5r\e[5;1Hx"
resize 20 3
feed "\n\e[L\eM\e[9L\n\n"
resize 20 5
feed "\e[2;4r\e[1;1H\e[4;1H\n\n"
cursor 3 0
! "combining without a base, then REP (K2)"
feed "\e[3;3H\xcc\x81\e[5b"
cursor 2 2
feed "e\xcc\x81\e[3b"
cell 2 2 "e\xcc\x81"
cell 2 3 e
cursor 2 6
! "REP repeats the last character, and only that"
feed "ab\e[3b"
row 0 "abbbb"
feed "\r\n\e[3b"
feed "x\e[99999999b"
row 3 "xxxxxxxxxxxxxxxxxxxx"
! "wide in two columns, one row (K4)"
size 2 2
feed "\xe4\xb8\xad\xe4\xb8\xad\xe4\xb8\xad"
screen "中/中"
resize 1 1
feed "\xe4\xb8\xad"
resize 20 5
feed "x"
! "double size lines are not taken (K4)"
feed "\e#3a\e#4b\e#6c"
row 0 "abc"
! "UTF-8 cut by a write (K6)"
feed "\xe4" "a"
row 0 "�a"
feed "\r\e[K\xf0\x9f" "\x98\x80"
row 0 "😀"
bytewise "\r\xe2\x82\xac"
cell 0 0 €
! "malformed UTF-8: overlong, surrogates, too large, lone"
feed "\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\x80|\xff"
row 0 "��|���|����|�|�"
! "SCOSC, SCORC and not CSI > u and friends (B10)"
feed "\e[2;2H\e[s\e[H\e[>1u\e[<u\e[=0u\e[?u"
cursor 0 0
feed "\e[u"
cursor 1 1
! "DECALN"
size 4 2
feed "\e#8"
screen "EEEE/EEEE"
! "tab stops, also after growing"
feed "\ta"
cursor 0 9
resize 40 5
feed "\t\t\t"
cursor 0 32
feed "\e[3g\t"
cursor 0 39
feed "\e[1;5H\eH\r\t"
cursor 0 4
feed "\e[?5W\r\t"
cursor 0 8
feed "\e[Z"
cursor 0 0
! "line drawing and shifts"
feed "\e(0lqk\e(Bq\e)0\x0ex\x0fx"
row 0 "┌─┐q│x"
! "DECSC keeps the charset"
feed "\e(0\e7\e(B\e8q"
row 0 "─"
! "DECOM"
feed "\e[2;4r\e[?6h\e[1;1H"
cursor 1 0
feed "\e[9;1H\e[6n"
cursor 3 0
answer "\e[3;1R"
! "left and right margins"
size 10 4
feed "\e[?69h\e[3;6s\e[1;3Habcdefgh"
row 0 "  abcd"
row 1 "  efgh"
feed "\e[4;3H\n"
row 0 "  efgh"
! "rectangles: DECFRA, DECERA, DECCRA, DECSERA"
size 10 4
feed "\e[88;1;1;3;4$x"
screen "XXXX/XXXX/XXXX"
feed "\e[2;2;2;3$z"
screen "XXXX/X  X/XXXX"
feed "\e[1;1;2;4;1;3;5;1$v"
screen "XXXX/X  X/XXXXXXXX/    X  X"
feed "\e[1\"q\e[1;1HP\e[0\"q\e[1;1;1;10${"
row 0 "P"
! "DECCARA, DECRARA, DECSACE"
size 10 3
feed "abcdef\r\nghijkl\e[1;2;2;3;1;4$r"
cell 0 0 a
cell 0 1 b,bold,underline
cell 1 2 i,bold,underline
cell 0 3 d,bold,underline
cell 1 3 j
feed "\e[2*x\e[1;1;1;2;1$t"
cell 0 0 a,bold
cell 0 1 b,underline
! "DECIC, DECDC, DECBI, DECFI"
size 8 3
feed "abcd\r\nefgh\e[1;2H\e[1'}"
screen "a bcd/e fgh"
feed "\e[1'~"
screen "abcd/efgh"
feed "\e[1;1H\e6"
screen " abcd/ efgh"
feed "\e[1;8H\e9"
screen "abcd/efgh"
! "SL and SR"
size 8 2
feed "abcd\e[2 @"
row 0 "cd"
feed "\e[1 A"
row 0 " cd"
! "controls inside a sequence act at once"
feed "a\e[2\r;1\nHb"
cursor 1 1
! "CAN and SUB end a sequence, DEL and NUL are nothing"
feed "\e[1\x18m\e[1\x1am\x7f\x00x"
row 0 "mmx"
! "an ESC begins anew"
feed "\e[1\e[3mx"
cell 0 0 x,italic
! "unknown sequences show nothing"
feed "\e[?1;2;3;4W\e[5;5y\e[1;1'z\e%G\e F\e[1$w\e[2;1:3;4z\e[>1;2;3r\e[99:3p\e[=5xa"
screen "a"
answer ""
! "200 lines through a small screen"
size 10 3
feed "1\r\n2\r\n3\r\n4\r\n5"
screen "3/4/5"
history 2
! "VPR goes past the margin, CUD stops there; in origin mode both stop"
size 80 24
feed "\e[2;5r\e[3;1H\e[9B\e[6n\e[3;1H\e[9e\e[6n\e[?6h\e[9e\e[6n"
answer "\e[5;1R\e[12;1R\e[4;1R"
