//! "Did you mean": the known name that is nearest to an unknown one.
//! Nearness is the number of edits (insert, delete, change, swap neighbours); too far is no suggestion at all.

/// The nearest candidate within a third of the word's length (at least one edit), the first among equals.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let word: Vec<char> = word.chars().take(256).collect();
    let limit = (word.len() / 3).clamp(1, 4);
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let limit = best.map_or(limit + 1, |(distance, _)| distance);
        if let Some(distance) = distance(&word, candidate, limit) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Edits between two words if fewer than `limit`.
fn distance(a: &[char], b: &str, limit: usize) -> Option<usize> {
    let b: Vec<char> = b.chars().take(256).collect();
    if a.len().abs_diff(b.len()) >= limit {
        return None;
    }
    let mut before = vec![0; b.len() + 1];
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let change = usize::from(!a[i - 1].eq_ignore_ascii_case(&b[j - 1]));
            let mut cost = (above[j] + 1)
                .min(row[j - 1] + 1)
                .min(above[j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                cost = cost.min(before[j - 2] + 1);
            }
            row.push(cost);
        }
        before = above;
        above = row;
    }
    Some(above[b.len()]).filter(|&distance| distance < limit)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let names = ["server.port", "server.name", "server.document-root"];
        assert_eq!(nearest("server.prot", names), Some("server.port"));
        assert_eq!(
            nearest("server.documentroot", names),
            Some("server.document-root")
        );
        assert_eq!(nearest("Server.Name", names), Some("server.name"));
        assert_eq!(nearest("alias.url", names), None);
        assert_eq!(nearest("", names), None);
    }
}
