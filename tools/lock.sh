#!/usr/bin/env bash
# Resolves the dependencies anew into requirements-dev.txt, the lock file; the arguments go to `uv pip compile` (for example --upgrade).
# The machine's own index and proxy settings stay out, and the file names no address.
set -euo pipefail
cd "$(dirname "$0")/.."
unset UV_INDEX_URL UV_DEFAULT_INDEX UV_INDEX UV_EXTRA_INDEX_URL UV_FIND_LINKS PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_FIND_LINKS
uv=$(command -v uv || echo .venv/bin/uv)
"$uv" pip compile --quiet --universal --generate-hashes --no-annotate --no-header --no-emit-index-url --python-version 3.11 \
  --group dev pyproject.toml --output-file requirements-dev.txt "$@" >/dev/null
.venv/bin/python tools/check_lock.py
