//! A password or token on its way through the server: never printed, and erased from memory after use.

use std::fmt;

use zeroize::Zeroizing;

/// Text that no log may show. Its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes the text over without copying it.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one who checks it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{Job, Task};
    use crate::store::Ticket;

    #[test]
    fn a_job_in_a_log_shows_no_password() {
        let job = Job {
            ticket: Ticket(1),
            address: std::net::IpAddr::from([192, 0, 2, 1]),
            account: String::new(),
            task: Task::Verify {
                password: Secret::new("opensesame".into()),
                hash: Some(Secret::new("$argon2id$".into())),
            },
        };
        let text = format!("{job:?} {job:#?}");
        assert!(text.contains("***"));
        assert!(!text.contains("sesame") && !text.contains("argon2"), "{text}");
    }
}
