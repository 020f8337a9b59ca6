//! Login tokens: JSON Web Tokens that an account service signs with a secret it shares with this server. Each
//! names its world, ends soon, and is good once.

use std::time::Duration;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use super::{AuthError, MIN_SECRET_BYTES, Secret};

/// Bytes of a `jti`: a UUID with room to spare; it is kept in the database until the token expires.
const TOKEN_ID_MAX: usize = 64;
/// Random bytes in the `jti` of tokens that we mint.
const TOKEN_ID_BYTES: usize = 16;

/// What a genuine token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claims {
    /// Who logs in; not yet checked against the rules for names.
    pub account: String,
    /// The one-time id, 1 to 64 bytes.
    pub token_id: String,
    /// Unix seconds after which the token is refused anyway.
    pub expires_at: u64,
}

/// Why a token isn't accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("the login token has expired; ask your account service for a new one")]
    Expired,
    /// It names a later expiry than this server takes.
    #[error("the login token lives longer than this server accepts; make it expire sooner")]
    LivesTooLong,
    /// Forged, for another world, or lacking a claim.
    #[error("the login token isn't valid here")]
    Invalid,
}

#[derive(Serialize, Deserialize)]
struct WireClaims {
    sub: String,
    exp: u64,
    jti: String,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    aud: &'a str,
    #[serde(flatten)]
    claims: WireClaims,
}

/// Checks tokens against one secret and one audience.
pub(super) struct Tokens {
    key: DecodingKey,
    validation: Validation,
    lifetime_max: u64,
}

impl Tokens {
    pub(super) fn new(
        secret: &Secret,
        audience: &str,
        lifetime_max: Duration,
    ) -> Result<Self, AuthError> {
        let secret = long_enough(secret.expose().as_bytes())?;
        // HS256 and nothing else: a token that names another algorithm, or none, isn't looked at further.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
        validation.validate_nbf = true;
        // With leeway a token could outlive the memory of its spent id.
        validation.leeway = 0;
        Ok(Self {
            key: DecodingKey::from_secret(secret),
            validation,
            lifetime_max: lifetime_max.as_secs(),
        })
    }

    pub(super) fn verify(&self, token: &Secret) -> Result<Claims, TokenError> {
        let decoded =
            jsonwebtoken::decode::<WireClaims>(token.expose(), &self.key, &self.validation);
        let claims = match decoded {
            Ok(token) => token.claims,
            Err(error) if matches!(error.kind(), ErrorKind::ExpiredSignature) => {
                return Err(TokenError::Expired);
            }
            Err(_) => return Err(TokenError::Invalid),
        };
        if claims.jti.is_empty() || claims.jti.len() > TOKEN_ID_MAX {
            return Err(TokenError::Invalid);
        }
        let latest = jsonwebtoken::get_current_timestamp().saturating_add(self.lifetime_max);
        if claims.exp > latest {
            return Err(TokenError::LivesTooLong);
        }
        Ok(Claims { account: claims.sub, token_id: claims.jti, expires_at: claims.exp })
    }
}

/// Makes a login token for `account` that the server with this `secret` and `audience` accepts once within
/// `lifetime` (whole seconds) from now.
///
/// # Errors
/// When the secret is shorter than [`MIN_SECRET_BYTES`] or the system gives no random bytes.
pub fn mint_token(
    secret: &[u8],
    audience: &str,
    account: &str,
    lifetime: Duration,
) -> Result<String, AuthError> {
    let key = EncodingKey::from_secret(long_enough(secret)?);
    let mut random = [0; TOKEN_ID_BYTES];
    SysRng.try_fill_bytes(&mut random)?;
    let jti = format!("{:032x}", u128::from_be_bytes(random));
    let exp = jsonwebtoken::get_current_timestamp().saturating_add(lifetime.as_secs());
    let claims =
        MintedClaims { aud: audience, claims: WireClaims { sub: account.to_owned(), exp, jti } };
    Ok(jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key)?)
}

