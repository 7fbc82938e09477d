//! Problems as a compiler shows them.

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use crate::problem::{Problem, Severity};
use crate::source::Source;

pub(crate) fn problem(problem: &Problem, source: &Source, coloured: bool) -> String {
    let level = match problem.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let path = problem.file.display().to_string();
    let mut elements: Vec<Element<'_>> = Vec::new();
    match &problem.place {
        // The one line alone, so that a long file costs nothing.
        Some(place) => {
            let begin = source.line_start(place.line);
            let span = place.span.start - begin..place.span.end - begin;
            let mut annotation = AnnotationKind::Primary.span(span);
            if let Some(expected) = &problem.expected {
                annotation = annotation.label(format!("expected {expected}"));
            }
            let snippet = Snippet::source(source.line(place.line))
                .line_start(place.line)
                .path(path)
                .annotation(annotation);
            elements.push(snippet.into());
        }
        None => {
            elements.push(Origin::path(path).into());
            if let Some(expected) = &problem.expected {
                elements.push(Level::NOTE.message(format!("expected {expected}")).into());
            }
        }
    }
    if let Some(suggestion) = &problem.suggestion {
        elements.push(Level::HELP.message(suggestion).into());
    }
    let report = [level.primary_title(&problem.message).elements(elements)];
    let renderer = if coloured { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}
