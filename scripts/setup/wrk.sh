#!/usr/bin/env bash
# The load generator of the benchmarks: the wrk in PATH, else Debian's as .toolchain/bin/wrk, unpacked without root.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

own=$toolchain/bin/wrk
# "wrk debian/4.1.0-3+b2 [epoll] Copyright (C) 2012 Will Glozer"; wrk ends with 1 when asked for its version.
version_of() { { "$@" -v 2>/dev/null || true; } | sed -n '1s/^wrk \([^ ]*\) .*/\1/p'; }

[ -x "$own" ] && exit 0
command -v wrk >/dev/null && [ -n "$(version_of wrk)" ] && exit 0
begin wrk
[ -x "$own" ] && exit 0

missing() {
  [ ! -s "$log" ] || log_tail
  fail "wrk is needed for the benchmarks through HAProxy, and $1." \
    "On Debian it is taken from the package of bookworm, through the machine's own mirror and without root." \
    'Elsewhere put a wrk in PATH (https://github.com/wg/wrk).'
}

say 'wrk: downloading from Debian bookworm'
debian_bundle bookworm wrk usr/bin/wrk wrk
found=$(version_of debian_run)
[ -n "$found" ] || missing 'the one that was unpacked does not run here'
debian_install wrk wrk
done_in "wrk $found"
