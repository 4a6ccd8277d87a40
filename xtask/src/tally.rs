//! Counting: what the test harnesses say of themselves, summed up.

use std::ops::AddAssign;

/// How many tests passed, failed, and were left out by the tests themselves (`#[ignore]`).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) ignored: u64,
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

impl Tally {
    /// Reads the closing line of one Rust test program; any other line is nothing.
    pub(crate) fn of_rust(line: &str) -> Option<Self> {
        let line = line.strip_prefix("test result:")?;
        Some(Self {
            passed: before(line, " passed")?,
            failed: before(line, " failed")?,
            ignored: before(line, " ignored")?,
        })
    }

    /// Reads a line `N passed, N failed` and nothing else.
    pub(crate) fn of_script(line: &str) -> Option<Self> {
        let (passed, failed) = line.trim().split_once(", ")?;
        let passed = passed.strip_suffix(" passed")?.parse().ok()?;
        let failed = failed.strip_suffix(" failed")?.parse().ok()?;
        Some(Self { passed, failed, ignored: 0 })
    }
}

/// The number that stands right before a word.
fn before(line: &str, word: &str) -> Option<u64> {
    let (head, _) = line.split_once(word)?;
    let start = head.rfind(|letter: char| !letter.is_ascii_digit()).map_or(0, |at| at + 1);
    head[start..].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn a_rust_test_programs_last_line_is_counted() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s";
        assert_eq!(Tally::of_rust(line), Some(Tally { passed: 12, failed: 3, ignored: 1 }));
        let coloured = "test result: \u{1b}[32mok\u{1b}[m. 7 passed; 0 failed; 0 ignored; 0 measured";
        assert_eq!(Tally::of_rust(coloured), Some(Tally { passed: 7, failed: 0, ignored: 0 }));
    }

    #[test]
    fn other_lines_count_nothing() {
        for line in ["test a ... ok", "running 12 tests", "12 passed; 3 failed", "", "test result: unknown"] {
            assert_eq!(Tally::of_rust(line), None, "{line}");
        }
    }

    #[test]
    fn a_scripts_last_line_is_counted_and_must_be_exact() {
        assert_eq!(
            Tally::of_script("97 passed, 0 failed\n"),
            Some(Tally { passed: 97, failed: 0, ignored: 0 })
        );
        for line in ["97 passed", "97 passed, none failed", "all 97 passed, 0 failed", "97 passed, 0 failed."]
        {
            assert_eq!(Tally::of_script(line), None, "{line}");
        }
    }
}
