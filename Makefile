# SPDX-License-Identifier: Apache-2.0
# muthr-tui: non-recursive, out of tree (O/MODE), GNU make 3.81 is enough.
#   make run     installs what is missing, builds, starts the cockpit     make test    installs what is missing, runs every test
#   make check   both compilers, sanitizers, valgrind, fuzz, lint         make install PREFIX=/usr/local DESTDIR=
#   make dist    $(O)/dist: the tarball, its sha256, Homebrew's formula (DIST_URL=, HOMEPAGE=, MAINTAINER='Name <mail>')
#   make check-libvterm VTERM_SRC=unpacked-release   builds and tests against another libvterm than the system's
#   make check-macos   compiles and links for macOS, on any machine (tests/macos.sh)
#   MODE=debug|release|asan|fuzz   O=build (output folder)   WERROR=1   CC=gcc|clang   ARGS='...' (for run)   V=1 (show commands)

MODE ?= release
O ?= build
B := $(O)/$(MODE)
# What is shown of a command: its kind and its file, or with V=1 all of it.
say = $(if $(V),,@echo '  $(1) $(2)';)
PREFIX ?= /usr/local
DATADIR ?= $(PREFIX)/share/muthr-tui
MANDIR ?= $(PREFIX)/share/man
# Completions, where each shell looks by itself.
BASHDIR ?= $(PREFIX)/share/bash-completion/completions
ZSHDIR ?= $(PREFIX)/share/zsh/site-functions
FISHDIR ?= $(PREFIX)/share/fish/vendor_completions.d
VERSION := 0.1.0
UNAME := $(shell uname -s)
CC ?= cc
PKG_CONFIG ?= pkg-config

ifeq ($(UNAME),Darwin)
# Homebrew's ncurses and curl are keg-only.
BREW := $(shell brew --prefix 2>/dev/null)
export PKG_CONFIG_PATH := $(BREW)/opt/ncurses/lib/pkgconfig:$(BREW)/opt/curl/lib/pkgconfig:$(PKG_CONFIG_PATH)
# Before 4.4, make does not give what it exports to $(shell).
PKG_CONFIG_HERE := PKG_CONFIG_PATH='$(PKG_CONFIG_PATH)'
# Its clang-tidy is in no PATH either; last, so that the compiler stays Apple's.
export PATH := $(PATH):$(BREW)/opt/llvm/bin
endif
PKGS := libuv libcjson nettle libcurl yaml-0.1 vterm ncursesw
ifeq ($(UNAME),Linux)
PKGS += libseccomp
endif

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wold-style-definition -Wvla \
        -Wwrite-strings -Wpointer-arith -Wformat=2 -Wundef -Wcast-qual -fno-common
ifdef WERROR
WERROR_FLAG := -Werror
endif
CFLAGS_debug := -O0 -g3 -DMT_DEBUG=1
CFLAGS_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
CFLAGS_asan := -O1 -g1 -DMT_DEBUG=1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_asan := -fsanitize=address,undefined
# fuzz: clang's libFuzzer (make fuzz sets CC).
CFLAGS_fuzz := $(CFLAGS_asan) -fsanitize=fuzzer-no-link
LDFLAGS_fuzz := $(LDFLAGS_asan)
OSFLAGS_Linux := -D_GNU_SOURCE
OSFLAGS_Darwin := -D_DARWIN_C_SOURCE
# Asked once. `make run` and `make test` install packages first and then start make again, so that this sees them.
PKG_CFLAGS := $(filter-out -D_XOPEN_SOURCE=%,$(shell $(PKG_CONFIG_HERE) $(PKG_CONFIG) --cflags $(PKGS) 2>/dev/null) \
              $(shell $(PKG_CONFIG_HERE) $(PKG_CONFIG) --cflags cmocka 2>/dev/null))
