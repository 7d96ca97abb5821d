"""Quantities as developers' tools write them."""

from collections.abc import Callable
from typing import Any

import pytest

from quip.rpc.methods.developer import arguments
from quip.rpc.params import BadArgument


@pytest.mark.parametrize("value", [16, "0x10", "16"])
def test_a_number_in_three_ways(value: object) -> None:
    assert arguments.number(value) == 16
    assert arguments.timestamp({"timestamp": value}) == 16


@pytest.mark.parametrize(
    ("parse", "value"),
    [
        (arguments.number, True),
        (arguments.number, 1.5),
        (arguments.number, -1),
        (arguments.number, "-1"),
        (arguments.number, 1 << 64),
        (arguments.number, str(1 << 64)),
        (arguments.number, "0x"),
        (arguments.number, None),
        (arguments.block_count, arguments.MAX_BLOCKS + 1),
        (arguments.seconds, arguments.MAX_SECONDS + 1),
        (arguments.milliseconds, arguments.MAX_INTERVAL_MS + 1),
        (arguments.timestamp, {"time": 1}),
        (arguments.members, []),
    ],
)
def test_what_is_none_is_refused(parse: Callable[[object], Any], value: object) -> None:
    with pytest.raises(BadArgument):
        parse(value)
