# What the tests are made of: unit tests, fuzzers, programs to profile, and others
# that look at the same (oracles).  The Makefile includes this.

FUZZERS := $(patsubst tests/fuzz/%.c,$B/fuzz/%,$(wildcard tests/fuzz/*.c))
UNITS := $(patsubst tests/unit/%.c,$B/unit/%,$(filter-out $(if $(filter 1,$(BPF)),,%/loader.c %/calltrace.c),\
	$(wildcard tests/unit/*.c)))
# Debian's static jemalloc, where it is.
JEMALLOC := $(filter /%,$(shell $(CC) -print-file-name=libjemalloc_pic.a 2>/dev/null))
HEAPS := heap-counted heap-lto heap-thin heap-system heap-static heap-plain \
	$(if $(JEMALLOC),heap-je heap-je-lto)
OWNS := own-lto own-plain own-named
TARGETS := $(patsubst tests/target/%.rs,$B/target/%,$(wildcard tests/target/*.rs)) \
	$(patsubst tests/target/%.c,$B/target/%,$(wildcard tests/target/*.c)) \
	$B/target/points-stripped $(HEAPS:%=$B/target/%) $(OWNS:%=$B/target/%) \
	$(patsubst tests/oracle/%.c,$B/oracle/%,$(wildcard tests/oracle/*.c))

units: $(UNITS)
fuzzers: $(FUZZERS)
targets: $(TARGETS)

# ---- units and fuzzers -------------------------------------------------------

LIBS_unit_cfi := -ldw
$B/tests/unit/loader.o: $B/heap.skel.h
$B/tests/unit/loader.o: ALL_CFLAGS += -isystem $B

$B/unit/%: $B/tests/unit/%.o $(call archives,$(ALL_ROOMS))
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(call libraries,$(ALL_ROOMS)) $(LIBS_unit_$*)

$B/fuzz/%: $B/tests/fuzz/%.o $(call archives,$(ALL_ROOMS))
	@mkdir -p $(@D)
	$Q$(CC) $(ALL_CFLAGS) -fsanitize=fuzzer -o $@ $^ $(call libraries,$(ALL_ROOMS))

# ---- programs to profile -----------------------------------------------------

RUST_PATH := PATH="$$PATH:$$HOME/.cargo/bin"
# std::hint::black_box() is stable since 1.66; Debian 12 has 1.63.
RUST_OLD = $(eval RUST_OLD := $(shell $(RUST_PATH) rustc --version | awk '\
	{ split($$2, v, "."); if (v[1] == 1 && v[2] < 66) print "yes" }'))$(RUST_OLD)
RUSTC = MAKEFLAGS= $(RUST_PATH) $(if $(RUST_OLD),RUSTC_BOOTSTRAP=1) rustc -O -C debuginfo=1 \
	-L $(@D) -o $@ $< $(if $(RUST_OLD),-Z 'crate-attr=feature(bench_black_box)') $(RUST_$*)
RUST_points := --edition 2021
RUST_journal := --edition 2021
RUST_gated := --edition 2021
RUST_ledger := --edition 2021

$B/target/%: tests/target/%.rs
	@mkdir -p $(@D)
	@$(if $(V),,echo "  RUSTC $<")
	$Q$(RUSTC)

# heap counts by itself what it allocates, and is built in ways that leave
# different functions to probe.
RUST_counted := --cfg counted
RUST_lto := -C lto=fat
RUST_thin := -C lto=thin
RUST_system := --cfg system
RUST_static := -C lto=fat -C target-feature=+crt-static
RUST_je := --cfg jemalloc $(foreach a,$(JEMALLOC) -lm -lstdc++ -lc,-C link-arg=$a)
RUST_je-lto := $(RUST_je) -C lto=fat
RUST_plain := -C target-feature=+crt-static
$B/target/heap-%: tests/target/heap.rs
	@mkdir -p $(@D)
	@$(if $(V),,echo "  RUSTC $< ($*)")
	$Q$(RUSTC)

# own has an allocator of its own.
RUST_own-lto := -C lto=fat
RUST_own-plain := -C opt-level=0
RUST_own-named := --cfg named -C link-arg=-L$B/target -C link-arg=-lown-named \
	-C link-arg=-Wl,-rpath,'$$ORIGIN'
$B/target/own-%: tests/target/own.rs
	@mkdir -p $(@D)
	@$(if $(V),,echo "  RUSTC $< ($*)")
	$Q$(RUSTC) $(RUST_own-$*)
$B/target/own-named: $B/target/libown-named.so
$B/target/libown-named.so: tests/target/own/named.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) -std=c11 $(WARN) -O2 -fPIC -shared -o $@ $<

# The crates of mixed, and the libraries that plugs loads.
$B/target/mixed: $B/target/libtext.rlib $B/target/libshapes.rlib
$B/target/plugs: $B/target/one.so $B/target/two.so

$B/target/lib%.rlib: tests/target/mixed/%.rs
	@mkdir -p $(@D)
	@$(if $(V),,echo "  RUSTC $<")
	$Q$(RUSTC) --crate-type rlib

$B/target/%.so: tests/target/plugs/plug.rs
	@mkdir -p $(@D)
	@$(if $(V),,echo "  RUSTC $<")
	$Q$(RUSTC) --crate-type cdylib --crate-name $* --cfg $*

# The libraries that points loads: some without unwind tables, with or without
# frame pointers, and one that binds its calls late.
POINTS := $(patsubst tests/target/points/%.c,$B/target/points-%.so,$(wildcard tests/target/points/*.c))
UNTABLED := -fno-asynchronous-unwind-tables -fno-unwind-tables
C_noeh := $(UNTABLED) -fno-omit-frame-pointer -nostdlib
C_nofp := $(UNTABLED) -fomit-frame-pointer -nostdlib
C_partly := $(UNTABLED) -fno-omit-frame-pointer
C_plt := -fcf-protection=none -Wl,-z,lazy -Wl,-z,norelro
$B/target/points: $(POINTS) tests/target/points/asm.rs

$B/target/points-%.so: tests/target/points/%.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared $(C_$*) -o $@ $<

$B/target/points-stripped: $B/target/points
	$Qstrip -o $@ $<

$B/target/bypass: tests/target/shims.h

# What many loads copies of.
$B/target/many: $B/target/many.so
$B/target/many.so: tests/target/many/lib.c tests/target/shims.h
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) -std=c11 -D_GNU_SOURCE $(WARN) -O2 -fPIC -shared -Wl,--build-id -I . -o $@ $<

# Who else walks stacks.
$B/oracle/%: tests/oracle/%.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $< -ldw -lelf

# Empty probes, for the bench.
$B/oracle/floor: tests/oracle/floor.c $(call archives,os base)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^

# What a gate has left in a process, and what it samples.
$B/oracle/gate: tests/oracle/gate.c $(call archives,gate unwind elf os base)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^ $(call libraries,gate unwind elf os base) -lm

$B/oracle/synth $B/oracle/walk: $B/oracle/%: tests/oracle/%.c $(call archives,unwind os elf base)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^ $(call libraries,unwind os elf base)

$B/oracle/demangle: tests/oracle/demangle.c $(call archives,symbol base)
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $^ -liberty

# One whose calls are bound when they are first made.
$B/target/guarded: tests/target/guarded.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -fcf-protection=none -fplt -Wl,-z,lazy -o $@ $<

$B/target/%: tests/target/%.c
	@mkdir -p $(@D)
	@$(if $(V),,echo "  CC   $<")
	$Q$(CC) $(ALL_CFLAGS) -o $@ $<
