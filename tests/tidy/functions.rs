//! Where the functions of a source file begin and end, by their indentation, which rustfmt keeps in order.

/// A function with a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Function {
    pub(super) name: String,
    /// Where it begins, from 1.
    pub(super) line: usize,
    /// From its first line to its closing brace.
    pub(super) lines: usize,
}

/// All functions of a formatted source, also those in functions.
pub(super) fn functions(source: &str) -> Vec<Function> {
    let lines: Vec<&str> = source.lines().collect();
    let mut found = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let Some(name) = name(line.trim_start()) else {
            continue;
        };
        let indentation = &line[..line.len() - line.trim_start().len()];
        let end = lines[start..].iter().position(|line| {
            let inside = line.strip_prefix(indentation);
            // A body that ends, one on the same line, or none, as in a trait.
            inside == Some("}") || inside.is_some_and(is_whole)
        });
        if let Some(end) = end
            && !lines[start + end].ends_with(';')
        {
            found.push(Function { name: name.to_owned(), line: start + 1, lines: end + 1 });
        }
    }
    found
}

/// A line at the level of the function that needs no closing brace.
fn is_whole(line: &str) -> bool {
    let starts_here = !line.starts_with([' ', '}', ')']);
    starts_here && name(line).is_some() && line.ends_with(['}', ';'])
        || line.starts_with(')') && line.ends_with(';')
}

/// The name of the function that a line begins.
fn name(line: &str) -> Option<&str> {
    let (before, after) = line.split_once("fn ")?;
    let qualifiers = before.split_whitespace();
    let all_are = |word: &str| {
        word.starts_with("pub") || ["const", "async", "unsafe", "extern", "\"C\""].contains(&word)
    };
    let in_path = |word: &str| word == "crate)" || word == "super)" || word == "in";
    if !qualifiers.clone().all(|word| all_are(word) || in_path(word)) {
        return None;
    }
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    Some(&after[..end]).filter(|name| !name.is_empty())
}

#[test]
fn functions_are_found_with_their_length() {
    let source = "\
//! fn in_a_comment() {
pub(crate) const fn one() {
}
impl A {
    fn two(
        a: u8,
    ) -> u8 {
        fn three() { 3 }
        if a {
        }
    }
    fn none();
    fn none_either(
        a: u8,
    ) -> u8;
}
";
    let found: Vec<_> = functions(source)
        .into_iter()
        .map(|function| (function.name, function.line, function.lines))
        .collect();
    let expected = [("one", 2, 2), ("two", 5, 7), ("three", 8, 1)];
    let expected = expected.map(|(name, line, lines)| (name.to_owned(), line, lines));
    assert_eq!(found, expected);
}
