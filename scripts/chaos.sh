#!/usr/bin/env bash
# make chaos: faults at random under load, for MINUTES (10); SEED to repeat a run, HAPROXY_VERSION for another than 3.0.
# Other arguments go to test/chaos/main.ts, e.g. --rate 400, --only "agent killed", --list, --keep.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

scripts/setup/all.sh test
exec node --conditions=node-spoe-source --disable-warning=ExperimentalWarning test/chaos/main.ts \
  ${MINUTES:+--minutes "$MINUTES"} ${SEED:+--seed "$SEED"} ${HAPROXY_VERSION:+--haproxy "$HAPROXY_VERSION"} "$@"
