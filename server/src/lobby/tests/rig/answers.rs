//! The store and the auth pool of the rig: maps instead of a database, plain text instead of hashes.

use std::collections::BTreeMap;
use std::time::Duration;

use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Rank};

use super::Rig;
use crate::auth::{self, Claims, Job, Outcome, Secret, Task, TokenError};
use crate::store::{AccountRow, Answer, CharacterRow, CreateRefused, Read, Write};

impl Rig {
    /// Answers one question of a kind, if there is one.
    pub(in crate::lobby::tests) fn answer_some(&mut self, answer: fn(&mut Self) -> bool) {
        answer(self);
    }

    pub(in crate::lobby::tests) fn answer_job(&mut self) -> bool {
        let Some(Job { ticket, task, .. }) = self.jobs.pop_front() else {
            return false;
        };
        let hash_of = |password: &Secret| format!("hash of {}", password.expose());
        let outcome = match task {
            Task::Hash { password } => Outcome::Hashed(Some(Secret::new(hash_of(&password)))),
            Task::Verify { password, hash } => {
                Outcome::Verified(hash.is_some_and(|hash| hash.expose() == hash_of(&password)))
            }
            Task::Token { token } => Outcome::Token(match token.expose().split_once(':') {
                Some(("expired", _)) => Err(TokenError::Expired(Duration::ZERO)),
                Some((account, id)) => {
                    Ok(Claims { account: account.into(), token_id: id.into(), expires_at: 1 })
                }
                None => Err(TokenError::Invalid("forged".into())),
            }),
        };
        let answer = auth::Answer { ticket, outcome };
        self.lobby.auth_answer(answer, self.now);
        self.pump();
        true
    }

    pub(in crate::lobby::tests) fn answer_write(&mut self) -> bool {
        let Some((_, write)) = self.writes.pop_front() else {
            return false;
        };
        let answer = self.write(write);
        self.lobby.store_answer(answer, self.now);
        self.pump();
        true
    }

    fn write(&mut self, write: Write) -> Answer {
        match write {
            Write::Register { ticket, name, password_hash } => {
                let taken = self.accounts.contains_key(&name);
                let id = self.account(&name);
                if !taken {
                    self.accounts
                        .insert(name.clone(), (id, Some(password_hash.expose().to_owned())));
                }
                let account = (!taken).then(|| row(id, &name, None));
                Answer::Registered { ticket, account }
            }
            Write::AdmitToken { ticket, token_id, account, .. } => {
                let fresh = self.spent.insert(token_id);
                let id = self.account(&account);
                let account = fresh.then(|| row(id, &account, None));
                Answer::TokenAdmitted { ticket, account }
            }
            Write::CreateCharacter { ticket, account, name, limit } => {
                let own = self.characters.values().filter(|(of, _)| *of == account);
                let result = if self.characters.values().any(|(_, taken)| *taken == name) {
                    Err(CreateRefused::NameTaken)
                } else if own.count() >= limit as usize {
                    Err(CreateRefused::TooMany)
                } else {
                    self.last_id += 1;
                    let id = CharacterId(self.last_id);
                    self.characters.insert(id, (account, name.clone()));
                    Ok(character_row(id, &name))
                };
                Answer::CharacterCreated { ticket, result }
            }
            Write::DeleteCharacter { ticket, account, character } => {
                let own = self.characters.get(&character).is_some_and(|(of, _)| *of == account);
                let playing = self.world.contains_key(&character);
                assert!(!own || !playing, "deleted in the world");
                let found = own && self.characters.remove(&character).is_some();
                Answer::CharacterDeleted { ticket, found }
            }
            Write::Commit(_) | Write::ReserveItemIds { .. } => panic!("not the lobby's"),
        }
    }

    pub(in crate::lobby::tests) fn answer_read(&mut self) -> bool {
        let Some((_, read)) = self.reads.pop_front() else {
            return false;
        };
        let answer = match read {
            Read::Account { ticket, name } => {
                let account = self.accounts.get(&name);
                let account = account.map(|(id, hash)| row(*id, &name, hash.clone()));
                Answer::Account { ticket, account }
            }
            Read::Characters { ticket, account } => {
                let own = self.characters.iter().filter(|(_, (of, _))| *of == account);
                let characters = own.map(|(id, (_, name))| character_row(*id, name)).collect();
                Answer::Characters { ticket, characters }
            }
            Read::Character { ticket, account, character } => {
                let own = self.characters.get(&character).filter(|(of, _)| *of == account);
                let saved = !self.unsaved.contains_key(&character);
                assert!(own.is_none() || saved, "read before it was saved");
                let character = own.map(|(_, name)| Box::new(record(character, account, name)));
                Answer::Character { ticket, character }
            }
            Read::Mailbox { .. } => panic!("not the lobby's"),
        };
        self.lobby.store_answer(answer, self.now);
        self.pump();
        true
    }
}

fn row(id: AccountId, name: &str, password_hash: Option<String>) -> AccountRow {
    AccountRow { id, name: name.into(), password_hash: password_hash.map(Secret::new) }
}

fn character_row(id: CharacterId, name: &str) -> CharacterRow {
    CharacterRow { id, name: name.into(), zone: String::new(), rank: Rank::Player }
}

fn record(id: CharacterId, account: AccountId, name: &str) -> CharacterRecord {
    CharacterRecord {
        id,
        account,
        name: name.into(),
        rank: Rank::Player,
        place: None,
        modules: BTreeMap::new(),
        items: Vec::new(),
        gold: 0,
    }
}
