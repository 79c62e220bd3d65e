#!/usr/bin/env bash
# make test: the set-up, the compiler and the linter, then every test. Ends with the totals, alone on the last line.
# Arguments go to vitest, e.g. --project unit.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/env.sh"

scripts/setup/all.sh test

if ! npm run --silent check; then
  echo 'test: "npm run check" failed (compiler or linter, see above): no test was run' >&2
  exit 1
fi

mkdir -p .toolchain/tmp
report=$(mktemp .toolchain/tmp/vitest.XXXXXX)
trap 'rm -f "$report"' EXIT
code=0
vitest run --reporter=default --reporter=./test/support/second-attempts.ts --reporter=json --outputFile.json="$report" "$@" || code=$?
node scripts/totals.mjs "$report" "$code"
