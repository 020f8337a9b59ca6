//! The world's secret: what its random numbers are mixed with, so that nobody who has the source knows them beforehand.

use rand::TryRng as _;
use rand::rngs::SysRng;

/// Keys in the table `meta`, each with 48 random bits.
pub(super) const SECRET_KEYS: [&str; 6] =
    ["secret_1", "secret_2", "secret_3", "secret_4", "secret_5", "secret_6"];
/// Bits of a number in the table `meta`.
const BITS: u32 = 48;

/// A secret for a world that has none yet, from the operating system's random numbers.
///
/// # Errors
/// When the system has none to give.
pub(super) fn fresh() -> Result<[u64; 6], String> {
    let mut secret = [0; 6];
    for number in &mut secret {
        let bits = SysRng.try_next_u64().map_err(|error| format!("no random numbers: {error}"))?;
        *number = bits >> (u64::BITS - BITS);
    }
    Ok(secret)
}
