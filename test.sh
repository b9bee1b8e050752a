#!/usr/bin/env bash
# Runs every test, and installs what that needs first: cargo-nextest, and where apt-get is at hand, Chromium and tshark
# (tests that need one of them say so and pass over it where it is missing).
set -euo pipefail
cd "$(dirname "$0")"

if ! command -v cargo-nextest >/dev/null; then
  echo "installing cargo-nextest (some minutes)"
  cargo install --quiet --locked cargo-nextest@0.9.143
fi
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  missing=()
  command -v chromium >/dev/null || missing+=(chromium)
  command -v tshark >/dev/null || missing+=(tshark)
  if [ ${#missing[@]} -gt 0 ]; then
    echo "installing ${missing[*]}"
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
      >/dev/null 2>&1 || echo "could not install ${missing[*]}: their tests will be passed over"
  fi
fi

profile=default
if [ -n "${CI:-}" ]; then profile=ci; fi
cargo nextest run --workspace --locked --profile "$profile" "$@"
cargo test --workspace --locked --doc --quiet
