#!/bin/sh
# Makes the virtual environment from a lock, once: setup.sh PYTHON VENV LOCK STAMP EXTRA.
# Every failure ends in a one-line error; an incomplete environment is made anew.
# A stamp called .serve-... adds the packages of another lock to the environment.
python=$1 venv=$2 lock=$3 stamp=$4 extra=$5
kind=${stamp##*/} kind=${kind%%-*} # of the stamp: .installed or .serve
[ -f "$stamp" ] && [ -x "$venv/bin/python" ] && exit 0

fail() {
    echo "error: $*" >&2
    exit 2
}

[ -f "$lock" ] || fail "unknown EXTRA=$extra: expected gpu, jax, jax-gpu or nothing"
command -v "$python" >/dev/null 2>&1 ||
    fail "no $python on the PATH: Python 3.11 or newer is needed (to choose one: make PYTHON=/path/to/python3)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null ||
    fail "$("$python" --version 2>&1) is too old: Python 3.11 or newer is needed (to choose one: make PYTHON=/path/to/python3)"
"$python" -c 'import venv, ensurepip' 2>/dev/null ||
    fail "this Python has no venv module: install it (Debian, Ubuntu: apt install python3-venv)"

what="Making $venv from $lock"
[ "$kind" = .serve ] && what="Adding the packages of $lock to $venv"
echo "$what (once, a few minutes)"
work=$(mktemp -d) || fail "cannot make a temporary folder: is the disk full?"
trap 'rm -rf "$work"' EXIT
# TensorFlow is half of the total size and is installed in parallel with the rest. The
# lock lists all packages, so neither part has to resolve dependencies.
awk -v tensorflow="$work/tensorflow" -v rest="$work/rest" '
    /^[a-zA-Z]/ { part = /^tensorflow(\[[^]]*\])?==/ ? tensorflow : rest }
    part { print > part }' "$lock"
install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check --progress-bar off \
        --no-compile --no-deps --require-hashes -r "$work/$1" >>"$work/log" 2>&1 &
    echo $! >"$work/$1.pid"
    wait $! || : >"$work/failed"
    : >"$work/$1.done"
}
# Background jobs do not receive Ctrl-C.
trap 'kill $(cat "$work"/*.pid) 2>/dev/null; exit 130' INT TERM
"$python" -m venv "$venv" >>"$work/log" 2>&1 || : >"$work/failed"
if [ ! -f "$work/failed" ]; then
    install tensorflow &
    install rest &
    seconds=0
    until [ -f "$work/tensorflow.done" ] && [ -f "$work/rest.done" ]; do
        sleep 1
        seconds=$((seconds + 1))
        [ $((seconds % 10)) -eq 0 ] &&
            echo "  $(du -sm "$venv" | cut -f1) MB after $seconds s"
    done
fi
if [ -f "$work/failed" ]; then
    if grep -q "No space left on device" "$work/log"; then
        fail "the disk is full: $venv needs about 4 GB"
    fi
    reason=$(grep -E "^ERROR|Error" "$work/log" | head -n 1)
    cp "$work/log" "$venv/install.log" 2>/dev/null && reason="$reason (whole log: $venv/install.log)"
    fail "packages could not be installed: $reason"
fi
# If PYTHONDONTWRITEBYTECODE is set, as in many containers, runs do not store compiled
# modules, so the modules that every run imports are compiled here, once.
[ -z "$PYTHONDONTWRITEBYTECODE" ] || env -u PYTHONDONTWRITEBYTECODE "$venv/bin/python" -c \
    'import keras, matplotlib.figure, sklearn.linear_model, tyro' >/dev/null 2>&1 || :
rm -f "$venv/$kind"-*
[ "$kind" = .serve ] || printf '%s' "$extra" >"$venv/.extra"
: >"$stamp"
