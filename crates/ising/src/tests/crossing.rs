//! Crossing on bit sets against crossing spin by spin.
use super::{random_graph, random_model};
use crate::cancel::{Never, Pace};
use crate::crossing::{Apart, Job, Neighbours};
use crate::elites::{Elites, Replicas, MAX_ELITES};
use crate::lanes::Path;
use crate::model::Model;
use crate::threshold::mix;
use crate::transpose::row_words;
use std::collections::BTreeSet;
use std::sync::Arc;

const REPLICAS: usize = 40;

/// Random rows: each its family's elite with a share of the spins flipped, some nearly its complement.
fn copies(n: usize, elites: &Elites, family: &[usize], seed: u64) -> Vec<u64> {
    let mut rows = Vec::new();
    for (r, &a) in family.iter().enumerate() {
        let mut row = elites.members[a].row.clone();
        let share = [9, 80, 200, 250][r % 4];
        for i in 0..n {
            if mix(seed ^ mix((r * n + i) as u64)) % 256 < share {
                row[i / 64] ^= 1 << (i % 64);
            }
        }
        rows.extend(row);
    }
    rows
}

fn energy(model: &Model, row: &[u64]) -> i32 {
    let n = model.graph().n();
    let spins: Vec<i32> = (0..n)
        .map(|i| 2 * (row[i / 64] >> (i % 64) & 1) as i32 - 1)
        .collect();
    super::energy_of(model, &spins)
}

fn distance(elites: &Elites, a: &[u64], b: &[u64]) -> i32 {
    elites.folded(crate::elites::hamming(a, b) as i32)
}

/// As docs/mining.md says it.
fn plain(elites: &mut Elites, model: &Model, a: usize, replica: &[u64], apart: Apart) {
    let n = elites.n;
    let bit = |row: &[u64], i: usize| row[i / 64] >> (i % 64) & 1;
    let own = elites.members[a].row.clone();
    let mut open: BTreeSet<usize> = (0..n)
        .filter(|&i| bit(&own, i) != bit(replica, i))
        .collect();
    if elites.fold && 2 * open.len() > n {
        open = (0..n).filter(|i| !open.contains(i)).collect();
    }
    while let Some(root) = open.pop_first() {
        let mut component = vec![root];
        let mut at = 0;
        while at < component.len() {
            for bond in model.graph().bonds(component[at]) {
                if open.remove(&(bond.neighbour as usize)) {
                    component.push(bond.neighbour as usize);
                }
            }
            at += 1;
        }
        let elite = elites.members[a].clone();
        let mut flipped = elite.row.clone();
        component
            .iter()
            .for_each(|&i| flipped[i / 64] ^= 1 << (i % 64));
        let cost = energy(model, &flipped) - elite.energy;
        let (mut room, mut lawful) = (0, cost <= 0);
        for other in elites
            .members
            .iter()
            .enumerate()
            .filter(|&(c, _)| c != a)
            .map(|(_, other)| other)
        {
            let before = distance(elites, &elite.row, &other.row);
            let after = distance(elites, &flipped, &other.row);
            lawful &= after >= apart.least.min(before);
            room += if before < apart.near {
                after - before
            } else {
                0
            };
        }
        if lawful && (cost < 0 || room >= 0) {
            elites.members[a].row = flipped;
            elites.members[a].energy += cost;
        }
    }
}

/// Models with and without fields, of one word and of several.
fn model_of(seed: u64) -> Model {
    if !seed.is_multiple_of(3) {
        return random_model(seed, seed % 3 == 1).0;
    }
    let graph = Arc::new(random_graph(
        seed,
        150 + seed as usize,
        3 + (seed % 5) as usize,
    ));
    let sign = |k| 1 - 2 * (mix(seed ^ k) & 1) as i8;
    let couplings: Vec<i8> = (0..graph.couplers().len() as u64).map(sign).collect();
    Model::new(graph, &couplings, &[]).unwrap()
}

/// Random elites, far apart.
fn elites_of(model: &Model, seed: u64, pace: &mut Pace) -> Elites {
    let n = model.graph().n();
    let width = row_words(n);
    let mut rows: Vec<u64> = (0..8 * width as u64).map(|k| mix(seed ^ k << 8)).collect();
    if !n.is_multiple_of(64) {
        rows.chunks_mut(width)
            .for_each(|row| row[width - 1] &= (1 << (n % 64)) - 1);
    }
    let energies: Vec<i32> = rows.chunks(width).map(|row| energy(model, row)).collect();
    let replicas = Replicas {
        rows: &rows,
        energies: &energies,
    };
    let mut elites = Elites::new(n, model.fields().is_empty());
    elites.recruit(0, 5, n / 4, &replicas, pace).unwrap();
    elites
}

/// Rows, energies and distances are those expected and fit each other. How many elites have changed.
fn check(ours: &Elites, expected: &Elites, before: &Elites, model: &Model, told: &str) -> usize {
    let mut changed = 0;
    for (a, one) in ours.members.iter().enumerate() {
        assert_eq!(one.row, expected.members[a].row, "{told}");
        assert_eq!(one.energy, energy(model, &one.row), "{told}");
        changed += usize::from(one.row != before.members[a].row);
        for (b, other) in ours.members.iter().enumerate() {
            let d = crate::elites::hamming(&one.row, &other.row) as i32;
            assert_eq!(ours.distances[a * MAX_ELITES + b], d, "{told}");
        }
    }
    changed
}

#[test]
fn bit_sets_cross_as_spins_do() {
    let pace = &mut Pace::new(&Never);
    let mut changed = 0;
    for seed in 0..40 {
        let model = model_of(seed);
        let n = model.graph().n();
        let width = row_words(n);
        let elites = elites_of(&model, seed, pace);
        let count = elites.members.len();
        let family: Vec<usize> = (0..REPLICAS).map(|r| r * count / REPLICAS).collect();
        let order: Vec<usize> = (0..REPLICAS).map(|r| r * 7 % REPLICAS).collect();
        let rows = copies(n, &elites, &family, seed);
        let energies: Vec<i32> = rows.chunks(width).map(|row| energy(&model, row)).collect();
        let apart = Apart {
            least: n as i32 / 4,
            near: n as i32 / 3,
        };
        let mut expected = elites.clone();
        for &r in &order {
            let replica = &rows[r * width..][..width];
            plain(&mut expected, &model, family[r], replica, apart);
        }
        let job = Job {
            neighbours: &Neighbours::new(&model, pace).unwrap(),
            rows: &rows,
            energies: &energies,
            family: &family,
            order: &order,
            apart,
        };
        for path in Path::ALL.into_iter().filter(|path| path.available()) {
            let mut ours = elites.clone();
            job.run(&mut ours, path, pace).unwrap();
            let told = format!("seed {seed} on {}", path.name());
            changed += check(&ours, &expected, &elites, &model, &told);
        }
    }
    assert!(changed > 100, "{changed} elites changed");
}
