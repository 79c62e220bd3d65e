#!/usr/bin/env bash
# npm run bench, npm run soak: bench/main.ts or bench/soak.ts with Node 24, also in a clone where nothing has been set up.
# What a benchmark needs beside Node it fetches itself.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

[ -x node_modules/.bin/node ] || scripts/setup/node.sh
exec node --conditions=node-spoe-source "bench/$1.ts" "${@:2}"
