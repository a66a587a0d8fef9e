#!/usr/bin/env bash
# Sanitizers, fuzzer, valgrind and the CMake package, as far as their tools are here. FUZZ_RUNS: inputs of the fuzzer (short by default).
set -euo pipefail
# shellcheck source=build.sh
. "$(dirname "$0")/build.sh"

can() { # compiler flags...: compiles and runs a program
    command -v "$1" >/dev/null || return 1
    echo 'int main(void) { return 0; }' >"$work/can.c"
    "$@" "$work/can.c" -o "$work/can" 2>/dev/null && "$work/can"
}

if can clang -fsanitize=address,undefined; then
    echo "driver under ASan and UBSan (clang)"
    build clang asan -O1 -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
    clang "${flags[@]}" -O1 -fsanitize=address,undefined -fno-sanitize-recover=all tests/driver*.c "$work"/asan/*.o -lm -o "$work/driver"
    "$work/driver"
    if echo 'int LLVMFuzzerTestOneInput(const unsigned char *d, unsigned long n) { return d && n > 1e9; }' >"$work/f.c" &&
        clang -fsanitize=fuzzer "$work/f.c" -o "$work/f" 2>/dev/null; then
        echo "fuzzer, ${FUZZ_RUNS:=20000} inputs"
        clang "${flags[@]}" -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all tests/fuzz.c "$work"/asan/*.o -lm -o "$work/fuzz"
        "$work/fuzz" -runs="$FUZZ_RUNS" -seed=1 -max_len=1024 -len_control=0 -timeout=20 -artifact_prefix="$work/" -verbosity=0 -print_final_stats=1 2>"$work/fuzz.log" ||
            { cat "$work/fuzz.log"; exit 1; }
        grep -E 'executed_units|exec_per_sec' "$work/fuzz.log"
    fi
elif can gcc -fsanitize=address,undefined; then
    echo "driver under ASan and UBSan (gcc); no fuzzer here"
    build gcc asan -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
    gcc "${flags[@]}" -fsanitize=address,undefined -fno-sanitize-recover=all tests/driver*.c "$work"/asan/*.o -lm -o "$work/driver"
    "$work/driver"
else
    echo "no address sanitizer here"
fi

for compiler in clang gcc; do
    if can $compiler -fsanitize=thread -pthread; then
        echo "threads under TSan ($compiler)"
        build $compiler tsan -O1 -fsanitize=thread
        $compiler "${flags[@]}" -O1 -fsanitize=thread -pthread tests/threads.c "$work"/tsan/*.o -lm -o "$work/threads"
        "$work/threads"
        break
    fi
done

if command -v cmake >/dev/null && cmake --version >/dev/null 2>&1; then
    echo "CMake: build, install, find_package and pkg-config"
    cmake -S . -B "$work/build" -DCMAKE_INSTALL_PREFIX="$work/there" >"$work/log" && cmake --build "$work/build" --parallel 2 >>"$work/log" &&
        cmake --install "$work/build" >>"$work/log" || { cat "$work/log"; exit 1; }
    cmake -S tests/consumer -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/there" >"$work/log" && cmake --build "$work/consumer" >>"$work/log" ||
        { cat "$work/log"; exit 1; }
    [ "$("$work/consumer/shared")" = "$("$work/consumer/static")" ]
    "$work/consumer/shared"
    if command -v pkg-config >/dev/null; then
        package=("$(dirname "$(find "$work/there" -name scalecore.pc)")")
        # shellcheck disable=SC2046
        cc tests/consumer/main.c $(PKG_CONFIG_PATH=$package pkg-config --cflags --libs scalecore) -Wl,-rpath,"$(PKG_CONFIG_PATH=$package pkg-config --variable=libdir scalecore)" -o "$work/main"
        [ "$("$work/main")" = "$("$work/consumer/shared")" ]
    fi
    library=$(find "$work/there" -name 'libscalecore.so')
    if [ -n "$library" ] && command -v nm >/dev/null; then
        echo "exported symbols are the header's functions"
        nm -D --defined-only "$library" | awk '{print $3}' | sort >"$work/exported"
        grep -oE '^SC_API [^(]*\(' ../scalecore/include/scalecore.h | grep -oE 'sc_[a-z0-9_]+\($' | tr -d '(' | sort >"$work/declared"
        diff "$work/declared" "$work/exported"
    fi
    if command -v valgrind >/dev/null; then
        echo "driver under valgrind"
        cc "${flags[@]}" -O1 tests/driver*.c -Wl,--whole-archive "$(find "$work/there" -name libscalecore.a)" -Wl,--no-whole-archive -lm -o "$work/driver_plain"
        SC_DRIVER_STEP=41 valgrind -q --error-exitcode=9 --leak-check=full "$work/driver_plain"
    fi
else
    echo "no cmake here"
fi
