//! A page shows each thing once, where it belongs, and leaves out none that stood there.

use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use headwater::StreamName;
use serde_json::Value;

use super::tokens::demanded;
use super::{Case, Judge, Verdict, is_row, problem};
use crate::domain::{THINGS, thing};
use crate::service::Headers;

impl Judge {
    /// A page shows each thing once and where it belongs, and nothing that is older than the tokens
    /// demand or than its own token says. It shows whatever stood in its part of the list all the
    /// time: with tokens since what they stand for, without since every replica has it.
    pub(super) fn list(&self, case: &Case<'_>, group: Option<&str>, limit: usize) -> Verdict {
        let Case { history, asked, build, answer } = case;
        match (answer.status, problem(answer).as_str()) {
            (200 | 304, _) => {}
            (503, "store-unavailable" | "not-caught-up") => return Ok(()),
            (503, "newer-event") if case.is_newer_somewhere() => return Ok(()),
            _ => return Err("nobody should be told that".to_owned()),
        }
        let page = Page::read(&self.body(&format!("{:?}", asked.call), answer)?, &asked.headers)?;
        if page.items.len() > limit {
            return Err(format!("{limit} were asked for"));
        }
        let promised = case.promised()?;
        let least = |stream: &StreamName| {
            Ok::<_, String>(case.least(stream)?.max(demanded(history, &promised, stream)))
        };
        let index = group.map_or(THINGS.to_owned(), |group| format!("group/{group}"));
        let mut shown_ids = BTreeSet::new();
        let mut last = String::new();
        for item in &page.items {
            let id = item["id"].as_str().unwrap_or_default();
            let stream = thing(id);
            let (version, row) = (item["version"].as_u64().unwrap_or_default(), &item["row"]);
            is_row(history, *build, &stream, &stream, version, row)?;
            if version < least(&stream)? {
                return Err(format!("{stream} is older than it may be: {}", least(&stream)?));
            }
            if !shown_ids.insert(id.to_owned()) {
                return Err(format!("{stream} is there twice"));
            }
            // Pages are parts of the list, one behind the other: what is on two of them has moved.
            match history.place(*build, &stream, version, &index) {
                Some(place) if place > last && page.covers(&place) => last = place,
                place => {
                    return Err(format!("{stream} does not belong there: it stands at {place:?}"));
                }
            }
        }
        let things =
            history.streams().map(|(stream, _)| stream).filter(|name| name.category() == THINGS);
        for stream in things.filter(|stream| !shown_ids.contains(stream.id())) {
            let least = least(stream)?;
            let versions = [0]
                .into_iter()
                .chain(history.boundaries(stream))
                .filter(|version| *version >= least);
            let places: BTreeSet<Option<String>> =
                versions.map(|version| history.place(2, stream, version, &index)).collect();
            let stood =
                places.iter().all(|place| place.as_ref().is_some_and(|place| page.covers(place)));
            // One that moves meanwhile may be missed at both places. A page that has all of the
            // list and was read strongly must show it.
            let is_strong = !asked.headers.tokens.is_empty();
            if stood && (places.len() == 1 || is_strong && page.is_whole()) {
                return Err(format!(
                    "{stream} is missing, since before {least}: it stands at {places:?}"
                ));
            }
        }
        Ok(())
    }
}

/// A page of a list, and the part of the list that it is.
struct Page {
    items: Vec<Value>,
    /// The place after which it begins.
    after: Option<String>,
    /// Its last place, unless it goes to the list's end.
    up_to: Option<String>,
}

impl Page {
    fn read(body: &str, headers: &Headers) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|error| error.to_string())?;
        let place = |cursor: &str| {
            let json = URL_SAFE_NO_PAD.decode(cursor).map_err(|error| error.to_string())?;
            let cursor: Value = serde_json::from_slice(&json).map_err(|error| error.to_string())?;
            cursor["a"]
                .as_str()
                .map(str::to_owned)
                .ok_or_else(|| format!("{cursor} says nothing of a place"))
        };
        let page = Self {
            items: body["items"].as_array().ok_or("there are no items")?.clone(),
            after: headers.cursor.as_deref().map(place).transpose()?,
            up_to: body["next"].as_str().map(place).transpose()?,
        };
        // A client that goes on and on comes to the end.
        match (&page.after, &page.up_to) {
            (Some(after), Some(up_to)) if up_to <= after => {
                Err(format!("it begins after {after} and goes on after {up_to}"))
            }
            _ => Ok(page),
        }
    }

    fn covers(&self, place: &str) -> bool {
        self.after.as_deref().is_none_or(|after| place > after)
            && self.up_to.as_deref().is_none_or(|up_to| place <= up_to)
    }

    fn is_whole(&self) -> bool {
        self.after.is_none() && self.up_to.is_none()
    }
}
