//! Texts of strangers, made harmless for where they are put.

use std::fmt::Write;

/// How many characters of a stranger's text stand in a Mermaid diagram.
const SHORT: usize = 60;

/// For Mermaid: letters, digits and some punctuation stand for themselves, everything else by its
/// number, so that nothing ends a line, a quote or a word. What is long is cut.
pub(crate) fn mermaid(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars();
    for character in characters.by_ref().take(SHORT) {
        match character {
            ' ' | '/' | '_' | '-' | '.' | ',' | '*' | '\u{fffd}' => out.push(character),
            _ if character.is_alphanumeric() => out.push(character),
            // Writing to a string does not fail.
            _ => _ = write!(out, "#{};", u32::from(character)),
        }
    }
    if characters.next().is_some() {
        out.push('…');
    }
    out
}

/// For HTML and SVG, between tags and in quoted attributes.
pub(crate) fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

/// JSON that may stand in a `<script>` element: nothing in it can end that, or begin a comment.
pub(crate) fn json_in_script(json: &str) -> String {
    // Only strings have these, and there an escape means the same.
    json.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_mermaid_text() {
        assert_eq!(mermaid("shop/stock-1 a.b_*"), "shop/stock-1 a.b_*");
        assert_eq!(mermaid("a;b\n#\"%%"), "a#59;b#10;#35;#34;#37;#37;");
        assert_eq!(mermaid(&"x".repeat(61)), format!("{}…", "x".repeat(60)));
        assert_eq!(mermaid("größe"), "größe");
    }

    #[test]
    fn nothing_ends_an_element() {
        assert_eq!(html("<b a='\"'>&"), "&lt;b a=&#39;&quot;&#39;&gt;&amp;");
        let json = serde_json::to_string("</script><!--&").unwrap();
        let safe = json_in_script(&json);
        assert!(!safe.contains(['<', '>', '&']), "{safe}");
        assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), "</script><!--&");
    }
}
