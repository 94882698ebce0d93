//! Directory pages, without their looks.

/// The rows of the table in a page: link, name and type; none if there is no table.
pub fn rows(page: &str) -> Vec<String> {
    let Some((_, rest)) = page.split_once("<tbody>") else {
        return Vec::new();
    };
    let table = rest.split("</tbody>").next().unwrap_or_default();
    table
        .split("<tr")
        .skip(1)
        .map(|row| {
            let between = |start: &str, end: &str| {
                let (_, rest) = row.split_once(start).unwrap_or_default();
                rest.split(end).next().unwrap_or_default()
            };
            let link = between("href=\"", "\"");
            let (_, name) = between("<a ", "</a>").split_once('>').unwrap_or_default();
            let kind = row.rsplit("</td>").nth(1).unwrap_or_default();
            let kind = kind.rsplit('>').next().unwrap_or_default();
            format!("{link} {} ({})", plain(name), kind.to_ascii_lowercase())
        })
        .collect()
}

/// Text without references to characters.
fn plain(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, after)) = rest.split_once('&') {
        text.push_str(before);
        let (reference, after) = after.split_once(';').unwrap_or((after, ""));
        match reference {
            "amp" => text.push('&'),
            "lt" => text.push('<'),
            "gt" => text.push('>'),
            "quot" => text.push('"'),
            number => {
                let number = number.trim_start_matches('#');
                let code = match number.strip_prefix('x') {
                    Some(digits) => u32::from_str_radix(digits, 16),
                    None => number.parse(),
                };
                let character = code.ok().and_then(char::from_u32);
                text.push(character.unwrap_or(char::REPLACEMENT_CHARACTER));
            }
        }
        rest = after;
    }
    text + rest
}

#[test]
fn rows_are_what_a_page_says() {
    let page = "<table><thead><tr><th>x</th></tr></thead><tbody>\n\
        <tr class=\"d\"><td class=\"n\"><a href=\"../\">..</a>/</td><td></td><td>- </td><td class=\"t\">Directory</td></tr>\n\
        <tr><td><a href=\"a%26.txt\">a&#x26;&amp;&#39;.txt</a></td><td>1.0K</td><td>text/plain</td></tr>\n</tbody></table>";
    assert_eq!(
        rows(page),
        ["../ .. (directory)", "a%26.txt a&&'.txt (text/plain)"]
    );
    assert_eq!(rows("<p>no table</p>"), Vec::<String>::new());
}
