//! A family of vectors and its file.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::forge::NOW;

pub(crate) struct Family {
    name: &'static str,
    vectors: Vec<Value>,
}

/// One vector on its way into a family.
pub(crate) struct Vector<'f> {
    family: &'f mut Family,
    at: usize,
}

impl Family {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, vectors: Vec::new() }
    }

    /// `expect` decides whether the name starts with `accept_` or `reject_`.
    pub(crate) fn add(
        &mut self,
        name: &str,
        norms: &[&str],
        expect: &str,
        token: String,
    ) -> Vector<'_> {
        let verdict = if expect.starts_with("valid_") { "accept" } else { "reject" };
        let name = format!("{verdict}_{name}");
        let mut vector = json!({ "name": name, "norms": norms, "expect": expect });
        vector["token"] = Value::String(token);
        self.vectors.push(vector);
        let at = self.vectors.len() - 1;
        Vector { family: self, at }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.vectors.iter().any(|vector| vector["name"] == name)
    }

    pub(crate) fn write(&self) -> usize {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
        let document = json!({ "family": self.name, "now": NOW, "vectors": self.vectors });
        let text = serde_json::to_string_pretty(&document).unwrap();
        fs::write(directory.join(format!("{}.json", self.name)), text + "\n").unwrap();
        self.vectors.len()
    }
}

impl Vector<'_> {
    /// The provider settings that differ from the default.
    pub(crate) fn provider(self, settings: &Value) -> Self {
        self.set("provider", settings.clone())
    }

    pub(crate) fn same_identity_as(self, name: &str) -> Self {
        self.set("same_identity_as", name.into())
    }

    fn set(self, member: &str, value: Value) -> Self {
        let vector: &mut Map<_, _> = self.family.vectors[self.at].as_object_mut().unwrap();
        vector.insert(member.to_owned(), value);
        self
    }
}
