"""`parivision receipt`: what is behind one answer, and the answer recomputed."""

from __future__ import annotations

from parivision_assets.commands.console import OUT, print_json, print_table
from parivision_assets.errors import CommandError
from parivision_assets.serving.replay import Replay
from parivision_assets.serving.replay import replay as recompute
from parivision_assets.settings import Settings
from parivision_assets.stores.home import Home
from parivision_assets.stores.receipts import Receipt, receipt


def show(prediction_id: str, *, with_replay: bool, as_json: bool) -> None:
    """Print the receipt; with a replay raise CommandError where the recomputed answer is another."""
    home = Home(Settings())
    found = receipt(home, prediction_id, ask_mlflow=True)
    again = recompute(home, prediction_id) if with_replay else None
    if as_json:
        print_json(found.to_dict() | ({} if again is None else {"replay": replay_summary(again)}))
    else:
        print_receipt(found)
        if again is not None and not again.differences:
            OUT.print(f"Replayed: the same to the last bit ({again.recomputed.probability!r}).", highlight=False)
    if again is not None and again.differences:
        names = ", ".join(again.differences)
        raise CommandError(
            f"replayed from its model and state, prediction {prediction_id} differs in {names}: "
            f"{again.recorded.probability!r} was answered, {again.recomputed.probability!r} is computed now; "
            "compare the program's version and its libraries with those that answered"
        )


def replay_summary(again: Replay) -> dict[str, object]:
    """Return a replay for programs."""
    return {
        "is_same": not again.differences,
        "differences": list(again.differences),
        "recorded_probability": again.recorded.probability,
        "recomputed_probability": again.recomputed.probability,
    }


def print_receipt(found: Receipt) -> None:
    """Print a receipt for people, one link after another."""
    answer, promotion, outcome = found.answer, found.promotion or {}, found.outcome
    given = {name: value for name, value in found.question.items() if value is not None}
    rows = [
        ("asked", f"{found.asked_at}: {', '.join(f'{name} {value}' for name, value in given.items())}"),
        ("event", found.event or "none: hypothetical"),
        ("answer", f"{answer['target']}: {answer['probability']:.4f} ({answer['low']:.4f} to {answer['high']:.4f})"),
        ("flags", ", ".join(answer["flags"]) or "none"),
        ("knows until", answer["as_of"]),
        ("model", f"{found.model['digest']}, {'intact' if found.model['is_intact'] else 'NOT INTACT'}"),
        ("state", f"{found.state['digest']}, {'intact' if found.state['is_intact'] else 'NOT INTACT'}"),
        (
            "promoted by",
            f"ledger entry {answer['decision']} of {promotion.get('actor', '?')}: {promotion.get('reason')}",
        ),
        *((name.replace("_", " "), value or "not recorded") for name, value in found.runs.items()),
        ("outcome", f"{outcome['state']}: {outcome['meaning']}"),
    ]
    print_table(f"Prediction {found.prediction_id}", ("what", "is"), rows)
    if found.features is not None:
        print_table("Features", ("name", "value"), list(found.features.items()))
    versions = [
        (f"{item['table']}/{item['partition']}", item["digest"], item["is_kept"]) for item in found.data_versions
    ]
    print_table("Learnt from", ("table", "version", "still here"), versions)
    files = [(item["dataset"], item["partition"], item["name"], item["sha256"]) for item in found.raw_files]
    print_table(f"Raw files ({len(files)})", ("dataset", "season", "file", "sha256"), files)
    for words in found.not_reached:
        OUT.print(f"Not reached: {words}", highlight=False, style="yellow")
