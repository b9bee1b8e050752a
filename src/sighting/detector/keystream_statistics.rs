//! A keystream used for more than one message, with nothing known of any of them: what stands at the same place in all
//! payloads differs from one to the next as letters of text do, and not as noise does.

use super::keystream_reuse::is_noise;
use crate::sighting::run::legible::{latin_bits, legible};
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::BTreeSet;

/// The detector.
pub(super) struct KeystreamStatistics;

static CARD: RunCard = RunCard {
    id: "keystream-statistics",
    title: "A keystream used more than once, by its statistics",
    why: "Messages under one keystream read each other: with every further message more of all of them comes out, and \
          nobody needs to know a word of it.",
    bound: "For each place, the payloads' different bytes must be likelier under text than as noise, whatever the byte of \
            keystream (an average over all 256); of all places the 32 best are left out, so that whatever stands in 32 \
            bytes of a header proves nothing, and bytes that are clear text already, and equal ones, count for nothing. \
            The rest must come to 64 bits (Markov's inequality), 2^-51 for a run of 8,192 kinds of payload.",
    hits: &[
        // One keystream, nothing known: ten letters.
        Session {
            payloads: &[
                "fb8a3420b2ce2f685897d9928c0ced9fe84c2214bdb2ed6e54254c3287d986056449509081eacd3412bdc751c2f44ba5502f311418888defe681be777af608735bd18a247641fcc61211879265607fd3545d6e",
                "e2807622b3d27b23578c8e95c41da596fd1e3413ade0a67c59304760d3de85057c4046c4cde5cf2e14e48e4a83ea12e25d333b4c508c91a7e690a33e67f051275ddbde207a5bef83140d87916471379c595a7e95d6",
                "fc83712ca4ce7b3b5c8d9dc69001a8d7f95f301ebab3ed7b4560567a969196567d494fc4d6edd16601aa8319c1f219ac1f363c594cc98af8e68fa97860b1476113c0c22d3353e1d1131687817e7571870d467483c443",
                "f887716db3c4383c5691d9958500a9d7fd56210fe8b3a57c1c374b7e9f918b447e4d0390ceacdb3201bdc750cda709a75b6132574ac982e5a997a47b66b15f6256df86686750e4cf400ac2972c797887455769",
                "e5cf7c2ca1ce7b2556959c82c41da592a9532f15adb9ed6d5360567a96918c51604d51c4c0efcb2915aa9319c2f44bbb503474594b8286efeac3b87671b15a6240c08a2e7c59e4cc1711878a62345a9c43567a9e",
                "f887713fb28b2c2d4b86d9929306ed9aec50601abbaba4775b60447d81919a4a7d08429081f8c02340b79358d7ee04ac136120505d90c3efaf87ec707be5086b5cdbc1687f5ce3c64004d58c697a7380",
                "ef8e7a6daec42e684e828d839649b99fec1e3017a9aeb96a1c374a7b9fd4c3526d084296c4acc93101bdcb19d7ef0ee254242d18519ac3fcae86be7b34f85c275bd5d9687259ffc219118787697179",
                "e196342bbbc23c204dc39095c405ac83ec1e211ca9a9a3351c244d329dde97057f494a9081eac73440a98219d4ee1faa1f253d56568c91a7e6aaec697dfd442755ddc42c3346e7ce0516cf8c6273379b48407e",
                "e59b3424a48b2f205cc38d8e8d1ba9d7e1513508ade0a2771c344a77d3dd86437c084181c9e5c62240b08f5c83e403b74d223c14189d8beee68ca27b34e641735b94de207615efd10507c9c5687b7881",
                "f8877134f7dc3a264dc38d89c41aa89be51e3413ade0ae765130437c8a9181406e47518181f8c02340b79254cee219ee1f23214c189d8beab2c3a16b67e5087447d5d3687150fcd40507c9c5796737875a5d",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // Only two of them, as JSON and longer.
        Session {
            payloads: &[
                "d7cd7f24b9cf79721b979c9e904be1d5fd516241eaaea26b5d620e3087d49b512a1201b3c4acc52305b0c758d7a71faa5a613c594a8b8cfeb4c3bb7671ff08735bd18a247246fc830607d59775347f925e127c88cb5f8496f4decd3eababad1389e21f3b9778ce3f7e400bcd285fc21d813ffd38f5279397149345fce6db1e83a50458b341a797b17a11cf997eea7f2bcddc11fc92ef01d1a4edbda3b7f86736124dc1b90347ea90d31da34bf00a0e1e97d22ab00cf6d86feb03f2b30dd210f6ab9064e9924e2f3a",
                "d7cd7f24b9cf79721b979c9e904be1d5fd516241eaa9bb761e6c006696c99707320a7388c4eddb2340b78257c7a71faa5a612459488c91f8e681b53e60f94d2746c7df297f15ffc21942c68b683475865f5c3b90cd5bdc96fcc38972acbfb05d81a44b279a3d823c63461dcb7b1bc7159323fd35f536dcce6edb69faa3921ac6a3091de742a0deae7b5f879778f27365c59257e788aa58d2b4aba8f7f5e9673a5c5a95ac1f4ba59d9748a540fd5f0e0e96d32ab10de7d874ed18f1b315d31eb3ec8473e599002f26",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
    misses: &[
        // A keystream of its own for each, behind a header that counts.
        Session {
            payloads: &[
                "1001000000000007757365722d303030300476973d67d298cad53e636e6d88fc7e4288459254d7455f99f1ae5fd0e50d597924a770ec4e87e5f900addfbedeeb3f7f00bfad7e2fdf97c85fb50cc2117b0745804c88945b870697dc329c1c46d520a41955",
                "100200000000000a757365722d303030316f46cfdcac844d5a8e5b7975c3401125c4cfa9fb60e1dc7bf44b6c3b0762fb595961b475df0006d8b392bad0b54a6bd15417131e351e3abbb9849d10f373a55989aa6c104ff1f3ebb7f555b5d1b40b1c5522938c2a",
                "100300000000000d757365722d30303032a8bb1c3f5311c9b30662717301d171bf71e24fe5512d6ec1f245fd52fa01ec7e8a459666f5e5dcce1b59089d6af6338bff13a8cd5e5d264e72d87d3a00b56e94b84232dad2eb8528d75cb5fcdb23dbd30441200c15bf",
                "1004000000000010757365722d30303033767c7e16685be7c94bb9f003f3ddcf02cbd31d68bfc7a1921192f504507221c8842ef9364c047c964f72362b523eb6030c11612b81b27b34150ba0fd46f28b66095dfc17f343db54447d076cc5384364a54308",
                "1005000000000013757365722d3030303480ad1e7cb99d21fcc5d247a7588bd62410ac5f3775fae4a2f129a6486ad1bb01a4c1e10db008035d5c14abc76d8aa092918ea196839e45a71ce7a81dcbe4e52b330a323fff1f4a08a971cf007c9b9b6574743cc7",
                "1006000000000016757365722d3030303532e312ac9f5e1e51559c3f41fff76af55470632eeb08c91d3bb88aac7c6a537e1a597965e182d5edbc8b9fd02ad92e092675960c6936c60af23da30c9a93d3a6e4c8cc0d9b70d76ba13b2ccc452688ec",
                "1007000000000019757365722d303030360348e2b1224f552560ee76a262065c283bf5e2791df65f6947304618ed72e8fc67c49e5874a5a3e01d7889c93263c92076d3ebe8fceeba1ea65200e834f781ed759275197119dc8e2e907d96c6f54c",
                "100800000000001c757365722d30303037811b1409944c9adfa50b6e526a782614cb03218835b1c97e4b33b17109b7220b11c4bab4c52c718e826309d1586d517516dfd50b02c6b4279408faf2a2b8c3ec74295c99237e767e51198c0f504c5927ea40e2",
                "100900000000001f757365722d3030303840059dd75ca5b8b97cd12a7391157adcc1a63842e55b37761650a32762183e0aa2b03dc198fbe37e1e43925cf6d54e416e75359b01ce218541f558e9298f993ab3250f3abb4f8785a9d57d7a7cbae021",
                "100a000000000022757365722d30303039c9c69c2e17872a611623f6c6c8c97ee1397d6b117bc93c6e026ed80d972d517a68464a642b53049d2d13fa4f7d253877d4fbbd2d8c8a6f26b1f9a31367f503d009ff9e28444477bf4651d7a7e07fef227ad8",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
};

/// Payloads of one kind that are held against each other.
const ROWS: usize = 32;
/// Bytes of each.
const COLUMNS: usize = 256;
/// Places that are left out, the best ones.
const HEADER: usize = 32;
/// Bits over the others from which a byte of keystream is certain.
const CERTAIN: f64 = 14.0;
/// Bits from which the rest is proof.
const PROOF: f64 = 64.0;
/// Bits from which what a payload says is shown.
const SHOWN: f64 = 12.0;

impl RunDetector for KeystreamStatistics {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        // What the planted text opened already says more.
        let mut done: BTreeSet<usize> = out.iter().flat_map(|find| &find.proof).map(|proof| proof.payload).collect();
        let mut firsts: Vec<usize> = Vec::new();
        for members in run.slots().into_values() {
            let fresh: Vec<usize> = members.into_iter().filter(|index| !done.contains(index)).collect();
            firsts.extend(fresh.first());
            out.extend(group(run, &fresh).inspect(|find| done.extend(find.proof.iter().map(|proof| proof.payload))));
        }
        // One keystream for messages of different kinds: the first of each.
        firsts.retain(|index| !done.contains(index));
        out.extend(group(run, &firsts));
    }
}

/// What the payloads of one kind say at one place.
struct Column {
    /// Bits by which their bytes speak for text under one byte of keystream.
    bits: f64,
    /// That byte, where it is certain.
    key: Option<u8>,
}

fn group(run: &Run<'_>, members: &[usize]) -> Option<Find> {
    let mut seen: BTreeSet<&[u8]> = BTreeSet::new();
    let mut rows: Vec<(usize, &[u8])> = Vec::new();
    for index in members {
        let payload = run.payloads.get(*index)?;
        let bytes = payload.bytes.get(..payload.bytes.len().min(COLUMNS)).unwrap_or_default();
        if payload.class.is_opaque() && bytes.len() > HEADER && is_noise(bytes) && seen.insert(bytes) {
            rows.push((*index, bytes));
        }
        if rows.len() == ROWS {
            break;
        }
    }
    let longest = rows.iter().map(|(_, bytes)| bytes.len()).max()?;
    if rows.len() < 2 || !run.spend(longest * rows.len() * 256) {
        return None;
    }
    let columns: Vec<Column> =
        (0..longest).map(|at| column(&rows.iter().filter_map(|(_, bytes)| bytes.get(at).copied()).collect())).collect();
    let mut bits: Vec<f64> = columns.iter().map(|column| column.bits).collect();
    bits.sort_by(f64::total_cmp);
    bits.truncate(bits.len().saturating_sub(HEADER));
    if bits.iter().sum::<f64>() < PROOF {
        return None;
    }
    let proof: Vec<Proof> =
        rows.iter().map(|(index, bytes)| Proof { payload: *index, recovered: pieces(&columns, bytes) }).collect();
    let read = proof.iter().any(|proof| !proof.recovered.is_empty());
    let label = run.payloads.get(proof.first()?.payload)?.label.as_str();
    Some(Find {
        detector: CARD.id,
        reason: format!(
            "{} payloads (\"{label}\") are enciphered with the same keystream (a static key or a fixed nonce): place by \
             place they differ as letters of text do",
            proof.len()
        ),
        undone: read.then(|| "reused keystream".to_owned()),
        proof: if read { proof.into_iter().filter(|proof| !proof.recovered.is_empty()).collect() } else { proof },
    })
}

/// The different bytes of one place under every byte of keystream.
fn column(values: &BTreeSet<u8>) -> Column {
    let clear = values.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if values.len() < 2 || clear {
        return Column { bits: 0.0, key: None };
    }
    let mut scores: Vec<(f64, u8)> = (0..=u8::MAX)
        .map(|key| {
            let mut sum = 0.0;
            for byte in values {
                sum += latin_bits(byte ^ key);
            }
            (sum, key)
        })
        .collect();
    scores.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (best, key) = scores.first().copied().unwrap_or((0.0, 0));
    let sum: f64 = scores.iter().map(|(score, _)| (score - best).exp2()).sum();
    // Bytes that differ were drawn from fewer and fewer.
    let mut left = 256.0_f64;
    let mut drawn = 0.0;
    for _ in values {
        drawn += (256.0 / left).log2();
        left -= 1.0;
    }
    // The others' share of the sum, as bits that the best is over them.
    let others = (sum - 1.0).max(f64::MIN_POSITIVE).log2();
    Column { bits: best + sum.log2() - 8.0 - drawn, key: (others <= -CERTAIN).then_some(key) }
}

/// What a payload says where the keystream is certain.
fn pieces(columns: &[Column], bytes: &[u8]) -> Vec<(usize, Vec<u8>)> {
    let mut out: Vec<(usize, Vec<u8>)> = Vec::new();
    for (at, (column, byte)) in columns.iter().zip(bytes).enumerate() {
        let Some(key) = column.key else { continue };
        match out.last_mut() {
            Some((start, piece)) if *start + piece.len() == at => piece.push(byte ^ key),
            _ => out.push((at, vec![byte ^ key])),
        }
    }
    out.retain(|(_, piece)| legible(piece) >= SHOWN);
    out
}
