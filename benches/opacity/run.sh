#!/bin/sh
# The opacity benchmark. Fetches the sources from the registries once, draws the fields, prints the tables of
# docs/opacity.md; writes docs/opacity-tables.md. CACHE (default: target/opacity) keeps what was fetched.
#
#   run.sh            the development set
#   run.sh heldout    the held-out set: for a model that is finished, not to improve one
#   run.sh noise      five million random fields of each length
#   run.sh train      writes src/model/pairs.bin again
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache=${CACHE:-$here/../../target/opacity}
mkdir -p "$cache"
if [ ! -x "$cache/venv/bin/python" ]; then
    python3 -m venv "$cache/venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
fi
python=$cache/venv/bin/python
bench() { cargo run --release --quiet --locked --manifest-path "$here/Cargo.toml" -- "$@"; }
case ${1:-} in
train) exec "$python" "$here/corpus.py" train "$cache" "$here/../../src/model/pairs.bin" ;;
noise) bench noise 5000000 ;;
heldout)
    "$python" "$here/heldout.py" "$cache" "$cache/heldout.bin"
    bench summary "$cache/heldout.bin"
    ;;
*)
    "$python" "$here/corpus.py" test "$cache" "$cache/test.bin"
    bench summary "$cache/test.bin"
    bench noise 100000
    bench speed "$cache/test.bin"
    bench tables "$cache/test.bin" > "$here/../../docs/opacity-tables.md"
    ;;
esac
