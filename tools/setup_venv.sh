#!/usr/bin/env bash
# Makes the virtual environment that every make target runs in, with exactly the locked versions.
#   tools/setup_venv.sh [DIRECTORY]     default: .venv
# The packages and hashes are those of requirements-dev.txt, the lock file, installed by uv where it is on PATH, else by pip.
# PYTHON names the interpreter to use; without it the first of python3, python3.14 … python3.11 that is new enough.
# An editable install of this checkout goes in unless EDITABLE=0.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:-.venv}

fail() {
  printf 'privledger set-up: %s\n' "$@" >&2
  exit 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON does not run, or is older than Python 3.11."
    printf '%s\n' "$PYTHON"
    return
  fi
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if is_new_enough "$candidate"; then
      printf '%s\n' "$candidate"
      return
    fi
  done
  fail "Python 3.11 or newer is needed, and none of python3, python3.11 … python3.14 on PATH is one (python3 here: $(python3 --version 2>&1 || true))." \
    "Install one, or name it: make PYTHON=/path/to/python3.12 …"
}

make_empty_venv() {
  local python=$1
  if [ -x "$venv/bin/python" ] && is_new_enough "$venv/bin/python" && "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    return
  fi
  rm -rf "$venv"
  if ! "$python" -m venv "$venv"; then
    rm -rf "$venv"
    fail "'$python -m venv' failed: this Python has no ensurepip." \
      "On Debian and Ubuntu install it with: apt install python3-venv (or python3.N-venv for that version), then run make again."
  fi
}

export PIP_DISABLE_PIP_VERSION_CHECK=1
python=$(find_python)
printf 'Setting up %s with %s (%s); this is done once.\n' "$venv" "$python" "$("$python" --version 2>&1)" >&2
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --clear --python "$("$python" -c 'import sys; print(sys.executable)')" "$venv"
  install=(uv pip install --quiet --python "$venv/bin/python")
else
  make_empty_venv "$python"
  install=("$venv/bin/python" -m pip install --quiet)
fi
"${install[@]}" --require-hashes -r requirements-dev.txt
if [ "${EDITABLE:-1}" = 1 ]; then
  # hatchling is among the pinned packages, so the build needs nothing that was not checked.
  "${install[@]}" --no-deps --no-build-isolation -e .
fi
