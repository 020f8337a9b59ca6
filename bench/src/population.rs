//! Characters for a measured world, what is saved of them, and ids for their items.

use std::collections::BTreeMap;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::{Context as _, bail};
use game::record::{CharacterSave, Place, Saved};
use game::{AccountId, CharacterId, ItemId, ZoneName};
use server::store::{Answer, Store, Ticket, Write};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes characters, all of one account.
pub(crate) fn characters(
    store: &mut Store,
    woken: &Receiver<()>,
    count: usize,
) -> anyhow::Result<Vec<CharacterId>> {
    let token = Write::AdmitToken {
        ticket: Ticket(0),
        token_id: "bench".to_owned(),
        expires_at: u64::from(u32::MAX),
        account: "bench".to_owned(),
    };
    store.submit(token)?;
    let admitted =
        answers(store, woken, 1, |answer| matches!(answer, Answer::TokenAdmitted { .. }))?;
    let Some(Answer::TokenAdmitted { account: Some(account), .. }) = admitted.into_iter().next()
    else {
        bail!("the account wasn't made");
    };
    let mut made = Vec::with_capacity(count);
    // As many at a time as surely fit into the queue.
    for some in (0..count).collect::<Vec<_>>().chunks(500) {
        for index in some {
            store.submit(create(account.id, *index))?;
        }
        let created = |answer: &Answer| matches!(answer, Answer::CharacterCreated { .. });
        for answer in answers(store, woken, some.len(), created)? {
            let Answer::CharacterCreated { result: Ok(row), .. } = answer else {
                bail!("a character wasn't made: {answer:?}");
            };
            made.push(row.id);
        }
    }
    Ok(made)
}

fn create(account: AccountId, index: usize) -> Write {
    let name = format!("Bench{index}");
    Write::CreateCharacter { ticket: Ticket(index as u64), account, name, limit: u32::MAX }
}

/// A save of a character: as much as two modules keep, about 60 bytes with their names.
pub(crate) fn save(character: CharacterId) -> CharacterSave {
    let saved = Saved { version: 1, bytes: vec![1; 24] };
    let modules = ["combat", "progress"].map(|name| (name.to_owned(), saved.clone()));
    let place = Place { zone: ZoneName::new("meadow"), x: 30_000, y: 26_000, heading: 0 };
    CharacterSave { character, place, modules: BTreeMap::from(modules) }
}

/// Reserves ids for items.
pub(crate) fn item_ids(
    store: &mut Store,
    woken: &Receiver<()>,
    count: u64,
) -> anyhow::Result<ItemId> {
    store.submit(Write::ReserveItemIds { count })?;
    let reserved = answers(store, woken, 1, |answer| matches!(answer, Answer::ItemIds { .. }))?;
    match reserved.first() {
        Some(Answer::ItemIds { first, .. }) => Ok(*first),
        _ => bail!("no ids were reserved"),
    }
}

/// Waits for so many answers of a kind.
pub(crate) fn answers(
    store: &mut Store,
    woken: &Receiver<()>,
    count: usize,
    wanted: impl Fn(&Answer) -> bool,
) -> anyhow::Result<Vec<Answer>> {
    let mut heard = Vec::new();
    while heard.len() < count {
        let Some(answer) = store.poll() else {
            woken.recv_timeout(PATIENCE).context("the store is silent")?;
            continue;
        };
        if let Answer::Broken(reason) = &answer {
            bail!("the store broke: {reason}");
        }
        if wanted(&answer) {
            heard.push(answer);
        }
    }
    Ok(heard)
}
