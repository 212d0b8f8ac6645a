//! S3, as far as failure destinations, their redrive and the archive use it: put, get, delete and
//! list objects, addressed by path.

mod chunked;
mod objects;

use std::path::Path;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{self, DefaultBodyLimit, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::spawn_on_loopback;
use crate::template::Bucket;
use objects::{Object, Objects};

/// An object written in one piece may have 5 GB in S3; here a failed batch of stream records must
/// fit.
const LARGEST_OBJECT: usize = 64 << 20;

/// Starts the server on the objects under `root` and returns its URL.
pub(super) async fn serve(
    root: &Path,
    buckets: &[Bucket],
    servers: &mut JoinSet<()>,
) -> Result<String> {
    let objects = Objects::open(root, buckets.iter().map(|bucket| bucket.name.as_str()))?;
    let app = Router::new()
        .route("/{bucket}", get(list))
        .route("/{bucket}/", get(list))
        .route("/{bucket}/{*key}", put(write).get(read).delete(remove))
        .layer(DefaultBodyLimit::max(LARGEST_OBJECT))
        .with_state(objects);
    spawn_on_loopback(servers, |listener| async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "S3 stopped");
        }
    })
    .await
}

type Address = extract::Path<(String, String)>;

/// PutObject.
async fn write(
    State(objects): State<Objects>,
    extract::Path((bucket, key)): Address,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Refusal> {
    let body = if chunked::is_chunked(&headers) {
        chunked::decode(&body).ok_or(Refusal::BadChunks)?
    } else {
        body
    };
    objects.put(&bucket, &key, &body).await?;
    Ok(StatusCode::OK.into_response())
}

/// GetObject and HeadObject.
async fn read(
    State(objects): State<Objects>,
    extract::Path((bucket, key)): Address,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let (object, body) = objects.get(&bucket, &key).await?;
    let modified = object.modified.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let head = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::LAST_MODIFIED, modified),
    ];
    let wanted = headers.get(header::RANGE).and_then(|range| range.to_str().ok()).and_then(range);
    let Some((start, last)) = wanted else { return Ok((head, body).into_response()) };
    if start >= body.len() {
        return Err(Refusal::Range);
    }
    let end = last.saturating_add(1).min(body.len());
    let range = format!("bytes {start}-{}/{}", end - 1, body.len());
    let part = body[start..end].to_vec();
    Ok((StatusCode::PARTIAL_CONTENT, head, [(header::CONTENT_RANGE, range)], part).into_response())
}

/// The first and the last byte of `bytes=10-19`. S3 passes over what is no range, and gives the
/// whole object. Other forms (`bytes=10-`, `bytes=-10`), which S3 knows, nobody asks for here.
fn range(header: &str) -> Option<(usize, usize)> {
    let (start, last) = header.strip_prefix("bytes=")?.split_once('-')?;
    let (start, last) = (start.parse().ok()?, last.parse().ok()?);
    (start <= last).then_some((start, last))
}

/// DeleteObject. An object that isn't there is deleted with success, as in S3.
async fn remove(
    State(objects): State<Objects>,
    extract::Path((bucket, key)): Address,
) -> Result<Response, Refusal> {
    objects.delete(&bucket, &key).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The parameters of ListObjectsV2 that are understood.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Listing {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    start_after: String,
    /// The key after which to go on.
    continuation_token: Option<String>,
    max_keys: Option<usize>,
    delimiter: Option<String>,
}

/// ListObjectsV2.
async fn list(
    State(objects): State<Objects>,
    extract::Path(bucket): extract::Path<String>,
    Query(listing): Query<Listing>,
) -> Result<Response, Refusal> {
    if listing.delimiter.is_some() {
        return Err(Refusal::Delimiter);
    }
    let after = listing.continuation_token.as_ref().unwrap_or(&listing.start_after);
    let limit = listing.max_keys.unwrap_or(1000).min(1000);
    let mut found = objects.list(&bucket, &listing.prefix, after).await?;
    let truncated = found.len() > limit;
    found.truncate(limit);
    let next =
        found.last().filter(|_| truncated).map(|last| element("NextContinuationToken", &last.key));
    let contents: String = found.iter().map(contents).collect();
    let body = [
        element("Name", &bucket),
        element("Prefix", &listing.prefix),
        element("KeyCount", &found.len().to_string()),
        element("MaxKeys", &limit.to_string()),
        element("IsTruncated", &truncated.to_string()),
        next.unwrap_or_default(),
        contents,
    ];
    Ok(xml(StatusCode::OK, &format!("<ListBucketResult>{}</ListBucketResult>", body.concat())))
}

fn contents(object: &Object) -> String {
    let fields = [
        element("Key", &object.key),
        element("LastModified", &object.modified.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
        element("Size", &object.size.to_string()),
        element("StorageClass", "STANDARD"),
    ];
    format!("<Contents>{}</Contents>", fields.concat())
}

fn element(name: &str, text: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    format!("<{name}>{text}</{name}>")
}

fn xml(status: StatusCode, body: &str) -> Response {
    let body = format!(r#"<?xml version="1.0" encoding="UTF-8"?>{body}"#);
    (status, [(header::CONTENT_TYPE, "application/xml")], body).into_response()
}

/// Why a call fails.
#[derive(Debug)]
enum Refusal {
    NoSuchBucket,
    NoSuchKey,
    KeyTooLong,
    BadChunks,
    Delimiter,
    Range,
    Io(std::io::Error),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::NoSuchBucket => {
                (404, "NoSuchBucket", "The specified bucket does not exist".to_owned())
            }
            Self::NoSuchKey => (404, "NoSuchKey", "The specified key does not exist.".to_owned()),
            Self::KeyTooLong => (400, "KeyTooLongError", "Your key is too long".to_owned()),
            Self::BadChunks => (
                400,
                "InvalidRequest",
                "The body is not what Content-Encoding: aws-chunked says".to_owned(),
            ),
            Self::Delimiter => {
                (501, "NotImplemented", "A delimiter is not supported on one machine".to_owned())
            }
            Self::Range => {
                (416, "InvalidRange", "The requested range is not satisfiable".to_owned())
            }
            Self::Io(error) => (500, "InternalError", error.to_string()),
        };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        xml(
            status,
            &format!("<Error>{}{}</Error>", element("Code", code), element("Message", &message)),
        )
    }
}
