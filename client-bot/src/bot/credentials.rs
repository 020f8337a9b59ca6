//! How a bot shows who it is: a signed login token or a password.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::Serialize;
use sha2::Sha256;

/// How long a login token is good: enough for the slowest login, and too short to be of use to a thief.
const TOKEN_LIFE: Duration = Duration::from_secs(300);
/// The first part of every token: a JSON Web Token (RFC 7519) that is signed with HS256.
const HEADER: &str = r#"{"typ":"JWT","alg":"HS256"}"#;

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
    key: Hmac<Sha256>,
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
pub struct SigningError(#[from] serde_json::Error);

impl Signer {
    /// Signs for `audience` (the server's world) with the shared `secret`. `epoch` is the Unix time at which the
    /// bots' clock stood at zero; it also sets this run's token ids apart from those of earlier runs.
    #[must_use]
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub fn new(secret: &[u8], audience: &str, epoch: Duration) -> Self {
        let key = Hmac::new_from_slice(secret).expect("a key of any length is valid");
        Self { key, audience: audience.to_owned(), epoch }
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
        let mut token = BASE64_URL_SAFE_NO_PAD.encode(HEADER);
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(serde_json::to_vec(&claims)?, &mut token);
        let signature = self.key.clone().chain_update(&token).finalize().into_bytes();
        token.push('.');
        BASE64_URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
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
    use serde_json::Value;

    #[test]
    fn each_token_names_its_account_and_audience_and_differs_from_the_others() {
        let year_2100 = Duration::from_secs(4_102_444_800);
        let signer = Signer::new(b"secret", "realmbeat", year_2100);
        let seen = [0, 1].map(|serial| {
            let token = signer.sign("bot-a-1", serial, Duration::ZERO).unwrap();
            assert!(token.len() < 900, "fits a frame before login");
            let parts: Vec<&str> = token.split('.').collect();
            let part = |index: usize| BASE64_URL_SAFE_NO_PAD.decode(parts[index]).unwrap();
            assert_eq!((part(0), part(2).len()), (HEADER.as_bytes().to_vec(), 32));
            serde_json::from_slice::<Value>(&part(1)).unwrap()
        });
        assert_eq!((&seen[0]["sub"], &seen[0]["aud"]), (&"bot-a-1".into(), &"realmbeat".into()));
        assert_eq!(seen[0]["exp"], 4_102_444_800_u64 + 300);
        assert_ne!(seen[0]["jti"], seen[1]["jti"]);
    }
}
