"""A second set of fields, from sources and implementations that neither the models nor the development set know.

    heldout.py CACHE OUT

Texts: TinyMCE's and Wagtail's translations. Records: Mimesis. Data: the world's countries as JSON, CSV, XML, GeoJSON and
SVG; Python's own import log. Source code: JavaScript (three.js, fflate minified), C++ (node-addon-api), Python and HTML
(Wagtail), Rust (crates of this project's lock file). Compressors: cramjam (Rust), zopfli, and fflate, pako and snappyjs
(JavaScript). Ciphers: PyCryptodome. Media: the examples of pygame and scikit-image.
"""

import base64, io, json, pathlib, random, re, struct, subprocess, sys

import corpus
from corpus import cut

NPM = ["tinymce-i18n@26.9.21", "world-countries@5.1.0", "three@0.187.0", "fflate@0.8.3", "pako@3.0.3", "snappyjs@0.7.0",
       "node-addon-api@8.9.2"]
PIP = ["cramjam==2.14.0", "mimesis==22.2.0", "pycryptodomex==3.24.2", "pygame-ce==2.5.8", "scikit-image==0.26.0",
       "wagtail==8.0.1", "zopfli==0.4.3"]
SERVE = """
const z = {fflate: require(process.argv[1]), pako: require(process.argv[2]), snappy: require(process.argv[3])};
const run = {zlib: b => z.fflate.zlibSync(b), deflate: b => z.pako.deflateRaw(b), gzip: b => z.fflate.gzipSync(b, {mtime: 0}),
             snappy: b => z.snappy.compress(b)};
require('readline').createInterface({input: process.stdin}).on('line', line => {
  const [name, data] = line.split(' ');
  console.log(Buffer.from(run[name](Buffer.from(data || '', 'base64'))).toString('base64'));
});
"""


def fetch(cache):
    home = cache / "heldout"
    if not (home / "done").exists():
        home.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", str(home), *NPM], check=True)
        subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", "--only-binary", ":all:",
                        "--target", str(home / "python"), *PIP], check=True)
        (home / "done").write_text("")
    sys.path.append(str(home / "python"))
    return home


