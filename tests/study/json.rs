//! Two threads that parse a document with serde_json, write it out, and keep the last few.
use std::collections::VecDeque;
mod counted;

fn document() -> String {
    let mut s = String::from("[");
    for i in 0..300 {
        s += &format!(
            "{{\"id\":{},\"name\":\"user number {}\",\"tags\":[\"a\",\"bc\",\"def\"],\"score\":{}.5,\
             \"address\":{{\"street\":\"{} Main Street\",\"city\":\"Springfield\",\"zip\":null}}}},",
            i, i, i * 7, i
        );
    }
    s.pop();
    s + "]"
}

fn main() {
    let text: &'static str = Box::leak(document().into_boxed_str());
    counted::begin();
    let threads: Vec<_> = (0..2)
        .map(|_| {
            std::thread::spawn(move || {
                let mut kept = VecDeque::new();
                loop {
                    let value: serde_json::Value = serde_json::from_str(text).unwrap();
                    let out = serde_json::to_string(&value).unwrap();
                    assert!(out.len() > 1000);
                    kept.push_back((value, out));
                    if kept.len() > 8 {
                        kept.pop_front();
                    }
                }
            })
        })
        .collect();
    for t in threads {
        t.join().unwrap();
    }
}
