//! Where the nodes of a topology stand: on a ring, those that talk to each other close together.

use std::f64::consts::TAU;

use crate::topology::Topology;

/// So many nodes or fewer are drawn as boxes with their names in them, more as dots.
pub(crate) const MOST_BOXES: usize = 8;

/// How many ways are measured before the seats are good enough: some 0.1 s.
const MOST_WORK: usize = 10_000_000;

/// A place, in pixels from the middle; down is positive.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Point {
    pub(crate) fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        Self::new(self.x + other.x, self.y + other.y)
    }

    pub(crate) fn minus(self, other: Self) -> Self {
        Self::new(self.x - other.x, self.y - other.y)
    }

    pub(crate) fn times(self, by: f64) -> Self {
        Self::new(self.x * by, self.y * by)
    }

    pub(crate) fn length(self) -> f64 {
        self.x.hypot(self.y)
    }

    /// Of length 1; of no length, to the right.
    pub(crate) fn unit(self) -> Self {
        let length = self.length();
        if length > 0.0 { self.times(1.0 / length) } else { Self::new(1.0, 0.0) }
    }
}

/// The places of the nodes, and their angles from the middle.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) places: Vec<Point>,
    pub(crate) angles: Vec<f64>,
}

impl Ring {
    pub(crate) fn of(topology: &Topology) -> Self {
        let count = topology.nodes().len();
        let radius = if count <= MOST_BOXES {
            Point::new(if count < 3 { 260.0 } else { 330.0 }, 210.0)
        } else {
            let radius = (number(count) * 9.5).clamp(210.0, 640.0);
            Point::new(radius, radius)
        };
        let seats = seats(count, topology);
        // One stands in the middle, two beside each other, three on a triangle.
        let first = if count == 2 { 0.5 } else { 0.75 };
        let angles: Vec<_> =
            seats.iter().map(|&seat| TAU * (first + number(seat) / number(count))).collect();
        let places = angles.iter().map(|angle| match count {
            1 => Point::new(0.0, 0.0),
            _ => Point::new(angle.cos() * radius.x, angle.sin() * radius.y),
        });
        Self { places: places.collect(), angles }
    }
}

#[allow(clippy::cast_precision_loss, reason = "there are not so many nodes")]
pub(crate) fn number(count: usize) -> f64 {
    count as f64
}

/// The seat of each node around the ring. Two change seats as long as that makes all ways shorter
/// together.
fn seats(count: usize, topology: &Topology) -> Vec<usize> {
    let mut seats: Vec<_> = (0..count).collect();
    let mut neighbours = vec![Vec::new(); count];
    for edge in topology.edges().iter().filter(|edge| edge.from != edge.to) {
        // What is only allowed matters less.
        let weight = if edge.count > 0 { 3 } else { 1 };
        neighbours[edge.from].push((edge.to, weight));
        neighbours[edge.to].push((edge.from, weight));
    }
    let mut work = 0;
    loop {
        let mut better = false;
        for one in 0..count {
            for other in one + 1..count {
                work += neighbours[one].len() + neighbours[other].len();
                if work > MOST_WORK {
                    return seats;
                }
                let before = length(one, other, &seats, &neighbours);
                seats.swap(one, other);
                if length(one, other, &seats, &neighbours) < before {
                    better = true;
                } else {
                    seats.swap(one, other);
                }
            }
        }
        if !better {
            return seats;
        }
    }
}

/// The ways of two nodes, in seats.
fn length(one: usize, other: usize, seats: &[usize], neighbours: &[Vec<(usize, usize)>]) -> usize {
    [one, other]
        .into_iter()
        .flat_map(|node| neighbours[node].iter().map(move |way| (node, way)))
        .map(|(node, (peer, weight))| {
            let apart = seats[node].abs_diff(seats[*peer]);
            apart.min(seats.len() - apart) * weight
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Allowed;
    use crate::Via;
    use crate::testing::read;

    fn ring(edges: &[(&str, &str)]) -> (Topology, Ring) {
        let allowed: Vec<_> =
            edges.iter().map(|(who, whom)| Allowed::new(*who, Via::Cast, *whom)).collect();
        let topology = Topology::of(&read(""), &allowed);
        let ring = Ring::of(&topology);
        (topology, ring)
    }

    #[test]
    fn those_who_talk_sit_beside_each_other() {
        // In the order of appearance each pair is as far apart as can be.
        let (topology, ring) = ring(&[
            ("a", "a"),
            ("b", "b"),
            ("c", "c"),
            ("d", "d"),
            ("e", "e"),
            ("a2", "a"),
            ("b2", "b"),
            ("c2", "c"),
            ("d2", "d"),
            ("e2", "e"),
        ]);
        let place = |name: &str| {
            ring.places[topology.nodes().iter().position(|node| node.name == name).unwrap()]
        };
        let side = TAU / 10.0 * ring.places[0].length();
        for name in ["a", "b", "c", "d", "e"] {
            let apart = place(name).minus(place(&format!("{name}2"))).length();
            assert!(apart < side, "{name}: {apart}, seats are {side} apart");
        }
    }

    #[test]
    fn few_nodes_have_places_that_look_right() {
        let (_, one) = ring(&[("a", "a")]);
        assert_eq!(one.places, [Point::new(0.0, 0.0)]);
        let (_, two) = ring(&[("a", "b")]);
        assert!(two.places[0].x < -200.0 && two.places[1].x > 200.0);
        assert!(two.places[0].y.abs() < 1.0);
        let (_, three) = ring(&[("a", "b"), ("b", "c")]);
        assert!(three.places.iter().any(|place| place.y < -200.0));
        assert!(ring(&[]).1.places.is_empty());
    }
}
