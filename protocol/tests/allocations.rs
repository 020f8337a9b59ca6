//! What a client's bytes make the decoder allocate: no more than four times as many, whatever they say.

use allocation_counter::measure;
use protocol::v1::{self, CLIENT_MESSAGES};
use protocol::{ClientMessage, decode_client, put_varint};

/// Bytes of memory for each byte of a frame.
const MOST: u64 = 4;
/// The limits of a frame before and after login, and the largest that can be configured.
const FRAMES: [usize; 3] = [1024, 4096, 65_536];

/// Payloads of `size` bytes that say as much as they can in `field`.
fn payloads(field: u32, size: usize) -> Vec<Vec<u8>> {
    let delimited = u64::from(field) << 3 | 2;
    let run = |byte: u8, length: usize| {
        let mut bytes = Vec::new();
        put_varint(&mut bytes, delimited);
        put_varint(&mut bytes, length as u64);
        bytes.resize(bytes.len() + length, byte);
        bytes
    };
    let repeated = |one: &[u8]| one.repeat(size / one.len());
    let mut single = Vec::new();
    put_varint(&mut single, u64::from(field) << 3);
    single.push(1);
    // One run that fills the frame, of numbers and of text; many short runs; many empty entries; single numbers.
    vec![
        run(1, size - 12),
        run(b'x', size - 12),
        repeated(&run(1, 3)),
        repeated(&run(1, 0)),
        repeated(&single),
    ]
}

fn hold_the_bar<M: ClientMessage>() {
    for size in FRAMES {
        for field in 1..=12 {
            for payload in payloads(field, size) {
                let counted = measure(|| drop(decode_client::<M>(&payload)));
                let most = MOST * size as u64;
                let (peak, name) = (counted.bytes_max, M::INFO.name);
                assert!(peak <= most, "{name}.{field}: {peak} bytes for a frame of {size}");
            }
        }
    }
}

/// Every message that a client may send, by type.
macro_rules! all_messages {
    ($($message:ident),+ $(,)?) => {
        #[test]
        fn no_message_of_a_client_takes_more_memory_than_four_times_its_bytes() {
            let tried = [$(v1::$message::INFO.id),+];
            for info in CLIENT_MESSAGES {
                assert!(tried.contains(&info.id), "{} isn't tried: add it here", info.name);
            }
            $(hold_the_bar::<v1::$message>();)+
        }
    };
}

all_messages![
    Move,
    Attack,
    Ping,
    Say,
    PickUp,
    DropItem,
    Respawn,
    Hello,
    Register,
    Login,
    TokenLogin,
    Resume,
    ListCharacters,
    CreateCharacter,
    DeleteCharacter,
    EnterWorld,
    LeaveWorld,
    Shout,
    Whisper,
    Who,
    Command,
    WatchDigest,
    SplitStack,
    MergeStacks,
    AskTrade,
    AnswerTrade,
    OfferTrade,
    AcceptTrade,
    CancelTrade,
    ListShop,
    Buy,
    Sell,
    SendMail,
    ListMail,
    TakeMail,
    DeleteMail
];
