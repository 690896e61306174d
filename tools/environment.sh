#!/bin/sh
# Makes or updates a virtual environment: environment.sh FOLDER [CONSTRAINTS [PYTHON]]
# `make` calls it. An installation that was interrupted is started again from nothing.
set -eu
folder=$1
constraints=${2:-}
wanted=${3:-}

suits() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' \
        >/dev/null 2>&1
}

describe() {
    version=$("$1" -c 'import platform; print(platform.python_version())' 2>/dev/null) || return 0
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 || version="$version, without venv"
    printf '  %s (%s)\n' "$1" "$version"
}

python=
candidates=${wanted:-python3.13 python3.12 python3.11 python3}
for candidate in $candidates; do
    if suits "$candidate"; then python=$candidate; break; fi
done
if [ -z "$python" ]; then
    {
        echo "This book needs Python 3.11, 3.12 or 3.13, with its venv module. Found:"
        found=$(for candidate in $candidates; do describe "$candidate"; done)
        echo "${found:-  none of: $candidates}"
        echo "Install one, then run make again:"
        echo "  Debian, Ubuntu   sudo apt install python3 python3-venv"
        echo "  macOS            brew install python@3.13"
        echo "or name it:        make book PYTHON=/path/to/python3.13"
    } >&2
    exit 1
fi

if [ -e "$folder/.installing" ] || ! "$folder/bin/python" -c '' 2>/dev/null; then
    rm -rf "$folder"
fi
if [ ! -d "$folder" ]; then
    echo "Making the environment $folder with $("$python" --version) …"
    mkdir "$folder"
    touch "$folder/.installing"
    "$python" -m venv "$folder"
fi
touch "$folder/.installing"
echo "Installing packages into $folder; the first time this downloads about 1 GB …"
set -- --disable-pip-version-check -qq -r requirements.txt
if [ -n "$constraints" ]; then set -- "$@" -c "$constraints"; fi
"$folder/bin/python" -m pip install "$@"
"$folder/bin/python" -m pip install --disable-pip-version-check -qq --no-deps \
    --no-build-isolation --editable .
rm "$folder/.installing"
touch "$folder/.installed"
