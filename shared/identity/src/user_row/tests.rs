use headwater::{Commit, Row, apply_commits};
use headwater_testkit::commits;
use proptest::prelude::*;

use super::*;

fn stream() -> StreamName {
    user::stream("acme", "42").unwrap()
}

fn created(user_name: &str, display_name: &str, email: &str) -> Vec<UserEvent> {
    vec![
        UserEvent::UserCreated {},
        UserEvent::UserNameSet { user_name: user_name.into() },
        UserEvent::DisplayNameSet { display_name: display_name.into() },
        UserEvent::EmailSet { email: email.into() },
    ]
}

fn ada() -> Vec<UserEvent> {
    created("Ada", "Ada Lovelace", "ada@ex.org")
}

/// The row after these commits, when each was, and in which indexes it stands.
fn fold(events: Vec<Vec<UserEvent>>) -> (UserRow, Vec<Timestamp>, BTreeSet<IndexKey>) {
    let commits = commits(&stream(), events);
    let applied = apply_commits::<UserRow>(&stream(), &Row::default(), &commits).unwrap();
    (
        applied.row.read().unwrap(),
        commits.iter().map(|commit: &Commit| commit.at).collect(),
        applied.keys,
    )
}

fn indexes(keys: &BTreeSet<IndexKey>) -> Vec<&str> {
    keys.iter().map(|key| key.index.as_str()).collect()
}

#[test]
fn a_row_shows_the_user() {
    let (row, at, _) = fold(vec![ada(), vec![UserEvent::UserDeactivated {}]]);
    let expected = UserRow {
        status: UserStatus::Inactive,
        user_name: "Ada".to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        email: "ada@ex.org".to_owned(),
        created_at: at[0],
        updated_at: at[1],
        external: None,
    };
    assert_eq!(row, expected);
    assert!(!row.is_active());
    assert!(
        fold(vec![ada(), vec![UserEvent::UserDeactivated {}], vec![UserEvent::UserReactivated {}]])
            .0
            .is_active()
    );
    assert_eq!(serde_json::to_value(&row).unwrap()["createdAt"], "2026-01-01T00:00:01Z");
}

#[test]
fn a_row_stands_in_lists_and_under_the_beginnings_of_its_words() {
    let (_, _, keys) = fold(vec![ada()]);
    let by_word = [
        "users-by-word/ad",
        "users-by-word/ex",
        "users-by-word/lo",
        "users-by-word/love",
        "users-by-word/or",
    ];
    assert_eq!(indexes(&keys), [&["users", "users-by-email"], by_word.as_slice()].concat());
    let sort = |index: &str| keys.iter().find(|key| key.index == index).unwrap().sort.as_str();
    assert_eq!(
        (sort("users"), sort("users-by-email"), sort("users-by-word/ad")),
        ("ada\u{0}42", "ada@ex.org\u{0}42", "ada\u{0}42")
    );
}

#[test]
fn of_a_deleted_or_erased_user_only_status_and_times_are_kept() {
    for (last, status) in [
        (UserEvent::UserDeleted {}, UserStatus::Deleted),
        (UserEvent::UserErased {}, UserStatus::Erased),
    ] {
        let (row, at, keys) = fold(vec![ada(), vec![last]]);
        let expected =
            UserRow { status, created_at: at[0], updated_at: at[1], ..UserRow::default() };
        assert_eq!(row, expected);
        assert!(row.is_deleted());
        assert!(keys.is_empty());
    }
}

