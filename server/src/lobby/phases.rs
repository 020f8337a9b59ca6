//! Which message is accepted when, by its id.

use std::collections::HashSet;

use protocol::v1::{
    CLIENT_MESSAGES, CreateCharacter, DeleteCharacter, EnterWorld, LeaveWorld, ListCharacters,
    Login, Register, Resume, TokenLogin,
};
use protocol::{ClientMessage as _, Phase};

pub(super) const REGISTER: u32 = Register::INFO.id;
pub(super) const LOGIN: u32 = Login::INFO.id;
pub(super) const TOKEN_LOGIN: u32 = TokenLogin::INFO.id;
pub(super) const RESUME: u32 = Resume::INFO.id;
pub(super) const LIST_CHARACTERS: u32 = ListCharacters::INFO.id;
pub(super) const CREATE_CHARACTER: u32 = CreateCharacter::INFO.id;
pub(super) const DELETE_CHARACTER: u32 = DeleteCharacter::INFO.id;
pub(super) const ENTER_WORLD: u32 = EnterWorld::INFO.id;
pub(super) const LEAVE_WORLD: u32 = LeaveWorld::INFO.id;

/// The phase of every message id.
#[derive(Debug, Clone)]
pub(crate) struct Phases {
    /// By id; the protocol's own ids are small.
    own: Vec<Option<Phase>>,
    /// Of modules outside this repository: all of the world.
    modules: HashSet<u32>,
}

impl Phases {
    pub(crate) fn new(modules: impl IntoIterator<Item = u32>) -> Self {
        let mut own = Vec::new();
        for info in CLIENT_MESSAGES {
            let index = info.id as usize;
            if own.len() <= index {
                own.resize(index + 1, None);
            }
            own[index] = Some(info.phase);
        }
        Self { own, modules: modules.into_iter().collect() }
    }

    /// `None` when there is no such message.
    pub(crate) fn of(&self, id: u32) -> Option<Phase> {
        let own = self.own.get(id as usize).copied().flatten();
        own.or_else(|| self.modules.contains(&id).then_some(Phase::World))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_message_of_the_protocol_has_its_phase_and_no_other_id_has_one() {
        let phases = Phases::new([1000]);
        let own = (0..999).filter_map(|id| phases.of(id)).count();
        assert_eq!(own, CLIENT_MESSAGES.len());
        for info in CLIENT_MESSAGES {
            assert_eq!(phases.of(info.id), Some(info.phase), "{}", info.name);
        }
        assert_eq!(phases.of(1000), Some(Phase::World));
        assert_eq!(phases.of(1001), None);
        assert_eq!(phases.of(u32::MAX), None);
    }
}
