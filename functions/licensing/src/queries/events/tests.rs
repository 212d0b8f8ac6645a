use super::*;
use serde_json::json;

const CUSTOMER: &str = "acme/licensing/customers/7";

fn commit(stream: &str, first: u64, at: &str, events: usize) -> Commit {
    let events: Vec<_> = (first..)
        .take(events)
        .map(|number| json!({ "number": number, "type": "A", "version": 1, "data": {} }))
        .collect();
    let metadata = json!({
        "commitId": "01936f0e-0000-7000-8000-000000000000",
        "command": "C",
        "actor": "ada",
        "correlationId": "c",
    });
    serde_json::from_value(json!({
        "stream": stream,
        "first": first,
        "at": at,
        "metadata": metadata,
        "events": events,
    }))
    .unwrap()
}

/// (stream, number) of each event of a page, and where it goes on.
fn shown(read: Read, after: &After, limit: usize) -> (Vec<(String, u64)>, Option<After>) {
    let (items, next) = page(read, &CUSTOMER.parse().unwrap(), after, limit);
    for (place, view) in &items {
        assert_eq!(After::parse(&place.to_text()).as_ref(), Some(place));
        assert_eq!(place.place.as_ref().map(|place| &place.stream), Some(&view.stream));
    }
    let items = items.into_iter().map(|(_, view)| (view.stream, view.event.number));
    (items.collect(), next)
}

fn all() -> Vec<Commit> {
    let (early, late) = ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.001Z");
    vec![
        commit(CUSTOMER, 1, early, 2),
        commit(CUSTOMER, 3, late, 1),
        commit("acme/licensing/customers/7/playback/b", 1, early, 1),
        commit("acme/licensing/customers/7/playback/a", 1, early, 1),
        commit("acme/licensing/customers/7/playback/a", 2, late, 1),
    ]
}

fn read(whole_to: Option<Place>) -> Read {
    Read { events: placed(&all()).collect(), whole_to }
}

#[test]
fn events_are_merged_by_time_with_the_customers_own_first() {
    let order = [
        ("licensing/customers/7", 1),
        ("licensing/customers/7", 2),
        ("licensing/customers/7/playback/a", 1),
        ("licensing/customers/7/playback/b", 1),
        ("licensing/customers/7", 3),
        ("licensing/customers/7/playback/a", 2),
    ]
    .map(|(stream, number)| (stream.to_owned(), number));
    for limit in 1..=6 {
        let (mut after, mut found) = (After::default(), Vec::new());
        loop {
            let (items, next) = shown(read(None), &after, limit);
            found.extend(items);
            match next {
                Some(next) => after = next,
                None => break,
            }
        }
        assert_eq!(found, order, "{limit} at a time: a page goes on where the last one ended");
    }
}

#[test]
fn what_may_be_missing_behind_a_place_is_not_shown_and_the_next_page_goes_on_there() {
    let early = "2026-11-21T10:00:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let stream = "licensing/customers/7/playback/a".to_owned();
    let place = Place { at: early, stream, number: 1 };
    let (items, next) = shown(read(Some(place.clone())), &After::default(), 50);
    assert_eq!(items.len(), 3);
    let next = next.unwrap();
    assert_eq!(next, After { place: Some(place.clone()), own: 2 });
    // A page of which nothing is to be shown moves on all the same.
    let old = After::parse(&format!("{early} 1 licensing/customers/7/playback/a")).unwrap();
    assert_eq!(old, After { place: Some(place.clone()), own: 0 }, "as older builds wrote it");
    let (items, moved) = shown(read(Some(place)), &old, 50);
    assert_eq!((items.len(), moved), (0, Some(next)));
}

#[test]
fn a_cursor_of_another_list_is_none() {
    for text in ["", "elsewhere", "1 2", "1 2 stream three", "1 2 stream 3 4", "x 1 stream 2"] {
        assert_eq!(After::parse(text), None, "{text}");
    }
}
