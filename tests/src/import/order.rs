use headwater_lambda::read_json;
use invoicing::CreateInvoice;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Fault;

/// A row of the file: a line of an order, and once more whose order it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    order_id: String,
    #[serde(default)]
    customer_id: String,
    customer_name: String,
    customer_email: String,
    currency: String,
    description: String,
    quantity: String,
    unit_price: String,
    tax_rate: String,
}

/// An order, and the invoice that it is to be.
pub(super) struct Order {
    /// Where its rows are in the file, in the order of the invoice's lines. There is at least one.
    lines: Vec<u64>,
    /// The body that creates the invoice.
    pub(super) invoice: Value,
}

impl Row {
    /// The columns that all rows of an order must have alike, and these two have not.
    pub(super) fn differences(&self, other: &Self) -> Vec<&'static str> {
        self.of_order()
            .into_iter()
            .zip(other.of_order())
            .filter(|(own, other)| own != other)
            .map(|((name, _), _)| name)
            .collect()
    }

    /// The columns that say whose order it is.
    fn of_order(&self) -> [(&'static str, &str); 4] {
        [
            ("customerId", &self.customer_id),
            ("customerName", &self.customer_name),
            ("customerEmail", &self.customer_email),
            ("currency", &self.currency),
        ]
    }
}

impl Order {
    /// The order of these rows, each with its line in the file.
    pub(super) fn new(rows: &[(u64, &Row)]) -> Self {
        let items = rows.iter().map(|(_, row)| {
            json!({
                "description": row.description,
                "quantity": row.quantity,
                "unitPrice": row.unit_price,
                "taxRate": row.tax_rate,
            })
        });
        let mut invoice = json!({ "lineItems": items.collect::<Vec<_>>() });
        if let Some((
            _,
            Row { order_id, customer_id, customer_name, customer_email, currency, .. },
        )) = rows.first()
        {
            (invoice["id"], invoice["currency"]) = (json!(order_id), json!(currency));
            invoice["customer"] = json!({ "name": customer_name, "email": customer_email });
            if !customer_id.is_empty() {
                invoice["customer"]["id"] = json!(customer_id);
            }
        }
        Self { lines: rows.iter().map(|(line, _)| *line).collect(), invoice }
    }

    pub(super) fn id(&self) -> &str {
        self.invoice["id"].as_str().unwrap_or_default()
    }

    /// Something that is wrong with the whole of it.
    pub(super) fn fault(&self, reason: String) -> Fault {
        self.fault_of_item(0, reason)
    }

    fn fault_of_item(&self, index: usize, reason: String) -> Fault {
        Fault {
            line: self.lines.get(index).or(self.lines.first()).copied().unwrap_or_default(),
            order: self.id().to_owned(),
            reason,
        }
    }

    /// All that is wrong with its shape, by the service's own code. That names some faults one at a
    /// time, so what it names is put right in a copy, and the copy looked at again.
    pub(super) fn check(&self) -> Vec<Fault> {
        let (mut copy, mut faults) = (self.invoice.clone(), Vec::new());
        while let Err(problem) = read_json::<CreateInvoice>(copy.clone()) {
            let problem: Value = serde_json::from_str(&problem.answer().body).unwrap_or_default();
            faults.extend(self.faults(&problem));
            if !put_right(&mut copy, &problem) {
                break;
            }
        }
        faults.sort();
        faults
    }

    /// What a problem with the invoice says of the rows.
    pub(super) fn faults(&self, problem: &Value) -> Vec<Fault> {
        let fault = |error: &Value| {
            let (item, column) = place(error["pointer"].as_str().unwrap_or_default());
            let detail = error["detail"].as_str().unwrap_or_default();
            self.fault_of_item(
                item,
                if column.is_empty() { detail.to_owned() } else { format!("{column}: {detail}") },
            )
        };
        problem["errors"].as_array().into_iter().flatten().map(fault).collect()
    }

    /// In what an invoice is not what this order makes.
    pub(super) fn differences(&self, invoice: &Value) -> Vec<Fault> {
        let (Ok(wanted), Ok(found)) = (as_created(&self.invoice), as_created(invoice)) else {
            return vec![self.fault("the invoice that there is cannot be read".to_owned())];
        };
        let whole = [
            (wanted.customer != found.customer)
                .then(|| self.fault("the invoice that there is has another customer".to_owned())),
            (wanted.currency != found.currency)
                .then(|| self.fault("the invoice that there is has another currency".to_owned())),
            (wanted.line_items.len() != found.line_items.len()).then(|| {
                self.fault(format!(
                    "the invoice that there is has {} lines",
                    found.line_items.len()
                ))
            }),
        ];
        let items = wanted
            .line_items
            .iter()
            .zip(&found.line_items)
            .enumerate()
            .filter(|(_, (wanted, found))| wanted != found);
        let items = items.map(|(index, _)| {
            self.fault_of_item(index, "the invoice that there is has another such line".to_owned())
        });
        whole.into_iter().flatten().chain(items).collect()
    }
}

/// Puts something valid where a problem says that a value is not, and says whether it could.
fn put_right(invoice: &mut Value, problem: &Value) -> bool {
    let mut is_better = false;
    for pointer in problem["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|error| error["pointer"].as_str())
    {
        let valid = match pointer.rsplit('/').next() {
            // The one whose minor unit has the most decimals: with it no price is wrong that might
            // be right.
            Some("currency") => "CLF",
            Some("email") => "ada@example.com",
            Some("quantity" | "unitPrice" | "taxRate") => "1",
            _ => "x",
        };
        if let Some(value) =
            invoice.pointer_mut(pointer).filter(|value| value.is_string() && *value != valid)
        {
            *value = json!(valid);
            is_better = true;
        }
    }
    is_better
}

/// What would have created an invoice as it is now.
fn as_created(invoice: &Value) -> Result<CreateInvoice, serde_json::Error> {
    let pick = |item: &Value| {
        let fields = ["description", "quantity", "unitPrice", "taxRate"]
            .map(|field| (field.to_owned(), item[field].clone()));
        Value::Object(fields.into_iter().collect())
    };
    let items: Vec<Value> =
        invoice["lineItems"].as_array().into_iter().flatten().map(pick).collect();
    serde_json::from_value(json!({
        "customer": invoice["customer"],
        "currency": invoice["currency"],
        "lineItems": items,
    }))
}

/// The row and the column that a pointer into the invoice names: `/lineItems/2/quantity` is row 2's
/// `quantity`.
fn place(pointer: &str) -> (usize, String) {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    match parts[..] {
        ["lineItems", item, column] => (item.parse().unwrap_or_default(), column.to_owned()),
        ["customer", "id"] => (0, "customerId".to_owned()),
        ["customer", "name"] => (0, "customerName".to_owned()),
        ["customer", "email"] => (0, "customerEmail".to_owned()),
        ["id"] => (0, "orderId".to_owned()),
        ["lineItems"] => (0, String::new()),
        _ => (0, parts.join(".")),
    }
}
