"""What `mine_on_demand` goes with: a developer's chain on this machine alone."""

import ipaddress

from quip.node.config.settings import Settings
from quip.node.errors import ConfigError

DEVELOPER_CHAIN = "local"
_HINT = "a chain whose blocks are made on demand is for one machine: leave it out"


def check_on_demand(settings: Settings) -> None:
    """Raises ConfigError for what does not go with it."""
    general = settings.global_
    if not general.mine_on_demand:
        return
    if general.genesis_config not in (None, DEVELOPER_CHAIN):
        raise ConfigError(
            f"{settings.named('mine_on_demand')} is for a developer's chain, and {settings.named('genesis_config')} "
            f"names {general.genesis_config}",
            f"leave {settings.named('genesis_config')} out, or give {DEVELOPER_CHAIN}",
        )
    taken = {
        "auto_mine": general.auto_mine,
        "peer": general.peer,
        "bootnodes": general.bootnodes,
        "public_host": general.public_host,
        "public_port": general.public_port,
    }
    for key, value in taken.items():
        if value:
            raise ConfigError(f"{settings.named(key)} does not go with {settings.named('mine_on_demand')}", _HINT)
    for key, host in (("listen", general.listen), ("host", general.host), ("rpc_listen", general.rpc_listen)):
        if host is not None and not _is_loopback(host):
            raise ConfigError(
                f"{settings.named('mine_on_demand')} is for this machine alone, and {settings.named(key)} is {host}",
                "everybody has the keys of a developer's chain: leave it out, or give 127.0.0.1",
            )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
