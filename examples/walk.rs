//! The least work there is: reads a capture, takes every packet apart, adds up its payload, and does nothing with it.
//! `benches/throughput.sh` sets the whole beside it.

use anyhow::{Context as _, Result};
use plainsight::model::item::Item;
use plainsight::model::packet::Segment;
use plainsight::{capture, packet};
use std::io::Write as _;
use std::path::PathBuf;

fn main() -> Result<()> {
    let path: PathBuf = std::env::args_os().nth(1).context("usage: walk CAPTURE")?.into();
    let mut source = capture::open(&path, capture::Wanted::Capture)?.source;
    let mut reader = packet::Reader::new();
    let (mut packets, mut bytes) = (0_u64, 0_u64);
    while let Some(item) = source.next()? {
        let Item::Frame(frame) = item else { continue };
        reader.frame(&frame, |packet| {
            let (Segment::Tcp { payload, .. } | Segment::Udp { payload, .. } | Segment::Other { payload, .. }) =
                packet.segment;
            packets += 1;
            bytes += payload.len() as u64;
        });
    }
    writeln!(std::io::stdout(), "{packets} packets, {bytes} bytes of payload")?;
    Ok(())
}
