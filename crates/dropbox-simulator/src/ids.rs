//! Ids, tokens and dots: everything that looks random, drawn from one seed so that a test can be run again.

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::SliceRandom as _};

const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";

/// The one source of chance.
#[derive(Debug)]
pub(crate) struct Ids(StdRng);

impl Ids {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(StdRng::seed_from_u64(seed))
    }

    /// `dbmid:` and 35 characters.
    pub(crate) fn member(&mut self) -> String {
        format!("dbmid:{}", self.letters(35))
    }

    /// `dbid:` and 35 characters: 40 in all, which the specification demands.
    pub(crate) fn account(&mut self) -> String {
        format!("dbid:{}", self.letters(35))
    }

    /// `g:` and 32 hexadecimal digits.
    pub(crate) fn group(&mut self) -> String {
        format!("g:{}", self.hex(32))
    }

    pub(crate) fn namespace(&mut self) -> String {
        self.0.random_range(1_000_000_000_u64..9_999_999_999).to_string()
    }

    pub(crate) fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())])).collect()
    }

    pub(crate) fn hex(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b"0123456789abcdef"[self.0.random_range(0..16)])).collect()
    }

    /// None to three dots, as Dropbox appends them so that nobody compares error summaries.
    pub(crate) fn dots(&mut self) -> &'static str {
        &"..."[..self.0.random_range(0..=3)]
    }

    /// A seed for another source, so that the two do not disturb each other.
    pub(crate) fn seed(&mut self) -> u64 {
        self.0.random()
    }

    /// A number from 0 on that is less than `limit`, which is not 0.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0.random_range(0..limit)
    }

    /// Puts them into any order.
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        items.shuffle(&mut self.0);
    }

    /// True in `chance` of all cases (0 to 1).
    pub(crate) fn happens(&mut self, chance: f64) -> bool {
        self.0.random_bool(chance.clamp(0.0, 1.0))
    }
}
