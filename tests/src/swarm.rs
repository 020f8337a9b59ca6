//! Bots that play in this process while a test does something else to their server.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use client_bot::tally::Counts;
use client_bot::{Report, Scenario, Settings, Swarm};

use crate::server::{PATIENCE, TOKEN_SECRET};

/// Bots on a thread of their own. Stopped when dropped.
pub struct Bots {
    stop: Arc<AtomicBool>,
    counts: Arc<Mutex<Counts>>,
    thread: Option<JoinHandle<Report>>,
}

impl Bots {
    /// Sends so many bots in, and waits until all of them are in the world. A fifth of them prove what they see.
    ///
    /// # Panics
    /// When they don't get there in time.
    #[must_use]
    pub fn play(address: SocketAddr, bots: usize, scenario: Scenario) -> Self {
        let mut settings = Settings {
            server: address,
            bots,
            scenario,
            ramp: Duration::from_millis(500),
            // A test stops them when it has seen enough.
            duration: Duration::from_secs(600),
            oracle: 0.2,
            ..Settings::default()
        };
        settings.login.token_secret = TOKEN_SECRET.to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let counts = Arc::<Mutex<Counts>>::default();
        let (stopped, seen) = (Arc::clone(&stop), Arc::clone(&counts));
        let thread = std::thread::spawn(move || {
            let watch = &mut |progress: &client_bot::Progress| {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.clone_from(&progress.counts);
            };
            let swarm = Swarm::new(settings).expect("the swarm's settings are sound");
            swarm.run_watched(&stopped, watch).expect("the swarm runs")
        });
        let swarm = Self { stop, counts, thread: Some(thread) };
        swarm.wait_until(|counts| counts.online == bots as u64);
        swarm
    }

    /// How it goes, half a second ago at most.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until the counts are so.
    ///
    /// # Panics
    /// When they don't get there in time.
    pub fn wait_until(&self, reached: impl Fn(&Counts) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !reached(&self.counts()) {
            assert!(Instant::now() < deadline, "{:?}", self.counts());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sees that the bots go on playing: views are proved and moves sent from now on, too.
    ///
    /// # Panics
    /// When nothing more comes of them.
    pub fn go_on(&self) {
        let before = self.counts();
        self.wait_until(|now| {
            now.digests > before.digests && now.frames_out > before.frames_out + 50
        });
    }

    /// Calls them back and returns what they report.
    ///
    /// # Panics
    /// When their thread has panicked.
    #[must_use]
    pub fn stop(mut self) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let thread = self.thread.take().expect("stopped once");
        thread.join().expect("the swarm's thread is sound")
    }

    /// Calls them back; nothing may have harmed them.
    ///
    /// # Panics
    /// When one had an error, lost its connection, or saw what it shouldn't.
    pub fn stop_unharmed(self) -> Report {
        let report = self.stop();
        let counts = &report.counts;
        assert_eq!(counts.first_errors, [""; 0]);
        assert_eq!(counts.first_findings, [""; 0]);
        assert_eq!((counts.errors_total(), counts.findings, counts.connections_lost), (0, 0, 0));
        assert!(counts.digests > 0, "the oracle has compared nothing");
        report
    }
}

impl Drop for Bots {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}
