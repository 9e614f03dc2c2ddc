#!/bin/sh
# Installs the missing Debian packages of packages.txt. On Debian 12 some come from the backports archive;
# the script enables it, on the mirror that the system already uses. If no package is missing, it changes
# nothing. It needs a POSIX shell, apt, and root's rights or sudo.
#
#   setup.sh [--quiet] [PURPOSE…]   installs the packages for `run` and for these purposes; `test` means all
#                                   --quiet: prints nothing if no package is missing
#   COTRAP_ETC                      the folder of the system's settings, by default /etc
set -eu
tools=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
list=$tools/packages.txt
stamps=$tools/../../build/setup
etc=${COTRAP_ETC:-/etc}
quiet=
[ "${1-}" != --quiet ] || { quiet=--quiet; shift; }
purposes="run $*"

say() { printf 'cotrap: %s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
as_root() { if [ "$(id -u)" = 0 ]; then env "$@"; else sudo env "$@"; fi; }
apt_get() {
  as_root DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=600 "$@" >&2
}

# wanted [ORIGIN]: prints a line `PACKAGE [AT-LEAST]` for each package that the purposes need on this release.
# With ORIGIN, main or backports, it prints only packages that come from there.
wanted() {
  awk -v release="$release" -v origin="${1-}" -v purposes=" $purposes " '
    /^[^#]/ {
      from = release == 12 ? $3 : $4
      is_asked = index(purposes, " test ")
      count = split($2, its, ",")
      for (i = 1; i <= count; i++) is_asked += index(purposes, " " its[i] " ")
      if (is_asked && from != "-" && (origin == "" || from == origin)) print $1, $5
    }' "$list"
}

# missing [ORIGIN]: prints the names of the packages of `wanted` that are missing or too old.
missing() {
  needed=$(wanted "${1-}")
  {
    dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' \
      $(printf '%s\n' "$needed" | cut -d' ' -f1) 2>/dev/null || true  # dpkg-query fails if it does not know a package
    printf '%s\n' "$needed" | sed 's/^/wanted /'
  } | awk '
    $1 == "installed" && !($2 in version) { version[$2] = $3 }
    $1 == "wanted" && NF > 1 { print $2, ($2 in version) ? version[$2] : "-", $3 }' |
    while read -r package version least; do
      [ "$version" != - ] && { [ -z "$least" ] || dpkg --compare-versions "$version" ge "$least"; } ||
        echo "$package"
    done
}

# Succeeds if apt already uses Debian 12's backports.
have_backports() {
  apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' | grep -qx bookworm-backports
}

# Prints apt's entry for bookworm, changed to bookworm-backports, with the same mirror and key. Prints nothing
# if no file has such an entry.
backports_entry() {
  parts=$etc/apt/sources.list.d
  for file in "$etc"/apt/sources.list "$parts"/*.list "$parts"/*.sources; do
    [ -f "$file" ] || continue
    case $file in
      *.sources) program='
        BEGIN { RS = ""; FS = "\n" }
        /(^|\n)Suites:([^\n]*[ \t])?bookworm([ \t\n]|$)/ && !/(^|\n)Enabled: *no/ {
          skipping = 0
          for (i = 1; i <= NF; i++) {
            if ($i ~ /^#/) continue
            if ($i !~ /^[ \t]/) skipping = $i ~ /^(Types|Suites|Components):/
            if (!skipping) print $i
          }
          print "Types: deb\nSuites: bookworm-backports\nComponents: main"
          exit
        }' ;;
      *) program='
        $1 == "deb" && / bookworm / {
          sub(/ bookworm .*/, " bookworm-backports main")
          print
          exit
        }' ;;
    esac
    entry=$(awk "$program" "$file")
    [ -z "$entry" ] || { printf '%s\n' "$entry"; return; }
  done
}

enable_backports() {
  entry=$(backports_entry)
  [ -n "$entry" ] || fail "no file in $etc/apt has an entry for bookworm:" \
    "enable bookworm-backports by hand, then run this again"
  case $entry in deb*) format=list ;; *) format=sources ;; esac
  file=$etc/apt/sources.list.d/cotrap-backports.$format
  say "enabling Debian 12's backports, for QEMU 10 and Catch2 3, in $file"
  printf '%s\n' "$entry" | as_root tee "$file" >/dev/null
}

# install_missing PACKAGE…: installs these packages, which `missing` has printed.
install_missing() {
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "these packages are missing; install them as root, or install sudo: $* "
  say "installing $# packages:" "$@"
  backports=$(missing backports)
  [ -z "$backports" ] || have_backports || enable_backports
  apt_get update || say "apt-get update reported errors; the installation continues"
  # Backports first: packages of main work with the backports' libraries, but not the other way round.
  [ -z "$backports" ] ||
    apt_get install -y --no-install-recommends -t bookworm-backports $backports
  main=$(missing main)
  [ -z "$main" ] || apt_get install -y --no-install-recommends $main
  absent=$(missing)
  [ -z "$absent" ] || fail "still missing:" $absent
}

# On other systems than Debian 12 and 13: checks that the tools exist, and installs nothing.
check_tools() {
  absent=
  for tool in clang-22 ld.lld-22 llvm-objcopy-22 cmake ninja python3 \
    riscv64-unknown-elf-gcc qemu-system-riscv64; do
    command -v "$tool" >/dev/null || absent="$absent $tool"
  done
  [ -n "$absent" ] || [ "$quiet" != --quiet ] || return 0
  say "this is neither Debian 12 nor 13: install the packages yourself." \
    ${absent:+"Missing:$absent."} "On Debian 13, these packages are needed:" \
    $(release=13; wanted | cut -d' ' -f1)
  [ -z "$absent" ] || exit 1
  say "all tools are installed; the builds will report missing libraries"
}

ID='' VERSION_ID=''
[ ! -r "$etc/os-release" ] || . "$etc/os-release"
release=$VERSION_ID
case $ID-$VERSION_ID in
  debian-12 | debian-13)
    absent=$(missing)
    [ -z "$absent" ] || install_missing $absent ;;
  *) check_tools ;;
esac
if mkdir -p "$stamps" 2>/dev/null; then
  for purpose in $purposes; do (: >"$stamps/$purpose") 2>/dev/null || true; done
fi
[ "$quiet" != --quiet ] && [ "$ID" = debian ] || exit 0
case " $purposes " in
  *' test '*) say "the packages of all commands are installed" ;;
  *)
    say "the packages of \`./cotrap demo\`, \`run\`, \`trace\`, \`top\` and \`bench\` are installed"
    asked=$(wanted | wc -l) purposes='run test'
    say "the other commands install their packages at their first run; the tests need" \
      "$(($(wanted | wc -l) - asked)) more packages, including Chromium:" \
      "\`./cotrap setup --all\` installs those that are missing"
    ;;
esac
