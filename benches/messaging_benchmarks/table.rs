//! The table of ratios: castcall's cost over its reference's, so that smaller is better.

use std::env;
use std::fs;

use castcall_benches::lane::Lane;
use serde_json::{Value, json};

use crate::goals::{self, NANOSECOND, Row};
use crate::suite::Medians;

/// Names a file that is to have the rows and what they are made of, as JSON.
const OUTPUT: &str = "CASTCALL_BENCH_JSON";

struct Measured {
    row: Row,
    value: f64,
    reference: f64,
}

/// Prints the table of what was measured, and writes it where that is asked for.
pub(crate) fn report(medians: &Medians) {
    let measured: Vec<_> =
        goals::rows().into_iter().filter_map(|row| measure(row, medians)).collect();
    if measured.is_empty() {
        return;
    }
    println!("H: an import. F: handle-message. F': the same, its answer not copied. In ns.\n");
    println!("| what | ns | reference | ns | ratio | goal |");
    println!("| --- | ---: | --- | ---: | ---: | ---: |");
    for Measured { row, value, reference } in &measured {
        let goal = row.goal.map_or_else(String::new, |goal| format!("≤ {goal}"));
        let (name, formula, ratio) = (&row.name, &row.formula, value / reference);
        println!("| {name} | {value:.0} | {formula} | {reference:.0} | {ratio:.2} | {goal} |");
    }
    if let Some(path) = env::var_os(OUTPUT) {
        let lanes: Vec<_> = Lane::ALL.iter().map(|lane| lane.name()).collect();
        let rows: Vec<_> = measured.iter().map(json).collect();
        let all = json!({ "lanes": lanes, "rows": rows, "measured": medians });
        fs::write(path, all.to_string()).expect("the file that was asked for");
    }
}

fn measure(row: Row, medians: &Medians) -> Option<Measured> {
    let value = *medians.get(&row.name)?;
    let of = |name: &String| if name == NANOSECOND { Some(&1.0) } else { medians.get(name) };
    let parts = row.reference.iter().map(|(factor, name)| Some(factor * of(name)?));
    let reference = parts.sum::<Option<f64>>()?;
    Some(Measured { row, value, reference })
}

fn json(Measured { row, value, reference }: &Measured) -> Value {
    json!({
        "name": row.name,
        "value_ns": value,
        "reference": row.formula,
        "reference_ns": reference,
        "ratio": value / reference,
        "goal": row.goal,
    })
}
