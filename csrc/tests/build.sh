# For run.sh and platforms.sh: how the engine's objects are made, in a folder that is removed at the end.
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
flags=(-std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off -g -Wall -Wextra -Wpedantic -Werror -I. -I../scalecore/include)

build() { # compiler folder flags...: objects of the engine
    local compiler=$1 folder=$work/$2
    shift 2
    mkdir -p "$folder"
    export folder
    printf '%s\n' */*.c | grep -v '^tests/' |
        xargs -P 4 -I{} bash -c '"${@:2}" -c "$1" -o "$folder/${1//\//_}.o"' build {} "$compiler" "${flags[@]}" "$@"
}