class HeldOut(corpus.Plain):
    def __init__(self, rng, home):
        from mimesis import Generic, Locale
        self.rng = rng
        node, python = home / "node_modules", home / "python"
        self.texts = {}
        for file in sorted((node / "tinymce-i18n" / "langs8").glob("*.js")):
            raw = file.read_text("utf-8")
            code = {"zh-CN": "zh_Hans", "zh-TW": "zh_Hant", "zh-HK": "zh_Hant", "zh-MO": "zh_Hant"}.get(file.stem, file.stem.split("-")[0])
            pairs = re.findall(r'^\s*"((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)"', raw, re.M)
            pairs = [(key, json.loads('"' + re.sub(r"\\(?!u|n|\"|\\)", "", text) + '"')) for key, text in pairs]
            self.texts.setdefault(code, []).extend(text for key, text in pairs if text != key and len(text) > 3)
        for file in sorted((python / "wagtail").glob("**/locale/*/LC_MESSAGES/django.po")):
            code = file.parts[-3]
            self.texts.setdefault(code.split("_")[0] if not code.startswith("zh") else code, []).extend(corpus.po_strings(file.read_text("utf-8")))
        self.texts = {code: texts for code, texts in self.texts.items() if len(texts) > 150 and sum(map(len, texts)) > 6000}
        self.codes = sorted(self.texts)
        rust = sorted(pathlib.Path.home().glob(".cargo/registry/src/*/memchr-2*/src/**/*.rs")) + sorted(pathlib.Path.home().glob(".cargo/registry/src/*/snap-1*/src/*.rs"))
        code = (sorted((node / "three" / "src").glob("**/*.js"))[::4] + [node / "fflate" / "umd" / "index.js"] + sorted((node / "node-addon-api").glob("*.h"))
                + sorted((python / "wagtail").glob("**/*.py"))[::15] + sorted((python / "wagtail").glob("**/templates/**/*.html"))[::6] + rust)
        self.files = [text for file in code for text in [file.read_text("utf-8", "ignore")] if len(text) > 3000]
        data = node / "world-countries"
        self.countries = json.loads((data / "dist" / "countries-unescaped.json").read_text("utf-8"))
        log = subprocess.run([sys.executable, "-v", "-c", "import asyncio, http.client, email.mime.text"], capture_output=True, text=True).stderr
        self.data = [(data / "dist" / name).read_text("utf-8") for name in ("countries.csv", "countries.xml", "countries.yml")] + [log, log] \
            + [file.read_text("utf-8") for file in sorted((data / "data").glob("*.svg"))[:60]]
        self.shapes = [file.read_text("utf-8") for file in sorted((data / "data").glob("*.json"))[:120]]
        # Their generators are seeded each.
        self.people = [Generic(locale, seed=n) for n, locale in enumerate(
            [Locale.EN, Locale.FR, Locale.ZH, Locale.AR_SA, Locale.RU, Locale.JA, Locale.FA, Locale.TR, Locale.KO, Locale.EL, Locale.KK, Locale.FI])]

    def values(self):
        g = self.rng.choice(self.people)
        return {"fullName": g.person.full_name(), "mail": g.person.email(), "text": g.text.sentence(), "ts": g.datetime.timestamp(), "city": g.address.city(),
                "lon": g.address.longitude(), "v": g.numeric.integer_number(), "seen": g.development.boolean()}

    def json(self, n):
        kind = self.rng.randrange(3)
        if kind == 0:
            raw = self.rng.choice(self.shapes)
        elif kind == 1:
            raw = json.dumps(self.rng.sample(self.countries, min(len(self.countries), n // 3000 + 2)), ensure_ascii=False, separators=(",", ":"))
            raw = raw[self.rng.randrange(len(raw) // 2):]
        else:
            raw = ""
            while len(raw.encode()) < n:
                raw += json.dumps(self.values(), ensure_ascii=False) + "\n"
        while len(raw.encode()) < n:
            raw += raw
        return cut(raw, n)

    def line(self, n):
        raw = self.rng.choice(self.data)
        at = self.rng.randrange(max(1, len(raw) - n))
        return cut(raw[at:at + n], n)

    def record(self, n):
        import cbor2, msgpack, plistlib
        pack = self.rng.choice([msgpack.packb, cbor2.dumps, lambda v: plistlib.dumps(v, fmt=plistlib.FMT_BINARY)])
        out, all = b"", []
        while len(out) < n:
            value = self.values()
            keys = self.rng.sample(sorted(value), self.rng.randrange(1, 8))
            all.append({key: value[key] for key in keys})
            out = pack(all if len(all) > 1 else all[0])
        return out[:n]


def tools(rng, home):
    import cramjam, zopfli, zopfli.zlib, zopfli.gzip
    from Cryptodome.Cipher import AES, ChaCha20_Poly1305, DES3
    node = home / "node_modules"
    server = subprocess.Popen(["node", "-e", SERVE, str(node / "fflate"), str(node / "pako"), str(node / "snappyjs")],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def js(name):
        def run(data):
            server.stdin.write(f"{name} {base64.b64encode(data).decode()}\n")
            server.stdin.flush()
            return base64.b64decode(server.stdout.readline())
        return run

    def one_of(*ways):
        return lambda data: bytes(rng.choice(ways)(data))

    def raw_zopfli(data):
        return zopfli.zlib.compress(data, numiterations=1)[2:-4]

    compress = {
        "gzip": one_of(cramjam.gzip.compress, lambda d: zopfli.gzip.compress(d, numiterations=1), js("gzip")), "zlib": one_of(cramjam.zlib.compress, lambda d: zopfli.zlib.compress(d, numiterations=1), js("zlib")),
        "deflate": one_of(cramjam.deflate.compress, raw_zopfli, js("deflate")), "zstd": one_of(cramjam.zstd.compress), "brotli": one_of(cramjam.brotli.compress),
        "lz4-frame": one_of(cramjam.lz4.compress), "lz4-block": one_of(lambda d: cramjam.lz4.compress_block(d, store_size=False)),
        "snappy": one_of(cramjam.snappy.compress_raw, js("snappy")), "bzip2": one_of(cramjam.bzip2.compress), "xz": one_of(cramjam.xz.compress),
    }
    pad = lambda data, block: data + bytes([block - len(data) % block]) * (block - len(data) % block)
    random_of = rng.randbytes

    def gcm(data):
        iv = random_of(12)
        text, tag = AES.new(random_of(16), AES.MODE_GCM, nonce=iv).encrypt_and_digest(data)
        return iv + text + tag

    seal = {
        "aes-ctr": lambda d: AES.new(random_of(32), AES.MODE_CTR, nonce=random_of(8)).encrypt(d),
        "aes-cbc": lambda d: AES.new(random_of(16), AES.MODE_CBC, iv=random_of(16)).encrypt(pad(d, 16)),
        "aes-gcm": gcm,
        "chacha20-poly1305": lambda d: b"".join(ChaCha20_Poly1305.new(key=random_of(32), nonce=random_of(12)).encrypt_and_digest(d)),
        "3des-cbc": lambda d: DES3.new(DES3.adjust_key_parity(random_of(24)), DES3.MODE_CBC, iv=random_of(8)).encrypt(pad(d, 8)),
    }
    return compress, seal


def media(home):
    files = sorted((home / "python" / "pygame" / "examples" / "data").iterdir()) + sorted((home / "python" / "skimage" / "data").iterdir())
    kinds = {".flac": "flac", ".mp3": "mp3", ".ogg": "vorbis", ".opus": "opus", ".gif": "gif", ".jpg": "jpeg", ".png": "png", ".webp": "webp"}
    return [(kinds[file.suffix], file.read_bytes()) for file in files if file.suffix in kinds and file.stat().st_size > 8000]


def main(cache, out):
    home = fetch(cache)
    rng = random.Random(20261201)
    plain = HeldOut(rng, home)
    corpus.draw(rng, plain, *tools(rng, home), media(home), out, 60)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]).resolve(), sys.argv[2])
