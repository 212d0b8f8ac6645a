//! Things with histories: of four in a row the second is deleted in the end, and the fourth has
//! moved to another place in its lists.

use anyhow::{Context, Result};
use headwater::{
    Aggregate, Commit, Event, Folded, Metadata, ProjectionFn, Snapshot, StreamName, encode,
};
use identity::{GroupEvent, MembershipEvent, User, UserEvent, group, membership, user};
use invoicing::{CustomerEvent, InvoiceEvent, Status, invoice};
use jiff::Timestamp;
use licensing::{
    CustomerEvent as LicensingEvent, DeviceId, Kind, LicenseId, PlaybackEvent, Session, TitleId,
    playback,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::TENANT;

/// When all of it began: long ago, so that no licence is still in a customer's state.
const BEGAN: i64 = 1_600_000_000;

/// How many invoices are as large as an invoice can be.
const LARGE: usize = 30;

/// A domain's name, its projections, and the commits.
type OfDomain = (&'static str, &'static [ProjectionFn], Vec<Commit>);

/// All commits, by domain.
pub(super) fn all(things: usize) -> Result<Vec<OfDomain>> {
    Ok(vec![
        (identity::DOMAIN, &identity::PROJECTIONS, identity_of(things)?),
        (licensing::DOMAIN, &licensing::PROJECTIONS, licensing_of(things)?),
        (invoicing::DOMAIN, &invoicing::PROJECTIONS, invoicing_of(things)?),
    ])
}

/// How many items some lists have.
pub(super) fn lists(things: usize) -> Vec<(String, usize)> {
    let (deleted, moved) = (
        (0..things).filter(|number| is_deleted(*number)).count(),
        (0..things).filter(|number| has_moved(*number)).count(),
    );
    [
        ("/identity/users", things - deleted + 1),
        ("/identity/users?q=load", things - deleted - moved),
        (&format!("/identity/users?q={}", last(things)), 1),
        ("/identity/groups", things - deleted),
        ("/identity/groups/g0/members", things - deleted - moved),
        ("/identity/users/u0/groups", things - deleted),
        ("/identity/users/audited/audit", things + 4),
        ("/invoicing/invoices", things - deleted + LARGE),
        ("/invoicing/invoices?status=DRAFT", things - deleted - moved + LARGE),
        ("/invoicing/invoices?status=ISSUED", moved),
        ("/invoicing/customers", things),
        ("/licensing/customers/c0/licenses", things),
        ("/licensing/customers/c0/devices", things),
        ("/licensing/customers/c0/downloads", things),
        ("/licensing/customers/c0/events", 4 * things + things / 2),
        ("/events/identity/users/audited", things + 4),
        ("/streams?prefix=identity/groups/g0/members/", things),
        ("/invoicing/changes", things + deleted + moved + LARGE + things + moved + 3),
    ]
    .map(|(path, items)| (path.to_owned(), items))
    .into()
}

/// The name of the last user that was neither deleted nor moved.
pub(super) fn last(things: usize) -> String {
    format!("load{}", (things - 1) / 4 * 4)
}

fn is_deleted(number: usize) -> bool {
    number % 4 == 1
}

fn has_moved(number: usize) -> bool {
    number % 4 == 3
}

fn identity_of(things: usize) -> Result<Vec<Commit>> {
    let mut commits = Vec::new();
    for number in 0..things {
        let mut story = vec![created(&format!("load{number}"))];
        story.extend(is_deleted(number).then(|| vec![UserEvent::UserDeleted {}]));
        story.extend(has_moved(number).then(|| user_moved(number)));
        commits.extend(history(&user::stream(TENANT, format!("u{number}"))?, &story)?);

        let name = format!("group {number}");
        let mut story = vec![vec![GroupEvent::GroupCreated {}, GroupEvent::GroupNameSet { name }]];
        story.extend(is_deleted(number).then(|| vec![GroupEvent::GroupDeleted {}]));
        story.extend(
            has_moved(number)
                .then(|| vec![GroupEvent::GroupNameSet { name: format!("another {number}") }]),
        );
        commits.extend(history(&group::stream(TENANT, format!("g{number}"))?, &story)?);

        let mut story = vec![vec![MembershipEvent::MemberAdded {}]];
        story.extend(has_moved(number).then(|| vec![MembershipEvent::MemberRemoved {}]));
        commits.extend(history(&membership::stream(TENANT, "g0", format!("u{number}"))?, &story)?);
        if number > 0 {
            let story = [vec![MembershipEvent::MemberAdded {}]];
            commits
                .extend(history(&membership::stream(TENANT, format!("g{number}"), "u0")?, &story)?);
        }
    }
    // One user to whom much has happened.
    let step = |number| {
        if number % 2 == 0 { UserEvent::UserDeactivated {} } else { UserEvent::UserReactivated {} }
    };
    let story: Vec<_> = [created("audited")]
        .into_iter()
        .chain((0..things).map(|number| vec![step(number)]))
        .collect();
    commits.extend(with_snapshots::<User>(history(&user::stream(TENANT, "audited")?, &story)?, 8)?);
    let story = [created("forgotten"), vec![UserEvent::UserErased {}]];
    commits.extend(history(&user::stream(TENANT, "forgotten")?, &story)?);
    Ok(commits)
}

fn created(name: &str) -> Vec<UserEvent> {
    vec![
        UserEvent::UserCreated {},
        UserEvent::UserNameSet { user_name: name.into() },
        UserEvent::DisplayNameSet { display_name: name.into() },
        UserEvent::EmailSet { email: format!("{name}@example.com").into() },
    ]
}

fn user_moved(number: usize) -> Vec<UserEvent> {
    let name = format!("moved{number}");
    created(&name).split_off(1)
}

fn licensing_of(things: usize) -> Result<Vec<Commit>> {
    let mut story = Vec::new();
    for number in 0..things {
        let license_id = LicenseId::from(format!("l{number}"));
        let title_id = TitleId::from(format!("t{}", number % 10));
        let device_id = DeviceId::from(format!("d{number}"));
        let acquired = LicensingEvent::LicenseAcquired {
            license_id: license_id.clone(),
            title_id: title_id.clone(),
            studio_id: "s".into(),
            device_id: device_id.clone(),
            expires_at: Timestamp::from_second(BEGAN + 1)?,
            policy_version: 0,
        };
        let downloaded = LicensingEvent::LicenseDownloaded {
            license_id: license_id.clone(),
            title_id,
            device_id: device_id.clone(),
        };
        story.push(vec![acquired, downloaded]);
        story.extend(
            (number % 2 == 1)
                .then(|| vec![LicensingEvent::LicenseReleased { license_id, device_id }]),
        );
    }
    // Years later, so that the state is rid of it all.
    let mut commits = history(&licensing::customer::stream(TENANT, "c0")?, &story)?;
    if let Some(last) = commits.last_mut() {
        last.at = Timestamp::from_second(BEGAN + 5 * 365 * 24 * 3_600)?;
    }
    // Before that the state is as large as no customer's is.
    let mut commits = with_snapshots::<licensing::Customer>(commits, usize::MAX)?;
    for number in 0..things {
        commits.extend(playback_of(number, things)?);
    }
    Ok(commits)
}

/// Each licence was played twice: soon, and again once all others had been played.
fn playback_of(number: usize, things: usize) -> Result<Vec<Commit>> {
    let played = |event_id: &str| {
        let (event_id, at) = (event_id.into(), Timestamp::from_second(BEGAN)?);
        let events = vec![Session { event_id, kind: Kind::Start, at }];
        anyhow::Ok(vec![PlaybackEvent::PlaybackRecorded { events }])
    };
    let stream = playback::stream(TENANT, "c0", format!("l{number}"))?;
    let mut commits = history(&stream, &[played("1")?, played("2")?])?;
    for (round, commit) in commits.iter_mut().enumerate() {
        commit.at = Timestamp::from_second(BEGAN + i64::try_from(round * things + number)?)?;
    }
    Ok(commits)
}

fn invoicing_of(things: usize) -> Result<Vec<Commit>> {
    let story =
        [draft(&[])?, vec![InvoiceEvent::InvoiceDeleted {}, InvoiceEvent::InvoiceErased {}]];
    let mut commits = history(&invoice::stream(TENANT, "forgotten")?, &story)?;
    let story = [vec![CustomerEvent::CustomerCreated {}, CustomerEvent::CustomerErased {}]];
    commits.extend(history(&invoicing::customer::stream(TENANT, "forgotten")?, &story)?);
    for number in 0..things {
        let mut story = vec![draft(&[line(1, "a line")?])?];
        story.extend(is_deleted(number).then(|| vec![InvoiceEvent::InvoiceDeleted {}]));
        let issued = vec![
            InvoiceEvent::InvoiceNumberSet { number: number as u64 },
            InvoiceEvent::InvoiceDueDateSet { due_at: Timestamp::from_second(BEGAN)? },
            InvoiceEvent::InvoiceStatusSet { status: Status::Issued },
        ];
        story.extend(has_moved(number).then_some(issued));
        commits.extend(history(&invoice::stream(TENANT, format!("i{number}"))?, &story)?);

        let (name, email) = (format!("Customer {number}"), format!("k{number}@example.com"));
        let mut story = vec![vec![
            CustomerEvent::CustomerCreated {},
            CustomerEvent::CustomerNameSet { name: name.into() },
            CustomerEvent::CustomerEmailSet { email: email.clone().into() },
        ]];
        story.extend(has_moved(number).then(|| {
            vec![CustomerEvent::CustomerEmailSet { email: format!("moved-{email}").into() }]
        }));
        commits
            .extend(history(&invoicing::customer::stream(TENANT, format!("k{number}"))?, &story)?);
    }
    let lines = (1..=200).map(|n| line(n, &"ß".repeat(500))).collect::<Result<Vec<_>>>()?;
    for number in 0..LARGE {
        commits.extend(history(
            &invoice::stream(TENANT, format!("large{number}"))?,
            &[draft(&lines)?],
        )?);
    }
    Ok(commits)
}

fn draft(lines: &[InvoiceEvent]) -> Result<Vec<InvoiceEvent>> {
    let customer = json!({
        "type": "InvoiceCustomerSet",
        "data": { "id": "k0", "name": "Ada", "email": "ada@example.com" },
    });
    let currency = json!({ "type": "InvoiceCurrencySet", "data": { "currency": "EUR" } });
    let status = InvoiceEvent::InvoiceStatusSet { status: Status::Draft };
    let begin = [InvoiceEvent::InvoiceCreated {}, event(customer)?, event(currency)?, status];
    Ok(begin.into_iter().chain(lines.iter().cloned()).collect())
}

fn line(n: usize, description: &str) -> Result<InvoiceEvent> {
    let line = json!({
        "n": n,
        "description": description,
        "quantity": "1",
        "unitPrice": "1.00",
        "taxRate": "0.19",
    });
    event(json!({ "type": "LineItemAdded", "data": line }))
}

fn event(event: Value) -> Result<InvoiceEvent> {
    serde_json::from_value(event).context("no event of an invoice")
}

/// The commits of a stream: one for each list of events.
fn history<E: Event>(stream: &StreamName, story: &[Vec<E>]) -> Result<Vec<Commit>> {
    let mut first = 1;
    let mut commits = Vec::with_capacity(story.len());
    for events in story {
        let metadata = Metadata {
            commit_id: Uuid::now_v7(),
            command: "Fill".to_owned(),
            actor: "bounds".to_owned(),
            correlation_id: "bounds".to_owned(),
            causation_id: None,
            traceparent: None,
            reason: None,
        };
        let events = (first..)
            .zip(events)
            .map(|(number, event)| encode(number, event))
            .collect::<Result<Vec<_>, _>>()?;
        let at = Timestamp::from_second(BEGAN + i64::try_from(first)?)?;
        let count = events.len() as u64;
        commits.push(Commit {
            stream: stream.clone(),
            first,
            at,
            metadata,
            events,
            snapshot: None,
        });
        first += count;
    }
    Ok(commits)
}

/// One commit in so many with its state, and the last, as the store would have put them.
fn with_snapshots<A: Aggregate>(mut commits: Vec<Commit>, every: usize) -> Result<Vec<Commit>> {
    let mut folded = Folded::<A>::default();
    let last = commits.len().saturating_sub(1);
    for (number, commit) in commits.iter_mut().enumerate() {
        folded.apply_events(commit, commit.last())?;
        if number % every == every - 1 || number == last {
            commit.snapshot = Some(Snapshot {
                revision: A::REVISION,
                state: serde_json::to_value(&folded.state)?,
            });
        }
    }
    Ok(commits)
}
