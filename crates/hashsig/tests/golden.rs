//! The signatures that the plain-Python reference made (tests/vectors/xmss.json), small trees and real ones.
use quip_hashsig::{verify, Parameters, Seeds, SigningKey};
use sha2::{Digest, Sha256};

fn bytes(case: &serde_json::Value, name: &str) -> Vec<u8> {
    let text = case[name].as_str().unwrap();
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

fn parameters(case: &serde_json::Value) -> Parameters {
    Parameters {
        name: "golden",
        oid: 1,
        tree_height: case["height"].as_u64().unwrap() as u32,
        layers: case["layers"].as_u64().unwrap() as u32,
        index_bytes: case["index_bytes"].as_u64().unwrap() as usize,
    }
}

fn seeds(case: &serde_json::Value) -> Seeds {
    let all = bytes(case, "seeds");
    Seeds {
        sk_seed: all[..32].try_into().unwrap(),
        sk_prf: all[32..64].try_into().unwrap(),
        pub_seed: all[64..].try_into().unwrap(),
    }
}

fn cases() -> Vec<serde_json::Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/xmss.json");
    let all: Vec<_> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    // Without optimization a tree of 1,024 leaves takes half a minute.
    all.into_iter()
        .filter(|case: &serde_json::Value| {
            !cfg!(debug_assertions) || case["height"].as_u64() < Some(10)
        })
        .collect()
}

#[test]
fn signatures_equal_the_reference() {
    let cases = cases();
    assert!(cases.len() >= 7);
    for case in cases {
        let (parameters, leaf) = (parameters(&case), case["leaf"].as_u64().unwrap());
        let mut key = SigningKey::generate(parameters, seeds(&case), &mut |_| true).unwrap();
        assert_eq!(key.public_key().to_vec(), bytes(&case, "public_key"));
        let message = bytes(&case, "message");
        let signature = key.sign(leaf, &message).unwrap();
        assert_eq!(
            Sha256::digest(&signature).to_vec(),
            bytes(&case, "signature_sha256"),
            "leaf {leaf}"
        );
        assert_eq!(
            verify(&parameters, &key.public_key(), &message, &signature),
            Ok(())
        );
    }
}

#[test]
fn every_leaf_of_a_small_key_signs_and_no_byte_of_a_signature_is_idle() {
    let case = &cases()[2];
    let parameters = parameters(case);
    let mut key = SigningKey::generate(parameters, seeds(case), &mut |_| true).unwrap();
    for leaf in 0..parameters.leaves() {
        let mut signature = key.sign(leaf, b"message").unwrap();
        assert_eq!(
            verify(&parameters, &key.public_key(), b"message", &signature),
            Ok(())
        );
        let at = (leaf as usize * 7919 + 11) % signature.len();
        signature[at] ^= 1;
        assert!(
            verify(&parameters, &key.public_key(), b"message", &signature).is_err(),
            "byte {at}"
        );
    }
    assert!(key.sign(parameters.leaves(), b"message").is_err());
}
