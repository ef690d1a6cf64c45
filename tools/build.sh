# shellcheck shell=bash
# Sourced by ./run, ./test and the benchmarks: builds a preset quietly, shows progress, and of a failure
# only its first lines. Needs: $top, the root of the tree.

# A user without a home (a service account) still needs somewhere for caches.
if [ ! -w "${HOME:-/nonexistent}" ]; then
  export HOME=$top/build/.home
  mkdir -p "$HOME" 2>/dev/null || true
fi

# build_preset PRESET FOLDER [TARGET…]
build_preset() {
  local preset=$1 folder=$2 log=$2/build.log
  shift 2
  if [ -e "$folder/bin/berth-manager" ] && [ ! -w "$folder/.ninja_log" ]; then
    echo "$folder belongs to another user: taking its programs as they are"
    return 0
  fi
  mkdir -p "$folder"
  if [ ! -e "$folder/build.ninja" ]; then
    echo "configuring ($preset)"
    if ! (cd "$top" && cmake --preset "$preset") >"$log" 2>&1 </dev/null; then
      grep -n -m 1 -A 15 'CMake Error' "$log" >&2 || tail -n 20 "$log" >&2
      echo "configuring failed; the whole log is in $log" >&2
      return 1
    fi
  fi
  local status_file=$folder/.build_status
  { NINJA_STATUS='[%f/%t] ' ninja -C "$folder" "$@" </dev/null 2>&1; echo $? >"$status_file"; } |
    tee "$log" | show_progress
  if [ "$(cat "$status_file")" != 0 ]; then
    awk '/^FAILED:|^ninja: error/ {failed = 1} failed && lines++ < 30' "$log" >&2
    echo "the build failed; the whole log is in $log" >&2
    return 1
  fi
}

# Turns ninja's lines into one line that counts (terminal) or one line each tenth (else).
show_progress() {
  local line done_count total tenth last=-1
  while IFS= read -r line; do
    [[ $line =~ ^\[([0-9]+)/([0-9]+)\]\  ]] || continue
    done_count=${BASH_REMATCH[1]} total=${BASH_REMATCH[2]}
    if [ -t 1 ]; then
      printf '\rbuilding %d of %d ' "$done_count" "$total"
      last=0
    else
      tenth=$((done_count * 10 / total))
      [ "$tenth" = "$last" ] || [ "$total" -lt 10 ] || echo "building $done_count of $total"
      last=$tenth
    fi
  done
  if [ -t 1 ] && [ "$last" = 0 ]; then printf '\r\033[K'; fi
}
