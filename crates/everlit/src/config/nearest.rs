//! What somebody may have meant.
//!
//! In: a word that nobody knows, and those that are known. Out: the nearest of them. Must hold: what is too far away is
//! not guessed.

/// The candidate with the fewest edits, if they are few.
pub(crate) fn nearest<'c>(
    word: &str,
    candidates: impl Iterator<Item = &'c str>,
) -> Option<&'c str> {
    let (edits, candidate) = candidates
        .map(|candidate| (edits(word.as_bytes(), candidate.as_bytes()), candidate))
        .min()?;
    (edits <= 3).then_some(candidate)
}

/// How many letters must be added, removed or changed (Levenshtein).
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let change = diagonal + usize::from(from != to);
            diagonal = row[j + 1];
            row[j + 1] = change.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
