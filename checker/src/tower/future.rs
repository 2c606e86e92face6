//! What a request becomes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use ::http::Response;
use pin_project_lite::pin_project;

pin_project! {
    /// The answer of the guarded service, or the refusal.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F, B> {
        #[pin]
        inner: Inner<F, B>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = InnerProjection]
    enum Inner<F, B> {
        Passed { #[pin] future: F },
        // Taken when it is given out.
        Refused { response: Option<Response<B>> },
    }
}

impl<F, B> ResponseFuture<F, B> {
    pub(super) const fn passed(future: F) -> Self {
        Self { inner: Inner::Passed { future } }
    }

    pub(super) const fn refused(response: Response<B>) -> Self {
        Self { inner: Inner::Refused { response: Some(response) } }
    }
}

impl<F, B, E> Future for ResponseFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
{
    type Output = Result<Response<B>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            InnerProjection::Passed { future } => future.poll(context),
            InnerProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response)),
                // Polled again behind its end, which nobody may expect anything of.
                None => Poll::Pending,
            },
        }
    }
}
