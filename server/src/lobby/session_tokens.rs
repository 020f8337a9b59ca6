//! Session tokens: with one, a client that lost its connection goes on where it was. Each is good once.

use std::collections::{HashMap, VecDeque};

use game::AccountId;
use rand::TryRng as _;
use rand::rngs::SysRng;

/// Random bytes of a token: guessing one of 2^128 is hopeless at any rate a server answers.
const TOKEN_BYTES: usize = 16;

pub(super) type Token = [u8; TOKEN_BYTES];

/// Why a token isn't good.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum NotGood {
    /// It was redeemed, or replaced by a later one.
    #[error("the session token was used before; log in again")]
    Used,
    /// Its login is over.
    #[error("the session is over; log in again")]
    Expired,
    /// It isn't one of ours, or so old that it is forgotten.
    #[error("the session token isn't valid here; log in again")]
    Forged,
}

/// Makes unguessable tokens; `None` when the system has no randomness to give, and then no session can resume.
pub type TokenSource = Box<dyn FnMut() -> Option<[u8; TOKEN_BYTES]> + Send>;

/// Tokens from the operating system's random numbers.
#[must_use]
pub fn system_tokens() -> TokenSource {
    Box::new(|| {
        let mut token = [0; TOKEN_BYTES];
        match SysRng.try_fill_bytes(&mut token) {
            Ok(()) => Some(token),
            Err(error) => {
                tracing::error!(%error, "no random bytes for a session token");
                None
            }
        }
    })
}

/// The good tokens, one per login, and the last ones that were good.
pub(super) struct SessionTokens {
    source: TokenSource,
    good: HashMap<Token, AccountId>,
    by_account: HashMap<AccountId, Token>,
    /// Why each of the last tokens is no longer good; only to tell their owners apart from forgers.
    spent: HashMap<Token, NotGood>,
    spent_order: VecDeque<Token>,
    spent_max: usize,
}

impl SessionTokens {
    /// Remembers `spent_max` tokens that are no longer good; older ones are invalid like any other number.
    pub(super) fn new(source: TokenSource, spent_max: usize) -> Self {
        Self {
            source,
            good: HashMap::new(),
            by_account: HashMap::new(),
            spent: HashMap::new(),
            spent_order: VecDeque::new(),
            spent_max,
        }
    }

    /// The account's new token. The one before is no longer good.
    pub(super) fn issue(&mut self, account: AccountId) -> Option<Token> {
        self.end(account, NotGood::Used);
        let token = (self.source)()?;
        self.good.insert(token, account);
        self.by_account.insert(account, token);
        Some(token)
    }

    /// Whose token this is. From now on it is used.
    ///
    /// # Errors
    /// Why it isn't good: used, expired, or none of ours.
    pub(super) fn redeem(&mut self, bytes: &[u8]) -> Result<AccountId, NotGood> {
        let token = Token::try_from(bytes).map_err(|_| NotGood::Forged)?;
        if let Some(&account) = self.good.get(&token) {
            self.end(account, NotGood::Used);
            return Ok(account);
        }
        let spent = self.spent.get(&token).copied();
        Err(spent.unwrap_or(NotGood::Forged))
    }

    /// The account's token, if it has one, is no longer good, for this reason.
    pub(super) fn end(&mut self, account: AccountId, reason: NotGood) {
        let Some(token) = self.by_account.remove(&account) else {
            return;
        };
        self.good.remove(&token);
        if self.spent_order.len() >= self.spent_max
            && let Some(oldest) = self.spent_order.pop_front()
        {
            self.spent.remove(&oldest);
        }
        self.spent.insert(token, reason);
        self.spent_order.push_back(token);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counting() -> TokenSource {
        let mut count = 0_u128;
        Box::new(move || {
            count += 1;
            Some(count.to_be_bytes())
        })
    }

    #[test]
    fn a_token_is_good_once_and_the_next_one_replaces_it() {
        let mut tokens = SessionTokens::new(counting(), 8);
        let first = tokens.issue(AccountId(1)).unwrap();
        let second = tokens.issue(AccountId(1)).unwrap();
        assert_eq!(tokens.redeem(&first), Err(NotGood::Used));
        assert_eq!(tokens.redeem(&second), Ok(AccountId(1)));
        assert_eq!(tokens.redeem(&second), Err(NotGood::Used));
    }

    #[test]
    fn forged_tokens_of_any_length_are_invalid() {
        let mut tokens = SessionTokens::new(counting(), 8);
        let good = tokens.issue(AccountId(1)).unwrap();
        for forged in [&[][..], &[0; 16], &good[..15], &[&good[..], &[0]].concat()] {
            assert_eq!(tokens.redeem(forged), Err(NotGood::Forged));
        }
    }

    #[test]
    fn spent_tokens_are_remembered_up_to_a_bound() {
        let mut tokens = SessionTokens::new(counting(), 2);
        let spent: Vec<Token> = (0..4).map(|_| tokens.issue(AccountId(1)).unwrap()).collect();
        assert_eq!(tokens.redeem(&spent[0]), Err(NotGood::Forged));
        assert_eq!(tokens.redeem(&spent[2]), Err(NotGood::Used));
        assert_eq!((tokens.spent.len(), tokens.spent_order.len()), (2, 2));
    }

    #[test]
    fn the_system_s_tokens_differ() {
        let mut source = system_tokens();
        assert_ne!(source().unwrap(), source().unwrap());
    }
}
