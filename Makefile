# SPDX-License-Identifier: Apache-2.0
# muthr-tui: non-recursive, out of tree (build/MODE), GNU make 3.81 is enough.
#   make run       install what is missing, build, start the cockpit     make test   install what is missing, run every test
#   make check     compilers, sanitizers, valgrind, lint                  MODE=debug|release|asan   O=build (output folder)

MODE ?= release
O ?= build
B := $(O)/$(MODE)
PREFIX ?= /usr/local
DATADIR ?= $(PREFIX)/share/muthr-tui
VERSION := 0.1.0
UNAME := $(shell uname -s)
CC ?= cc
PKG_CONFIG ?= pkg-config

PKGS_core := libuv libcjson nettle libcurl yaml-0.1
PKGS_term := vterm
PKGS_tui := ncursesw
PKGS_backends :=
ifeq ($(UNAME),Linux)
PKGS_backends += libseccomp
endif
PKGS := $(PKGS_core) $(PKGS_term) $(PKGS_tui) $(PKGS_backends)

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
        -Wwrite-strings -Wpointer-arith -Wformat=2 -Wundef -Wcast-qual -fno-common
ifdef WERROR
WARN += -Werror
endif
CFLAGS_debug := -O0 -g3 -DMT_DEBUG=1
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_asan := -O1 -g3 -DMT_DEBUG=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_asan := -fsanitize=address,undefined
CFLAGS_fuzz := $(CFLAGS_asan)
LDFLAGS_fuzz := $(LDFLAGS_asan)
OSFLAGS_Linux := -D_GNU_SOURCE
OSFLAGS_Darwin := -D_DARWIN_C_SOURCE
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS_$(MODE)) $(OSFLAGS_$(UNAME)) -I. -I$(B)/gen \
             -DMT_VERSION='"$(VERSION)"' -DMT_DATADIR='"$(DATADIR)"' -include core/util/banned.h \
             $(filter-out -D_XOPEN_SOURCE=%,$(shell $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null)) $(CFLAGS)
LIBS = $(shell $(PKG_CONFIG) --libs $(PKGS) 2>/dev/null)

SRC_core := $(wildcard core/*/*.c)
SRC_term := $(wildcard term/*.c)
SRC_backends := $(wildcard backends/*.c backends/bwrap/*.c)
SRC_tui := $(filter-out tui/main.c,$(wildcard tui/*.c tui/views/*.c))
SRC_init := $(wildcard backends/bwrap/init/*.c)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
ARCHIVES := $(B)/libtui.a $(B)/libbackends.a $(B)/libterm.a $(B)/libcore.a
BIN := $(B)/muthr-tui

.PHONY: all run test check layers fuzz bench install uninstall format lint clean deps-run deps-test
.SECONDARY:
all: $(BIN)

$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -MD -MP -c $< -o $@

$(B)/libcore.a: $(call obj,$(SRC_core))
$(B)/libterm.a: $(call obj,$(SRC_term))
$(B)/libbackends.a: $(call obj,$(SRC_backends))
$(B)/libtui.a: $(call obj,$(SRC_tui))
$(B)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(AR) rcs $@ $^

# The in-sandbox init: a static program, embedded in the executable (backends/bwrap/init_blob.c reads $(B)/gen/muthr-init).
ifeq ($(UNAME),Linux)
$(B)/gen/muthr-init: $(SRC_init) $(wildcard backends/bwrap/init/*.h backends/bwrap/wire.h)
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -Os -Wall -Wextra -D_GNU_SOURCE -static -s -I. $(SRC_init) -o $@
$(B)/obj/backends/bwrap/init_blob.o: $(B)/gen/muthr-init
endif

# The default theme is compiled in (tui/theme.c), as bytes, so that it has no length limit and needs no quoting.
$(B)/gen/theme_default.inc: themes/default.toml
	@mkdir -p $(@D)
	od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' > $@
$(B)/obj/tui/theme.o: $(B)/gen/theme_default.inc

$(BIN): $(call obj,tui/main.c) $(ARCHIVES)
	$(CC) $(LDFLAGS_$(MODE)) $(LDFLAGS) -o $@ $(call obj,tui/main.c) $(ARCHIVES) $(LIBS)

# --- tests: one binary per module; each links only the archives its folder may use ---
TESTS_unit := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TESTS_engine := $(patsubst tests/engine/%.c,$(B)/tests/engine/%,$(wildcard tests/engine/test_*.c))
TESTS_backends := $(patsubst tests/backends/%.c,$(B)/tests/backends/%,$(wildcard tests/backends/test_*.c))
TESTS_screens := $(patsubst tests/screens/%.c,$(B)/tests/screens/%,$(wildcard tests/screens/test_*.c))
support = $(call obj,$(filter-out $(wildcard tests/$(1)/test_*.c),$(wildcard tests/$(1)/*.c)))
CMOCKA = $(shell $(PKG_CONFIG) --libs cmocka 2>/dev/null)

tests: $(TESTS_unit) $(TESTS_engine) $(TESTS_backends) $(TESTS_screens)
$(TESTS_unit) $(TESTS_engine) $(TESTS_backends) $(TESTS_screens): $(B)/tests/%: $(B)/obj/tests/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(CC) $(LDFLAGS_$(MODE)) $(LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS) $(CMOCKA)
$(TESTS_unit): $(call support,unit)
$(TESTS_engine): $(call support,engine)
$(TESTS_backends): $(call support,backends) $(BIN)
$(TESTS_screens): $(call support,screens) $(BIN)

clean:
	rm -rf $(O)

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
