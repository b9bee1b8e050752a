"""HTTP Archives of headless Chromium: by Playwright, and by chrome-har from what the DevTools tell."""

import gzip
import json
import os
import subprocess
import time

NEEDS = (
    "chromium, node, hypercorn; the npm packages playwright-core and chrome-har in the folder NODE_MODULES, "
    "and CHROMIUM where the browser is not /usr/bin/chromium"
)

PAGE = """<!doctype html><title>Chatterly</title><script>
async function talk() {
  const post = (path, body, type) => fetch(path, {method: 'POST', body, headers: type ? {'Content-Type': type} : {}});
  await post('/v1/send', JSON.stringify({to: 'bob', text: 'The heron lands at dusk'}), 'application/json');
  await post('/v1/emoji', 'The owl \\ud83e\\udd89 hoots, half of it \\ud83e', 'text/plain');
  await post('/v1/form', new URLSearchParams({text: 'The bittern booms before dawn'}));
  const upload = new FormData();
  upload.append('note', 'The grebe dives at noon');
  upload.append('photo', new Blob([new Uint8Array(256).map((_, n) => n)], {type: 'image/png'}), 'a.png');
  await post('/v1/upload', upload);
  const bytes = new TextEncoder().encode('..The dunlin feeds at low tide..');
  bytes[0] = 0xff; bytes[31] = 0x80;
  await post('/v1/bytes', bytes, 'application/octet-stream');
  navigator.sendBeacon('/v1/beacon', 'The coot nests in the reeds');
  await (await fetch('/v1/inbox')).text();
  await (await fetch('/v1/picture')).arrayBuffer();
  await new Promise((done) => {
    const socket = new WebSocket('wss://' + location.host + '/live');
    socket.onopen = () => socket.send('The egret waits by the weir');
    socket.onmessage = () => { socket.close(); done(); };
  });
  document.title = 'done';
}
talk();
</script>"""

SCRIPT = """
const { chromium } = require('playwright-core');
const { harFromMessages } = require('chrome-har');
const fs = require('fs');
(async () => {
  const [folder, browserPath] = process.argv.slice(2);
  const browser = await chromium.launch({
    executablePath: browserPath,
    args: ['--no-sandbox', '--disable-quic', '--host-resolver-rules=MAP chat.heron.example 127.20.9.20'],
  });
  const context = await browser.newContext({
    ignoreHTTPSErrors: true, recordHar: { path: folder + '/playwright.har', content: 'embed' },
  });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  const told = [];
  await devtools.send('Page.enable');
  await devtools.send('Network.enable');
  for (const name of ['Page.loadEventFired', 'Page.domContentEventFired', 'Page.frameStartedLoading',
    'Page.frameAttached', 'Page.frameScheduledNavigation', 'Page.navigatedWithinDocument',
    'Network.requestWillBeSent', 'Network.requestServedFromCache', 'Network.dataReceived',
    'Network.responseReceived', 'Network.resourceChangedPriority', 'Network.loadingFinished',
    'Network.loadingFailed', 'Network.webSocketCreated', 'Network.webSocketWillSendHandshakeRequest',
    'Network.webSocketHandshakeResponseReceived', 'Network.webSocketFrameSent', 'Network.webSocketFrameReceived',
    'Network.webSocketClosed', 'Network.requestWillBeSentExtraInfo', 'Network.responseReceivedExtraInfo']) {
    devtools.on(name, (params) => told.push({ method: name, params }));
  }
  await page.goto('https://chat.heron.example/');
  await page.waitForFunction(() => document.title === 'done', null, { timeout: 20000 });
  await page.waitForTimeout(500);
  fs.writeFileSync(folder + '/devtools.har', JSON.stringify(harFromMessages(told, {}), null, 1));
  await context.close();
  await browser.close();
})().catch((error) => { console.error(error); process.exit(1); });
"""


async def app(scope, receive, send):
    """The vendor's server."""
    if scope["type"] == "lifespan":
        while True:
            event = (await receive())["type"]
            await send({"type": event + ".complete"})
            if event == "lifespan.shutdown":
                return
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        event = await receive()
        await send({"type": "websocket.send", "text": "heard: " + str(event.get("text"))})
        await receive()
        return
    more = True
    while more:
        more = (await receive()).get("more_body", False)
    path, headers = scope["path"], [(b"content-type", b"application/json")]
    answer = b'{"ok":true}'
    if path == "/":
        answer, headers = PAGE.encode(), [(b"content-type", b"text/html; charset=utf-8")]
    if path == "/v1/inbox":
        answer = gzip.compress(json.dumps({"text": "The ruff dances on the mere"}).encode(), mtime=0)
        headers.append((b"content-encoding", b"gzip"))
    if path == "/v1/picture":
        answer, headers = bytes(range(256)), [(b"content-type", b"image/png")]
    headers.append((b"content-length", str(len(answer)).encode()))
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


def play(stage):
    import asyncio
    import threading

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    config = Config()
    config.loglevel = "CRITICAL"
    config.bind = ["127.20.9.20:443"]
    config.certfile = config.keyfile = str(stage.authority.issue("chat.heron.example"))
    config.alpn_protocols = ["h2", "http/1.1"]
    loop = lambda: asyncio.run(serve(app, config, shutdown_trigger=asyncio.Event().wait))  # noqa: E731
    threading.Thread(target=loop, daemon=True).start()
    time.sleep(1)
    script = stage.folder / "browse.js"
    script.write_text(SCRIPT)
    browser = os.environ.get("CHROMIUM", "/usr/bin/chromium")
    env = {**os.environ, "NODE_PATH": os.environ["NODE_MODULES"], "HOME": str(stage.folder)}
    subprocess.run(["node", str(script), str(stage.folder), browser], env=env, check=True, timeout=90)
    names = {"chromium_playwright.har": "playwright.har", "chromium_devtools.har": "devtools.har"}
    return {name: (stage.folder / file).read_bytes() for name, file in names.items()}
