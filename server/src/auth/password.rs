//! Password hashing: Argon2id with a random salt, kept in PHC form beside its parameters.

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use argon2::{Algorithm, Argon2, Params, Version};

use super::{AuthError, Secret};

/// Hashes and checks passwords with fixed parameters.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    argon2: Argon2<'static>,
    /// Of a password that nobody has; checked when there is no account.
    nobody: Secret,
}

impl Passwords {
    /// Makes the dummy hash, which takes as long as any other.
    pub(super) fn new(memory_kib: u32, passes: u32) -> Result<Self, AuthError> {
        let failed = |reason: String| AuthError::HashParameters { memory_kib, passes, reason };
        let params =
            Params::new(memory_kib, passes, 1, None).map_err(|error| failed(error.to_string()))?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = argon2
            .hash_password(b"nobody has this password")
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { argon2, nobody: Secret::new(nobody.to_string()) })
    }

    /// `None` when the system gives no random salt or memory.
    pub(super) fn hash(&self, password: &Secret) -> Option<Secret> {
        match self.argon2.hash_password(password.expose().as_bytes()) {
            Ok(hash) => Some(Secret::new(hash.to_string())),
            Err(error) => {
                tracing::error!(%error, "a password can't be hashed");
                None
            }
        }
    }

    /// Takes the same time with and without a hash. A hash that isn't in PHC form fits no password.
    pub(super) fn verify(&self, password: &Secret, hash: Option<&Secret>) -> bool {
        let expected = PasswordHash::new(hash.unwrap_or(&self.nobody).expose());
        let Ok(expected) = expected else {
            tracing::error!("an account's password hash isn't in PHC form");
            return false;
        };
        let fits = self.argon2.verify_password(password.expose().as_bytes(), &expected).is_ok();
        fits && hash.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let passwords = Passwords::new(8, 1).unwrap();
        let hash = passwords.hash(&secret("correct horse")).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        assert!(passwords.verify(&secret("correct horse"), Some(&hash)));
        assert!(!passwords.verify(&secret("correct horsf"), Some(&hash)));
        assert!(!passwords.verify(&secret("correct horse"), Some(&secret("rubbish"))));
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        let passwords = Passwords::new(8, 1).unwrap();
        let hashes = [0; 2].map(|_| passwords.hash(&secret("correct horse")).unwrap());
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn nobody_gets_in_without_an_account_not_even_with_the_dummy_s_password() {
        let passwords = Passwords::new(8, 1).unwrap();
        assert!(!passwords.verify(&secret("nobody has this password"), None));
    }

    #[test]
    fn impossible_parameters_say_what_was_configured() {
        let error = Passwords::new(1, 1).unwrap_err().to_string();
        assert!(error.contains("1 KiB and 1 passes"), "{error}");
    }
}
