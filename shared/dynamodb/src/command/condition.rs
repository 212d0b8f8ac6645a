//! Conditions of a caller on what a command is about.

use headwater::Token;

/// The condition of an `If-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: it exists.
    Exists,
    /// At least one of these tokens describes the present versions. Tags that can describe none, as
    /// those that are weak or are no tokens of ours, are not among them.
    AnyOf(Vec<Token>),
}

/// The condition of an `If-None-Match` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfNoneMatch {
    /// `*`: it does not exist.
    Absent,
    /// None of these is the present tag: the texts between the quotes. The comparison is weak, so
    /// that `W/` is left out.
    NoneOf(Vec<String>),
}

impl IfNoneMatch {
    /// Whether the condition fails for what exists and has this tag.
    pub fn names(&self, present: &str) -> bool {
        match self {
            Self::Absent => true,
            Self::NoneOf(tags) => tags.iter().any(|tag| tag == present),
        }
    }
}
