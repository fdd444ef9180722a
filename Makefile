# rsprof: build, test, install.  `make demo` and `make check` set up a fresh
# machine by themselves.  V=1 shows commands, SAN=1 builds with sanitizers,
# BPF=0 leaves out what runs in the kernel, and needs no clang and libbpf.  STATIC=1
# makes programs that need nothing where they run, with musl.

VERSION := 0.1.0
prefix ?= /usr/local
bindir ?= $(prefix)/bin
unitdir ?= $(prefix)/lib/systemd/system
mandir ?= $(prefix)/share/man
datadir ?= $(prefix)/share/rsprof
bashdir ?= $(prefix)/share/bash-completion/completions
zshdir ?= $(prefix)/share/zsh/site-functions
fishdir ?= $(prefix)/share/fish/vendor_completions.d
DESTDIR ?=

# The processor: what is its own is in folders of that name in bpf/ and lib/.
MACHINE := x86_64

CC ?= cc
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wpointer-arith -Wwrite-strings -Wundef -Wvla -Wformat=2 -Wnull-dereference
ALL_CFLAGS := -std=c11 -pthread -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -I. -Ilib -Ibpf/$(MACHINE) $(WARN) $(CFLAGS)
# What is missing here and can be done without is left out, and said, by make, make all
# and make install.  With STATIC=1, COMPLETE=1 and for everything else all must be there.
WITHOUT_FILE ?= build/without
ifeq ($(COMPLETE)$(STATIC)$(SAN)$(filter-out all install install-% uninstall,$(MAKECMDGOALS)),)
WITHOUT := $(shell CC='$(CC)' share/features.sh $(WITHOUT_FILE))
ifneq ($(origin BPF),undefined)
WITHOUT := $(filter-out bpf,$(WITHOUT))
endif
endif
BPF ?= $(if $(filter bpf,$(WITHOUT)),0,1)
B := build$(if $(filter 1,$(SAN)),/san)$(if $(filter 1,$(STATIC)),/static)$(if $(filter 1,$(BPF)),,/nobpf)
ifeq ($(SAN),1)
ALL_CFLAGS += -fsanitize=address,undefined -fno-omit-frame-pointer -fno-sanitize-recover=undefined
endif
# Libraries for musl are built once, from the distribution's sources: elsewhere, if
# STATIC_DEPS names another folder.  A thread has 128 KiB of stack with musl, unless said.
STATIC_DEPS ?= build/musl
ifeq ($(STATIC),1)
CC := musl-gcc
ALL_CFLAGS += -isystem $(STATIC_DEPS)/include -idirafter $(STATIC_DEPS)/kernel -ffunction-sections \
	-ffile-prefix-map=$(CURDIR)=. -fno-ident
STATIC_FLAGS := -static -L$(STATIC_DEPS)/lib -Wl,--gc-sections -Wl,-z,stack-size=8388608
STATIC_DONE := $(STATIC_DEPS)/done
endif
Q := $(if $(V),,@)

# What loads it, left out with BPF=0.
IN_KERNEL := lib/sample/cpu.c lib/sample/walk_maps.c lib/os/loader.c \
	lib/heap/heap_bpf.c lib/heap/heap_room.c lib/heap/heap_sums.c lib/heap/heap_thin.c lib/heap/calltrace.c