# libcurl is loaded when it is needed (core/io/curl_lib.c): its headers are all that the build takes.
LIBS := $(shell $(PKG_CONFIG_HERE) $(PKG_CONFIG) --libs $(filter-out libcurl,$(PKGS)) 2>/dev/null) -lm -ldl
CMOCKA := $(shell $(PKG_CONFIG_HERE) $(PKG_CONFIG) --libs cmocka 2>/dev/null)
ALL_CFLAGS = -std=gnu11 $(WARN) $(WERROR_FLAG) $(CFLAGS_$(MODE)) $(OSFLAGS_$(UNAME)) -I. -I$(B)/gen -DMT_VERSION='"$(VERSION)"' \
             -include core/util/banned.h $(PKG_CFLAGS) $(CFLAGS)
ALL_LDFLAGS = $(LDFLAGS_$(MODE)) $(LDFLAGS)

SRC_core := $(wildcard core/*/*.c)
SRC_term := $(wildcard term/*.c)
SRC_backends := $(wildcard backends/*.c backends/*/*.c)
SRC_tui := $(filter-out tui/main.c,$(wildcard tui/*.c tui/views/*.c))
SRC_init := $(wildcard backends/bwrap/init/*.c)
SRC_tests := $(wildcard tests/*/*.c tests/play/*/*.c)
ifneq ($(UNAME),Linux)
# bubblewrap's sandboxes are the kernel's namespaces: nothing of them can be compiled elsewhere, nor the tests that run in one.
SRC_linux := $(filter-out backends/bwrap/elsewhere.c,$(wildcard backends/bwrap/*.c)) backends/seccomp.c
TESTS_linux := $(shell grep -l -e 'bwrap_fixture' -e 'backends/bwrap/' -e 'backends/seccomp' $(SRC_tests)) $(wildcard tests/play/container/*.c)
SRC_backends := $(filter-out $(SRC_linux),$(SRC_backends))
SRC_tests := $(filter-out $(TESTS_linux),$(SRC_tests))
endif
SRC_all := $(SRC_core) $(SRC_term) $(SRC_backends) $(SRC_tui) tui/main.c $(SRC_tests)
HEADERS := $(wildcard core/*/*.h term/*.h backends/*.h backends/*/*.h tui/*.h tui/views/*.h)

obj = $(patsubst %.c,$(B)/obj/%.o,$(1))
ARCHIVES := $(B)/libtui.a $(B)/libbackends.a $(B)/libterm.a $(B)/libcore.a
BIN := $(B)/muthr-tui

.PHONY: pictures all run test test-run programs tests check check-compilers check-asan valgrind layers fuzz fuzz-bins bench soak check-libvterm check-macos install uninstall dist dist-check format format-check \
        lint objects clean compile_commands.json
.SECONDARY:
.DELETE_ON_ERROR:
all: $(BIN)

# Everything is compiled again when the flags change: one folder never mixes two ways of compiling.
FLAGS_TEXT := $(subst ",,$(subst ',,$(CC) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS)))
ifneq ($(filter-out clean uninstall format dist dist-check,$(or $(MAKECMDGOALS),all)),)
$(shell mkdir -p $(B) && { echo '$(FLAGS_TEXT)' | cmp -s - $(B)/flags || echo '$(FLAGS_TEXT)' >$(B)/flags; })
$(shell mkdir -p $(B) && { echo '$(DATADIR)' | cmp -s - $(B)/datadir || echo '$(DATADIR)' >$(B)/datadir; })
endif
$(B)/flags $(B)/datadir:

$(B)/obj/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(ALL_CFLAGS) $(DEFS) -MD -MP -c $< -o $@
$(B)/obj/core/util/paths.o: DEFS := -DMT_DATADIR='"$(DATADIR)"'
$(B)/obj/core/util/paths.o: $(B)/datadir
# libseccomp's own macros leave the last field out.
$(B)/obj/backends/seccomp.o: DEFS := -Wno-missing-field-initializers

$(B)/libcore.a: $(call obj,$(SRC_core))
$(B)/libterm.a: $(call obj,$(SRC_term))
$(B)/libbackends.a: $(call obj,$(SRC_backends))
$(B)/libtui.a: $(call obj,$(SRC_tui))
$(B)/lib%.a:
	@mkdir -p $(@D)
	@rm -f $@
	$(call say,AR,$@)$(AR) qcs $@ $^

# The in-sandbox init: a static program, embedded in the executable (backends/bwrap/init_blob.c reads $(B)/gen/muthr-init). Never sanitised.
ifeq ($(UNAME),Linux)
$(B)/gen/muthr-init: $(SRC_init) $(wildcard backends/bwrap/init/*.h backends/bwrap/wire.h) $(B)/flags
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -std=gnu11 -Os -Wall -Wextra $(WERROR_FLAG) -D_GNU_SOURCE -static -s -I. $(SRC_init) -o $@
$(B)/obj/backends/bwrap/init_blob.o: $(B)/gen/muthr-init
endif

# The default theme is compiled in (tui/theme.c), as bytes, so that it has no length limit and needs no quoting.
$(B)/gen/theme_default.inc: themes/default.toml
	@mkdir -p $(@D)
	$(call say,GEN,$@)od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g' >$@
$(B)/obj/tui/theme.o: $(B)/gen/theme_default.inc

# The build tree's data folder, where the program finds it (core/util/paths.c).
$(B)/data/.linked:
	@mkdir -p $(@D)
	@ln -sfn $(CURDIR)/themes $(B)/data/themes
	@ln -sfn $(CURDIR)/backends/profiles $(B)/data/profiles
	@ln -sfn $(CURDIR)/term/attention.toml $(B)/data/attention.toml
	@touch $@

$(BIN): $(call obj,tui/main.c) $(ARCHIVES) | $(B)/data/.linked
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(call obj,tui/main.c) $(ARCHIVES) $(LIBS)

run:
	@.ci/deps run
	@$(MAKE) --no-print-directory all
	@exec $(BIN) $(ARGS)

# --- tests: one program per module, each for itself; fuzz targets with the replaying main ---
TESTS_unit := $(patsubst tests/unit/%.c,$(B)/tests/unit/%,$(wildcard tests/unit/test_*.c))
TESTS_engine := $(patsubst tests/engine/%.c,$(B)/tests/engine/%,$(wildcard tests/engine/test_*.c))
TESTS_backends := $(patsubst tests/backends/%.c,$(B)/tests/backends/%,$(wildcard tests/backends/test_*.c))
TESTS_screens := $(patsubst tests/screens/%.c,$(B)/tests/screens/%,$(wildcard tests/screens/test_*.c))
TESTS_fuzz := $(patsubst tests/fuzz/fuzz_%.c,$(B)/tests/fuzz/replay_%,$(wildcard tests/fuzz/fuzz_*.c))
# Minutes of real podman, whose time is podman's and the network's: once, in the mode that is shipped.
SLOW := backends/test_podman_debian backends/test_podman_crash backends/test_podman_input backends/test_podman_task screens/test_podman
ifeq ($(MODE),asan)
TESTS_backends := $(filter-out $(addprefix $(B)/tests/,$(SLOW)),$(TESTS_backends))
TESTS_screens := $(filter-out $(addprefix $(B)/tests/,$(SLOW)),$(TESTS_screens))
endif
# By themselves (`make programs`, and in `make check`): what needs packages of npm's, or compilers that nothing else here needs and
# a minute of them. Programs that Debian packages are in `make test`.
PROGRAMS := $(patsubst %,$(B)/tests/screens/%,test_npm_programs test_frameworks)
TESTS_screens := $(filter-out $(PROGRAMS),$(TESTS_screens))
TESTS_here = $(filter-out $(patsubst %.c,$(B)/%,$(TESTS_linux)),$(1))
TESTS_unit := $(call TESTS_here,$(TESTS_unit))
TESTS_backends := $(call TESTS_here,$(TESTS_backends))
TESTS := $(TESTS_unit) $(TESTS_engine) $(TESTS_backends) $(TESTS_screens)
support = $(call obj,$(filter-out $(wildcard tests/$(1)/test_*.c) $(TESTS_linux),$(wildcard tests/$(1)/*.c)))

tests: $(TESTS) $(PROGRAMS) $(TESTS_fuzz)
$(TESTS) $(PROGRAMS): $(B)/tests/%: $(B)/obj/tests/%.o $(ARCHIVES) | $(B)/data/.linked
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS) $(CMOCKA)
$(TESTS_unit): $(call support,unit)
$(TESTS_engine): $(call support,engine)
$(TESTS_backends): $(call support,backends) $(BIN)
$(B)/tests/backends/test_forward: $(call obj,tests/unit/temphome.c)
# Screens of real podman need its rig.
POD_RIG := $(call obj,tests/backends/podman_rig.c tests/backends/podman_net.c tests/backends/podman_sweep.c)
$(TESTS_screens) $(PROGRAMS): $(call support,screens) $(call obj,tests/compare/cells.c) $(POD_RIG) $(BIN)
# What plays llama-server for those that start and stop it.
PLAY := $(B)/tests/play/llama-server
$(PLAY): $(call obj,tests/play/llama_server.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $<
$(B)/tests/engine/test_local $(B)/tests/backends/test_verb_engine $(B)/tests/backends/test_services $(B)/tests/screens/test_server: | $(PLAY)
$(B)/tests/screens/test_server: $(call obj,tests/engine/llm_server.c)
# What stands for macOS' sandbox-exec where there is none.
PLAY_SEATBELT := $(B)/tests/play/sandbox-exec
$(PLAY_SEATBELT): $(call obj,tests/play/sandbox_exec.c tests/play/sbpl.c)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^
$(B)/tests/unit/test_seatbelt_profile: $(call obj,tests/play/sbpl.c)
$(B)/tests/backends/test_seatbelt $(B)/tests/backends/test_verb_seatbelt $(B)/tests/backends/test_container_order: | $(PLAY_SEATBELT)
# What plays Apple's container: a program of that name, to be put first in PATH. It runs processes in namespaces of Linux's.
ifeq ($(UNAME),Linux)
PLAY_CONTAINER := $(B)/tests/play/container/container
$(PLAY_CONTAINER): $(call obj,$(wildcard tests/play/container/*.c) backends/facts.c) $(B)/libcore.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(patsubst tests/backends/%.c,$(B)/tests/backends/%,$(wildcard tests/backends/test_container*.c)): | $(PLAY_CONTAINER)
endif
$(TESTS_fuzz): $(B)/tests/fuzz/replay_%: $(B)/obj/tests/fuzz/fuzz_%.o $(B)/obj/tests/fuzz/replay_main.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)

# By hand: records programs, and compares what we make of them with xterm.js (tests/compare/compare.mjs).
VTRECORD := $(B)/tests/compare/vtrecord
.PHONY: vtrecord
vtrecord: $(VTRECORD)
$(VTRECORD): $(call obj,tests/compare/vtrecord.c tests/compare/cells.c) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)

test:
	@.ci/deps test
	@$(MAKE) --no-print-directory objects tests
	@$(MAKE) --no-print-directory layers
	@$(MAKE) --no-print-directory dist-check
	@$(MAKE) --no-print-directory test-run

# What was built: `make test-run SUITES='unit engine'` for a part.
SUITES ?= unit engine fuzz backends screens
test-run: $(foreach s,$(SUITES),$(TESTS_$(s)))
	@tests/run.sh $(foreach s,$(SUITES),$(TESTS_$(s)))

programs: tests
	@TEST_SLOW_JOBS=1 tests/run.sh $(PROGRAMS)

# --- rules of the layers: the compiler's own dependency files, and every header alone ---
objects: $(call obj,$(SRC_core) $(SRC_term) $(SRC_backends) $(SRC_tui) $(wildcard tui/main.c))
HEADER_CHECKS := $(patsubst %.h,$(B)/headers/%.ok,$(HEADERS))
$(B)/headers/%.ok: %.h $(B)/flags
	@mkdir -p $(@D)
	$(if $(V),,@)$(CC) $(ALL_CFLAGS) -Werror -Wno-unused-macros -MD -MF $(B)/headers/$*.d -MT $@ -fsyntax-only -include $< -x c /dev/null
	@touch $@
layers: objects $(HEADER_CHECKS)
	@tests/layers.sh $(B)/obj
	@tests/portable.sh

# --- pictures of the real program for README and themes/preview ---
pictures: $(B)/tests/screens/test_pictures
	PICTURES=themes/preview $<

# --- fuzzing: libFuzzer where clang has it, the replaying main always ---
FUZZ_SECONDS ?= 30
FUZZ_RUNS ?= 20000
FUZZ_BINS := $(patsubst tests/fuzz/fuzz_%.c,$(B)/fuzz/fuzz_%,$(wildcard tests/fuzz/fuzz_*.c))
fuzz-bins: $(FUZZ_BINS)
$(FUZZ_BINS): $(B)/fuzz/%: $(B)/obj/tests/fuzz/%.o $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS)
fuzz:
	@O='$(O)' MAKE='$(MAKE)' FUZZ_SECONDS='$(FUZZ_SECONDS)' FUZZ_RUNS='$(FUZZ_RUNS)' tests/fuzz/run.sh

# --- another libvterm than the system's: `make check-libvterm VTERM_SRC=unpacked-source` or VTERM_PREFIX=installed ---
check-libvterm:
	@O='$(O)' MAKE='$(MAKE)' CC='$(CC)' MODE='$(MODE)' VTERM_SRC='$(VTERM_SRC)' VTERM_PREFIX='$(VTERM_PREFIX)' tests/libvterm.sh

# --- measurements: a table on stderr, JSON on stdout and in $(B)/bench.json; `make -s bench >FILE` for the JSON alone ---
BENCHES := $(patsubst tests/bench/%.c,$(B)/tests/bench/%,$(wildcard tests/bench/bench_*.c))
BENCH_PARTS := $(filter-out $(wildcard tests/bench/bench_*.c),$(wildcard tests/bench/*.c))
$(BENCHES): $(B)/tests/bench/%: $(B)/obj/tests/bench/%.o $(call obj,$(BENCH_PARTS)) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS) -lutil
bench: all $(BENCHES)
	@tests/bench/run.sh $(BIN) $(B)/tests/bench $(B)/bench.json

# --- an hour of a session in little time: memory, minute by minute (SOAK_MINUTES=60 SOAK_MS=2000) ---
SOAK := $(B)/tests/soak/soak
$(SOAK): $(B)/obj/tests/soak/soak.o $(call obj,tests/backends/host_rig.c) $(ARCHIVES)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) $(ARCHIVES) $(LIBS) $(CMOCKA)
soak: $(SOAK)
	@$(SOAK)

# --- macOS, compiled and linked by a cross compiler (ZIG=path, or fetched by npm); 77: could not be had ---
check-macos:
	@O='$(O)' MAKE='$(MAKE)' tests/macos.sh

# --- everything that looks for mistakes ---
check:
	@.ci/deps check
	@$(MAKE) --no-print-directory check-compilers
	@$(MAKE) --no-print-directory layers WERROR=1
	@$(MAKE) --no-print-directory programs
	@$(MAKE) --no-print-directory check-asan
	@$(MAKE) --no-print-directory valgrind
	@$(MAKE) --no-print-directory fuzz
	@O='$(O)' MAKE='$(MAKE)' tests/macos.sh || [ $$? = 77 ]
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory format-check
	@$(MAKE) --no-print-directory dist-check DIST_CHECK=all
	@echo 'check: everything passed'
check-compilers:
	@$(MAKE) --no-print-directory CC=gcc O=$(O)/gcc WERROR=1 all tests
	@$(MAKE) --no-print-directory CC=clang O=$(O)/clang WERROR=1 all tests
check-asan:
	@$(MAKE) --no-print-directory MODE=asan tests
	@TEST_TIMEOUT=600 $(MAKE) --no-print-directory MODE=asan test-run
valgrind:
	@$(MAKE) --no-print-directory MODE=debug tests
	@TEST_WRAPPER='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite --child-silent-after-fork=yes' \
	    TEST_TIMEOUT=900 tests/run.sh $(foreach s,unit engine,$(subst $(B)/,$(O)/debug/,$(TESTS_$(s))))
lint: compile_commands.json $(B)/gen/theme_default.inc
	printf '%s\n' $(filter-out tests/%,$(wildcard $(SRC_all))) | xargs -n 4 -P 2 clang-tidy -quiet -p .
	cppcheck -q -j 2 --std=c11 --error-exitcode=1 --enable=warning,portability --inline-suppr --suppressions-list=.ci/cppcheck \
	    -I. -DMT_VERSION='""' -DMT_DATADIR='""' $(filter-out tests/%,$(wildcard $(SRC_all)))
format:
	clang-format -i $(wildcard $(SRC_all) $(SRC_init)) $(HEADERS) $(wildcard backends/bwrap/init/*.h tests/*/*.h tests/play/*/*.h)
format-check:
	clang-format --dry-run -Werror $(wildcard $(SRC_all) $(SRC_init)) $(HEADERS) $(wildcard backends/bwrap/init/*.h tests/*/*.h tests/play/*/*.h)

# gcc has no -MJ: the same flags, written by the shell.
compile_commands.json:
	@{ sep='['; for f in $(wildcard $(SRC_all)); do \
	    printf '%s\n{"directory": "%s", "file": "%s", "arguments": ["cc"' "$$sep" '$(CURDIR)' "$$f"; \
	    for a in $(ALL_CFLAGS) -DMT_DATADIR='"$(DATADIR)"' -c "$$f"; do \
	        printf ', "%s"' "$$(printf '%s' "$$a" | sed 's/\\/\\\\/g; s/"/\\"/g')"; done; \
	    printf ']}'; sep=','; done; printf '\n]\n'; } >$@.tmp
	@mv $@.tmp $@

# --- installation ---
install: all
	install -d '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(DATADIR)/themes' '$(DESTDIR)$(MANDIR)/man1'
	install -m 755 $(BIN) '$(DESTDIR)$(PREFIX)/bin/muthr-tui'
	install -m 644 themes/*.toml '$(DESTDIR)$(DATADIR)/themes/'
	install -m 644 term/attention.toml '$(DESTDIR)$(DATADIR)/attention.toml'
	install -m 644 tui/muthr-tui.1 '$(DESTDIR)$(MANDIR)/man1/muthr-tui.1'
	@for s in '$(BASHDIR)/muthr-tui' '$(ZSHDIR)/_muthr-tui' '$(FISHDIR)/muthr-tui.fish'; do \
	    sh=zsh; case $$s in *.fish) sh=fish ;; */muthr-tui) sh=bash ;; esac; \
	    install -d "$$(dirname '$(DESTDIR)'"$$s")"; \
	    if $(BIN) completion $$sh >$(B)/completion; then echo "install the completion of $$sh"; install -m 644 $(B)/completion '$(DESTDIR)'"$$s"; \
	    else echo "no completion for $$sh: the program does not run here" >&2; fi; done
	@cd backends/profiles && find . -type f | while read -r f; do \
	    mode=644; if [ -x "$$f" ]; then mode=755; fi; \
	    install -d "$(abspath $(DESTDIR)/$(DATADIR))/profiles/$$(dirname "$$f")" && \
	    install -m $$mode "$$f" "$(abspath $(DESTDIR)/$(DATADIR))/profiles/$$f" || exit 1; done
uninstall:
	rm -f '$(DESTDIR)$(BASHDIR)/muthr-tui' '$(DESTDIR)$(ZSHDIR)/_muthr-tui' '$(DESTDIR)$(FISHDIR)/muthr-tui.fish'
	rm -f '$(DESTDIR)$(PREFIX)/bin/muthr-tui' '$(DESTDIR)$(MANDIR)/man1/muthr-tui.1'
	rm -f '$(DESTDIR)$(DATADIR)/attention.toml'
	rm -rf '$(DESTDIR)$(DATADIR)/themes' '$(DESTDIR)$(DATADIR)/profiles'
	-rmdir '$(DESTDIR)$(DATADIR)' 2>/dev/null

# --- for others: .ci/dist tells what is in it. DIST_CHECK=all also builds, tests and installs what is in the tarball ---
dist:
	@.ci/dist '$(VERSION)' '$(O)/dist'
export DIST_URL HOMEPAGE MAINTAINER
DIST_CHECK ?= bytes
dist-check:
	@MAKE='$(MAKE)' tests/dist.sh '$(VERSION)' $(DIST_CHECK)

clean:
	rm -rf $(O) compile_commands.json

-include $(shell find $(B)/obj $(B)/headers -name '*.d' 2>/dev/null)
