use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const QUARANTINE: Duration = Duration::from_secs(5);

#[expect(clippy::disallowed_methods, reason = "an Instant has no other origin; only differences matter")]
pub(crate) fn origin() -> Instant {
    Instant::now()
}

fn blocks(first: u16, last: u16) -> usize {
    PortPool::new(first, last, QUARANTINE).map_or(0, |pool| pool.total())
}

#[test]
fn whole_blocks_of_a_range() {
    let table = [
        ("the default range", 10_000, 20_000, 1_250),
        ("one block exactly", 10_000, 10_007, 1),
        ("one port short", 10_000, 10_006, 0),
        ("an odd first port is left out", 10_001, 10_009, 1),
        ("an odd first port, one port short", 10_001, 10_008, 0),
        ("all ports there are", 0, 65_535, 8_191),
        ("the very end", 65_528, 65_535, 1),
        ("backwards", 20_000, 10_000, 0),
        ("the last port alone", 65_535, 65_535, 0),
    ];
    for (name, first, last, expected) in table {
        assert_eq!(blocks(first, last), expected, "{name}");
    }
}

#[test]
fn a_block_has_an_even_port_for_each_side_and_stream() {
    let block = PortPool::new(10_001, 10_100, QUARANTINE).unwrap().allocate(origin()).unwrap();
    assert_eq!(block.ports(), MediaPorts { caller: [10_002, 10_004], callee: [10_006, 10_008] });
}

#[test]
fn a_released_block_rests_and_then_comes_before_fresh_ones() {
    let now = origin();
    let mut pool = PortPool::new(10_000, 10_031, QUARANTINE).unwrap();
    let [a, b] = std::array::from_fn(|_| pool.allocate(now).unwrap());
    pool.release(now, b);
    pool.release(now, a);
    let fresh = pool.allocate(now + QUARANTINE - Duration::from_nanos(1)).unwrap();
    assert_eq!(fresh.index, 2, "both rest, so a third one is used");
    assert_eq!(pool.allocate(now + QUARANTINE), Some(b), "released first");
    assert_eq!(pool.allocate(now + QUARANTINE), Some(a));
}

#[test]
fn an_exhausted_pool_recovers_when_a_rest_is_over() {
    let now = origin();
    let mut pool = PortPool::new(10_000, 10_007, QUARANTINE).unwrap();
    let block = pool.allocate(now).unwrap();
    assert_eq!(pool.allocate(now + QUARANTINE), None, "a call keeps its block as long as it wants");
    pool.release(now, block);
    assert_eq!((pool.allocated(), pool.quarantined(now), pool.total()), (0, 1, 1));
    assert_eq!(pool.allocate(now), None);
    assert_eq!(pool.quarantined(now + QUARANTINE), 0);
    assert_eq!(pool.allocate(now + QUARANTINE), Some(block));
}

#[test]
fn a_second_release_changes_nothing() {
    let now = origin();
    let mut pool = PortPool::new(10_000, 10_007, Duration::ZERO).unwrap();
    let block = pool.allocate(now).unwrap();
    pool.release(now, block);
    pool.release(now, block);
    assert_eq!(pool.allocate(now), Some(block));
    assert_eq!(pool.allocate(now), None, "one block is not two");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// 10,000 cycles in random order: no block is lost, handed out twice, or handed out in its rest.
    #[test]
    fn ten_thousand_cycles_lose_nothing(
        steps in proptest::collection::vec((any::<bool>(), any::<prop::sample::Index>(), 0_u64..400), 20_000),
    ) {
        let mut now = origin();
        let mut pool = PortPool::new(10_000, 10_000 + 64 * 8 - 1, QUARANTINE).unwrap();
        let mut held: Vec<Block> = Vec::new();
        let mut released: BTreeMap<Block, Instant> = BTreeMap::new();
        for (allocate, which, milliseconds) in steps {
            now += Duration::from_millis(milliseconds);
            if allocate {
                let resting = released.values().filter(|&&at| at + QUARANTINE > now).count();
                let free = pool.total() - held.len() - resting;
                match pool.allocate(now) {
                    Some(block) => {
                        prop_assert!(!held.contains(&block), "handed out twice: {block:?}");
                        let rested = released.remove(&block).is_none_or(|at| at + QUARANTINE <= now);
                        prop_assert!(rested, "handed out in its rest: {block:?}");
                        held.push(block);
                    }
                    None => prop_assert_eq!(free, 0, "a free block was lost"),
                }
            } else if !held.is_empty() {
                let block = held.swap_remove(which.index(held.len()));
                pool.release(now, block);
                released.insert(block, now);
            }
            prop_assert_eq!(pool.allocated(), held.len());
        }
        for block in held.drain(..) {
            pool.release(now, block);
        }
        now += QUARANTINE;
        let all = std::iter::from_fn(|| pool.allocate(now)).count();
        prop_assert_eq!(all, pool.total(), "every block comes back");
    }
}
