"""What this program calls itself."""

import platform

import quip


def client_version() -> str:
    """Name, version, platform and language, as Ethereum's clients say it."""
    system = f"{platform.system().lower()}-{platform.machine()}"
    return f"quip/v{quip.__version__}/{system}/python{platform.python_version()}"
