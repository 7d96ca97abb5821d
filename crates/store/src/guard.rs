//! redb asserts on pages that make no sense. Such a panic is damage to report, not a reason to die.
use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use crate::error::{Result, StoreError};

thread_local! {
    static GUARDED: Cell<bool> = const { Cell::new(false) };
}
static HOOK: Once = Once::new();

fn install_quiet_hook() {
    let previous = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if !GUARDED.get() {
            previous(info);
        }
    }));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}

/// Runs `work`; a panic inside becomes `StoreError::Corrupt` and prints nothing.
///
/// The caller must not use what `work` touched afterwards: a panic leaves it in an unknown state.
pub fn guarded<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    HOOK.call_once(install_quiet_hook);
    let outer = GUARDED.replace(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(work));
    GUARDED.set(outer);
    outcome.unwrap_or_else(|payload| {
        Err(StoreError::corrupt(format!(
            "a page makes no sense ({})",
            message(payload.as_ref())
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_error_and_a_result_passes() {
        assert_eq!(guarded(|| Ok(3)), Ok(3));
        let error = guarded::<()>(|| panic!("page {}", 7)).unwrap_err();
        assert!(error.to_string().contains("page 7"), "{error}");
        assert!(error.to_string().contains("quip db reindex"), "{error}");
        assert!(!GUARDED.get());
    }
}
