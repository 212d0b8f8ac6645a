//! S3, as far as the archive uses it: objects are put whole, and parts of them are read.

use std::collections::BTreeMap;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// All objects, by bucket and key as their address has them.
#[derive(Default)]
pub(super) struct Objects(BTreeMap<String, Vec<u8>>);

/// What is asked of an object.
#[derive(Clone)]
pub(super) struct Asked {
    address: String,
    /// The first and the last byte that are wanted; absent for a put.
    range: Option<(usize, usize)>,
}

impl Asked {
    /// Reads a request to S3.
    pub(super) fn read(request: &HttpRequest) -> Self {
        let (address, _) = request.uri().split_once('?').unwrap_or((request.uri(), ""));
        let range = request.headers().get("range").map(|range| {
            let (first, last) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
            (first.parse().unwrap(), last.parse().unwrap())
        });
        Self { address: address.to_owned(), range }
    }

    /// What it is called in a log.
    pub(super) fn operation(&self) -> &'static str {
        if self.range.is_some() { "GetObject" } else { "PutObject" }
    }
}

impl Objects {
    /// Carries a request out.
    pub(super) fn carry_out(&mut self, asked: &Asked, body: Vec<u8>) -> (u16, Vec<u8>) {
        let Some((first, last)) = asked.range else {
            self.0.insert(asked.address.clone(), body);
            return (200, Vec::new());
        };
        match self.0.get(&asked.address).and_then(|object| object.get(first..=last)) {
            Some(part) => (206, part.to_vec()),
            None => (404, Vec::new()),
        }
    }

    /// Some bytes of the object with this key.
    pub(super) fn part(&self, key: &str, first: usize, length: usize) -> Option<&[u8]> {
        let object = self.0.iter().find(|(address, _)| address.ends_with(key)).map(|(_, all)| all);
        object?.get(first..first + length)
    }
}
