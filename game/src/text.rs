//! Printable text: the one rule for what people write to each other and read of the server. A text shows something, and
//! it changes neither the order nor the lines of what stands around it.
//!
//! The characters are those of Unicode 16 that show nothing or steer the display: the properties
//! `Default_Ignorable_Code_Point` and `Bidi_Control`, line separators, private use and noncharacters. Letters that are
//! written from right to left are printable; marks that force a direction aren't.

use std::ops::RangeInclusive;

/// Characters that show nothing themselves, turn text round, end a line, or mean something else in every font.
const HIDDEN: [RangeInclusive<char>; 21] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{61c}'..='\u{61c}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200b}',
    '\u{200e}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{3164}'..='\u{3164}',
    '\u{e000}'..='\u{f8ff}',
    '\u{fdd0}'..='\u{fdef}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
    '\u{f0000}'..='\u{10ffff}',
];
/// Invisible characters that choose the form of the visible one before them, as Persian, Hindi and emoji need.
const JOINERS: [RangeInclusive<char>; 3] =
    ['\u{200c}'..='\u{200d}', '\u{fe00}'..='\u{fe0f}', '\u{e0100}'..='\u{e01ef}'];
/// Joiners behind one visible character: emoji have a variation selector and a joiner.
const MAX_JOINERS: u32 = 2;
/// The empty cell of Braille looks like a space and isn't one in Unicode.
const BRAILLE_BLANK: char = '\u{2800}';

/// Why a text isn't shown to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TextError {
    /// A character that shows nothing or changes how others are shown.
    #[error("the character U+{:04X} can't be shown; leave it out", u32::from(*.0))]
    Unprintable(char),
    /// Spaces and nothing else.
    #[error("there is nothing to be seen in it")]
    Blank,
}

/// Checks that `text` is printable. A text without any characters is; it deceives nobody.
///
/// # Errors
/// The first character that isn't printable, or that there is nothing but spaces.
pub fn check(text: &str) -> Result<(), TextError> {
    let (mut visible, mut joiners) = (false, 0);
    for character in text.chars() {
        if is_in(&JOINERS, character) && joiners > 0 {
            joiners -= 1;
            continue;
        }
        if !is_printable(character) {
            return Err(TextError::Unprintable(character));
        }
        let shows = !character.is_whitespace() && character != BRAILLE_BLANK;
        joiners = if shows { MAX_JOINERS } else { 0 };
        visible |= shows;
    }
    if visible || text.is_empty() { Ok(()) } else { Err(TextError::Blank) }
}

/// True if the character takes a place of its own in a line and leaves the others in theirs.
#[must_use]
pub fn is_printable(character: char) -> bool {
    let is_noncharacter = u32::from(character) & 0xfffe == 0xfffe;
    let hidden = || is_in(&HIDDEN, character) || is_in(&JOINERS, character) || is_noncharacter;
    // The first character of the lists stands behind ASCII, which is most of what people write.
    !character.is_control() && (character.is_ascii() || !hidden())
}

fn is_in(ranges: &[RangeInclusive<char>], character: char) -> bool {
    ranges.iter().any(|range| range.contains(&character))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write_in_any_language_is_printable() {
        let texts = [
            "",
            "hello, world: 100 %",
            "Grüße aus Köln",
            "שלום, Ada",
            "مرحبا",
            "می\u{200c}خواهم",
            "क्\u{200d}ष",
            "日本\u{3000}語",
            "❤\u{fe0f}\u{200d}🔥 👩\u{200d}🚀",
            " both ends ",
        ];
        for text in texts {
            assert_eq!(check(text), Ok(()), "{text:?}");
        }
    }

    #[test]
    fn text_that_shows_nothing_is_refused() {
        for text in [" ", "\u{a0}\u{a0}", "\u{3000}", "\u{2800}\u{2800}", "\u{2003} "] {
            assert_eq!(check(text), Err(TextError::Blank), "{text:?}");
        }
        for text in
            ["\u{200b}", "\u{feff}", "\u{3164}", "\u{ad}", "\u{200d}", "\u{fe0f}", "\u{e0041}"]
        {
            let hidden = text.chars().next().unwrap();
            assert_eq!(check(text), Err(TextError::Unprintable(hidden)), "{text:?}");
        }
    }

    #[test]
    fn characters_that_turn_a_line_round_or_end_it_are_refused_wherever_they_stand() {
        let steering = "\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{200e}\u{200f}\u{61c}\
                        \u{2028}\u{2029}\u{85}\n\r\t\u{1b}\0\u{7f}\u{9b}\u{fff9}\u{e000}\u{fdd0}\u{1ffff}\u{10ffff}";
        for character in steering.chars() {
            for text in
                [format!("{character}hi"), format!("h{character}i"), format!("hi{character}")]
            {
                assert_eq!(check(&text), Err(TextError::Unprintable(character)), "{text:?}");
            }
        }
    }

    #[test]
    fn joiners_are_taken_only_behind_a_visible_character_and_not_in_a_row() {
        assert!(check("a\u{200d}\u{200d}b").is_ok());
        for text in ["a\u{200d}\u{200d}\u{200d}b", "a \u{200d}b", "\u{200c}a"] {
            assert!(check(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn the_message_names_the_character_by_its_number() {
        let error = check("hi \u{202e}kcik").unwrap_err();
        assert_eq!(error.to_string(), "the character U+202E can't be shown; leave it out");
    }
}
