import pytest

from quip.primitives.address import AddressError, checksum_address, parse_address

# The examples of EIP-55.
EXAMPLES = [
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_examples_of_eip_55(text: str) -> None:
    address = bytes.fromhex(text[2:])
    assert checksum_address(address) == text
    assert parse_address(text) == parse_address(text.lower()) == parse_address("0x" + text[2:].upper()) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0x",
        EXAMPLES[4][2:],
        EXAMPLES[4][:-1],
        EXAMPLES[4] + "0",
        EXAMPLES[4].replace("aA", "Aa"),
        EXAMPLES[4][:-1] + "e",
        "0X" + EXAMPLES[4][2:],
        "0x" + "g" * 40,
        EXAMPLES[4] + "\n",
    ],
)
def test_bad_addresses(text: str) -> None:
    with pytest.raises(AddressError):
        parse_address(text)


def test_only_twenty_bytes_have_a_text() -> None:
    with pytest.raises(AddressError):
        checksum_address(bytes(32))
