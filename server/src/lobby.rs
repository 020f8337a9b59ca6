//! From the greeting to the world: accounts, logins, characters, resuming. No I/O: packets and answers in, actions out.
