//! What bots are called: an account per bot, and character names that read like names.

const CONSONANTS: [char; 16] =
    ['b', 'd', 'f', 'g', 'h', 'j', 'k', 'l', 'm', 'n', 'p', 'r', 's', 't', 'v', 'z'];
const VOWELS: [char; 4] = ['a', 'e', 'i', 'o'];
/// Five syllables of 64 make 2^30 names of ten letters, so that two bots of a swarm never meet in one.
const SYLLABLES: u32 = 5;
const NAMES: u64 = 1 << (6 * SYLLABLES);

/// The account of bot `number` in the swarm called `prefix`.
#[must_use]
pub fn account(prefix: &str, number: usize) -> String {
    format!("bot-{prefix}-{number}")
}

/// The name that bot `number` asks for, different for each bot and attempt of a swarm; another `prefix` or
/// `seed` shuffles all of them. Ten letters, the first a capital.
#[must_use]
pub fn character(prefix: &str, seed: u64, number: usize, attempt: u32) -> String {
    let key = prefix.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    // Each step is a bijection of 30 bits, so that different numbers stay different.
    const ATTEMPT_STRIDE: u64 = 0x0100_0003;
    let mut index = (number as u64 + u64::from(attempt) * ATTEMPT_STRIDE) % NAMES;
    index = (index ^ (key % NAMES)).wrapping_mul(0x9e37_79b1) % NAMES;
    index ^= index >> 15;
    index = index.wrapping_mul(0x85eb_ca6b) % NAMES;
    let mut name = String::with_capacity(2 * SYLLABLES as usize);
    for syllable in 0..SYLLABLES {
        let bits = (index >> (6 * syllable) & 63) as usize;
        let consonant = CONSONANTS[bits / VOWELS.len()];
        name.push(if syllable == 0 { consonant.to_ascii_uppercase() } else { consonant });
        name.push(VOWELS[bits % VOWELS.len()]);
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn ten_thousand_bots_have_ten_thousand_names_that_obey_the_rules() {
        let names: BTreeSet<String> = (0..10_000)
            .flat_map(|number| [0, 1].map(|attempt| character("demo", 7, number, attempt)))
            .collect();
        assert_eq!(names.len(), 20_000);
        for name in names {
            assert!((3..=16).contains(&name.len()), "{name}");
            assert!(name.chars().next().unwrap().is_ascii_uppercase(), "{name}");
            assert!(name.chars().skip(1).all(|c| c.is_ascii_lowercase()), "{name}");
        }
    }

    #[test]
    fn another_swarm_has_other_names() {
        assert_ne!(character("a", 7, 1, 0), character("b", 7, 1, 0));
        assert_ne!(character("a", 7, 1, 0), character("a", 8, 1, 0));
    }
}
