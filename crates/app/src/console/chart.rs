//! Charts of days, drawn as SVG on the server: bars on a line, in the theme's colours, with a text that says the same.

use std::fmt::Write as _;

use usher_domain::Timestamp;

/// A day, in milliseconds.
const DAY: i64 = 24 * 3600 * 1000;
const WIDTH: usize = 460;
const HEIGHT: usize = 130;
/// Room for the days' names below, and for the largest number at the top.
const FOOT: usize = 22;
const HEAD: usize = 16;

/// The day of a time, counted from 1970-01-01.
pub(super) fn day_of(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(DAY)
}

/// A day as people write it: `25 Nov`.
fn name_of(day: i64) -> String {
    Timestamp::from_millis(day * DAY).to_datetime().format("%-d %b").to_string()
}

/// Bars of days, each of a lower and an upper part; the last day is `today`. `title` is what a screen reader says.
pub(super) fn days(title: &str, today: i64, values: &[(u64, u64)]) -> String {
    let most = values.iter().map(|(one, two)| one + two).max().unwrap_or(0).max(1);
    let count = values.len().max(1);
    let (room, base) = (HEIGHT - FOOT - HEAD, HEIGHT - FOOT);
    let step = WIDTH as f64 / count as f64;
    let height = |value: u64| match value {
        0 => 0.0,
        // What is there is seen, however small beside the rest.
        some => (some as f64 / most as f64 * room as f64).max(2.0),
    };
    let mut svg = String::new();
    let _ = write!(
        svg,
        "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">"
    );
    let _ = write!(svg, "<line class=\"rule\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{base}\" y2=\"{base}\"/>");
    let _ = write!(svg, "<line class=\"rule\" x1=\"0\" x2=\"{WIDTH}\" y1=\"{HEAD}\" y2=\"{HEAD}\"/>");
    let _ = write!(svg, "<text x=\"0\" y=\"{}\">{}</text>", HEAD - 5, super::show::number(most));
    for (at, (one, two)) in values.iter().enumerate() {
        let day = today - (count - 1 - at) as i64;
        let x = at as f64 * step + step * 0.15;
        let wide = step * 0.7;
        let (low, high) = (height(*one), height(*two));
        let mut bar = |class: &str, y: f64, height: f64| {
            if height > 0.0 {
                let _ = write!(
                    svg,
                    "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{wide:.1}\" height=\"{height:.1}\" rx=\"1.5\"/>"
                );
            }
        };
        bar("one", base as f64 - low, low);
        bar("two", base as f64 - low - high, high);
        if at % 7 == count.saturating_sub(1) % 7 {
            let anchor = if at + 1 == count { "end" } else { "middle" };
            let x = if at + 1 == count { WIDTH as f64 } else { x + wide / 2.0 };
            let _ = write!(
                svg,
                "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT - 6,
                name_of(day)
            );
        }
    }
    svg.push_str("</svg>");
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_high_as_its_share_and_never_out_of_sight() {
        insta::assert_snapshot!(days("Changes", 20_000, &[(0, 0), (50, 50), (1, 0)]).replace('>', ">\n"), @r#"
        <svg class="chart" viewBox="0 0 460 130" role="img" aria-label="Changes">
        <line class="rule" x1="0" x2="460" y1="108" y2="108"/>
        <line class="rule" x1="0" x2="460" y1="16" y2="16"/>
        <text x="0" y="11">
        100</text>
        <rect class="one" x="176.3" y="62.0" width="107.3" height="46.0" rx="1.5"/>
        <rect class="two" x="176.3" y="16.0" width="107.3" height="46.0" rx="1.5"/>
        <rect class="one" x="329.7" y="106.0" width="107.3" height="2.0" rx="1.5"/>
        <text x="460.0" y="124" text-anchor="end">
        4 Oct</text>
        </svg>
        "#);
    }
}
