/// How many lines are shown around each difference.
const AROUND: usize = 3;

/// What differs between two texts, line by line: `-` marks what only the first has, `+` what only
/// the second has. Of what both have, three lines around each difference are shown.
///
/// ```
/// use headwater_testkit::difference;
///
/// assert_eq!(difference("a\nb\nc", "a\nc\nd"), "  a\n- b\n  c\n+ d");
/// assert_eq!(difference("a\nb", "a\nb"), "");
/// ```
pub fn difference(expected: &str, found: &str) -> String {
    let lines = compared(&lines_of(expected), &lines_of(found));
    let changed: Vec<usize> =
        (0..lines.len()).filter(|place| !matches!(lines[*place], (' ', _))).collect();
    let is_near = |place: usize| changed.iter().any(|other| other.abs_diff(place) <= AROUND);
    let mut shown: Vec<String> = Vec::new();
    for (place, (mark, line)) in lines.into_iter().enumerate() {
        if is_near(place) {
            shown.push(format!("{mark} {line}").trim_end().to_owned());
        } else if !changed.is_empty() && shown.last().is_none_or(|last| last != GAP) {
            shown.push(GAP.to_owned());
        }
    }
    shown.join("\n")
}

/// The lines of a text. A line end at the end of it is told by an empty line.
fn lines_of(text: &str) -> Vec<&str> {
    if text.is_empty() { Vec::new() } else { text.split('\n').collect() }
}

/// Stands for lines that are the same.
const GAP: &str = "  …";

/// All lines of both, each with its mark, so that as many as possible are the same.
fn compared<'a>(expected: &[&'a str], found: &[&'a str]) -> Vec<(char, &'a str)> {
    // How many lines the rests of both texts have in common, from each place on.
    let mut common = vec![vec![0_usize; found.len() + 1]; expected.len() + 1];
    for (e, line) in expected.iter().enumerate().rev() {
        for (f, other) in found.iter().enumerate().rev() {
            common[e][f] = if line == other {
                common[e + 1][f + 1] + 1
            } else {
                common[e + 1][f].max(common[e][f + 1])
            };
        }
    }
    let (mut e, mut f, mut lines) = (0, 0, Vec::new());
    loop {
        match (expected.get(e), found.get(f)) {
            (Some(line), Some(other)) if line == other => {
                lines.push((' ', *line));
                (e, f) = (e + 1, f + 1);
            }
            (Some(line), other) if other.is_none() || common[e + 1][f] >= common[e][f + 1] => {
                lines.push(('-', *line));
                e += 1;
            }
            (_, Some(line)) => {
                lines.push(('+', *line));
                f += 1;
            }
            _ => return lines,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_were_moved_changed_or_added_are_marked() {
        for (expected, found, shown) in [
            ("", "", ""),
            ("", "a", "+ a"),
            ("a", "b", "- a\n+ b"),
            ("a\n", "a", "  a\n-"),
            ("a", "a\nb\n", "  a\n+ b\n+"),
            ("a\nb\nc\nd", "b\nc\na\nd", "- a\n  b\n  c\n+ a\n  d"),
        ] {
            assert_eq!(difference(expected, found), shown, "{expected:?} and {found:?}");
        }
    }

    #[test]
    fn what_is_the_same_far_from_a_difference_is_left_out() {
        let numbers = |range: std::ops::Range<u32>| {
            range.map(|number| number.to_string()).collect::<Vec<_>>().join("\n")
        };
        let found = numbers(0..30).replace("\n15\n", "\nx\n");
        assert_eq!(
            difference(&numbers(0..30), &found),
            "  …\n  12\n  13\n  14\n- 15\n+ x\n  16\n  17\n  18\n  …"
        );
    }
}
