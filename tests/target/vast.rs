//! vast: so much code that its unwind table takes a while to compile; and from the
//! first moment on work is done by a function whose caller has a frame of a megabyte
//! that it does not touch.
use std::arch::global_asm;
use std::hint::black_box;

global_asm!(
    ".text",
    ".rept 400000",
    ".cfi_startproc",
    "push %rbx",
    ".cfi_adjust_cfa_offset 8",
    "pop %rbx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_endproc",
    ".endr",
    ".globl vast_call",
    ".type vast_call, @function",
    "vast_call:",
    ".cfi_startproc",
    "sub $1000008, %rsp",
    ".cfi_adjust_cfa_offset 1000008",
    "call *%rdi",
    "add $1000008, %rsp",
    ".cfi_adjust_cfa_offset -1000008",
    "ret",
    ".cfi_endproc",
    ".size vast_call, . - vast_call",
    options(att_syntax)
);

extern "C" {
    fn vast_call(work: extern "C" fn());
}

#[inline(never)]
extern "C" fn work() {
    let mut x = black_box(1u64);
    loop {
        x = black_box(x.rotate_left(5) ^ 0x9e37);
    }
}

fn main() {
    // SAFETY: it calls what it is given.
    unsafe { vast_call(work) };
}
