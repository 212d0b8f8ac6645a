//! What the customer gets: the message, with the invoice as it was when it was sent.

use headwater::field;
use headwater_dynamodb::EffectId;
use headwater_lambda::Error;
use invoicing::InvoiceRow;
use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, Mailbox, MultiPart, SinglePart};

use crate::document::document;

/// Says which event a mail belongs to, as `acme/invoicing/invoices/7@12`. SES gives mails another
/// `Message-ID` than they had, so a person who looks for one there needs this.
const EVENT: HeaderName = HeaderName::new_from_ascii_str("Headwater-Event");

/// What an `InvoiceSent` event asks for.
pub(super) struct Wanted {
    /// The event.
    pub(super) effect: EffectId,
    /// The mail's subject.
    pub(super) subject: String,
    /// The mail's text.
    pub(super) message: String,
    /// Where to.
    pub(super) email: String,
}

/// Whom mails come from: `Acme Billing <billing@acme.example>`, or the address alone. It is held to
/// the grammar by which customers' addresses are; a domain in other letters is taken as its
/// A-label.
///
/// # Errors
/// If it is none.
pub(super) fn read_sender(text: &str) -> Result<Mailbox, Error> {
    let Mailbox { name, email } = text.parse()?;
    let email = field::ascii_email(email.as_ref());
    field::email(&email)?;
    Ok(Mailbox::new(name, email.parse()?))
}

/// The mail that an event asks for. `invoice` is as it was after the event, which was decided at
/// `at`.
///
/// # Errors
/// If an address is none.
pub(super) fn compose(
    from: &Mailbox,
    wanted: &Wanted,
    invoice: &InvoiceRow,
    at: Timestamp,
) -> Result<Message, Error> {
    let Wanted { effect, subject, message, email } = wanted;
    // A name has no line ends; if it had, `lettre` would panic.
    let name =
        invoice.customer.as_ref().map(|customer| customer.name.replace(char::is_control, " "));
    let event = format!("{}@{}", effect.stream, effect.number);
    let number = invoice.number.map(|number| format!("-{number}")).unwrap_or_default();
    let document = Attachment::new(format!("invoice{number}.html"))
        .body(document(&effect.stream, invoice, at), ContentType::TEXT_HTML);
    let mail = Message::builder()
        .from(from.clone())
        .to(Mailbox::new(name, email.parse()?))
        .subject(subject.as_str())
        .message_id(Some(message_id(from, wanted)))
        .raw_header(HeaderValue::new(EVENT, event));
    Ok(mail.multipart(
        MultiPart::mixed().singlepart(SinglePart::plain(message.clone())).singlepart(document),
    )?)
}

/// Always the same for the same event, so that a receiver knows a mail again.
fn message_id(from: &Mailbox, Wanted { effect, .. }: &Wanted) -> String {
    let local = effect.stream.as_str().replace('/', ".");
    format!("<{local}.{}@{}>", effect.number, from.email.domain())
}

#[cfg(test)]
mod tests {
    use invoicing::{Currency, Status};
    use proptest::prelude::*;

    use super::*;
    use crate::mail::testing::{invoice, sender, wanted};

    /// A mail's text, with its header lines unfolded.
    fn text(wanted: &Wanted, invoice: &InvoiceRow) -> String {
        let mail = compose(&sender(), wanted, invoice, Timestamp::UNIX_EPOCH).unwrap();
        String::from_utf8(mail.formatted()).unwrap().replace("\r\n ", " ")
    }

    #[test]
    fn a_mail_says_all_that_the_event_does() {
        let mail = text(&wanted(8), &invoice());
        for line in [
            "From: \"Acme Billing\" <billing@acme.example>\r\n",
            "To: \"Ada Lovelace\" <ada@example.com>\r\n",
            "Subject: Your invoice\r\n",
            "Message-ID: <acme.invoicing.invoices.7.8@acme.example>\r\n",
            "Headwater-Event: acme/invoicing/invoices/7@8\r\n",
            "\r\n\r\nThank you.\r\n",
            "Content-Disposition: attachment; filename=\"invoice-12.html\"\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(mail.contains(line), "{line} in\n{mail}");
        }
    }

