//! How much work a function is to compile.
//!
//! Cranelift's time does not go by bytes. Measured on functions made to be slow (wasmtime 48, in µs
//! of one core): values that several branches bring to one place, 2 for each branch, and the square
//! of their number by 50,000; a local that may be alive while a branch is taken, 0.1 to 0.6;
//! branches, the square of their number by 200; everything else, about one for each byte.

use wasmparser::{BinaryReaderError, FunctionBody, Operator};

const FUNCTION: u64 = 50;

/// A block, loop or condition that is open.
struct Frame {
    /// Branches that lead to its end, or to a loop's beginning; falling through is one.
    branches: u64,
    /// How often a local was set before it began.
    sets_before: u64,
}

/// The work, in microseconds: right to a factor of ten for what takes long, and for ordinary code
/// more than it will be.
pub(super) fn of(body: &FunctionBody<'_>) -> Result<u64, BinaryReaderError> {
    let range = body.range();
    let mut locals: u64 = 0;
    for group in body.get_locals_reader()? {
        let (count, _) = group?;
        locals += u64::from(count);
    }
    let (mut branches, mut merged, mut sets) = (0_u64, 0_u64, 0_u64);
    let mut frames = vec![Frame { branches: 1, sets_before: 0 }];
    let close = |frame: Frame, sets: u64| {
        // Parameters are locals too, of which the body does not say how many it has.
        let values = (sets - frame.sets_before).min(locals.saturating_add(1_000));
        frame.branches.saturating_mul(values)
    };
    for operator in body.get_operators_reader()? {
        match operator? {
            Operator::LocalSet { .. } | Operator::LocalTee { .. } => sets += 1,
            Operator::Block { .. } => frames.push(Frame { branches: 1, sets_before: sets }),
            Operator::Loop { .. } => {
                branches += 1;
                frames.push(Frame { branches: 1, sets_before: sets });
            }
            Operator::If { .. } => {
                branches += 2;
                frames.push(Frame { branches: 2, sets_before: sets });
            }
            Operator::End => {
                if let Some(frame) = frames.pop() {
                    merged = merged.saturating_add(close(frame, sets));
                }
            }
            Operator::Br { relative_depth } => to(&mut frames, relative_depth),
            Operator::BrIf { relative_depth }
            | Operator::BrOnNull { relative_depth }
            | Operator::BrOnNonNull { relative_depth } => {
                branches += 1;
                to(&mut frames, relative_depth);
            }
            Operator::BrTable { targets } => {
                branches += u64::from(targets.len()) + 1;
                for target in targets.targets() {
                    to(&mut frames, target?);
                }
                to(&mut frames, targets.default());
            }
            _ => {}
        }
    }
    let bytes = (range.end - range.start) as u64;
    Ok([
        FUNCTION,
        bytes,
        locals / 32,
        merged.saturating_mul(2),
        merged.saturating_mul(merged) / 50_000,
        branches.saturating_mul(locals) / 2,
        branches.saturating_mul(branches) / 200,
    ]
    .into_iter()
    .fold(0, u64::saturating_add))
}

fn to(frames: &mut [Frame], depth: u32) {
    let frame = frames.iter_mut().rev().nth(depth as usize);
    // There is always one where the function is valid.
    if let Some(frame) = frame {
        frame.branches += 1;
    }
}
