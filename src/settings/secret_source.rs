//! A secret, written inline or in a file of its own.

use std::path::PathBuf;

use super::files::Readers;
use super::mistake::Mistake;
use super::report::Report;
use super::shape::{Refusal, Shape as _, text};
use super::value::{Kind, Node, Value};
use super::{Secret, Source, Warning};

/// A secret and where it was found.
pub(super) struct SecretSource {
    pub(super) secret: Secret,
    pub(super) source: Source,
}

/// What is wrong with which key, and where that stands.
type Refused = (Source, &'static str, Mistake);

/// Takes whichever form is set. Both is an error even across file and environment: one of them
/// would be a secret that somebody believes to be in use.
pub(super) fn read(
    report: &mut Report<'_>,
    [key, file_key]: [&'static str; 2],
    inline: Option<Node>,
    file: Option<Node>,
) -> Result<Option<SecretSource>, Refused> {
    match (inline, file) {
        (None, None) => Ok(None),
        (Some(inline), None) => read_inline(report, key, inline).map(Some),
        (None, Some(file)) => read_file(report, file_key, file).map(Some),
        (Some(inline), Some(file)) => {
            let mistake = Mistake::BothForms { other_key: key, other: inline.source };
            Err((file.source, file_key, mistake))
        }
    }
}

fn read_inline(
    report: &mut Report<'_>,
    key: &'static str,
    Node { value, source }: Node,
) -> Result<SecretSource, Refused> {
    match value.read_as(Kind::Text, &source) {
        Value::Text(secret) if secret.is_empty() => Err((source, key, Mistake::EmptySecret)),
        Value::Text(secret) => {
            if let (Source::File { path, .. }, Readers::Everybody) =
                (&source, report.config_readers)
            {
                report.warn(Warning::EverybodyReads { path: path.to_path_buf() });
            }
            Ok(SecretSource { secret: Secret::new(secret.into_bytes()), source })
        }
        other => {
            let found = other.type_name().into();
            let expected = "the secret in double quotes, or its file as the _file form".into();
            Err((source, key, Mistake::Expected { found, expected }))
        }
    }
}

fn read_file(
    report: &mut Report<'_>,
    key: &'static str,
    Node { value, source }: Node,
) -> Result<SecretSource, Refused> {
    let shape = text::<PathBuf>();
    let value = value.read_as(Kind::Text, &source);
    let path = match shape.parse(&value) {
        Ok(path) => path,
        Err(Refusal::For(mistake)) => return Err((source, key, mistake)),
        Err(Refusal::Unfit) => {
            let (found, expected) = (value.type_name().into(), shape.expected());
            return Err((source, key, Mistake::Expected { found, expected }));
        }
    };
    let shown = path.display().to_string();
    match report.read_secret(&path) {
        Err(error) => {
            let mistake = Mistake::FileUnreadable { path: shown, kind: error.kind() };
            Err((source, key, mistake))
        }
        Ok(bytes) => match without_line_end(&bytes) {
            [] => Err((source, key, Mistake::SecretFileEmpty { path: shown })),
            secret => {
                let secret = Secret::new(secret);
                Ok(SecretSource { secret, source: Source::SecretFile(path) })
            }
        },
    }
}

/// Editors and `echo` end a file with a line end that is no part of the secret.
fn without_line_end(bytes: &[u8]) -> &[u8] {
    let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    bytes.strip_suffix(b"\r").unwrap_or(bytes)
}
