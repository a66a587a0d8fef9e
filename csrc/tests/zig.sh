#!/usr/bin/env bash
# By hand: systems whose C library only Zig's compiler brings along. The driver is compiled and linked for macOS and for Windows on
# Arm, where it cannot be run here, and for musl on 64-bit Arm, where it is run under QEMU if that is here:
#     csrc/tests/zig.sh "python -m ziglang"     (after pip install ziglang)
set -euo pipefail
zig=${1:-zig}
# shellcheck source=build.sh
. "$(dirname "$0")/build.sh"
fast=(-O2 -fno-math-errno -fno-trapping-math)
for target in aarch64-macos x86_64-macos aarch64-windows-gnu aarch64-linux-musl; do
    echo "$target"
    printf '#!/bin/sh\nexec %s cc -target %s "$@"\n' "$zig" "$target" >"$work/compiler"
    chmod +x "$work/compiler"
    build "$work/compiler" "$target" "${fast[@]}"
    "$work/compiler" "${flags[@]}" "${fast[@]}" tests/driver*.c "$work/$target"/*.o -lm -o "$work/$target/driver.exe"
done
if command -v qemu-aarch64-static >/dev/null; then
    timeout 900 qemu-aarch64-static "$work/aarch64-linux-musl/driver.exe"
fi
