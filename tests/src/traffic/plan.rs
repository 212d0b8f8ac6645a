//! From a seed to who comes when: the visits of each simulated day.

use fastrand::Rng;

/// How much traffic, and from which seed.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The same seed makes the same plan.
    pub seed: u64,
    /// How many customers there are.
    pub customers: usize,
    /// How many commands they send in all.
    pub commands: usize,
    /// Over how many simulated days: more than a year, so that the first downloads count no more in
    /// the end.
    pub days: usize,
    /// How many customers are served at the same time.
    pub at_once: usize,
}

/// Who comes when.
pub(super) struct Plan {
    pub(super) customers: Vec<Profile>,
    pub(super) days: Vec<Vec<Visit>>,
}

/// What is peculiar to a customer.
pub(super) struct Profile {
    pub(super) id: String,
    /// How many devices it uses; more than the policy allows at once, for some.
    pub(super) devices: u32,
    /// Where its choices come from.
    pub(super) rng: Rng,
    /// How often it comes, compared with the others.
    activity: f64,
}

/// A customer sends some commands on a day.
#[derive(Clone, Copy)]
pub(super) struct Visit {
    pub(super) customer: usize,
    pub(super) commands: usize,
    /// Whether all that the service shows of the customer is compared afterwards.
    pub(super) audited: bool,
}

impl Plan {
    pub(super) fn new(settings: &Settings) -> Self {
        let mut rng = Rng::with_seed(settings.seed);
        let customers: Vec<Profile> =
            (0..settings.customers).map(|number| Profile::new(number, &mut rng)).collect();
        let mut days: Vec<Vec<Visit>> = vec![Vec::new(); settings.days];
        let mut left = settings.commands;
        while left > 0 {
            let visit = Visit {
                customer: by_activity(&customers, &mut rng),
                commands: rng.usize(1..=6).min(left),
                audited: rng.u8(..) < 4,
            };
            left -= visit.commands;
            days[day(settings.days, &mut rng)].push(visit);
        }
        Self { customers, days }
    }
}

impl Profile {
    fn new(number: usize, rng: &mut Rng) -> Self {
        // One in a hundred comes fifty times as often as the least active: activity is as skewed as
        // popularity.
        let activity = 1.0 / (0.02 + rng.f64());
        Self { id: format!("c{number}"), devices: rng.u32(1..=6), rng: rng.fork(), activity }
    }
}

fn by_activity(customers: &[Profile], rng: &mut Rng) -> usize {
    let total: f64 = customers.iter().map(|customer| customer.activity).sum();
    let mut drawn = rng.f64() * total;
    let chosen = customers.iter().position(|customer| {
        drawn -= customer.activity;
        drawn < 0.0
    });
    chosen.unwrap_or_default()
}

/// A day; those of the weekend twice as often.
fn day(days: usize, rng: &mut Rng) -> usize {
    loop {
        let day = rng.usize(..days);
        if day % 7 >= 5 || rng.bool() {
            return day;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(seed: u64) -> Settings {
        Settings { seed, customers: 50, commands: 5_000, days: 100, at_once: 1 }
    }

    fn visits(plan: &Plan) -> Vec<(usize, usize, usize)> {
        let days = plan.days.iter().enumerate();
        days.flat_map(|(day, visits)| {
            visits.iter().map(move |visit| (day, visit.customer, visit.commands))
        })
        .collect()
    }

    #[test]
    fn a_plan_follows_from_its_seed_and_has_all_commands() {
        let plan = Plan::new(&settings(7));
        assert_eq!(visits(&plan), visits(&Plan::new(&settings(7))));
        assert_ne!(visits(&plan), visits(&Plan::new(&settings(8))));
        assert_eq!(visits(&plan).iter().map(|(_, _, commands)| commands).sum::<usize>(), 5_000);
    }

    #[test]
    fn some_customers_come_far_more_often_than_others() {
        let mut commands = vec![0; 50];
        for (_, customer, count) in visits(&Plan::new(&settings(7))) {
            commands[customer] += count;
        }
        commands.sort_unstable();
        assert!(commands[49] > 5 * commands[10], "{commands:?}");
    }
}
