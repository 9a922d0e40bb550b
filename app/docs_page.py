"""`/docs`: a service's OpenAPI document as a page to read, which loads nothing from anywhere else."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.responses import HTMLResponse

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}</title>
<style>
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 0 auto; padding: 1rem; }
summary { cursor: pointer; padding: .25rem 0; }
summary code, h2 { font-weight: 600; }
dd { margin: 0 0 .5rem 1rem; }
dt, dd { overflow-wrap: anywhere; }
pre { overflow-x: auto; padding: .5rem; border: 1px solid; border-radius: .25rem; }
details { border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
</style>
<h1>{{ title }}</h1>
{% for paragraph in description %}<p>{{ paragraph }}</p>{% endfor %}
<p>The same for programs: <a href="openapi.json">openapi.json</a>. Kinds of errors: <a href="problems">problems</a>.</p>
{% for tag, operations in groups.items() %}
<h2>{{ tag }}</h2>
{% for one in operations %}
<details id="{{ one.id }}">
<summary><code>{{ one.method }} {{ one.path }}</code> {{ one.words }}</summary>
{% if one.fields %}
<dl>
{% for field in one.fields %}
<dt><code>{{ field.name }}</code>{% if field.is_needed %} (needed){% endif %} <small>{{ field.kind }}</small></dt>
<dd>{{ field.words }}</dd>
{% endfor %}
</dl>
{% endif %}
{% for example in one.examples %}<pre>{{ example }}</pre>{% endfor %}
<dl>
{% for status, words in one.answers %}<dt>{{ status }}</dt><dd>{{ words }}</dd>{% endfor %}
</dl>
</details>
{% endfor %}
{% endfor %}
</html>
"""


@dataclass(frozen=True)
class Field:
    """One value that an operation takes."""

    name: str
    kind: str
    words: str
    is_needed: bool


@dataclass(frozen=True)
class Operation:
    """One operation as the page shows it."""

    id: str
    method: str
    path: str
    words: str
    fields: list[Field]
    examples: list[str]
    answers: list[tuple[str, str]]


def serve_docs(app: FastAPI) -> None:
    """Add `/docs` to an application that was made with `docs_url=None`."""

    @cache
    def page() -> str:
        import jinja2

        template = jinja2.Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
        document = app.openapi()
        groups: dict[str, list[Operation]] = {}
        for tag, operation in operations(document):
            groups.setdefault(tag, []).append(operation)
        paragraphs = document["info"].get("description", "").strip().split("\n\n")
        return template.render(title=app.title, description=paragraphs, groups=groups)

    def docs() -> HTMLResponse:
        return HTMLResponse(page(), headers={"Content-Security-Policy": POLICY})

    app.add_api_route("/docs", docs, include_in_schema=False)


def operations(document: Mapping[str, Any]) -> Iterator[tuple[str, Operation]]:
    """Yield the operations of an OpenAPI document with their first tags, in the document's order."""
    schemas = document.get("components", {}).get("schemas", {})
    for path, methods in document["paths"].items():
        for method, one in methods.items():
            body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
            taken = _resolved(body, schemas)
            parameters = [
                Field(p["name"], _kind(p["schema"], schemas), p.get("description", ""), p.get("required", False))
                for p in one.get("parameters", ())
            ]
            shown = Operation(
                id=one["operationId"],
                method=method.upper(),
                path=path,
                words=one.get("description", ""),
                fields=[*parameters, *_fields(taken, schemas)],
                examples=[json.dumps(example, indent=2, ensure_ascii=False) for example in taken.get("examples", ())],
                answers=[(status, answer["description"]) for status, answer in sorted(one["responses"].items())],
            )
            yield one.get("tags", ["other"])[0], shown


def _fields(schema: Mapping[str, Any], schemas: Mapping[str, Any], prefix: str = "") -> Iterator[Field]:
    needed = schema.get("required", ())
    for name, value in schema.get("properties", {}).items():
        yield Field(prefix + name, _kind(value, schemas), value.get("description", ""), name in needed and not prefix)
        inner = [_resolved(part, schemas) for part in (value, *value.get("anyOf", ()), value.get("items", {}))]
        for part in inner:
            if part is not value and "properties" in part:
                dots = "[]." if "items" in value else "."
                yield from _fields(part, schemas, f"{prefix}{name}{dots}")


def _kind(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return in words what values a schema takes."""
    found = _resolved(schema, schemas)
    if "anyOf" in found:
        return " or ".join(_kind(part, schemas) for part in found["anyOf"] if part.get("type") != "null")
    if "enum" in found:
        return ", ".join(map(str, found["enum"]))
    kind = str(found.get("format") or found.get("type", ""))
    low, high = found.get("minimum"), found.get("maximum")
    if low is not None and high is not None:
        return f"{kind} from {low:g} to {high:g}"
    return kind


def _resolved(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    return schema if reference is None else schemas[reference.rpartition("/")[2]]
