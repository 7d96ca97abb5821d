//! Published vectors: EIP-155's worked example, BIP-32's and BIP-39's, RFC 5869; and the repository's own.
use quip_keys::{derivation, ecdsa};

fn hex(text: &str) -> Vec<u8> {
    let digits = (0..text.len()).step_by(2);
    digits
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap())
        .collect()
}

const SECRET: [u8; 32] = [0x46; 32];
/// n, the order of the group.
const ORDER: &str = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";

fn digest() -> Vec<u8> {
    hex("daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53")
}

#[test]
fn ecdsa_signs_the_example_of_eip_155() {
    let signature = ecdsa::sign(&SECRET, &digest()).unwrap();
    let expected = hex(concat!(
        "28ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276",
        "67cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83",
        "00"
    ));
    assert_eq!(signature.to_vec(), expected);
    let key = ecdsa::public_key(&SECRET).unwrap();
    assert_eq!(ecdsa::recover(&signature, &digest()).unwrap(), key);
    let point = ecdsa::uncompressed(&key).unwrap();
    let address = alloy_primitives::keccak256(point);
    assert_eq!(
        address[12..].to_vec(),
        hex("9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f")
    );
}

#[test]
fn a_signature_has_exactly_one_form() {
    let good = ecdsa::sign(&SECRET, &digest()).unwrap();
    let why = |signature: &[u8]| {
        ecdsa::recover(signature, &digest())
            .unwrap_err()
            .to_string()
    };
    assert_eq!(why(&good[..64]), "ECDSA signature: 64 bytes, want 65");
    let mut other = good;
    other[64] = 2;
    assert_eq!(why(&other), "v: 2, want 0 or 1");
    // n - s recovers the same key with the other v, and is refused.
    let order = hex(ORDER);
    let mut high = good;
    let mut borrow = 0i32;
    for at in (0..32).rev() {
        let difference = i32::from(order[at]) - i32::from(good[32 + at]) - borrow;
        borrow = i32::from(difference < 0);
        high[32 + at] = difference.rem_euclid(256) as u8;
    }
    high[64] ^= 1;
    assert_eq!(why(&high), "high s: above half the group order");
    let mut nobody = good;
    nobody[..32].fill(0);
    assert_eq!(why(&nobody), "ECDSA signature: recovers no key");
    assert!(ecdsa::recover(&good, &digest()[1..]).is_err());
}

#[test]
fn secrets_lie_between_zero_and_the_order() {
    for bad in [vec![0; 32], hex(ORDER), vec![0xff; 32], vec![1; 31], vec![]] {
        assert!(ecdsa::public_key(&bad).is_err());
        assert!(ecdsa::sign(&bad, &digest()).is_err());
    }
    let mut one = [0; 32];
    one[31] = 1;
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/vectors/hybrid.json"
    );
    let cases: Vec<serde_json::Value> =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    for case in cases {
        let key = case["ecdsa_key"].as_str().unwrap();
        assert_eq!(ecdsa::public_key(&one).unwrap().to_vec(), hex(key));
    }
    for bad in [vec![], vec![0; 33], [&[2][..], &[0xff; 32]].concat()] {
        assert!(ecdsa::uncompressed(&bad).is_err());
    }
}

#[test]
fn words_and_seeds_are_those_of_bip_39() {
    let cases = [
        (
            "00000000000000000000000000000000",
            "abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon abandon about",
            concat!(
                "c55257c360c07c72029aebc1b53c05ed0362ada38ead3e3e9efa3708e5349553",
                "1f09a6987599d18264c1e1c92f2cf141630c7a3c4ab7c81b2f001698e7463b04"
            ),
        ),
        (
            "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
            "legal winner thank year wave sausage worth useful legal winner thank yellow",
            concat!(
                "2e8905819b8723fe2c1d161860e5ee1830318dbf49a83bd451cfb8440c28bd6f",
                "a457fe1296106559a3c80937a1c1069be3a3a5bd381ee6260e8d9739fce1f607"
            ),
        ),
    ];
    for (entropy, phrase, seed) in cases {
        assert_eq!(derivation::phrase(&hex(entropy)).unwrap(), phrase);
        let made = derivation::seed(phrase, "TREZOR").unwrap();
        assert_eq!(made.to_vec(), hex(seed));
    }
    assert!(derivation::phrase(&[0; 15]).is_err());
    assert!(derivation::seed("legal winner thank", "").is_err());
    assert!(derivation::seed(&cases[0].1.replace("about", "abandon"), "").is_err());
}

#[test]
fn paths_lead_where_bip_32_says() {
    let seed = hex("000102030405060708090a0b0c0d0e0f");
    let cases = [
        (
            "m",
            "e8f32e723decf4051aefac8e2c93c9c5b214313817cdb01a1494b917c8436b35",
        ),
        (
            "m/0'",
            "edb2e14f9ee77d26dd93b4ecede8d16ed408ce149b6cd80b0715a2d911a0afea",
        ),
        (
            "m/0'/1",
            "3c6cb8d0f6a264c91ea8b5030fadaa8e538b020f0a387421a12de9319dc93368",
        ),
    ];
    for (path, secret) in cases {
        assert_eq!(
            derivation::secret_at(&seed, path).unwrap().to_vec(),
            hex(secret)
        );
    }
    assert!(derivation::secret_at(&seed, "0/1").is_err());
    assert!(derivation::secret_at(&seed[..8], "m").is_err());
}

#[test]
fn hkdf_is_that_of_rfc_5869() {
    // Appendix A.3: neither salt nor info.
    let made = derivation::hkdf_sha256(&[0x0b; 22], b"", 42).unwrap();
    let expected =
        "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8";
    assert_eq!(made, hex(expected));
    assert_eq!(
        derivation::hkdf_sha256(b"k", b"", 255 * 32).unwrap().len(),
        8_160
    );
    assert!(derivation::hkdf_sha256(b"k", b"", 255 * 32 + 1).is_err());
}
