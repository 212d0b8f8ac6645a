//! `Content-Encoding: aws-chunked`: how SDKs send a body with its checksum behind it.

use axum::body::Bytes;
use axum::http::HeaderMap;

pub(super) fn is_chunked(headers: &HeaderMap) -> bool {
    let encoding =
        headers.get("content-encoding").and_then(|value| value.to_str().ok()).unwrap_or_default();
    encoding.split(',').any(|one| one.trim() == "aws-chunked")
}

/// The bytes of all chunks, without their signatures and the trailing headers; `None` when the body
/// is not in this form.
pub(super) fn decode(mut body: &[u8]) -> Option<Bytes> {
    let mut decoded = Vec::with_capacity(body.len());
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n")?;
        let line = std::str::from_utf8(&body[..end]).ok()?;
        let size = usize::from_str_radix(line.split(';').next()?, 16).ok()?;
        if size == 0 {
            return Some(decoded.into());
        }
        let chunk = body.get(end + 2..)?;
        decoded.extend_from_slice(chunk.get(..size)?);
        body = chunk.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_trailers_left_out() {
        let body = b"5;chunk-signature=ab\r\nhello\r\n6\r\n world\r\n0\r\n\
                     x-amz-checksum-crc32:AAAA\r\n\r\n";
        assert_eq!(decode(body).unwrap(), "hello world");
    }

    #[test]
    fn a_cut_body_is_refused() {
        for body in ["", "5", "5\r\nhel", "5\r\nhello", "5\r\nhello\r\n", "x\r\nhello\r\n0\r\n"] {
            assert_eq!(decode(body.as_bytes()), None, "{body:?}");
        }
    }
}
