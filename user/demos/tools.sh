# Debian's programs in pipelines: reads the host's file of numbers, and gives it back sorted.
#
# `./cotrap demo tools` runs this on Cotrap, with Debian's bash.

check() {
  if [ "$1" != "$2" ]; then
    echo "FAILED: $3: $1 instead of $2"
    exit 1
  fi
  echo "ok: $3"
}
sum() { gawk '{ sum += $1 } END { print sum }'; }

cd /mnt/share || exit 1
echo "bash $BASH_VERSION on $(uname -s) $(uname -r), $(uname -m)"
check "$(wc -l < numbers)" 10000 "the host's file has 10,000 numbers"
check "$(sort -n numbers | tee part | sum)" "$(sum < numbers)" "sort, tee and gawk lose none of them"
check "$(sort -nc part 2>&1)" "" "they are sorted"
check "$(grep -c '7$' part)" "$(sed -n '/7$/p' numbers | wc -l)" "grep and sed find the same lines"
check "$(head -n 5 part | cut -c 1 | paste -s -d +)" "$(head -n 5 part | sed 's/\(.\).*/\1/' | tr '\n' + | sed 's/+$//')" \
  "cut and paste do what sed and tr do"
mv part sorted
