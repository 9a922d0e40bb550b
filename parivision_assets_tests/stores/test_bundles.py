"""Serving bundles: content-addressed, every digest checked, champions that follow the ledger, no pickle."""

import json
from pathlib import Path

import pytest

from parivision_assets.stores.atomic import StoreAbsentError, StoreDamagedError, StoreError, digest_of
from parivision_assets.stores.bundles import BundleStore
from parivision_assets_tests.stores.crash import kill_at_every_step

FILES = {"model/model.ubj": b"\x00model", "vocabulary.json": b"{}"}
METADATA = {"target": "shot_pre_release", "features": ["x_ft", "y_ft"], "data": {"shots/2021": "0" * 64}}


@pytest.fixture
def store(tmp_path: Path) -> BundleStore:
    return BundleStore(tmp_path / "bundles")


def test_a_bundle_reads_back_whole(store: BundleStore) -> None:
    ref = store.write_bundle(FILES, METADATA)
    bundle = store.read_bundle(ref.digest)
    assert (bundle.files, bundle.metadata, bundle.ref) == (FILES, METADATA, ref)
    manifest = (ref.path / "manifest.json").read_bytes()
    assert digest_of(manifest) == ref.digest
    assert json.loads(manifest)["files"]["vocabulary.json"] == digest_of(b"{}")


def test_the_digest_depends_on_content_only(store: BundleStore) -> None:
    ref = store.write_bundle(FILES, METADATA)
    before = {path: path.stat().st_mtime_ns for path in store.root.rglob("*")}
    assert store.write_bundle(dict(reversed(FILES.items())), dict(reversed(METADATA.items()))) == ref
    assert {path: path.stat().st_mtime_ns for path in store.root.rglob("*")} == before
    assert store.write_bundle(FILES, {**METADATA, "version": 2}).digest != ref.digest
    assert len(store.digests()) == 2


@pytest.mark.parametrize(
    "name",
    ["model.pkl", "model.joblib", "model", "../x.json", "/x.json", "a//b.json", "a\\b.json", "manifest.json", ""],
)
def test_only_open_formats_inside_the_folder(store: BundleStore, name: str) -> None:
    with pytest.raises(ValueError, match=r"bundle file|written by the store"):
        store.write_bundle({name: b"x"}, {})
    assert not store.root.exists()


@pytest.mark.parametrize("name", [*FILES, "manifest.json"])
def test_any_changed_byte_is_found_and_writing_again_repairs_it(store: BundleStore, name: str) -> None:
    ref = store.write_bundle(FILES, METADATA)
    data = (ref.path / name).read_bytes()
    (ref.path / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(StoreDamagedError, match=name):
        store.read_bundle(ref.digest)
    with pytest.raises(StoreDamagedError):
        store.set_champion("game", ref.digest, 1)
    assert store.write_bundle(FILES, METADATA) == ref
    assert store.read_bundle(ref.digest).files == FILES


def test_lost_and_added_files_are_found(store: BundleStore) -> None:
    ref = store.write_bundle(FILES, METADATA)
    (ref.path / "extra.json").write_bytes(b"{}")
    with pytest.raises(StoreDamagedError, match="not in the manifest"):
        store.read_bundle(ref.digest)
    (ref.path / "extra.json").unlink()
    (ref.path / "vocabulary.json").unlink()
    with pytest.raises(StoreDamagedError, match="is gone"):
        store.read_bundle(ref.digest)
    with pytest.raises(StoreAbsentError, match="no bundle"):
        store.read_bundle("0" * 64)


def test_the_champion_follows_decisions_and_never_goes_back(store: BundleStore) -> None:
    first, second = (store.write_bundle(FILES, {"version": version}) for version in (1, 2))
    assert store.champion("game") is None
    store.set_champion("game", first.digest, 3)
    assert store.set_champion("game", second.digest, 7).digest == second.digest
    assert store.set_champion("game", first.digest, 3).digest == second.digest
    assert store.champion("game") == store.set_champion("game", second.digest, 7)
    assert store.champion("shot_post_event") is None
    with pytest.raises(StoreError, match="decision 7 already made"):
        store.set_champion("game", first.digest, 7)
    assert store.set_champion("game", first.digest, 3, repair=True).digest == first.digest
    with pytest.raises(StoreAbsentError):
        store.set_champion("game", "0" * 64, 8)


def test_kill_at_every_step_leaves_no_half_bundle(tmp_path: Path) -> None:
    imports = "from parivision_assets.stores.bundles import BundleStore"
    action = f"BundleStore(root).write_bundle({FILES!r}, {METADATA!r})"
    for folder in kill_at_every_step(imports, action, tmp_path / "template", tmp_path):
        left = BundleStore(folder)
        for digest in left.digests():
            assert left.read_bundle(digest).files == FILES
        ref = left.write_bundle(FILES, METADATA)
        assert left.read_bundle(ref.digest).metadata == METADATA
        left.set_champion("game", ref.digest, 1)
        assert list((folder / "scratch").iterdir()) == []


def test_kill_at_every_step_of_a_promotion_leaves_old_or_new(tmp_path: Path) -> None:
    store = BundleStore(tmp_path / "template")
    old, new = (store.write_bundle(FILES, {"version": version}).digest for version in (1, 2))
    store.set_champion("game", old, 1)
    imports = "from parivision_assets.stores.bundles import BundleStore"
    seen = set()
    for folder in kill_at_every_step(
        imports, f"BundleStore(root).set_champion('game', {new!r}, 2)", store.root, tmp_path
    ):
        champion = BundleStore(folder).champion("game")
        assert champion is not None
        seen.add((champion.digest, champion.decision))
    assert seen == {(old, 1), (new, 2)}
