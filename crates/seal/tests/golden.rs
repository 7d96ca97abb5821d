//! The golden vectors of tests/vectors, made by second implementations in plain Python.
use std::sync::Arc;

use alloy_primitives::U256;
use quip_ising::graph::Graph;
use quip_ising::threshold::Cutoffs;
use quip_seal::difficulty::Total;
use quip_seal::gas::next_base_fee;
use quip_seal::ladder::{margin_at, Point};
use quip_seal::work::{work, MAX_LEVEL};
use quip_seal::{
    check_headers, Context, Header, HeaderRules, Levels, Proofs, Recent, Seal, SealVerifier, Signed,
};
use serde_json::Value;

fn read(path: &str) -> Value {
    let path = format!("{}/../../{path}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn vectors(name: &str) -> Value {
    read(&format!("tests/vectors/{name}.json"))
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

fn int(value: &Value) -> i64 {
    value.as_i64().unwrap()
}

fn hex(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn big(value: &Value) -> U256 {
    value.to_string().trim_matches('"').parse().unwrap()
}

fn levels(section: &Value) -> Levels {
    let number = |name: &str| int(&section[name]);
    Levels {
        start: number("start"),
        lo: number("lo"),
        hi: number("hi"),
        target_block_time: number("target_block_time"),
        half_life: number("half_life"),
        outage_cap: number("outage_cap"),
        lag: number("lag"),
        overdue_after: int(&section["overdue"]["after"]),
        overdue_rate: int(&section["overdue"]["rate"]),
        overdue_limit: int(&section["overdue"]["limit"]),
        streak_rate: int(&section["streak"]["rate"]),
        streak_limit: int(&section["streak"]["limit"]),
        future_limit: number("future_limit"),
    }
}

fn ladder(rows: &Value) -> Vec<Point> {
    let point = |row: &Value| (int(&row[0]), int(&row[1]));
    list(rows).iter().map(point).collect()
}

#[test]
fn work_is_the_exact_power_of_two() {
    for row in list(&vectors("work")) {
        let level = u32::try_from(int(&row[0])).unwrap();
        assert_eq!(work(level), Some(big(&row[1])), "level {level}");
    }
    assert_eq!(work(MAX_LEVEL), Some(U256::ONE << 255));
    assert_eq!(work(MAX_LEVEL + 1), None);
}

#[test]
fn work_rises_and_doubles_every_65536_levels() {
    // Across the change of precision at 61 whole bits, and up to the highest level.
    for base in [59u32, 60, 61, 62, 200, 254] {
        for fraction in [1u32, 2, 32_767, 32_768, 40_000, 65_535] {
            let level = (base << 16) + fraction;
            let (low, here, high) = (work(level - 1), work(level), work(level + 1));
            assert!(low < here && here < high, "level {level}");
            let below = work(level - 65_536).unwrap();
            let doubled = below << 1;
            assert!(here == Some(doubled) || here == Some(doubled + U256::ONE));
        }
    }
}

#[test]
fn margins_lie_on_the_ladder() {
    let file = vectors("ladder");
    let points = ladder(&file["ladder"]);
    for row in list(&file["points"]) {
        assert_eq!(margin_at(&points, int(&row[0])), Some(int(&row[1])));
    }
    let (first, last) = (points[0].0, points[points.len() - 1].0);
    assert_eq!(margin_at(&points, first - 1), None);
    assert_eq!(margin_at(&points, last + 1), None);
    assert_eq!(margin_at(&[], 0), None);
}

#[test]
fn the_controller_follows_its_vectors() {
    let file = vectors("controller");
    let rules = levels(&file["difficulty"]);
    let lag = rules.lag as usize;
    let times: Vec<i64> = list(&file["timestamps"]).iter().map(int).collect();
    let ommers: Vec<i64> = list(&file["ommers"]).iter().map(int).collect();
    let mut found = vec![rules.start, rules.start];
    for number in 1..times.len() {
        let lagged = number.saturating_sub(lag).max(1);
        let seconds = i128::from(times[lagged] - times[lagged - 1]);
        let next =
            rules.next_controller(found[number], number as u64, seconds, ommers[lagged] as u64);
        found.push(next.unwrap());
    }
    let expected: Vec<i64> = list(&file["controllers"]).iter().map(int).collect();
    assert_eq!(found, expected);
}

#[test]
fn late_blocks_get_easier() {
    let file = vectors("overdue");
    let rules = levels(&file["difficulty"]);
    for case in list(&file["cases"]) {
        let number = case[0].as_u64().unwrap();
        let found = rules.overdue_level(number, int(&case[1]).into());
        assert_eq!(found, Some(int(&case[2])), "{case}");
    }
}

#[test]
fn streaks_change_everybodys_next_block() {
    let file = vectors("streaks");
    let rules = levels(&file["difficulty"]);
    let pairs = list(&file["streaks"]);
    for (pair, offset) in pairs.iter().zip(list(&file["ruleOfTheStreak"])) {
        let (streak, ended) = (pair[0].as_u64().unwrap(), pair[1].as_u64().unwrap());
        assert_eq!(rules.streak_offset(streak, ended), Some(int(offset)));
    }
    assert_eq!(rules.streak_offset(0, 0), Some(0));
}

#[test]
fn base_fees_follow_eip_1559() {
    for case in list(&vectors("base_fee")) {
        let (limit, used) = (case[0].as_u64().unwrap(), case[1].as_u64().unwrap());
        let found = next_base_fee(limit, used, big(&case[2]));
        assert_eq!(found, Some(big(&case[3])), "{case}");
    }
    assert_eq!(next_base_fee(30_000_000, 30_000_000, U256::MAX), None);
    assert_eq!(next_base_fee(1, 1, U256::ONE), None);
}

#[test]
fn headers_decode_and_hash() {
    for case in list(&vectors("headers")) {
        let encoded = hex(&case["rlp"]);
        let header = Header::decode(&encoded).unwrap();
        assert_eq!(header.hash().to_vec(), hex(&case["hash"]));
        assert_eq!(header.sealing_hash().to_vec(), hex(&case["sealingHash"]));
        let fields = &case["header"];
        assert_eq!(header.number, fields["number"].as_u64().unwrap());
        assert_eq!(header.difficulty, big(&fields["difficulty"]));
        assert_eq!(header.base_fee, big(&fields["baseFeePerGas"]));
        assert_eq!(header.gas_used, fields["gasUsed"].as_u64().unwrap());
        assert_eq!(header.mix_hash().to_vec(), hex(&fields["mixHash"]));
        assert_eq!(header.miner_id().to_vec(), hex(&fields["extraData"])[..20]);
    }
}

#[test]
fn no_other_bytes_are_a_header() {
    let encoded = hex(&vectors("headers")[0]["rlp"]);
    for end in 0..encoded.len() {
        assert!(Header::decode(&encoded[..end]).is_none());
    }
    assert!(Header::decode(&[&encoded[..], &[0]].concat()).is_none());
    let items = payload_items(&encoded);
    assert_eq!(list_of(&items), encoded);
    assert!(Header::decode(&list_of(&items[1..])).is_none());
    assert!(Header::decode(&list_of(&[&items[..], &[vec![0x80]]].concat())).is_none());
    let changed = |index: usize, item: &[u8]| {
        let mut items = items.clone();
        items[index] = item.to_vec();
        Header::decode(&list_of(&items)).is_some()
    };
    assert!(changed(8, &[0x05]));
    for (index, item) in [
        (0, &[0x80][..]),                        // a hash without bytes
        (8, &[0x00]),                            // zero with a byte
        (8, &[0x81, 0x05]),                      // a prefix too many
        (8, &[0x82, 0x00, 0x05]),                // a leading zero
        (8, &[0xc0]),                            // a list
        (8, &[0x89, 1, 0, 0, 0, 0, 0, 0, 0, 0]), // 65 bits
    ] {
        assert!(!changed(index, item), "{index} {item:?}");
    }
    assert!(!changed(12, &[&[0xa1][..], &[7; 33]].concat()));
    assert!(changed(12, &[&[0xa0][..], &[7; 32]].concat()));
    assert!(!changed(15, &[&[0xa1][..], &[7; 33]].concat()));
}

/// The encodings of a list's items.
fn payload_items(encoded: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = encoded;
    alloy_rlp::Header::decode(&mut rest).unwrap();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let whole = rest;
        let header = alloy_rlp::Header::decode(&mut rest).unwrap();
        rest = &rest[header.payload_length..];
        items.push(whole[..whole.len() - rest.len()].to_vec());
    }
    items
}

fn list_of(items: &[Vec<u8>]) -> Vec<u8> {
    let payload = items.concat();
    let mut out = Vec::new();
    let header = alloy_rlp::Header {
        list: true,
        payload_length: payload.len(),
    };
    header.encode(&mut out);
    [out, payload].concat()
}

/// The test network of genesis_block_test.json, whose first blocks are in blocks.json.
struct Network {
    rules: HeaderRules,
    verifier: SealVerifier,
    chain_id: u64,
    genesis: Vec<u8>,
    context: Context,
    headers: Vec<Vec<u8>>,
    seals: Vec<Vec<u8>>,
}

fn network() -> Network {
    let (spec, file, graph) = (
        read("genesis_block_test.json"),
        vectors("blocks"),
        vectors("graph"),
    );
    let puzzle = &spec["puzzle"];
    let small = |value: &Value| u32::try_from(int(value)).unwrap();
    let pair = |row: &Value| (small(&row[0]), small(&row[1]));
    let order: Vec<u32> = list(&graph["order"]).iter().map(small).collect();
    let couplers = list(&graph["couplers"]).iter().map(pair).collect();
    let graph = Graph::new(order.len(), couplers, &order).unwrap();
    let row = |row: &Value| list(row).iter().map(small).collect();
    let cutoffs: Vec<Vec<u32>> = list(&puzzle["baseline"]["cutoffs"])
        .iter()
        .map(row)
        .collect();
    let proofs = Proofs {
        cap: int(&puzzle["baseline"]["cap"]),
        min_solutions: int(&puzzle["min_solutions"]) as usize,
        min_distance: int(&puzzle["min_distance"]) as usize,
    };
    let levels = levels(&spec["difficulty"]);
    let context = Context {
        total_difficulty: Total::ZERO,
        controller: levels.start,
        next_controller: levels.start,
        recent: vec![Recent {
            timestamp: int(&spec["genesis"]["timestamp"]) as u64,
            ommers: 0,
            streak: 0,
            ended_streak: 0,
        }],
    };
    let parts: Vec<Vec<Vec<u8>>> = list(&file["blocks"])
        .iter()
        .map(|block| payload_items(&hex(&block["rlp"])))
        .collect();
    let gas = &spec["gas_limit"];
    Network {
        rules: HeaderRules {
            gate_bits: small(&puzzle["gate_bits"]),
            gas_limits: (int(&gas["minimum"]) as u64, int(&gas["maximum"]) as u64),
            levels,
            ladder: ladder(&puzzle["ladder"]),
            ommer_limit: int(&spec["ommers"]["limit"]) as u8,
        },
        verifier: SealVerifier::new(
            Arc::new(graph),
            Cutoffs::new(&cutoffs).unwrap(),
            puzzle["fields"] == "ternary",
            proofs,
        ),
        chain_id: spec["chain_id"].as_u64().unwrap(),
        genesis: hex(&file["genesisRlp"]),
        context,
        headers: parts.iter().map(|block| block[0].clone()).collect(),
        seals: parts.iter().map(|block| block[3].clone()).collect(),
    }
}

/// The last moment at which block 1 is still too early is one second before this.
const LATER: i64 = 1_900_000_000;

impl Network {
    fn lawful(&self, headers: &[Vec<u8>], now: i64) -> Vec<quip_seal::Checked> {
        let headers: Vec<&[u8]> = headers.iter().map(Vec::as_slice).collect();
        check_headers(
            &self.rules,
            (&self.genesis, self.context.clone()),
            &headers,
            now,
        )
    }
}

#[test]
fn the_chains_headers_are_lawful() {
    let (network, file) = (network(), vectors("blocks"));
    let blocks = list(&file["blocks"]);
    let checked = network.lawful(&network.headers, LATER);
    assert_eq!(checked.len(), blocks.len());
    for (found, block) in checked.iter().zip(blocks) {
        assert_eq!(found.hash.to_vec(), hex(&block["hash"]));
        assert_eq!(found.required.level, int(&block["level"]));
        assert_eq!(found.required.margin, int(&block["margin"]));
    }
    assert!(checked[2].context.total_difficulty > checked[1].context.total_difficulty);
}

#[test]
fn a_run_ends_at_the_first_unlawful_header() {
    let network = network();
    let first = Header::decode(&network.headers[0]).unwrap();
    // The hour: a block may be ahead of the clock by the limit, and no second more.
    let limit = network.rules.levels.future_limit;
    let due = i64::try_from(first.timestamp).unwrap() - limit;
    assert!(!network.lawful(&network.headers[..1], due).is_empty());
    assert!(network.lawful(&network.headers, due - 1).is_empty());
    // Any change breaks the gate, the rules or the link; one of the middle header leaves the first.
    for index in 0..16 {
        let mut headers = network.headers.clone();
        let mut items = payload_items(&headers[1]);
        let last = items[index].len() - 1;
        items[index][last] ^= 1;
        headers[1] = list_of(&items);
        assert_eq!(network.lawful(&headers, LATER).len(), 1, "field {index}");
    }
    // Headers that do not follow each other, and a parent that is none.
    let swapped = [network.headers[1].clone(), network.headers[0].clone()];
    assert!(network.lawful(&swapped, LATER).is_empty());
    let headers: Vec<&[u8]> = network.headers.iter().map(Vec::as_slice).collect();
    let none = check_headers(
        &network.rules,
        (b"", network.context.clone()),
        &headers,
        LATER,
    );
    assert!(none.is_empty());
}

#[test]
fn the_gate_is_counted_in_bits() {
    let mut network = network();
    let header = network.headers[0].clone();
    let header = Header::decode(&header).unwrap();
    let zeros = header.mix_hash()[0].leading_zeros();
    assert!((network.rules.gate_bits..8).contains(&zeros));
    network.rules.gate_bits = zeros;
    assert!(network.rules.is_gate_open(&header));
    network.rules.gate_bits = zeros + 1;
    assert!(!network.rules.is_gate_open(&header));
}

/// Whether two seals differ in their solutions only.
fn is_solution(seal: &[u8], changed: &[u8]) -> bool {
    let (Some(seal), Some(changed)) = (Seal::decode(seal), Seal::decode(changed)) else {
        return false;
    };
    seal.solutions != changed.solutions
        && Seal {
            solutions: seal.solutions.clone(),
            ..changed
        } == seal
}

#[test]
fn the_chains_seals_are_good_and_every_changed_one_is_not() {
    let network = network();
    let checked = network.lawful(&network.headers, LATER);
    let good = |number: usize, encoded: &[u8], margin: i64| {
        let header = Header::decode(&network.headers[number]).unwrap();
        let signed = Signed {
            block_hash: checked[number].hash.as_slice(),
            miner_id: header.miner_id(),
            seed: header.mix_hash(),
            margin,
        };
        network.verifier.is_good(network.chain_id, &signed, encoded)
    };
    for (number, seal) in network.seals.iter().enumerate() {
        let margin = checked[number].required.margin;
        assert!(good(number, seal, margin));
        // blocks.json: 512 times the highest energy that still wins, plus the margin, is at most B.
        let file = vectors("blocks");
        let block = &file["blocks"][number];
        let worst = list(&block["energies"]).iter().map(int).max().unwrap();
        let room = int(&block["baseline"]) - 512 * worst;
        assert!(good(number, seal, room), "block {number}");
        assert!(!good(number, seal, room + 1), "block {number}");
        assert!(!good(number, &network.seals[(number + 1) % 3], margin));
    }
    let seal = &network.seals[0];
    let margin = checked[0].required.margin;
    for at in (0..seal.len()).step_by(41) {
        let mut changed = seal.clone();
        changed[at] ^= 1;
        // Other solutions may prove the same: the signatures are over the header's hash.
        if !is_solution(seal, &changed) {
            assert!(!good(0, &changed, margin), "byte {at}");
        }
    }
    for end in [0, 1, seal.len() / 2, seal.len() - 1] {
        assert!(Seal::decode(&seal[..end]).is_none());
    }
    assert!(Seal::decode(&[&seal[..], &[0]].concat()).is_none());
}
