use std::collections::BTreeSet;

use headwater::{field, folded, normalize};
use headwater_dynamodb::At;
use headwater_lambda::deployment::{EVENTS_TABLE, Role, Statement};
use headwater_lambda::{Answer, Call, Function, List, Page, Problem, Request, Shape};
use identity::user_row::{USERS, USERS_BY_EMAIL, USERS_BY_NAME, search_index};
use identity::{AuditEntry, DOMAIN, PROJECTIONS, User, UserRow, audit, user};

use super::view::{REPRESENTATION, UserView};

/// `GET /identity/users/{id}`
pub(crate) fn get_user() -> Function {
    Function::http(
        Call::entity::<UserView>("identity-get-user", "/identity/users/{id}", "Read a user."),
        |app, request| async move {
            let stream = user::stream(request.tenant(), request.path("id"))?;
            let (version, row) = app
                .row::<UserRow>(&request, &stream)
                .await?
                .ok_or_else(|| Problem::not_found("such user"))?;
            Answer::entity(
                &request,
                &stream,
                version,
                app.rendering::<UserRow>(&request, REPRESENTATION).await?,
                &UserView::new(&stream, version, row),
            )
        },
    )
}

/// `GET /identity/users`, all or found, in order of user name: `?userName=` and `?email=` find the
/// one that has it, `?q=` all with words that begin so.
pub(crate) fn find_users() -> Function {
    let call = Call::list::<UserView>(
        "identity-find-users",
        "/identity/users",
        "List users in order of user name, or find them.",
    )
    .param("userName", Shape::text(), "The user name, without regard to case.")
    .param("email", Shape::text(), "The email, without regard to case.")
    .param(
        "q",
        Shape::text(),
        "Words, each of which begins a word of the names or the email; case and accents do not \
         count.",
    );
    Function::http(call, |app, request| async move {
        let Search { index, shown } = Search::of(&request)?;
        let places = shown.places();
        let (exact_order, otherwise) = match &places[..] {
            [] => (None, &[][..]),
            [(_, first), others @ ..] => (Some(*first), others),
        };
        let list = List {
            exact_order,
            otherwise,
            keep: Some(&|user| shown.contains(user)),
            ..List::new(DOMAIN, &PROJECTIONS, &index)
        };
        app.list(&request, list, UserView::new).await
    })
}

/// Which list is read, and which of its users are shown.
struct Search {
    index: String,
    shown: Shown,
}

/// Which users are shown. Emails are normalized.
enum Shown {
    All,
    WithUserName { normalized: String, folded: String },
    WithEmail(String),
    WithWords(BTreeSet<String>),
}

impl Search {
    fn of(request: &Request) -> Result<Self, Problem> {
        let users = |shown| Self { index: USERS.to_owned(), shown };
        match (request.query("userName"), request.query("email"), request.query("q")) {
            (None, None, None) => Ok(users(Shown::All)),
            (Some(name), None, None) => {
                Ok(users(Shown::WithUserName { normalized: normalize(name), folded: folded(name) }))
            }
            (None, Some(email), None) => Ok(Self {
                index: USERS_BY_EMAIL.to_owned(),
                shown: Shown::WithEmail(normalize(&field::ascii_email(email))),
            }),
            (None, None, Some(query)) => Ok(match search_index(query) {
                Some((index, words)) => Self { index, shown: Shown::WithWords(words) },
                // Without a letter or digit nothing is looked for.
                None => users(Shown::All),
            }),
            _ => Err(Problem::invalid([(
                "/query".to_owned(),
                "one of userName, email and q at a time".to_owned(),
            )])),
        }
    }
}

impl Shown {
    /// The lists, and the places in them, where they may stand, the likeliest first; none if they
    /// stand all over the list.
    fn places(&self) -> Vec<(&str, &str)> {
        match self {
            Self::WithEmail(order) => vec![(USERS_BY_EMAIL, order)],
            // A name with characters that nobody sees is asked for as it was written, most likely.
            Self::WithUserName { normalized, folded } => {
                let as_written = (folded != normalized).then_some((USERS, folded.as_str()));
                as_written
                    .into_iter()
                    .chain([(USERS, normalized.as_str()), (USERS_BY_NAME, normalized)])
                    .collect()
            }
            Self::All | Self::WithWords(_) => Vec::new(),
        }
    }

    /// Whether a user is one of them. A list keeps only the beginning of a very long name, so the
    /// place alone does not tell.
    fn contains(&self, user: &UserRow) -> bool {
        match self {
            Self::All => true,
            Self::WithUserName { normalized, .. } => normalize(&user.user_name) == *normalized,
            Self::WithEmail(email) => normalize(&user.email) == *email,
            Self::WithWords(words) => user.matches(words),
        }
    }
}

/// `GET /identity/users/{id}/audit`, newest first, straight from the events.
pub(crate) fn user_audit() -> Function {
    let call = Call::list::<AuditEntry>(
        "identity-user-audit",
        "/identity/users/{id}/audit",
        "Who changed what, when, from what to what.",
    );
    Function::http(call.operator(), |app, request| async move {
        let stream = user::stream(request.tenant(), request.path("id"))?;
        let (store, limit, cursor) =
            (app.store(&request)?, request.limit()?, request.cursor()?.number()?);
        let before = cursor.unwrap_or(u64::MAX);
        // A commit has at least one event, so as many commits as entries are wanted will do.
        let commits =
            store.commits_before(&stream, before, u32::try_from(limit).unwrap_or(u32::MAX)).await?;
        let Some(first) = commits.first().map(|commit| commit.first) else {
            let is_there = cursor.is_some() && store.head(&stream).await? > 0;
            return if is_there {
                Answer::page(&request, None, Page::of(Vec::<(String, AuditEntry)>::new(), None)?)
            } else {
                Err(Problem::not_found("such user"))
            };
        };
        let user = if first == 1 {
            User::default()
        } else {
            store.load_at::<User>(&stream, At::Version(first - 1)).await?.state
        };
        let entries =
            audit(user, &commits)?.into_iter().rev().filter(|entry| entry.version < before);
        let items: Vec<_> =
            entries.take(limit).map(|entry| (entry.version.to_string(), entry)).collect();
        // Events are numbered from 1, each is an entry.
        let next =
            items.last().filter(|(_, last)| last.version > 1).map(|(place, _)| place.clone());
        Answer::page(&request, None, Page::of(items, next)?)
    })
    .role(&AUDIT)
}

static AUDIT: Role = Role {
    name: "Audit",
    variables: &[EVENTS_TABLE],
    statements: &[Statement {
        actions: &["dynamodb:Query", "dynamodb:GetItem"],
        resources: &["!GetAtt EventsTable.Arn"],
    }],
};
