#!/usr/bin/env bash
# The npm packages of the lock file, and with them Node 24 (node_modules/.bin/node).
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
cd "$root"

# "npm ci" empties node_modules first, so this copy of the lock file is there only after a complete install of it.
stamp=node_modules/.installed-package-lock.json

node_is_right() {
  local version
  version=$("$1" --version 2>/dev/null) && version_at_least 24.12 "${version#v}"
}

installed() {
  cmp -s package-lock.json "$stamp" || return 1
  if [ -x node_modules/.bin/node ]; then
    node_is_right node_modules/.bin/node
  else
    node_is_right node
  fi
}

installed && exit 0
begin node
installed && exit 0

for tool in node npm; do
  command -v $tool >/dev/null || fail "$tool is needed: Node 20 or newer with npm (Node 24 itself then comes from npm)." \
    'On Debian 13 and later: apt-get install nodejs npm; elsewhere: https://nodejs.org'
done
version=$(node --version)
version_at_least 20 "${version#v}" || fail "Node 20 or newer is needed to begin with, $(command -v node) is $version." \
  'On Debian 13 and later: apt-get install nodejs npm; elsewhere: https://nodejs.org'

say 'npm packages and Node 24: installing from package-lock.json'
completed=$(node scripts/setup/complete-lock.mjs package-lock.json)
[ -z "$completed" ] || say "package-lock.json lacked $completed packages of other platforms and was completed: commit it"

# No package needs its install scripts. EBADENGINE is only about npm itself, which runs on the older Node.
if ! npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >"$log" 2>&1 </dev/null; then
  log_tail
  fail '"npm ci" failed (see above): is the npm registry reachable, and package-lock.json in step with package.json?'
fi

if [ -x node_modules/.bin/node ]; then
  node_is_right node_modules/.bin/node || fail 'node_modules/.bin/node is not Node 24.12 or newer, or does not run here.' \
    'Node from npm is for Linux with glibc: elsewhere put Node 24.12 or newer first in PATH.'
elif ! node_is_right node; then
  fail "Node 24.12 or newer is needed, npm has none for $(uname -sm), and the one in PATH is $version." \
    'Install it from https://nodejs.org and run this again.'
fi
cp package-lock.json "$stamp.new"
mv "$stamp.new" "$stamp"
done_in 'npm packages and Node 24'
