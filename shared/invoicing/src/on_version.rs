use std::borrow::Cow;

use garde::{Path, Report, Validate};
use headwater::field;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use crate::split::split;

/// A command's body with, beside the command's own members, the version that its caller decided on:
/// `{"currency": "EUR", "version": 3}`.
///
/// What was appended since then and commutes with the command does not stand in its way; what does
/// not is a conflict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct OnVersion<T> {
    /// The number of the last event that the caller knew. Left out, or null: the command is decided
    /// on the latest state.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// The command.
    #[serde(flatten)]
    pub command: T,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for OnVersion<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (version, command) = split::<D, Option<u64>, T>(deserializer, "version")?;
        Ok(Self { version: version.flatten(), command })
    }
}

/// Violations are named as those of the command alone: its members are the body's.
impl<T: Validate> Validate for OnVersion<T> {
    type Context = T::Context;

    fn validate_into(
        &self,
        context: &Self::Context,
        parent: &mut dyn FnMut() -> Path,
        report: &mut Report,
    ) {
        if let Err(error) = self.version.map_or(Ok(()), field::integer) {
            report.append(parent().join("version"), garde::Error::new(error));
        }
        self.command.validate_into(context, parent, report);
    }
}

/// The command's own schema with one member more, under the command's name.
impl<T: ToSchema> ToSchema for OnVersion<T> {
    fn name() -> Cow<'static, str> {
        T::name()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        T::schemas(schemas);
    }
}

impl<T: ToSchema> PartialSchema for OnVersion<T> {
    fn schema() -> RefOr<Schema> {
        let mut schema = T::schema();
        // A command that is nothing but another type is described as that one is.
        if let RefOr::Ref(Ref { ref_location, .. }) = &schema {
            let mut others = Vec::new();
            T::schemas(&mut others);
            let found =
                others.into_iter().find(|(name, _)| ref_location.ends_with(&format!("/{name}")));
            schema = found.map_or(schema, |(_, other)| other);
        }
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            let version = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
                .minimum(Some(0))
                .maximum(Some(field::LARGEST_INTEGER))
                .description(Some(
                    "The number of the last event that the caller knew. Left out, the command is \
                     decided on the latest state.",
                ));
            object.properties.insert("version".to_owned(), version.into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AddLineItem, IssueInvoice, RecordPayment, SetInvoiceCustomer};
    use serde_json::Value;

    fn schema<T: ToSchema>() -> (String, Value) {
        (
            OnVersion::<T>::name().into_owned(),
            serde_json::to_value(OnVersion::<T>::schema()).unwrap(),
        )
    }

    #[test]
    fn each_commands_schema_has_the_version_beside_the_commands_own_members() {
        for ((name, schema), (command, member)) in [
            (schema::<AddLineItem>(), ("AddLineItem", "unitPrice")),
            (schema::<SetInvoiceCustomer>(), ("SetInvoiceCustomer", "email")),
            (schema::<RecordPayment>(), ("RecordPayment", "amount")),
            (schema::<IssueInvoice>(), ("IssueInvoice", "paymentTermDays")),
        ] {
            assert_eq!(name, command);
            let members = &schema["properties"];
            assert!(
                members[member].is_object() && members["version"].is_object(),
                "{name}: {schema}"
            );
        }
    }
}
