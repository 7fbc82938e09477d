use super::*;
use crate::ring::Point;
use crate::ring_drawing::Drawing;
use crate::testing::{Lines, read};
use crate::{Allowed, Via};

fn ring_of(count: usize) -> Topology {
    let allowed: Vec<_> = (0..count)
        .map(|n| {
            Allowed::new(format!("shop/{n}"), Via::Cast, format!("shop/{}", (n * 7 + 1) % count))
        })
        .collect();
    Topology::of(&read(""), &allowed)
}

#[test]
fn texts_are_escaped() {
    let recording =
        Lines::default().short("denial cast a <script>alert('1')</script> why=x").read();
    let page = Topology::of(&recording, &[]).html();
    assert!(!page.contains("<script>alert"), "{page}");
    assert!(page.contains("<td>&lt;script&gt;alert(&#39;1&#39;)&lt;/<wbr>script&gt;</td>"));
}

#[test]
fn few_are_boxes_and_many_are_dots() {
    let count = |page: &str, what: &str| page.matches(what).count();
    let few = ring_of(5).html();
    assert_eq!((count(&few, "<g class=\"node\""), count(&few, "<circle")), (5, 0));
    let many = ring_of(30).html();
    assert_eq!((count(&many, "<g class=\"node\""), count(&many, "<circle")), (30, 30));
    assert_eq!(count(&many, "<g class=\"edge unused\""), 30);
    assert!(Topology::of(&read(""), &[]).html().contains("0 nodes"));
}

#[test]
fn no_two_arrows_of_the_same_nodes_lie_on_each_other() {
    let mut lines = Lines::default();
    for text in ["send cast a b", "send call a b one", "send cast b a", "denial cast a b why=x"] {
        lines = lines.short(text);
    }
    let topology = Topology::of(&lines.read(), &[]);
    let drawing = Drawing::new(&topology);
    let mut middles: Vec<Point> = Vec::new();
    for edge in topology.edges() {
        let place = edge.via as usize;
        middles.push(drawing.curve(edge, place).at(0.5));
        if edge.denied > 0 {
            middles.push(drawing.curve(edge, place + 3).at(0.5));
        }
    }
    for (number, one) in middles.iter().enumerate() {
        for other in &middles[number + 1..] {
            assert!(one.minus(*other).length() > 10.0, "{middles:?}");
        }
    }
}

#[test]
fn all_names_are_in_sight() {
    for count in [1, 2, 3, 8, 9, 30, 64] {
        let topology = ring_of(count);
        let drawing = Drawing::new(&topology);
        let svg = Drawing::new(&topology).svg();
        let (_, rest) = svg.split_once("viewBox=\"").unwrap();
        let sizes: Vec<f64> =
            rest.split('"').next().unwrap().split(' ').map(|size| size.parse().unwrap()).collect();
        for node in 0..count {
            let reach = drawing.reach(node);
            assert!(reach.x <= sizes[2] / 2.0 + 1.0 && reach.y <= sizes[3] / 2.0 + 1.0, "{count}");
        }
    }
}

#[test]
fn a_thick_net_is_drawn_in_part() {
    let allowed: Vec<_> = (0..60 * 60)
        .map(|n| Allowed::new(format!("n{}", n / 60), Via::Cast, format!("n{}", n % 60)))
        .collect();
    let page = Topology::of(&read(""), &allowed).html();
    assert_eq!(page.matches("<g class=\"edge").count(), 2_000);
    assert!(page.contains("<li>1600 more arrows were left out of the ring.</li>"));
    assert_eq!(page.matches("<tr class").count(), 500);
    assert!(page.contains("and 3100 more"));
}
