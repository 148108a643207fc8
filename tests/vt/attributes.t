# SGR in every form: what a cell looks like.
! "plain attributes"
feed "\e[1ma\e[0;2mb\e[0;3mc\e[0;4md\e[0;5me\e[0;7mf\e[0;8mg\e[0;9mh\e[0;53mi\e[0;21mj\e[mk"
cell 0 0 a,bold
cell 0 1 b,dim
cell 0 2 c,italic
cell 0 3 d,underline
cell 0 4 e,blink
cell 0 5 f,reverse
cell 0 6 g,conceal
cell 0 7 h,strike
cell 0 8 i,overline
cell 0 9 j,double
cell 0 10 k
! "each off by its own code"
feed "\e[1;2;3;4;5;7;8;9;53m\e[22;23;24;25;27;28;29;55mx"
cell 0 0 x
feed "\e[1;2m\e[22;1my"
cell 0 1 y,bold
! "underline styles (B9)"
feed "\e[4:1ma\e[4:2mb\e[4:3mc\e[4:4md\e[4:5me\e[4:0mf\e[4mg\e[24mh\e[4:9mi"
cell 0 0 a,underline
cell 0 1 b,double
cell 0 2 c,curly
cell 0 3 d,dotted
cell 0 4 e,dashed
cell 0 5 f
cell 0 6 g,underline
cell 0 7 h
cell 0 8 i
! "underline colour, all forms (B8)"
feed "\e[4;58;2;255;0;1ma\e[58:2::0:255:2mb\e[58:2:1:2:3mc\e[58;5;9md\e[58:5:10me\e[59mf"
cell 0 0 a,underline,ul=#ff0001
cell 0 1 b,underline,ul=#00ff02
cell 0 2 c,underline,ul=#010203
cell 0 3 d,underline,ul=9
cell 0 4 e,underline,ul=10
cell 0 5 f,underline
feed "\e[58;5;1mg\e[0mh\e[4mi"
cell 0 6 g,underline,ul=1
cell 0 7 h
cell 0 8 i,underline
! "underline colour and link together, each ends alone"
feed "\e]8;;http://a/\e\\\e[4;58;5;3mx\e[59my\e[58;5;3m\e]8;;\e\\z\e[0mw"
cell 0 0 x,underline,ul=3,link=http://a/
cell 0 1 y,underline,link=http://a/
cell 0 2 z,underline,ul=3
cell 0 3 w
feed "\e]8;;http://b/\e\\\e[0mv"
cell 0 4 v,link=http://b/
! "colours: 8, 16, 256, true, in semicolons and colons (B7)"
feed "\e[31;42ma\e[91;102mb\e[38;5;200;48;5;17mc\e[38;2;1;2;3;48;2;4;5;6md"
cell 0 0 a,fg=1,bg=2
cell 0 1 b,fg=9,bg=10
cell 0 2 c,fg=200,bg=17
cell 0 3 d,fg=#010203,bg=#040506
feed "\e[38:2::7:8:9;48:2:10:11:12me\e[38:5:3;48:5:4mf\e[39mg\e[49mh"
cell 0 4 e,fg=#070809,bg=#0a0b0c
cell 0 5 f,fg=3,bg=4
cell 0 6 g,bg=4
cell 0 7 h
feed "\e[38:2:99:1:2:3mi\e[0;38;2;300;0;999mj"
cell 0 8 i,fg=#010203
cell 0 9 j,fg=#ff00ff
! "a colour is followed by other attributes"
feed "\e[38;5;1;1ma\e[0;48;2;1;2;3;4mb\e[0;58:2::1:2:3;4;1mc"
cell 0 0 a,bold,fg=1
cell 0 1 b,underline,bg=#010203
cell 0 2 c,bold,underline,ul=#010203
! "17 and more parameters (K1)"
feed "\e[1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;1;3mx"
cell 0 0 x,bold,italic
feed "\e[0m\e[4:3:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1:1my"
cell 0 1 y,curly
! "unknown codes and empty ones"
feed "\e[1;77;3mx\e[;my\e[1m\e[mz"
cell 0 0 x,bold,italic
cell 0 1 y
cell 0 2 z
! "other CSI m are no SGR"
feed "\e[>4;1m\e[?4m\e[>4mx"
cell 0 0 x
answer "\e[>4;1m"
! "the background fills what is erased, nothing else does (B13)"
feed "\e[7;4;44mab\e[K\e[2;1H\e[1;41m\e[2K\e[3;1H\e[4X"
cell 0 0 a,reverse,underline,bg=4
cell 0 2 .,bg=4
cell 0 19 .,bg=4
cell 1 5 .,bg=1
cell 2 3 .,bg=1
cell 2 4 .
! "scrolling fills with the background"
feed "\e[45m\e[5;1H\n"
cell 4 7 .,bg=5
! "DECSCNM is not an attribute"
feed "\e[?5hx"
cell 0 0 x
feed "\e[?5$p"
answer "\e[?5;1$y"
! "DECSCA and selective erase"
feed "\e[1\"qab\e[0\"qcd\e[1;1H\e[?2K"
screen "ab"
cell 0 0 a,protected
feed "\e[2K"
screen ""
! "DECRQSS tells the pen"
feed "\e[1;3;4:3;38;5;5;48;2;1;2;3;58:2::4:5:6m\eP$qm\e\\"
answer "\eP1$r0;1;3;4:3;38:5:5;48:2::1:2:3;58:2::4:5:6m\e\\"
feed "\e[0m\eP$qm\e\\"
answer "\eP1$r0m\e\\"
! "DECSC keeps the pen"
feed "\e[1;4;31;58;5;2m\e7\e[0ma\e8b"
cell 0 0 b,bold,underline,fg=1,ul=2
