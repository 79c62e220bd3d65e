#!/usr/bin/env bash
# haproxy.sh 2.6|3.0|3.2   that HAProxy, as .toolchain/bin/haproxy-<version>
# haproxy.sh any           for the demo: a "haproxy" of 2.6 or newer in PATH, else 3.2 as .toolchain/bin/haproxy
# Debian's package of each version and the libraries it was built with are unpacked side by side: nothing is installed
# on the machine, no root is needed, and the machine's own HAProxy and libraries stay as they are.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

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

for tool in apt-get dpkg; do
  command -v $tool >/dev/null || missing "this machine has no $tool to fetch it with"
done
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keyring ] || missing "this machine has no keys of Debian to check it with ($keyring)"

# apt's state in a folder of our own: no root, and neither the machine's packages nor its pins or hooks take part.
# The machine's other settings (a proxy, certificates) stay in force.
mkdir -p "$work"/state/lists/partial "$work"/cache/archives/partial "$work"/root
cat >"$work/apt.conf" <<EOF
Dir::State "$work/state";
Dir::State::lists "$work/state/lists";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
Dir::Cache::archives "$work/cache/archives";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
#clear APT::Update;
#clear DPkg;
APT::Install-Recommends "0";
APT::Sandbox::User "";
APT::Update::Error-Mode "any";
Acquire::Retries "3";
Debug::NoLocking "1";
EOF
# Packages that run on an installed system only: HAProxy's own libraries are all that is fetched.
for package in adduser debconf dpkg init-system-helpers lsb-base perl perl-base sysvinit-utils; do
  printf 'Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: 99:1\nMaintainer: none\nDescription: none\n\n' $package
done >"$work/status"

apt() { apt-get -c="$work/apt.conf" --quiet --assume-yes "$@" 2>>"$log" </dev/null; }

# The mirrors of the machine's own release as apt reads them (every format), with the suite replaced. Another vendor's
# repository may use the same name of a release: its signature is not Debian's, so the next one is tried.
release=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
mirrors() {
  apt update --print-uris |
    sed -n "s#^'\(.*\)/dists/\($1\)/InRelease' .*#\1#p"
}
names="${release:-stable}\|stable\|oldstable\|testing\|unstable\|sid\|bookworm\|trixie\|forky"
main_mirrors=$(mirrors "$names") || missing "the machine's apt cannot read its sources"
[ -n "$main_mirrors" ] || missing "the machine's apt has no Debian mirror among its sources"
security_mirror=$(mirrors '[a-z]*-security' | sed -n 1p)

list=$work/sources.list
apt_here() { apt -o Dir::Etc::SourceList="$list" -o Dir::Etc::SourceParts=/dev/null "$@" >>"$log"; }

# target=Packages: no translations, icons or file lists, whatever the machine has turned on.
source_line() { printf 'deb [signed-by=%s target=Packages] %s %s main\n' $keyring "$1" "$2"; }

update() {
  local mirror
  for mirror in $main_mirrors; do
    source_line "$mirror" "$suite" >"$list"
    if [ -n "$security_mirror" ] && [ "$suite" != forky ]; then
      source_line "$security_mirror" "$suite-security" >>"$list"
      apt_here update && return
      # Old releases leave the security archive, and not every mirror has one.
      source_line "$mirror" "$suite" >"$list"
    fi
    apt_here update && return
  done
  return 1
}

say "haproxy $wanted: downloading from Debian $suite"
update || missing "no Debian mirror of this machine gives $suite"
apt_here install --download-only haproxy || missing "its packages could not be downloaded from $suite"
for package in "$work"/cache/archives/*.deb; do
  dpkg --extract "$package" "$work/root" >>"$log" 2>&1 || missing "$package could not be unpacked"
done

# HAProxy, the loader and the libraries it loads, in one folder. libgcc_s is loaded by name when a thread is cancelled.
loader=$(find "$work/root" -path '*/lib/*-linux-gnu/ld-linux*.so.*' -print -quit)
library_path=$(find "$work/root" -maxdepth 3 -path '*/lib/*-linux-gnu' | paste -sd :)
libraries=$("$loader" --library-path "$library_path" --list "$work/root/usr/sbin/haproxy" 2>>"$log" |
  sed -n 's/.* => \(.*\) (0x.*/\1/p') || missing 'its program does not load here'
mkdir -p "$work/haproxy/lib"
cp "$work/root/usr/sbin/haproxy" "$work/haproxy/haproxy"
cp "$loader" "$work/haproxy/loader"
for library in $libraries $(find "$work/root" -path '*-linux-gnu/libgcc_s.so.1'); do
  cp -fL "$library" "$work/haproxy/lib/"
done

# --argv0: the master process (-W) starts itself again by its own name on reload, and that must be this wrapper.
# The paths come from where the wrapper is, so the clone can be moved.
cat >"$work/wrapper" <<EOF
#!/bin/sh
self=\$(readlink -f "\$0")
home=\${self%/bin/*}/haproxy/$wanted
exec "\$home/loader" --argv0 "\$self" --library-path "\$home/lib" "\$home/haproxy" "\$@"
EOF
chmod +x "$work/wrapper"

found=$("$work/haproxy/loader" --library-path "$work/haproxy/lib" "$work/haproxy/haproxy" -v 2>>"$log" |
  sed -n '1s/^HA-*Proxy version \([^ ]*\).*/\1/p') || missing 'the one that was unpacked does not run here'
case $found in
  "$wanted".*) ;;
  *) missing "Debian $suite now has haproxy $found" ;;
esac
mkdir -p "$toolchain/haproxy"
rm -rf "${toolchain:?}/haproxy/$wanted"
mv "$work/haproxy" "$toolchain/haproxy/$wanted"
mv -f "$work/wrapper" "$own"
done_in "haproxy $found"
