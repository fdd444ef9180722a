/*
 * The wrappers, and the two places for probes.
 *
 * A wrapper jumps on to its function, so that nothing of it is on the stack while
 * that runs.  The fast paths change rax, r10 and r11 (calloc: rdx too), none of
 * which is an argument of the functions that are wrapped.  Every kind has its slow
 * path once: the wrapper passes the real function in r11, the size in rax and in
 * r10 the thread's cell, if the countdown was found to be over, or 0.
 */
#include "gate/abi.h"

#define REAL(n) gate_memory + GATE_REAL + 8 * (n)(%rip)
#define HASH 0x9E3779B1 /* as in gate.c */

	.text

.macro BEGIN name
	.globl \name
	.type \name, @function
	.balign 16
\name:
	.cfi_startproc
	endbr64
.endm

.macro END name
	.cfi_endproc
	.size \name, . - \name
.endm

.macro KEEP reg
	push \reg
	.cfi_adjust_cfa_offset 8
.endm

.macro BACK reg
	pop \reg
	.cfi_adjust_cfa_offset -8
.endm

.macro DROP bytes
	add $\bytes, %rsp
	.cfi_adjust_cfa_offset -\bytes
.endm

/* Go to 1 if the cell is not the thread's, to 2 with the cell in r10 if its
 * countdown ends within `size` bytes. */
.macro COUNTDOWN size
	mov %fs:0, %rax
	imul $HASH, %eax, %r10d
	shr $(32 - GATE_CELL_BITS), %r10d
	shl $GATE_CELL_SHIFT, %r10d
	lea gate_memory + GATE_CELLS_AT(%rip), %r11
	add %r11, %r10
	cmp %rax, (%r10)
	jne 1f
	sub \size, 8(%r10)
	jb 2f
.endm

/* Go to 3 if the block in rdi may be a sampled one. */
.macro FILTER
	mov %rdi, %r10
	mov %rdi, %rax
	shr $4, %r10
	shr $20, %rax
	xor %eax, %r10d
	movzwl %r10w, %r10d
	lea gate_memory + GATE_FILTER_AT(%rip), %r11
	cmpb $0, (%r11, %r10)
	jne 3f
.endm

.macro SLOW number, size, path
1:	xor %r10d, %r10d
2:	mov REAL(\number), %r11
	mov \size, %rax
	jmp \path
.endm

/* ---- wrappers ---------------------------------------------------------- */

.macro ALLOC k
BEGIN rsprof_gate_alloc_\k
	COUNTDOWN %rdi
	jmp *REAL(GATE_ALLOC + \k)
	SLOW GATE_ALLOC + \k, %rdi, alloc_slow
END rsprof_gate_alloc_\k
.endm

.macro ALIGNED k
BEGIN rsprof_gate_aligned_\k
	COUNTDOWN %rsi
	jmp *REAL(GATE_ALIGNED + \k)
	SLOW GATE_ALIGNED + \k, %rsi, alloc_slow
END rsprof_gate_aligned_\k
.endm

.macro CALLOC k
BEGIN rsprof_gate_calloc_\k
	mov %rdi, %rax
	mul %rsi
	jo 4f
	mov %rax, %rdx
	COUNTDOWN %rdx
4:	jmp *REAL(GATE_CALLOC + \k)
	SLOW GATE_CALLOC + \k, %rdx, alloc_slow
END rsprof_gate_calloc_\k
.endm

.macro MEMALIGN k
BEGIN rsprof_gate_memalign_\k
	COUNTDOWN %rdx
	jmp *REAL(GATE_MEMALIGN + \k)
	SLOW GATE_MEMALIGN + \k, %rdx, memalign_slow
END rsprof_gate_memalign_\k
.endm

/* A size that no allocator has fails, and leaves the block where it is. */
.macro REALLOC k
BEGIN rsprof_gate_realloc_\k
	FILTER
	COUNTDOWN %rsi
4:	jmp *REAL(GATE_REALLOC + \k)
3:	test %rsi, %rsi
	js 4b
	SLOW GATE_REALLOC + \k, %rsi, realloc_slow
END rsprof_gate_realloc_\k
.endm

.macro FREE k
BEGIN rsprof_gate_free_\k
	FILTER
	jmp *REAL(GATE_FREE + \k)
3:	mov REAL(GATE_FREE + \k), %r11
	jmp free_slow
END rsprof_gate_free_\k
.endm

.macro EACH kind, count
	.irp k, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	.if \k < \count
	\kind \k
	.endif
	.endr
.endm

	EACH ALLOC, GATE_ALLOCS
	EACH ALIGNED, GATE_ALIGNEDS
	EACH CALLOC, GATE_CALLOCS
	EACH REALLOC, GATE_REALLOCS
	EACH MEMALIGN, GATE_MEMALIGNS
	EACH FREE, GATE_FREES

