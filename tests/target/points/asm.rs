//! What no compiler writes: odd stacks and odd frames.  Each function says
//! how its callers are found, but for nocfi.

use std::arch::global_asm;

type Call = extern "C" fn() -> u64;
/// Of functions that take another one and call it.
pub type Through = unsafe extern "C" fn(Call) -> u64;

extern "C" {
    /// Call f with a value in rbp.
    pub fn with_rbp(rbp: u64, f: Through, call: Call) -> u64;
    /// Without unwind information.
    pub fn nocfi(call: Call) -> u64;
    /// As OpenSSL's assembly does it: the stack pointer before the frame was
    /// aligned is saved in the frame, and rbp serves as any other register.
    pub fn perlasm(call: Call) -> u64;
    /// The first frame of a stack of its own, and marked so.
    pub fn coroutine(top: u64, call: Call) -> u64;
    /// On another stack, whose callers are those of this one (the crates psm
    /// and stacker, which rustc itself uses).
    pub fn on_stack(top: u64, call: Call) -> u64;
    /// An illegal instruction is the first one.
    pub fn faulty() -> u64;
    /// Spin on a turn with such a stack pointer.
    pub fn spin_lost(turn: *const u64, rsp: u64) -> u64;
}

global_asm!(
    r#"
    .macro function name
    .globl \name
    .type \name, @function
\name:
    .cfi_startproc
    .endm
    .macro done name
    .cfi_endproc
    .size \name, . - \name
    .endm

    .text
    .p2align 4
function with_rbp
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rdi
    mov rdi, rdx
    call rsi
    pop rbp
    .cfi_def_cfa_offset 8
    .cfi_restore rbp
    ret
done with_rbp

function perlasm
    mov rax, rsp
    .cfi_def_cfa_register rax
    push rbx
    .cfi_offset rbx, -16
    push rbp
    .cfi_offset rbp, -24
    sub rsp, 256
    and rsp, -64
    mov [rsp + 152], rax
    /* def_cfa_expression: breg7 152, deref, plus_uconst 8 */
    .cfi_escape 0x0f, 6, 0x77, 0x98, 0x01, 0x06, 0x23, 0x08
    mov rbp, 0x7654321
    call rdi
    mov rsi, [rsp + 152]
    .cfi_def_cfa rsi, 8
    mov rbp, [rsi - 16]
    .cfi_restore rbp
    mov rbx, [rsi - 8]
    .cfi_restore rbx
    mov rsp, rsi
    .cfi_def_cfa_register rsp
    ret
done perlasm

function coroutine
    push rbx
    .cfi_def_cfa_offset 16
    .cfi_offset rbx, -16
    mov rbx, rsp
    .cfi_def_cfa_register rbx
    mov rsp, rdi
    call coroutine_first
    mov rsp, rbx
    .cfi_def_cfa_register rsp
    pop rbx
    .cfi_def_cfa_offset 8
    ret
done coroutine

function coroutine_first
    .cfi_undefined rip
    sub rsp, 8
    .cfi_def_cfa_offset 16
    call rsi
    add rsp, 8
    .cfi_def_cfa_offset 8
    ret
done coroutine_first

function on_stack
    push rbp
    .cfi_def_cfa_offset 16
    .cfi_offset rbp, -16
    mov rbp, rsp
    .cfi_def_cfa_register rbp
    mov rsp, rdi
    call rsi
    mov rsp, rbp
    pop rbp
    .cfi_def_cfa rsp, 8
    ret
done on_stack

    /* The byte before faulty belongs to another frame layout. */
function before_faulty
    sub rsp, 40
    .cfi_def_cfa_offset 48
    ud2
done before_faulty
function faulty
    ud2
    ret
done faulty

function spin_lost
    mov rcx, rsp
    mov rsp, rsi
    mov rax, [rdi]
    inc rax
    mov [rdi], rax
1:  pause
    cmp [rdi], rax
    je 1b
    mov rsp, rcx
    ret
done spin_lost

    .p2align 4
    .globl nocfi
    .type nocfi, @function
nocfi:
    sub rsp, 8
    call rdi
    add rsp, 8
    ret
    .size nocfi, . - nocfi
"#
);
