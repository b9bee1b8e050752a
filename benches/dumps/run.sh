#!/bin/sh
# Speed and memory of counting a store, beside the tools people reach for first, all on the same file in one go:
# rg with one phone-number pattern, jq with two fields, and a bare serde_json pass as the floor. Prints a table with
# ratios; asserts nothing. Needs python3, rg, jq and GNU time at /usr/bin/time.
#
#   benches/dumps/run.sh [DIRECTORY]              # dumps are made there once; default target/dumps
#   RECORDS="1000000 10000000" RUNS=3 benches/dumps/run.sh
#   PLAINSIGHT=path/to/plainsight SKIM=path/to/skim benches/dumps/run.sh    # binaries that are built already
set -eu
cd "$(dirname "$0")/../.."
dir=${1:-target/dumps}
runs=${RUNS:-3}
python=${PYTHON:-python3}
mkdir -p "$dir"
if [ -z "${PLAINSIGHT:-}" ]; then
    cargo build --quiet --release --bin plainsight --example skim
fi
plainsight=${PLAINSIGHT:-target/release/plainsight}
skim=${SKIM:-target/release/examples/skim}

# median LABEL FILE COMMAND…: seconds by the clock and of the processor, MiB at the peak, times the first row
first=
median() {
    label=$1 file=$2
    shift 2
    rm -f "$dir/times"
    for _ in $(seq "$runs"); do
        /usr/bin/time -a -o "$dir/times" -f '%e %U %S %M' "$@" > "$dir/out" 2> "$dir/err"
    done
    row=$(sort -n "$dir/times" | awk '
        { wall[NR] = $1; cpu[NR] = $2 + $3; if ($4 > peak) peak = $4 }
        END { mid = int((NR + 1) / 2); printf "%.2f %.2f %.0f", wall[mid], cpu[mid], peak / 1024 }')
    first=${first:-$row}
    echo "$label $row $first" | awk -v label="$label" '{
        n = NF - 5
        printf "| %s | %.2f | %.2f | %.0f | %.2f | %.2f |\n", label, $n, $(n + 1), $(n + 2), $n / $(n + 3), $(n + 1) / $(n + 4)
    }'
}

for records in ${RECORDS:-1000000}; do
    file=$dir/$records.ndjson
    [ -e "$file" ] || "$python" crates/traffic/scenarios/log_store.py --records "$records" "$file" > "$dir/$records.json"
    echo
    echo "$records records, $(($(wc -c < "$file") / 1000000)) MB"
    echo
    echo '| work | wall s | CPU s | peak MiB | times our wall | times our CPU |'
    echo '| --- | ---: | ---: | ---: | ---: | ---: |'
    first=
    median 'plainsight inspect: peeled, searched for four values, counted' "$file" "$plainsight" inspect -q --format json "$file" \
        --plant 'messages=The heron lands at dusk behind the old mill' --plant 'phone-number=+447700900142' \
        --plant 'precise-location=48.8583701,2.2944813' --plant 'email=priya.k@mail.example.org'
    median 'serde_json, one bare pass' "$file" "$skim" "$file"
    median 'rg -o, numbers with a sign' "$file" rg -o -N '\+[0-9]{8,15}' "$file"
    median 'rg -o, numbers as people write them' "$file" rg -o -N '\+?[0-9][0-9 ().-]{6,16}[0-9]' "$file"
    median 'jq, two fields' "$file" jq -c '[.from.phone, .msg]' "$file"
done
