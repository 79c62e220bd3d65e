# shellcheck shell=bash
# For scripts that run the project: from its root, with Node 24 and the tools of the set-up first in PATH.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export PATH="$PWD/node_modules/.bin:$PWD/.toolchain/bin:$PATH"
