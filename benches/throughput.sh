#!/bin/sh
# Speed and memory of `plainsight inspect` on large captures, beside tshark where it is installed, a bare packet walk
# and a bare read. Prints a table; asserts nothing. Needs GNU time at /usr/bin/time.
#
#   benches/throughput.sh [DIRECTORY]      # captures are made there once; default target/throughput
#   RUNS=5 benches/throughput.sh           # the median of so many runs is told; default 3
set -eu
cd "$(dirname "$0")/.."
dir=${1:-target/throughput}
runs=${RUNS:-3}
mkdir -p "$dir"
cargo build --quiet --release --workspace --bins --example walk
bin=target/release

for size in 300MB 600MB; do
    [ -e "$dir/http-$size.pcap" ] || "$bin/bench-captures" http "$size" "$dir/http-$size.pcap"
    [ -e "$dir/tls-$size.pcapng" ] || "$bin/bench-captures" tls "$size" "$dir/tls-$size.pcapng"
done
[ -e "$dir/flows.pcap" ] || "$bin/bench-captures" flows 1000000 "$dir/flows.pcap"
"$bin/bench-captures" values 200 > "$dir/values"
one=$(head -n 1 "$dir/values")
text=${one#messages=}

# median LABEL FILE COMMAND…: seconds, MB/s of the file, MiB at the peak
median() {
    label=$1 file=$2
    shift 2
    rm -f "$dir/times"
    for _ in $(seq "$runs"); do
        /usr/bin/time -a -o "$dir/times" -f '%e %M' "$@" > "$dir/out" 2> "$dir/err"
    done
    bytes=$(wc -c < "$file")
    sort -n "$dir/times" | awk -v label="$label" -v bytes="$bytes" '
        { wall[NR] = $1; if ($2 > peak) peak = $2 }
        END {
            median = wall[int((NR + 1) / 2)]
            printf "| %s | %.2f | %.0f | %.0f |\n", label, median, bytes / 1e6 / (median > 0 ? median : 0.01), peak / 1024
        }'
}

eyes() { label=$1 file=$2; shift 2; median "$label" "$file" "$bin/plainsight" inspect -q --format json "$file" "$@"; }

echo '| work | s | MB/s | peak MiB |'
echo '| --- | ---: | ---: | ---: |'
for file in "$dir"/http-300MB.pcap "$dir"/http-600MB.pcap "$dir"/tls-300MB.pcapng "$dir"/tls-600MB.pcapng "$dir"/flows.pcap; do
    name=$(basename "$file")
    eyes "$name, one value" "$file" --plant "$one"
    set --
    while IFS= read -r value; do set -- "$@" --plant "$value"; done < "$dir/values"
    eyes "$name, 200 values" "$file" "$@"
    median "$name, packet walk" "$file" "$bin/examples/walk" "$file"
    median "$name, bare read" "$file" dd if="$file" of=/dev/null bs=1M
done
if command -v tshark > /dev/null; then
    tshark --version 2> /dev/null | head -n 1
    file=$dir/http-300MB.pcap
    median 'http-300MB.pcap, tshark' "$file" tshark -r "$file" -Y "http.file_data contains \"$text\"" -T fields -e frame.number
    file=$dir/tls-300MB.pcapng
    median 'tls-300MB.pcapng, tshark with keys' "$file" tshark -r "$file" -o "tls.keylog_file:$dir/tls-300MB.keys" \
        -Y "http contains \"$text\"" -T fields -e frame.number
fi
