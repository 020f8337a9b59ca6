//! Password hashing: Argon2id with a random salt, kept in PHC form beside its parameters.

use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use rand::TryRng as _;
use rand::rngs::SysRng;

use super::{AuthError, Secret};

/// Least capacity of a [`Memory`], in blocks of 1 KiB: more than 32 MiB, above which glibc gives every allocation a
/// mapping of its own (`DEFAULT_MMAP_THRESHOLD_MAX` of mallopt(3)) that goes back to the system when it is freed. Smaller
/// ones would stay with the process, once per thread. Pages that are never touched cost nothing.
const MAPPED_BLOCKS: usize = 33 * 1024;

/// Hashes and checks passwords with fixed parameters.
#[derive(Debug, Clone)]
pub(super) struct Passwords {
    params: Params,
    /// Hash of a password that nobody has; checked when there is no account.
    nobody: Secret,
    hash_time: Duration,
}

/// What a worker hashes in. It takes memory with its first hash and keeps it for the next ones.
#[derive(Debug, Default)]
pub(super) struct Memory(Vec<Block>);

impl Memory {
    /// Gives the memory back to the system.
    pub(super) fn release(&mut self) {
        self.0 = Vec::new();
    }

    /// Room for so many blocks; `None` if the system has none.
    fn blocks(&mut self, count: usize) -> Option<&mut [Block]> {
        if self.0.capacity() < count.max(MAPPED_BLOCKS) {
            self.release();
            self.0.try_reserve_exact(count.max(MAPPED_BLOCKS)).ok()?;
        }
        if self.0.len() < count {
            self.0.resize(count, Block::default());
        }
        self.0.get_mut(..count)
    }
}

impl Passwords {
    /// Makes the dummy hash, which takes as long as any other, and measures how long that is.
    pub(super) fn new(memory_kib: u32, passes: u32) -> Result<Self, AuthError> {
        let failed = |reason: String| AuthError::HashParameters { memory_kib, passes, reason };
        let params =
            Params::new(memory_kib, passes, 1, None).map_err(|error| failed(error.to_string()))?;
        let nobody = Secret::new(String::new());
        let mut passwords = Self { params, nobody, hash_time: Duration::MAX };
        let mut memory = Memory::default();
        // The first hash also waits for its memory. The faster one of two is what a worker at work takes.
        for _ in 0..2 {
            let began = Instant::now();
            let secret = Secret::new("nobody has this password".to_owned());
            passwords.nobody = passwords.try_hash(&secret, &mut memory).map_err(failed)?;
            passwords.hash_time = passwords.hash_time.min(began.elapsed());
        }
        Ok(passwords)
    }

    /// Time that one hash takes, as measured at the start.
    pub(super) const fn hash_time(&self) -> Duration {
        self.hash_time
    }

    /// `None` when the system gives no random salt or memory.
    pub(super) fn hash(&self, password: &Secret, memory: &mut Memory) -> Option<Secret> {
        match self.try_hash(password, memory) {
            Ok(hash) => Some(hash),
            Err(error) => {
                tracing::error!(%error, "a password can't be hashed");
                None
            }
        }
    }

    fn try_hash(&self, password: &Secret, memory: &mut Memory) -> Result<Secret, String> {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        let mut salt = [0; Salt::RECOMMENDED_LENGTH];
        SysRng.try_fill_bytes(&mut salt).map_err(text)?;
        let hash =
            derive(algorithm, version, &self.params, password, &salt, memory).map_err(text)?;
        let hash = PasswordHash {
            algorithm: algorithm.ident(),
            version: Some(version.into()),
            params: ParamsString::try_from(&self.params).map_err(text)?,
            salt: Some(Salt::new(&salt).map_err(text)?),
            hash: Some(hash),
        };
        Ok(Secret::new(hash.to_string()))
    }

