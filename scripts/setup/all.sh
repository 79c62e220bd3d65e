#!/usr/bin/env bash
# all.sh        what the demo needs: Node and the npm packages, an HAProxy, the Temporal CLI
# all.sh test   and the three HAProxy versions of the tests
# Each tool has its own script, and they run side by side: most of the time is waiting for downloads.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
here=$root/scripts/setup

# Every job is a process group of its own, so that stopping this script stops npm and apt with it.
set -m
pids=()
signal_all() {
  for pid in "${pids[@]}"; do kill "-$1" -- "-$pid" 2>/dev/null || true; done
}
# npm takes most of a minute to undo its work when it is asked to end. Nothing half-done counts as done, so it need not.
# shellcheck disable=SC2317 # called by the traps
stop() {
  exec 2>/dev/null
  signal_all TERM
  sleep 0.5
  signal_all KILL
  exit "$1"
}
trap 'stop 130' INT
trap 'stop 143' TERM

start() {
  "$here/$1.sh" "${@:2}" </dev/null &
  pids+=($!)
}

start node
start temporal
if [ "${1:-}" = test ]; then
  start haproxy 2.6
  start haproxy 3.0
  start haproxy 3.2
else
  start haproxy any
fi

failed=0
for pid in "${pids[@]}"; do wait "$pid" || failed=1; done
[ $failed -eq 0 ] || exit 1
# After 3.2, which it may need: at no cost then.
if [ "${1:-}" = test ]; then "$here/haproxy.sh" any; fi
