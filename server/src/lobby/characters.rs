//! In the lobby: an account's characters are listed, made, deleted, and one of them enters the world.

use std::time::Instant;

use game::record::CharacterRecord;
use game::{AccountId, CharacterId, Input, SessionId};
use protocol::Envelope;
use protocol::v1::{
    Character, CharacterCreated, CharacterDeleted, CharacterList, CreateCharacter, DeleteCharacter,
    EnterWorld, ListCharacters, Refusal,
};

use super::login::Presence;
use super::questions::{Question, Step};
use super::session::{Stage, Waiting};
use super::world::Parked;
use super::{Action, Lobby, names, phases};
use crate::store::{CharacterRow, CreateRefused, Read, Ticket, Write};

impl Lobby {
    pub(super) fn lobby_packet(
        &mut self,
        session: SessionId,
        account: AccountId,
        packet: &Envelope<'_>,
        now: Instant,
    ) {
        if self.is_waiting(session, packet.request) {
            return;
        }
        let asker = (session, packet.request);
        match packet.id {
            phases::LIST_CHARACTERS => {
                if let Some(ListCharacters {}) = self.decode(session, packet, now) {
                    self.ask_reader(asker, Step::List, |ticket| Read::Characters {
                        ticket,
                        account,
                    });
                }
            }
            phases::CREATE_CHARACTER => {
                if let Some(message) = self.decode(session, packet, now) {
                    self.create_character(asker, account, &message);
                }
            }
            phases::DELETE_CHARACTER => {
                if let Some(DeleteCharacter { id }) = self.decode(session, packet, now) {
                    self.delete_character(asker, account, CharacterId(id));
                }
            }
            phases::ENTER_WORLD => {
                if let Some(EnterWorld { character }) = self.decode(session, packet, now) {
                    self.enter_world(asker, account, CharacterId(character));
                }
            }
            // A later protocol's message that this build doesn't know what to do with.
            _ => {
                let text = "the lobby has no such request";
                self.error(session, packet, Refusal::UnknownMessage, text, now);
            }
        }
    }

    pub(super) fn characters_listed(&mut self, question: &Question, rows: Vec<CharacterRow>) {
        let list = CharacterList { characters: rows.into_iter().map(shown).collect() };
        self.send(question.session, question.request, &list);
    }

    fn create_character(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        message: &CreateCharacter,
    ) {
        let (session, request) = asker;
        let name = match names::character(&message.name) {
            Ok(name) => name,
            Err(rule) => return self.refuse(session, request, Refusal::BadName, rule),
        };
        if self.is_reserved(asker, &name) {
            return;
        }
        let limit = self.settings.characters_per_account;
        self.write_character(asker, account, Step::Create { account }, |ticket| {
            Write::CreateCharacter { ticket, account, name, limit }
        });
    }

    /// True, and refused, for a name that players would take for the staff or the server.
    pub(super) fn is_reserved(&mut self, (session, request): (SessionId, u32), name: &str) -> bool {
        let reserved = names::is_reserved(name, &self.settings.reserved_names);
        if reserved {
            let text = "this name, or one that looks like it, is reserved";
            self.refuse(session, request, Refusal::BadName, text);
        }
        reserved
    }

    pub(super) fn character_created(
        &mut self,
        question: &Question,
        result: Result<CharacterRow, CreateRefused>,
    ) {
        let (session, request) = (question.session, question.request);
        match result {
            Ok(row) => {
                let character = Some(shown(row));
                self.send(session, request, &CharacterCreated { character });
            }
            Err(CreateRefused::NameTaken) => {
                let text = "another character has that name";
                self.refuse(session, request, Refusal::NameTaken, text);
            }
            Err(CreateRefused::TooMany) => {
                let limit = self.settings.characters_per_account;
                let text = format!("an account has {limit} characters at most");
                self.refuse(session, request, Refusal::TooManyCharacters, &text);
            }
        }
    }

    fn delete_character(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        character: CharacterId,
    ) {
        if self.characters.contains_key(&character) {
            // Only its own account learns why; for others it doesn't exist.
            if self.characters.get(&character) == Some(&account) {
                return self.busy(asker.0, asker.1, "the character is still leaving the world");
            }
            return self.no_such_character(asker);
        }
        let step = Step::Delete { account, character };
        self.write_character(asker, account, step, |ticket| Write::DeleteCharacter {
            ticket,
            account,
            character,
        });
    }

