//! Messages that begin alike and ciphertexts that begin alike: a block cipher in CBC mode with a fixed initial value.
//!
//! With a fresh initial value no two ciphertexts share a block. What honest messages share at their beginning is a header:
//! identifiers and public keys, whose places the format fixes. So one depth at which messages part proves nothing, nor do
//! three (whose key, which session, which ratchet). Texts part wherever they differ: after one block, two, five; and where
//! one message is no longer than what two others have in common, no header is left that could explain it.

use super::ecb::is_noise;
use super::equal_ciphertext::again;
use crate::sighting::run::{Find, Proof, Run, RunCard, RunDetector, Session};
use std::collections::BTreeSet;

/// The detector.
pub(super) struct FixedIv;

static CARD: RunCard = RunCard {
    id: "fixed-iv",
    title: "Ciphertexts that begin alike (a fixed initial value)",
    why: "Whoever sees the ciphertext sees how far two messages agree from their first character on, and when the same is \
          said again.",
    bound: "Of eight or more different payloads (eleven where blocks are of 8 bytes), all are whole numbers of blocks, they \
            part after four or more different numbers of blocks, always at the edge of one, and one of them is no longer \
            than what two others share. Fresh initial values: 2^-128 for each two payloads (2^-64 for blocks of 8). Data \
            that is in no blocks has such lengths with 2^-32 and parts at such places with 2^-12 (2^-8): 2^-40 for a \
            kind of payload. A header would have to hold four parts of whole blocks that some messages leave out; two, where \
            one payload, and no other, comes again in another message with others in between.",
    hits: &[
        // AES-256-CBC with one initial value: a template, and texts that begin alike.
        Session {
            payloads: &[
                "7cbdf6cdcc69f928b04fc12b2bb7674d10152c879edb9db235ab9fa4cac4b626",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90cd612433ac0ab9bb73b76ee6a3f944e981e3599e63137605c0547afba4c3e1259",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90ca4a3c46b50c3dd0369497a24d8a79293b2c9915c8e9a19feea36c5a245c7b04df1446d7db03f8dde4f9cf81301ddfba6",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90c7137b2bbc6590c86cf2cc6c7a24b4285a62db05dbaffdaf029b25a5da9aabaef",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90c7137b2bbc6590c86cf2cc6c7a24b4285e055048a7136634dbd249f540bd2e82430af5bda14ac64a7ee1e12037b3652c026c9f02eb9eb70e612a91154c05a2d405b55369b7b338fb575382db4072cba04",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90c7137b2bbc6590c86cf2cc6c7a24b4285e055048a7136634dbd249f540bd2e82430af5bda14ac64a7ee1e12037b3652c097b2396bb236a40ecd67df2016023cae",
                "7cbdf6cdcc69f928b04fc12b2bb7674d24a60f7718cc3b9b20c477f12f61a90ca65630f3d8c638fc5f2042989524da94",
                "7cbdf6cdcc69f928b04fc12b2bb7674decf3e3d01d239725875c2f80d53967e56ebe64421c9d040b02649191962f1643",
                "7cbdf6cdcc69f928b04fc12b2bb7674d215d203f0221e332533b465fa1f5e3fc0663ac6bf91d683e5d01909d80c2284ae22a47b3e68f753c4123f94fc229da1e",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
    misses: &[
        // The same texts with fresh initial values.
        Session {
            payloads: &[
                "0e035ea2cf9127a1fa959b2c60bb9a7fd95ac7f0c1f265f8f78ebaf612dff35615f59159a9a07ecab98fbb70d4002af5",
                "9c03db77f12a101f39a26d2a6e416bbf3520a541d69f83e637a9c3f14ac54be00bc6bdaef34e40ff66b272e56b39f425e033ce27e5ffdb02c4fef7ecc0fcb6dca1425975f389b3ab0642f91bd0cad0d1",
                "6ecd9d29cd5e333751ef47096a54c94874d522f6200d1d0e93569bf65c493bb0c0ec17c55590f121efa51f78efd63bf81260057f31512639a476c1695a8132f0cf43de73c2b82d2fa7c14638d7b3b90a8e73cf39057733b74a6ae8ff8ad60d77",
                "1497feea29f0d448e9faea7a428f1d7cd737db95317cb92298b8743053a1ade878a6408488fe0b01820e8a19aadfb05fa0f4cdc68b2a8e9526c4ee6ee75a2e923ba5fe3fdec97f852dae44e329c44bda",
                "e7095daadf79e4bb5e2369b6b1e0c6ca431987e5596f7f814293d37ec5e132053256e8db362e68740513b2d1d9327c7c80739c6b3adfaa37da7d32c2baeef65f31a09687a9c1dec63b9e33360e29bca61af484cbcb64637a08ef912fec162c6582d3f76dcd246cadb5cd1a0de80bd9c3855f7039b0b978fe0fd506bae10aa5ee",
                "afe48555def07c83bbe68af83b3b11ba7672f543626acce0e2909eb54810c34cc242202db408de4f6b689cf61c3cf790de7eeba4c56433c6e3c97beb642b5456db85ad72c443075276c6ef3319a0ead8da3c7018d155db5512d76e15bab196685c9d509b8076586679200e23e2f165c3",
                "56c2b1dbb141f626d1130f7cd5c773885439a11ad4a846444464bdcaa3738132ce8d7fe732dad7d6039ccb1d6746bfef9eecc497c6e53f20d81262f05ed1d7ca",
                "b21ab5ea8f71b101e41f6d158918b54f1f5608652baad6a9f5146d169dc35490d95703a192af77baeb7ad2aee497ca085b408a26bb0d2db761447a4bf7b7bb3f",
                "6064036ba3842da162bd074c15c62b0625ed91293a87d2ee08c4133f78d7f6e00183f18d561b5f3559e9366042581746c5672c33cbea08ba4d3fa5567aeae0b627c7639cc5b4f5a96d034d2d02904eb7",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
        // Keys in front: whose, which conversation; the first message without the latter; fresh initial values.
        Session {
            payloads: &[
                "7507f9f648880e84d8a17e2a6a5aab3a1be68fee9f7bcc8723539618738b8a1685aed940cc8a502376436c222c3851fb",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d3023a1b08b7ea553787222e3fcc5023bfcdacea03434bac5682adbc6a2c3d76edccc55673029915f70a004935ec96d402a8338ace615651bd9bdd79782bbb614503704294c547d84f865c6d157b0a36c1def5f1b82e80fa3de4d40c06c5ac8eb81bc979c4e11cb3089cce08eaa88aaba1e491e631562661764532489cb6bcda4b5d5",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d3023a1b08b7ea553787222e3fcc5023bfcdacea03434bac5682adbc6a2c3d76edccc7deab048865f9db38a761e630ae2b952633849b84f5bbec934ad8f971752cb13eb243713dd360d4ed3f595380aaeabc9e9a15c3533c804c3d2fb55b1bc402908c1814eb4ea3345d2b3e28ccae57c69016a1f4cfaa86d66ded23260f433ef094ea77732ff5e49709871583faff980fc1e",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30230baa98df87c7896deb25a65ca2de6471cc77ac99e9bb00e6958abdecde28c7341b3f2bce4460b400207c5d71cb4af7a5ecdf4dedd3fa3dea34574a94044a746e3c052bd2ce6e03339d1f8d167cdd6b8566772f6c54e0c7f982fd0f0a89fc7a458733c1cb456289bc88789e189748c3eb881c57df0beca65631e55c190179f81c",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30230baa98df87c7896deb25a65ca2de6471cc77ac99e9bb00e6958abdecde28c734c043a0526cc94aa1fa62fc5290120ef1734f790e6f33ef4524d1bba81cff9fb445212ae455cbb52c20deda53d1de9770b342d585214952bfd259faad9ad028250494b8b189ea2e3b2ae9c134d08badb97e140de051d965ec0bec7e3d18f8832c06e2c0aff560daf766824dc8432a0ac4bc97aaeb91f6e06fc3f9833289a43146c3d558c7bd926e3f281a5e5d69caa5ca",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30230baa98df87c7896deb25a65ca2de6471cc77ac99e9bb00e6958abdecde28c734516bbb73d47f6146222ace288524b37fc2b8e57b1ee10d6841bb55dd46f3ef9035fad92a086f53e640680bf0d09eee4a02b50019f95edabb2185a6052f16869e14f2c85988fe1665f87d701b2d3a90c4e8ef7e0b979a5de80a1ac6667b55295d4dd9e579e6b46c29bdcda885f559a5d9cfe6d567edea2d92e53e62d735acc7cc",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30235d67cc14321f8e539fa06b78f1fa4d397d262e23391acb2e3d5e408815f7d850c7a41fa0734638524adf91acaa8e511f24220f2f7c2af765824f3c0b73cec34cd7ae83ea561a296ecec03c7eaf8e96df6a4682db08377b35aef5cb4e25839a4e98428821e90a3eefa4ec9a48a1ed0ec3",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30235d67cc14321f8e539fa06b78f1fa4d397d262e23391acb2e3d5e408815f7d85083b686bf117907bf399d2ede933a2e35ddcfd9b5490d4743744d096796e86d3da774e06094bb7d5ec1b85cb20bae6d2ea585766722c3d3d6ce48fd26b760ab8e3e1cbe5ae4c96b0039c2d0aa99d67c5f",
                "7507f9f648880e84d8a17e2a6a5aab3a51beea0a1d25672f8f97ca0b5d4882089a71b3fb2e312a3d503b77f5a46d30235d67cc14321f8e539fa06b78f1fa4d397d262e23391acb2e3d5e408815f7d85080c54516e30cf16134459f16fd2a1b60ad323615bef37d1809549eb5c8e3ddac78a5996473119ef6c85e5852e314a42b8a0ad292e8c7163f2ccaa4e30f31bd190f96934c1d776a1777d4fa388e8c24d3c6d32cf6391d4cb58d55857ba86b4ad9",
            ],
            tokens: &[],
            planted: &[],
            second: 0,
        },
    ],
};

/// Different depths at which payloads part, below which a header may explain them.
const DEPTHS: usize = 4;

impl RunDetector for FixedIv {
    fn card(&self) -> &'static RunCard {
        &CARD
    }

    fn on_run(&self, run: &Run<'_>, out: &mut Vec<Find>) {
        for members in run.slots().into_values() {
            out.extend([16, 8].into_iter().find_map(|size| slot(run, &members, size)));
        }
    }
}

fn slot(run: &Run<'_>, members: &[usize], size: usize) -> Option<Find> {
    let mut payloads: Vec<(&[u8], usize)> = Vec::new();
    for index in members {
        let payload = run.payloads.get(*index)?;
        if !payload.is_whole() {
            continue;
        }
        // One that is not in blocks: the kind is not.
        if !payload.bytes.len().is_multiple_of(size) || !run.spend(payload.bytes.len()) {
            return None;
        }
        payloads.push((&payload.bytes, *index));
    }
    // In order, those that begin alike stand side by side; the same again is no second message.
    payloads.sort_unstable();
    payloads.dedup_by_key(|(bytes, _)| *bytes);
    if payloads.len() < if size == 16 { 8 } else { 11 } {
        return None;
    }
    let blocks: BTreeSet<&[u8]> = payloads.iter().flat_map(|(bytes, _)| bytes.chunks_exact(size)).collect();
    if !is_noise(blocks.iter().copied(), size) {
        return None;
    }
    let mut depths: BTreeSet<usize> = BTreeSet::new();
    let mut proof: BTreeSet<usize> = BTreeSet::new();
    let mut deepest: (usize, &[u8]) = (0, &[]);
    for [(one, at), (other, next)] in payloads.array_windows::<2>() {
        let shared = one.iter().zip(*other).take_while(|(a, b)| a == b).count();
        if shared < size {
            continue;
        }
        // A piece of another one, or parted inside a block (one byte more may agree by chance).
        if shared == one.len() || shared % size > 1 {
            return None;
        }
        depths.insert(shared / size);
        proof.extend([*at, *next]);
        deepest = deepest.max((shared / size * size, one));
    }
    let (deep, like) = deepest;
    let beginning = like.get(..size)?;
    let short = payloads.iter().find(|(bytes, _)| bytes.len() <= deep && bytes.starts_with(beginning));
    let mut evidence = depths.len();
    // The same message once more, and nothing else of its kind: as much as two depths.
    if let Some(equal) = again(run, members) {
        evidence += 2;
        proof.extend(equal);
    }
    if evidence < DEPTHS || depths.len() < 2 {
        return None;
    }
    proof.insert(short?.1);
    let first = run.payloads.get(*proof.first()?)?;
    Some(Find {
        detector: CARD.id,
        reason: format!(
            "{} payloads of \"{}\" begin alike for up to {} and part after {} different numbers of them: equal beginnings \
             of messages show as equal ciphertext (a fixed initial value)",
            proof.len(),
            first.label,
            match deep / size {
                1 => format!("one block of {size} bytes"),
                more => format!("{more} blocks of {size} bytes"),
            },
            depths.len()
        ),
        undone: None,
        proof: proof.into_iter().map(Proof::unread).collect(),
    })
}
