//! `text/event-stream`, as far as the feed needs it. Pure.
//!
//! Lines end with LF, CR or CRLF, wherever the network cut them (HTML, section 9.2.6). What the feed
//! never sends is passed over (`retry`, unknown fields, comments); what would need more memory than
//! an event of the feed may take is refused.
//!
//! An id belongs to the event that carries it and is not handed on to the next one, as browsers do
//! it: an event of the feed without its own position is none.

use std::mem;

/// The most bytes of one line, and of the data of one event.
const LIMIT: usize = 1024 * 1024;
/// Name of the field and the colon; the data behind it may have [`LIMIT`] bytes.
const FIELD: usize = 16;

/// One event, as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Message {
    /// `event`; empty if there was none.
    pub(super) event: Vec<u8>,
    /// `id`, if there was one.
    pub(super) id: Option<Vec<u8>>,
    /// `data`: its lines, with LF between them.
    pub(super) data: Vec<u8>,
}

/// The stream cannot be one of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the feed is larger than {LIMIT} bytes")]
pub(super) struct TooLong;

/// Takes a stream apart, in pieces of any size.
#[derive(Debug, Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    message: Message,
    has_data: bool,
    behind: Behind,
}

/// What stood before the next byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Behind {
    /// Nothing: a byte order mark may come.
    #[default]
    Nothing,
    /// A CR, which ended a line. An LF would belong to it.
    Return,
    /// Anything else.
    Text,
}

impl Parser {
    /// Takes the next bytes of the stream, and hands over the events that end within them.
    pub(super) fn push(
        &mut self,
        mut bytes: &[u8],
        mut take: impl FnMut(Message),
    ) -> Result<(), TooLong> {
        if let (Behind::Return, Some((b'\n', rest))) = (self.behind, bytes.split_first()) {
            bytes = rest;
            self.behind = Behind::Text;
        }
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, rest) = bytes.split_at(end);
            self.extend(line)?;
            if let Some(message) = self.end_line()? {
                take(message);
            }
            let (ending, rest) = rest.split_first().map_or((b'\n', rest), |(&b, rest)| (b, rest));
            bytes = match (ending, rest.split_first()) {
                (b'\r', Some((b'\n', rest))) => rest,
                (_, _) => rest,
            };
            let cut_behind_return = ending == b'\r' && rest.is_empty();
            self.behind = if cut_behind_return { Behind::Return } else { Behind::Text };
        }
        self.extend(bytes)
    }

    fn extend(&mut self, part: &[u8]) -> Result<(), TooLong> {
        if part.len() > (LIMIT + FIELD).saturating_sub(self.line.len()) {
            return Err(TooLong);
        }
        self.line.extend_from_slice(part);
        if !part.is_empty() && self.behind == Behind::Return {
            self.behind = Behind::Text;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<Message>, TooLong> {
        let mut line = mem::take(&mut self.line);
        let text = match (self.behind, line.strip_prefix(b"\xef\xbb\xbf")) {
            (Behind::Nothing, Some(text)) => text,
            _ => &line,
        };
        let message = if text.is_empty() { self.end_message() } else { None };
        self.field(text)?;
        line.clear();
        // Its memory serves the next line, unless that was an uncommonly long one.
        if line.capacity() <= 64 * 1024 {
            self.line = line;
        }
        Ok(message)
    }

    /// An event without data is none, whatever else it says.
    fn end_message(&mut self) -> Option<Message> {
        let message = mem::take(&mut self.message);
        mem::take(&mut self.has_data).then_some(message)
    }

    fn field(&mut self, line: &[u8]) -> Result<(), TooLong> {
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = line.split_at(colon);
        let value = value.strip_prefix(b":").unwrap_or(value);
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match name {
            b"data" => {
                if value.len() >= LIMIT.saturating_sub(self.message.data.len()) {
                    return Err(TooLong);
                }
                if mem::replace(&mut self.has_data, true) {
                    self.message.data.push(b'\n');
                }
                self.message.data.extend_from_slice(value);
            }
            b"event" => self.message.event = value.to_vec(),
            // HTML, section 9.2.6: an id with a NUL is ignored.
            b"id" if !value.contains(&0) => self.message.id = Some(value.to_vec()),
            _ => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(event: &str, id: Option<&str>, data: &str) -> Message {
        let bytes = |text: &str| text.as_bytes().to_vec();
        Message { event: bytes(event), id: id.map(bytes), data: bytes(data) }
    }

    fn parse<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Message>, TooLong> {
        let (mut parser, mut messages) = (Parser::default(), Vec::new());
        for part in parts {
            parser.push(part, |message| messages.push(message))?;
        }
        Ok(messages)
    }

    /// Holds the result against the same text cut in two at any place, and into single bytes.
    fn check(text: &str, expected: &[Message]) {
        let bytes = text.as_bytes();
        assert_eq!(parse([bytes]).unwrap(), expected, "{text:?}");
        assert_eq!(parse(bytes.chunks(1)).unwrap(), expected, "{text:?} byte by byte");
        for at in 0..=bytes.len() {
            let (one, two) = bytes.split_at(at);
            assert_eq!(parse([one, two]).unwrap(), expected, "{text:?} cut at {at}");
        }
    }

    #[test]
    fn lines_end_in_three_ways_and_are_cut_anywhere() {
        let events = [
            message("heartbeat", Some("00000000000000aa.7"), "{\"time\":1}"),
            message("", None, "x"),
        ];
        let text = "event: heartbeat\nid: 00000000000000aa.7\ndata: {\"time\":1}\n\ndata:x\n\n";
        for ending in ["\n", "\r", "\r\n"] {
            check(&text.replace('\n', ending), &events);
        }
        check("data: a\r\rdata: b\n\r\n", &[message("", None, "a"), message("", None, "b")]);
    }

    #[test]
    fn what_an_event_is_made_of() {
        for (text, expected) in [
            // Several lines of data.
            ("data: a\ndata\ndata:  b\n\n", vec![message("", None, "a\n\n b")]),
            // Comments, unknown fields and `retry` say nothing.
            (
                ": hello\n:\nretry: 1\nwhat: x\ndata: a\n: in between\n\n",
                vec![message("", None, "a")],
            ),
            // No data, no event; and what it said is not handed on.
            ("event: changes\nid: 5\n\ndata: a\n\n", vec![message("", None, "a")]),
            ("data\n\n", vec![message("", None, "")]),
            // Not ended by an empty line.
            ("data: a\n", vec![]),
            // The last one counts; an id with a NUL does not.
            ("event: x\nevent: y\nid: 1\nid: 2\0\ndata: a\n\n", vec![message("y", Some("1"), "a")]),
            // A byte order mark is no part of the first line, and of every other.
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![message("", None, "a")]),
            ("data:a:b\n\n", vec![message("", None, "a:b")]),
        ] {
            check(text, &expected);
        }
    }

    #[test]
    fn what_would_take_too_much_memory_is_refused() {
        let long = |length| format!("data: {}\n\n", "x".repeat(length));
        assert_eq!(parse([long(LIMIT - 1).as_bytes()]).unwrap()[0].data.len(), LIMIT - 1);
        assert_eq!(parse([long(LIMIT).as_bytes()]), Err(TooLong));
        // A line that never ends, in small pieces, and many short ones.
        let again = |part: &'static [u8]| parse(std::iter::repeat_n(part, 100_000));
        assert_eq!(again(b"0123456789a"), Err(TooLong));
        assert_eq!(again(b"data: 0123456789\n"), Err(TooLong));
        assert_eq!(again(b": 0123456789\n"), Ok(Vec::new()));
    }
}