    pub(super) fn character_deleted(&mut self, question: &Question, found: bool) {
        let asker = (question.session, question.request);
        if let Step::Delete { character, .. } = question.step
            && found
        {
            self.send(asker.0, asker.1, &CharacterDeleted { id: character.0 });
        } else {
            self.no_such_character(asker);
        }
    }

    /// Asks the writer for a change to an account's characters. One at a time: a session that took the login over
    /// might otherwise load a character that its predecessor is deleting.
    fn write_character(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        step: Step,
        write: impl FnOnce(Ticket) -> Write,
    ) {
        if self.is_writing(asker, account) {
            return;
        }
        let Some(ticket) = self.ask_writer(asker, step, write) else {
            return;
        };
        if let Some(login) = self.logins.get_mut(&account) {
            login.writing = Some(ticket);
        }
    }

    /// True, and refused, while a change that an earlier session of this account asked for is under way.
    fn is_writing(&mut self, asker: (SessionId, u32), account: AccountId) -> bool {
        let login = self.logins.get(&account);
        let writing = login.is_some_and(|login| login.writing.is_some());
        if writing {
            self.busy(asker.0, asker.1, "your characters are being changed");
        }
        writing
    }

    /// The writer has answered; the account's characters may be read again.
    pub(super) fn written(&mut self, account: AccountId, ticket: Ticket) {
        if let Some(login) = self.logins.get_mut(&account)
            && login.writing == Some(ticket)
        {
            login.writing = None;
            self.forget_if_over(account);
        }
    }

    fn enter_world(&mut self, asker: (SessionId, u32), account: AccountId, character: CharacterId) {
        let (session, request) = asker;
        if self.closing.is_some() {
            return self.busy(session, request, "the server is shutting down");
        }
        if self.is_writing(asker, account) {
            return;
        }
        if self.must_queue() {
            return self.enqueue(asker, account, character);
        }
        self.enter(asker, account, character);
    }

    /// It is this character's turn to enter.
    pub(super) fn enter(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        character: CharacterId,
    ) {
        let (session, request) = asker;
        let presence = self.logins.get(&account).map(|login| login.presence);
        if presence == Some(Presence::Out) {
            return self.load(asker, account, character);
        }
        // What is read before the last save is durable would be out of date, and with it what the character owns.
        if self.waiting() >= self.settings.questions_max {
            return self.busy(session, request, "the server has too many requests to answer");
        }
        let parked = Parked { asker, character };
        self.parked.insert(account, parked);
        self.wait_for(session, Waiting::Save);
    }

    pub(super) fn load(
        &mut self,
        asker: (SessionId, u32),
        account: AccountId,
        character: CharacterId,
    ) {
        self.ask_reader(asker, Step::Enter { account }, |ticket| Read::Character {
            ticket,
            account,
            character,
        });
    }

    /// The session that asked still holds the login, or the question would have been dropped with it.
    pub(super) fn character_loaded(
        &mut self,
        question: &Question,
        record: Option<Box<CharacterRecord>>,
    ) {
        let (session, request) = (question.session, question.request);
        let (Some(character), Step::Enter { account }) = (record, &question.step) else {
            return self.no_such_character((session, request));
        };
        if self.closing.is_some() {
            return self.busy(session, request, "the server is shutting down");
        }
        let Some(login) = self.logins.get_mut(account) else {
            return;
        };
        login.presence = Presence::In { character: character.id, asker: session, request };
        let name = login.name.clone();
        self.log_entry(session, &name, &character.name);
        self.characters.insert(character.id, *account);
        self.stats.entered += 1;
        if let Some(state) = self.sessions.get_mut(&session) {
            state.stage = Stage::World(*account);
            state.errors = 0;
        }
        let enter = Input::Enter { session, character };
        self.actions.push_back(Action::Game(enter));
    }

    fn no_such_character(&mut self, (session, request): (SessionId, u32)) {
        let text = "your account has no such character";
        self.refuse(session, request, Refusal::NoSuchCharacter, text);
    }
}

fn shown(row: CharacterRow) -> Character {
    Character { id: row.id.0, name: row.name, zone: row.zone }
}
