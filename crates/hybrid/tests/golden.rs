//! The transactions and windows that the plain-Python reference made (tests/vectors), and what is refused.
use alloy_primitives::{keccak256, U256};
use quip_hybrid::{HybridError, HybridTransaction, LeafRefused, LeafWindow, Payload};
use serde_json::Value;

fn read(name: &str) -> Vec<Value> {
    let path = format!("{}/../../tests/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn bytes(case: &Value, name: &str) -> Vec<u8> {
    alloy_primitives::hex::decode(case[name].as_str().unwrap()).unwrap()
}

#[test]
fn transactions_are_read_signed_named_and_written_as_the_reference_does() {
    let cases = read("hybrid_transactions.json");
    assert!(cases.len() >= 3);
    for case in &cases {
        let encoded = bytes(case, "encoded");
        let transaction = HybridTransaction::decode(&encoded).unwrap();
        assert_eq!(transaction.encode(), encoded);
        assert_eq!(transaction.hash().to_vec(), bytes(case, "hash"));
        assert_eq!(transaction.hash(), keccak256(&encoded));
        let payload = &transaction.payload;
        assert_eq!(payload.digest().to_vec(), bytes(case, "digest"));
        assert_eq!(&Payload::decode(&bytes(case, "payload")).unwrap(), payload);
        assert_eq!(payload.sender.to_vec(), bytes(case, "sender"));
        assert!(payload.keys_name_sender());
        assert_eq!(transaction.verify(), Ok(()));
    }
}

#[test]
fn both_halves_have_to_sign_everything() {
    let cases = read("hybrid_transactions.json");
    let good = HybridTransaction::decode(&bytes(&cases[0], "encoded")).unwrap();
    let refused = |change: fn(&mut HybridTransaction)| {
        let mut other = good.clone();
        change(&mut other);
        other.verify().unwrap_err()
    };
    let ecdsa = |error| matches!(error, HybridError::Ecdsa(_));
    assert!(ecdsa(refused(|t| t.payload.chain_id += 1)));
    assert!(ecdsa(refused(|t| t.payload.nonce += 1)));
    assert!(ecdsa(refused(|t| t.payload.sender.0 .0[0] ^= 1)));
    assert!(ecdsa(refused(|t| t.ecdsa[64] ^= 1)));
    assert_eq!(
        refused(|t| t.payload.leaf += 1),
        HybridError::OtherLeaf(1, 0)
    );
    assert_eq!(
        refused(|t| {
            let mut xmss = t.xmss.to_vec();
            xmss[1_000] ^= 1;
            t.xmss = xmss.into();
        }),
        HybridError::Xmss
    );
}

/// n - s with the other v recovers the same key, and would be another hash for the same transaction.
#[test]
fn a_signature_has_one_form() {
    let cases = read("hybrid_transactions.json");
    let mut other = HybridTransaction::decode(&bytes(&cases[0], "encoded")).unwrap();
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    )
    .unwrap();
    let high = order - U256::from_be_slice(&other.ecdsa[32..64]);
    other.ecdsa[32..64].copy_from_slice(&high.to_be_bytes::<32>());
    other.ecdsa[64] ^= 1;
    assert!(matches!(other.verify(), Err(HybridError::Ecdsa(_))));
}

#[test]
fn what_is_no_transaction_is_refused() {
    let cases = read("hybrid_transactions.json");
    let good = bytes(&cases[0], "encoded");
    let mut longer = good.clone();
    longer.push(0);
    for bad in [
        &[][..],
        &[0x51],
        &good[1..],
        &good[..good.len() - 1],
        &longer,
    ] {
        assert!(matches!(
            HybridTransaction::decode(bad),
            Err(HybridError::Malformed(_))
        ));
    }
    let huge = vec![0x51; quip_hybrid::MAX_TRANSACTION_BYTES + 1];
    assert_eq!(
        HybridTransaction::decode(&huge),
        Err(HybridError::TooLarge(huge.len()))
    );
}

#[test]
fn windows_go_as_the_reference_says() {
    let mut window = LeafWindow::default();
    for row in read("leaf_windows.json") {
        let leaf = row[0]
            .as_u64()
            .unwrap_or_else(|| row[0].as_str().unwrap().parse().unwrap());
        let outcome = window.burn(leaf, 1_024);
        let told = match outcome {
            Ok(_) => "burned",
            Err(LeafRefused::PastEnd) => "past the end",
            Err(LeafRefused::TooOld) => "too old",
            Err(LeafRefused::Used) => "used",
        };
        assert_eq!(told, row[1].as_str().unwrap(), "leaf {leaf}");
        window = outcome.unwrap_or(window);
        assert_eq!(window.next, row[2].as_u64().unwrap());
        let map = U256::from_str_radix(&row[3].as_str().unwrap()[2..], 16).unwrap();
        assert_eq!(window.used, map);
    }
}
