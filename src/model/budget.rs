//! Every bound on what an input can make us hold or do, in one place. Each one that bites is told in coverage.

/// Flows one worker keeps open; the idlest is closed when a new one would go over.
pub const OPEN_FLOWS: usize = 250_000;
/// Of them, TCP connections that carried payload, and as many UDP flows.
pub const ACTIVE_FLOWS: usize = 50_000;
/// Connections that were reset, or ended as far as seen, and wait for stragglers.
pub const ENDING_FLOWS: usize = 2_048;
/// Connections that are over and remembered so that late copies of their packets open nothing.
pub const CLOSED_FLOWS: usize = 20_000;
/// Flows listed one by one in a report; the rest are summed by host, protocol and opacity.
pub const LISTED_FLOWS: usize = 20_000;
/// Bytes held out of order for one direction of one TCP connection.
pub const REASSEMBLY_BYTES: usize = 4 << 20;
/// Bytes held out of order over all connections of one worker.
pub const REASSEMBLY_TOTAL: usize = 24 << 20;
/// Bytes held behind a hole that the receiver has acknowledged, so that it was lost by the capture alone.
pub const REASSEMBLY_ACKED: usize = 1 << 20;
/// Segments of one connection whose other reading is looked at; the rest are counted.
pub const OTHER_READINGS: usize = 256;
/// Bytes of incomplete IP fragments.
pub const FRAGMENT_BYTES: usize = 4 << 20;
/// Seconds of silence, in capture time, after which a UDP flow is closed.
pub const UDP_IDLE_SECONDS: i64 = 120;
/// Seconds of silence, in capture time, after which a TCP connection is closed.
pub const TCP_IDLE_SECONDS: i64 = 3_600;
/// Seconds, in capture time, that a connection's stragglers are waited for.
pub const ENDING_SECONDS: i64 = 30;
/// Bytes looked at, per direction, before an unrecognised stream is taken as raw.
pub const PROBE_BYTES: usize = 4_096;
/// Streams nested in one another (a tunnel in a tunnel …).
pub const STREAM_DEPTH: usize = 8;
/// Child streams one dissector may have open.
pub const CHILD_STREAMS: usize = 10_000;
/// Bytes of one message part; a longer body goes on in a next part.
pub const PART_BYTES: usize = 8 << 20;
/// Bytes of one piece of a part under memory pressure, and of unrecognised streams.
pub const PART_PIECE: usize = 256 << 10;
/// Bytes repeated at the start of a next part, so that a value cut by the bound is still found.
pub const PART_OVERLAP: usize = 4_096;
/// Bytes of unfinished messages held over all streams of one worker.
pub const MESSAGE_TOTAL: usize = 32 << 20;
/// Bytes of one message head (request line and headers).
pub const HEAD_BYTES: usize = 256 << 10;
/// Headers of one message, and trailers.
pub const HEADERS: usize = 2_000;
/// Requests of one connection that wait for their response.
pub const PIPELINED: usize = 10_000;
/// One line of framing inside a message (chunk sizes with their extensions …).
pub const FRAMING_LINE: usize = 16 << 10;
/// Bytes of TLS records that one direction holds back while it waits for the other's handshake.
pub const TLS_HELD_BYTES: usize = 128 << 10;
/// Bytes of one TLS handshake message that are looked at; longer ones are skipped.
pub const TLS_MESSAGE_BYTES: usize = 256 << 10;
/// Bytes one TLS direction may spend on trying records with other keys and numbers after a loss.
pub const TLS_TRIAL_BYTES: u64 = 64 << 20;
/// Fragments of one DTLS handshake message.
pub const DTLS_FRAGMENTS: usize = 1_024;
/// Handshake messages of one DTLS direction that are put together or remembered.
pub const DTLS_MESSAGES: usize = 64;
/// Bytes of DTLS records that come before the handshake that names their keys, and wait for it.
pub const DTLS_HELD_BYTES: usize = 64 << 10;
/// Epochs of one DTLS direction whose keys are kept.
pub const DTLS_EPOCHS: usize = 8;
/// QUIC connections of one conversation that are followed at once.
pub const QUIC_CONNECTIONS: usize = 16;
/// Connection IDs of one side of a QUIC connection that are remembered.
pub const QUIC_IDS: usize = 64;
/// Bytes of QUIC packets that come before the hello that names their keys, and wait for it.
pub const QUIC_HELD_BYTES: usize = 128 << 10;
/// Bytes of one QUIC stream that wait for others in front of them.
pub const QUIC_STREAM_BYTES: usize = 2 << 20;
/// Bytes of all streams of one QUIC connection that wait.
pub const QUIC_WAITING_BYTES: usize = 8 << 20;
/// Bytes that one direction of a QUIC connection may spend on trying keys that do not open.
pub const QUIC_TRIAL_BYTES: u64 = 64 << 20;
/// Field sections of one HTTP/3 connection that wait for entries of the dynamic table.
pub const QPACK_BLOCKED: usize = 256;
/// Datagrams of one conversation, and their bytes, that wait for others to show what they are.
pub const DATAGRAMS_HELD: usize = 8;
/// Media sources of one conversation that are told one by one.
pub const MEDIA_STREAMS: usize = 64;
/// Of them, those whose first packets are kept.
pub const MEDIA_SAMPLED: usize = 6;
/// Bytes of packets kept of one media stream, with what keeping each costs: five seconds of G.711 and a little more.
pub const MEDIA_SAMPLE_BYTES: usize = 72 << 10;
/// Bytes of packets kept of all media streams of one worker.
pub const MEDIA_TOTAL: usize = 8 << 20;
/// Keys of media kept from one run.
pub const MEDIA_KEYS: usize = 256;
/// Seconds of a call that a report plays.
pub const CLIP_SECONDS: usize = 5;
/// Attributes of one STUN message.
pub const STUN_ATTRIBUTES: usize = 256;
/// Keys of each kind that are tried on a WireGuard conversation.
pub const WIREGUARD_KEYS: usize = 256;
/// Sessions of one WireGuard conversation whose keys are kept.
pub const WIREGUARD_SESSIONS: usize = 256;
/// Tunnels of one worker whose packets are followed at once.
pub const TUNNELS: usize = 256;
/// Decoding steps one inside the other.
pub const FIELD_DEPTH: usize = 64;
/// Decoders that undo a whole layer (gzip in base64 in gzip …) one inside the other.
pub const LAYER_DEPTH: usize = 12;
/// Containers of one format one inside the other that get a place of their own in trails; deeper ones count to it.
pub const NESTING: usize = 512;
/// Bytes that stand beside the messages of one connection, of one kind, that are joined.
pub const MARGIN_BYTES: usize = 16 << 10;
/// Compressed streams of one worker that are followed from message to message.
pub const CONTINUED: usize = 64;
/// Of them, those that one direction of a conversation has at once.
pub const CONTINUED_OF_ONE: usize = 8;
/// Uploads in pieces that are remembered of one conversation.
pub const RANGED: usize = 64;
/// Fields of one message.
pub const FIELDS: usize = 250_000;
/// Bytes that all decoders of one message may put out together.
pub const DECODED_BYTES: usize = 32 << 20;
/// Bytes that guesses at one message's encodings may cost together, right or wrong.
pub const GUESSED_BYTES: usize = 128 << 20;
/// Output bytes for each input byte of one decompression, beyond the first [`RATIO_FREE`].
pub const RATIO: usize = 1_000;
/// Output of one decompression that is allowed whatever the ratio.
pub const RATIO_FREE: usize = 1 << 20;
/// Bytes that a file of evidence may unpack to whatever the ratio.
pub const UNPACKED_FREE: u64 = 16 << 30;
/// Sightings kept from one message.
pub const MESSAGE_SIGHTINGS: usize = 1_000;
/// Sightings kept from one run.
pub const SIGHTINGS: usize = 50_000;
/// Encoded values inside one longer text that are looked into.
pub const EMBEDDED_RUNS: usize = 256;
/// Compressed streams, each behind a header, that are told apart in one field.
pub const PREFIXED_STREAMS: usize = 1_024;
/// Leftovers of decoders that others are asked about, in one message.
pub const RESTS: usize = 64;
/// Opaque payloads remembered per flow (the longest).
pub const FLOW_PAYLOADS: usize = 8;
/// Distinct facts remembered per flow, beside those that are weaknesses.
pub const FLOW_FACTS: usize = 32;
/// DNS answers that lead over other names, remembered by each worker.
pub const ALIASES: usize = 16_384;
/// Distinct blind spots remembered per flow.
pub const FLOW_BLIND: usize = 16;
/// One pcapng block or pcap record.
pub const BLOCK_BYTES: usize = 64 << 20;
/// Conversations with the same two ends that are held against each other, of all captures.
pub const TWINS: usize = 512;
/// Changes of who spoke, between the same two ends, that are kept of one capture.
pub const OWNERS: usize = 100_000;
/// Processes of one pcapng section.
pub const PROCESSES: usize = 65_536;
/// Bytes of a trace of sockets.
pub const TRACE_BYTES: u64 = 64 << 20;
/// Sockets of a trace.
pub const TRACE_ENTRIES: usize = 500_000;
/// Bytes of a log of an app's encryption.
pub const HOOK_BYTES: u64 = 64 << 20;
/// Keys, with their initial values, of such a log.
pub const HOOKS: usize = 10_000;
/// Texts that are kept of one of them.
pub const HOOK_TEXTS: usize = 64;
/// Elementary steps that trying the logged keys of a run may take.
pub const HOOK_WORK: u64 = 96 << 20;
/// Lists and maps one inside the other in a flow file.
pub const FLOW_FILE_DEPTH: usize = 64;
/// WebSocket handshakes of a flow file that wait for the conversation they began.
pub const FLOW_FILE_HANDSHAKES: usize = 10_000;
/// Interfaces of one pcapng section.
pub const INTERFACES: usize = 65_536;
/// Bytes of a key log.
pub const KEY_LOG_BYTES: u64 = 1 << 30;
/// Lines of a key log.
pub const KEY_LOG_LINES: usize = 10_000_000;
/// Bytes of a file with a Protocol Buffers schema.
pub const PROTO_BYTES: u64 = 16 << 20;
/// Message types of all schemas that are given.
pub const PROTO_TYPES: usize = 20_000;
/// Base-2 logarithm of the largest zstd window accepted.
pub const ZSTD_WINDOW_LOG: u32 = 27;
/// Sightings by rule of one kind of data that one worker keeps of a dump.
pub const DUMP_SIGHTINGS: usize = 25;
/// Distinct identifiers of people that one worker keeps of a dump.
pub const EXPOSED_IDENTIFIERS: usize = 1_000_000;
/// Distinct sets of people who wrote to each other that one worker keeps.
pub const EXPOSED_CONVERSATIONS: usize = 500_000;
/// Pairs of people who wrote to or called each other, as often as they share a conversation.
pub const LINKED_PAIRS: usize = 2_000_000;
/// Ransom notes that are listed.
pub const EXTORTION_NOTES: usize = 100;
/// Records from which the roles of a dump's fields are learned.
pub const LEARNED_RECORDS: usize = 4_096;
/// Of each table, those that are learned from however large they are.
pub const LEARNED_LEAST: usize = 64;
/// Bytes of them.
pub const LEARNED_BYTES: usize = 32 << 20;
/// Kinds of fields of a dump that one worker tells apart at once; beyond, it forgets them all and begins anew.
pub const STORE_FIELDS: usize = 16_384;
/// Structures of records that one worker remembers; what comes beyond is read without.
pub const STENCILS: usize = 4_096;
/// Bytes between the values of all of them.
pub const STENCIL_BYTES: usize = 1 << 20;
/// Fields and containers of all of them.
pub const STENCIL_NODES: usize = 1 << 16;
/// Bytes of one record whose structure is remembered.
pub const STENCIL_RECORD: usize = 64 << 10;
/// Records that are looked at for a structure: where so many had none that was known, the next ones have none, either.
pub const STENCIL_TRIES: usize = 1 << 15;
/// Tables of one SQL dump that are told apart.
pub const STORE_TABLES: usize = 4_096;
/// Files of a folder that is a store.
pub const LISTED_FILES: usize = 10_000;
/// Folders one inside the other in it.
pub const LISTED_FOLDERS: usize = 16;
/// Bytes of one record of a dump; longer ones are skipped.
pub const RECORD_BYTES: usize = 8 << 20;
/// Doors of stores in one file.
pub const DOORS: usize = 10_000;
/// Bytes of a file of doors.
pub const DOOR_FILE: usize = 16 << 20;
/// Bytes of a door's answer that are read.
pub const DOOR_BYTES: usize = 256 << 10;
/// Seconds that one door is waited for, in all.
pub const DOOR_SECONDS: u64 = 5;
/// Names that a door's answer may list.
pub const DOOR_HOLDINGS: usize = 1_000;
/// Characters of one of them.
pub const DOOR_NAME: usize = 200;
/// Losses of a dump that are told one by one; the rest are counted.
pub const LOSS_NOTES: usize = 5;
/// Opaque payloads of one run that are held against each other.
pub const PAYLOADS: usize = 8_192;
/// Bytes of them, the length of each rounded up to a power of two.
pub const PAYLOADS_BYTES: usize = 16 << 20;
/// Those of one kind and length: an upload in pieces leaves room for messages.
pub const KIND_PAYLOADS: usize = 4_096;
/// Bytes of these, rounded up likewise.
pub const KIND_PAYLOADS_BYTES: usize = 1 << 20;
/// First bytes of one of them that are kept.
pub const PAYLOAD_BYTES: usize = 16 << 10;
/// Short values of one run that are tried as keys, and looked at for others.
pub const TOKENS: usize = 2_048;
/// Bytes of such a value.
pub const TOKEN_BYTES: usize = 96;
/// Such values that are taken from one message.
pub const MESSAGE_TOKENS: usize = 64;
/// Elementary steps (bytes compared, blocks deciphered) that one detector may spend on a whole run.
pub const RUN_WORK: u64 = 96 << 20;
/// How many times [`RUN_WORK`] trying values as keys may take: each payload with what stands beside it in its message.
pub const KEYS_BESIDE: u64 = 8;
/// The same: all payloads with all values that were sent, as they are.
pub const KEYS_SENT: u64 = 8;
/// The same: with what is easily made of these values.
pub const KEYS_MADE: u64 = 16;
/// The same: unwrapping values with others.
pub const KEYS_WRAPPED: u64 = 1;
/// The same: stretching values, and trying what comes out.
pub const KEYS_STRETCHED: u64 = 2;
/// The same: payloads with something in front, or with a key in them.
pub const KEYS_FRAMED: u64 = 2;
/// The same: making keys of values and names.
pub const KEYS_NAMED: u64 = 2;
/// The same: all payloads with the keys that opened some.
pub const KEYS_KNOWN: u64 = 4;
/// Bytes that a compressed text may unpack to that is to prove a key.
pub const PROVING_BYTES: usize = 1 << 20;
/// Messages that are listed as proof of one weakness.
pub const EXHIBITS: usize = 50;
/// Bytes of a payload that an exhibit shows as they were sent, and as they were recovered.
pub const EXHIBIT_BYTES: usize = 512;
/// Kinds of message of one flow, each way, of which is kept how they look.
pub const FLOW_PORTRAITS: usize = 4;
/// Messages of one shard that are drawn so.
pub const PORTRAITS: usize = 2_000;
/// Ranges of one of them.
pub const PORTRAIT_PIECES: usize = 48;
/// Bytes of a field whose entropy is measured.
pub const PORTRAIT_BYTES: usize = 64 << 10;
/// Fields of one capture that are held against those of other runs of the same action, in one shard.
pub const PAIR_FIELDS: usize = 16 << 10;
/// First bytes of such a field that are kept.
pub const PAIR_VALUE: usize = 64;
/// Changes between two runs that are listed.
pub const PAIR_CHANGES: usize = 100;
/// Kinds of message that are listed as not in both runs alike.
pub const PAIR_APART: usize = 20;
/// Messages in an unknown protocol that are held against one another, each way.
pub const GLIMPSES: usize = 16;
/// Bytes kept of each.
pub const GLIMPSE_BYTES: usize = 128;
/// Fields of flows whose pieces are kept, for each worker's share of them.
pub const SPELLED_PLACES: usize = 4_096;
