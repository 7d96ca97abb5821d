//! How long every stage goes on after the cancel flag is raised, at worst: the longest processor time between two looks
//! at it (or from the last look to the end). One line a stage and path: stage, path, milliseconds, looks; tabs between.
//!
//! Arguments: a file of n, then couplers as pairs of u32, little-endian; the number of elites; a distance for them.

use std::cell::Cell;
use std::fs;
use std::sync::Arc;

use quip_ising::anneal::{anneal, baseline};
use quip_ising::cancel::{Cancel, Never};
use quip_ising::diverse::{diverse, Wanted};
use quip_ising::families::{DistanceRule, Families};
use quip_ising::graph::Graph;
use quip_ising::lanes::Path;
use quip_ising::model::{Expansion, Model};
use quip_ising::threshold::Cutoffs;

const SEED: [u8; 32] = [7; 32];
/// Every stage is done so often, and of the longest times the median counts: what interrupts the processor is none of
/// the stage's doing.
const REPEATS: usize = 5;

/// This thread's processor time, in milliseconds.
fn now_ms() -> f64 {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: writes the struct it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
}

/// Never raised; notes the longest time between two looks.
struct Watch {
    last: Cell<f64>,
    longest: Cell<f64>,
    looks: Cell<usize>,
}

impl Watch {
    fn new() -> Self {
        Watch {
            last: Cell::new(now_ms()),
            longest: Cell::new(0.0),
            looks: Cell::new(0),
        }
    }

    fn note(&self) {
        let now = now_ms();
        self.longest
            .set(self.longest.get().max(now - self.last.get()));
        self.last.set(now);
    }
}

impl Cancel for Watch {
    fn raised(&self) -> bool {
        self.note();
        self.looks.set(self.looks.get() + 1);
        false
    }
}

fn ramp(sweeps: usize) -> Cutoffs {
    let row = |s: usize| -> Vec<u32> {
        let beta = 0.2 * 10f64.powf(s as f64 / (sweeps - 1) as f64);
        let cutoff = |k: usize| (65536.0 * (-2.0 * beta * k as f64).exp()).round() as u32;
        (0..26).map(cutoff).collect()
    };
    Cutoffs::new(&(0..sweeps).map(row).collect::<Vec<_>>()).expect("cutoffs")
}

fn read(file: &str) -> Graph {
    let bytes = fs::read(file).expect("the graph's file");
    let words: Vec<u32> = bytes
        .chunks_exact(4)
        .map(|four| u32::from_le_bytes(four.try_into().expect("four bytes")))
        .collect();
    let n = words[0] as usize;
    let pairs = words[1..].chunks_exact(2).map(|two| (two[0], two[1]));
    let order: Vec<u32> = (0..n as u32).collect();
    Graph::new(n, pairs.collect(), &order).expect("a graph")
}

/// Repeats a stage from the same state and prints its line.
fn measure<S>(name: &str, path: Path, state: impl Fn() -> S, stage: impl Fn(&mut S, &dyn Cancel)) {
    let mut runs: Vec<(f64, usize)> = (0..REPEATS)
        .map(|_| {
            let mut from = state();
            let watch = Watch::new();
            stage(&mut from, &watch);
            watch.note();
            (watch.longest.get(), watch.looks.get())
        })
        .collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (longest, looks) = runs[REPEATS / 2];
    println!("{name}\t{}\t{longest:.3}\t{looks}", path.name());
}

fn main() {
    // Cargo adds --bench.
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| word != "--bench")
        .collect();
    let [file, most, slack] = words.as_slice() else {
        println!("usage: cargo bench -p quip-ising --bench cancel -- GRAPH_FILE ELITES DISTANCE");
        return;
    };
    let (most, slack): (usize, usize) = (
        most.parse().expect("elites"),
        slack.parse().expect("a distance"),
    );
    let graph = Arc::new(read(file));
    let bench = Bench {
        expansion: Model::expand(graph, &SEED, false),
        cutoffs: ramp(24),
        most,
        slack,
    };
    for path in Path::ALL.into_iter().filter(|path| path.available()) {
        bench.runs(path);
        bench.steps(path);
    }
}

struct Bench {
    expansion: Expansion,
    cutoffs: Cutoffs,
    most: usize,
    slack: usize,
}

impl Bench {
    fn runs(&self, path: Path) {
        let (model, cutoffs) = (&self.expansion.model, &self.cutoffs);
        let graph = model.graph();
        measure(
            "model",
            path,
            || (),
            |(), _| drop(Model::expand(graph.clone(), &SEED, false)),
        );
        measure(
            "baseline",
            path,
            || (),
            |(), watch| drop(baseline(&SEED, &self.expansion, cutoffs, path, watch)),
        );
        measure(
            "anneal",
            path,
            || (),
            |(), watch| drop(anneal(model, cutoffs, 1, path, watch)),
        );
        let run = anneal(model, cutoffs, 1, path, &Never).expect("a run");
        let n = model.graph().n();
        let sets = [
            ("set, found", 10, self.slack),
            ("set, not found", 40, n * 31 / 64),
        ];
        for (name, count, min_distance) in sets {
            let wanted = Wanted {
                max_energy: i32::MAX,
                count,
                min_distance,
                fold: true,
            };
            measure(
                name,
                path,
                || (),
                |(), watch| drop(diverse(&run, n, &wanted, watch)),
            );
        }
    }

    fn steps(&self, path: Path) {
        let (model, cutoffs) = (&self.expansion.model, &self.cutoffs);
        let (most, slack) = (self.most, self.slack);
        let run = anneal(model, cutoffs, 1, path, &Never).expect("a run");
        let rule = DistanceRule {
            least: slack,
            fold: true,
        };
        let loaded = || {
            let mut families = Families::new(model, rule, 1, path).expect("families");
            families.load(&run).expect("a run of this model");
            families
        };
        let recruited = || {
            let mut families = loaded();
            families.recruit(0, most, slack, &Never).expect("valid");
            families
        };
        let copied = || {
            let mut families = recruited();
            families.spread(0, 77, &Never).expect("valid");
            families
        };
        let annealed = || {
            let mut families = copied();
            families.anneal(cutoffs, &Never);
            families
        };
        let packed: Vec<Vec<u8>> = loaded().replicas(false);
        measure("take a run over", path, loaded, |families, _| {
            families.load(&run).expect("valid")
        });
        measure(
            "take foreign samples over",
            path,
            loaded,
            |families, watch| {
                families.load_packed(&packed, watch).expect("valid");
            },
        );
        measure("recruit", path, loaded, |families, watch| {
            families.recruit(0, most, slack, watch).expect("valid");
        });
        measure("copy", path, recruited, |families, watch| {
            families.spread(0, 77, watch).expect("valid");
        });
        measure("anneal copies", path, copied, |families, watch| {
            families.anneal(cutoffs, watch);
        });
        measure("cross", path, annealed, |families, watch| {
            families.cross(2 * slack, watch).expect("valid");
        });
        measure("hand elites over", path, recruited, |families, _| {
            drop(families.elites(true))
        });
    }
}
