//! Bodies that are made while they are sent: the next piece when there is room for it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use actix_web::body::{BodySize, MessageBody};
use actix_web::web::Bytes;

/// Makes the pieces of a body.
pub(super) trait Pieces: Sized + 'static {
    /// Why it may break off. Whoever reads it sees that it does.
    type Error: Into<Box<dyn std::error::Error>>;

    /// The next piece; none at the end.
    fn next(&mut self) -> impl Future<Output = Option<Result<Bytes, Self::Error>>>;
}

/// A body of pieces. Dropped with its connection, and with it whatever makes them.
pub(super) struct Streamed<P: Pieces>(Option<Making<P>>);

type Making<P> = Pin<Box<dyn Future<Output = Option<(Result<Bytes, <P as Pieces>::Error>, P)>>>>;

impl<P: Pieces> Streamed<P> {
    pub(super) fn new(pieces: P) -> Self {
        Self(Some(make(pieces)))
    }
}

fn make<P: Pieces>(mut pieces: P) -> Making<P> {
    Box::pin(async move { pieces.next().await.map(|piece| (piece, pieces)) })
}

impl<P: Pieces> MessageBody for Streamed<P> {
    type Error = P::Error;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let Some(making) = &mut self.0 else { return Poll::Ready(None) };
        let made = ready!(making.as_mut().poll(context));
        let (piece, rest) = made.unzip();
        self.0 = rest.map(make);
        Poll::Ready(piece)
    }
}

impl<P: Pieces> fmt::Debug for Streamed<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streamed(..)")
    }
}
