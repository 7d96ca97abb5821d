"""What single values of the configuration must look like, whoever gives them: flag, variable or file.

Each function takes what was given and returns it in its one form, or raises ValueError with words for the operator.
"""

import ipaddress
import os
import re
from pathlib import Path

from quip.node.config.home import home
from quip.primitives.address import AddressError, checksum_address, parse_address

SECONDS_PER_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
BUDGET = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(ms|s|m|h)\s*/\s*d\s*")
ORIGIN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s?#@]+")
ANY = "*"
MAX_NAME_BYTES = 255  # of one file's name, on every file system in use
MAX_PATH_BYTES = 4095  # PATH_MAX, less its end
MAX_LABEL = 63  # characters between two dots of a host name (RFC 1035)

_PRECOMPILES = (
    "ecrecover", "sha256", "ripemd160", "identity", "modexp", "bn254 addition", "bn254 multiplication",
    "bn254 pairing", "blake2f", "KZG point evaluation", "BLS12-381 G1 addition", "BLS12-381 G1 multiplication",
    "BLS12-381 G2 addition", "BLS12-381 G2 multiplication", "BLS12-381 pairing", "BLS12-381 map to G1",
    "BLS12-381 map to G2", "reserved",
)  # fmt: skip
NO_ACCOUNTS = {1 + at: f"the precompile 0x{1 + at:x} ({name})" for at, name in enumerate(_PRECOMPILES)} | {
    0: "the zero address",
    0x100: "the precompile 0x100 (P-256 verification)",
}
"""Addresses without a key: whoever is paid there is nobody. 0x12 is the next that Ethereum will give away."""


def path(value: object) -> Path | None:
    """A path whose `~` is a home directory. An empty one is refused: it would mean the current directory."""
    if value is None:
        return None
    if not isinstance(value, str | Path):
        raise ValueError("must be a path, in quotes")
    text = str(value)
    if not text.strip():
        raise ValueError("must not be empty (an unset variable?)")
    if "\0" in text:
        raise ValueError("must not contain a NUL character")
    expanded = _expanded(text)
    if any(len(os.fsencode(part)) > MAX_NAME_BYTES for part in expanded.parts):
        raise ValueError(f"holds a name of more than {MAX_NAME_BYTES} bytes, more than file systems take")
    if len(os.fsencode(expanded)) > MAX_PATH_BYTES:
        raise ValueError(f"is longer than {MAX_PATH_BYTES} bytes, more than the system takes")
    return expanded


def _expanded(text: str) -> Path:
    if not text.startswith("~"):
        return Path(text)
    first, slash, rest = text.partition("/")
    if first == "~":
        found = home()
        if found is None:
            raise ValueError("begins with ~, but this user has no home directory: write the whole path")
        return found / rest if slash else found
    user = os.path.expanduser(first)  # noqa: PTH111  (pathlib raises where it knows nobody)
    if user == first:
        raise ValueError(f"begins with {first}, but there is no such user: write ./{first} for a file of that name")
    return Path(user) / rest


def chain(value: object) -> object:
    """A network's name or the path of a chain spec."""
    if not isinstance(value, str | Path):
        return value
    found = path(value)
    return str(found) if str(value).startswith("~") else str(value)  # "./dev" is a file, "dev" a network


