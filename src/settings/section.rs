//! Reading the keys of one section.
//!
//! A key exists because something asks for it here: that one call makes it known, gives it its
//! default and its bounds, and writes the line that `check-config` prints. What nobody asked for
//! is unknown.

use std::path::Path;

use super::effective::{Row, Shown};
use super::mistake::Mistake;
use super::nearest::nearest;
use super::report::{Report, Reported};
use super::secret_source::{self, SecretSource};
use super::shape::{Privacy, Refusal, Shape};
use super::unserved;
use super::value::{Node, Table, Value};
use super::{Secret, Source, Warning};

/// A section that is being read.
pub(super) struct Section<'a, 'f> {
    /// As errors name it, `provider.home`; empty for the whole file.
    title: String,
    /// Without the name of an element, `provider`.
    kind: &'static str,
    /// Environment variables of its keys begin with this.
    prefix: String,
    source: Source,
    table: Table,
    known: Vec<&'static str>,
    /// Of the keys that were read.
    sources: Vec<(&'static str, Source)>,
    report: &'a mut Report<'f>,
}

/// What holds if nobody set a key.
pub(super) struct Fallback(Node);

impl Fallback {
    pub(super) fn new(value: impl Into<Value>, source: Source) -> Self {
        Self(Node { value: value.into(), source })
    }
}

impl<V: Into<Value>> From<V> for Fallback {
    fn from(value: V) -> Self {
        Self::new(value, Source::Default)
    }
}

impl<'f> Section<'_, 'f> {
    /// The whole configuration, whose keys are sections.
    pub(super) fn root<'a>(
        table: Table,
        source: Source,
        report: &'a mut Report<'f>,
    ) -> Section<'a, 'f> {
        Section {
            title: String::new(),
            kind: "",
            prefix: "SIGNOUT_".into(),
            source,
            table,
            known: Vec::new(),
            sources: Vec::new(),
            report,
        }
    }

    /// Reads `[key]`, which may be absent.
    pub(super) fn section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, 'f>) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        let node = self.take(key).unwrap_or_else(|| self.empty());
        let prefix = format!("{}__", self.variable(key));
        self.child(key, key.into(), prefix, node, read)
    }

    /// Reads `[key]` if it is there: its absence means something.
    pub(super) fn optional_section<T>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&mut Section<'_, 'f>) -> Result<T, Reported>,
    ) -> Result<Option<T>, Reported> {
        let Some(node) = self.take(key) else { return Ok(None) };
        let prefix = format!("{}__", self.variable(key));
        self.child(key, self.dotted(key), prefix, node, read).map(Some)
    }

    /// Reads each `[[key]]`; there may be none. Every one is read, whatever is wrong with another.
    pub(super) fn each<T>(
        &mut self,
        key: &'static str,
        mut read: impl FnMut(&mut Section<'_, 'f>) -> Result<T, Reported>,
    ) -> Result<Vec<T>, Reported> {
        let nodes = match self.take(key) {
            None => Vec::new(),
            Some(Node { value: Value::List(nodes), .. }) => nodes,
            Some(Node { value, source }) => {
                let mistake = Mistake::Expected {
                    found: value.type_name().into(),
                    expected: format!("[[{key}]] in double brackets, once for each"),
                };
                return Err(self.report.refuse(source, key, mistake));
            }
        };
        let read_one = |(i, node): (usize, Node)| {
            let title = format!("{key}.{}", element_name(&node).unwrap_or_else(|| i.to_string()));
            let prefix = format!("SIGNOUT_{}__{i}__", key.to_uppercase());
            self.child(key, title, prefix, node, &mut read)
        };
        let all: Vec<_> = nodes.into_iter().enumerate().map(read_one).collect();
        all.into_iter().collect()
    }

    fn child<T>(
        &mut self,
        kind: &'static str,
        title: String,
        prefix: String,
        node: Node,
        read: impl FnOnce(&mut Section<'_, 'f>) -> Result<T, Reported>,
    ) -> Result<T, Reported> {
        let Node { value, source } = node;
        let Value::Table(table) = value else {
            let found = value.type_name().into();
            let header = [self.kind, kind].join(".");
            let header = header.trim_start_matches('.');
            let expected = format!("a section, [{header}], with keys below it");
            return Err(self.report.refuse(source, title, Mistake::Expected { found, expected }));
        };
        let report = &mut *self.report;
        let (known, sources) = (Vec::new(), Vec::new());
        let mut child = Section { title, kind, prefix, source, table, known, sources, report };
        let result = read(&mut child);
        child.finish();
        result
    }

    /// A key with a default.
    pub(super) fn or<S: Shape>(
        &mut self,
        key: &'static str,
        fallback: impl Into<Fallback>,
        shape: &S,
    ) -> Result<S::Output, Reported> {
        let node = self.take(key).unwrap_or_else(|| fallback.into().0);
        self.parse(key, node, shape)
    }

    /// A key that may be absent.
    pub(super) fn optional<S: Shape>(
        &mut self,
        key: &'static str,
        shape: &S,
    ) -> Result<Option<S::Output>, Reported> {
        if let Some(node) = self.take(key) {
            return self.parse(key, node, shape).map(Some);
        }
        self.show(key, Shown::Unset, Source::Default);
        Ok(None)
    }

    /// A key that must be set.
    pub(super) fn required<S: Shape>(
        &mut self,
        key: &'static str,
        shape: &S,
    ) -> Result<S::Output, Reported> {
        if let Some(node) = self.take(key) {
            return self.parse(key, node, shape);
        }
        let (variable, expected) = (self.variable(key), shape.expected());
        Err(self.refuse(key, Mistake::Missing { variable, expected }))
    }

    /// A secret: inline as `key`, or in the file that `file_key` names.
    pub(super) fn secret(
        &mut self,
        key: &'static str,
        file_key: &'static str,
    ) -> Result<Option<Secret>, Reported> {
        let (inline, file) = (self.take(key), self.take(file_key));
        let report = &mut *self.report;
        match secret_source::read(report, [key, file_key], inline, file) {
            Ok(Some(SecretSource { secret, source })) => {
                self.show(key, Shown::Masked, source);
                Ok(Some(secret))
            }
            Ok(None) => {
                self.show(key, Shown::Unset, Source::Default);
                Ok(None)
            }
            Err((source, key, mistake)) => {
                let key = self.dotted(key);
                Err(self.report.refuse(source, key, mistake))
            }
        }
    }

    /// Warns if everybody can read a file that another room will read. Whether it can be read at
    /// all is for that room to say.
    pub(super) fn guard(&mut self, path: &Path) {
        let _ = self.report.read_secret(path);
    }

    /// Records a mistake that only shows when several keys are seen together.
    pub(super) fn refuse(&mut self, key: &'static str, mistake: Mistake) -> Reported {
        let source = self.source_of(key);
        let key = self.dotted(key);
        self.report.refuse(source, key, mistake)
    }

    pub(super) fn warn(&mut self, warning: Warning) {
        self.report.warn(warning);
    }

    /// Where a key that was read comes from; the section itself if nobody set it.
    pub(super) fn source_of(&self, key: &str) -> Source {
        let source = self.sources.iter().find(|(read, _)| *read == key).map(|(_, source)| source);
        match source {
            None | Some(Source::Default | Source::Profile(_)) => self.source.clone(),
            Some(set) => set.clone(),
        }
    }

    /// Refuses what nobody asked for.
    pub(super) fn finish(self) {
        for (key, node) in &self.table {
            let mistake = match unserved::advice(self.kind, key) {
                Some(advice) => Mistake::NotServed { advice },
                None => Mistake::UnknownKey {
                    nearest: nearest(key, self.known.iter().copied()),
                    known: self.known.clone(),
                },
            };
            self.report.refuse(node.source.clone(), self.dotted(key), mistake);
        }
    }

    fn take(&mut self, key: &'static str) -> Option<Node> {
        self.known.push(key);
        if !self.title.is_empty() {
            self.report.variables.push(self.variable(key));
        }
        self.table.remove(key)
    }

    fn parse<S: Shape>(
        &mut self,
        key: &'static str,
        node: Node,
        shape: &S,
    ) -> Result<S::Output, Reported> {
        let Node { value, source } = node;
        let value = value.read_as(S::KIND, &source);
        let (shown, found) = match shape.privacy() {
            Privacy::Mask => (Shown::Masked, value.type_name().into()),
            Privacy::Open => (Shown::from(&value), value.describe()),
        };
        self.show(key, shown, source);
        shape.parse(&value).map_err(|refusal| match refusal {
            Refusal::For(mistake) => self.refuse(key, mistake),
            Refusal::Unfit => {
                self.refuse(key, Mistake::Expected { found, expected: shape.expected() })
            }
        })
    }

    fn show(&mut self, key: &'static str, value: Shown, source: Source) {
        self.sources.push((key, source.clone()));
        let section = self.title.clone();
        self.report.effective.push(Row { section, key, value, source });
    }

    fn empty(&self) -> Node {
        Node { value: Value::Table(Table::new()), source: self.source.clone() }
    }

    fn variable(&self, key: &str) -> String {
        format!("{}{}", self.prefix, key.to_uppercase())
    }

    fn dotted(&self, key: &str) -> String {
        if self.title.is_empty() { key.into() } else { format!("{}.{key}", self.title) }
    }
}

/// The name that an element was given, if it reads well in errors.
fn element_name(node: &Node) -> Option<String> {
    let Value::Table(table) = &node.value else { return None };
    match &table.get("name")?.value {
        Value::Text(name) | Value::Untyped(name) if super::name::is_name(name) => {
            Some(name.clone())
        }
        _ => None,
    }
}
