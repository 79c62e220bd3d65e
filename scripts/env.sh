# shellcheck shell=bash
# For scripts that run the project: from its root, with Node 24 and the tools of the set-up first in PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PWD/.toolchain/bin:$PATH"
# npm keeps compiled code for its next run, by default under /tmp, and leaves it there.
export NODE_COMPILE_CACHE="$PWD/.toolchain/tmp/compile-cache"
