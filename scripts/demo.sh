#!/usr/bin/env bash
# make demo: the set-up, then the whole system on this machine until Ctrl-C. ONCE=1 sends the example requests, shows
# what became of each and ends; with JSON=1 stdout is that result as JSON and nothing else.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

# Ctrl-C reaches every process of the terminal. Each ends by itself, and this one last: stopping is no failure.
stopped=
trap 'stopped=1' INT

code=0
if scripts/setup/all.sh; then
  bin/haproxy-temporal dev ${ONCE:+--once} ${JSON:+--json} "$@" || code=$?
else
  code=$?
fi
[ -z "$stopped" ] || [ -n "${ONCE:-}" ] || exit 0
exit "$code"
