//! What a request becomes.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::EitherBody;
use actix_web::dev::ServiceResponse;
use pin_project_lite::pin_project;

pin_project! {
    /// The answer of the guarded service, or the refusal.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct ResponseFuture<F> {
        #[pin]
        inner: Inner<F>,
    }
}

pin_project! {
    #[derive(Debug)]
    #[project = InnerProjection]
    enum Inner<F> {
        Passed { #[pin] future: F },
        // Taken when it is given out.
        Refused { response: Option<Box<ServiceResponse>> },
    }
}

impl<F> ResponseFuture<F> {
    pub(super) const fn passed(future: F) -> Self {
        Self { inner: Inner::Passed { future } }
    }

    pub(super) fn refused(response: ServiceResponse) -> Self {
        Self { inner: Inner::Refused { response: Some(Box::new(response)) } }
    }
}

impl<F, B, E> Future for ResponseFuture<F>
where
    F: Future<Output = Result<ServiceResponse<B>, E>>,
{
    type Output = Result<ServiceResponse<EitherBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().inner.project() {
            InnerProjection::Passed { future } => {
                let response = ready!(future.poll(context))?;
                Poll::Ready(Ok(response.map_into_left_body()))
            }
            InnerProjection::Refused { response } => match response.take() {
                Some(response) => Poll::Ready(Ok(response.map_into_right_body())),
                // Polled again behind its end, which nobody may expect anything of.
                None => Poll::Pending,
            },
        }
    }
}
