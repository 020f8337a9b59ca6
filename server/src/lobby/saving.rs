//! Between leaving the world and being free to enter again: the character's last save must be durable.

use game::{AccountId, CharacterId, CommitSeq, SessionId};
use protocol::v1::{LeftWorld, Refusal};

use super::Lobby;
use super::login::Presence;
use super::session::{Stage, Waiting};

impl Lobby {
    /// This commit and all before it are on disk.
    pub fn durable(&mut self, commit: CommitSeq) {
        self.durable = self.durable.max(commit);
        self.release_saved();
    }

    /// The game has let a character go; its last save is in commit `after` or before.
    pub(super) fn left(&mut self, character: CharacterId, after: CommitSeq) {
        let Some((account, player)) = self.leaver(character) else {
            return;
        };
        if let Some(login) = self.logins.get_mut(&account) {
            login.presence = Presence::Saving(character);
        }
        if let Some((session, stage)) = player {
            let request = match stage {
                Stage::Leaving { request, .. } => Some(request),
                // The game let it go without being asked.
                Stage::World(_) => Some(0),
                // It came when the character was on its way out already, and was told that it is in the lobby.
                Stage::Greeting
                | Stage::Login
                | Stage::Lobby(_)
                | Stage::Redirected
                | Stage::Closing => None,
            };
            if let Some(request) = request {
                self.send_value(session, request, &LeftWorld {}, after);
                self.set_stage(session, Stage::Leaving { account, request });
            }
        }
        self.saving.insert((after, account));
        self.release_saved();
    }

    /// The game couldn't take a character in. Who asked is in the lobby at once; others, who were told that they are
    /// in the world or leaving it, go the way of everybody who leaves.
    pub(super) fn enter_failed(&mut self, character: CharacterId, text: &str, after: CommitSeq) {
        let Some((account, player)) = self.leaver(character) else {
            return;
        };
        let presence = self.logins.get(&account).map(|login| login.presence);
        if let Some((session, Stage::World(_))) = player {
            if let Some(Presence::In { asker, request, .. }) = presence
                && asker == session
            {
                self.refuse(session, request, Refusal::ZoneUnavailable, text);
                return self.is_out(account);
            }
            self.refuse(session, 0, Refusal::ZoneUnavailable, text);
        }
        self.left(character, after);
    }

    /// Whose character this is, and who plays it. `None` for one that isn't in the world as far as the lobby knows.
    fn leaver(&self, character: CharacterId) -> Option<(AccountId, Option<(SessionId, Stage)>)> {
        let account = *self.characters.get(&character)?;
        let player = self.logins.get(&account)?.session.and_then(|session| {
            let stage = self.sessions.get(&session)?.stage;
            Some((session, stage))
        });
        Some((account, player))
    }

    fn release_saved(&mut self) {
        while let Some(&(after, account)) =
            self.saving.first().filter(|(after, _)| *after <= self.durable)
        {
            self.saving.remove(&(after, account));
            self.is_out(account);
        }
    }

    /// No character of this account is in the world and all is saved: its session is in the lobby, and a request to
    /// enter that waited for this goes on.
    fn is_out(&mut self, account: AccountId) {
        let Some(login) = self.logins.get_mut(&account) else {
            return;
        };
        if let Some(character) = login.presence.character() {
            self.characters.remove(&character);
        }
        login.presence = Presence::Out;
        if let Some(session) = login.session
            && let Some(state) = self.sessions.get_mut(&session)
            && matches!(state.stage, Stage::World(_) | Stage::Leaving { .. })
        {
            state.stage = Stage::Lobby(account);
        }
        if let Some(parked) = self.parked.remove(&account) {
            self.wait_for(parked.asker.0, Waiting::No);
            self.load(parked.asker, account, parked.character);
        }
        self.forget_if_over(account);
    }
}
