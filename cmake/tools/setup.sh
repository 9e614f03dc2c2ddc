#!/bin/sh
# Installs the Debian packages of packages.txt that are missing; on Debian 12 some come from its
# backports, which are enabled for that, from the mirror that the system already uses. Does nothing
# when nothing is missing. Needs a POSIX shell, apt, and root's rights or sudo.
#
#   setup.sh [--quiet] [FOR…]   the packages for `run`, and for what else is named; `test`: all of them
#                               quiet: says nothing when there is nothing to do
#   COTRAP_ETC                  where the system's settings are, if not /etc
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

# Prints a line for each package of this release, of one origin if given: PACKAGE [AT-LEAST].
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

# Prints those of them that are missing or too old.
missing() {
  installed=$(dpkg-query -W -f='${db:Status-Status} ${Package} ${Version}\n' \
    $(wanted "${1-}" | cut -d' ' -f1) 2>/dev/null | sed -n 's/^installed //p')
  wanted "${1-}" | while read -r package least; do
    version=$(printf '%s\n' "$installed" | sed -n "s/^$package //p" | head -n 1)
    [ -n "$version" ] && { [ -z "$least" ] || dpkg --compare-versions "$version" ge "$least"; } ||
      echo "$package"
  done
}

# Whether apt already looks at Debian 12's backports.
have_backports() {
  apt-get indextargets --format '$(RELEASE)' 'Created-By: Packages' | grep -qx bookworm-backports
}

# The system's own entry for bookworm again, with bookworm-backports in its place: same mirror, same
# key. Prints nothing if no file holds such an entry.
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
  [ -n "$entry" ] || fail "no entry for bookworm under $etc/apt:" \
    "enable bookworm-backports by hand, then run this again"
  case $entry in deb*) format=list ;; *) format=sources ;; esac
  file=$etc/apt/sources.list.d/cotrap-backports.$format
  say "enabling Debian 12's backports, for QEMU 10 and Catch2 3, in $file"
  printf '%s\n' "$entry" | as_root tee "$file" >/dev/null
}

install_missing() {
  [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
    fail "packages are missing, and installing them takes root's rights: $(missing | tr '\n' ' ')"
  say "installing $(missing | wc -l) packages:" $(missing)
  [ -z "$(missing backports)" ] || have_backports || enable_backports
  apt_get update || say "apt-get update had complaints; going on"
  # Backports first: packages of main go with their libraries, and not the other way round.
  backports=$(missing backports)
  [ -z "$backports" ] ||
    apt_get install -y --no-install-recommends -t bookworm-backports $backports
  main=$(missing main)
  [ -z "$main" ] || apt_get install -y --no-install-recommends $main
  [ -z "$(missing)" ] || fail "still missing:" $(missing)
}

# Not Debian 12 or 13: look for the tools themselves.
check_tools() {
  absent=
  for tool in clang-22 ld.lld-22 llvm-objcopy-22 cmake ninja python3 \
    riscv64-unknown-elf-gcc qemu-system-riscv64; do
    command -v "$tool" >/dev/null || absent="$absent $tool"
  done
  [ -n "$absent" ] || [ "$quiet" != --quiet ] || return 0
  say "this is neither Debian 12 nor 13, so nothing is installed here." \
    ${absent:+"Missing:$absent."} "What is needed comes, on Debian 13, from:" \
    $(release=13; wanted | cut -d' ' -f1)
  [ -z "$absent" ] || exit 1
  say "the tools are there; libraries are looked for when they are used"
}

ID='' VERSION_ID=''
[ ! -r "$etc/os-release" ] || . "$etc/os-release"
release=$VERSION_ID
case $ID-$VERSION_ID in
  debian-12 | debian-13) [ -z "$(missing)" ] || install_missing ;;
  *) check_tools ;;
esac
if mkdir -p "$stamps" 2>/dev/null; then
  for purpose in $purposes; do (: >"$stamps/$purpose") 2>/dev/null || true; done
fi
[ "$quiet" != --quiet ] && [ "$ID" = debian ] || exit 0
case " $purposes " in
  *' test '*) say "everything that any command needs is installed" ;;
  *)
    say "everything that \`./cotrap demo\`, \`run\`, \`trace\`, \`top\` and \`bench\` need is installed"
    asked=$(wanted | wc -l) purposes='run test'
    say "other commands install what they need when they need it; the tests need" \
      "$(($(wanted | wc -l) - asked)) packages more, Chromium among them:" \
      "\`./cotrap setup --all\` installs them now"
    ;;
esac
