//! How a letter looks on NATS: one byte that names the format, then postcard.

use bytes::Bytes;
use game::post::Envelope;
use serde::{Deserialize, Serialize};

use crate::bus::LETTER_BYTES;

/// The first byte of every message. It changes with the layout of anything below, [`Envelope`] included, so that
/// servers of two versions drop and count each other's letters rather than misread them.
const FORMAT: u8 = 1;

/// What may come on top of kind and body: instance, node, route and address with names of at most 64 bytes, lengths.
const OVERHEAD_BYTES: usize = 512;

/// One message on NATS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Parcel {
    /// Random per start of a server: by it we know our own messages when NATS sends them back to us.
    pub(super) instance: u64,
    /// The sender's node name.
    pub(super) from: String,
    /// What it brings.
    pub(super) content: Content,
}

/// What a parcel brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Content {
    /// Sent to ourselves after connecting: when it comes back, NATS knows our subscriptions. Holds the number of the
    /// connection, so that a late one proves nothing.
    Probe(u64),
    /// A letter.
    Letter(Envelope),
}

/// Why a message isn't a parcel.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Malformed {
    #[error("it is empty")]
    Empty,
    #[error("its format is {0} and ours is {FORMAT}: the servers' versions differ")]
    Format(u8),
    #[error("its {0} bytes are more than a letter may have")]
    TooLarge(usize),
    #[error("its content can't be read")]
    Content,
    #[error("it is for a zone or node that isn't here")]
    NotHere,
}

pub(super) fn encode(parcel: &Parcel) -> Result<Bytes, postcard::Error> {
    postcard::to_extend(parcel, vec![FORMAT]).map(Bytes::from)
}

pub(super) fn decode(message: &[u8]) -> Result<Parcel, Malformed> {
    let (&format, content) = message.split_first().ok_or(Malformed::Empty)?;
    if format != FORMAT {
        return Err(Malformed::Format(format));
    }
    if message.len() > LETTER_BYTES + OVERHEAD_BYTES {
        return Err(Malformed::TooLarge(message.len()));
    }
    match postcard::take_from_bytes(content) {
        Ok((parcel, [])) => Ok(parcel),
        Ok((_, [_, ..])) | Err(_) => Err(Malformed::Content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use game::ZoneName;
    use game::post::{Address, Route};

    fn parcel(body: usize, name: usize) -> Parcel {
        let name = "z".repeat(name);
        Parcel {
            instance: u64::MAX,
            from: name.clone(),
            content: Content::Letter(Envelope {
                route: Route::Zone(ZoneName::new(name.clone())),
                to: Address::Zone(ZoneName::new(name)),
                kind: "chat.say".to_owned(),
                body: vec![7; body].into(),
            }),
        }
    }

    #[test]
    fn a_parcel_comes_out_as_it_went_in() {
        let parcel = parcel(3, 6);
        let message = encode(&parcel).unwrap();
        assert_eq!(message[0], FORMAT);
        assert_eq!(decode(&message), Ok(parcel));
    }

    #[test]
    fn the_largest_letter_with_the_longest_names_fits() {
        let parcel = parcel(LETTER_BYTES - "chat.say".len(), 64);
        assert_eq!(decode(&encode(&parcel).unwrap()), Ok(parcel));
    }

    #[test]
    fn what_is_no_parcel_is_refused_without_a_panic() {
        let whole = encode(&parcel(3, 6)).unwrap();
        assert_eq!(decode(&[]), Err(Malformed::Empty));
        assert_eq!(decode(&[9, 0, 0]), Err(Malformed::Format(9)));
        let large = vec![FORMAT; LETTER_BYTES + OVERHEAD_BYTES + 1];
        assert_eq!(decode(&large), Err(Malformed::TooLarge(large.len())));
        for end in 1..whole.len() {
            assert_eq!(decode(&whole[..end]), Err(Malformed::Content), "{end}");
        }
        let mut longer = whole.to_vec();
        longer.push(0);
        assert_eq!(decode(&longer), Err(Malformed::Content));
    }
}
