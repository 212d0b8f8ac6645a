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

const OWN: &str = "# A comment.

Parameters:
  Till:
    Type: String

Alarms:
  TillAlarm:
    Type: AWS::CloudWatch::Alarm

Widgets:
            {\"type\": \"text\"},
";

#[test]
fn each_part_of_each_service_goes_where_the_base_says() {
    let services = [shop(), Service::shared("park", "p")];
    let text = render(&services, OWN, "Written by a test.\nTwice.").unwrap();
    let places = [
        "\n# Written by a test.\n# Twice.\n",
        "\n  UniqueValueKey:\n",
        "\n  Till:\n",
        "\nResources:\n",
        "ShopLogs:",
        "ParkLogs:",
        "ShopPageFunction:",
        "Value: shop}]",
        "\n  TillAlarm:\n",
        "\n            {\"type\": \"text\"},\n",
        "\nOutputs:\n",
    ];
    let places = places.map(|part| text.find(part).unwrap_or_else(|| panic!("{part} in {text}")));
    assert!(places.is_sorted(), "{places:?}");
    assert!(!text.contains("\n\n\n") && !text.contains("# <"), "{text}");
    assert!(!text.contains("A comment"), "{text}");
}

#[test]
fn without_unique_values_there_is_no_key() {
    let text = render(&[Service::shared("park", "p")], "", "h").unwrap();
    assert!(!text.contains("UniqueValueKey"), "{text}");
}

#[test]
fn a_section_without_a_place_is_named() {
    let error = render(&[shop()], "Mappings:\n  A: 1\n", "h").unwrap_err();
    assert!(error.to_string().contains("\"Mappings\""), "{error}");
}

#[test]
fn a_stale_file_is_told_with_the_first_line_that_differs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("template.yaml");
    assert!(check(&path, "a\n").unwrap_err().contains("template.yaml"));
    std::fs::write(&path, "a\nb\n").unwrap();
    assert_eq!(check(&path, "a\nb\n"), Ok(()));
    let error = check(&path, "a\nc\n").unwrap_err();
    assert!(error.contains("is:     b") && error.contains("should: c"), "{error}");
    assert!(check(&path, "a\nb\nc\n").unwrap_err().contains("its end"));
}

#[test]
#[should_panic(expected = "two roles of shop are named History")]
fn a_name_stands_for_one_role() {
    static OTHER: Role = Role { name: "History", variables: &[EVENTS_TABLE], statements: &[] };
    let other = call(Call::entity::<String>("shop-other", "/shop/other", "s")).role(&OTHER);
    functions_and_roles(&shop().functions([other]));
}
