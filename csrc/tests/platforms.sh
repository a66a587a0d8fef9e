#!/usr/bin/env bash
# The driver on processors and systems that this machine is not: 64-bit Arm under QEMU, Windows under Wine, musl's C library; and
# the code that Microsoft's compiler sees. Tools that are not here are installed by apt-get, where there is one and it may; what
# still lacks its tools is skipped, and said so at the end. A part whose tools are here fails if its driver does.
set -euo pipefail
# shellcheck source=build.sh
. "$(dirname "$0")/build.sh"
# runs have a timeout: a wrong instruction may let a search go on for ever
fast=(-O2 -fno-math-errno -fno-trapping-math)
skipped=()

have() { # command package...: is here, or can be installed
    command -v "$1" >/dev/null && return
    if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
        [ -e "$work/updated" ] || { apt-get update -qq >"$work/apt.log" 2>&1 || true; touch "$work/updated"; }
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${@:2}" >>"$work/apt.log" 2>&1 ||
            tail -3 "$work/apt.log"
    fi
    command -v "$1" >/dev/null || { skipped+=("$part: no $1 here, and it could not be installed"); false; }
}

# compiler folder flags...: build the engine and the driver
driver() {
    local compiler=$1 folder=$2
    shift 2
    build "$compiler" "$folder" "$@"
    "$compiler" "${flags[@]}" "$@" tests/driver*.c "$work/$folder"/*.o -lm -o "$work/$folder/driver.exe"
}

# compiler launcher...: a program that does nothing runs, which tells a fault of ours from one of the emulator
runs() {
    echo 'int main(void) { return 0; }' >"$work/nothing.c"
    "$1" -static "$work/nothing.c" -o "$work/nothing.exe" && timeout 300 "${@:2}" "$work/nothing.exe" >"$work/nothing.log" 2>&1 ||
        { skipped+=("$part: $2 runs nothing here"); false; }
}

part="64-bit Arm"
if have aarch64-linux-gnu-gcc gcc-aarch64-linux-gnu libc6-dev-arm64-cross && have qemu-aarch64-static qemu-user-static &&
    runs aarch64-linux-gnu-gcc qemu-aarch64-static; then
    echo "64-bit Arm: NEON, under QEMU"
    driver aarch64-linux-gnu-gcc arm "${fast[@]}" -mpc-relative-literal-loads -static
    timeout 900 qemu-aarch64-static "$work/arm/driver.exe"
fi

part="Windows"
export WINEPREFIX=$work/wine WINEDEBUG=-all WINEDLLOVERRIDES="mscoree,mshtml="
if have x86_64-w64-mingw32-gcc gcc-mingw-w64-x86-64 && have wine wine wine64 && runs x86_64-w64-mingw32-gcc wine; then
    echo "Windows: MinGW-w64, under Wine"
    # gcc does not align AVX's vectors on Windows' stacks, so the assembler must not believe that they are (see setup.py)
    driver x86_64-w64-mingw32-gcc windows "${fast[@]}" -static -Wa,-muse-unaligned-vector-move
    timeout 600 wine "$work/windows/driver.exe"
    wineserver=$(command -v wineserver || echo /usr/lib/wine/wineserver)
    "$wineserver" -k || true
fi

part="musl"
if have musl-gcc musl-tools; then
    echo "musl"
    driver musl-gcc musl "${fast[@]}" -static
    timeout 300 "$work/musl/driver.exe"
fi

echo "as for Microsoft's compiler, one lane at a time"
build cc like_msvc "${fast[@]}" -pedantic-errors -Werror=vla -include tests/like_msvc.h
cc "${flags[@]}" "${fast[@]}" tests/driver*.c "$work"/like_msvc/*.o -lm -o "$work/like_msvc/driver.exe"
timeout 300 "$work/like_msvc/driver.exe"

echo "what cannot work is refused"
for wrong in -m32 -mfpmath=387; do
    [ "$(uname -m)" = x86_64 ] || break
    if cc "${flags[@]}" $wrong -fsyntax-only engine/engine.c 2>"$work/log"; then
        echo "$wrong was not refused"
        exit 1
    fi
    grep '#error "scalecore needs' "$work/log" | head -1
done

for part in "${skipped[@]}"; do
    echo "SKIPPED: $part"
done
