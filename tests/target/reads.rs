//! reads: reads and writes JSON, sorts, formats and matches, in one thread, until it is
//! killed: calls of many depths, in code of its own and of std.
#[path = "mixed/text.rs"]
#[allow(dead_code)]
mod text;

use std::collections::BTreeMap;

const INPUT: &str = r#"{"a": [1, 2.5, -3e2, {"b": [true, false, null]}],
    "text": "a \"quoted\" \u00e9 line\n", "deep": [[[[[[[[1, [2, [3]]]]]]]]]]}"#;

/// The compiler must take it as it comes (std's black_box is of Rust 1.66).
#[inline(always)]
fn opaque<T>(t: T) -> T {
    let t = std::mem::ManuallyDrop::new(t);
    unsafe { std::ptr::read_volatile(&*t) }
}

fn round(n: u64) -> usize {
    let mut out = String::new();
    match text::Reader::read(opaque(INPUT)) {
        Ok(value) => text::write(&value, &mut out),
        Err(e) => out = e,
    }
    let mut words: Vec<String> = (0..20).map(|i| format!("{:x}-{}", i * n % 17, out.len())).collect();
    words.sort_by(|a, b| b.cmp(a));
    let map: BTreeMap<&str, usize> = words.iter().map(|w| (w.as_str(), w.len())).collect();
    map.values().sum::<usize>() + text::count("[a-c]*", opaque(&out))
}

fn main() {
    let mut n = 0u64;
    loop {
        n = opaque(n + round(n) as u64);
    }
}
