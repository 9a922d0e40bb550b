"""Evidently's HTML as one small page that loads nothing: scripts compressed, ids that repeat, our own title and notes.

Evidently embeds a library of 3.5 MB in each page. Compressed and unpacked by the browser it is a third of that.
"""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Sequence
from html import escape

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_LONG_NUMBER = re.compile(r"-?\b\d+\.\d{7,}(?:[eE][-+]?\d+)?\b")
_RANDOM_ID = re.compile(r"metric_[0-9a-f]{32}\b|\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_FONT_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)

POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
    "img-src data: blob:; font-src data:; form-action 'none'; base-uri 'none'"
)
"""The page's own content security policy: even a changed page could load nothing."""

_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{font}</style>
<style>
body {{ margin: 0; background: #fff; color: #1f2430; font: 15px/1.5 system-ui, sans-serif; }}
header {{ padding: 1rem 1.5rem; border-bottom: 1px solid #e5e7eb; }}
h1 {{ font-size: 1.25rem; margin: 0 0 .25rem; }}
header p, header ul {{ margin: .25rem 0; max-width: 70rem; }}
#state {{ padding: 1rem 1.5rem; }}
#{root} {{ overflow-x: auto; }}
</style>
</head>
<body>
<header><h1>{title}</h1>{notes}</header>
<p id="state">Unpacking the report…</p>
<noscript>This report is drawn by a script; allow scripts for this page, or read the JSON file beside it.</noscript>
<div id="{root}"></div>
<script id="packed" type="text/plain">{packed}</script>
<script>
(async () => {{
  const text = document.getElementById("packed").textContent;
  const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  const unpacked = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  for (const source of await new Response(unpacked).json()) {{
    const script = document.createElement("script");
    script.textContent = source;
    document.body.append(script);
  }}
  document.getElementById("state").remove();
}})().catch((error) => {{
  document.getElementById("state").textContent =
    "This browser could not unpack the report (" + error + "); read the JSON file beside it.";
}});
</script>
</body>
</html>
"""


def self_contained(html: str, title: str, notes: Sequence[str]) -> bytes:
    """Return Evidently's page as one file that needs no network; the same report gives the same bytes.

    Args:
        html: what `Snapshot.get_html_str(as_iframe=False)` returned.
        title: what the page is about.
        notes: sentences shown above the report: rows, dates, what was left out and why.

    Raises ValueError when the page is not built as Evidently 0.7 builds it.
    """
    html = _repeatable(html)
    scripts = _SCRIPT.findall(html)
    font = _FONT_STYLE.search(html)
    root = re.search(r'<div id="(root_\w+)">', html)
    if len(scripts) < 3 or font is None or root is None:
        raise ValueError("Evidently's page has another shape than 0.7's; adapt parivision_assets/quality/pages.py")
    # The last digits of a sum differ from process to process, and nobody sees them.
    scripts[0] = _LONG_NUMBER.sub(lambda found: f"{float(found.group()):.6g}", scripts[0])
    packed = gzip.compress(json.dumps(scripts, ensure_ascii=False).encode(), 9, mtime=0)
    items = "".join(f"<li>{escape(note)}</li>" for note in notes)
    page = _TEMPLATE.format(
        policy=POLICY,
        title=escape(title),
        font=font.group(1),
        notes=f"<ul>{items}</ul>" if items else "",
        root=root.group(1),
        packed=base64.b64encode(packed).decode(),
    )
    return page.encode()


def _repeatable(html: str) -> str:
    """Return the page with its random ids numbered in the order in which they appear."""
    numbers: dict[str, str] = {}
    return _RANDOM_ID.sub(lambda found: numbers.setdefault(found.group(), f"part_{len(numbers) + 1}"), html)
