//! Shapes behind a trait, and things to do with slices of anything.

pub trait Shape: Send {
    fn area(&self) -> f64;
    fn name(&self) -> String;
}

pub struct Circle(pub f64);
pub struct Polygon(pub Vec<(f64, f64)>);

impl Shape for Circle {
    fn area(&self) -> f64 {
        self.0.powf(2.0) * std::f64::consts::PI
    }

    fn name(&self) -> String {
        format!("circle of radius {:.3}", self.0)
    }
}

impl Shape for Polygon {
    fn area(&self) -> f64 {
        let next = self.0.iter().cycle().skip(1);
        let twice: f64 = self
            .0
            .iter()
            .zip(next)
            .map(|(a, b)| a.0 * b.1 - b.0 * a.1)
            .sum();
        twice.abs() / 2.0
    }

    fn name(&self) -> String {
        format!("polygon of {} corners", self.0.len())
    }
}

pub fn some(n: usize) -> Vec<Box<dyn Shape>> {
    (0..n)
        .map(|i| -> Box<dyn Shape> {
            if i % 3 == 0 {
                Box::new(Circle(i as f64 / 7.0))
            } else {
                let corner = |k: usize| {
                    let a = k as f64 * 0.7 + i as f64;
                    (a.cos() * i as f64, a.sin() * k as f64)
                };
                Box::new(Polygon((0..3 + i % 9).map(corner).collect()))
            }
        })
        .collect()
}

/// The element that n others are smaller than.
pub fn rank<T, K: PartialOrd>(list: &mut [T], n: usize, key: impl Fn(&T) -> K) -> &T {
    list.sort_by(|a, b| key(a).partial_cmp(&key(b)).unwrap());
    &list[n]
}
