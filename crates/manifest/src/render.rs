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
            let (begin, line) = (source.line_start(place.line), source.line(place.line));
            // What is wrong may be the line's end, which is not shown.
            let within = |at: usize| (at - begin).min(line.len());
            let span = within(place.span.start)..within(place.span.end);
            let mut annotation = AnnotationKind::Primary.span(span);
            if let Some(expected) = &problem.expected {
                annotation = annotation.label(format!("expected {expected}"));
            }
            let snippet =
                Snippet::source(line).line_start(place.line).path(path).annotation(annotation);
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

#[cfg(test)]
mod tests {
    use crate::ComponentManifest;

    /// Found by fuzzing: of a line's end, more may be left out than `\n`.
    #[test]
    fn what_is_wrong_behind_the_end_of_a_line_is_shown_at_its_end() {
        for text in ["id = \"a\"]\r\r\r\n", "id = 'a\r\r\r", "id = \"a\r\r\r\n\r\r"] {
            for end in 0..=text.len() {
                if let Err(error) = ComponentManifest::parse(&text[..end], "Component.toml") {
                    assert!(error.render().contains("Component.toml"), "{end}: {text:?}");
                }
            }
        }
    }
}
