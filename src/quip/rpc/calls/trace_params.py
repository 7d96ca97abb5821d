"""How a trace is to be told: go-ethereum's TraceConfig. Its members are looked at where the trace is made."""

from typing import Any

from quip.consensus.execution.simulation import BlockOverride, Overrides
from quip.rpc.calls.call_params import block_overrides, state_overrides
from quip.rpc.params import BadArgument

Options = dict[str, Any]


def trace_options(value: object) -> Options:
    """How a trace is to be told: an object, whose members are looked at where the trace is made."""
    if not isinstance(value, dict):
        raise BadArgument("json: cannot unmarshal non-object into Go value of type tracers.TraceConfig")
    if "txIndex" in value:
        raise BadArgument("txIndex is not supported: a call is traced after its block's transactions")
    return value


def call_options(value: object) -> tuple[Options, Overrides]:
    """As `trace_options`, with overrides beside them."""
    options = dict(trace_options(value))
    accounts, block = options.pop("stateOverrides", None), options.pop("blockOverrides", None)
    return options, Overrides(
        {} if accounts is None else state_overrides(accounts),
        BlockOverride() if block is None else block_overrides(block),
    )
