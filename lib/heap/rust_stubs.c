/*
 * A candidate is four jumps at equal distances.  It is recognised by the sets
 * of functions that the targets of its jumps call (struct callees): which sets
 * share an element, and which do not.  Callees are compared, never named.
 */
#include "heap/rust_stubs.h"

#include <stddef.h>

#include "elf/elf_file.h"
#include "elf/insn.h"

#define COUNT(a) (sizeof a / sizeof *a)
#define CALLEES 16

/* Functions that the target of one jump calls. */
struct callees {
	struct insn_callee callee[CALLEES];
	size_t n;
};

/* Returns whether c includes callee. */
static int
calls(const struct callees *c, const struct insn_callee *callee)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->callee[i].addr == callee->addr && c->callee[i].slot == callee->slot)
			return 1;
	return 0;
}

/* Returns how many callees of a are callees of b as well. */
static size_t
shared(const struct callees *a, const struct callees *b)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++)
		n += (size_t)calls(b, &a->callee[i]);
	return n;
}

/*
 * Returns whether the callees c of four functions fit __rust_alloc,
 * __rust_dealloc, __rust_realloc and __rust_alloc_zeroed.  Deallocation calls
 * free() alone; reallocation calls it too, and realloc() and memcpy(); both
 * that allocate call posix_memalign(), for alignments that malloc() does not
 * guarantee, and one function of their own.
 */
static int
are_rust_shims(const struct callees c[4])
{
	const struct callees *alloc = &c[0], *dealloc = &c[1], *realloc_ = &c[2],
	    *zeroed = &c[3];

	return dealloc->n == 1 && calls(realloc_, &dealloc->callee[0]) &&
	    !calls(alloc, &dealloc->callee[0]) && !calls(zeroed, &dealloc->callee[0]) &&
	    alloc->n == 2 && shared(alloc, zeroed) == 1 && shared(alloc, realloc_) == 1 &&
	    zeroed->n >= 2 && zeroed->n <= 3 && realloc_->n >= 3 && realloc_->n <= 5;
}

/* Read the callees of the function that the stub at offset jumps to.  Returns -1
 * if there is no stub. */
static int
read_callees(const struct elf_file *o, uint64_t offset, struct callees *out)
{
	size_t len;
	const unsigned char *bytes = elf_file_bytes(o, &len);
	long long jump;
	uint64_t addr;

	if (offset >= len || !insn_stub(bytes + offset, len - offset, &jump))
		return -1;
	offset += (uint64_t)jump;
	if (offset >= len || elf_file_offset_to_addr(o, offset, &addr) < 0)
		return -1;
	out->n = insn_callees(bytes + offset, len - offset, addr, out->callee, CALLEES);
	return 0;
}

/* Returns whether four of rustc's stubs begin at first, this far apart, and sets
 * their offsets. */
static int
is_shim_row(const struct elf_file *o, uint64_t first, unsigned spacing, uint64_t offset[4])
{
	struct callees c[4];

	for (unsigned i = 0; i < 4; i++) {
		offset[i] = first + (uint64_t)i * spacing;
		if (read_callees(o, offset[i], &c[i]) < 0)
			return 0;
	}
	return are_rust_shims(c);
}

/* Distances between functions: aligned, or packed (optimised for size). */
static const unsigned spacings[] = { 16, 5, 10, 32 };

void
rust_stubs_find(const struct elf_file *o, void (*fn)(void *ctx, const uint64_t offset[4]),
    void *ctx)
{
	struct elf_file_segment s;
	uint64_t shim[4];
	size_t len;
	const unsigned char *bytes = elf_file_bytes(o, &len);

	for (size_t n = 0; elf_file_exec_segment(o, n, &s) == 0; n++)
		for (uint64_t at = s.offset; at < s.offset + s.len && at < len; at++) {
			if (!insn_may_be_stub(bytes[at]))
				continue;
			for (size_t i = 0; i < COUNT(spacings); i++) {
				if (at + spacings[i] >= len ||
				    bytes[at + spacings[i]] != bytes[at] ||
				    !is_shim_row(o, at, spacings[i], shim))
					continue;
				fn(ctx, shim);
				at += 4ULL * spacings[i] - 1;
				break;
			}
		}
}