    /// Takes the same time with and without a hash. A hash that isn't in PHC form fits no password.
    pub(super) fn verify(
        &self,
        password: &Secret,
        hash: Option<&Secret>,
        memory: &mut Memory,
    ) -> bool {
        let expected = hash.unwrap_or(&self.nobody);
        let Some(fits) = fits(password, expected.expose(), memory) else {
            tracing::error!("an account's password hash isn't in PHC form");
            return false;
        };
        fits && hash.is_some()
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

/// Whether the password is that of a hash in PHC form, by the parameters of the hash. `None` if it isn't one.
fn fits(password: &Secret, hash: &str, memory: &mut Memory) -> Option<bool> {
    let expected = PasswordHash::new(hash).ok()?;
    let algorithm = Algorithm::try_from(expected.algorithm.as_str()).ok()?;
    let version = Version::try_from(expected.version.map_or(0x13, Into::into)).ok()?;
    let params = Params::try_from(&expected).ok()?;
    let (salt, output) = (expected.salt.as_ref()?, expected.hash.as_ref()?);
    let found = derive(algorithm, version, &params, password, salt, memory).ok()?;
    // In constant time, as `Output` compares.
    Some(found == *output)
}

fn derive(
    algorithm: Algorithm,
    version: Version,
    params: &Params,
    password: &Secret,
    salt: &[u8],
    memory: &mut Memory,
) -> Result<Output, argon2::Error> {
    let blocks = memory.blocks(params.block_count()).ok_or(argon2::Error::OutOfMemory)?;
    let argon2 = Argon2::new(algorithm, version, params.clone());
    let mut output = [0; Output::MAX_LENGTH];
    let length = params.output_len().unwrap_or(Params::DEFAULT_OUTPUT_LEN);
    let output = output.get_mut(..length).ok_or(argon2::Error::OutputTooLong)?;
    argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, output, blocks)?;
    Output::new(output).map_err(|_| argon2::Error::OutputTooLong)
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
        let hash = passwords.hash(&secret("correct horse"), &mut Memory::default()).unwrap();
        assert!(hash.expose().starts_with("$argon2id$v=19$m=8,t=1,p=1$"));
        let mut memory = Memory::default();
        let mut fits =
            |password, hash| passwords.verify(&secret(password), Some(hash), &mut memory);
        assert!(fits("correct horse", &hash));
        assert!(!fits("correct horsf", &hash));
        assert!(!fits("correct horse", &secret("rubbish")));
    }

    #[test]
    fn a_hash_of_other_parameters_is_checked_by_its_own() {
        let [small, large] = [8, 64].map(|memory_kib| Passwords::new(memory_kib, 1).unwrap());
        let mut memory = Memory::default();
        let hash = large.hash(&secret("correct horse"), &mut memory).unwrap();
        assert!(small.verify(&secret("correct horse"), Some(&hash), &mut Memory::default()));
        let hash = small.hash(&secret("correct horse"), &mut memory).unwrap();
        assert!(large.verify(&secret("correct horse"), Some(&hash), &mut memory));
    }

    #[test]
    fn what_is_hashed_in_is_large_enough_to_be_given_back() {
        let mut memory = Memory::default();
        assert_eq!(memory.blocks(8).unwrap().len(), 8);
        assert!(memory.0.capacity() * size_of::<Block>() > 32 << 20);
        memory.release();
        assert_eq!(memory.0.capacity(), 0);
    }

    #[test]
    fn equal_passwords_have_different_hashes() {
        let passwords = Passwords::new(8, 1).unwrap();
        let hashes = [0; 2]
            .map(|_| passwords.hash(&secret("correct horse"), &mut Memory::default()).unwrap());
        assert_ne!(hashes[0], hashes[1]);
    }

    #[test]
    fn nobody_gets_in_without_an_account_not_even_with_the_dummy_s_password() {
        let passwords = Passwords::new(8, 1).unwrap();
        let dummy = secret("nobody has this password");
        assert!(!passwords.verify(&dummy, None, &mut Memory::default()));
    }

    #[test]
    fn impossible_parameters_say_what_was_configured() {
        let error = Passwords::new(1, 1).unwrap_err().to_string();
        assert!(error.contains("1 KiB and 1 passes"), "{error}");
    }
}
