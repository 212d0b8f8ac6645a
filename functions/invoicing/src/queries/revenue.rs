use headwater_lambda::{Answer, Call, Function, Problem, Request, Shape};
use invoicing::revenue::{By, InvalidRange, REVENUE, Range, Revenue, revenue};
use invoicing::{Currency, DOMAIN, PROJECTIONS};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

/// The revenue of some days.
#[derive(Serialize, ToSchema)]
struct RevenueReport {
    /// The first day (UTC) that it is about.
    #[schema(value_type = String, format = "date")]
    from: Date,
    /// The last day (UTC) that it is about.
    #[schema(value_type = String, format = "date")]
    to: Date,
    /// A line for each period and currency that has anything, the oldest period first.
    items: Vec<Revenue>,
}

/// `GET /invoicing/reports/revenue`, by day or by month.
pub(crate) fn get_revenue() -> Function {
    let path = "/invoicing/reports/revenue";
    let call = Call::entity::<RevenueReport>(
        "invoicing-get-revenue",
        path,
        "Revenue by day or month of UTC, and by currency.",
    )
    .param(
        "from",
        Shape::matching(By::DAY_OR_MONTH),
        "The first day (2026-11-21), or by month the first month (2026-11). By default 30 days, \
         or 12 months, with that of `to`.",
    )
    .param(
        "to",
        Shape::matching(By::DAY_OR_MONTH),
        "The last day or month, which belongs to it; today by default. At most a year by day, and \
         ten years by month.",
    )
    .param("by", Shape::one_of(By::ALL.map(By::name)), "By day, if absent, or by month.")
    .param("currency", Shape::matching("[A-Z]{3}"), "Only this one, as `EUR`.");
    Function::http(call, |app, request| async move {
        let (by, range, currency) = asked(&request)?;
        let (from, up_to) = range.orders();
        let (position, sums) =
            app.sums(&request, DOMAIN, &PROJECTIONS, REVENUE, &from, &up_to).await?;
        let items =
            revenue(sums.iter().map(|sum| (sum.order.as_str(), &sum.amounts)), by, currency);
        let items = items
            .ok_or_else(|| Problem::internal(format!("one of the sums is no revenue: {sums:?}")))?;
        let report = RevenueReport { from: range.from, to: range.to, items };
        Answer::collection(&request, Some(position), &report)?
            .if_it_fits("from", "ask for fewer days, or for one currency")
    })
}

fn asked(request: &Request) -> Result<(By, Range, Option<Currency>), Problem> {
    let invalid = |InvalidRange { param, reason }| {
        Problem::invalid([(format!("/query/{param}"), reason.to_owned())])
    };
    let by = request.query("by").map(str::parse).transpose().map_err(invalid)?.unwrap_or_default();
    let today = request.now.to_zoned(TimeZone::UTC).date();
    let range =
        Range::new(by, request.query("from"), request.query("to"), today).map_err(invalid)?;
    let currency = request.query("currency").map(|code| {
        let known = Currency::from_code(code);
        known.ok_or(InvalidRange {
            param: "currency",
            reason: "the ISO 4217 code of a currency with a minor unit, as EUR",
        })
    });
    Ok((by, range, currency.transpose().map_err(invalid)?))
}
