//! Names that resources have on one machine, and what `Ref` and `GetAtt` of them yield.

use serde_json::Value;

/// The region that everything claims to be in.
pub const REGION: &str = "us-east-1";
/// The account that everything claims to belong to.
pub const ACCOUNT: &str = "000000000000";
/// The name of the stack.
pub(super) const STACK: &str = "headwater";

/// What a resource is called and where it is.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    kind: String,
    logical_id: String,
    /// The name given by the template, else the logical id (in lower case for a bucket, as S3
    /// demands).
    pub(super) name: String,
}

impl Identity {
    /// `name` is what the template says, already resolved.
    pub(super) fn new(kind: &str, logical_id: &str, name: Option<String>) -> Self {
        let name = name.unwrap_or_else(|| match kind {
            "AWS::S3::Bucket" => logical_id.to_lowercase(),
            _ => logical_id.to_owned(),
        });
        Self { kind: kind.to_owned(), logical_id: logical_id.to_owned(), name }
    }

    /// The property that gives a resource of this type its name.
    pub(super) fn name_property(kind: &str) -> Option<&'static str> {
        match kind {
            "AWS::DynamoDB::Table" => Some("TableName"),
            "AWS::Kinesis::Stream" => Some("Name"),
            "AWS::S3::Bucket" => Some("BucketName"),
            "AWS::SQS::Queue" => Some("QueueName"),
            "AWS::IAM::Role" => Some("RoleName"),
            // On one machine a function goes by its handler, which is the name of its binary too.
            "AWS::Serverless::Function" => Some("Handler"),
            _ => None,
        }
    }

    /// The value of `Ref`.
    pub(super) fn reference(&self) -> Value {
        match self.kind.as_str() {
            "AWS::SQS::Queue" => {
                format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{}", self.name).into()
            }
            _ => self.name.clone().into(),
        }
    }

    /// The value of `Fn::GetAtt`. An attribute that nothing on one machine looks at yields a name
    /// that matches nothing.
    pub(super) fn attribute(&self, attribute: &str) -> Value {
        match attribute {
            "Arn" => self.arn().into(),
            "StreamArn" => format!("{}/stream/local", self.arn()).into(),
            "QueueName" => self.name.clone().into(),
            _ => format!("{}.{attribute}", self.logical_id).into(),
        }
    }

    /// The resource's ARN.
    pub(super) fn arn(&self) -> String {
        let (service, resource) = match self.kind.as_str() {
            "AWS::S3::Bucket" => return format!("arn:aws:s3:::{}", self.name),
            "AWS::IAM::Role" => return format!("arn:aws:iam::{ACCOUNT}:role/{}", self.name),
            "AWS::DynamoDB::Table" => ("dynamodb", "table/"),
            "AWS::Kinesis::Stream" => ("kinesis", "stream/"),
            "AWS::SQS::Queue" => ("sqs", ""),
            "AWS::Serverless::Function" => ("lambda", "function:"),
            "AWS::Logs::LogGroup" => ("logs", "log-group:"),
            _ => ("none", ""),
        };
        format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}{}", self.name)
    }
}
