//! The personal values in stored JSON.
//!
//! A value is bound to its stream and to the event, or to the snapshot, that holds it. So nobody
//! can move it elsewhere.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use headwater::{Commit, Form, StreamName, has_personal, replace_personal};
use serde_json::Value;

use super::ring::{Subject, SubjectKey};
use crate::StoreError;

/// Where a value is.
#[derive(Clone, Copy)]
pub(crate) enum Place {
    /// In the event of this number.
    Event(u64),
    /// In the snapshot after the event of this number.
    Snapshot(u64),
}

impl Place {
    fn bound(self, stream: &StreamName) -> String {
        match self {
            Self::Event(number) => format!("event\n{stream}\n{number}"),
            Self::Snapshot(number) => format!("snapshot\n{stream}\n{number}"),
        }
    }
}

/// Whether a commit holds a sealed value, its snapshot included.
pub(crate) fn is_sealed(commit: &Commit) -> bool {
    let has_sealed = |data| has_personal(data, &|form| matches!(form, Form::Sealed(_)));
    let in_snapshot = commit.snapshot.as_ref().is_some_and(|snapshot| has_sealed(&snapshot.state));
    in_snapshot || commit.events.iter().any(|event| has_sealed(&event.data))
}

/// Whether JSON holds a value that is yet to be sealed.
pub(crate) fn is_to_be_sealed(data: &Value) -> bool {
    has_personal(data, &|form| form.is_telling())
}

impl SubjectKey {
    /// Seals the personal values that tell something.
    pub(crate) fn seal(
        &self,
        stream: &StreamName,
        place: Place,
        data: &mut Value,
    ) -> Result<(), StoreError> {
        let bound = place.bound(stream);
        replace_personal(data, &mut |form| match form {
            Form::Open(value) if !form.is_telling() => Ok(Some(value.clone())),
            Form::Open(value) => {
                let sealed = self.0.seal(serde_json::to_vec(value)?, bound.as_bytes())?;
                Ok(Some(Form::sealed(STANDARD.encode(sealed))))
            }
            Form::Sealed(_) | Form::Erased => Ok(None),
        })
    }

    fn open(&self, stream: &StreamName, place: Place, text: &str) -> Result<Value, StoreError> {
        let sealed = STANDARD.decode(text).ok();
        let opened = sealed.and_then(|sealed| self.0.open(&sealed, place.bound(stream).as_bytes()));
        let opened = opened.ok_or_else(|| {
            StoreError::Refused(format!("a sealed value in {stream} is not what was stored"))
        })?;
        Ok(serde_json::from_slice(&opened)?)
    }
}

impl Subject {
    /// Opens the sealed values of a commit, or says that they are erased.
    pub(crate) fn open(&self, commit: &mut Commit) -> Result<(), StoreError> {
        let (stream, last) = (commit.stream.clone(), commit.last());
        for event in &mut commit.events {
            self.open_value(&stream, Place::Event(event.number), &mut event.data)?;
        }
        if let Some(snapshot) = &mut commit.snapshot {
            self.open_value(&stream, Place::Snapshot(last), &mut snapshot.state)?;
        }
        Ok(())
    }

    fn open_value(
        &self,
        stream: &StreamName,
        place: Place,
        data: &mut Value,
    ) -> Result<(), StoreError> {
        replace_personal(data, &mut |form| match (form, self) {
            (Form::Sealed(text), Self::Key(key)) => key.open(stream, place, text).map(Some),
            (Form::Sealed(_), Self::Erased) => Ok(Some(Form::erased())),
            (Form::Sealed(_), Self::Unknown) => {
                Err(StoreError::Refused(format!("the keys table has no key of {stream}")))
            }
            (Form::Open(_) | Form::Erased, _) => Ok(None),
        })
    }
}
