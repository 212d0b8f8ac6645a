//! The plots of the report.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::CoordTranslate;
use plotters::prelude::*;

use super::Measured;
use super::show::thousands;
use crate::measure::histories;
use crate::systems::Kind;

const SIZE: (u32, u32) = (820, 420);
const FONT: &str = "sans-serif";

/// How much higher the axis is than the highest bar.
const ROOM_FOR_LABELS: f64 = 1.6;

/// A history of no events has a place on the logarithmic axis, too.
const NO_EVENTS: f64 = 1.0;

/// Draws all of them into a folder.
///
/// # Errors
/// If one cannot be written.
pub(super) fn write(measured: &Measured, folder: &Path) -> Result<()> {
    let latency = lines(measured, |cell| cell.latency.median.as_secs_f64() * 1_000.0);
    draw(&folder.join("benchmark-latency.svg"), "A command, median, ms", &latency)?;
    let price = lines(measured, |cell| cell.spent.dollars());
    draw(&folder.join("benchmark-price.svg"), "A million commands, $", &price)?;
    bars(&folder.join("benchmark-throughput.svg"), measured)
}

/// A system's line.
struct Line {
    kind: Kind,
    points: Vec<(f64, f64)>,
}

fn lines(measured: &Measured, value: impl Fn(&histories::Measured) -> f64) -> Vec<Line> {
    let line = |kind| {
        let cells = measured.cells.iter().filter(|cell| cell.kind == kind);
        let points = cells
            .filter_map(|cell| {
                Some(((cell.length as f64).max(NO_EVENTS), value(cell.measured.as_ref().ok()?)))
            })
            .collect();
        Line { kind, points }
    };
    Kind::ALL.into_iter().map(line).collect()
}

/// Lines over the length of the history, both axes logarithmic.
fn draw(path: &Path, caption: &str, lines: &[Line]) -> Result<()> {
    let points = || lines.iter().flat_map(|line| &line.points);
    let longest = points().map(|(x, _)| *x).fold(NO_EVENTS, f64::max);
    let (least, most) = points()
        .fold((f64::INFINITY, 0.0_f64), |(least, most), (_, y)| (least.min(*y), most.max(*y)));
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(caption, (FONT, 18))
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (NO_EVENTS..longest * 1.1).log_scale(),
            (least / 1.3..most * 1.3).log_scale(),
        )
        .map_err(failed)?;
    let events = |x: &f64| if *x <= NO_EVENTS { "0".to_owned() } else { thousands(*x as u64) };
    chart
        .configure_mesh()
        .x_desc("events in the stream")
        .x_label_formatter(&events)
        .y_label_formatter(&|y| format!("{y}"))
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()
        .map_err(failed)?;
    for line in lines {
        let style = style(line.kind);
        let series = LineSeries::new(line.points.iter().copied(), style).point_size(3);
        let drawn = chart.draw_series(series).map_err(failed)?;
        drawn
            .label(line.kind.name())
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], style));
    }
    legend(&mut chart)?;
    root.present().map_err(failed)
}

/// Commands a second, a group of bars for each number of clients.
fn bars(path: &Path, measured: &Measured) -> Result<()> {
    let kinds: Vec<Kind> = Kind::ALL
        .into_iter()
        .filter(|kind| measured.rates.iter().any(|rate| rate.kind == *kind))
        .collect();
    let clients = &measured.effort.clients;
    let most = measured.rates.iter().map(|rate| rate.per_second).fold(0.0, f64::max);
    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(failed)?;
    let group = kinds.len() as f64 + 1.0;
    let mut chart = ChartBuilder::on(&root)
        .caption("Commands a second, by clients at once", (FONT, 18))
        .margin(12)
        .x_label_area_size(30)
        .y_label_area_size(56)
        .build_cartesian_2d(0.0..group * clients.len() as f64, 0.0..most * ROOM_FOR_LABELS)
        .map_err(failed)?;
    let count = |x: &f64| {
        clients
            .get((x / group) as usize)
            .map(|clients| format!("{clients} at once"))
            .unwrap_or_default()
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(clients.len())
        .x_label_formatter(&count)
        .light_line_style(WHITE)
        .label_style((FONT, 13))
        .draw()
        .map_err(failed)?;
    for (place, kind) in kinds.iter().enumerate() {
        let fill = style(*kind).filled();
        let bar = |(number, clients): (usize, &usize)| {
            let rate =
                measured.rates.iter().find(|rate| rate.kind == *kind && rate.clients == *clients);
            let left = number as f64 * group + place as f64 + 0.5;
            Rectangle::new(
                [(left, 0.0), (left + 0.9, rate.map_or(0.0, |rate| rate.per_second))],
                fill,
            )
        };
        let drawn = chart.draw_series(clients.iter().enumerate().map(bar)).map_err(failed)?;
        drawn
            .label(kind.name())
            .legend(move |(x, y)| Rectangle::new([(x, y - 5), (x + 14, y + 5)], fill));
    }
    legend(&mut chart)?;
    root.present().map_err(failed)
}

/// Which line or bar is whose.
fn legend<'a, C: CoordTranslate>(chart: &mut ChartContext<'a, SVGBackend<'a>, C>) -> Result<()> {
    let labels = &mut chart.configure_series_labels();
    labels
        .position(SeriesLabelPosition::UpperLeft)
        .background_style(WHITE.mix(0.8))
        .label_font((FONT, 13))
        .draw()
        .map_err(failed)
}

/// Headwater in blues, the floor in grey, the peers in warm colours.
fn style(kind: Kind) -> ShapeStyle {
    let colour = match kind {
        Kind::BarePut => RGBColor(130, 130, 130),
        Kind::Warm => RGBColor(0, 70, 160),
        Kind::Cold => RGBColor(60, 130, 220),
        Kind::Keyed => RGBColor(130, 180, 240),
        Kind::CqrsEs => RGBColor(200, 60, 40),
        Kind::CqrsEsSnapshots => RGBColor(235, 140, 50),
        Kind::EventStoreAdapter => RGBColor(150, 90, 150),
    };
    ShapeStyle { color: colour.to_rgba(), filled: false, stroke_width: 2 }
}

fn failed(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow!("the plot: {error}")
}
