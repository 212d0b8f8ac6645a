use headwater_testkit::given;

use super::*;

fn name_set(name: &str) -> GroupEvent {
    GroupEvent::GroupNameSet { name: name.to_owned() }
}

fn description_set(description: Option<&str>) -> GroupEvent {
    GroupEvent::GroupDescriptionSet { description: description.map(str::to_owned) }
}

/// The events of a group with a description.
fn crew() -> Vec<GroupEvent> {
    vec![GroupEvent::GroupCreated {}, name_set("Crew"), description_set(Some("On board"))]
}

fn deleted() -> Vec<GroupEvent> {
    crew().into_iter().chain([GroupEvent::GroupDeleted {}]).collect()
}

fn create(description: Option<&str>) -> CreateGroup {
    CreateGroup { id: None, name: "Crew".into(), description: description.map(Into::into) }
}

fn describe(description: Option<&str>) -> PatchGroup {
    PatchGroup { name: None, description: Some(description.map(Into::into)) }
}

#[test]
fn a_group_is_created_once() {
    given::<Group>([]).when(create(Some("On board"))).then(crew()).again_nothing();
    given::<Group>([])
        .when(create(None))
        .then([GroupEvent::GroupCreated {}, name_set("Crew")])
        .again_nothing();
    given::<Group>(crew()).when(create(None)).then_rejected(&GROUP_EXISTS);
    given::<Group>(deleted()).when(create(None)).then_rejected(&GROUP_EXISTS);
}

#[test]
fn a_patch_sets_what_is_given_and_differs() {
    let rename = |name: &str| PatchGroup { name: Some(name.into()), description: None };
    given::<Group>(crew())
        .when(rename("Ship's crew"))
        .then([name_set("Ship's crew")])
        .again_nothing();
    given::<Group>(crew()).when(rename("Crew")).then_nothing();
    given::<Group>(crew()).when(rename("CREW")).then([name_set("CREW")]).again_nothing();
    given::<Group>(crew())
        .when(describe(Some("Ashore")))
        .then([description_set(Some("Ashore"))])
        .again_nothing();
    given::<Group>(crew()).when(describe(Some("On board"))).then_nothing();
    given::<Group>(crew()).when(describe(None)).then([description_set(None)]).again_nothing();
    given::<Group>(crew()).when(PatchGroup::default()).then_nothing();
    given::<Group>([]).when(rename("Crew")).then_unknown();
    given::<Group>(deleted()).when(rename("Crew")).then_unknown();
}

#[test]
fn a_group_is_deleted_for_good() {
    given::<Group>(crew()).when(DeleteGroup {}).then([GroupEvent::GroupDeleted {}]).again_nothing();
    given::<Group>([]).when(DeleteGroup {}).then_unknown();
    given::<Group>(deleted()).when(DeleteGroup {}).then_unknown();
}

#[test]
fn null_clears_the_description_and_leaves_nothing_else() {
    let patch = |json: &str| serde_json::from_str::<PatchGroup>(json);
    assert_eq!(patch(r#"{"description": null}"#).unwrap().description, Some(None));
    assert_eq!(patch("{}").unwrap().description, None);
    assert!(patch(r#"{"name": null}"#).is_err());
}
