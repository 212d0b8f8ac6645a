use headwater::normalize;
use headwater_testkit::given;

use super::*;

fn name_set(name: &str) -> CustomerEvent {
    CustomerEvent::CustomerNameSet { name: name.into() }
}

fn email_set(email: &str) -> CustomerEvent {
    CustomerEvent::CustomerEmailSet { email: email.into() }
}

fn acme() -> Vec<CustomerEvent> {
    vec![CustomerEvent::CustomerCreated {}, name_set("Acme"), email_set("pay@acme.example")]
}

fn create() -> CreateCustomer {
    CreateCustomer { id: None, name: "Acme".into(), email: "pay@acme.example".into() }
}

fn patch(name: Option<&str>, email: Option<&str>) -> PatchCustomer {
    PatchCustomer { name: name.map(Into::into), email: email.map(Into::into) }
}

#[test]
fn a_customer_is_created_once() {
    given([]).when(create()).then(acme()).again_nothing();
    given(acme()).when(create()).then_rejected(&CUSTOMER_EXISTS);
}

#[test]
fn a_patch_sets_what_is_given_and_differs() {
    let (name, email) = (Some("Acme Inc."), Some("bills@acme.example"));
    given(acme())
        .when(patch(name, email))
        .then([name_set("Acme Inc."), email_set("bills@acme.example")])
        .again_nothing();
    given(acme())
        .when(patch(name, Some("pay@acme.example")))
        .then([name_set("Acme Inc.")])
        .again_nothing();
    given(acme())
        .when(patch(None, Some("PAY@acme.example")))
        .then([email_set("PAY@acme.example")])
        .again_nothing();
    given(acme()).when(patch(None, None)).then_nothing();
    given([]).when(patch(name, None)).then_unknown();
}

#[test]
fn a_customer_is_erased_once_and_for_good() {
    let erased = [acme(), vec![CustomerEvent::CustomerErased {}]].concat();
    given(acme()).when(EraseCustomer {}).then([CustomerEvent::CustomerErased {}]).again_nothing();
    given(erased.clone()).when(EraseCustomer {}).then_nothing();
    given([]).when(EraseCustomer {}).then_unknown();
    given(erased.clone()).when(create()).then_rejected(&CUSTOMER_EXISTS);
    given(erased).when(patch(Some("Bolt"), None)).then_unknown();
}

#[test]
fn an_address_is_claimed_by_whoever_exists() {
    let fold = |events: &[CustomerEvent]| {
        let mut customer = Customer::default();
        events.iter().for_each(|event| customer.evolve(event, Timestamp::UNIX_EPOCH));
        customer.unique_values()
    };
    assert_eq!(fold(&[]), []);
    assert_eq!(fold(&[acme(), vec![CustomerEvent::CustomerErased {}]].concat()), []);
    let [claimed] = &fold(&acme())[..] else { panic!("one value is claimed") };
    assert_eq!(
        (claimed.category, &claimed.normalized, claimed.taken),
        ("customer-emails", &normalize("Pay@Acme.example"), &CUSTOMER_EMAIL_TAKEN)
    );
}

#[test]
fn a_patch_commutes_with_the_field_that_it_leaves_alone() {
    let [created, named, mailed] = &acme()[..] else { panic!("three events") };
    let commutes =
        |patch: PatchCustomer| [created, named, mailed].map(|event| patch.commutes_with(event));
    assert_eq!(commutes(patch(Some("a"), None)), [false, false, true]);
    assert_eq!(commutes(patch(None, Some("a@b.example"))), [false, true, false]);
    assert_eq!(commutes(patch(Some("a"), Some("a@b.example"))), [false; 3]);
    assert!(acme().iter().all(|event| !create().commutes_with(event)));
}
