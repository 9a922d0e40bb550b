"""Serving bundles: a folder of open-format files with a manifest of digests, and which one is a target's champion.

Layout under a root: `bundles/{digest}/…` with `manifest.json`, whose sha256 is the bundle's digest, and
`champions/{target}.json` and `assets/{name}.json`. The ledger decides who is champion; the pointer here follows it.
Nothing is unpickled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from parivision_assets.stores import atomic
from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError, digest_of
from parivision_assets.stores.pointers import LocalPointers, checked_name, to_json, update

MANIFEST = "manifest.json"
OPEN_FORMATS = frozenset({".json", ".ubj", ".onnx", ".parquet", ".csv", ".txt", ".md", ".png", ".svg", ".html"})
"""What a bundle may hold; a format that runs code when it is read (pickle, joblib, skops) is not among them."""


@dataclass(frozen=True)
class BundleRef:
    """Where a bundle is; its digest covers every file and the metadata."""

    digest: str
    path: Path


@dataclass(frozen=True)
class Bundle:
    """A bundle whose every byte has been checked."""

    ref: BundleRef
    metadata: dict[str, Any]
    files: dict[str, bytes]


@dataclass(frozen=True)
class Champion:
    """Which bundle a target serves, and the number of the ledger's decision that says so."""

    target: str
    digest: str
    decision: int


class BundleStore:
    """Bundles and champions under one local root; safe for many processes at once."""

    def __init__(self, root: Path | str) -> None:
        """Use `root`, which need not exist yet."""
        self.root = Path(root)
        self._scratch = self.root / "scratch"
        self._champions = LocalPointers(self.root / "champions", self._scratch)
        self._assets = LocalPointers(self.root / "assets", self._scratch)

    def write_bundle(self, files: Mapping[str, bytes], metadata: Mapping[str, Any]) -> BundleRef:
        """Store a bundle; the same files and metadata again change nothing and give the same digest.

        `files` maps relative names (`model/model.ubj`) to content; `metadata` (target, model version, features,
        data versions…) must be JSON. Raises ValueError for a name that leaves the folder or a format that is not
        open, StoreError in plain words when it cannot be written.
        """
        for name in files:
            _check_name(name)
        digests = {name: digest_of(files[name]) for name in sorted(files)}
        manifest = to_json({"files": digests, "metadata": dict(metadata)})
        ref = BundleRef(digest_of(manifest), self.root / "bundles" / digest_of(manifest))
        if self._is_whole(ref):
            return ref
        with (
            self._champions.exclusive(),
            atomic.plain_errors(ref.path),
            atomic.unfinished(self._scratch) as folder,
            atomic.unfinished(self._scratch) as damaged,
        ):
            folder.mkdir()
            for name, data in {**files, MANIFEST: manifest}.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                atomic.write_synced(folder / name, data)
            for inner in sorted(path for path in folder.rglob("*") if path.is_dir()):
                atomic.sync_folder(inner)
            atomic.sync_folder(folder)
            if ref.path.exists() and not self._is_whole(ref):
                os.rename(ref.path, damaged)  # noqa: PTH104 - tests inject crashes at the functions of os
            if not ref.path.exists():
                atomic.publish(folder, ref.path)
        return ref

    def read_bundle(self, digest: str) -> Bundle:
        """Return a bundle after checking every file against the manifest, and the manifest against the digest.

        Raises StoreAbsentError when there is none, StoreDamagedError naming the file that was changed, lost or added.
        """
        ref = BundleRef(digest, self.root / "bundles" / digest)
        try:
            manifest = (ref.path / MANIFEST).read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreAbsentError(f"there is no bundle {digest[:12]}… under {self.root}") from error
        if digest_of(manifest) != digest:
            raise StoreDamagedError(f"{ref.path / MANIFEST} was changed after it was written; {_REPAIR}")
        content = json.loads(manifest)
        files = {name: self._checked(ref.path / name, expected) for name, expected in content["files"].items()}
        there = {path.relative_to(ref.path).as_posix() for path in ref.path.rglob("*") if path.is_file()}
        for name in sorted(there - set(files) - {MANIFEST}):
            raise StoreDamagedError(f"{ref.path / name} is not in the manifest; {_REPAIR}")
        return Bundle(ref, content["metadata"], files)

    def digests(self) -> list[str]:
        """Return the digests of all bundles, sorted."""
        return sorted(path.name for path in (self.root / "bundles").glob("*"))

    def champion(self, target: str) -> Champion | None:
        """Return the target's champion as the pointer has it, or None before the first promotion."""
        found = self._champions.get(checked_name(target))
        return None if found is None else Champion(target, **json.loads(found[0]))

    def set_champion(self, target: str, digest: str, decision: int, *, repair: bool = False) -> Champion:
        """Let the pointer follow decision number `decision` of the ledger; return the champion there is now.

        An older decision never overrides a newer one, so that a slow process cannot undo a promotion; `repair`
        sets the pointer regardless (the ledger is the truth). Raises StoreAbsentError or StoreDamagedError for a
        bundle that cannot be served, and StoreError for two bundles under one decision.
        """
        self.read_bundle(digest)

        def change(old: bytes | None) -> bytes:
            now = None if old is None or repair else Champion(target, **json.loads(old))
            if old is not None and now is not None and now.decision >= decision:
                if now.decision == decision and now.digest != digest:
                    raise StoreError(
                        f"decision {decision} already made {now.digest[:12]}… champion of {target}; "
                        "repair the pointer from the ledger"
                    )
                return old
            return to_json({"digest": digest, "decision": decision})

        return Champion(target, **json.loads(update(self._champions, checked_name(target), change)))

    def asset(self, name: str) -> str | None:
        """Return the digest of the bundle that an unpartitioned asset last made, None before the first."""
        found = self._assets.get(checked_name(name))
        return None if found is None else found[0].decode()

    def set_asset(self, name: str, digest: str) -> None:
        """Point an asset at the bundle that it made."""
        update(self._assets, checked_name(name), lambda _old: digest.encode())

    def _is_whole(self, ref: BundleRef) -> bool:
        try:
            self.read_bundle(ref.digest)
        except (StoreAbsentError, StoreDamagedError):
            return False
        return True

    @staticmethod
    def _checked(path: Path, expected: str) -> bytes:
        try:
            data = path.read_bytes()
        except (FileNotFoundError, NotADirectoryError) as error:
            raise StoreDamagedError(f"{path} is gone; {_REPAIR}") from error
        if digest_of(data) != expected:
            raise StoreDamagedError(f"{path} was changed after it was written; {_REPAIR}")
        return data


_REPAIR = "restore the bundle from a backup, roll back, or train again"


def _check_name(name: str) -> None:
    path = PurePosixPath(name)
    if path.is_absolute() or not path.parts or ".." in path.parts or str(path) != name or "\\" in name:
        raise ValueError(f"bundle file {name!r} must be a plain relative path")
    if name == MANIFEST:
        raise ValueError(f"{MANIFEST} is written by the store itself")
    if path.suffix not in OPEN_FORMATS:
        known = ", ".join(sorted(OPEN_FORMATS))
        raise ValueError(f"bundle file {name!r} is in no open format ({known})")
