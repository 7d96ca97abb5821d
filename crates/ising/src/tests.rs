//! Paths against each other and against a spin-by-spin reference.
use crate::anneal::{anneal, counter_start};
use crate::bits::replica;
use crate::blake;
use crate::cancel::{Never, Pace};
use crate::energy;
use crate::families::{DistanceRule, Families};
use crate::gate;
use crate::graph::Graph;
use crate::lanes::Path;
use crate::model::Model;
use crate::threshold::{counter_key, counter_word, mix, Cutoffs};
use crate::transpose;
use std::sync::atomic::AtomicBool;
use std::sync::Arc;

mod cancel;
mod crossing;

fn random_graph(seed: u64, n: usize, degree: usize) -> Graph {
    let mut edges = std::collections::BTreeSet::new();
    let mut degrees = vec![0usize; n];
    for k in 0..(n * degree) as u64 {
        let x = mix(seed.wrapping_mul(0x9E37) ^ k);
        let (u, v) = ((x % n as u64) as usize, ((x >> 32) % n as u64) as usize);
        if u != v
            && degrees[u] < degree
            && degrees[v] < degree
            && edges.insert((u.min(v) as u32, u.max(v) as u32))
        {
            degrees[u] += 1;
            degrees[v] += 1;
        }
    }
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(|&v| mix(seed ^ u64::from(v)));
    Graph::new(n, edges.into_iter().collect(), &order).unwrap()
}

fn random_model(seed: u64, ternary: bool) -> (Model, Vec<u32>) {
    let degree = 1 + (seed % 24) as usize;
    let n = 30 + (seed % 90) as usize;
    let graph = random_graph(seed, n, degree);
    let mut order: Vec<u32> = (0..n as u32).collect();
    order.sort_by_key(|&v| mix(seed ^ u64::from(v)));
    let j: Vec<i8> = (0..graph.couplers().len() as u64)
        .map(|k| if mix(seed + 7 * k) & 1 == 0 { 1 } else { -1 })
        .collect();
    let h: Vec<i8> = if ternary {
        (0..n as u64)
            .map(|k| (mix(seed ^ (k << 20)) % 3) as i8 - 1)
            .collect()
    } else {
        Vec::new()
    };
    (Model::new(Arc::new(graph), &j, &h).unwrap(), order)
}

fn rows(sweeps: usize, max: usize) -> Vec<Vec<u32>> {
    (0..sweeps)
        .map(|s| {
            let beta = 0.1 * (30f64).powf(s as f64 / (sweeps.max(2) - 1) as f64);
            (0..=max)
                .map(|k| (65536.0 * (-2.0 * beta * k as f64).exp()).round() as u32)
                .collect()
        })
        .collect()
}

fn energy_of(model: &Model, spins: &[i32]) -> i32 {
    let graph = model.graph();
    let mut e = 0;
    for (&(u, v), &negative) in graph.couplers().iter().zip(model.negative()) {
        e += (1 - 2 * i32::from(negative)) * spins[u as usize] * spins[v as usize];
    }
    e + spins
        .iter()
        .enumerate()
        .map(|(i, s)| i32::from(model.field(i)) * s)
        .sum::<i32>()
}

/// Replica r of the run, spin by spin in the visiting order.
fn reference(model: &Model, order: &[u32], rows: &[Vec<u32>], seed: u64, r: usize) -> Vec<i32> {
    let graph = model.graph();
    let n = graph.n();
    let key = counter_key(seed);
    let start = counter_start(key, n, &mut Pace::new(&Never)).unwrap();
    let mut s: Vec<i32> = (0..n)
        .map(|i| {
            if (start[i * 8 + r / 64] >> (r % 64)) & 1 == 1 {
                1
            } else {
                -1
            }
        })
        .collect();
    for (sweep, row) in rows.iter().enumerate() {
        for &v in order {
            let v = v as usize;
            let draw = (counter_word(key, sweep as u32, v as u32 / 4) >> (16 * (v % 4))) as u16;
            let mut k = -s[v] * i32::from(model.field(v));
            for bond in graph.bonds(v) {
                let j = 1 - 2 * i32::from(model.negative()[bond.coupler as usize]);
                k -= j * s[v] * s[bond.neighbour as usize];
            }
            if k <= 0 || u32::from(draw) < row.get(k as usize).copied().unwrap_or(0) {
                s[v] = -s[v];
            }
        }
    }
    s
}

#[test]
fn every_path_equals_the_reference() {
    for seed in 0..30 {
        let (model, order) = random_model(seed, seed % 2 == 1);
        let rows = rows(9, 25);
        let cutoffs = Cutoffs::new(&rows).unwrap();
        let runs: Vec<_> = Path::ALL
            .into_iter()
            .filter(|path| path.available())
            .map(|path| anneal(&model, &cutoffs, seed, path, &Never).unwrap())
            .collect();
        for run in &runs {
            assert!(
                run.words == runs[0].words && run.energies == runs[0].energies,
                "seed {seed}"
            );
        }
        for r in [0, 63, 64, 300, 511] {
            let expected = reference(&model, &order, &rows, seed, r);
            let packed = replica(&runs[0].words, model.graph().n(), r, false);
            for (i, s) in expected.iter().enumerate() {
                assert_eq!(
                    (packed[i / 8] >> (i % 8)) & 1 == 1,
                    *s == 1,
                    "seed {seed} replica {r}"
                );
            }
            assert_eq!(
                energy_of(&model, &expected),
                runs[0].energies[r],
                "seed {seed}"
            );
            let few = crate::bits::transpose(&[&packed], model.graph().n());
            assert_eq!(energy::of_few(&model, &few, 1)[0], runs[0].energies[r]);
        }
    }
}

