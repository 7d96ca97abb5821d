"""The token of the JSON-RPC server, in a file: the node asks for it (rpc_token_file), `quip` shows it."""

import stat
from pathlib import Path

from quip.files.durable_files import Exposed, read_secret
from quip.node.errors import ConfigError

TOKEN_LENGTH = 32  # characters at least: nobody guesses it, and no password is mistaken for it
LIMIT_BYTES = 4096
HINT = "make one: (umask 077; openssl rand -hex 32 > {file})"


def read_token(file: Path) -> bytes:
    """The token in a file, without white space around it. Raises ConfigError where it is missing, short, or readable
    by others."""
    hint = HINT.format(file=file)
    try:
        token = read_secret(file, stat.S_IRWXO, LIMIT_BYTES).strip()
    except Exposed:
        raise ConfigError(f"the rpc_token_file {file} can be reached by others", f"run: chmod o-rwx {file}") from None
    except FileNotFoundError:
        raise ConfigError(f"there is no rpc_token_file {file}", hint) from None
    except OSError as error:
        raise ConfigError(
            f"cannot read the rpc_token_file {file}: {error.strerror}", f"check its path; {hint}"
        ) from None
    if len(token) < TOKEN_LENGTH or not token.isascii() or len(token.split()) != 1:
        raise ConfigError(
            f"the rpc_token_file {file} does not hold one word of {TOKEN_LENGTH} letters and digits or more", hint
        )
    return token
