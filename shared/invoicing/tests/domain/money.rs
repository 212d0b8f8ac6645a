//! What lines amount to: the table of `docs/reference/invoicing.md`, a model in whole numbers, and
//! sums.

use invoicing::*;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::histories::{history, item as any_item};
use crate::support::*;

const PAGE: &str = include_str!("../../../../docs/reference/invoicing.md");

#[test]
fn every_documented_line_amounts_to_what_the_page_says() {
    let mut rows = 0;
    for cells in PAGE
        .lines()
        .filter_map(|line| Some(line.strip_prefix("| `")?.split(" | ").collect::<Vec<_>>()))
    {
        let [when, net, tax, gross, ..] = cells[..] else { continue };
        let Some((quantity, rest)) = when.split_once(" × ") else { continue };
        let (price, tax_rate) = rest.trim_end_matches('`').split_once(", ").expect("a rate");
        let (price, code) = price.split_once(' ').expect("a price");
        let amounts = Amounts::of(&line(1, quantity, price, tax_rate), currency(code));
        let found = [amounts.net, amounts.tax, amounts.gross].map(|amount| format!("`{amount}`"));
        assert_eq!(found, [net, tax, gross], "{when}");
        rows += 1;
    }
    assert_eq!(rows, 10, "has the table's shape changed?");
}

/// As bodies may have them: the bounds, and any number of decimals up to the most.
fn lines() -> impl Strategy<Value = (Line, Currency)> {
    let number = |most: u64, decimals: u32| {
        (0..=most * 10_u64.pow(decimals))
            .prop_map(move |units| Decimal::new(units as i64, decimals))
    };
    let quantity = prop_oneof![number(1_000_000_000, 6), number(10, 6), number(10, 1)];
    let money = prop::sample::select(vec![("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)]);
    let priced = money.prop_flat_map(move |(code, decimals)| {
        (Just(currency(code)), prop_oneof![number(1_000_000_000, decimals), number(20, decimals)])
    });
    (quantity, priced, number(1, 6)).prop_map(|(quantity, (currency, unit_price), tax_rate)| {
        (
            Line { n: 1, description: "Consulting".to_owned(), quantity, unit_price, tax_rate },
            currency,
        )
    })
}

/// Half to even, in whole numbers.
fn divide(dividend: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    match (2 * rest).cmp(&divisor) {
        std::cmp::Ordering::Less => quotient,
        std::cmp::Ordering::Equal => quotient + quotient % 2,
        std::cmp::Ordering::Greater => quotient + 1,
    }
}

/// A decimal as a whole number of its parts.
fn units(number: Decimal, decimals: u32) -> i128 {
    let mut number = number;
    number.rescale(decimals);
    assert_eq!(number.scale(), decimals, "it fits");
    number.mantissa()
}

proptest! {
    #[test]
    fn a_line_amounts_to_what_whole_numbers_say((line, currency) in lines()) {
        let (amounts, decimals) = (Amounts::of(&line, currency), currency.decimals());
        let net = divide(units(line.quantity, 6) * units(line.unit_price, decimals), 1_000_000);
        let tax = divide(net * units(line.tax_rate, 6), 1_000_000);
        prop_assert_eq!((units(amounts.net, decimals), units(amounts.tax, decimals)), (net, tax));
        prop_assert_eq!(units(amounts.gross, decimals), net + tax);
        for amount in [amounts.net, amounts.tax, amounts.gross] {
            prop_assert_eq!(amount.scale(), decimals, "{} {}", amount, currency.code());
        }
    }

    /// 200 of the largest lines are a number still.
    #[test]
    fn an_invoice_never_overflows((line, currency) in lines()) {
        let totals = Totals::of(&vec![line.clone(); 200], [], currency);
        prop_assert_eq!(
            totals.amounts.gross,
            Amounts::of(&line, currency).gross * Decimal::from(200),
        );
    }

    #[test]
    fn totals_are_the_sums_of_the_lines(history in history()) {
        let invoice = &history.folded().state;
        let Some(currency) = invoice.currency else { return Ok(()) };
        let Totals { amounts, paid, due } = invoice.totals();
        let lines: Vec<Amounts> =
            invoice.lines.iter().map(|line| Amounts::of(line, currency)).collect();
        let sum = |amount: fn(&Amounts) -> Decimal| lines.iter().map(amount).sum::<Decimal>();
        prop_assert_eq!(
            [amounts.net, amounts.tax, amounts.gross],
            [sum(|line| line.net), sum(|line| line.tax), sum(|line| line.gross)],
        );
        prop_assert_eq!(amounts.gross, amounts.net + amounts.tax);
        let taxes = TaxTotal::per_rate(&invoice.lines, currency);
        prop_assert_eq!(taxes.iter().map(|rate| rate.net).sum::<Decimal>(), amounts.net);
        prop_assert_eq!(taxes.iter().map(|rate| rate.tax).sum::<Decimal>(), amounts.tax);
        prop_assert!(taxes.windows(2).all(|pair| pair[0].rate < pair[1].rate));
        prop_assert_eq!(
            paid,
            invoice.payments.values().map(|payment| payment.amount).sum::<Decimal>(),
        );
        prop_assert_eq!(due, amounts.gross - paid);
        prop_assert!(due >= Decimal::ZERO);
    }

    /// However a draft came to have its lines, and whatever else it had on the way.
    #[test]
    fn totals_do_not_depend_on_the_order_of_edits(
        items in prop::collection::vec(any_item(), 0..6),
        order in any::<prop::sample::Index>(),
        detours in prop::collection::vec(any_item(), 0..4),
    ) {
        let at_once = invoice(&[Step::new(create(items.clone()))]);
        let mut rotated = items.clone();
        rotated.rotate_left(order.index(items.len().max(1)));
        rotated.reverse();
        let mut steps = vec![Step::new(create(detours.clone()))];
        steps.extend(rotated.iter().cloned().map(add));
        steps.extend(
            (1..).zip(&detours).flat_map(|(n, _)| [change(n, item("9", "9", "1")), remove(n)]),
        );
        prop_assert_eq!(invoice(&steps).totals(), at_once.totals());
    }
}