/* ---- slow paths -------------------------------------------------------- */

/* Keep the arguments, the function and the size; the stack is aligned for a call
 * then. */
.macro SAVE
	KEEP %rdi
	KEEP %rsi
	KEEP %rdx
	KEEP %rcx
	KEEP %r8
	KEEP %r11
	KEEP %rax
.endm

/* Have them again: the size in r10. */
.macro RESTORE
	BACK %r10
	BACK %r11
	BACK %r8
	BACK %rcx
	BACK %rdx
	BACK %rsi
	BACK %rdi
.endm

/* Is this allocation one to sample?  If not, go on to the function. */
.macro PICK
	SAVE
	mov %rax, %rdi
	mov %r10, %rsi
	call gate_pick
	RESTORE
	test %rax, %rax
	jnz 1f
	jmp *%r11
1:
.endm

/* Call the function, with what is to be known afterwards on the stack. */
.macro CALL_REAL
	KEEP %r10 /* size */
	KEEP %rax /* period */
	KEEP %rdi
	call *%r11
.endm

	.type alloc_slow, @function
alloc_slow:
	.cfi_startproc
	PICK
call_alloc:
	CALL_REAL
	test %rax, %rax
	jz nothing
	mov %rax, %rdi
/* With a block in rdi, and what the function returned in rax. */
enter:
	KEEP %rax
	KEEP %rdi
	mov 32(%rsp), %rsi
	mov 24(%rsp), %rdx
	KEEP %r15
	KEEP %r14
	KEEP %r13
	KEEP %r12
	KEEP %rbx
	KEEP %rbp
	pushq 88(%rsp)    /* the return address, */
	.cfi_adjust_cfa_offset 8
	lea 104(%rsp), %rax
	KEEP %rax         /* and rsp when it has returned */
	mov %rsp, %rcx
	call gate_enter
	mov %rax, %rdx
	DROP 72
	BACK %rax
	DROP 8
	BACK %rsi
	BACK %rdi

/*
 * For probes: an allocation was sampled.  rdi: size; rsi: period; rdx: the block,
 * or 0 if it is not followed.  Else it is as just before the function returns.
 */
	.globl rsprof_gate_sampled
rsprof_gate_sampled:
	nop
	ret

	.cfi_adjust_cfa_offset 24
nothing:
	DROP 24
	ret
	.cfi_endproc
	.size alloc_slow, . - alloc_slow

	.type memalign_slow, @function
memalign_slow:
	.cfi_startproc
	PICK
	CALL_REAL
	test %eax, %eax
	jnz 2f
	mov (%rsp), %rdi
	mov (%rdi), %rdi
	jmp enter
2:	DROP 24
	ret
	.cfi_endproc
	.size memalign_slow, . - memalign_slow

/* The block that goes is told of before the function is called, which may hand it
 * out to another thread at once. */
	.type realloc_slow, @function
realloc_slow:
	.cfi_startproc
	SAVE
	mov %rax, %rdi
	mov %r10, %rsi
	call gate_pick
	mov 48(%rsp), %rdi
	mov %rax, (%rsp)
	call gate_leave
	test %eax, %eax
	RESTORE
	mov %r10, %rax   /* the period, */
	mov %r11, %r10   /* and the function */
	lea 1f(%rip), %r11
	jnz rsprof_gate_freed
1:	endbr64
	mov %r10, %r11
	mov %rsi, %r10
	test %rax, %rax
	jnz call_alloc
	jmp *%r11
	.cfi_endproc
	.size realloc_slow, . - realloc_slow

	.type free_slow, @function
free_slow:
	.cfi_startproc
	SAVE
	call gate_leave
	test %eax, %eax
	RESTORE
	jnz rsprof_gate_freed
	jmp *%r11

/* For probes: the sampled block in rdi is about to be freed.  It is as at the
 * function's entry, but for rax, r10 and r11. */
	.globl rsprof_gate_freed
rsprof_gate_freed:
	nop
	jmp *%r11
	.cfi_endproc
	.size free_slow, . - free_slow

/* ---- for the tracer ---------------------------------------------------- */

/* Where a borrowed thread is sent, with the stack page in rsp; it ends at a system
 * call that does nothing, and goes no farther. */
.macro ERRAND name
	.globl rsprof_\name
	.type rsprof_\name, @function
rsprof_\name:
	.cfi_startproc
	.cfi_undefined %rip
	endbr64
	call \name
	mov $-1, %rax
	syscall
	pop %rsp /* only where its tracer has died */
	mov $15, %eax
	syscall
	ud2
	.cfi_endproc
	.size rsprof_\name, . - rsprof_\name
.endm

	ERRAND gate_patch
	ERRAND gate_follow

	.section .note.GNU-stack, "", @progbits
