#!/bin/sh
# Makes the virtual environment from a lock, once: setup.sh PYTHON VENV LOCK STAMP EXTRA.
# Whatever goes wrong ends in one line; a half-made environment is made anew next time.
python=$1 venv=$2 lock=$3 stamp=$4 extra=$5
[ -f "$stamp" ] && [ -x "$venv/bin/python" ] && exit 0

fail() {
    echo "error: $*" >&2
    exit 2
}

[ -f "$lock" ] || fail "unknown EXTRA=$extra: expected gpu, jax, jax-gpu or nothing"
command -v "$python" >/dev/null 2>&1 ||
    fail "no $python on the PATH: Python 3.11 or newer is needed (another one: make PYTHON=/path/to/python3)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed (another one: make PYTHON=/path/to/python3)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"

echo "Making $venv from $lock (once, a few minutes)"
log=$(mktemp) || fail "no temporary file can be made: is the disk full?"
trap 'rm -f "$log"' EXIT
if ! { "$python" -m venv "$venv" &&
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off --no-compile \
        --require-hashes -r "$lock"; } >"$log" 2>&1; then
    if grep -q "No space left on device" "$log"; then
        fail "the disk is full: $venv needs about 4 GB"
    fi
    reason=$(grep -E "^ERROR|Error" "$log" | head -n 1)
    cp "$log" "$venv/install.log" 2>/dev/null && reason="$reason (whole log: $venv/install.log)"
    fail "packages could not be installed: $reason"
fi
# Compiles what every run imports, once: later starts read the compiled files, also
# where PYTHONDONTWRITEBYTECODE is set, as in many containers.
env -u PYTHONDONTWRITEBYTECODE "$venv/bin/python" -c \
    'import keras, matplotlib.figure, sklearn.linear_model, tyro' >/dev/null 2>&1 || :
rm -f "$venv"/.installed-*
printf '%s' "$extra" >"$venv/.extra"
: >"$stamp"
