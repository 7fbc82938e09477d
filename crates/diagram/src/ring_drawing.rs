//! A topology as SVG: nodes on a ring, arrows between them.

use std::fmt::Write;

use crate::ring::{MOST_BOXES, Point, Ring, number};
use crate::text::html as escaped;
use crate::topology::{Edge, Topology, per_second};

/// How many edges are drawn: those that matter most.
pub(crate) const MOST_ARROWS: usize = 2_000;

/// How many characters of a name stand in its box or beside its dot.
const LONGEST_NAME: usize = 28;

/// How wide a character of a name is at most, nearly, in pixels.
const CHARACTER: f64 = 7.4;

/// Draws one topology.
pub(crate) struct Drawing<'a> {
    topology: &'a Topology,
    ring: Ring,
    /// Nodes are boxes with their names; otherwise dots with names beside them.
    boxes: bool,
    most: u64,
    /// Where labels of arrows are: left, top, right, bottom.
    taken: Vec<[f64; 4]>,
    out: String,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(topology: &'a Topology) -> Self {
        let boxes = topology.nodes().len() <= MOST_BOXES;
        let most = topology.edges().iter().map(|edge| edge.count).max().unwrap_or(1);
        let ring = Ring::of(topology);
        Self { topology, ring, boxes, most, taken: Vec::new(), out: String::new() }
    }

    /// The whole picture, as an `svg` element.
    pub(crate) fn svg(mut self) -> String {
        let half = (0..self.ring.places.len()).map(|node| self.reach(node));
        let half = half.fold(Point::new(60.0, 60.0), |one, other| {
            Point::new(one.x.max(other.x), one.y.max(other.y))
        });
        if self.boxes {
            for node in 0..self.ring.places.len() {
                let (place, half) = (self.ring.places[node], self.half(node));
                self.taken.push([
                    place.x - half.x,
                    place.y - half.y,
                    place.x + half.x,
                    place.y + half.y,
                ]);
            }
        }
        let mut edges: Vec<_> = self.topology.edges().iter().enumerate().collect();
        // What matters most is drawn last, on top.
        edges.sort_by_key(|(_, edge)| (edge.denied > 0, edge.count));
        edges.drain(..edges.len().saturating_sub(MOST_ARROWS));
        let mut labels = Vec::new();
        for (number, edge) in edges {
            labels.extend(self.edge(number, edge));
        }
        for node in 0..self.ring.places.len() {
            self.node(node);
        }
        if self.boxes {
            for (path, text, class) in labels.iter().rev() {
                self.label(path, text, class);
            }
        }
        format!(
            "<svg id=\"net\" class=\"{}\" viewBox=\"{:.0} {:.0} {:.0} {:.0}\" role=\"img\" \
             aria-label=\"Components and who talks to whom\" style=\"max-width:{:.0}px\">{}</svg>",
            if self.boxes { "few" } else { "many" },
            -half.x,
            -half.y,
            half.x * 2.0,
            half.y * 2.0,
            half.x * 2.4,
            self.out,
        )
    }

    /// How far from the middle a node's shape, name and loop reach, to the side and up or down.
    pub(crate) fn reach(&self, node: usize) -> Point {
        let place = self.ring.places[node];
        let name = self.half(node).x * 2.0;
        let more = if self.boxes {
            Point::new(name / 2.0 + 24.0, 84.0)
        } else {
            let angle = self.ring.angles[node];
            Point::new(angle.cos().abs(), angle.sin().abs())
                .times(name)
                .plus(Point::new(14.0, 14.0))
        };
        Point::new(place.x.abs(), place.y.abs()).plus(more)
    }

    /// Half the width and height of a node's box.
    fn half(&self, node: usize) -> Point {
        let name = short(&self.topology.nodes()[node].name);
        Point::new(number(name.chars().count()) * CHARACTER / 2.0 + 14.0, 17.0)
    }

    fn node(&mut self, number: usize) {
        let node = &self.topology.nodes()[number];
        let (place, angle) = (self.ring.places[number], self.ring.angles[number]);
        let class = if node.stranger { "node stranger" } else { "node" };
        let name = escaped(&short(&node.name));
        let shape = if self.boxes {
            let half = self.half(number);
            format!(
                "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"8\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{name}</text>",
                place.x - half.x,
                place.y - half.y,
                half.x * 2.0,
                half.y * 2.0,
                place.x,
                place.y + 4.5,
            )
        } else {
            // Names stand outwards, and none upside down.
            let left = angle.cos() < 0.0;
            let turn = angle.to_degrees() + if left { 180.0 } else { 0.0 };
            let (anchor, shift) = if left { ("end", -13.0) } else { ("start", 13.0) };
            format!(
                "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"6\"/>\
                 <text x=\"{shift}\" y=\"4.5\" text-anchor=\"{anchor}\" \
                 transform=\"translate({:.1} {:.1}) rotate({turn:.2})\">{name}</text>",
                place.x, place.y, place.x, place.y,
            )
        };
        _ = write!(self.out, "<g class=\"{class}\" data-node=\"{number}\">{shape}</g>");
    }

    /// Draws the arrows of an edge; gives back what may stand beside each.
    fn edge(&mut self, number: usize, edge: &Edge) -> Vec<(Curve, String, &'static str)> {
        let via = edge.via.as_str();
        let mut labels = Vec::new();
        if edge.count > 0 || edge.is_unused() {
            let curve = self.curve(edge, edge.via as usize);
            let class = if edge.is_unused() { "unused" } else { via };
            let width = if edge.is_unused() { 1.2 } else { self.width(edge.count) };
            self.arrow(number, edge, curve, class, width);
            let text = match edge.rate {
                Some(rate) => format!("{via} {}", per_second(rate)),
                None if edge.is_unused() => format!("{via} unused"),
                None => format!("{via} {}", edge.count),
            };
            labels.push((curve, text, class));
        }
        if edge.denied > 0 {
            let curve = self.curve(edge, edge.via as usize + 3);
            self.arrow(number, edge, curve, "denied", 1.8);
            let cross = curve.at(0.72);
            _ = write!(
                self.out,
                "<path class=\"cross\" d=\"M{0:.1},{1:.1} l10,10 m0,-10 l-10,10\"/>",
                cross.x - 5.0,
                cross.y - 5.0,
            );
            labels.push((curve, format!("{via} denied ×{}", edge.denied), "denied"));
        }
        labels
    }

    #[allow(clippy::cast_precision_loss, reason = "for people")]
    fn width(&self, count: u64) -> f64 {
        let widest = if self.boxes { 4.6 } else { 3.0 };
        1.2 + widest * (count as f64).ln_1p() / (self.most as f64).ln_1p()
    }

    fn arrow(&mut self, number: usize, edge: &Edge, curve: Curve, class: &str, width: f64) {
        let Curve { from, bend, to } = curve;
        let back = bend.minus(to).unit();
        let head = 5.0 + width * 1.5;
        // The line ends within the head, so that it does not show beyond its point.
        let end = to.plus(back.times(head * 0.8));
        let across = Point::new(-back.y, back.x).times(head * 0.5);
        let [one, other] =
            [to.plus(back.times(head)).plus(across), to.plus(back.times(head)).minus(across)];
        _ = write!(
            self.out,
            "<g class=\"edge {class}\" data-edge=\"{number}\" data-from=\"{}\" data-to=\"{}\">\
             <path class=\"line\" stroke-width=\"{width:.1}\" d=\"M{:.1},{:.1} Q{:.1},{:.1} {:.1},{:.1}\"/>\
             <path class=\"head\" d=\"M{:.1},{:.1} L{:.1},{:.1} L{:.1},{:.1} Z\"/>\
             <path class=\"hit\" d=\"M{:.1},{:.1} Q{:.1},{:.1} {:.1},{:.1}\"/></g>",
            edge.from,
            edge.to,
            from.x,
            from.y,
            bend.x,
            bend.y,
            end.x,
            end.y,
            to.x,
            to.y,
            one.x,
            one.y,
            other.x,
            other.y,
            from.x,
            from.y,
            bend.x,
            bend.y,
            to.x,
            to.y,
        );
    }

    /// The way of an arrow: bent to the middle, and to its right by its place among those of the
    /// same two nodes, so that no two lie on each other.
    pub(crate) fn curve(&self, edge: &Edge, place: usize) -> Curve {
        let [from, to] = [self.ring.places[edge.from], self.ring.places[edge.to]];
        if edge.from == edge.to {
            // A drop: over or under a box, inwards from a dot, whose name stands outwards.
            let inwards = match self.boxes {
                true => Point::new(0.0, if from.y > 100.0 { 1.0 } else { -1.0 }),
                false => from.unit().times(-1.0),
            };
            let across = Point::new(-inwards.y, inwards.x);
            let deep = 40.0 + 6.0 * number(place);
            let start =
                self.leave(edge.from, from.plus(inwards.times(deep)).plus(across.times(18.0)));
            let end =
                self.leave(edge.from, from.plus(inwards.times(deep)).minus(across.times(18.0)));
            let bend = from.plus(inwards.times(deep * 2.0));
            return Curve {
                from: start.plus(across.times(4.0)),
                bend,
                to: end.minus(across.times(4.0)),
            };
        }
        let way = to.minus(from);
        let right = Point::new(-way.y, way.x).unit();
        let middle = from.plus(to).times(0.5);
        let (inwards, apart) = if self.boxes { (0.82, 30.0) } else { (0.35, 9.0) };
        let bend = middle.times(inwards).plus(right.times(apart * (number(place) + 0.7)));
        Curve { from: self.leave(edge.from, bend), bend, to: self.leave(edge.to, bend) }
    }

    /// Where a line from a node to elsewhere leaves the node's shape.
    fn leave(&self, node: usize, to: Point) -> Point {
        let place = self.ring.places[node];
        let way = to.minus(place).unit();
        if !self.boxes {
            return place.plus(way.times(8.0));
        }
        let half = self.half(node).plus(Point::new(2.0, 2.0));
        let by_width = if way.x.abs() > 1e-9 { half.x / way.x.abs() } else { f64::INFINITY };
        let by_height = if way.y.abs() > 1e-9 { half.y / way.y.abs() } else { f64::INFINITY };
        place.plus(way.times(by_width.min(by_height)))
    }

    /// A text on an arrow, where no other is; there may be no room.
    fn label(&mut self, curve: &Curve, text: &str, class: &str) {
        let half = Point::new(number(text.chars().count()) * 3.3 + 2.0, 8.0);
        for part in [0.5, 0.42, 0.58, 0.34, 0.66, 0.26, 0.74] {
            let Point { x, y } = curve.at(part);
            let [left, top, right, bottom] = [x - half.x, y - half.y, x + half.x, y + half.y];
            let free = self.taken.iter().all(|other| {
                left > other[2] || other[0] > right || top > other[3] || other[1] > bottom
            });
            if free {
                self.taken.push([left, top, right, bottom]);
                _ = write!(
                    self.out,
                    "<g class=\"label {class}\"><rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" \
                     height=\"{:.1}\" rx=\"4\"/><text x=\"{x:.1}\" y=\"{:.1}\" \
                     text-anchor=\"middle\">{}</text></g>",
                    half.x * 2.0,
                    half.y * 2.0,
                    y + 4.0,
                    escaped(text),
                );
                return;
            }
        }
    }
}

/// A bow with one bend.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Curve {
    from: Point,
    bend: Point,
    to: Point,
}

impl Curve {
    /// A place on it: 0 is its beginning, 1 its end.
    pub(crate) fn at(&self, part: f64) -> Point {
        let rest = 1.0 - part;
        self.from
            .times(rest * rest)
            .plus(self.bend.times(2.0 * rest * part))
            .plus(self.to.times(part * part))
    }
}

fn short(name: &str) -> String {
    if name.chars().count() <= LONGEST_NAME {
        return name.to_owned();
    }
    name.chars().take(LONGEST_NAME - 1).chain(['…']).collect()
}
