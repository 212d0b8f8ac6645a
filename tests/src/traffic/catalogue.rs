//! Titles and the studios they belong to: a few are wanted by everybody, most by hardly anyone.

use fastrand::Rng;

const TITLES: u32 = 2_000;
const STUDIOS: u32 = 12;

/// All titles, by falling popularity as Zipf's law has it: the n-th is wanted 1/n as often as the
/// first.
pub(super) struct Catalogue {
    /// The sum of the weights up to each title.
    cumulated: Vec<f64>,
}

impl Catalogue {
    pub(super) fn new() -> Self {
        let mut sum = 0.0;
        let weights = (1..=TITLES).map(|rank| {
            sum += 1.0 / f64::from(rank);
            sum
        });
        Self { cumulated: weights.collect() }
    }

    /// A title, drawn by popularity.
    pub(super) fn draw(&self, rng: &mut Rng) -> String {
        let drawn = rng.f64() * self.cumulated.last().copied().unwrap_or_default();
        title(self.cumulated.partition_point(|sum| *sum <= drawn))
    }
}

fn title(rank: usize) -> String {
    format!("title-{rank}")
}

/// The studio of a title: always the same one. The first studio has the most popular title.
pub(super) fn studio_of(title: &str) -> String {
    let rank: u32 = title.rsplit('-').next().and_then(|rank| rank.parse().ok()).unwrap_or_default();
    format!("studio-{}", rank % STUDIOS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_title_is_wanted_about_ten_times_as_often_as_the_tenth() {
        let (catalogue, mut rng) = (Catalogue::new(), Rng::with_seed(1));
        let draws: Vec<String> = (0..200_000).map(|_| catalogue.draw(&mut rng)).collect();
        let count = |wanted: &str| draws.iter().filter(|title| *title == wanted).count();
        let ratio = count("title-0") as f64 / count("title-9") as f64;
        assert!((8.0..12.0).contains(&ratio), "{ratio}");
        assert_eq!(studio_of("title-0"), studio_of("title-12"));
    }
}
