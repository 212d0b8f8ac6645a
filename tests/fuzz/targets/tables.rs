//! What lies in the tables of rows, of feeds and of effects: whatever it is, all that reads it
//! gives an answer or an error.
#![no_main]

use std::time::Duration;

use headwater::Domain;
use headwater::{FeedPosition, Position, StreamName, own_row};
use headwater_dynamodb::{
    Audit, EffectId, Effects, EventStore, Feed, PageRequest, Projector, Settlement, Views,
};
use headwater_fuzz::{Tables, at_once, domains};
use libfuzzer_sys::fuzz_target;
use serde_json::{Map, Value};

fuzz_target!(|items: &[u8]| {
    let Ok(items) = serde_json::from_slice::<Vec<Map<String, Value>>>(items) else { return };
    // Of the streams that the rows name, the first ones.
    let streams: Vec<StreamName> = items.iter().filter_map(stream).take(3).collect();
    let tables = Tables::of(items);
    at_once(async {
        let store = tables.store();
        for service in domains().iter() {
            views(&store, service, &streams).await;
            feeds(&store, service, &streams).await;
        }
        effects(&store, &streams).await;
        projector(&store, &streams).await;
    });
});

/// The stream that an item is about, as its key says: `g1/acme/identity/users/42`, or the name
/// itself.
fn stream(item: &Map<String, Value>) -> Option<StreamName> {
    let key = item.get("pk").or(item.get("stream"))?["S"].as_str()?;
    key.parse().ok().or_else(|| key.split_once('/')?.1.parse().ok())
}

async fn views(store: &EventStore, service: &Domain, streams: &[StreamName]) {
    let views = Views::new(store.clone(), "views", service.name);
    for stream in streams {
        views.status(stream).await.ok();
        views.parked_stream(stream).await.ok();
        let positions = [Position { stream: stream.clone(), version: 2 }];
        let overlay = views.overlay(&positions, service.projections).await.ok();
        for projection in service.projections {
            let index = format!("{}/{}", projection.category, stream.id());
            for index in [projection.category, &index] {
                let request = PageRequest {
                    tenant: stream.tenant(),
                    index,
                    projection,
                    exact_order: None,
                    after: None,
                    up_to_order: None,
                    limit: 2,
                    overlay: overlay.as_ref(),
                    keep: &|_| true,
                };
                views.page(request).await.ok();
            }
            views.get(projection, stream, Some(1)).await.ok();
            views.part(projection, service.projections, stream, stream.id(), Some(1)).await.ok();
        }
        views.sums(stream.tenant(), "revenue", "", "~").await.ok();
        views.parked(Some(stream.tenant()), None, 9).await.ok();
    }
    Audit::new(store.clone(), "views", service.name, service.projections)
        .inventory(None, &|_| true)
        .await
        .ok();
}

async fn feeds(store: &EventStore, service: &Domain, streams: &[StreamName]) {
    let feed = Feed::new(store.clone(), "feed");
    let after = |position| FeedPosition {
        tenant: "acme".to_owned(),
        domain: service.name.to_owned(),
        position,
        epoch: 1,
    };
    feed.streams("acme", service.name, "", None, 9).await.ok();
    for position in [0, 1, 5] {
        if let Ok(entries) = feed.read_after(&after(position), 3).await {
            feed.commits(&entries).await.ok();
        }
    }
    for stream in streams {
        feed.reached(stream).await.ok();
    }
}

async fn effects(store: &EventStore, streams: &[StreamName]) {
    let effects = Effects::new(store.clone(), "effects", invoicing::mail::HANDLER);
    effects.waiting(Some("acme"), None, 9).await.ok();
    for stream in streams {
        let effect = EffectId { stream: stream.clone(), number: 1 };
        effects.waiting_one(&effect).await.ok();
        effects.settle(&effect, Settlement::TryAgain).await.ok();
        effects.lease(effect, Duration::from_secs(1)).await.ok();
    }
}

/// Brings the rows up to what the events table holds.
async fn projector(store: &EventStore, streams: &[StreamName]) {
    for stream in streams {
        let Some(service) = domains().of(stream) else {
            continue;
        };
        if own_row(service.projections, &stream.category()).is_some() {
            Projector::new(store.clone(), "views", "feed", service.name, service.projections)
                .resume(stream)
                .await
                .ok();
        }
    }
}