    /// Every transport takes ASCII; and nothing that a caller writes gets out of its place.
    #[test]
    fn whatever_is_written_stays_in_its_place() {
        let mut hostile = wanted(8);
        hostile.subject = "Grüße\r\nBcc: eve@example.com".to_owned();
        hostile.message = ".\r\n.\nMAIL FROM:<eve@example.com>\r\n\u{1f600}".to_owned();
        let mut invoice = invoice();
        invoice.customer.as_mut().unwrap().name =
            "\"Ada\" <eve@example.com>,\r\nBcc: eve@example.com".into();
        let mail = compose(&sender(), &hostile, &invoice, Timestamp::UNIX_EPOCH).unwrap();
        assert!(mail.formatted().is_ascii());
        let to: Vec<String> = mail.envelope().to().iter().map(ToString::to_string).collect();
        assert_eq!(to, ["ada@example.com"]);
        // In the document, which is text of the body, it may begin a line.
        let text = text(&hostile, &invoice);
        let (headers, _) = text.split_once("\r\n\r\n").unwrap();
        assert!(headers.lines().all(|line| !line.starts_with("Bcc")), "{text}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]

        /// What the door takes the mail library takes, else a mail that was asked for could never
        /// be sent.
        #[test]
        fn every_address_that_the_door_takes_can_be_sent_to(
            local in "([a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]{1,20}\\.?){1,4}|\"[a ]{1,3}\"|[a.]{1,4}",
            domain in "([a-zA-Z0-9-]{1,30}\\.?){1,10}|\\[[0-9a-f:.]{2,16}\\]\
                       |\\[127\\.0\\.0\\.1\\]|[büx例.]{1,8}",
        ) {
            let email = field::ascii_email(&format!("{local}@{domain}"));
            if field::email(&email).is_ok() {
                let mail = compose(
                    &sender(),
                    &Wanted { email: email.clone(), ..wanted(8) },
                    &invoice(),
                    Timestamp::UNIX_EPOCH,
                );
                let mail = mail.map_err(|error| TestCaseError::fail(format!("{email}: {error}")))?;
                prop_assert_eq!(mail.envelope().to()[0].to_string(), email);
                prop_assert!(mail.formatted().is_ascii());
            }
        }
    }

    #[test]
    fn a_sender_is_held_to_the_same_grammar() {
        let read = |text: &str| read_sender(text).map(|sender| sender.to_string()).ok();
        assert_eq!(
            read("Acme <billing@acme.example>").as_deref(),
            Some("Acme <billing@acme.example>")
        );
        assert_eq!(
            read("billing@bücher.example").as_deref(),
            Some("billing@xn--bcher-kva.example")
        );
        for none in ["", "Acme", "a..b@acme.example", "zoë@acme.example"] {
            assert_eq!(read(none), None, "{none}");
        }
    }

    #[test]
    fn a_mail_that_is_due_on_its_own_day_is_not_stamped_overdue() {
        let asked_at: Timestamp = "2026-11-27T10:00:00Z".parse().unwrap();
        let issued = InvoiceRow {
            status: Status::Issued,
            issued_at: Some(asked_at),
            due_at: Some(asked_at),
            ..owing()
        };
        let document = |at: &str| document(&wanted(8).effect.stream, &issued, at.parse().unwrap());
        assert!(!document("2026-11-27T23:59:59.999Z").contains(">Overdue<"));
        assert!(document("2026-11-28T00:00:00Z").contains(">Overdue<"));
    }

    /// An invoice of which something is due.
    fn owing() -> InvoiceRow {
        let mut row = InvoiceRow { currency: Currency::from_code("EUR"), ..invoice() };
        row.totals.due = 1.into();
        row
    }

    #[test]
    fn an_address_that_is_none_cannot_be_sent_to() {
        let nowhere = Wanted { email: "nowhere".to_owned(), ..wanted(8) };
        assert!(compose(&sender(), &nowhere, &invoice(), Timestamp::UNIX_EPOCH).is_err());
    }
}
