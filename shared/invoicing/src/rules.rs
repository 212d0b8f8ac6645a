//! The rules that can refuse a command on an invoice.

use headwater::Rule;

/// An id is never used twice.
pub static INVOICE_EXISTS: Rule = Rule {
    name: "invoice-exists",
    title: "This invoice id is in use",
    help: "An invoice with this id exists, or existed: an id is never used twice, not even after \
           a delete. Leave `id` out to be given a fresh one.",
};

/// An invoice goes from DRAFT to ISSUED, SENT and PAID, or to VOID, and never back.
pub static INVALID_TRANSITION: Rule = Rule {
    name: "invalid-transition",
    title: "The invoice's status does not allow this",
    help: "`invoiceStatus` is the invoice's present status, `command` what was asked for. A draft \
           can be changed, issued and deleted; an issued or sent invoice can be sent, paid and \
           voided; a paid or void one stays as it is, but can be erased.",
};

/// An invoice without lines cannot be issued.
pub static NO_LINE_ITEMS: Rule = Rule {
    name: "no-line-items",
    title: "An invoice without line items cannot be issued",
    help: "Add a line item first, or delete the draft.",
};

/// The limit of line items.
pub static LINE_ITEM_LIMIT: Rule = Rule {
    name: "line-item-limit",
    title: "Too many line items",
    help: "An invoice has at most `limit` line items at once. Remove one, or write a second \
           invoice.",
};

/// Prices and payments are whole numbers of the currency's minor unit.
pub static MINOR_UNIT: Rule = Rule {
    name: "minor-unit",
    title: "An amount has more decimals than its currency",
    help: "Unit prices and payments are whole numbers of the minor unit of the invoice's \
           `currency`, which has `decimals` decimals: 0 for JPY, 2 for EUR, 3 for KWD. A currency \
           is set only where all unit prices fit it.",
};

/// A payment is at most what is due.
pub static OVERPAID: Rule = Rule {
    name: "overpaid",
    title: "The payment is more than what is due",
    help: "`due` is what is left to pay. Record that much here, and book the rest elsewhere.",
};

/// A payment is recorded once.
pub static PAYMENT_REFERENCE_USED: Rule = Rule {
    name: "payment-reference-used",
    title: "Another payment has this reference",
    help: "The invoice has a payment with this reference, but with another `amount` or `at`, which \
           are shown. References are compared in NFC, without invisible characters. Repeating the \
           same payment would change nothing.",
};

/// The limit of payments.
pub static PAYMENT_LIMIT: Rule = Rule {
    name: "payment-limit",
    title: "Too many payments",
    help: "An invoice is paid in at most `limit` parts.",
};

/// An invoice with payments cannot be voided.
pub static HAS_PAYMENTS: Rule = Rule {
    name: "has-payments",
    title: "A partly paid invoice cannot be voided",
    help: "Money was received for this invoice (`paid`). Refund it outside, and correct the \
           invoice by a credit note.",
};
