#!/usr/bin/env bash
# Resolves the dependencies anew and writes both lock files; the arguments go to `uv lock` (for example --upgrade).
# The machine's own index and proxy settings stay out: the files name PyPI and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
unset UV_INDEX_URL UV_DEFAULT_INDEX UV_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" lock "$@"
"$uv" export --quiet --locked --all-groups --no-emit-project --no-annotate --no-header --format requirements-txt \
  --output-file requirements-dev.txt >/dev/null
.venv/bin/python tools/check_lock.py
