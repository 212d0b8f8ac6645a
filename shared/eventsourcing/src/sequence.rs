use serde::{Deserialize, Serialize};

use crate::{Event, InvalidStreamName, StreamName};

/// The events of a sequence of numbers without gaps, as a tenant's invoice numbers. The number
/// taken is the event's own number in its stream. So there are no gaps and no duplicates, as with
/// the events of any stream.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
pub enum SequenceEvent {
    /// The next number belongs to `taker`, whose events were written in the same transaction.
    NumberTaken {
        /// A stream's name within the tenant, as `invoicing/invoices/42`.
        taker: String,
    },
}

impl Event for SequenceEvent {}

/// The stream of a sequence: `<tenant>/<domain>/<name>`.
///
/// ```
/// use headwater_core::sequence_stream;
///
/// let numbers = sequence_stream("acme", "shop", "receipt-numbers")?;
/// assert_eq!(numbers.as_str(), "acme/shop/receipt-numbers");
/// # Ok::<(), headwater_core::InvalidStreamName>(())
/// ```
///
/// # Errors
/// [`InvalidStreamName`] if one of them is no segment.
pub fn sequence_stream(
    tenant: &str,
    domain: &str,
    name: &str,
) -> Result<StreamName, InvalidStreamName> {
    StreamName::singleton(tenant, domain, name)
}
