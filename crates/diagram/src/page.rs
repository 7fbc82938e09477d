//! What both HTML pages have in common.

use crate::text::html as escaped;

/// Colours for light and dark, text, tooltips: the same on each page.
const STYLE: &str = include_str!("../assets/page.css");

/// The tooltip, the same on each page.
const SCRIPT: &str = include_str!("../assets/page.js");

/// A whole page that needs nothing else, and may load nothing: the policy in its head forbids that
/// to whatever a text in it might have become.
pub(crate) struct Page<'a> {
    pub(crate) title: &'a str,
    /// Beside the title, a text.
    pub(crate) subtitle: &'a str,
    /// What is missing, as texts.
    pub(crate) remarks: &'a [String],
    /// More rules.
    pub(crate) style: &'a str,
    /// What stands under the title, as HTML.
    pub(crate) body: &'a str,
    /// What is drawn, as JSON that may stand in a script element.
    pub(crate) data: &'a str,
    /// What draws it.
    pub(crate) script: &'a str,
}

impl Page<'_> {
    pub(crate) fn html(&self) -> String {
        let remarks: String =
            self.remarks.iter().map(|text| format!("<li>{}</li>", escaped(text))).collect();
        format!(
            "<!DOCTYPE html>\n\
             <html lang=\"en\">\n\
             <head>\n\
             <meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <title>{title}</title>\n\
             <style>\n{STYLE}{style}</style>\n\
             </head>\n\
             <body>\n\
             <header><h1>{title}</h1><p class=\"subtitle\">{subtitle}</p></header>\n\
             <ul class=\"remarks\">{remarks}</ul>\n\
             {body}\n\
             <div id=\"tip\" role=\"tooltip\" hidden></div>\n\
             <script type=\"application/json\" id=\"data\">{data}</script>\n\
             <script>\n{SCRIPT}{script}</script>\n\
             </body>\n\
             </html>\n",
            title = escaped(self.title),
            subtitle = escaped(self.subtitle),
            style = self.style,
            body = self.body,
            data = self.data,
            script = self.script,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The colours of one scheme, by name: those of the first `:root` are the light ones.
    fn colours(scheme: usize) -> Vec<(&'static str, [f64; 3])> {
        let rules = STYLE.split(":root {").nth(scheme).unwrap().split('}').next().unwrap();
        let colours = rules.split(';').filter_map(|rule| {
            let (name, value) = rule.trim().split_once(": #")?;
            let part = |from: usize| u8::from_str_radix(&value[from..from + 2], 16).unwrap();
            Some((name, [part(0), part(2), part(4)].map(|part| f64::from(part) / 255.0)))
        });
        colours.collect()
    }

    /// As WCAG 2 defines it.
    fn luminance(colour: [f64; 3]) -> f64 {
        let [red, green, blue] = colour.map(|part| {
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: [f64; 3], other: [f64; 3]) -> f64 {
        let [one, other] = [luminance(one), luminance(other)];
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn what_is_written_can_be_read_on_light_and_on_dark() {
        for scheme in [1, 2] {
            let colours = colours(scheme);
            let of = |wanted| colours.iter().find(|(name, _)| *name == wanted).unwrap().1;
            for ink in
                ["--text", "--faint", "--cast", "--call", "--publish", "--bad", "--late", "--life"]
            {
                for paper in ["--back", "--panel", "--stripe"] {
                    let contrast = contrast(of(ink), of(paper));
                    assert!(contrast >= 4.5, "scheme {scheme}: {ink} on {paper}: {contrast:.2}");
                }
            }
        }
    }
}
