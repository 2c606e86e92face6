//! What a key takes: the way from a value to a type, and the words for what was expected.

use std::marker::PhantomData;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use signout_checker::ClientId;

use super::choice::Choice;
use super::value::{Kind, Node, Value};
use super::{Mistake, lasting};

/// Parses the value of one key.
pub(super) trait Shape {
    type Output;
    const KIND: Kind;

    /// Completes "write ...", with an example.
    fn expected(&self) -> String;

    fn parse(&self, value: &Value) -> Result<Self::Output, Refusal>;

    /// Whether the value may be seen.
    fn privacy(&self) -> Privacy {
        Privacy::Open
    }
}

/// Whether a value appears in errors and in `check-config`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Privacy {
    Mask,
    Open,
}

/// Why a value is not taken.
pub(super) enum Refusal {
    /// For a reason of its own.
    For(Mistake),
    /// It is not what [`Shape::expected`] says.
    Unfit,
}

/// A type that is written as one string.
pub(super) trait Word: Sized {
    fn expected() -> String;

    fn parse(text: &str) -> Result<Self, Refusal>;
}

/// `true` or `false`.
pub(super) struct Flag;

/// A whole number.
pub(super) struct Integer(pub(super) RangeInclusive<u32>);

/// A duration. Bounds are part of the contract, so that a typing error in a unit is noticed.
pub(super) struct Lasting {
    least: Duration,
    most: Duration,
    grain: Grain,
}

/// The finest step of a duration.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Grain {
    Millisecond,
    /// It is compared with times in tokens, which are whole seconds here.
    Second,
}

/// One string.
pub(super) struct Text<W>(PhantomData<W>);

/// Several strings.
pub(super) struct List<W> {
    least: Least,
    word: PhantomData<W>,
}

enum Least {
    None,
    One,
}

pub(super) const fn text<W: Word>() -> Text<W> {
    Text(PhantomData)
}

/// A list that may be empty.
pub(super) const fn any<W: Word>() -> List<W> {
    List { least: Least::None, word: PhantomData }
}

/// A list of at least one.
pub(super) const fn some<W: Word>() -> List<W> {
    List { least: Least::One, word: PhantomData }
}

/// Bounds in seconds.
pub(super) const fn seconds(least: u64, most: u64) -> Lasting {
    let (least, most) = (Duration::from_secs(least), Duration::from_secs(most));
    Lasting { least, most, grain: Grain::Second }
}

/// Bounds in milliseconds.
pub(super) const fn millis(least: u64, most: u64) -> Lasting {
    let (least, most) = (Duration::from_millis(least), Duration::from_millis(most));
    Lasting { least, most, grain: Grain::Millisecond }
}

impl Lasting {
    pub(super) const fn with(self, grain: Grain) -> Self {
        Self { grain, ..self }
    }
}

impl Shape for Flag {
    type Output = bool;
    const KIND: Kind = Kind::Boolean;

    fn expected(&self) -> String {
        "true or false, without quotes".into()
    }

    fn parse(&self, value: &Value) -> Result<bool, Refusal> {
        if let Value::Boolean(flag) = value { Ok(*flag) } else { Err(Refusal::Unfit) }
    }
}

impl Shape for Integer {
    type Output = u32;
    const KIND: Kind = Kind::Integer;

    fn expected(&self) -> String {
        format!("an integer from {} to {}", self.0.start(), self.0.end())
    }

    fn parse(&self, value: &Value) -> Result<u32, Refusal> {
        let Value::Integer(number) = value else { return Err(Refusal::Unfit) };
        u32::try_from(*number).ok().filter(|number| self.0.contains(number)).ok_or_else(|| {
            let found = number.to_string();
            Refusal::For(Mistake::OutOfBounds { found, expected: self.expected() })
        })
    }
}

impl Shape for Lasting {
    type Output = Duration;
    const KIND: Kind = Kind::Text;

    fn expected(&self) -> String {
        let [least, most] = [self.least, self.most].map(lasting::show);
        format!("a duration from \"{least}\" to \"{most}\", such as \"90s\" or \"5m\"")
    }

    fn parse(&self, value: &Value) -> Result<Duration, Refusal> {
        let Value::Text(text) = value else { return Err(Refusal::Unfit) };
        let duration = lasting::parse(text).ok_or(Refusal::Unfit)?;
        let (found, expected) = (value.describe(), self.expected());
        if !(self.least..=self.most).contains(&duration) {
            return Err(Refusal::For(Mistake::OutOfBounds { found, expected }));
        }
        if self.grain == Grain::Second && duration.subsec_nanos() != 0 {
            return Err(Refusal::For(Mistake::Fraction { found, expected }));
        }
        Ok(duration)
    }
}

impl<W: Word> Shape for Text<W> {
    type Output = W;
    const KIND: Kind = Kind::Text;

    fn expected(&self) -> String {
        W::expected()
    }

    fn parse(&self, value: &Value) -> Result<W, Refusal> {
        if let Value::Text(text) = value { W::parse(text) } else { Err(Refusal::Unfit) }
    }
}

impl<W: Word + PartialEq> Shape for List<W> {
    type Output = Vec<W>;
    const KIND: Kind = Kind::List;

    fn expected(&self) -> String {
        format!("a list in brackets, each of it {}", W::expected())
    }

    fn parse(&self, value: &Value) -> Result<Vec<W>, Refusal> {
        let Value::List(nodes) = value else { return Err(Refusal::Unfit) };
        let mut words = Vec::with_capacity(nodes.len());
        for Node { value, .. } in nodes {
            let word = text::<W>().parse(value).map_err(|refusal| match refusal {
                Refusal::Unfit => Refusal::For(Mistake::Expected {
                    found: value.describe(),
                    expected: W::expected(),
                }),
                Refusal::For(_) => refusal,
            })?;
            if words.contains(&word) {
                return Err(Refusal::For(Mistake::DuplicateItem { item: value.describe() }));
            }
            words.push(word);
        }
        match self.least {
            Least::One if words.is_empty() => {
                Err(Refusal::For(Mistake::EmptyList { expected: self.expected() }))
            }
            Least::None | Least::One => Ok(words),
        }
    }
}

impl<C: Choice> Word for C {
    fn expected() -> String {
        let words: Vec<_> = C::ALL.iter().map(|choice| format!("{:?}", choice.as_str())).collect();
        match words.as_slice() {
            [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
            _ => words.concat(),
        }
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        C::ALL.iter().copied().find(|choice| choice.as_str() == text).ok_or(Refusal::Unfit)
    }
}

impl Word for SocketAddr {
    fn expected() -> String {
        "an IP address and a port, such as \"127.0.0.1:8080\" or \"[::]:8080\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        text.parse().map_err(|_| Refusal::Unfit)
    }
}

impl Word for PathBuf {
    fn expected() -> String {
        "the path of a file, such as \"/etc/signout/ca.pem\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        if text.is_empty() || text.contains('\0') { Err(Refusal::Unfit) } else { Ok(text.into()) }
    }
}

impl Word for ClientId {
    fn expected() -> String {
        "a client_id as registered at the provider, such as \"home-assistant\"".into()
    }

    fn parse(text: &str) -> Result<Self, Refusal> {
        Self::parse(text).map_err(|_| Refusal::Unfit)
    }
}
