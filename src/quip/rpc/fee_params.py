"""The arguments of eth_feeHistory."""

import json
import math

from quip.rpc.errors import CallFailed
from quip.rpc.params import HEX, BadArgument, kind_of

MAX_PERCENTILES = 100
MAX_UINT64 = (1 << 64) - 1


def block_count(value: object) -> int:
    """How many blocks: a hex or decimal integer, as text or not."""
    text = value if isinstance(value, str) else json.dumps(value)
    digits, base = (text[2:], 16) if text[:2] in ("0x", "0X") else (text, 10)
    if HEX.fullmatch(digits) and digits and (base == 16 or digits.isdecimal()) and len(digits) <= 20:
        number = int(digits, base)
        if number <= MAX_UINT64:
            return number
    raise BadArgument(f"invalid hex or decimal integer {json.dumps(text)}")


def percentiles(value: object) -> list[float]:
    """Percentiles of gas, ascending, from 0 to 100. Refused as by go-ethereum, which looks at them after the call."""
    if not isinstance(value, list):
        raise BadArgument(f"json: cannot unmarshal {kind_of(value)} into Go value of type []float64")
    for one in value:
        if not isinstance(one, int | float) or isinstance(one, bool):
            raise BadArgument(f"json: cannot unmarshal {kind_of(one)} into Go value of type float64")
    if len(value) > MAX_PERCENTILES:
        raise CallFailed(f"invalid reward percentile: over the query limit {MAX_PERCENTILES}")
    before = -math.inf
    for index, one in enumerate(value):
        if not 0 <= one <= 100:
            raise CallFailed(f"invalid reward percentile: {json.dumps(one)}")
        if one <= before:
            raise CallFailed(f"invalid reward percentile: #{index - 1}:{before:f} >= #{index}:{one:f}")
        before = one
    return [float(one) for one in value]
