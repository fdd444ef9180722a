//! Text: a reader and writer of JSON, and a matcher of patterns.

use std::collections::BTreeMap;
use std::fmt::Write;

pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
    List(Vec<Value>),
    Map(BTreeMap<String, Value>),
}

pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

type Result<T> = std::result::Result<T, String>;

impl<'a> Reader<'a> {
    pub fn read(text: &'a str) -> Result<Value> {
        let mut r = Reader {
            bytes: text.as_bytes(),
            at: 0,
        };
        let v = r.value()?;
        r.space();
        if r.at == r.bytes.len() {
            Ok(v)
        } else {
            Err(format!("something follows at {}", r.at))
        }
    }

    fn peek(&self) -> u8 {
        *self.bytes.get(self.at).unwrap_or(&0)
    }

    fn space(&mut self) {
        while self.peek().is_ascii_whitespace() {
            self.at += 1;
        }
    }

    fn expect(&mut self, c: u8) -> Result<()> {
        self.space();
        if self.peek() != c {
            return Err(format!("no {:?} at {}", c as char, self.at));
        }
        self.at += 1;
        Ok(())
    }

    fn value(&mut self) -> Result<Value> {
        self.space();
        match self.peek() {
            b'{' => self.map(),
            b'[' => self.list(),
            b'"' => Ok(Value::Text(self.text()?)),
            b'-' | b'0'..=b'9' => self.number(),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Result<Value> {
        let rest = &self.bytes[self.at..];
        let (len, v) = if rest.starts_with(b"null") {
            (4, Value::Null)
        } else if rest.starts_with(b"true") {
            (4, Value::Bool(true))
        } else if rest.starts_with(b"false") {
            (5, Value::Bool(false))
        } else {
            return Err(format!("no value at {}", self.at));
        };
        self.at += len;
        Ok(v)
    }

    fn number(&mut self) -> Result<Value> {
        let start = self.at;
        while let b'-' | b'+' | b'.' | b'e' | b'0'..=b'9' = self.peek() {
            self.at += 1;
        }
        let text = std::str::from_utf8(&self.bytes[start..self.at]).unwrap();
        text.parse()
            .map(Value::Number)
            .map_err(|e| format!("{}: {}", text, e))
    }

    fn text(&mut self) -> Result<String> {
        let mut out = Vec::new();
        self.expect(b'"')?;
        loop {
            match self.peek() {
                b'"' => break,
                0 => return Err("a text without an end".into()),
                b'\\' => self.at += 1,
                _ => (),
            }
            out.push(self.peek());
            self.at += 1;
        }
        self.at += 1;
        String::from_utf8(out).map_err(|e| e.to_string())
    }

    fn list(&mut self) -> Result<Value> {
        let mut list = Vec::new();
        self.expect(b'[')?;
        self.space();
        while self.peek() != b']' {
            list.push(self.value()?);
            self.space();
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
        Ok(Value::List(list))
    }

    fn map(&mut self) -> Result<Value> {
        let mut map = BTreeMap::new();
        self.expect(b'{')?;
        self.space();
        while self.peek() != b'}' {
            self.space();
            let key = self.text()?;
            self.expect(b':')?;
            map.insert(key, self.value()?);
            self.space();
            if self.peek() == b',' {
                self.at += 1;
                self.space();
            }
        }
        self.at += 1;
        Ok(Value::Map(map))
    }
}

pub fn write(v: &Value, out: &mut String) {
    match v {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => write!(out, "{}", b).unwrap(),
        Value::Number(n) => write!(out, "{}", n).unwrap(),
        Value::Text(t) => write!(out, "{:?}", t).unwrap(),
        Value::List(l) => {
            out.push('[');
            for (i, v) in l.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write(v, out);
            }
            out.push(']');
        }
        Value::Map(m) => {
            out.push('{');
            for (i, (k, v)) in m.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write!(out, "{:?}:", k).unwrap();
                write(v, out);
            }
            out.push('}');
        }
    }
}

/// Does the pattern (of letters, `.`, `x*` and `(a|b)`) match at the text's
/// beginning?  What is left of the text goes to `then`.
pub fn matches(pattern: &[u8], text: &[u8], then: &dyn Fn(&[u8]) -> bool) -> bool {
    if pattern.is_empty() {
        return then(text);
    }
    if pattern[0] == b'(' {
        let close = pattern.iter().position(|&c| c == b')').unwrap();
        let rest = &pattern[close + 1..];
        return pattern[1..close]
            .split(|&c| c == b'|')
            .any(|way| matches(way, text, &|left| matches(rest, left, then)));
    }
    let first = |t: &[u8]| !t.is_empty() && (pattern[0] == b'.' || pattern[0] == t[0]);
    if pattern.len() > 1 && pattern[1] == b'*' {
        return matches(&pattern[2..], text, then)
            || (first(text) && matches(pattern, &text[1..], then));
    }
    first(text) && matches(&pattern[1..], &text[1..], then)
}

pub fn count(pattern: &str, text: &str) -> usize {
    (0..text.len())
        .filter(|&i| matches(pattern.as_bytes(), &text.as_bytes()[i..], &|_| true))
        .count()
}
