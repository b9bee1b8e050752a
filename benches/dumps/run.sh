#!/bin/sh
# Speed and memory of counting a store, beside the tools people reach for first: rg with a pattern of phone numbers, jq with
# two fields, and a bare serde_json pass as the floor. All take turns on the same file, so that a busy machine slows each
# alike. Prints tables in Markdown, with the machine and its load, and whether our counts are the generator's; asserts nothing.
# Needs python3, rg, jq and GNU time at /usr/bin/time.
#
#   benches/dumps/run.sh [DIRECTORY]              # dumps are made there once; default target/dumps
#   RECORDS="1000000 10000000" RUNS=5 benches/dumps/run.sh
#   PLAINSIGHT=path/to/plainsight SKIM=path/to/skim benches/dumps/run.sh    # binaries that are built already
set -eu
cd "$(dirname "$0")/../.."
dir=${1:-target/dumps}
rounds=${RUNS:-3}
python=${PYTHON:-python3}
mkdir -p "$dir"
if [ -z "${PLAINSIGHT:-}" ]; then
    cargo build --quiet --release --bin plainsight --example skim
fi
plainsight=${PLAINSIGHT:-target/release/plainsight}
skim=${SKIM:-target/release/examples/skim}

# turn NAME COMMAND…: one run; seconds by the clock, of the user and of the system, and KiB at the peak
turn() {
    name=$1
    shift
    /usr/bin/time -a -o "$dir/$name.times" -f '%e %U %S %M' "$@" > "$dir/out" 2> "$dir/err"
}

# figures NAME: the medians of its turns
figures() {
    for column in '$1' '$2 + $3'; do
        awk "{ print $column }" "$dir/$1.times" | sort -n | awk '{ all[NR] = $1 } END { printf "%.2f ", all[int((NR + 1) / 2)] }'
    done
    awk '$4 > peak { peak = $4 } END { printf "%.0f", peak / 1024 }' "$dir/$1.times"
}

# row NAME LABEL: its figures, and how many times its time ours is
row() {
    echo "$(figures ours) $(figures "$1")" | awk -v label="$2" '{
        wall = $4 > 0 ? sprintf("%.2f", $1 / $4) : "-"
        cpu = $5 > 0 ? sprintf("%.2f", $2 / $5) : "-"
        printf "| %s | %.2f | %.2f | %.0f | %s | %s |\n", label, $4, $5, $6, wall, cpu
    }'
}

load() { cut -d ' ' -f 1 /proc/loadavg; }

echo "$(nproc) processors ($(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)), $(rg --version | head -n 1), $(jq --version)"
for records in ${RECORDS:-1000000}; do
    file=$dir/$records.ndjson
    [ -e "$file" ] || "$python" crates/traffic/scenarios/log_store.py --records "$records" "$file" > "$dir/$records.json"
    rm -f "$dir"/*.times
    before=$(load)
    for _ in $(seq "$rounds"); do
        turn ours "$plainsight" inspect -q --format json "$file" \
            --plant 'messages=The heron lands at dusk behind the old mill' --plant 'phone-number=+447700900142' \
            --plant 'precise-location=48.8583701,2.2944813' --plant 'email=priya.k@mail.example.org'
        mv "$dir/out" "$dir/ours.json"
        turn floor "$skim" "$file"
        turn signed rg -o -N '\+[0-9]{8,15}' "$file"
        turn written rg -o -N '\+?[0-9][0-9 ().-]{6,16}[0-9]' "$file"
        turn jq jq -c '[.from.phone, .msg]' "$file"
    done
    echo
    echo "$records records, $(($(wc -c < "$file") / 1000000)) MB; medians of $rounds turns each; load $before before, $(load) after"
    echo
    echo '| work | wall s | CPU s | peak MiB | ours, times its wall | ours, times its CPU |'
    echo '| --- | ---: | ---: | ---: | ---: | ---: |'
    row ours '`plainsight inspect`: peeled, searched for four values, counted'
    row floor 'serde_json, one bare pass'
    row signed '`rg -o`, numbers with a sign'
    row written '`rg -o`, numbers as people write them'
    row jq '`jq`, two fields'
    echo
    jq -rn --slurpfile told "$dir/$records.json" --slurpfile found "$dir/ours.json" '
        $found[0].scenarios[0].exposure as $ours
        | [$told[0] | to_entries[] | select((.value | type) == "number" and $ours[.key] != .value)
            | "\($ours[.key]) \(.key) for \(.value)"]
        | if length == 0 then "Every count is that of the generator." else "Counts of the generator but for " + join(", ") + "." end'
done
