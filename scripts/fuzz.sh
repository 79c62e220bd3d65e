#!/usr/bin/env bash
# make fuzz: hostile SPOP frames and connections against node-spoe. FOR seconds (60), SEED to repeat a run; other
# arguments go to test/fuzz/main.ts, e.g. --frames 10000000, --case 42, --json.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

[ -x node_modules/.bin/node ] || scripts/setup/node.sh
exec node --conditions=node-spoe-source test/fuzz/main.ts ${FOR:+--seconds "$FOR"} ${SEED:+--seed "$SEED"} "$@"
