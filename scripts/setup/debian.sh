# shellcheck shell=bash
# Shared by the set-up scripts that take a program from Debian: its package and the libraries it was built with are
# unpacked side by side. Nothing is installed on the machine, no root is needed, and the machine's own libraries stay as
# they are. Whoever sources it calls "begin" first and has a function "missing REASON" that ends the script.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# debian_bundle SUITE PACKAGE PATH HOME: that program with its loader and libraries as $work/bundle, and $work/wrapper,
# which runs it from .toolchain/HOME. Ask "debian_run" for its version, then call "debian_install".
debian_bundle() {
  local suite=$1 package=$2 path=$3 home=$4
  debian_ready
  debian_apt_state
  debian_update "$suite" || missing "no Debian mirror of this machine gives $suite"
  apt_here install --download-only "$package" || missing "its packages could not be downloaded from $suite"
  local file
  for file in "$work"/cache/archives/*.deb; do
    dpkg --extract "$file" "$work/root" >>"$log" 2>&1 || missing "$file could not be unpacked"
  done
  debian_collect "$work/root/$path"
  debian_wrapper "${path##*/}" "$home"
}

# debian_install HOME PROGRAM: puts bundle and wrapper into their places, the wrapper last and at once.
debian_install() {
  local home=$toolchain/$1
  mkdir -p "${home%/*}"
  rm -rf "${home:?}"
  mv "$work/bundle" "$home"
  mv -f "$work/wrapper" "$toolchain/bin/$2"
}

# debian_run ARGS...: the program, before it is in its place.
debian_run() { "$work/bundle/loader" --library-path "$work/bundle/lib" "$work/bundle/program" "$@"; }

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

debian_ready() {
  local tool
  for tool in apt-get dpkg; do
    command -v $tool >/dev/null || missing "this machine has no $tool to fetch it with"
  done
  [ -r $keyring ] || missing "this machine has no keys of Debian to check it with ($keyring)"
}

# apt's state in a folder of our own: no root, and neither the machine's packages nor its pins or hooks take part.
# The machine's other settings (a proxy, certificates) stay in force.
debian_apt_state() {
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
  # Packages that run on an installed system only: the program's own libraries are all that is fetched.
  local package
  for package in adduser debconf dpkg init-system-helpers lsb-base perl perl-base sysvinit-utils; do
    printf 'Package: %s\nStatus: install ok installed\nArchitecture: all\nVersion: 99:1\nMaintainer: none\nDescription: none\n\n' $package
  done >"$work/status"
}

apt() { apt-get -c="$work/apt.conf" --quiet --assume-yes "$@" 2>>"$log" </dev/null; }
apt_here() { apt -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null "$@" >>"$log"; }

# The mirrors of the machine's own release as apt reads them (every format), with the suite replaced. Another vendor's
# repository may use the same name of a release: its signature is not Debian's, so the next one is tried.
debian_mirrors() {
  apt update --print-uris |
    sed -n "s#^'\(.*\)/dists/\($1\)/InRelease' .*#\1#p"
}

# target=Packages: no translations, icons or file lists, whatever the machine has turned on.
source_line() { printf 'deb [signed-by=%s target=Packages] %s %s main\n' $keyring "$1" "$2"; }

debian_update() {
  local suite=$1 release names main_mirrors security_mirror mirror
  release=$(. /etc/os-release && printf %s "${VERSION_CODENAME:-}")
  names="${release:-stable}\|stable\|oldstable\|testing\|unstable\|sid\|bookworm\|trixie\|forky"
  main_mirrors=$(debian_mirrors "$names") || missing "the machine's apt cannot read its sources"
  [ -n "$main_mirrors" ] || missing "the machine's apt has no Debian mirror among its sources"
  security_mirror=$(debian_mirrors '[a-z]*-security' | sed -n 1p)
  for mirror in $main_mirrors; do
    source_line "$mirror" "$suite" >"$work/sources.list"
    if [ -n "$security_mirror" ] && [ "$suite" != forky ]; then
      source_line "$security_mirror" "$suite-security" >>"$work/sources.list"
      apt_here update && return
      # Old releases leave the security archive, and not every mirror has one.
      source_line "$mirror" "$suite" >"$work/sources.list"
    fi
    apt_here update && return
  done
  return 1
}

# The program, the loader and the libraries it loads, in one folder. libgcc_s is loaded by name when a thread is
# cancelled.
debian_collect() {
  local program=$1 loader library_path libraries library
  loader=$(find "$work/root" -path '*/lib/*-linux-gnu/ld-linux*.so.*' -print -quit)
  library_path=$(find "$work/root" -maxdepth 3 -path '*/lib/*-linux-gnu' | paste -sd :)
  libraries=$("$loader" --library-path "$library_path" --list "$program" 2>>"$log" |
    sed -n 's/.* => \(.*\) (0x.*/\1/p') || missing 'its program does not load here'
  mkdir -p "$work/bundle/lib"
  cp "$program" "$work/bundle/program"
  cp "$loader" "$work/bundle/loader"
  for library in $libraries $(find "$work/root" -path '*-linux-gnu/libgcc_s.so.1'); do
    cp -fL "$library" "$work/bundle/lib/"
  done
}

# --argv0: HAProxy's master process (-W) starts itself again by its own name on reload, and that must be this wrapper.
# The paths come from where the wrapper is, so the clone can be moved.
debian_wrapper() {
  cat >"$work/wrapper" <<EOF
#!/bin/sh
self=\$(readlink -f "\$0")
home=\${self%/bin/*}/$2
exec "\$home/loader" --argv0 "\$self" --library-path "\$home/lib" "\$home/program" "\$@"
EOF
  chmod +x "$work/wrapper"
}
