//! Allocates in stages, and counts what it has done.  For each line on standard input:
//!
//!     keep N     N blocks are kept, by keep_old() before the first churn (which thinks long about
//!                each), by keep_new() after
//!     churn N    N blocks come and go, and a third of what keep_old() has kept goes for ever
//!     pause      a tenth of a second
//!
//! It answers with the word, and tells at the end what lives of both and what was allocated,
//! in bytes: "old BYTES", "new BYTES", "all BYTES".

use std::hint::black_box;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

fn size(i: usize) -> usize {
    16 + i * 7919 % 500
}

#[inline(never)]
fn keep_old(n: usize, to: &mut Vec<Box<[u8]>>) -> usize {
    let mut sum = 0;
    for i in 0..n {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(300) {}
        to.push(vec![1u8; size(i)].into_boxed_slice());
        sum += size(i);
    }
    sum
}

#[inline(never)]
fn keep_new(n: usize, to: &mut Vec<Box<[u8]>>) -> usize {
    let mut sum = 0;
    for i in 0..n {
        to.push(vec![2u8; size(i)].into_boxed_slice());
        sum += size(i);
    }
    sum
}

#[inline(never)]
fn churn(n: usize) -> usize {
    let mut sum = 0;
    for i in 0..n {
        drop(black_box(vec![3u8; size(i)]));
        sum += size(i);
    }
    sum
}

fn main() {
    let mut old = Vec::with_capacity(5_000);
    let mut new = Vec::with_capacity(200_000);
    let (mut all, mut churned) = ((5_000 + 200_000) * 16, false);
    println!("ready");
    for line in std::io::stdin().lock().lines() {
        let line = line.unwrap();
        let mut words = line.split(' ');
        let word = words.next().unwrap();
        let n: usize = words.next().map_or(0, |w| w.parse().unwrap());
        match (word, churned) {
            ("keep", false) => all += keep_old(n, &mut old),
            ("keep", true) => all += keep_new(n, &mut new),
            ("churn", _) => {
                churned = true;
                all += churn(n);
                let left = old.len() * 2 / 3;
                old.truncate(left);
            }
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
        println!("{}", word);
        std::io::stdout().flush().unwrap();
    }
    println!("old {}", old.iter().map(|b| b.len()).sum::<usize>());
    println!("new {}", new.iter().map(|b| b.len()).sum::<usize>());
    println!("all {}", all);
    std::process::exit(0);
}
