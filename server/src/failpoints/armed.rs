//! The points of a test build: each asks the file of the test what is to happen here.

use std::sync::{LazyLock, Mutex, PoisonError};
use std::thread;

use super::VARIABLE;
use super::control::Control;
use super::plan::Action;
use crate::config::EX_CONFIG;
use crate::store::EngineError;

/// What this process was told to do; `None` when nobody wants anything of it.
static CONTROL: LazyLock<Option<Mutex<Control>>> =
    LazyLock::new(|| std::env::var_os(VARIABLE).map(|path| Mutex::new(Control::new(path.into()))));

/// Says in the log that this is a test build.
pub(crate) fn announce() {
    let file = std::env::var_os(VARIABLE).unwrap_or_default();
    tracing::warn!(?file, "a test build, made to fail on purpose: not for players");
}

/// Passes a step.
pub(crate) fn pass(point: &str) {
    // A step has nobody to report a fault to, so no plan asks it for one.
    let _ = act(point);
}

/// Passes a step of the store, which may fail.
///
/// # Errors
/// As the test wants it.
pub(crate) fn meet(point: &str) -> Result<(), EngineError> {
    match act(point) {
        Some(Action::Fail(fault)) => Err(fault.into_error(point)),
        Some(Action::Abort | Action::Delay(_) | Action::On) | None => Ok(()),
    }
}

/// True if this is switched on.
pub(crate) fn is_on(point: &str) -> bool {
    act(point).is_some()
}

fn act(point: &str) -> Option<Action> {
    let control = CONTROL.as_ref()?;
    let reached = control.lock().unwrap_or_else(PoisonError::into_inner).reach(point);
    let action = reached.unwrap_or_else(|problem| give_up(&problem))?;
    match action {
        Action::Abort => std::process::abort(),
        // Not under the lock: other threads go on.
        Action::Delay(time) => thread::sleep(time),
        Action::Fail(_) | Action::On => {}
    }
    Some(action)
}

/// A test that asks for what isn't there would wait for ever.
fn give_up(problem: &str) -> ! {
    tracing::error!("{VARIABLE}: {problem}");
    std::process::exit(EX_CONFIG.into());
}