fn long_enough(secret: &[u8]) -> Result<&[u8], AuthError> {
    if secret.len() < MIN_SECRET_BYTES {
        return Err(AuthError::ShortSecret(secret.len()));
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const HOUR: Duration = Duration::from_secs(3600);

    fn tokens() -> Tokens {
        Tokens::new(&Secret::new(SECRET.into()), "meadowlands", HOUR).unwrap()
    }

    fn verify(token: impl Into<String>) -> Result<Claims, TokenError> {
        tokens().verify(&Secret::new(token.into()))
    }

    fn now() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    fn signed(header: &Header, claims: &Value) -> String {
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    fn claims() -> Value {
        json!({"sub": "anna", "aud": "meadowlands", "exp": now() + 60, "jti": "one"})
    }

    fn with(key: &str, value: Value) -> String {
        let mut claims = claims();
        claims[key] = value;
        signed(&Header::default(), &claims)
    }

    fn without(key: &str) -> String {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(key);
        signed(&Header::default(), &claims)
    }

    #[test]
    fn a_minted_token_names_its_account_and_a_fresh_id() {
        let mint = || mint_token(SECRET.as_bytes(), "meadowlands", "anna", HOUR / 2).unwrap();
        let [first, second] = [verify(mint()).unwrap(), verify(mint()).unwrap()];
        assert_eq!(first.account, "anna");
        assert_ne!(first.token_id, second.token_id);
        assert!(first.expires_at > now() && first.expires_at <= now() + 1800);
    }

    #[test]
    fn expired_and_overlong_tokens_are_told_apart() {
        assert_eq!(verify(with("exp", json!(now() - 1))), Err(TokenError::Expired));
        assert_eq!(verify(with("exp", json!(now() + 7200))), Err(TokenError::LivesTooLong));
        assert_eq!(verify(with("exp", json!(u64::MAX))), Err(TokenError::LivesTooLong));
    }

    #[test]
    fn a_token_must_be_for_this_world_and_carry_every_claim() {
        assert!(verify(signed(&Header::default(), &claims())).is_ok());
        assert_eq!(verify(with("aud", json!("elsewhere"))), Err(TokenError::Invalid));
        assert_eq!(verify(with("nbf", json!(now() + 30))), Err(TokenError::Invalid));
        assert_eq!(verify(with("jti", json!(""))), Err(TokenError::Invalid));
        assert_eq!(verify(with("jti", json!("x".repeat(65)))), Err(TokenError::Invalid));
        for claim in ["sub", "aud", "exp", "jti"] {
            assert_eq!(verify(without(claim)), Err(TokenError::Invalid), "without {claim}");
        }
    }

    #[test]
    fn forged_and_tampered_tokens_are_refused() {
        let genuine = signed(&Header::default(), &claims());
        let (body, signature) = genuine.rsplit_once('.').unwrap();
        let (header, _) = body.split_once('.').unwrap();
        let elsewhere = EncodingKey::from_secret(&[7; 32]);
        let foreign = jsonwebtoken::encode(&Header::default(), &claims(), &elsewhere).unwrap();
        let (other_payload, _) = with("sub", json!("root"))
            .split_once('.')
            .and_then(|(_, rest)| rest.rsplit_once('.'))
            .map(|(payload, signature)| (payload.to_owned(), signature.to_owned()))
            .unwrap();
        let swapped = format!("{header}.{other_payload}.{signature}");
        let unsigned = format!("{body}.");
        for token in [foreign, swapped, unsigned, String::new(), "a.b.c".into(), ".".repeat(9)] {
            assert_eq!(verify(token.clone()), Err(TokenError::Invalid), "{token}");
        }
    }

    #[test]
    fn no_other_algorithm_is_accepted_and_least_of_all_none() {
        let (_, rest) = signed(&Header::default(), &claims())
            .split_once('.')
            .map(|(header, rest)| (header.to_owned(), rest.to_owned()))
            .unwrap();
        let (payload, _) = rest.rsplit_once('.').unwrap();
        // {"alg":"none","typ":"JWT"} in base64url.
        let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
        assert_eq!(verify(format!("{none}.{payload}.")), Err(TokenError::Invalid));
        assert_eq!(verify(format!("{none}.{rest}")), Err(TokenError::Invalid));
        let longer = signed(&Header::new(Algorithm::HS512), &claims());
        assert_eq!(verify(longer), Err(TokenError::Invalid));
    }

    #[test]
    fn a_short_secret_is_refused_on_both_sides() {
        let short = Secret::new("short".into());
        assert!(matches!(Tokens::new(&short, "a", HOUR), Err(AuthError::ShortSecret(5))));
        assert!(mint_token(b"short", "a", "anna", HOUR).is_err());
    }
}
