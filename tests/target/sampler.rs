// An allocator that samples by itself and tells of that by the static probes otel_memory, as
// OpenTelemetry's contract has them; and that counts what it does.
//
// sampler [off]: says "ready", and for each line "go N" makes N rounds and says what was
// allocated, and what is live of that.  off: it never samples.

use std::alloc::{GlobalAlloc, Layout, System};
use std::arch::asm;
use std::hint::black_box;
use std::io::BufRead;

const PERIOD: f64 = 4096.0;
const SLOTS: usize = 1 << 20;

#[no_mangle]
#[link_section = ".probes"]
static mut otel_memory_semaphore: u16 = 0; // how many use the probes
static mut OFF: bool = false;
static mut RANDOM: u64 = 0x9e3779b97f4a7c15;
static mut LEFT: f64 = 0.0; // bytes up to the next sample
static mut SAMPLED: [usize; SLOTS] = [0; SLOTS]; // blocks, by a hash
static mut ALLOCATED: [u64; 2] = [0; 2]; // bytes, allocations
static mut LIVE: [i64; 2] = [0; 2];

// note!(NAME, ARGUMENTS, OPERAND...): a nop, and a note about it of SystemTap's.
macro_rules! note {
    ($name:literal, $args:literal, $($op:tt)*) => {
        asm!(
            "990: nop",
            ".pushsection .note.stapsdt,\"\",\"note\"",
            ".balign 4",
            ".4byte 992f-991f, 994f-993f, 3",
            "991: .asciz \"stapsdt\"",
            "992: .balign 4",
            "993: .8byte 990b, _.stapsdt.base, otel_memory_semaphore",
            ".asciz \"otel_memory\"",
            concat!(".asciz \"", $name, "\""),
            concat!(".asciz \"", $args, "\""),
            "994: .balign 4",
            ".popsection",
            ".ifndef _.stapsdt.base",
            ".pushsection .stapsdt.base,\"aG\",\"progbits\",.stapsdt.base,comdat",
            ".weak _.stapsdt.base",
            ".hidden _.stapsdt.base",
            "_.stapsdt.base: .space 1",
            ".size _.stapsdt.base, 1",
            ".popsection",
            ".endif",
            $($op)*
            options(att_syntax, nostack)
        )
    };
}

unsafe fn draw() -> f64 {
    RANDOM ^= RANDOM << 13;
    RANDOM ^= RANDOM >> 7;
    RANDOM ^= RANDOM << 17;
    -(((RANDOM >> 11) as f64 + 0.5) / (1u64 << 53) as f64).ln() * PERIOD
}

unsafe fn slot(p: *mut u8) -> *mut usize {
    (std::ptr::addr_of_mut!(SAMPLED) as *mut usize).add(p as usize >> 4 & (SLOTS - 1))
}

struct Sampler;

unsafe impl GlobalAlloc for Sampler {
    unsafe fn alloc(&self, l: Layout) -> *mut u8 {
        let p = System.alloc(l);
        ALLOCATED[0] += l.size() as u64;
        ALLOCATED[1] += 1;
        LIVE[0] += l.size() as i64;
        LIVE[1] += 1;
        if std::ptr::read_volatile(std::ptr::addr_of!(otel_memory_semaphore)) == 0 || OFF {
            return p;
        }
        LEFT -= l.size() as f64;
        let mut times = 0;
        while LEFT < 0.0 {
            LEFT += draw();
            times += 1;
        }
        if times > 0 {
            *slot(p) = p as usize;
            sampled(p, l.size(), times * PERIOD as u64);
        }
        p
    }

    unsafe fn dealloc(&self, p: *mut u8, l: Layout) {
        LIVE[0] -= l.size() as i64;
        LIVE[1] -= 1;
        if *slot(p) == p as usize {
            *slot(p) = 0;
            note!("free", "8@{0}", in(reg) p,);
        }
        System.dealloc(p, l)
    }
}

#[inline(never)]
unsafe fn sampled(p: *mut u8, size: usize, weight: u64) {
    let words = [size as u64, weight];
    note!("alloc", "8@{0} 8@({1}) 8@8({1})", in(reg) p, in(reg) &words,);
}

#[global_allocator]
static ALLOCATOR: Sampler = Sampler;

#[inline(never)]
fn leak(n: usize) {
    for i in 0..n {
        std::mem::forget(black_box(Vec::<u8>::with_capacity(200 + i % 7 * 100)));
    }
}

#[inline(never)]
fn pass(n: usize) {
    for i in 0..n {
        drop(black_box(Vec::<u8>::with_capacity(16 + i % 11 * 64)));
    }
}

fn main() {
    unsafe { OFF = std::env::args().nth(1).as_deref() == Some("off") };
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let n: usize = line.unwrap()[3..].parse().unwrap();
        let (before, live) = unsafe { (ALLOCATED, LIVE) };
        leak(n);
        pass(10 * n);
        let (after, now) = unsafe { (ALLOCATED, LIVE) };
        println!("allocated {} {} live {} {}", after[0] - before[0], after[1] - before[1],
            now[0] - live[0], now[1] - live[1]);
    }
}