#[test]
fn a_parked_update_makes_no_user_and_is_shown_where_there_is_one() {
    let parked = UserEvent::ExternalUpdateParked {
        external_id: "7".to_owned(),
        revision: 6,
        reason: "email-taken".to_owned(),
        update: user::ParkedUpdate {
            user_name: "eve".into(),
            display_name: "Eve".into(),
            email: "e@e".into(),
            active: true,
        },
    };
    let revision_set =
        |revision| UserEvent::ExternalRevisionSet { external_id: "7".to_owned(), revision };
    let external = |events: Vec<UserEvent>| fold(vec![ada(), events]).0.external.unwrap();

    let (row, _, keys) = fold(vec![vec![parked.clone()]]);
    let waiting =
        IndexKey { index: "*waiting".to_owned(), sort: "acme\0identity/users/42".to_owned() };
    assert_eq!(
        (row.is_deleted(), keys),
        (true, BTreeSet::from([waiting.clone()])),
        "it waits, although there is no user"
    );
    assert_eq!(fold(vec![vec![parked.clone()], vec![revision_set(6)]]).2, BTreeSet::new());
    assert!(fold(vec![ada(), vec![parked.clone()]]).2.contains(&waiting));
    let at = fold(vec![ada(), vec![parked.clone()]]).1[1];
    let shown = external(vec![revision_set(5), parked.clone()]);
    let parked_state = Some(ParkedState { revision: 6, reason: "email-taken".to_owned(), at });
    assert_eq!(
        shown,
        ExternalState {
            external_id: "7".to_owned(),
            revision: Some(5),
            parked: parked_state.clone()
        }
    );
    assert_eq!(external(vec![parked.clone(), revision_set(6)]).parked, None);
    assert_eq!(external(vec![parked.clone(), revision_set(5)]).parked, parked_state);
    let (row, at, _) = fold(vec![ada(), vec![parked]]);
    assert_eq!(row.updated_at, at[0], "what is parked changes nothing about the user");
}

#[test]
fn a_search_reads_the_list_of_its_longest_word() {
    let list = |query: &str| search_index(query).map(|(index, _)| index);
    for (query, expected) in [
        ("a", Some("users")),
        ("a b", Some("users")),
        ("ad", Some("users-by-word/ad")),
        ("Ada", Some("users-by-word/ad")),
        ("LOVE", Some("users-by-word/love")),
        ("lovelace a", Some("users-by-word/love")),
        ("ada LOVELACE", Some("users-by-word/love")),
        ("zoé", Some("users-by-word/zo")),
        ("ÉCOLE", Some("users-by-word/ecol")),
        ("李小", Some("users-by-word/李小")),
        ("", None),
        (" .,@ ", None),
    ] {
        assert_eq!(list(query).as_deref(), expected, "{query:?}");
    }
}

#[test]
fn every_word_of_a_query_begins_a_word_of_the_user() {
    let (row, _, _) = fold(vec![created("zoe.oneil", "Zoë O'Neil-Łukasz", "z@example.com")]);
    for (query, expected) in [
        ("zoe", true),
        ("ZOÉ neil", true),
        ("oneil", true),
        ("exam", true),
        ("z@example.com", true),
        ("łuk o'n", true),
        ("oe", false),
        ("zoe ada", false),
        ("zoex", false),
    ] {
        assert_eq!(row.matches(&search_words(query)), expected, "{query}");
    }
}

proptest! {
    /// A query that is the beginning of any words finds the user: in the list that is read, and by
    /// the filter.
    #[test]
    fn whatever_begins_a_word_is_found(
        user_name in "[a-cß李é]{1,6}",
        display_name in "([a-cÅ-Í]{1,6} ){1,3}[a-c가-힣]{1,3}",
        email in "[a-c]{1,4}@[a-c]{1,4}\\.org",
        picks in prop::collection::vec((any::<prop::sample::Index>(), 1..7_usize), 1..4),
    ) {
        let (row, _, keys) = fold(vec![created(&user_name, &display_name, &email)]);
        let words: Vec<String> = row.words().into_iter().collect();
        let beginning = |(word, length): &(prop::sample::Index, usize)| {
            word.get(&words).chars().take(*length).collect::<String>()
        };
        let query = picks.iter().map(beginning).collect::<Vec<_>>().join(" ");
        let (index, wanted) = search_index(&query).unwrap();
        prop_assert!(keys.iter().any(|key| key.index == index), "{query}: not in {index}");
        prop_assert!(row.matches(&wanted), "{query}: filtered out");
    }
}
