//! Characters for a measured world, what is saved of them, and ids for their items.

use std::sync::mpsc::Receiver;
use std::time::Duration;

use anyhow::{Context as _, bail};
use game::record::{CharacterSave, Page, Place};
use game::{AccountId, CharacterId, ItemId, ZoneName};
use server::store::{Answer, Store, Ticket, Write};

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Characters of each account: few, as in a world, because an account's characters are read together.
pub(crate) const PER_ACCOUNT: usize = 50;

/// The name of an account, by the number of its first character.
pub(crate) fn account_name(first: usize) -> String {
    format!("bench{first}")
}

/// Makes accounts and their characters.
pub(crate) fn characters(
    store: &mut Store,
    woken: &Receiver<()>,
    count: usize,
) -> anyhow::Result<Vec<CharacterId>> {
    let mut made = Vec::with_capacity(count);
    for first in (0..count).step_by(PER_ACCOUNT) {
        let account = account(store, woken, first)?;
        let some = first..count.min(first + PER_ACCOUNT);
        for index in some.clone() {
            store.submit(create(account, index))?;
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

fn account(store: &mut Store, woken: &Receiver<()>, first: usize) -> anyhow::Result<AccountId> {
    let name = account_name(first);
    let token = Write::AdmitToken {
        ticket: Ticket(0),
        token_id: name.clone(),
        expires_at: u64::from(u32::MAX),
        account: name,
    };
    store.submit(token)?;
    let admitted = |answer: &Answer| matches!(answer, Answer::TokenAdmitted { .. });
    match answers(store, woken, 1, admitted)?.pop() {
        Some(Answer::TokenAdmitted { account: Some(account), .. }) => Ok(account.id),
        other => bail!("the account wasn't made: {other:?}"),
    }
}

fn create(account: AccountId, index: usize) -> Write {
    let name = format!("Bench{index}");
    Write::CreateCharacter { ticket: Ticket(index as u64), account, name, limit: u32::MAX }
}

/// A save of a character: as much as two modules keep, about 60 bytes with their names.
pub(crate) fn save(character: CharacterId) -> CharacterSave {
    let page = |module| Page { module, version: 1, bytes: &[1; 24] };
    let modules = ["combat", "progress"].map(page).into_iter().collect();
    let place = Place { zone: ZoneName::new("meadow"), x: 30_000, y: 26_000, heading: 0 };
    CharacterSave { character, place, modules }
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
