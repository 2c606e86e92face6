//! The environment as a layer over the file.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

use super::mistake::Mistake;
use super::report::Report;
use super::value::{Node, Table, Value};
use super::{Problem, SettingsError, Source};

/// Variables of the command line and of logging, not settings.
const RESERVED: [&str; 4] =
    ["SIGNOUT_API_KEY_FILE", "SIGNOUT_CONFIG", "SIGNOUT_LOG", "SIGNOUT_URL"];
/// What all variables begin with.
pub(super) const PREFIX: &str = "SIGNOUT_";
/// Sections that occur several times; the second part of a variable says which one is meant.
const ELEMENTS: [&str; 2] = ["provider", "api_key"];

/// Variables that begin with `SIGNOUT_`. `Debug` shows their names only: a value may be a secret.
#[derive(Clone, Default)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// The environment of this process, for the outermost function only.
    ///
    /// # Errors
    ///
    /// If the value of one of these variables is not UTF-8.
    pub fn of_process() -> Result<Self, SettingsError> {
        Self::from_os(std::env::vars_os())
    }

    fn from_os(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let (mut all, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, value) in variables {
            let Some(name) = name.into_string().ok().filter(|name| name.starts_with(PREFIX)) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => drop(all.insert(name, value)),
                Err(_) => problems.push(Problem {
                    source: Source::Environment(name.into()),
                    key: String::new(),
                    mistake: Mistake::NotUnicode,
                }),
            }
        }
        if problems.is_empty() { Ok(Self(all)) } else { Err(SettingsError::new(problems)) }
    }

    /// A variable, if it is set and not empty.
    pub(super) fn get(&self, variable: &str) -> Option<&str> {
        self.0.get(variable).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Variables that name no section, without the prefix. What another program put there is left
    /// alone.
    pub(super) fn strays(&self) -> impl Iterator<Item = &str> {
        self.0
            .iter()
            .filter(|(name, value)| {
                !name.contains("__") && !RESERVED.contains(&name.as_str()) && !is_link(name, value)
            })
            .filter_map(|(name, _)| name.strip_prefix(PREFIX))
    }

    /// Puts the variables over what the file says.
    pub(super) fn overlay(&self, root: &mut Table, report: &mut Report<'_>) {
        let mut variables: Vec<_> =
            self.0.iter().filter_map(|(name, value)| Variable::parse(name, value)).collect();
        // New elements come in the order of their numbers, and are there before they are named.
        variables.sort_by_key(|variable| variable.index().unwrap_or(usize::MAX));
        for variable in variables {
            let name = variable.name;
            if let Err(mistake) = variable.place(root) {
                report.refuse(Source::Environment(name.into()), "", mistake);
            }
        }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(variables: I) -> Self {
        Self(variables.into_iter().filter(|(name, _)| name.starts_with(PREFIX)).collect())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Kubernetes describes every service of a namespace to every pod, so a service that is called
/// `signout`, or `signout-redis`, sets variables that look like ours.
fn is_link(name: &str, value: &str) -> bool {
    let address = ["tcp://", "udp://", "sctp://"].iter().any(|scheme| value.starts_with(scheme));
    let protocol = ["_TCP", "_UDP", "_SCTP"].iter().any(|protocol| name.contains(protocol));
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.contains("_PORT") && (address || protocol)
}

/// `SIGNOUT_PROVIDER__0__ISSUER`, taken apart.
struct Variable<'e> {
    name: &'e str,
    value: &'e str,
    /// In lower case; at least two parts.
    path: Vec<String>,
}

impl<'e> Variable<'e> {
    fn parse(name: &'e str, value: &'e str) -> Option<Self> {
        let path = name.strip_prefix(PREFIX)?;
        path.contains("__").then(|| Self {
            name,
            value,
            path: path.split("__").map(str::to_lowercase).collect(),
        })
    }

    fn index(&self) -> Option<usize> {
        self.path.get(1)?.parse().ok()
    }

    fn place(self, root: &mut Table) -> Result<(), Mistake> {
        let source = Source::Environment(self.name.into());
        let path: Vec<&str> = self.path.iter().map(String::as_str).collect();
        let leaf = Node { value: Value::Untyped(self.value.into()), source: source.clone() };
        match path.as_slice() {
            [section, element, keys @ ..] if ELEMENTS.contains(section) => {
                let section = ELEMENTS.into_iter().find(|known| known == section).unwrap_or("");
                let list = root.entry(section.into()).or_insert_with(|| Node {
                    value: Value::List(Vec::new()),
                    source: source.clone(),
                });
                // What is no list of tables in the file is refused where sections are read.
                let Value::List(nodes) = &mut list.value else { return Ok(()) };
                match &mut select(nodes, section, element, keys, &source)?.value {
                    Value::Table(table) => insert(table, keys, leaf),
                    _ => Ok(()),
                }
            }
            keys => insert(root, keys, leaf),
        }
    }
}

/// The element that a variable means. A number that is one more than there are makes a new one.
fn select<'n>(
    nodes: &'n mut Vec<Node>,
    section: &'static str,
    element: &str,
    keys: &[&str],
    source: &Source,
) -> Result<&'n mut Node, Mistake> {
    let example = |index: usize| {
        let key = keys.join("__");
        let key = if key.is_empty() { "name" } else { &key };
        format!("{PREFIX}{section}__{index}__{key}").to_uppercase()
    };
    let no_element =
        || Mistake::NoElement { section, element: element.into(), example: example(0) };
    let count = nodes.len();
    let index = if keys.is_empty() {
        return Err(no_element());
    } else if let Ok(index) = element.parse::<usize>() {
        if index == count {
            nodes.push(Node { value: Value::Table(Table::new()), source: source.clone() });
        }
        index
    } else {
        let mut named = (0..).zip(nodes.iter()).filter(|(_, node)| is_called(node, element));
        match (named.next(), named.next()) {
            (Some((index, _)), None) => index,
            (Some((index, _)), Some(_)) => {
                let example = example(index);
                return Err(Mistake::AmbiguousElement {
                    element: element.into(),
                    section,
                    example,
                });
            }
            (None, _) => return Err(no_element()),
        }
    };
    nodes.get_mut(index).ok_or(Mistake::IndexGap { section, index, count })
}

