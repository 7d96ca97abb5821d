"""A second reader of Quip's chain: plain Python, written from docs/protocol.md and docs/protocol/signatures.md alone.

It imports nothing of the project (the parts in second_reading/ are its own) and nothing outside the standard library.
`second_reader.py --rpc URL` fetches every block of a node and verifies it from genesis; `--mutants` also spoils every
block in more than a hundred ways, each of which has to break the rule that it is aimed at.
"""

import argparse
import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from second_reading.encoding import Block, Invalid, need, rlp
from second_reading.mutants import check_mutants
from second_reading.rules import verify_chain
from second_reading.spec import Spec


def call(url: str, method: str, *params: str) -> Any:
    question = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    request = urllib.request.Request(url, json.dumps(question).encode(), {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        answer = json.load(response)
    need("result" in answer, f"{method}: {answer.get('error')}")
    return answer["result"]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rpc", help="URL of a node; without it only the genesis block of --spec is made")
    parser.add_argument("--spec", type=Path, help="chain spec; without it the node's is used")
    parser.add_argument("--last", type=int, help="number of the last block (default: the node's head)")
    parser.add_argument("--mutants", action="store_true", help="spoil every block and see it rejected")
    options = parser.parse_args()
    if options.rpc is None and options.spec is None:
        parser.error("give --rpc, --spec or both")
    try:
        spec = Spec(options.spec.read_text() if options.spec else call(options.rpc, "quip_getChainSpec"))
        blocks = [rlp(Block(spec.genesis, [], None).items())]
        if options.rpc:
            head = int(call(options.rpc, "eth_blockNumber"), 16)
            last = head if options.last is None else min(head, options.last)
            blocks = [bytes.fromhex(call(options.rpc, "quip_getRawBlock", hex(i))[2:]) for i in range(last + 1)]
        states = verify_chain(spec, blocks)
        print(f"{len(blocks)} blocks verified: 0 to {len(blocks) - 1}, head 0x{states[-1].tip.header.hash().hex()}")
        if options.mutants:
            tally = check_mutants(spec, blocks, states)
            print(f"{tally.total()} mutants rejected: " + ", ".join(f"{rule} {n}" for rule, n in sorted(tally.items())))
    except (Invalid, ValueError, OSError) as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
