//! What a cancelled transaction says: a reason for each of its items, in order.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::CancellationReason;

use super::retry::{Fault, fault};

/// The error of a request that can be cancelled.
pub(crate) trait Cancelled {
    /// Why each item was in the way; none if the error is another.
    fn reasons(&self) -> &[CancellationReason];
}

impl Cancelled for SdkError<TransactWriteItemsError> {
    fn reasons(&self) -> &[CancellationReason] {
        match self.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => &[],
        }
    }
}

impl Cancelled for SdkError<TransactGetItemsError> {
    fn reasons(&self) -> &[CancellationReason] {
        match self.as_service_error() {
            Some(TransactGetItemsError::TransactionCanceledException(cancelled)) => {
                cancelled.cancellation_reasons()
            }
            _ => &[],
        }
    }
}

/// Whether repeating a transaction can succeed, by its error.
pub(crate) fn transaction_fault<E: ProvideErrorMetadata>(error: &SdkError<E>) -> Fault
where
    SdkError<E>: Cancelled,
{
    fault_of(error.reasons()).unwrap_or_else(|| fault(error))
}

/// Whether repeating a transaction can succeed, by its reasons. `None` if there are none.
///
/// Nothing was done. A permanent reason outweighs temporary ones: what is invalid, too large or not
/// allowed stays so, whatever was in the way besides.
pub(crate) fn fault_of(reasons: &[CancellationReason]) -> Option<Fault> {
    let faults = reasons.iter().filter_map(|reason| match reason.code()? {
        "None" => None,
        "TransactionConflict" => Some(Fault::Contended),
        "ThrottlingError" | "ProvisionedThroughputExceeded" | "RequestLimitExceeded" => {
            Some(Fault::Unserved)
        }
        _ => Some(Fault::Refused),
    });
    let weight = |fault: &Fault| match fault {
        Fault::Refused => 2,
        Fault::Contended => 1,
        Fault::Unserved | Fault::Unknown => 0,
    };
    faults.max_by_key(weight)
}

/// Whether it was only for conditions that do not hold, so that they say what is the case. Others
/// may have been at work beside.
pub(crate) fn is_unmet(reasons: &[CancellationReason]) -> bool {
    let refusals = reasons
        .iter()
        .filter(|reason| fault_of(std::slice::from_ref(reason)) == Some(Fault::Refused));
    let mut refusals = refusals.map(is_failed_condition).peekable();
    refusals.peek().is_some() && refusals.all(|is_failed| is_failed)
}

/// Whether an item's condition does not hold.
pub(crate) fn is_failed_condition(reason: &CancellationReason) -> bool {
    reason.code() == Some("ConditionalCheckFailed")
}

/// Whether another transaction is at work on an item.
pub(crate) fn is_conflict(reason: &CancellationReason) -> bool {
    reason.code() == Some("TransactionConflict")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_pass_by_itself_outweighs_what_does() {
        for (codes, fault, unmet) in [
            (vec![], None, false),
            (vec!["None", "TransactionConflict"], Some(Fault::Contended), false),
            (vec!["ThrottlingError", "None"], Some(Fault::Unserved), false),
            (
                vec!["ProvisionedThroughputExceeded", "TransactionConflict"],
                Some(Fault::Contended),
                false,
            ),
            (vec!["ConditionalCheckFailed", "None"], Some(Fault::Refused), true),
            (
                vec!["TransactionConflict", "ConditionalCheckFailed", "ThrottlingError"],
                Some(Fault::Refused),
                true,
            ),
            (vec!["TransactionConflict", "ValidationError"], Some(Fault::Refused), false),
            (
                vec!["ItemCollectionSizeLimitExceeded", "TransactionConflict"],
                Some(Fault::Refused),
                false,
            ),
            (vec!["ThrottlingError", "AccessDenied"], Some(Fault::Refused), false),
            (vec!["ConditionalCheckFailed", "ValidationError"], Some(Fault::Refused), false),
            (vec!["SomethingNew"], Some(Fault::Refused), false),
        ] {
            let reasons: Vec<_> = codes
                .iter()
                .map(|code| CancellationReason::builder().code(*code).build())
                .collect();
            assert_eq!((fault_of(&reasons), is_unmet(&reasons)), (fault, unmet), "{codes:?}");
        }
    }
}
