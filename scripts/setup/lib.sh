# shellcheck shell=bash
# Shared by the set-up scripts. They write to stderr only: stdout belongs to the command that runs after the set-up.
set -euo pipefail
# No script ends without a word.
trap 'printf "setup: error: %s, line %s: %s\n" "$0" "$LINENO" "$BASH_COMMAND" >&2' ERR

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
toolchain=$root/.toolchain
# What this set-up made itself is no tool to make it with: npm must not run on the Node that it is about to replace.
PATH=${PATH//"$root/node_modules/.bin:"/}
PATH=${PATH//"$toolchain/bin:"/}

say() { printf 'setup: %s\n' "$*" >&2; }

# One clear error: what is missing, and how to get it.
fail() {
  printf 'setup: error: %s\n' "$1" >&2
  shift
  [ $# -eq 0 ] || printf '       %s\n' "$@" >&2
  exit 1
}

# version_at_least 2.6 2.6.12
version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]; }

# Waits for another set-up of the same tool in this clone, and gives a new folder $work that goes away with the script.
# The finished tool is renamed out of it, so that nothing half-made is ever seen. Removes what a killed run left.
begin() {
  local tool=$1
  mkdir -p "$toolchain/bin" "$toolchain/tmp"
  if command -v flock >/dev/null; then
    exec 9>"$toolchain/tmp/$tool.lock"
    if ! flock --nonblock 9; then
      say "$tool: waiting for another set-up in this clone"
      flock 9
    fi
    rm -rf "$toolchain/tmp/$tool".work.*
  fi
  work=$(mktemp -d "$toolchain/tmp/$tool.work.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  log=$work/log
  started=$SECONDS
}

# The last lines of the log, for an error whose cause only the tool knows.
log_tail() { tail -n 15 "$log" | sed 's/^/       | /' >&2; }

done_in() { say "$1: done in $((SECONDS - started)) s"; }
