"""What this program calls itself."""

import platform

import quip


def developer_version() -> str:
    """What the helpers of Hardhat ask for before they use a developer's methods: a name that begins with anvil."""
    return f"anvil/v1-quip-{quip.__version__}"


def client_version() -> str:
    """Name, version, platform and language, as Ethereum's clients say it."""
    system = f"{platform.system().lower()}-{platform.machine()}"
    return f"quip/v{quip.__version__}/{system}/python{platform.python_version()}"
