use std::collections::BTreeSet;

use headwater::{
    Command, Context, Event, IndexKey, Projection, Rule, Verdict, aggregate_fn, projection_fn,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::*;
use crate::openapi::document;
use crate::{Kind, Service};

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Till;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "type", content = "data")]
enum TillEvent {}

impl Event for TillEvent {}

impl Aggregate for Till {
    type Event = TillEvent;
    const DOMAIN: &'static str = "shop";
    const CATEGORY: &'static str = "tills";
    const REVISION: u32 = 1;

    fn evolve(&mut self, _: &TillEvent, _: Timestamp) {}
}

static CLOSED: Rule = Rule { name: "till-closed", title: "It is closed.", help: "Open it." };

/// Puts so many coins into a slot.
#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
#[garde(allow_unvalidated)]
#[expect(dead_code, reason = "only its shape counts")]
struct FillSlot {
    /// Which.
    #[schema(minimum = 1, maximum = 9)]
    slot: u64,
    coins: u64,
}

#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct OpenTill {}

#[derive(Deserialize, Validate, ToSchema)]
#[serde(deny_unknown_fields)]
struct ReplaceTill {}

impl Command for FillSlot {
    type Aggregate = Till;
    const NAME: &'static str = "FillSlot";
    const RULES: &'static [&'static Rule] = &[&CLOSED];

    fn decide(&self, _: &Till, _: &Context) -> Verdict<Till> {
        Ok(vec![])
    }
}

impl Command for OpenTill {
    type Aggregate = Till;
    const NAME: &'static str = "OpenTill";

    fn decide(&self, _: &Till, _: &Context) -> Verdict<Till> {
        Ok(vec![])
    }
}

impl Command for ReplaceTill {
    type Aggregate = Till;
    const NAME: &'static str = "ReplaceTill";

    fn decide(&self, _: &Till, _: &Context) -> Verdict<Till> {
        Ok(vec![])
    }
}

/// A till, as queries show it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
struct TillRow {
    /// What is in it.
    coins: u64,
}

impl Projection for TillRow {
    type Event = TillEvent;
    const CATEGORY: &'static str = "tills";
    const REVISION: u32 = 1;

    fn evolve(&mut self, _: &TillEvent, _: Timestamp) {}

    fn is_deleted(&self) -> bool {
        false
    }

    fn index_keys(&self, _: &StreamName) -> BTreeSet<IndexKey> {
        BTreeSet::new()
    }
}

static SHOP: Domain = Domain::new("shop", &[aggregate_fn::<Till>()], &[projection_fn::<TillRow>()]);

fn shop() -> Service {
    Service::new(&SHOP, "shop-functions")
        .aggregate::<Till>("/tills", |tills| {
            tills
                .create::<OpenTill>("Open a till.")
                .replace::<ReplaceTill>("Replace a till.")
                .put::<FillSlot>("slots/{slot}", "Fill a slot.")
                .with_unique_values()
                .delete::<OpenTill>("Close a till.")
                .named("close-till")
                .operator()
                .row::<TillRow>("Read a till.")
                .list::<TillRow>("tills", "List tills.")
        })
        .execute()
}

#[test]
fn a_line_makes_function_route_rules_and_variables() {
    let shop = shop();
    let calls: Vec<_> = shop
        .calls()
        .map(|call| (call.function.as_str(), call.method, call.path.as_str(), call.kind))
        .collect();
    assert_eq!(
        calls,
        [
            ("shop-open-till", "POST", "/shop/tills", Kind::Create),
            ("shop-replace-till", "PUT", "/shop/tills/{id}", Kind::Command),
            ("shop-fill-slot", "PUT", "/shop/tills/{id}/slots/{slot}", Kind::Command),
            ("shop-close-till", "DELETE", "/shop/tills/{id}", Kind::Command),
            ("shop-read-tills", "GET", "/shop/tills/{id}", Kind::Entity),
            ("shop-list-tills", "GET", "/shop/tills", Kind::List),
            ("shop-execute", "POST", "/shop/execute", Kind::Command),
        ]
    );
    let has_key: Vec<bool> =
        shop.functions.iter().map(|f| f.environment().contains(&UNIQUE_KEY)).collect();
    assert_eq!(has_key, [false, false, false, true, false, false, true]);
    assert_eq!(shop.rules(), [&CLOSED]);
}

#[test]
fn a_row_is_shown_with_its_id_and_version() {
    let document = document(&shop().calls().cloned().collect::<Vec<_>>());
    let answer = &document["paths"]["/shop/tills/{id}"]["get"]["responses"]["200"];
    let schema = answer["content"]["application/json"]["schema"]["$ref"].as_str().unwrap();
    let schema = document.pointer(schema.trim_start_matches('#')).unwrap().to_string();
    for member in ["id", "version", "coins"] {
        assert!(schema.contains(&format!("\"{member}\":{{")), "{member} in {schema}");
    }
}

#[test]
fn what_the_path_has_is_not_in_the_body_and_a_version_is() {
    let document = document(&shop().calls().cloned().collect::<Vec<_>>());
    let schemas = &document["components"]["schemas"];
    assert!(schemas["FillSlot"]["properties"]["version"].is_object(), "{schemas}");
    assert!(schemas["FillSlot"]["properties"]["slot"].is_null(), "{schemas}");
    assert_eq!(schemas["FillSlot"]["required"], json!(["coins"]));
    let put = &document["paths"]["/shop/tills/{id}/slots/{slot}"]["put"];
    assert_eq!(put["requestBody"]["required"], true);
    assert_eq!(put["parameters"][1]["schema"]["maximum"], 9);
    let delete = &document["paths"]["/shop/tills/{id}"]["delete"];
    assert_eq!(delete["requestBody"]["required"], false);
}

#[test]
fn a_number_in_a_path_is_written_in_one_way_and_in_its_range() {
    let shape = Shape::number(1..=9);
    assert_eq!(shape.read("7"), Some(json!(7)));
    for none in ["0", "10", "+7", "07", "7.0", "seven", ""] {
        assert_eq!(shape.read(none), None, "{none}");
    }
    assert_eq!(Shape::id().read("07"), Some(json!("07")));
}
