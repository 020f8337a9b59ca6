//! What the reader thread answers, the same on every database.

use crate::store::engine::{Lookup, Reader};
use crate::store::error::EngineError;
use crate::store::{Answer, Read};

impl<L: Lookup + Send> Reader for L {
    fn read(&mut self, question: &Read) -> Result<Answer, EngineError> {
        Ok(match question {
            Read::Account { ticket, name } => {
                Answer::Account { ticket: *ticket, account: self.account(name)? }
            }
            Read::Characters { ticket, account } => {
                Answer::Characters { ticket: *ticket, characters: self.characters_of(*account)? }
            }
            Read::Character { ticket, account, character } => {
                let found = self.character(*account, *character)?;
                Answer::Character { ticket: *ticket, character: found.map(Box::new) }
            }
            Read::Mailbox { character, request } => {
                let mails = self.mailbox(*character)?;
                Answer::Mailbox { character: *character, request: *request, mails }
            }
        })
    }
}
