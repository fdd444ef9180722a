//! Waits for a line on its standard input, then loads libraries and unloads
//! them, over and over: one.so and two.so, whose functions first and second
//! have their shares of CPU time.  Tells what each library has used:
//!
//!     NAME NS ADDRESS...
//!
//! Usage: plugs DIRECTORY ROUNDS

use std::ffi::{c_void, CString};
use std::os::raw::{c_char, c_int};

#[repr(C)]
struct Timespec {
    sec: i64,
    nsec: i64,
}

#[link(name = "dl")]
extern "C" {
    fn clock_gettime(clock: i32, t: *mut Timespec) -> i32;
    fn dlopen(path: *const c_char, flags: c_int) -> *mut c_void;
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
    fn dlclose(library: *mut c_void) -> c_int;
}

const THREAD_CPU: i32 = 3;
const RTLD_NOW: c_int = 2;

fn clock() -> u64 {
    let mut t = Timespec { sec: 0, nsec: 0 };
    unsafe { clock_gettime(THREAD_CPU, &mut t) };
    t.sec as u64 * 1_000_000_000 + t.nsec as u64
}

fn is_mapped(path: &str) -> bool {
    std::fs::read_to_string("/proc/self/maps")
        .unwrap()
        .contains(path)
}

/// Have a library burn its time; where its code was.
fn call(path: &str) -> usize {
    let c = CString::new(path).unwrap();
    let name = CString::new("work").unwrap();
    unsafe {
        let library = dlopen(c.as_ptr(), RTLD_NOW);
        assert!(!library.is_null(), "cannot load {}", path);
        let work = dlsym(library, name.as_ptr());
        assert!(!work.is_null(), "nothing to call in {}", path);
        let work: extern "C" fn() = std::mem::transmute(work);
        work();
        dlclose(library);
        assert!(!is_mapped(path), "{} is still mapped", path);
        work as usize
    }
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let rounds: usize = args[2].parse().unwrap();
    let names = ["one", "two"];
    let mut spent = [0; 2];
    let mut places = [String::new(), String::new()];
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    for which in (0..2).cycle().take(2 * rounds) {
        let before = clock();
        let place = call(&format!("{}/{}.so", args[1], names[which]));
        spent[which] += clock() - before;
        places[which] += &format!(" {:x}", place);
    }
    for which in 0..2 {
        println!("{} {}{}", names[which], spent[which], places[which]);
    }
}
