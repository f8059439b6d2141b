//! Work in a task of its own.

use std::future::Future;

use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinHandle};

/// A task that ends when this is dropped.
struct Owned<T>(JoinHandle<T>);

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does this work on whatever thread of the runtime has time, so that nothing else of the caller's task waits for it.
///
/// It is given up when the future is dropped.
///
/// # Errors
/// The work has panicked.
pub(crate) async fn apart<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, JoinError> {
    (&mut Owned(tokio::spawn(work)).0).await
}

/// What a panic said. The number of the task, which is another one each time, is left out.
pub(crate) fn said(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was given up".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "it did not say why".to_owned())
}

/// Computes one thing after the other, in a thread that has nothing else to do.
#[derive(Debug)]
pub(crate) struct Computer(Semaphore);

impl Default for Computer {
    fn default() -> Self {
        Self(Semaphore::new(1))
    }
}

impl Computer {
    /// Does this work when all that was asked for before is done.
    ///
    /// # Errors
    /// The work has panicked.
    pub(crate) async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, JoinError> {
        // The semaphore is never closed.
        let _turn = self.0.acquire().await;
        tokio::task::spawn_blocking(work).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::mpsc;
    use std::time::Duration;

    use futures::FutureExt;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn work_that_computes_holds_up_nothing_beside_it() {
        let (done, until_done) = mpsc::channel();
        // Computes until the other has ended, which the same task polls.
        let long = apart(async move { until_done.recv_timeout(Duration::from_secs(20)) });
        let short = async {
            let answer = apart(std::future::ready(1)).await;
            done.send(()).unwrap();
            answer
        };
        let (long, short) = tokio::join!(long, short);
        assert_eq!((long.unwrap(), short.unwrap()), (Ok(()), 1));
    }

    #[tokio::test]
    async fn work_nobody_waits_for_is_given_up() {
        let held = Arc::new(());
        let copy = Arc::clone(&held);
        let work = apart(async move {
            std::future::pending::<()>().await;
            drop(copy);
        });
        assert!(work.now_or_never().is_none(), "begun, and dropped");
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_error() {
        let error = apart(async { assert_eq!(1, 2, "no numbers") }).await.unwrap_err();
        assert!(error.to_string().contains("no numbers"), "{error}");
        let error = Computer::default().compute(|| assert_eq!(1, 2, "no numbers")).await.unwrap_err();
        assert!(error.to_string().contains("no numbers"), "{error}");
    }

    #[tokio::test]
    async fn even_a_single_thread_goes_on_while_one_computes() {
        let (done, until_done) = mpsc::channel();
        let computer = Computer::default();
        let long = computer.compute(move || until_done.recv_timeout(Duration::from_secs(20)));
        let next = computer.compute(|| ());
        let short = apart(async move { done.send(()) });
        let (long, next, short) = tokio::join!(long, next, short);
        assert_eq!((long.unwrap(), next.unwrap(), short.unwrap()), (Ok(()), (), Ok(())));
    }
}
