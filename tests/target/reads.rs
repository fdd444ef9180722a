//! reads: reads and writes JSON, sorts, formats and matches, in one thread, until it is
//! killed: calls of many depths, in code of its own and of std.
#[path = "mixed/text.rs"]
#[allow(dead_code)]
mod text;

use std::collections::BTreeMap;
use std::hint::black_box;

const INPUT: &str = r#"{"a": [1, 2.5, -3e2, {"b": [true, false, null]}],
    "text": "a \"quoted\" \u00e9 line\n", "deep": [[[[[[[[1, [2, [3]]]]]]]]]]}"#;

fn round(n: u64) -> usize {
    let mut out = String::new();
    match text::Reader::read(black_box(INPUT)) {
        Ok(value) => text::write(&value, &mut out),
        Err(e) => out = e,
    }
    let mut words: Vec<String> = (0..20).map(|i| format!("{:x}-{}", i * n % 17, out.len())).collect();
    words.sort_by(|a, b| b.cmp(a));
    let map: BTreeMap<&str, usize> = words.iter().map(|w| (w.as_str(), w.len())).collect();
    map.values().sum::<usize>() + text::count("[a-c]*", black_box(&out))
}

fn main() {
    let mut n = 0u64;
    loop {
        n = black_box(n + round(n) as u64);
    }
}
