//! A user as queries show it, and the lists and searches in which it stands.

use std::collections::BTreeSet;

use headwater::{IndexKey, Personal, Projection, StreamName, folded, normalize, search_words};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::user::{self, UserEvent, UserStatus};

/// The index of all users, in order of [`folded`] user name.
pub const USERS: &str = "users";

/// The index of those whose [`normalize`]d user name is not their place among [`USERS`], since it
/// has characters that nobody sees.
pub const USERS_BY_NAME: &str = "users-by-name";

/// The index of all users by [`normalize`]d email address.
pub const USERS_BY_EMAIL: &str = "users-by-email";

/// A user as queries show it. Of a deleted or erased one only the status and the times are kept.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UserRow {
    /// Whether there is such a user, and may act.
    pub status: UserStatus,
    /// As the user writes it.
    pub user_name: String,
    /// As the user writes it.
    pub display_name: String,
    /// As the user writes it.
    pub email: String,
    /// When the user was created.
    pub created_at: Timestamp,
    /// When anything of the above last changed.
    pub updated_at: Timestamp,
    /// What the owning system has sent, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external: Option<ExternalState>,
}

/// How far the owning system's data was taken over.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExternalState {
    /// The owning system's id of the user.
    pub external_id: String,
    /// The newest revision that was taken over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// The newest revision that could not be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<ParkedState>,
}

/// A revision that could not be taken over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedState {
    /// The owning system's revision of the user.
    pub revision: u64,
    /// The name of the rule that said no, as `email-taken`.
    pub reason: String,
    /// When it was parked.
    pub at: Timestamp,
}

impl Projection for UserRow {
    type Event = UserEvent;
    const CATEGORY: &'static str = user::CATEGORY;
    const REVISION: u32 = 3;

    fn evolve(&mut self, event: &UserEvent, at: Timestamp) {
        match event {
            UserEvent::UserCreated {} => {
                self.status = UserStatus::Active;
                self.created_at = at;
            }
            UserEvent::UserNameSet { user_name } => self.user_name = shown(user_name),
            UserEvent::DisplayNameSet { display_name } => self.display_name = shown(display_name),
            UserEvent::EmailSet { email } => self.email = shown(email),
            UserEvent::UserDeactivated {} => self.status = UserStatus::Inactive,
            UserEvent::UserReactivated {} => self.status = UserStatus::Active,
            UserEvent::UserDeleted {} => self.leave(UserStatus::Deleted),
            UserEvent::UserErased {} => self.leave(UserStatus::Erased),
            UserEvent::ExternalRevisionSet { external_id, revision } => {
                return self.external(external_id).applied(*revision);
            }
            UserEvent::ExternalUpdateParked { external_id, revision, reason, .. } => {
                return self.external(external_id).park(*revision, reason, at);
            }
        }
        self.updated_at = at;
    }

    /// Also where there is no user yet, only updates that are parked.
    fn is_deleted(&self) -> bool {
        !matches!(self.status, UserStatus::Active | UserStatus::Inactive)
    }

    fn index_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let (order, name, id) = (folded(&self.user_name), normalize(&self.user_name), stream.id());
        let mut keys = BTreeSet::from([
            IndexKey::new(USERS, &order, id),
            IndexKey::new(USERS_BY_EMAIL, &normalize(&self.email), id),
        ]);
        if name != order {
            keys.insert(IndexKey::new(USERS_BY_NAME, &name, id));
        }
        for word in self.words() {
            keys.extend(
                kept_prefixes(&word)
                    .iter()
                    .map(|prefix| IndexKey::new(by_word(prefix), &order, id)),
            );
        }
        keys
    }

    /// Where an update is parked it waits for a person, also if there is no user yet.
    fn lasting_keys(&self, stream: &StreamName) -> BTreeSet<IndexKey> {
        let is_parked = self.external.as_ref().is_some_and(|external| external.parked.is_some());
        if is_parked { BTreeSet::from([IndexKey::waiting(stream)]) } else { BTreeSet::new() }
    }
}

impl UserRow {
    /// Whether the user may act.
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Whether each of the query's words ([`search_words`]) is the beginning of one of the words in
    /// the names or the email.
    pub fn matches(&self, query_words: &BTreeSet<String>) -> bool {
        let words = self.words();
        query_words.iter().all(|wanted| words.iter().any(|word| word.starts_with(wanted)))
    }

    /// Keeps only the status and the times.
    fn leave(&mut self, status: UserStatus) {
        *self = Self { status, created_at: self.created_at, ..Self::default() };
    }

    fn words(&self) -> BTreeSet<String> {
        [&self.user_name, &self.display_name, &self.email]
            .into_iter()
            .flat_map(|text| search_words(text))
            .collect()
    }

    fn external(&mut self, external_id: &str) -> &mut ExternalState {
        let new =
            || ExternalState { external_id: external_id.to_owned(), ..ExternalState::default() };
        self.external.get_or_insert_with(new)
    }
}

/// Empty once it is forgotten: then a later event says so.
fn shown(text: &Personal<String>) -> String {
    text.known().cloned().unwrap_or_default()
}

impl ExternalState {
    fn applied(&mut self, revision: u64) {
        self.revision = Some(revision);
        self.parked.take_if(|parked| parked.revision <= revision);
    }

    fn park(&mut self, revision: u64, reason: &str, at: Timestamp) {
        self.parked = Some(ParkedState { revision, reason: reason.to_owned(), at });
    }
}

/// Which index to read for a search, all of it in order, and the words by which to filter what it
/// holds ([`UserRow::matches`]). A query without any letter or digit finds nothing.
///
/// A row stands in two lists for each of its words, one for the first 2 characters and one for the
/// first 4. Both are ordered by user name; so whatever begins with the query's longest word stands
/// in the list of that word's first 4, or first 2, characters. That list is short for all but the
/// commonest beginnings, and its order is that of the answer. One row for *every* prefix of every
/// word would spare the filtering, and cost a write for each character; lists of 2 and 4 cost some
/// 6–10 writes a user. A query of single letters reads the list of all users, since a share of them
/// would match anyway.
pub fn search_index(query: &str) -> Option<(String, BTreeSet<String>)> {
    let words = search_words(query);
    let longest = words.iter().max_by_key(|word| word.chars().count())?;
    let index =
        kept_prefixes(longest).last().map_or_else(|| USERS.to_owned(), |prefix| by_word(prefix));
    Some((index, words))
}

fn by_word(prefix: &str) -> String {
    format!("users-by-word/{prefix}")
}

/// The beginnings of a word under which it is listed, the longest last.
fn kept_prefixes(word: &str) -> Vec<String> {
    let characters: Vec<char> = word.chars().collect();
    [2, 4]
        .into_iter()
        .filter_map(|length| characters.get(..length))
        .map(String::from_iter)
        .collect()
}

#[cfg(test)]
mod tests;