def listed(value: object) -> object:
    """One value or a list of them; the environment separates by commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def texts(value: object) -> object:
    """As `listed`, and numbers become text: devices = [0, 1] is what people write."""
    parts = listed([value] if type(value) is int else value)
    if not isinstance(parts, list | tuple):
        raise ValueError("must be a text, or a list of them")
    return [str(part) if type(part) is int else part for part in parts]


def budget(value: object) -> object:
    """Seconds of a time a day."""
    if value is None or type(value) in (int, float):
        return value
    match = BUDGET.fullmatch(str(value))
    if match is None:
        raise ValueError('is not a budget: a time a day, such as "40s/d" or "2m/d"')
    return float(match[1]) * SECONDS_PER_UNIT[match[2]]


def upper(value: object) -> object:
    """Levels may be written small."""
    return value.upper() if isinstance(value, str) else value


def auto(value: object) -> object:
    """ "auto" leaves the choice to the program."""
    if value == "auto":
        return None
    if isinstance(value, str):
        try:
            return int(value)
        except ValueError:
            raise ValueError('must be a whole number, or "auto"') from None
    return value


def host(value: str) -> str:
    """An address of this machine, or a name for one; a port has a key of its own."""
    name = value[1:-1] if value.startswith("[") and value.endswith("]") else value
    if not is_host(value):
        raise ValueError("is no address: give one of this machine, such as 127.0.0.1, 0.0.0.0 or ::")
    return name


def host_names(values: tuple[str, ...]) -> tuple[str, ...]:
    """Names as they stand in a Host header, without port; "*" is any."""
    for value in values:
        if value != ANY and not is_host(value):
            raise ValueError(f'{value!r} is no host name: write it without scheme and port, or "*" for any')
    return tuple(value.lower() for value in values)


def origins(values: tuple[str, ...]) -> tuple[str, ...]:
    """Origins as browsers send them (RFC 6454): scheme and host, no path; "*" is any."""
    for value in values:
        if value != ANY and ORIGIN.fullmatch(value) is None:
            raise ValueError(f'{value!r} is not an origin: write https://host or http://host:port, or "*" for any')
    return tuple(value.lower() for value in values)


def dialled(value: str) -> str:
    """An address that can be dialled: host, host:port, [v6]:port."""
    split(value)
    return value


def all_dialled(values: tuple[str, ...]) -> tuple[str, ...]:
    """Addresses that can be dialled."""
    for value in values:
        split(value)
    return values


def split(text: str) -> tuple[str, int | None]:
    """("host", port or None) of host, host:port or [v6]:port."""
    name, colon, port = text.rpartition(":")
    if text.count(":") > 1 and not name.endswith("]"):
        if not text.startswith("["):
            _refuse_ambiguous(text, name, port)
        name, port = text, ""
    elif not colon:
        name, port = text, ""
    if not is_host(name) or (port and not _is_port(port)) or (colon and not port and name != text):
        raise ValueError(f"{text!r} is no address: write host:port, such as localhost:20049 or [::1]:20049")
    return name, int(port) if port else None


def _refuse_ambiguous(text: str, name: str, port: str) -> None:
    """An IPv6 address and a port without brackets, which may also be read as an address alone."""
    if is_host(f"[{name}]") and _is_port(port):
        also = f", or [{text}] if all of it is the address" if is_host(f"[{text}]") else ""
        raise ValueError(f"{text!r} is no address: an IPv6 address stands in brackets, [{name}]:{port}{also}")


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16


def is_host(text: str) -> bool:
    """Can this be an IP address (v6 with or without brackets) or a name (RFC 1123; letters of any script)?"""
    bracketed = text.startswith("[") and text.endswith("]")
    name = text[1:-1] if bracketed else text
    if bracketed or ":" in name or re.fullmatch(r"[0-9.]+", name):
        try:
            found = ipaddress.ip_address(name)
        except ValueError:
            return False
        return found.version == (6 if bracketed or ":" in name else 4)
    if not all(letter.isalnum() or letter in "-_." for letter in name):
        return False
    return all(0 < len(label) <= MAX_LABEL for label in name.removesuffix(".").split("."))


def payee(value: object) -> object:
    """An account's address with its checksum; not one that nobody has a key for."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError("must be an address in quotes: 0x and 40 hexadecimal digits")
    try:
        address = parse_address(value)
    except AddressError as error:
        raise ValueError(f"{error} (quip wallet show prints one)") from None
    nobody = NO_ACCOUNTS.get(int.from_bytes(address))
    if nobody is not None:
        raise ValueError(f"is {nobody}: nobody has its key, so what is paid to it is lost")
    return checksum_address(address)
