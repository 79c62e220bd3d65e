#!/usr/bin/env bash
# haproxy.sh 2.6|3.0|3.2   that HAProxy, as .toolchain/bin/haproxy-<version>
# haproxy.sh any           for the demo: a "haproxy" of 2.6 or newer in PATH, else 3.2 as .toolchain/bin/haproxy
# Each is Debian's package, unpacked without root (see debian.sh); the machine's own HAProxy stays as it is.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/debian.sh"

# "HAProxy version 3.0.11-1+deb13u4 2026/10/15 - https://haproxy.org/" (2.x: "HA-Proxy version ...")
version_of() { "$1" -v 2>/dev/null | sed -n '1s/^HA-*Proxy version \([0-9][0-9.]*\).*/\1/p'; }

is_version() { [ -x "$1" ] && case $(version_of "$1") in "$2".*) true ;; *) false ;; esac; }

wanted=${1:?usage: haproxy.sh 2.6|3.0|3.2|any}
for_demo=${2:-}
if [ "$wanted" = any ]; then
  found=$(version_of haproxy || true)
  if [ -n "$found" ] && version_at_least 2.6 "$found"; then
    say "haproxy $found: $(command -v haproxy)"
    exit 0
  fi
  "${BASH_SOURCE[0]}" 3.2 demo || exit 1
  ln -sfn haproxy-3.2 "$toolchain/bin/haproxy"
  exit 0
fi

case $wanted in
  2.6) suite=bookworm ;;
  3.0) suite=trixie ;;
  3.2) suite=forky ;;
  *) fail "HAProxy $wanted is not one of 2.6, 3.0, 3.2" ;;
esac
own=$toolchain/bin/haproxy-$wanted

is_version "$own" "$wanted" && exit 0
begin "haproxy-$wanted"
is_version "$own" "$wanted" && exit 0

missing() {
  [ ! -s "$log" ] || log_tail
  fail "haproxy $wanted is needed, and $1." \
    "On Debian it is taken from the package of $suite, through the machine's own mirror and without root." \
    "Elsewhere put a haproxy $wanted at .toolchain/bin/haproxy-$wanted (packages and images: https://www.haproxy.org)." \
    ${for_demo:+"For the demo a haproxy of 2.6 or newer in PATH is enough."}
}

say "haproxy $wanted: downloading from Debian $suite"
debian_bundle $suite haproxy usr/sbin/haproxy "haproxy/$wanted"

found=$(debian_run -v 2>>"$log" | sed -n '1s/^HA-*Proxy version \([^ ]*\).*/\1/p') ||
  missing 'the one that was unpacked does not run here'
case $found in
  "$wanted".*) ;;
  *) missing "Debian $suite now has haproxy $found" ;;
esac
debian_install "haproxy/$wanted" "haproxy-$wanted"
done_in "haproxy $found"
