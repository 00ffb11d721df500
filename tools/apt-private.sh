# shellcheck shell=bash
# apt-private.sh: Debian packages without root and without a change to the machine.
#
# Source it from bash. It gives apt a state directory of its own (package lists, cache, empty dpkg status), pointed at
# the Debian mirror, proxy and credentials that the machine's own apt is configured with, but at a suite of your choice.
# Nothing outside that directory is written, `apt-get update` need never have been run, and signatures are checked
# against Debian's archive keys as always.
#
#   . tools/apt-private.sh
#   apt_private_setup DIR SUITE [deb|deb-src]...   # make DIR (default type: deb), fetch the package lists of SUITE
#   apt_private_get DIR ARGS...                    # apt-get ARGS with that state; files land in the working directory
#
# For example, `apt_private_get "$d" download patchelf`, or with deb-src
# `apt_private_get "$d" source --tar-only --download-only xnnpack=VERSION`; simulated installs (`-s install`) print the
# closure of a package, as nothing counts as installed. The commands `update`, `download` and `source` are tried three
# times, because mirrors limit rates and are briefly inconsistent while they are being updated.
#
# Both functions return non-zero after a message on standard error that says what to do. The caller owns DIR: it chooses
# a fresh directory (say, mktemp -d) and removes it.

apt_private_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt_private_mirrors prints the base address of each mirror that serves a Debian release to the machine's apt, one a
# line. (`apt-get indextargets` would be the obvious source, but it lists nothing before the first `apt-get update`.)
apt_private_mirrors() {
  apt-get --print-uris update 2>/dev/null | sed -nE \
    "s#^'(.*/)dists/(bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|stable|oldstable)/(In)?Release'.*#\1#p" |
    awk '!seen[$0]++'
}

# apt_private_setup DIR SUITE [deb|deb-src]...
apt_private_setup() {
  local dir=$1 suite=$2 tool mirror mirrors type
  shift 2
  [ $# -gt 0 ] || set -- deb
  for tool in apt-get dpkg-deb; do
    command -v "$tool" >/dev/null || {
      echo "apt-private: $tool is not on PATH: this needs Debian's apt and dpkg" >&2
      return 1
    }
  done
  [ -r "$apt_private_keyring" ] || {
    echo "apt-private: $apt_private_keyring is missing: on Debian, install debian-archive-keyring" >&2
    return 1
  }
  mirrors=$(apt_private_mirrors)
  [ -n "$mirrors" ] || {
    echo "apt-private: the machine's apt (/etc/apt/sources.list, sources.list.d) names no Debian mirror" >&2
    return 1
  }
  mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial" "$dir/log" || return 1
  dir=$(cd "$dir" && pwd) || return 1
  : >"$dir/status"
  # Read after the machine's own configuration, so that it wins. The hooks are cleared because some images delete the
  # machine's package cache in them.
  cat >"$dir/apt.conf" <<CONF || return 1
#clear APT::Update::Pre-Invoke;
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
#clear DPkg;
#clear APT::Default-Release;
#clear APT::Architectures;
#clear Acquire::Languages;
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
Acquire::IndexTargets::deb-src::Contents-dsc::DefaultEnabled "false";
Acquire::Retries "3";
Acquire::http::Timeout "30";
Acquire::https::Timeout "30";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
APT::Update::Error-Mode "any";
Dir::Cache "$dir/cache";
Dir::Etc::preferences "/dev/null";
Dir::Etc::preferencesparts "/dev/null";
Dir::Etc::sourcelist "$dir/sources.list";
Dir::Etc::sourceparts "/dev/null";
Dir::Log "$dir/log";
Dir::State "$dir";
Dir::State::lists "$dir/lists";
Dir::State::status "$dir/status";
CONF
  for mirror in $mirrors; do
    for type in "$@"; do
      echo "$type [signed-by=$apt_private_keyring] $mirror $suite main"
    done >"$dir/sources.list" || return 1
    apt_private_get "$dir" update && return 0
  done
  echo "apt-private: no package list of Debian's suite $suite from:" $mirrors >&2
  echo "apt-private: check the network, and that \`apt-get update\` works on this machine" >&2
  return 1
}

# apt_private_get DIR ARGS...
apt_private_get() {
  local dir=$1 tries=1 try delay=5
  shift
  case " $* " in *" update "* | *" download "* | *" source "*) tries=3 ;; esac
  for ((try = 1; ; try++)); do
    apt-get -qq -c "$dir/apt.conf" "$@" && return 0
    [ "$try" -lt "$tries" ] || break
    echo "apt-private: apt-get $1 failed (try $try of $tries), again in $delay s" >&2
    sleep "$delay"
    delay=$((delay * 3))
  done
  return 1
}
