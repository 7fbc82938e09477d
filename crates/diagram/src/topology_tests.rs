use super::*;
use crate::Limits;
use crate::testing::{Lines, read, read_limited};

/// `from via to count failed denied` of each edge.
fn edges(topology: &Topology) -> Vec<String> {
    let name = |node: usize| &topology.nodes()[node].name;
    let edges = topology.edges().iter().map(|edge| {
        let (from, to, via) = (name(edge.from), name(edge.to), edge.via.as_str());
        format!("{from} {via} {to} {} {} {}", edge.count, edge.failed, edge.denied)
    });
    edges.collect()
}

#[test]
fn everything_is_counted() {
    let recording = Lines::default()
        .short("send cast a b")
        .short("send cast a b")
        .short("dead-letter cast a b why=mailbox-full")
        .short("send call a b one")
        .short("call-end - a b one why=timeout")
        .short("send call a b two")
        .short("call-end - a b two why=answered")
        .short("send publish b t")
        .short("delivery publish b t a")
        .short("delivery publish b t c")
        .short("send publish b unheard")
        .short("denial cast a bank/vault why=capability-denied")
        .short("denial cast a bank/vault why=capability-denied repeated=4")
        .short("denial call a c why=capability-denied")
        .short("denial subscribe a b why=capability-denied")
        .read();
    let topology = Topology::of(&recording, &[]);
    let mut edges = edges(&topology);
    edges.sort();
    assert_eq!(
        edges,
        [
            "a call b 2 1 0",
            "a call c 0 0 1",
            "a cast b 2 1 0",
            "a cast bank/vault 0 0 5",
            "b publish a 1 0 0",
            "b publish c 1 0 0",
            "b publish unheard 1 0 0",
        ]
    );
    let rate = topology.edges().iter().find(|edge| edge.count == 2).unwrap().rate.unwrap();
    assert!((rate - 2.0 / 0.014).abs() < 1e-9, "{rate}");
    let strangers: Vec<_> = topology.nodes().iter().filter(|node| node.stranger).collect();
    assert_eq!(strangers.len(), 2);
}

#[test]
fn what_is_allowed_and_unused() {
    let recording = Lines::default().short("send cast a b").read();
    let allowed = [
        Allowed::new("a", Via::Cast, "b"),
        Allowed::new("a", Via::Call, "b"),
        Allowed::new("new", Via::Publish, "a"),
        Allowed::new("a", Via::Call, "b"),
    ];
    let topology = Topology::of(&recording, &allowed);
    assert_eq!(edges(&topology), ["a cast b 1 0 0", "a call b 0 0 0", "new publish a 0 0 0"]);
    let unused: Vec<_> = topology.edges().iter().map(Edge::is_unused).collect();
    assert_eq!(unused, [false, true, true]);
    // One record has no span, so there is no rate.
    assert_eq!(topology.edges()[0].rate, None);
    assert!(topology.nodes().iter().all(|node| !node.stranger));
}

#[test]
fn nodes_are_limited() {
    let mut lines = Lines::default();
    for number in 0..30 {
        lines = lines.short(&format!("denial cast a secret-{number} why=capability-denied"));
    }
    lines = lines.short("send cast b c");
    let recording = read_limited(lines.text(), &Limits::default().lanes(2));
    let allowed: Vec<_> =
        (0..200).map(|number| Allowed::new(format!("new-{number}"), Via::Cast, "a")).collect();
    let topology = Topology::of(&recording, &allowed);
    let names: Vec<_> = topology.nodes().iter().map(|node| &*node.name).collect();
    assert_eq!(names[..3], ["a", "2 others", "secret-0"]);
    assert_eq!(names.iter().filter(|name| name.starts_with("secret")).count(), MOST_STRANGERS);
    assert_eq!((names[14], names.len()), ("other targets", MOST_NODES + 1));
    assert_eq!(names[MOST_NODES], "other components");
    let denied: u64 = topology.edges().iter().map(|edge| edge.denied).sum();
    assert_eq!(denied, 30);
}

#[test]
fn as_a_flowchart() {
    let recording = Lines::default()
        .short("send cast a b")
        .short("send call a b one")
        .short("denial cast a \\\"]; why=capability-denied")
        .read();
    let text = Topology::of(&recording, &[Allowed::new("b", Via::Cast, "a")]).mermaid();
    assert_eq!(
        text,
        "flowchart LR
    n0[\"a\"]
    n1[\"b\"]
    n2([\"#34;#93;#59;\"])
    n0 --x|\"cast denied 1\"| n2
    n0 -->|\"cast 1, 500/s\"| n1
    n0 ==>|\"call 1, 500/s\"| n1
    n1 -.->|\"cast, unused\"| n0
    linkStyle 0 stroke:#cf222e,color:#cf222e
    linkStyle 3 stroke:#8c959f,color:#59636e
"
    );
    assert!(Topology::of(&read(""), &[]).mermaid().contains("nothing was recorded"));
}

#[test]
fn a_large_flowchart_is_cut_and_says_so() {
    let names: Vec<_> = (0..40).map(|number| format!("n{number}")).collect();
    let allowed = names
        .iter()
        .flat_map(|who| names.iter().map(move |whom| Allowed::new(who, Via::Cast, whom)));
    let allowed: Vec<_> = allowed.collect();
    let text = Topology::of(&read(""), &allowed).mermaid();
    assert_eq!(text.matches("-.->").count(), 400);
    assert!(text.contains("more[\"1200 more arrows were left out\"]") && text.len() < 50_000);
}

#[test]
fn rates_for_people() {
    for (rate, text) in [(1234.5, "1234/s"), (12.0, "12/s"), (51.94, "51.9/s"), (0.25, "0.25/s")] {
        assert_eq!(per_second(rate), text);
    }
}
