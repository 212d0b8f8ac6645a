//! Lists and searches: in order, page by page, with what the tokens demand.

use std::time::Duration;

use headwater::{Commit, IndexKey, Position, Row, StreamName};
use headwater_dynamodb::{EffectId, Effects, Lease, Overlay, PageRequest, ReadError};
use proptest::prelude::*;

use crate::support::{Tap, World, all_notes, bare, check, doorbells, list, shown};
use crate::toy::{
    LOUD, Loud, NOTES, Note, NoteEvent, PROJECTIONS, histories, history, labelled, note, titled,
};

fn ids(rows: &[(StreamName, Row)]) -> Vec<&str> {
    rows.iter().map(|(stream, _)| stream.id()).collect()
}

/// Notes 1, 2, 3… with these titles.
fn notes(titles: &[&str]) -> Vec<Commit> {
    (1..)
        .zip(titles)
        .flat_map(|(id, title)| history(&note(id), &[vec![titled(title), labelled("red")]]))
        .collect()
}

#[tokio::test]
async fn a_list_is_in_order_and_comes_in_pages() {
    let commits = notes(&["dot", "ada", "cid", "ada", "bob"]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let views = world.views();
    for limit in 1..7 {
        assert_eq!(
            ids(&list(&views, all_notes(limit)).await),
            ["2", "4", "5", "3", "1"],
            "{limit} at a time"
        );
    }
    // The last page knows that it is.
    assert_eq!(views.page(all_notes(5)).await.unwrap().next, None);
    assert!(views.page(all_notes(4)).await.unwrap().next.is_some());
    assert_eq!(
        ids(&list(&views, PageRequest { exact_order: Some("ada"), ..all_notes(1) }).await),
        ["2", "4"]
    );
    assert_eq!(
        ids(&list(&views, PageRequest { exact_order: Some("ad"), ..all_notes(1) }).await),
        [""; 0]
    );
    assert_eq!(
        ids(&list(&views, PageRequest { index: "label/red", ..all_notes(2) }).await).len(),
        5
    );
    assert_eq!(list(&views, PageRequest { tenant: "umbrella", ..all_notes(2) }).await, []);
}

#[tokio::test]
async fn what_is_not_to_be_shown_does_not_count() {
    let commits = notes(&["a", "b", "c", "d", "e", "f"]);
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let late = PageRequest {
        keep: &|row| row.read::<Note>().unwrap().title.as_str() > "c",
        ..all_notes(2)
    };
    let page = world.views().page(late).await.unwrap();
    assert_eq!(ids(&shown(page.rows)), ["4", "5"]);
    assert_eq!(ids(&list(&world.views(), late).await), ["4", "5", "6"]);
}

/// Of 700 notes only the last is to be shown.
#[tokio::test]
async fn a_page_is_bounded_work_and_says_where_to_go_on_however_little_is_to_be_shown() {
    let titles: Vec<String> = (0..700).map(|number| format!("{number:03}")).collect();
    let commits = notes(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    for limit in [1, 50, 200] {
        let last = PageRequest {
            keep: &|row| row.read::<Note>().unwrap().title == "699",
            ..all_notes(limit)
        };
        tap.take_calls();
        let first = views.page(last).await.unwrap();
        let calls = tap.take_calls();
        assert_eq!((first.rows, first.next.is_some()), (vec![], true), "{limit} at a time");
        assert!(
            calls.iter().filter(|call| *call == "Query").count() <= 8,
            "{limit} at a time: {calls:?}"
        );
        assert!(calls.len() <= 8 + 700 / 64 + 8, "{limit} at a time: {calls:?}");
        assert_eq!(ids(&list(&views, last).await), ["700"], "{limit} at a time");
    }
}

/// No more of them are read than a function of 256 MB has room for.
#[tokio::test]
async fn a_page_of_large_rows_is_short() {
    let long = "x".repeat(200_000);
    let commits: Vec<Commit> = (100..170)
        .flat_map(|id| history(&note(id), &[vec![titled(&format!("{id}{long}"))]]))
        .collect();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    let page = world.views().page(all_notes(200)).await.unwrap();
    assert!((1..70).contains(&page.rows.len()) && page.next.is_some(), "{} rows", page.rows.len());
    let expected: Vec<String> = (100..170).map(|id| id.to_string()).collect();
    assert_eq!(ids(&list(&world.views(), all_notes(200)).await), expected);
}

/// Tombstones of builds before this one, and places of states that are over.
#[tokio::test]
async fn index_rows_that_lead_nowhere_are_passed_over() {
    let commits =
        [notes(&["mia"]), history(&note(7), &[vec![titled("ada")], vec![titled("zoe")]])].concat();
    let world = World::with(&commits).await;
    world.projector().project(doorbells(&commits)).await;
    for number in 0..30 {
        world.put_place(("notes", &format!("b{number}")), &note(7), 1, number % 2 == 0).await;
    }
    for limit in [1, 2, 50] {
        assert_eq!(
            ids(&list(&world.views(), all_notes(limit)).await),
            ["1", "7"],
            "{limit} at a time"
        );
    }
    // What comes to such a place stands there, and what leaves it stands there no more.
    let back = history(
        &note(7),
        &[
            vec![titled("ada")],
            vec![titled("zoe")],
            vec![titled("b0")],
            vec![titled("b1")],
            vec![titled("eve")],
        ],
    );
    world.append(&back[2..]).await;
    for (version, expected) in [(2, ["7", "1"]), (3, ["7", "1"]), (4, ["7", "1"])] {
        world.projector().project(doorbells(&back[version..=version])).await;
        assert_eq!(ids(&list(&world.views(), all_notes(1)).await), expected);
        assert_eq!(
            ids(&list(&world.views(), PageRequest { exact_order: Some("b0"), ..all_notes(1) })
                .await)
            .len(),
            usize::from(version == 2)
        );
    }
}

/// DynamoDB ends a query at 1 MB, which is not the end of what there is.
#[tokio::test]
async fn what_waits_behind_the_first_megabyte_is_listed() {
    let world = World::new().await;
    let effects = Effects::new(world.store(&Tap::default()), "effects", "mail");
    for number in 1..=8 {
        let Lease::Granted(granted) = effects
            .lease(EffectId { stream: note(1), number }, Duration::from_secs(600))
            .await
            .unwrap()
        else {
            panic!("nobody had tried")
        };
        effects.unknown(&granted, &"x".repeat(200_000)).await.unwrap();
    }
    let waiting = effects.waiting(Some("acme"), None, 201).await.unwrap();
    assert_eq!(
        waiting.iter().map(|waiting| waiting.effect.number).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7, 8]
    );
    assert_eq!(effects.waiting(Some("acme"), None, 7).await.unwrap().len(), 7);
}

#[tokio::test]
async fn a_place_of_another_list_is_refused() {
    let world = World::new().await;
    let elsewhere = IndexKey::new("notes", "bob", "1").sort;
    let request = PageRequest { exact_order: Some("ada"), after: Some(&elsewhere), ..all_notes(2) };
    assert!(matches!(world.views().page(request).await, Err(ReadError::Cursor)));
}

#[tokio::test]
async fn a_page_costs_one_query_and_one_batch() {
    // A label that came later leaves a row ahead of its place in the list; the first has none.
    let story = [vec![titled("a")], vec![labelled("red")]];
    let commits: Vec<Commit> =
        (1..=4_usize).flat_map(|id| history(&note(id), &story[..id.min(2)])).collect();
    let world = World::with(&commits).await;
    for commit in &commits {
        world.projector().project(doorbells(std::slice::from_ref(commit))).await;
    }
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    tap.take_calls();
    views.page(all_notes(3)).await.unwrap();
    assert_eq!(tap.take_calls(), ["Query", "BatchGetItem"]);
}

#[tokio::test]
async fn what_was_renamed_or_deleted_is_listed_only_where_it_is() {
    let world = World::new().await;
    let unlabelled = NoteEvent::Unlabelled { label: "red".into() };
    let first = history(
        &note(1),
        &[vec![titled("ada"), labelled("red")], vec![titled("zoe")], vec![unlabelled]],
    );
    let second =
        history(&note(2), &[vec![titled("bob"), labelled("red")], vec![NoteEvent::Deleted {}]]);
    let third = history(&note(3), &[vec![titled("cid"), labelled("red")]]);
    let commits = [first, second, third].concat();
    world.append(&commits).await;
    for commit in &commits {
        world.projector().project(doorbells(std::slice::from_ref(commit))).await;
    }
    assert_eq!(ids(&list(&world.views(), all_notes(1)).await), ["3", "1"]);
    assert_eq!(
        ids(&list(&world.views(), PageRequest { index: "label/red", ..all_notes(1) }).await),
        ["3"]
    );
}

/// Wherever a projector stops, each thing that an index knows is in the list, once. Its state is at
/// least as new as its row.
#[tokio::test]
async fn what_comes_or_moves_just_now_is_neither_lost_nor_doubled() {
    let others = notes(&["bob", "mia"]);
    let moving =
        history(&note(9), &[vec![titled("ada")], vec![titled("zoe")], vec![titled("eve")]]);
    for alive in 0..25 {
        let world = World::with(&[&others[..], &moving].concat()).await;
        world.projector().project(doorbells(&others)).await;
        let dying = world.projector_through(&Tap::dying_after(alive));
        for commit in &moving {
            dying.project(doorbells(std::slice::from_ref(commit))).await;
        }
        let mut listed = list(&world.views(), all_notes(5)).await;
        listed.sort_by(|(a, _), (b, _)| a.cmp(b));
        let expected =
            if world.is_indexed(&note(9)).await { &["1", "2", "9"][..] } else { &["1", "2"] };
        assert_eq!(ids(&listed), expected, "after {alive} calls");
        if let Some(row) = world.views().get(&NOTES, &note(9), None).await.unwrap() {
            assert!(listed[2].1.version >= row.version, "after {alive} calls");
        }
    }
}

/// A thing on its way from a later page to the present one, whose primary row does not say so yet.
#[tokio::test]
async fn what_moves_towards_the_reader_is_not_lost_between_two_pages() {
    let resting = notes(&["mia"]);
    let moving = history(&note(9), &[vec![titled("zoe")], vec![titled("ada")]]);
    let world = World::with(&[&resting[..], &moving].concat()).await;
    world.projector().project(doorbells(&[&resting[..], &moving[..1]].concat())).await;
    // It dies when it has read the generation and the row, and put the index row.
    world.projector_through(&Tap::dying_after(3)).project(doorbells(&moving[1..])).await;
    let views = world.views();
    assert_eq!(views.get(&NOTES, &note(9), None).await.unwrap().unwrap().version, 1);
    let first = views.page(all_notes(1)).await.unwrap();
    assert_eq!(ids(&shown(first.rows)), ["9"]);
    world.projector().project(doorbells(&moving[1..])).await;
    let second =
        views.page(PageRequest { after: first.next.as_deref(), ..all_notes(5) }).await.unwrap();
    assert_eq!(ids(&shown(second.rows)), ["1"]);
}

/// A page is read in parts where much of it is not shown. What the last part tells may have moved
/// to where the first one found nothing: here, since a build folds the rows of another one anew and
/// so gets ahead of the index.
#[tokio::test]
async fn what_moves_towards_the_reader_is_not_lost_within_a_page() {
    let hidden = notes(&["cid", "dot"]);
    let moving = history(&note(9), &[vec![titled("zoe")], vec![titled("ada")]]);
    let world = World::with(&[&hidden[..], &moving].concat()).await;
    world.projector().project(doorbells(&[&hidden[..], &moving[..1]].concat())).await;
    let keep = |row: &Row| !["CID", "DOT"].contains(&row.read::<Loud>().unwrap().0.title.as_str());
    let page = world
        .views()
        .page(PageRequest { projection: &LOUD[0], keep: &keep, ..all_notes(1) })
        .await
        .unwrap();
    assert_eq!((ids(&shown(page.rows)), page.next), (vec!["9"], None));
}

/// What an eventually consistent read has missed may be there for a strong one.
#[tokio::test]
async fn a_row_that_is_behind_its_place_in_a_list_is_asked_for_again() {
    let moving = history(&note(9), &[vec![titled("zoe")], vec![titled("ada")]]);
    let world = World::with(&moving).await;
    world.projector().project(doorbells(&moving[..1])).await;
    // It dies when it has put the index row.
    world.projector_through(&Tap::dying_after(3)).project(doorbells(&moving[1..])).await;
    let tap = Tap::default();
    let views = world.views_through(&tap);
    views.generation().await.unwrap();
    let strongly = Overlay::default();
    for (overlay, calls) in [
        (None, &["Query", "BatchGetItem", "GetItem", "Query"][..]),
        (Some(&strongly), &["Query", "BatchGetItem", "Query"][..]),
    ] {
        tap.take_calls();
        assert_eq!(
            ids(&shown(views.page(PageRequest { overlay, ..all_notes(5) }).await.unwrap().rows)),
            ["9"]
        );
        assert_eq!(tap.take_calls(), calls);
    }
}

/// A reader that comes between the steps of a move finds the thing all the same.
#[tokio::test]
async fn a_page_shows_each_thing_once_while_things_move() {
    let titles: Vec<Vec<NoteEvent>> = ["ada", "zoe", "mia", "eve", "ada", "zoe"]
        .into_iter()
        .map(|title| vec![titled(title)])
        .collect();
    let histories: Vec<Vec<Commit>> = (1..=5).map(|id| history(&note(id), &titles)).collect();
    let world = World::with(&histories.concat()).await;
    let projector = world.projector();
    projector.project((1..=5).map(|id| bare(&note(id), 1)).collect()).await;
    let moving = async {
        for step in 0..titles.len() {
            for history in &histories {
                projector.project(doorbells(&history[step..=step])).await;
            }
        }
    };
    let reading = async {
        let views = world.views();
        for _ in 0..60 {
            let mut rows = shown(views.page(all_notes(20)).await.unwrap().rows);
            rows.sort_by(|(a, _), (b, _)| a.cmp(b));
            assert_eq!(ids(&rows), ["1", "2", "3", "4", "5"]);
        }
    };
    tokio::join!(moving, reading);
}

/// With tokens for what the projectors lack, a list reads as if they lacked nothing, however it is
/// cut into pages.
#[test]
fn an_overlaid_list_is_the_list_of_a_table_that_lacks_nothing() {
    let lag = prop::collection::vec(any::<prop::sample::Index>(), 4);
    check(12, (histories(), lag, 0usize..25), async |(commits, lag, alive)| {
        let (clean, world) = (World::with(&commits).await, World::with(&commits).await);
        clean.projector().project(doorbells(&commits)).await;
        let dying = world.projector_through(&Tap::dying_after(alive));
        let mut tokens = Vec::new();
        for (id, lag) in lag.iter().enumerate() {
            let history: Vec<Commit> =
                commits.iter().filter(|commit| commit.stream == note(id)).cloned().collect();
            let Some(last) = history.last() else { continue };
            tokens.push(Position { stream: note(id), version: last.last() });
            let seen = &history[..lag.index(history.len() + 1)];
            world.projector().project(doorbells(&seen[..seen.len() / 2])).await;
            dying.project(doorbells(seen)).await;
        }
        let views = world.views();
        let overlay = views.overlay(&tokens, &PROJECTIONS).await.unwrap();
        for index in ["notes", "label/red", "label/blue"] {
            let expected = list(&clean.views(), PageRequest { index, ..all_notes(50) }).await;
            for limit in 1..4 {
                let request = PageRequest { index, overlay: Some(&overlay), ..all_notes(limit) };
                assert_eq!(list(&views, request).await, expected, "{index}, {limit} at a time");
            }
            let ada = list(
                &views,
                PageRequest {
                    index,
                    exact_order: Some("ada"),
                    overlay: Some(&overlay),
                    ..all_notes(1)
                },
            )
            .await;
            let titled_ada = expected.into_iter().filter(|(_, row)| row.data["title"] == "ada");
            assert!(titled_ada.eq(ada));
        }
    });
}

#[tokio::test]
async fn tokens_of_streams_that_a_list_does_not_show_are_ignored() {
    let world = World::new().await;
    let elsewhere = Position { stream: "acme/toy/authors/1".parse().unwrap(), version: 5 };
    let overlay = world.views().overlay(&[elsewhere], &PROJECTIONS).await.unwrap();
    assert_eq!(
        list(&world.views(), PageRequest { overlay: Some(&overlay), ..all_notes(5) }).await,
        []
    );
}
