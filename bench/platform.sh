# shellcheck shell=bash
# Sourced by the benchmarks: a platform of the release build on a fresh root, through ./run.
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${BERTH_BUILD:-$top/build}
folder=$(mktemp -d "${TMPDIR:-/tmp}/berth-bench-XXXXXX")
chmod 755 "$folder"  # services run under other users
root=$folder/root
http=${BERTH_BENCH_HTTP:-18380} https=${BERTH_BENCH_HTTPS:-18743}
echo 'bench password' >"$folder/pw.txt"
platform=''

berth() { "$build/bin/berth" --root "$root" "$@"; }
now_ms() { date +%s%3N; }
start_platform() {
  "$top/run" --root "$root" --http "$http" --https "$https" --password-file "$folder/pw.txt" --store demo \
    >>"$folder/console" 2>&1 </dev/null &
  platform=$!
}
wait_ready() {
  berth status --wait --timeout 120 --json >"$folder/status.json" || { tail "$folder/console" >&2; exit 1; }
}
stop_platform() {
  [ -n "$platform" ] || return 0
  kill -TERM "$platform" 2>/dev/null || true
  wait "$platform" || true
  platform=''
}
clean_up() {
  stop_platform
  rm -rf "$folder"
}
trap clean_up EXIT

# Process ids of this platform but PostgreSQL's: whoever has the root in its command line.
own_pids() {
  local entry pid
  for entry in /proc/[0-9]*; do
    pid=${entry#/proc/}
    [ "$pid" != $$ ] || continue
    tr '\0' '\n' <"$entry/cmdline" 2>/dev/null | grep -q "^$root" || continue
    case $(tr '\0' ' ' <"$entry/cmdline" 2>/dev/null) in
      */postgres\ *|*/run\ *) ;;
      *) echo "$pid" ;;
    esac
  done
}
pss_kib() { awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup" 2>/dev/null || echo 0; }