/// Variables have no `-` and no lower case, so these are not told apart.
fn is_called(node: &Node, element: &str) -> bool {
    let Value::Table(table) = &node.value else { return false };
    match table.get("name").map(|name| &name.value) {
        Some(Value::Text(name) | Value::Untyped(name)) => {
            name.replace('-', "_") == element.replace('-', "_")
        }
        _ => false,
    }
}

/// Refuses a variable that goes on below a plain value.
fn insert(table: &mut Table, keys: &[&str], leaf: Node) -> Result<(), Mistake> {
    match keys {
        [] => {}
        [key] => drop(table.insert((*key).into(), leaf)),
        [key, rest @ ..] => {
            let source = leaf.source.clone();
            let empty = || Node { value: Value::Table(Table::new()), source };
            match &mut table.entry((*key).into()).or_insert_with(empty).value {
                Value::Table(table) => insert(table, rest, leaf)?,
                _ => return Err(Mistake::NoSetting { nearest: None }),
            }
        }
    }
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[test]
    fn only_its_own_variables_have_to_be_utf8() {
        let latin1 = || OsString::from_vec(b"\xe4".into());
        let check = |name: OsString| Environment::from_os([(name, latin1())]);
        assert!(check("LESSCHARSET".into()).is_ok());
        assert!(check(latin1()).is_ok());
        assert_eq!(
            check("SIGNOUT_API_KEY__0__KEY".into()).unwrap_err().to_string(),
            "SIGNOUT_API_KEY__0__KEY: the value is not UTF-8: \
             use the variable's _FILE form for a secret, or encode it"
        );
    }
}
