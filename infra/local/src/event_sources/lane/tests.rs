use super::*;

fn policy() -> Policy {
    Policy { batch_size: 4, window: 0, retries: Some(2), maximum_age: None, bisect: false }
}

fn record(number: usize) -> Record {
    Record {
        sequence_number: number.to_string(),
        key: "k".into(),
        arrived_at: 0,
        read_at: 0,
        event: Value::Null,
        bytes: 10,
    }
}

fn lane(policy: Policy, records: usize) -> Lane {
    let mut lane = Lane::new(policy);
    (1..=records).for_each(|number| lane.push(record(number)));
    lane
}

fn numbers(batch: &Batch) -> Vec<usize> {
    batch.records.iter().map(|r| r.sequence_number.parse().unwrap()).collect()
}

/// What a function does with a batch of these records.
type Function = fn(&[usize]) -> Verdict;

/// Runs a lane to its end in simulated time; the trace has a line for every step.
fn run(mut lane: Lane, function: Function) -> Vec<String> {
    let (mut now, mut trace) = (0, Vec::new());
    loop {
        match lane.next(now) {
            Next::Idle => return trace,
            Next::WaitUntil(due) => {
                assert!(due > now, "a wait that is over");
                trace.push(format!("wait {}", due - now));
                now = due;
            }
            Next::Invoke(batch) => {
                let verdict = function(&numbers(&batch));
                trace.push(format!("{:?} {verdict:?}", numbers(&batch)));
                lane.finished(now, batch, verdict);
            }
            Next::GiveUp(batch, condition) => {
                trace.push(format!("{:?} {condition:?}", numbers(&batch)))
            }
        }
    }
}

fn check(lane: Lane, function: Function, expected: &[&str]) {
    assert_eq!(run(lane, function), expected);
}

#[test]
fn batches_are_in_order_and_bounded() {
    let expected = ["[1, 2, 3, 4] Done", "[5, 6, 7, 8] Done", "[9] Done"];
    check(lane(policy(), 9), |_| Verdict::Done, &expected);
}

#[test]
fn batches_are_bounded_in_bytes_and_never_empty() {
    let mut lane = Lane::new(policy());
    for (number, bytes) in [(1, 4_000_000), (2, 4_000_000), (3, 100), (4, 7_000_000)] {
        lane.push(Record { bytes, ..record(number) });
    }
    check(lane, |_| Verdict::Done, &["[1] Done", "[2, 3] Done", "[4] Done"]);
}

#[test]
fn a_batch_waits_for_its_window_unless_it_is_full() {
    let windowed = Policy { window: 500, ..policy() };
    let expected = ["[1, 2, 3, 4] Done", "wait 500", "[5] Done"];
    check(lane(windowed, 5), |_| Verdict::Done, &expected);
}

#[test]
fn a_failing_batch_is_retried_with_backoff_then_given_up() {
    let expected = [
        "[1, 2] FailedAt(0)",
        "wait 100",
        "[1, 2] FailedAt(0)",
        "wait 200",
        "[1, 2] FailedAt(0)",
        "[1, 2] RetryAttemptsExhausted",
    ];
    check(lane(policy(), 2), |_| Verdict::FailedAt(0), &expected);
}

#[test]
fn without_a_bound_it_is_retried_until_it_is_too_old() {
    let endless = Policy { retries: None, maximum_age: Some(1_000), ..policy() };
    let trace = run(lane(endless, 1), |_| Verdict::FailedAt(0));
    assert_eq!(trace.last().unwrap(), "[1] RecordAgeExceeded");
    let tries = trace.iter().filter(|line| line.contains("FailedAt")).count();
    assert_eq!(tries, 4, "at 0, 100, 300 and 700 ms: {trace:?}");
}

#[test]
fn only_the_records_that_are_too_old_are_given_up() {
    let mut lane = Lane::new(Policy { maximum_age: Some(1_000), ..policy() });
    for (number, arrived_at) in [(1, -5_000), (2, -2_000), (3, 0)] {
        lane.push(Record { arrived_at, ..record(number) });
    }
    check(lane, |_| Verdict::Done, &["[1, 2] RecordAgeExceeded", "[3] Done"]);
}

#[test]
fn bisecting_finds_the_poison_and_spares_the_rest() {
    let bisecting = Policy { bisect: true, retries: Some(1), ..policy() };
    let poison_is_3: Function = |batch| match batch.contains(&3) {
        true => Verdict::FailedAt(0),
        false => Verdict::Done,
    };
    let expected = [
        "[1, 2, 3, 4] FailedAt(0)",
        "[1, 2] Done",
        "[3, 4] FailedAt(0)",
        "[3] FailedAt(0)",
        "wait 100",
        "[3] FailedAt(0)",
        "[3] RetryAttemptsExhausted",
        "[4] Done",
        "[5] Done",
    ];
    check(lane(bisecting, 5), poison_is_3, &expected);
}

#[test]
fn a_partial_answer_restarts_at_the_lowest_failure() {
    let poison_is_3: Function =
        |batch| batch.iter().position(|n| *n == 3).map_or(Verdict::Done, Verdict::FailedAt);
    let expected = [
        "[1, 2, 3, 4] FailedAt(2)",
        "[3, 4] FailedAt(0)",
        "wait 100",
        "[3, 4] FailedAt(0)",
        "wait 200",
        "[3, 4] FailedAt(0)",
        "[3, 4] RetryAttemptsExhausted",
        "[5] Done",
    ];
    check(lane(policy(), 5), poison_is_3, &expected);
}

#[test]
fn a_partial_answer_and_bisecting_lose_the_poison_only() {
    let poison_is_3: Function =
        |batch| batch.iter().position(|n| *n == 3).map_or(Verdict::Done, Verdict::FailedAt);
    let trace = run(lane(Policy { bisect: true, ..policy() }, 5), poison_is_3);
    let given_up: Vec<_> = trace.iter().filter(|line| line.contains("Exhausted")).collect();
    assert_eq!(given_up, ["[3] RetryAttemptsExhausted"], "{trace:?}");
    assert!(trace.contains(&"[4] Done".to_owned()), "{trace:?}");
}

#[test]
fn finished_says_how_many_records_are_done() {
    for (verdict, done) in
        [(Verdict::Done, 4), (Verdict::FailedAt(3), 3), (Verdict::FailedAt(0), 0)]
    {
        let mut lane = lane(policy(), 4);
        let Next::Invoke(batch) = lane.next(0) else { panic!() };
        assert_eq!(lane.finished(0, batch, verdict), done, "{verdict:?}");
    }
}

#[test]
fn backoff_doubles_up_to_its_bound() {
    let waits: Vec<_> = [1, 2, 3, 7, 8, 9, 10_000].map(backoff).into();
    assert_eq!(waits, [100, 200, 400, 6_400, 10_000, 10_000, 10_000]);
}

#[test]
fn a_throttled_batch_comes_again_whole_and_that_is_no_try() {
    let mut lane = lane(Policy { bisect: true, retries: Some(0), ..policy() }, 2);
    for now in [0, 100, 200] {
        let Next::Invoke(batch) = lane.next(now) else { panic!("not due at {now}") };
        assert_eq!((numbers(&batch), batch.failures), (vec![1, 2], 0));
        assert_eq!(lane.finished(now, batch, Verdict::Throttled), 0);
        assert_eq!(lane.next(now), Next::WaitUntil(now + 100));
    }
}
