"""The recursion limit: libraries that raise it on import don't make deep JSON end the process."""

import json
import subprocess
import sys

import pytest

from quip.primitives.recursion import RECURSION_LIMIT, bound_recursion, recursion_limit_kept
from quip.rpc.errors import ParseError
from quip.rpc.transport.dispatch import parse

DEEP = b"[" * 100_000


def test_what_is_imported_inside_leaves_the_limit_as_it_was() -> None:
    before = sys.getrecursionlimit()
    with recursion_limit_kept():
        sys.setrecursionlimit(before + 5_000)
    assert sys.getrecursionlimit() == before


def test_a_failing_import_leaves_it_too() -> None:
    before = sys.getrecursionlimit()
    with pytest.raises(ImportError), recursion_limit_kept():
        sys.setrecursionlimit(before + 5_000)
        raise ImportError
    assert sys.getrecursionlimit() == before


def test_deep_json_is_a_parse_error_even_after_somebody_raised_the_limit() -> None:
    with recursion_limit_kept():
        sys.setrecursionlimit(RECURSION_LIMIT * 100)
        with pytest.raises(ParseError):
            parse(DEEP)
        assert sys.getrecursionlimit() == RECURSION_LIMIT


def test_a_lower_limit_stays() -> None:
    with recursion_limit_kept():
        sys.setrecursionlimit(RECURSION_LIMIT - 1)
        bound_recursion()
        assert sys.getrecursionlimit() == RECURSION_LIMIT - 1


def test_the_wallet_does_not_raise_it() -> None:
    code = (
        "import json, sys; import quip.wallet.accounts.classical, quip.wallet.accounts.keystore as keystore\n"
        "print(json.dumps([sys.getrecursionlimit(), 'py_ecc' in sys.modules or 'eth_account' in sys.modules]))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, timeout=120)
    limit, imported = json.loads(out.stdout)
    assert (limit, imported) == (RECURSION_LIMIT, True)
