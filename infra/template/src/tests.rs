use headwater_lambda::deployment::{EVENTS_TABLE, HISTORY, Role, Source, UNIQUE_KEY};
use headwater_lambda::{Call, Function, Problem, Service};

use super::*;

fn call(call: Call) -> Function {
    Function::http(call, |_, _| async { Err(Problem::not_found("anything")) })
}

fn shop() -> Service {
    Service::shared("shop", "shop-functions").functions([
        call(Call::command("shop-open-till", "POST", "/shop/tills", "s")).variable(UNIQUE_KEY),
        call(Call::command("shop-close-till", "DELETE", "/shop/tills/{id}", "s")),
        call(Call::entity::<String>("shop-get-till", "/shop/tills/{id}", "s")).role(&HISTORY),
        call(Call::public("shop-page", "/shop", "s")),
    ])
}

#[test]
fn functions_that_may_do_the_same_share_a_role() {
    let text = functions_and_roles(&shop());
    assert_eq!(text.matches("AWS::IAM::Role").count(), 3, "{text}");
    assert_eq!(text.matches("Role: !GetAtt ShopCommandRole.Arn").count(), 2, "{text}");
    assert!(text.contains("Role: !GetAtt ShopHistoryRole.Arn"), "{text}");
}

#[test]
fn a_function_has_its_code_its_routes_and_the_variables_of_its_role() {
    let shop = shop();
    let text = functions::of(&shop, &shop.functions[0]);
    for expected in [
        "      Handler: shop-open-till\n      CodeUri: target/lambda/shop-functions/\n",
        "          EVENTS_TABLE: !Ref EventsTable\n",
        "          UNIQUE_KEY: !Ref UniqueValueKey\n",
        "Method: POST, Path: \"/shop/tills\"}}\n",
    ] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
    let get = functions::of(&shop, &shop.functions[2]);
    assert!(get.contains("Method: GET") && get.contains("Method: HEAD"), "{get}");
    let page = functions::of(&shop, &shop.functions[3]);
    assert_eq!(page.matches("Auth: {Authorizer: NONE}").count(), 2, "{page}");
    assert!(!page.contains("Environment"), "{page}");
}

#[test]
fn what_is_behind_a_stream_has_alarms() {
    let project = Function::stream(
        "shop-project",
        Source::commits("Shop views are a minute behind."),
        &HISTORY,
        |_, (), _| async { Ok(()) },
    );
    let text = alarms::of(&shop().functions([project]));
    for name in ["ProjectIteratorAge", "ProjectErrors", "UniqueKey", "ParkedStreams"] {
        assert!(text.contains(&format!("  Shop{name}Alarm:\n")), "{name} in {text}");
    }
    assert!(!alarms::of(&Service::shared("shop", "p")).contains("Alarm"));
}

#[test]
fn each_part_of_each_service_goes_where_the_base_says() {
    let base =
        "First: line\nResources:\n  # <logs>\n\n  # <functions>\n\n  # <alarms>\n\nLast: 1\n";
    let text = render(base, &[shop(), Service::shared("park", "p")]);
    let places =
        ["First: line\n# Written by", "ShopLogs:", "ParkLogs:", "ShopPageFunction:", "Last: 1"]
            .map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(!text.contains("\n\n\n") && !text.contains("# <"), "{text}");
}

#[test]
#[should_panic(expected = "two roles of shop are named History")]
fn a_name_stands_for_one_role() {
    static OTHER: Role = Role { name: "History", variables: &[EVENTS_TABLE], statements: &[] };
    let other = call(Call::entity::<String>("shop-other", "/shop/other", "s")).role(&OTHER);
    functions_and_roles(&shop().functions([other]));
}
