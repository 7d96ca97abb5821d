//! How often every stage looks at the cancel flag: by counting, not by the clock.
use super::{random_graph, rows};
use crate::anneal::{anneal, baseline};
use crate::cancel::{Cancel, Never, PIECE};
use crate::diverse::{diverse, Wanted};
use crate::families::{DistanceRule, Families};
use crate::lanes::Path;
use crate::model::{Expansion, Model};
use crate::threshold::{mix, Cutoffs};
use crate::{REPLICAS, WORDS};
use std::cell::Cell;
use std::sync::Arc;

const SEED: [u8; 32] = [7; 32];
const SPINS: usize = 1_500;
const SWEEPS: usize = 9;

/// Raised from look number `left` on; counts the looks.
struct Countdown {
    left: usize,
    looks: Cell<usize>,
}

impl Cancel for Countdown {
    fn raised(&self) -> bool {
        self.looks.set(self.looks.get() + 1);
        self.looks.get() > self.left
    }
}

/// What the stages work on: a run's replicas as elites, and copies of them.
struct Bench {
    expansion: Expansion,
    cutoffs: Cutoffs,
    path: Path,
}

impl Bench {
    fn new(path: Path) -> Self {
        let graph = Arc::new(random_graph(5, SPINS, 12));
        Bench {
            expansion: Model::expand(graph, &SEED, false),
            cutoffs: Cutoffs::new(&rows(SWEEPS, 25)).unwrap(),
            path,
        }
    }

    fn model(&self) -> &Model {
        &self.expansion.model
    }

    /// After a run, as many elites as there can be (nearer to each other than any two replicas are), and a spread.
    fn families(&self) -> Families {
        let rule = DistanceRule {
            least: 1,
            fold: true,
        };
        let mut families = Families::new(self.model(), rule, 3, self.path).unwrap();
        let run = anneal(self.model(), &self.cutoffs, 1, self.path, &Never).unwrap();
        families.load(&run).unwrap();
        assert_eq!(families.recruit(0, 64, 1, &Never), Ok(Some(64)));
        assert_eq!(families.spread(0, 77, &Never), Ok(true));
        families
    }
}

type Stage = fn(&Bench, &mut Families, &dyn Cancel) -> bool;

/// Name; what it does (true: to the end); the words that it reads or writes at least, however it is done.
type Case = (&'static str, Stage, usize);

const SPIN_WORDS: usize = SPINS * WORDS;

fn runs() -> Vec<Case> {
    let run = (2 + SWEEPS) * SPIN_WORDS;
    let baseline: Stage = |bench, _, cancel| {
        let (path, cutoffs) = (bench.path, &bench.cutoffs);
        baseline(&SEED, &bench.expansion, cutoffs, path, cancel).is_some()
    };
    let fresh: Stage =
        |bench, _, cancel| anneal(bench.model(), &bench.cutoffs, 1, bench.path, cancel).is_some();
    let copies: Stage = |bench, families, cancel| families.anneal(&bench.cutoffs, cancel);
    vec![
        ("baseline", baseline, run),
        ("anneal", fresh, run),
        ("anneal copies", copies, run),
    ]
}

fn steps() -> Vec<Case> {
    let load: Stage = |_, families, cancel| {
        let one = |k: u64| vec![mix(k) as u8; SPINS.div_ceil(8)];
        let packed: Vec<Vec<u8>> = (0..40).map(one).collect();
        families.load_packed(&packed, cancel).unwrap()
    };
    let recruit: Stage =
        |_, families, cancel| families.recruit(9, 64, 1, cancel).unwrap().is_some();
    let spread: Stage = |_, families, cancel| families.spread(0, 77, cancel).unwrap();
    let cross: Stage = |_, families, cancel| families.cross(5, cancel).unwrap();
    // More than can lie so far apart: the search gives up at the end of its budget.
    let search: Stage = |bench, _, cancel| {
        let run = anneal(bench.model(), &bench.cutoffs, 1, bench.path, &Never).unwrap();
        let wanted = Wanted {
            max_energy: i32::MAX,
            count: 100,
            min_distance: SPINS * 15 / 32,
            fold: true,
        };
        diverse(&run, SPINS, &wanted, cancel);
        !cancel.raised()
    };
    let rows = REPLICAS * SPINS / 64;
    vec![
        ("load", load, 2 * SPIN_WORDS),
        (
            "recruit",
            recruit,
            2 * SPIN_WORDS + 55 * rows / REPLICAS * 30,
        ),
        ("spread", spread, 2 * SPIN_WORDS),
        ("cross", cross, 2 * SPIN_WORDS + rows),
        ("diverse", search, 20_000),
    ]
}

#[test]
fn no_stage_works_long_without_a_look_at_the_flag() {
    for path in Path::ALL.into_iter().filter(|path| path.available()) {
        let bench = Bench::new(path);
        for (name, stage, words) in runs().into_iter().chain(steps()) {
            let told = format!("{name} on {}", path.name());
            let mut families = bench.families();
            let never = Countdown {
                left: usize::MAX,
                looks: Cell::new(0),
            };
            assert!(stage(&bench, &mut families, &never), "{told}");
            // The search for a set is asked once more, by the stage above, what its end was.
            let more = usize::from(name == "diverse");
            let looks = never.looks.get() - more;
            assert!(looks >= words.div_ceil(PIECE), "{told}: {looks} looks");
            for left in (0..looks).step_by((looks / 7).max(1)) {
                let flag = Countdown {
                    left,
                    looks: Cell::new(0),
                };
                let mut families = bench.families();
                let before = (families.elites(false), families.replicas(false));
                assert!(!stage(&bench, &mut families, &flag), "{told}: look {left}");
                assert_eq!(flag.looks.get(), left + 1 + more, "{told}");
                let after = (families.elites(false), families.replicas(false));
                assert!(name == "cross" || before == after, "{told}: look {left}");
            }
        }
    }
}
