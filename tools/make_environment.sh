#!/bin/sh
# Make the virtual environment FOLDER and install tilegrad into it, editable, with the extra EXTRA,
# and packages without what they depend on.
# Usage: make_environment.sh FOLDER EXTRA [PACKAGE ...]
# PYTHON names the interpreter; python3 if unset.
set -eu

folder=$1
extra=$2
shift 2
python=${PYTHON:-python3}

fail() {
    printf 'tilegrad: %s\n' "$@" >&2
    exit 1
}

command -v "$python" >/dev/null 2>&1 ||
    fail "found no '$python'; tilegrad needs Python 3.11 or later." \
        "On Debian and Ubuntu: apt-get install python3 python3-venv" \
        "If it has another name: make PYTHON=/path/to/python3.11"

"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "'$python' is $("$python" --version 2>&1); tilegrad needs Python 3.11 or later." \
        "If a later one has another name: make PYTHON=/path/to/python3.11"

if [ ! -x "$folder/bin/pip" ]; then
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "'$python' cannot make virtual environments: its venv or ensurepip module is missing." \
            "On Debian and Ubuntu: apt-get install python3-venv"
    printf 'tilegrad: making %s with %s\n' "$folder" "$("$python" --version)"
    "$python" -m venv --clear "$folder"
fi

printf 'tilegrad: installing tilegrad[%s] into %s\n' "$extra" "$folder"
"$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off --editable ".[$extra]"
if [ "$#" -gt 0 ]; then
    printf 'tilegrad: installing %s\n' "$*"
    "$folder/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-deps "$@"
fi
