//! A multimap from text to positions that does not own the text: eight bytes a slot, for a million people.

use std::hash::Hasher;

use rustc_hash::FxHasher;

/// Finds the positions at which a text may stand. A hit is a candidate: the caller compares the text.
#[derive(Debug)]
pub(super) struct TextIndex {
    /// (hash tag, position + 1); position 0 is a free slot.
    slots: Box<[(u32, u32)]>,
    mask: usize,
}

impl TextIndex {
    /// An index for at most so many entries.
    pub(super) fn with_capacity(entries: usize) -> Self {
        let size = entries.saturating_mul(2).next_power_of_two().max(8);
        TextIndex { slots: vec![(0, 0); size].into_boxed_slice(), mask: size - 1 }
    }

    /// Adds a position under a text. More entries than the capacity are not expected; the table is twice as
    /// large, so that a search always meets a free slot.
    pub(super) fn insert(&mut self, text: &str, position: u32) {
        let (start, tag) = self.place(text);
        let free = (0..self.slots.len())
            .map(|step| (start + step) & self.mask)
            .find(|slot| self.slots.get(*slot).is_some_and(|(_, position)| *position == 0));
        if let Some(slot) = free.and_then(|slot| self.slots.get_mut(slot)) {
            *slot = (tag, position + 1);
        }
    }

    /// The positions that may have this text, in the order in which they were added.
    pub(super) fn candidates(&self, text: &str) -> impl Iterator<Item = u32> + '_ {
        let (start, tag) = self.place(text);
        (0..self.slots.len())
            .filter_map(move |step| self.slots.get((start + step) & self.mask))
            .take_while(|(_, position)| *position != 0)
            .filter(move |(other, _)| *other == tag)
            .map(|(_, position)| position - 1)
    }

    fn place(&self, text: &str) -> (usize, u32) {
        let mut hasher = FxHasher::default();
        hasher.write(text.as_bytes());
        let hash = hasher.finish();
        let (high, low) = ((hash >> 32) as u32, hash as u32);
        (low as usize & self.mask, high)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_position_of_a_text_is_a_candidate_in_order() {
        let texts = ["a", "b", "a", "c", "a"];
        let mut index = TextIndex::with_capacity(texts.len());
        for (position, text) in (0..).zip(texts) {
            index.insert(text, position);
        }
        let found =
            |text: &str| index.candidates(text).filter(|at| texts[*at as usize] == text).collect::<Vec<_>>();
        assert_eq!(found("a"), [0, 2, 4]);
        assert_eq!(found("c"), [3]);
        assert!(found("d").is_empty());
    }
}
