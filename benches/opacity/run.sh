#!/bin/sh
# The opacity benchmark, whole: fetches the sources from the registries, draws the fields, prints docs/opacity.md's tables.
# CACHE (default: target/opacity) keeps what was fetched. With `train` as argument: writes src/opacity/pairs.bin again.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${CACHE:-$here/../../target/opacity}
mkdir -p "$cache"
if [ ! -x "$cache/venv/bin/python" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi
if [ "${1:-}" = train ]; then
    exec "$cache/venv/bin/python" "$here/corpus.py" train "$cache" "$here/../../src/opacity/pairs.bin"
fi
"$cache/venv/bin/python" "$here/corpus.py" test "$cache" "$cache/test.bin"
cargo run --release --quiet --locked --manifest-path "$here/Cargo.toml" -- "$cache/test.bin"
