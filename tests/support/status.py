"""What quip_getStatus answers, made up."""

from typing import Any

STATUS: dict[str, Any] = {
    "running": True, "pid": 7, "uptime": 5, "nodeName": "one", "dataDir": "/data/one", "mining": False,
    "idleBecause": "mining was not asked for", "minerId": "0x" + "aa" * 20, "signaturesLeft": 1000, "payout": None,
    "version": "quip/v0.1.0", "chain": "dev", "chainId": 20050, "genesis": "0x" + "bb" * 32,
    "head": {"number": "0x5", "hash": "0x" + "cc" * 32, "timestamp": "0x65000000", "totalDifficulty": "0x100"},
    "headAge": 12, "level": 1 << 16, "work": "0x2", "blockTime": 1.5, "targetBlockTime": 2, "nodeId": "0x" + "dd" * 32,
    "listen": "127.0.0.1:20049", "peers": 0, "syncing": False,
}  # fmt: skip
