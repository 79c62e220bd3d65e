#!/usr/bin/env bash
# bench.sh 2.6 3.2   what the benchmarks need: those HAProxy versions, wrk, and the agents of other languages, built into
#                    .toolchain/bench/ with the Go and the Rust of this machine. An agent whose language is missing is left
#                    out; one whose sources have changed is built again.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$root/scripts/setup

for version in "$@"; do "$here/haproxy.sh" "$version" || exit 1; done
"$here/wrk.sh" || exit 1

begin bench
built=$toolchain/bench
mkdir -p "$built"

# The toolchain is part of what a measurement depends on, so another one builds again.
stamp_of() { (cd "$root/bench/peers/$1" && { find . -type f ! -path './target/*' | LC_ALL=C sort | xargs sha256sum && "${@:2}"; }) 2>&1 | sha256sum; }

# peer NAME TOOL VERSION_ARGS...: whether it has to be built.
wanted() {
  local name=$1 tool=$2
  if ! command -v "$tool" >/dev/null; then
    say "bench: no $tool on this machine, so the agent $name is left out of the comparison"
    rm -f "$built/$name" "$built/$name.stamp"
    return 1
  fi
  stamp=$(stamp_of "$@")
  [ ! -x "$built/$name" ] || [ "$(cat "$built/$name.stamp" 2>/dev/null)" != "$stamp" ] || return 1
  say "bench: building the agent $name"
}

keep() {
  mv -f "$work/$1" "$built/$1"
  printf '%s\n' "$stamp" >"$built/$1.stamp"
}

# go.sum is in the repository, so nothing asks the checksum database, which does not know all of them.
go_peer() {
  wanted "$1" go version || return 0
  if ! (cd "$root/bench/peers/$1" && go build -trimpath -o "$work/$1" .) >>"$log" 2>&1; then
    log_tail
    fail "the Go agent $1 could not be built (see above): is the Go module proxy reachable?"
  fi
  keep "$1"
}

rust_peer() {
  wanted "$1" cargo --version || return 0
  if ! (cd "$root/bench/peers/$1" && cargo build --release --locked --target-dir "$work/target") >>"$log" 2>&1; then
    log_tail
    fail "the Rust agent $1 could not be built (see above): is crates.io reachable, and cargo 1.88 or newer?"
  fi
  mv "$work/target/release/$1" "$work/$1"
  keep "$1"
}

go_peer haproxy-go
go_peer negasus
rust_peer rust-spop
