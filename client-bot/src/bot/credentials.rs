//! How a bot shows who it is: a signed login token or a password.

use std::time::Duration;

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

/// How long a login token is good: enough for the slowest login, and too short to be of use to a thief.
const TOKEN_LIFE: Duration = Duration::from_secs(300);

/// What a whole swarm logs in with.
#[derive(Clone)]
pub enum Credentials {
    /// Tokens signed with the secret that the server trusts.
    Token(Signer),
    /// A password, the same for all bots; accounts are registered on their first login.
    Password(String),
}

/// Signs login tokens (JSON Web Tokens with HS256), each good once.
#[derive(Clone)]
pub struct Signer {
    key: EncodingKey,
    audience: String,
    /// Unix time at which the swarm's clock stood at zero.
    epoch: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    jti: String,
}

/// A token couldn't be signed.
#[derive(Debug, thiserror::Error)]
#[error("can't sign a login token: {0}")]
pub struct SigningError(#[from] jsonwebtoken::errors::Error);

impl Signer {
    /// Signs for `audience` (the server's world) with the shared `secret`. `epoch` is the Unix time at which the
    /// bots' clock stood at zero; it also sets this run's token ids apart from those of earlier runs.
    #[must_use]
    pub fn new(secret: &[u8], audience: &str, epoch: Duration) -> Self {
        Self { key: EncodingKey::from_secret(secret), audience: audience.to_owned(), epoch }
    }

    /// A token for `account`, the `serial`th of its bot in this run.
    ///
    /// # Errors
    /// When the claims can't be signed.
    pub fn sign(&self, account: &str, serial: u32, now: Duration) -> Result<String, SigningError> {
        let claims = Claims {
            sub: account,
            aud: &self.audience,
            exp: (self.epoch + now + TOKEN_LIFE).as_secs(),
            jti: format!("{account}-{:x}-{serial}", self.epoch.as_nanos()),
        };
        Ok(jsonwebtoken::encode(&Header::default(), &claims, &self.key)?)
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token(_) => "Token",
            Self::Password(_) => "Password",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Seen {
        sub: String,
        jti: String,
    }

    #[test]
    fn each_token_names_its_account_and_audience_and_differs_from_the_others() {
        let year_2100 = Duration::from_secs(4_102_444_800);
        let signer = Signer::new(b"secret", "realmbeat", year_2100);
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_audience(&["realmbeat"]);
        rules.set_required_spec_claims(&["exp", "aud", "sub"]);
        let key = DecodingKey::from_secret(b"secret");
        let seen = [0, 1].map(|serial| {
            let token = signer.sign("bot-a-1", serial, Duration::ZERO).unwrap();
            assert!(token.len() < 900, "fits a frame before login");
            decode::<Seen>(token.as_bytes(), &key, &rules).unwrap().claims
        });
        assert_eq!(seen[0].sub, "bot-a-1");
        assert_ne!(seen[0].jti, seen[1].jti);
    }
}
