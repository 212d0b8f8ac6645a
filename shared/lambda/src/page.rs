//! The items of a page: as many as an answer holds.

use serde::Serialize;

use crate::Problem;

/// The largest body of an answer, in bytes. Lambda takes answers of 6 MB.
pub const LARGEST_ANSWER: usize = 4_000_000;

/// What is kept of it for what stands around the items: `next`, above all, which carries up to 20
/// tokens.
const AROUND: usize = 20_000;

/// The largest body as Lambda counts it, which takes it as a JSON text: each quote and backslash
/// has another backslash in front.
const LARGEST_AS_TEXT: usize = 5_500_000;

/// Some items of a list, rendered.
///
/// ```
/// use headwater_lambda::{Page, Problem};
/// use serde_json::json;
///
/// // Each item with its place, and where the list goes on.
/// let items = [("1".to_owned(), json!({ "id": 1 })), ("2".to_owned(), json!({ "id": 2 }))];
/// let page = Page::of(items, Some("2".to_owned()))?;
/// assert_eq!((page.count, page.next.as_deref()), (2, Some("2")));
/// # Ok::<(), Problem>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// A JSON array.
    pub(crate) items: String,
    /// How many items.
    pub count: usize,
    /// The place to go on after; nothing if the list ends here.
    pub next: Option<String>,
}

impl Page {
    /// Takes as many of the items as an answer holds, each given with its place, and goes on after
    /// the last of them; behind all, `next` says where to go on.
    ///
    /// There is always one, if any is given. It fits, since what it is made of is one item of
    /// DynamoDB: at most 400 KB, of which JSON makes 2.4 MB where each byte has to be escaped.
    ///
    /// # Errors
    /// 500 if an item cannot be rendered.
    pub fn of<T: Serialize>(
        items: impl IntoIterator<Item = (String, T)>,
        next: Option<String>,
    ) -> Result<Self, Problem> {
        let mut page = Self { items: "[".to_owned(), count: 0, next };
        let mut last = None;
        let mut as_text = 0;
        for (place, item) in items {
            let item = serde_json::to_string(&item).map_err(Problem::internal)?;
            as_text +=
                item.len() + item.bytes().filter(|byte| matches!(byte, b'"' | b'\\')).count();
            if page.count > 0 {
                if page.items.len() + item.len() + AROUND > LARGEST_ANSWER
                    || as_text + AROUND > LARGEST_AS_TEXT
                {
                    page.next = last;
                    break;
                }
                page.items.push(',');
            }
            page.items.push_str(&item);
            page.count += 1;
            last = Some(place);
        }
        page.items.push(']');
        Ok(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(items: &[&str]) -> Page {
        Page::of((1..).map(|number: usize| number.to_string()).zip(items), Some("next".to_owned()))
            .unwrap()
    }

    #[test]
    fn a_page_has_as_many_items_as_an_answer_holds_and_at_least_one() {
        let (million, quotes) = ("x".repeat(1_000_000), "\"".repeat(500_000));
        for (items, taken, next) in [
            (vec![], 0, "next"),
            (vec!["a", "b"], 2, "next"),
            (vec![&million; 3], 3, "next"),
            // The fourth leaves no room for what stands around them.
            (vec![&million; 4], 3, "3"),
            // A quote takes 2 bytes in the body, and 4 in what Lambda counts.
            (vec![&quotes; 3], 2, "2"),
            // It is over the limit alone, but an item of DynamoDB never is.
            (vec![&million.repeat(5), "b"], 1, "1"),
        ] {
            let page = page(&items);
            let shown: Vec<String> = serde_json::from_str(&page.items).unwrap();
            assert_eq!(shown, items[..taken]);
            assert_eq!(page.next.as_deref(), Some(next), "{taken} items");
            assert_eq!(page.count, taken);
        }
    }
}
