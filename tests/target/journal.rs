//! A small program for pictures: it reads orders, keeps some of them in a cache,
//! writes a report now and then, and forgets.
//!
//!     journal [SECONDS]    (none: until it is killed)

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

pub struct Order {
    customer: String,
    lines: Vec<(u32, f64)>,
}

mod parse {
    use super::Order;

    pub fn order(text: &str) -> Option<Order> {
        let mut fields = text.split(';');
        let customer = fields.next()?.trim().to_uppercase();
        let lines = fields
            .filter_map(|f| {
                let (number, price) = f.split_once(':')?;
                Some((number.parse().ok()?, price.parse().ok()?))
            })
            .collect();
        Some(Order { customer, lines })
    }
}

mod cache {
    use super::*;

    #[derive(Default)]
    pub struct Cache {
        orders: HashMap<u64, Order>,
    }

    impl Cache {
        pub fn insert(&mut self, key: u64, order: Order) {
            self.orders.insert(key, order);
        }

        pub fn forget(&mut self, most: usize) {
            if self.orders.len() > most {
                let least = self.orders.keys().copied().max().unwrap_or(0) - most as u64 / 2;
                self.orders.retain(|k, _| *k > least);
            }
        }

        pub fn all(&self) -> impl Iterator<Item = &Order> {
            self.orders.values()
        }
    }
}

fn digest(text: &str) -> u64 {
    text.bytes().fold(0xcbf29ce484222325, |h, b| {
        (h ^ u64::from(b)).wrapping_mul(0x100000001b3)
    })
}

#[inline(never)]
fn report(cache: &cache::Cache) -> String {
    let mut sums: BTreeMap<&str, f64> = BTreeMap::new();
    for order in cache.all() {
        let sum: f64 = order.lines.iter().map(|(n, p)| f64::from(*n) * p).sum();
        *sums.entry(&order.customer).or_default() += sum;
    }
    sums.iter().map(|(c, s)| format!("{c:>12} {s:10.2}\n")).collect()
}

fn main() {
    let seconds: Option<u64> = std::env::args().nth(1).and_then(|s| s.parse().ok());
    let (begin, mut cache) = (Instant::now(), cache::Cache::default());
    let mut history: Vec<String> = Vec::new();
    let (mut key, mut mark) = (0u64, 0u64);
    while seconds.map_or(true, |s| begin.elapsed() < Duration::from_secs(s)) {
        for _ in 0..500 {
            let text = format!("customer {};3:1.25;{}:9.5;7:0.{}", key % 97, key % 11, key % 89);
            mark ^= digest(&text);
            if let Some(order) = parse::order(&text) {
                cache.insert(key, order);
            }
            key += 1;
        }
        cache.forget(40_000);
        if key % 10_000 == 0 {
            history.push(report(&cache));
        }
        std::thread::sleep(Duration::from_millis(4));
    }
    println!("{key} {mark:x} {}", history.len());
}
