"""Takes the pictures of the how-to: python -m e2e.pictures PROGRAM FOLDER PORT PICTURES.

A Chromium has to listen for its developer tools at PORT: it comes from the machine, not from the
Debian that this runs in.
"""

import asyncio
import base64
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout, ClientWebSocketResponse

from .__main__ import World
from .process import eventually

SHOWN = """
(() => {
  const found = [];
  const walk = (node) => {
    if (node.shadowRoot) walk(node.shadowRoot);
    for (const child of node.childNodes) {
      if (child.nodeType === Node.TEXT_NODE) found.push(child.textContent);
      else if (child.nodeType === Node.ELEMENT_NODE) walk(child);
    }
  };
  walk(document.body);
  return found.join(" ");
})()
"""


class Page:
    """One page of Chromium."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._asked = 0

    async def ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        await self._socket.send_json({"id": self._asked, "method": method, "params": params})
        while True:
            answer = await self._socket.receive_json(timeout=30)
            if answer.get("id") == self._asked:
                return answer["result"]

    async def run(self, script: str) -> Any:
        result = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return result["result"].get("value")

    async def picture(self, url: str, words: str, to: Path) -> None:
        """Goes to a page, waits until it shows the words, and takes a picture."""
        await self.ask("Page.navigate", url=url)

        async def is_shown() -> bool:
            return words in (await self.run(SHOWN) or "")

        try:
            await eventually(f"{words!r} is shown", is_shown, 20)
        except AssertionError:
            print(await self.run("location.href + ' ' + " + SHOWN.strip().rstrip(";")), flush=True)
            to = to.with_suffix(".failed.png")
        # Pages slide in; nothing in them says when that is over.
        await asyncio.sleep(2)
        shot = await self.ask("Page.captureScreenshot", format="png")
        to.write_bytes(base64.b64decode(shot["data"]))
        print(f"took {to.name}", flush=True)


async def main(program: Path, folder: Path, port: int, pictures: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "config").mkdir(parents=True)
    pictures.mkdir(parents=True, exist_ok=True)
    # The pages want the voice assistant's modules, which would have to be compiled.
    for module, name in (("pymicro_vad", "MicroVad"), ("pyspeex_noise", "AudioProcessor")):
        (folder / f"{module}.py").write_text(f"class {name}:\n    pass\n")
    os.environ["PYTHONPATH"] = str(folder)
    async with ClientSession(timeout=ClientTimeout(total=30)) as session:
        world = World(program, folder, session)
        try:
            await world.start()
            for number, subject in enumerate(("ada", "ada", "eve")):
                await world.sso(subject, f"s-{number}")
            await world.log_out(sid="s-0")
            await take(world, session, port, pictures)
        finally:
            await world.stop()


async def take(world: World, session: ClientSession, port: int, pictures: Path) -> None:
    # Onboarding is not over, and every page would lead there.
    home, owner = world.home, world.owner
    for step in ("core_config", "analytics"):
        await home.call(f"/api/onboarding/{step}", {}, token=owner.access)
    await home.call(
        "/api/onboarding/integration",
        {"client_id": home.client, "redirect_uri": home.client},
        token=owner.access,
    )
    tools = f"http://127.0.0.1:{port}/json/new?about:blank"
    async with session.put(tools) as response:
        debugger = (await response.json())["webSocketDebuggerUrl"]
    async with session.ws_connect(debugger, max_msg_size=0) as socket:
        page = Page(socket)
        await page.ask(
            "Emulation.setDeviceMetricsOverride",
            width=1100,
            height=760,
            deviceScaleFactor=1,
            mobile=False,
        )
        await page.ask("Page.navigate", url=f"{home.base}/manifest.json")
        tokens = {
            "access_token": owner.access,
            "refresh_token": owner.refresh,
            "token_type": "Bearer",
            "expires_in": 1800,
            "hassUrl": home.base,
            "clientId": home.client,
            "expires": int(1000 * time.time()) + 1_700_000,
        }
        stored = json.dumps(json.dumps(tokens))

        async def is_kept() -> bool:
            script = f"localStorage.setItem('hassTokens', {stored}); location.pathname"
            return await page.run(script) == "/manifest.json"

        await eventually("the login is kept", is_kept)
        await page.picture(
            f"{home.base}/config/integrations/integration/signout",
            "127.0.0.1",
            pictures / "integration.png",
        )
        await world.service.stop()
        await home.follows(owner.access, "off")

        async def is_said() -> bool:
            return "feed_down" in await home.issues(owner)

        await eventually("the repair issue", is_said, 30)
        await page.picture(
            f"{home.base}/config/repairs", "The signout service is away", pictures / "repair.png"
        )


if __name__ == "__main__":
    asyncio.run(
        main(
            Path(sys.argv[1]).resolve(),
            Path(sys.argv[2]).resolve(),
            int(sys.argv[3]),
            Path(sys.argv[4]).resolve(),
        )
    )