WITHOUT_COMMANDS := $(if $(filter ncurses,$(WITHOUT)),rsprof-tui) $(if $(filter jansson,$(WITHOUT)),cargo-rsprof)
COMMANDS := $(filter-out $(WITHOUT_COMMANDS),$(patsubst cmd/%.c,%,$(wildcard cmd/*.c)))
SCRIPTS := rsprof rsprof-push rsprof-suggest
SYSTEMD := $(wildcard cmd/systemd/*)

# The rooms of lib/, the lowest first: one may include only those that stand before
# it, and not all of them (tests/tree.t has the table).
ROOMS := base cargo os elf stream unwind symbol export sample record gate heap profile doctor tui
# $(call either,WITHOUT,FILES,OTHERS): which of two sets of files is left out.
either = $(if $(filter $1,$(WITHOUT)),$2,$3)
LEFT_OUT := $(if $(filter 1,$(BPF)),lib/heap/calltrace_none.c lib/heap/heap_none.c lib/sample/cpu_none.c,$(IN_KERNEL)) \
	$(call either,zydis,$(wildcard lib/elf/$(MACHINE)/insn*.c),lib/elf/insn_none.c) \
	$(call either,liberty,lib/symbol/demangle.c,lib/symbol/demangle_none.c) \
	$(call either,lzma,lib/elf/minidebug.c,lib/elf/minidebug_none.c) \
	$(call either,zstd,lib/elf/zstd_frame.c,lib/elf/zstd_frame_none.c)

# The rooms that a command is made of, the highest first.
PRODUCER := sample unwind stream elf os base
ROOMS_cargo-rsprof := cargo elf os base
ROOMS_rsprof-cpu := $(PRODUCER)
ROOMS_rsprof-guard := gate unwind elf os base
ROOMS_rsprof-growth := heap gate $(PRODUCER)
ROOMS_rsprof-heap := heap gate $(PRODUCER)
ROOMS_rsprof-stack := $(PRODUCER)
ROOMS_rsprof-pipe := os base
ROOMS_rsprof-sym := symbol unwind stream elf os base
ROOMS_rsprof-print := symbol stream base
ROOMS_rsprof-store := record stream base
ROOMS_rsprof-top := profile record symbol base
ROOMS_rsprof-ps := elf os base
ROOMS_rsprof-diff := profile record symbol base
ROOMS_rsprof-report := profile record symbol base
ROOMS_rsprof-tui := tui profile record symbol os base
ROOMS_rsprof-dump := record stream base
ROOMS_rsprof-export := export stream base
ROOMS_rsprof-flame := export stream base
ROOMS_rsprof-ring := stream base
ROOMS_rsprof-fold := export stream base
ROOMS_rsprof-import := export symbol unwind stream elf os base
ROOMS_rsprof-pprof := export stream base
ROOMS_rsprof-query := record base
ROOMS_rsprof-doctor := doctor heap gate symbol $(PRODUCER)
ALL_ROOMS := doctor tui heap gate profile export symbol $(PRODUCER) record stream cargo base

# The library that a room calls; a command is linked with those that it needs.
LIBS_cargo := $(call either,jansson,,-ljansson)
LIBS_os := $(if $(filter 1,$(BPF)),-lbpf)
LIBS_elf := -lelf $(call either,zydis,,-lZydis) -lz $(call either,zstd,,-lzstd) $(call either,lzma,,-llzma)
LIBS_symbol := $(call either,liberty,,-liberty)
LIBS_export := -lz -lm
LIBS_record := -lsqlite3
LIBS_heap := -lm
LIBS_profile := -lm
LIBS_tui := -lncursesw -ltinfo
archives = $(patsubst %,$B/lib/%.a,$1)
libraries = -Wl,--as-needed $(foreach r,$1,$(LIBS_$r))
ifeq ($(STATIC),1)
LIBS_tui := -lncursesw
libraries = $(STATIC_FLAGS) -Wl,--start-group $(foreach r,$1,$(LIBS_$r)) -Wl,--end-group
endif

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all units targets deps demo check check-static check-dist check-deb check-without check-builds check-asm check-gates check-readers check-rows check-kernel bench soak study lint fuzz fuzzers pictures install install-systemd install-completions uninstall dist dist-static deb clean

all: $(COMMANDS:%=$B/%) $(SCRIPTS:%=$B/%)
	@$(if $(WITHOUT),share/features.sh -m $(WITHOUT))

$B/%.o: %.c | $(STATIC_DONE)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) $(CPPFLAGS) -MMD -MP -c -o $@ $<

$(STATIC_DEPS)/done: share/static-deps.sh
	$Qshare/static-deps.sh $(STATIC_DEPS) && touch $@

# $(call room,NAME): the archive of a room.
define room
$B/lib/$1.a: $(patsubst %.c,$B/%.o,$(filter-out $(LEFT_OUT),$(wildcard lib/$1/*.c lib/$1/$(MACHINE)/*.c))) $(wildcard $(WITHOUT_FILE))
	@rm -f $$@
	$$Qar rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room,$r)))

.SECONDEXPANSION:
$(COMMANDS:%=$B/%): $B/%: $B/cmd/%.o $$(call archives,$$(ROOMS_$$*))
	@$(if $(V),,echo "  LD   $@")
	$Q$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libraries,$(ROOMS_$*))

$(SCRIPTS:%=$B/%): $B/%: cmd/%
	@mkdir -p $(@D)
	$Qsed 's/@VERSION@/$(VERSION)/' $< >$@ && chmod +x $@

# What runs in the kernel, and lib/'s view of it.
BPF_CLANG ?= clang
BPFTOOL ?= $(or $(shell command -v bpftool),/usr/sbin/bpftool)
BPF_INCLUDE = $(shell $(CC) -print-multiarch 2>/dev/null)

$B/bpf/%.bpf.o: bpf/%.bpf.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  BPF  $<")
	$Q$(BPF_CLANG) -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter -Werror -ffile-prefix-map=$(CURDIR)=. \
	    -D__TARGET_ARCH_$(MACHINE:x86_64=x86) -I. -Ibpf/$(MACHINE) -idirafter /usr/include/$(BPF_INCLUDE) \
	    -MMD -MP -MT $@ -MF $(@:.o=.d) -c -o $@.full $<
	$Q$(BPFTOOL) gen object $@ $@.full

$B/%.skel.h: $B/bpf/%.bpf.o
	$Q$(BPFTOOL) gen skeleton $< name $*_bpf >$@

$B/lib/sample/cpu.o: $B/cpu.skel.h
$B/lib/heap/heap_bpf.o $B/lib/heap/heap_room.o $B/lib/heap/heap_sums.o $B/lib/heap/heap_thin.o: $B/heap.skel.h
$B/lib/heap/calltrace.o: $B/calltrace.skel.h
$B/lib/sample/cpu.o $B/lib/heap/heap_bpf.o $B/lib/heap/heap_room.o $B/lib/heap/heap_sums.o $B/lib/heap/heap_thin.o \
	$B/lib/heap/calltrace.o: ALL_CFLAGS += -isystem $B

# What the gate maps into targets: its bytes, and where things are in them.  It has
# no library, no data and no relocation; ld's script says how it lies.
BLOB_CFLAGS := -std=c11 -O2 -fPIC -ffreestanding -fno-builtin -fno-stack-protector \
	-fno-jump-tables -fno-strict-aliasing -fasynchronous-unwind-tables -fcf-protection=branch \
	-fvisibility=hidden -mgeneral-regs-only -Wall -Wextra -Wshadow -Ilib \
	-Ilib/gate/blob/$(MACHINE)
BLOB_LDFLAGS := -shared -Bsymbolic -soname rsprof-gate -z noexecstack --build-id=sha1 \
	--eh-frame-hdr --hash-style=gnu --strip-debug

$B/blob/%.o: lib/gate/blob/%.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  BLOB $<")
	$Q$(CC) $(BLOB_CFLAGS) $(filter -Werror,$(CFLAGS)) -MMD -MP -c -o $@ $<

$B/blob/%.o: lib/gate/blob/$(MACHINE)/%.S
	@mkdir -p $(@D)
	@$(if $(V),,echo "  BLOB $<")
	$Q$(CC) -Ilib -MMD -MP -c -o $@ $<

$B/rsprof-gate.so: lib/gate/blob/gate.ld $B/blob/entry.o $B/blob/gate.o lib/gate/abi.h
	$Qcode=$$(sed -n 's/^#define GATE_CODE \([0-9a-fx]*\).*/\1/p' lib/gate/abi.h) && \
	$(LD) $(BLOB_LDFLAGS) --defsym=GATE_CODE=$$code -o $@ -T $(filter %.ld %.o,$^)

$B/gate_image.h: $B/rsprof-gate.so
	$Q{ echo "#define GATE_IMAGE_SIZE $$(wc -c <$<)"; \
	nm $< | sed -n 's/^0*\([0-9a-f]*\) T rsprof_gate_\([a-z]*\)$$/#define GATE_IMAGE_\2 0x\1/p'; \
	echo 'static const uint32_t gate_wrappers[] = {'; \
	nm -n $< | sed -n 's/^0*\([0-9a-f]*\) T rsprof_gate_[a-z]*_[0-9]*$$/0x\1,/p'; \
	echo '};'; echo 'static const unsigned char gate_image[GATE_CODE] = {'; \
	od -An -v -tx1 $< | sed 's/ \(..\)/0x\1,/g'; echo '};'; } >$@

$B/lib/gate/image.o: $B/gate_image.h
$B/lib/gate/image.o: ALL_CFLAGS += -I$B

# lib/record/schema.sql as a C string.
$B/schema.h: lib/record/schema.sql
	@mkdir -p $(@D)
	$Qsed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $< >$@

$B/lib/record/db.o: $B/schema.h
$B/lib/record/db.o: ALL_CFLAGS += -I$B

# The page of rsprof-flame: its style and its script as C strings, and the hashes of
# both that its content security policy has.
$B/flame_page.h: lib/export/flame.css lib/export/flame.js
	@mkdir -p $(@D)
	$Qfor f in $^; do name=$$(basename $$f | tr . _); \
	printf 'static const char %s[] =\n' $$name; sed 's/[\\"]/\\&/g; s/.*/"&\\n"/' $$f; \
	printf ';\n#define %s_HASH "' $$name | tr a-z A-Z | sed 's/DEFINE/define/'; \
	env printf "$$({ echo; cat $$f; } | sha256sum | cut -c -64 | sed 's/../\\x&/g')" | base64 | tr -d '\n'; \
	echo '"'; done >$@

$B/lib/export/flame.o: $B/flame_page.h
$B/lib/export/flame.o: ALL_CFLAGS += -I$B

# Kept tables and names are those of the sources that made them.
sources = $(sort $(wildcard $(foreach r,$1,lib/$r/*.[ch] lib/$r/$(MACHINE)/*.[ch])))
$B/unwind.stamp.h: $(call sources,elf unwind) bpf/step.h bpf/$(MACHINE)/machine_step.h
$B/symbol.stamp.h: $(call sources,elf symbol) $(wildcard lib/unwind/cache_file.[ch])
$B/%.stamp.h:
	@mkdir -p $(@D)
	$Qcat $^ | sha256sum | sed 's/\(.\{16\}\).*/#define STAMP 0x\1/' >$@

$B/lib/unwind/cache_table.o: $B/unwind.stamp.h
$B/lib/symbol/cache_names.o: $B/symbol.stamp.h
$B/lib/unwind/cache_table.o $B/lib/symbol/cache_names.o: ALL_CFLAGS += -I$B

include tests/targets.mk

# ---- for people --------------------------------------------------------------

DEPS := tests/tools/deps.sh
SUBMAKE := @$(MAKE) $(if $(V),,-s) --no-print-directory

deps:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) build

# Profiles a program for some seconds, by sudo where only root may.
demo:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) demo
	$(SUBMAKE) all $B/target/split
	@rm -f $B/demo.db; $B/target/split 60 >/dev/null & pid=$$!; \
	trap 'kill $$pid' EXIT; \
	run="$B/rsprof attach -q -d 5 -o $B/demo.db $$pid"; \
	[ "$$(id -u)" = 0 ] || \
	    [ "$$(cat /proc/sys/kernel/perf_event_paranoid)" -le 2 ] || \
	    run="sudo $$run"; \
	echo "$$run"; $$run
	@echo 'To look around in this recording:  $B/rsprof view $B/demo.db'
	@echo 'A live view of any process:        sudo $B/rsprof attach PID'

check:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) all units targets
	@B='$(abspath $B)' prove -j2 -e env $(sort $(wildcard tests/*.t tests/commands/*.t)) $(UNITS)

# Under the kernels of Debian 12 and 13, or those of KERNEL (see there), in an emulator.
KERNEL ?= bookworm trixie
check-kernel:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) kernel
	$(SUBMAKE) all targets
	@for k in $(KERNEL); do echo "kernel: $$k"; \
	    B='$(abspath $B)' KERNEL="$$k" tests/kernel/run || exit; done

# The static archive in an empty root and in other systems, and that two builds are equal.
check-static: dist-static
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) chroots
	$(SUBMAKE) all $B/target/split $B/target/heap-static
	@B='$(abspath $B)' prove -v -e env tests/tools/static.sh

check-dist: dist
	@B='$(abspath $B)' prove -v -e env tests/tools/dist.sh

# The package in a clean chroot of this Debian.
check-deb: deb
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) chroots
	$(SUBMAKE) $B/target/split
	@B='$(abspath $B)' prove -v -e env tests/tools/deb.sh

# A build where almost nothing is there.
check-without:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) $B/target/split
	@B='$(abspath $B)' prove -v -e env tests/tools/without.sh

# rsprof-heap on programs built in each way, by each compiler, and on npm's.
check-builds:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) all
	@B='$(abspath $B)' prove -v -e env tests/tools/builds.sh tests/tools/npm.sh

# Stacks in hand-written assembly, beside perf and gdb: it downloads some of Debian's packages.
check-asm:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) all $B/oracle/walk
	@B='$(abspath $B)' prove -v -e env tests/tools/asm.sh

# Exported files, by the programs that they are for.
check-readers:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) readers
	$(SUBMAKE) all $B/target/family
	@mkdir -p $B/readers && cd $B/readers && \
	    { [ -d node_modules/flamebearer ] && [ -d node_modules/@grpc/grpc-js ] || \
	    npm install --silent --no-audit --no-fund --prefix . $(READERS); } && \
	    { [ -x node_modules/.bin/node ] || (cd node_modules/node && node installArchSpecificPackage.js); }
	@B='$(abspath $B)' prove -v -e env tests/tools/readers.sh
READERS := @firefox-devtools/profiler-cli@0.10 node@26 speedscope@1.25 pprof-format@2 flamebearer@2 \
	@grpc/grpc-js@1 @grpc/proto-loader@0.8

# Bounds of figures that are known: whether those of what has not changed trip, and those of
# what has changed always do.  Some ten minutes.
check-gates:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) all $B/target/steady
	@B='$(abspath $B)' prove -v -e env tests/tools/gates.sh

# Unwind rows made from code, against the compiler's, of more files than check has
# time for: it downloads some of Debian's packages.
check-rows:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) $B/oracle/synth $B/oracle/walk
	@B='$(abspath $B)' ROWS_MORE=1 prove -v -e env tests/commands/rows.t \
	    tests/commands/complete.t

# What real programs allocate beside what is told of it, and whether samples are as theory has
# them: some ten minutes each, and Debian's crates, which are fetched.
study:
	$(SUBMAKE) all targets
	@tests/study/build.sh '$(abspath $B)/study'
	@B='$(abspath $B)' tests/study/study.sh
	@B='$(abspath $B)' tests/study/gate.sh
	@B='$(abspath $B)' tests/study/looks.sh
	@B='$(abspath $B)' tests/study/journal.sh
	@B='$(abspath $B)' tests/study/cargo.sh

# Attaches more often than check has time for.
soak:
	$(SUBMAKE) all targets
	@B='$(abspath $B)' ATTACHES=500 DETACHES=200 KILLS=200 KILLS_ALL=200 THREADS=9000 \
	    prove -v -e env tests/commands/attach.t tests/commands/detach.t \
	    tests/commands/guard.t tests/commands/hazards.t

# Readers of what others wrote, fed with whatever; what was found of use is kept.
FUZZ_SECONDS ?= 60
fuzz:
	@CC=clang BPF='$(BPF)' $(DEPS) build
	$(SUBMAKE) B=build/fuzz SAN=1 CC=clang CFLAGS='-O1 -g -fsanitize=fuzzer-no-link' \
	    fuzzers
	@cd build/fuzz && for f in $(notdir $(FUZZERS)); do \
	    mkdir -p corpus/$$f && echo "$$f: $(FUZZ_SECONDS) s" && \
	    fuzz/$$f -max_total_time=$(FUZZ_SECONDS) -rss_limit_mb=2048 -timeout=10 \
	        -max_len=65536 -verbosity=0 -print_final_stats=1 corpus/$$f || exit 1; done

# Beside perf, where that is installed: figures for people, no test.
bench:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) bench
	$(SUBMAKE) all $B/target/work $B/target/spent $B/oracle/floor
	@B='$(abspath $B)' tests/bench/run.sh

# Of real screens, for the README.
pictures:
	@CC='$(CC)' BPF='$(BPF)' $(DEPS) check
	$(SUBMAKE) all $B/target/journal
	@B='$(abspath $B)' tests/tools/pictures.sh man/pictures

# Tests that take long, of targets of their own.
LONG := $(patsubst %,tests/tools/%.sh,asm builds deb dist gates npm readers static without)
lint:
	@$(DEPS) lint
	$(SUBMAKE) B=build/lint/gcc CC=gcc CFLAGS='-O2 -g -Werror' all units
	$(SUBMAKE) B=build/lint/clang CC=clang CFLAGS='-O2 -g -Werror' all units
	shellcheck -s sh $(SCRIPTS:%=cmd/%) .ci/run $(filter-out $(LONG),$(wildcard tests/tools/*.sh)) \
	    tests/kernel/run \
	    tests/kernel/init
	shellcheck share/*.sh share/completions/*.bash
	shellcheck -x -P tests/tools -S warning $(LONG)
	shellcheck -x -P SCRIPTDIR -S warning tests/*.t tests/commands/*.t
	shellcheck -x -P tests/kernel -S warning tests/kernel/*.t
	! mandoc -Tlint man/*.[1-9] | grep -v -e 'referenced manual not found' \
	    -e 'typo in section name: Sh RECORDS'
	tests/tools/format.sh $(wildcard bpf/*.[ch] bpf/*/*.[ch] cmd/*.[ch] lib/*/*.[ch] lib/*/*/*.[ch] tests/unit/*.[ch] \
	    tests/fuzz/*.[ch] tests/target/*.c tests/target/points/*.c tests/target/asm/*.c tests/oracle/*.c)

# ---- installing: paths may have spaces; no Rust is needed ----------------------

PROGRAMS := $(SCRIPTS) $(COMMANDS)
OTHERS := $(filter-out rsprof,$(PROGRAMS))
SECTIONS := 1 5 7
PAGES := $(wildcard $(SECTIONS:%=man/*.%))
SCHEMAS := $(wildcard lib/profile/*.schema.json)

install-systemd:
	install -d "$(DESTDIR)$(unitdir)"
	$(foreach u,$(SYSTEMD),sed 's|@bindir@|$(bindir)|' $u >"$(DESTDIR)$(unitdir)/$(notdir $u)" &&) :

# Shells look for a file of the command's name; all have the same.
install-completions:
	install -d "$(DESTDIR)$(bashdir)" "$(DESTDIR)$(zshdir)" "$(DESTDIR)$(fishdir)"
	sed 's/@commands@/$(sort $(PROGRAMS))/' share/completions/rsprof.bash >"$(DESTDIR)$(bashdir)/rsprof"
	sed 's/@commands@/$(sort $(PROGRAMS))/' share/completions/_rsprof >"$(DESTDIR)$(zshdir)/_rsprof"
	sed 's/@commands@/$(sort $(PROGRAMS))/' share/completions/rsprof.fish >"$(DESTDIR)$(fishdir)/rsprof.fish"
	$(foreach c,$(OTHERS),ln -sf rsprof "$(DESTDIR)$(bashdir)/$c" && ln -sf rsprof.fish "$(DESTDIR)$(fishdir)/$c.fish" &&) :

install: all install-systemd install-completions
	install -d "$(DESTDIR)$(bindir)" "$(DESTDIR)$(datadir)" $(SECTIONS:%="$(DESTDIR)$(mandir)/man%")
	install $(PROGRAMS:%=$B/%) "$(DESTDIR)$(bindir)"
	install -m 644 $(SCHEMAS) "$(DESTDIR)$(datadir)"
	$(foreach s,$(SECTIONS),install -m 644 man/*.$s "$(DESTDIR)$(mandir)/man$s" &&) :

# Only what install has put there, and no directory.
uninstall:
	rm -f $(PROGRAMS:%="$(DESTDIR)$(bindir)/%") $(patsubst %,"$(DESTDIR)$(datadir)/%",$(notdir $(SCHEMAS)))
	rm -f $(patsubst %,"$(DESTDIR)$(unitdir)/%",$(notdir $(SYSTEMD)))
	rm -f $(foreach s,$(SECTIONS),$(patsubst %,"$(DESTDIR)$(mandir)/man$s/%",$(notdir $(filter %.$s,$(PAGES)))))
	rm -f $(PROGRAMS:%="$(DESTDIR)$(bashdir)/%") $(PROGRAMS:%="$(DESTDIR)$(fishdir)/%.fish") "$(DESTDIR)$(zshdir)/_rsprof"

# ---- archives and packages, equal byte for byte whoever makes them -------------

NAME := rsprof-$(VERSION)
STATIC_NAME := $(NAME)-linux-$(MACHINE)
DIST := build/dist
# The source, by its time: with git what it has, else all that was unpacked.
SOURCE = $(shell git ls-files 2>/dev/null || find . \( -name build -o -name .git \) -prune -o -type f -printf '%P\n')
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null || stat -c %Y CHANGELOG.md)
TAR = LC_ALL=C tar --sort=name --mtime=@$(SOURCE_DATE_EPOCH) --owner=0 --group=0 --numeric-owner \
	--mode=u+rw,go=rX -c

dist: $(DIST)/$(NAME).tar.gz dist-static

.PHONY: $(DIST)/$(NAME).tar.gz
$(DIST)/$(NAME).tar.gz:
	@mkdir -p $(DIST)
	$Q$(TAR) --transform 's,^,$(NAME)/,' $(SOURCE) | gzip -9n >$@
	@echo '  DIST $@'

dist-static:
	@BPF=1 $(DEPS) static
	$(SUBMAKE) STATIC=1 B=$(DIST)/static CFLAGS=-O2 all
	@rm -rf $(DIST)/root
	$(SUBMAKE) STATIC=1 B=$(DIST)/static CFLAGS=-O2 prefix=/$(STATIC_NAME) DESTDIR=$(DIST)/root install >/dev/null
	$Qcd $(DIST)/root/$(STATIC_NAME) && rm -r lib && mkdir -p share/doc/rsprof && \
	    strip $$(file bin/* | sed -n 's/: *ELF.*//p') && \
	    cp -r $(CURDIR)/README.md $(CURDIR)/CHANGELOG.md $(CURDIR)/LICENSE $(abspath $(STATIC_DEPS))/licenses share/doc/rsprof
	$Q$(TAR) -C $(DIST)/root $(STATIC_NAME) | gzip -9n >$(DIST)/$(STATIC_NAME).tar.gz
	@echo '  DIST $(DIST)/$(STATIC_NAME).tar.gz'

# A package for the Debian that this is, in build/deb.
MAINTAINER ?= $(shell git log -1 --format='%an <%ae>' 2>/dev/null || echo "$$(id -un) <$$(id -un)@localhost>")
deb: $(DIST)/$(NAME).tar.gz
	@CC='$(CC)' $(DEPS) deb
	@rm -rf build/deb && mkdir -p build/deb
	$Qtar -C build/deb -xf $< && cd build/deb/$(NAME) && cp -r share/debian debian && \
	    sed -i 's/@maintainer@/$(MAINTAINER)/' debian/control && \
	    printf 'rsprof ($(VERSION)) unstable; urgency=medium\n\n  * See CHANGELOG.md.\n\n -- %s  %s\n' \
	        '$(MAINTAINER)' "$$(LC_ALL=C date -uRd @$(SOURCE_DATE_EPOCH))" >debian/changelog && \
	    MAKEFLAGS= MAKELEVEL= SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) dpkg-buildpackage -us -uc -b >../log 2>&1 || \
	    { tail -n 20 ../log >&2; exit 1; }
	@ls build/deb/*.deb

clean:
	rm -rf build

-include $(shell find $B -name musl -prune -o -type f -name '*.d' -print 2>/dev/null)