#[test]
fn a_cancelled_run_gives_nothing() {
    let (model, _) = random_model(3, false);
    let cutoffs = Cutoffs::new(&rows(4, 25)).unwrap();
    assert!(anneal(&model, &cutoffs, 1, Path::Portable, &AtomicBool::new(true)).is_none());
}

#[test]
fn bad_graphs_are_refused() {
    for (n, couplers, order) in [
        (0, vec![], vec![]),
        (2, vec![(1, 0)], vec![0, 1]),
        (2, vec![(0, 2)], vec![0, 1]),
        (2, vec![(0, 1), (0, 1)], vec![0, 1]),
        (2, vec![(0, 1)], vec![0, 0]),
        (2, vec![(0, 1)], vec![0]),
        (30, (1..30).map(|v| (0, v)).collect(), (0..30).collect()),
    ] {
        assert!(Graph::new(n, couplers, &order).is_err());
    }
}

#[test]
fn the_gate_search_finds_what_a_scan_finds() {
    for (start, bits) in [(0, 0), (5, 3), (u64::MAX - 40, 7), (1 << 40, 11)] {
        let hash = [start as u8 ^ 0x5A; 32];
        let scan = (0..20_000u64)
            .map(|k| start.wrapping_add(k))
            .find(|nonce| blake::gate_open(&blake::seed(&hash, &nonce.to_be_bytes()), bits));
        let expected = scan.map(|nonce| (nonce, blake::seed(&hash, &nonce.to_be_bytes())));
        for path in Path::ALL.into_iter().filter(|path| path.available()) {
            assert_eq!(
                gate::search(&hash, start, 20_000, bits, path),
                expected,
                "{path:?}"
            );
        }
        if let Some((nonce, _)) = expected {
            let before = nonce.wrapping_sub(start);
            assert_eq!(
                gate::search(&hash, start, before, bits, Path::Portable),
                None
            );
        }
    }
}

/// Elites' energies and configurations, and the replicas.
type Refined = (Vec<(i32, Vec<u8>)>, Vec<Vec<u8>>);

/// Two rounds and a recruiting between them: elites and replicas at the end.
fn refined(model: &Model, seed: u64, path: Path) -> Refined {
    let cutoffs = Cutoffs::new(&rows(5, 25)).unwrap();
    let rule = DistanceRule {
        least: 6,
        fold: model.fields().iter().all(|&h| h == 0),
    };
    let mut families = Families::new(model, rule, seed, path).unwrap();
    families
        .load(&anneal(model, &cutoffs, seed, path, &Never).unwrap())
        .unwrap();
    for (keep, noise) in [(0, 32), (4, 77)] {
        families.recruit(keep, 7, 6, &Never).unwrap();
        let before = families.elites(false);
        families.spread(0, noise, &Never).unwrap();
        assert!(families.anneal(&cutoffs, &Never));
        assert!(families.cross(8, &Never).unwrap());
        for (old, (energy, packed)) in before.iter().zip(families.elites(false)) {
            assert!(energy <= old.0, "seed {seed}: crossing never costs");
            let few = crate::bits::transpose(&[&packed], model.graph().n());
            assert_eq!(energy::of_few(model, &few, 1)[0], energy, "seed {seed}");
        }
    }
    (families.elites(false), families.replicas(false))
}

#[test]
fn families_are_the_same_on_every_path() {
    for seed in 0..24 {
        let (model, _) = random_model(seed, seed % 2 == 1);
        let n = model.graph().n();
        let expected = refined(&model, seed, Path::Portable);
        for path in Path::ALL.into_iter().filter(|path| path.available()) {
            assert!(refined(&model, seed, path) == expected, "seed {seed}");
        }
        let rows: Vec<&[u8]> = expected.0.iter().map(|elite| elite.1.as_slice()).collect();
        let fold = model.fields().iter().all(|&h| h == 0);
        assert!(
            crate::bits::minimum_distance(&rows, n, fold) >= 6,
            "seed {seed}"
        );
    }
}

#[test]
fn transposing_twice_changes_nothing() {
    for n in [1, 63, 64, 65, 200] {
        let pace = &mut Pace::new(&Never);
        let words = counter_start(n as u64, n, pace).unwrap();
        let rows = transpose::by_replica(&words, n, pace).unwrap();
        let each: Vec<&[u64]> = rows.chunks(transpose::row_words(n)).collect();
        assert_eq!(transpose::by_spin(&each, n, pace).unwrap(), words);
        for r in [0, 70, 511] {
            for fold in [false, true] {
                let packed = transpose::packed_of(each[r], n, fold);
                assert_eq!(
                    packed,
                    replica(&words, n, r, fold),
                    "{n} spins, replica {r}"
                );
            }
            assert_eq!(transpose::row_of(&replica(&words, n, r, false)), each[r]);
        }
    }
}
