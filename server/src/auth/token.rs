//! Login tokens: JSON Web Tokens that an account service signs with a secret it shares with this server. Each
//! names its world, ends soon, and is good once.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::TryRng as _;
use rand::rngs::SysRng;
use serde::{Deserialize, Serialize};

use super::{AuthError, MIN_SECRET_BYTES, Secret, hs256};

/// Bytes of a `jti`: a UUID with room to spare; it is kept in the database until the token expires.
const TOKEN_ID_MAX: usize = 64;
/// How far the clock of the account service may be ahead: a minute, as RFC 7519 suggests "a few minutes" at most. Only for
/// `nbf`. An expiry has none: what is over is over, and its spent id may be forgotten.
const NOT_BEFORE_LEEWAY: Duration = Duration::from_secs(60);
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

/// Why a token isn't accepted. Its text is for the operator's log; [`Self::for_client`] is what the client hears.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("the login token expired {0:?} ago by this machine's clock")]
    Expired(Duration),
    /// Its time hasn't come, by more than clocks may disagree.
    #[error("the login token isn't good before {0:?} from now by this machine's clock")]
    NotYet(Duration),
    /// It names a later expiry than this server takes.
    #[error("the login token is good for longer than {0:?}, the most that this server accepts")]
    LivesTooLong(Duration),
    /// Forged, for another world, or lacking a claim.
    #[error("the login token isn't valid here: {0}")]
    Invalid(String),
}

impl TokenError {
    /// Says nothing that helps to forge one.
    #[must_use]
    pub const fn for_client(&self) -> &'static str {
        match self {
            Self::Expired(_) => {
                "the login token has expired; ask your account service for a new one"
            }
            Self::LivesTooLong(_) => {
                "the login token lives longer than this server accepts; make it expire sooner"
            }
            Self::NotYet(_) | Self::Invalid(_) => "the login token isn't valid here",
        }
    }

    fn invalid(error: &jsonwebtoken::errors::Error) -> Self {
        let kind = error.kind();
        let text = if let ErrorKind::MissingRequiredClaim(claim) = kind {
            format!("it has no claim `{claim}`")
        } else if let ErrorKind::Json(problem) = kind {
            format!("its claims can't be read: {problem}")
        } else if matches!(kind, ErrorKind::InvalidSignature) {
            "it isn't signed with auth.token_secret".to_owned()
        } else if matches!(kind, ErrorKind::InvalidAudience) {
            "its `aud` isn't auth.token_audience".to_owned()
        } else if matches!(kind, ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName) {
            "it isn't signed with HS256".to_owned()
        } else {
            "it isn't a JSON Web Token".to_owned()
        };
        Self::Invalid(text)
    }
}

#[derive(Deserialize)]
struct WireClaims {
    sub: String,
    exp: f64,
    nbf: Option<f64>,
    jti: String,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    sub: &'a str,
    aud: &'a str,
    exp: u64,
    jti: String,
}

/// Checks tokens against one secret and one audience.
pub(super) struct Tokens {
    key: DecodingKey,
    validation: Validation,
    lifetime_max: Duration,
}

impl Tokens {
    pub(super) fn new(
        secret: &Secret,
        audience: &str,
        lifetime_max: Duration,
    ) -> Result<Self, AuthError> {
        hs256::install();
        let secret = long_enough(secret.expose().as_bytes())?;
        // HS256 and nothing else: a token that names another algorithm, or none, isn't looked at further.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[audience]);
        validation.set_required_spec_claims(&["aud", "sub"]);
        // Times are checked here: a token may come early by the leeway, but never late.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self { key: DecodingKey::from_secret(secret), validation, lifetime_max })
    }

    pub(super) fn verify(&self, token: &Secret) -> Result<Claims, TokenError> {
        let decoded =
            jsonwebtoken::decode::<WireClaims>(token.expose(), &self.key, &self.validation);
        let claims = decoded.map_err(|error| TokenError::invalid(&error))?.claims;
        if claims.jti.is_empty() || claims.jti.len() > TOKEN_ID_MAX {
            let text = format!("its `jti` hasn't 1 to {TOKEN_ID_MAX} bytes");
            return Err(TokenError::Invalid(text));
        }
        let now = since_1970();
        let expires = moment(claims.exp).unwrap_or(Duration::ZERO);
        if expires <= now {
            return Err(TokenError::Expired(whole(now - expires)));
        }
        if expires > now.saturating_add(self.lifetime_max) {
            return Err(TokenError::LivesTooLong(self.lifetime_max));
        }
        let begins = claims.nbf.map_or(Some(Duration::ZERO), moment);
        let Some(begins) = begins else {
            return Err(TokenError::Invalid("its `nbf` is before 1970".to_owned()));
        };
        let early = begins.saturating_sub(now);
        if early > NOT_BEFORE_LEEWAY {
            return Err(TokenError::NotYet(whole(early)));
        }
        // A part of a second counts as a whole one: its id must not be forgotten before it is over.
        let expires_at = expires.as_secs().saturating_add(u64::from(expires.subsec_nanos() > 0));
        Ok(Claims { account: claims.sub, token_id: claims.jti, expires_at })
    }
}

