// The names that the crate rustc-demangle gives symbols, in the form of demangle.c;
// symbols that it does not know are left out.
use std::io::{self, BufRead, Write};

fn main() {
    let mut out = io::BufWriter::new(io::stdout());
    for line in io::stdin().lock().lines() {
        let line = line.unwrap();
        if let Ok(name) = rustc_demangle::try_demangle(&line) {
            writeln!(out, "{}\t{:#}\t{}", line, name, name).unwrap();
        }
    }
}