/// A `NumericDate` (RFC 7519, section 2): seconds since 1970, possibly with a fraction. What is later than can be
/// said is as late as can be said; `None` is before 1970.
fn moment(seconds: f64) -> Option<Duration> {
    if seconds < 0.0 {
        return None;
    }
    Some(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// In whole seconds, for people.
const fn whole(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs())
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
    hs256::install();
    let key = EncodingKey::from_secret(long_enough(secret)?);
    let mut random = [0; TOKEN_ID_BYTES];
    SysRng.try_fill_bytes(&mut random)?;
    let jti = format!("{:032x}", u128::from_be_bytes(random));
    let exp = since_1970().as_secs().saturating_add(lifetime.as_secs());
    let claims = MintedClaims { sub: account, aud: audience, exp, jti };
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
    use base64::Engine as _;
    use base64::prelude::BASE64_URL_SAFE_NO_PAD as URL_SAFE_NO_PAD;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use serde_json::{Value, json};
    use sha2::Sha512;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const HOUR: Duration = Duration::from_secs(3600);

    fn tokens() -> Tokens {
        Tokens::new(&Secret::new(SECRET.into()), "meadowlands", HOUR).unwrap()
    }

    fn verify(token: impl Into<String>) -> Result<Claims, TokenError> {
        tokens().verify(&Secret::new(token.into()))
    }

    fn is_invalid(token: impl Into<String>) -> bool {
        matches!(verify(token), Err(TokenError::Invalid(_)))
    }

    fn now() -> u64 {
        jsonwebtoken::get_current_timestamp()
    }

    fn signed(header: &Header, claims: &Value) -> String {
        hs256::install();
        jsonwebtoken::encode(header, claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
    }

    /// Genuine but for its algorithm, which the server doesn't have.
    fn signed_with_hs512() -> String {
        let header = URL_SAFE_NO_PAD.encode(r#"{"typ":"JWT","alg":"HS512"}"#);
        let body = format!("{header}.{}", URL_SAFE_NO_PAD.encode(claims().to_string()));
        let mut mac = Hmac::<Sha512>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(body.as_bytes());
        format!("{body}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
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
        for expired in [json!(now() - 1), json!(now() as f64 - 0.5), json!(-5), json!(-1e300)] {
            let error = verify(with("exp", expired.clone())).unwrap_err();
            assert!(matches!(error, TokenError::Expired(_)), "{expired}: {error:?}");
        }
        for overlong in [json!(now() + 7200), json!(u64::MAX), json!(1e30)] {
            let error = verify(with("exp", overlong.clone())).unwrap_err();
            assert_eq!(error, TokenError::LivesTooLong(HOUR), "{overlong}");
        }
    }

    #[test]
    fn times_may_have_a_fraction_and_a_token_may_come_a_little_early() {
        let expires_at = |exp: Value| verify(with("exp", exp)).unwrap().expires_at;
        let soon = now() + 60;
        assert_eq!(expires_at(json!(soon)), soon);
        assert_eq!(expires_at(json!(soon as f64)), soon);
        assert_eq!(expires_at(json!(soon as f64 + 0.25)), soon + 1, "not forgotten early");
        for nbf in [json!(now() + 1), json!(now() as f64 + 20.5), json!(0)] {
            assert!(verify(with("nbf", nbf.clone())).is_ok(), "{nbf}");
        }
        for nbf in [json!(now() + 90), json!(1e300)] {
            let error = verify(with("nbf", nbf.clone())).unwrap_err();
            assert!(matches!(error, TokenError::NotYet(_)), "{nbf}: {error:?}");
        }
        assert!(is_invalid(with("exp", json!(soon.to_string()))), "a text is no date");
        assert!(is_invalid(with("nbf", json!("soon"))) && is_invalid(with("nbf", json!(-1))));
    }

    #[test]
    fn the_log_says_why_a_token_is_refused_and_the_client_hears_no_more_than_before() {
        hs256::install();
        let why = |token: String| verify(token).unwrap_err();
        let foreign = jsonwebtoken::encode(
            &Header::default(),
            &claims(),
            &EncodingKey::from_secret(&[7; 32]),
        );
        for (token, part) in [
            (foreign.unwrap(), "auth.token_secret"),
            (with("aud", json!("elsewhere")), "auth.token_audience"),
            (without("jti"), "jti"),
            (without("aud"), "aud"),
            (signed_with_hs512(), "HS256"),
            ("a.b".into(), "JSON Web Token"),
        ] {
            let error = why(token);
            assert!(error.to_string().contains(part), "{error}");
            assert_eq!(error.for_client(), "the login token isn't valid here");
        }
    }

    #[test]
    fn a_token_must_be_for_this_world_and_carry_every_claim() {
        assert!(verify(signed(&Header::default(), &claims())).is_ok());
        assert!(is_invalid(with("aud", json!("elsewhere"))));
        assert!(is_invalid(with("jti", json!(""))));
        assert!(is_invalid(with("jti", json!("x".repeat(65)))));
        for claim in ["sub", "aud", "exp", "jti"] {
            assert!(is_invalid(without(claim)), "without {claim}");
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
            assert!(is_invalid(token.clone()), "{token}");
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
        assert!(is_invalid(format!("{none}.{payload}.")));
        assert!(is_invalid(format!("{none}.{rest}")));
        assert!(is_invalid(signed_with_hs512()));
    }

    #[test]
    fn a_short_secret_is_refused_on_both_sides() {
        let short = Secret::new("short".into());
        assert!(matches!(Tokens::new(&short, "a", HOUR), Err(AuthError::ShortSecret(5))));
        assert!(mint_token(b"short", "a", "anna", HOUR).is_err());
    }
}
