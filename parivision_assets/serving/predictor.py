"""The predictor: answers questions about shots and games from the promoted models, and follows promotions.

Whoever asks gets answers of one snapshot; a newer one is swapped in as a whole, between questions. No web framework.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence

from parivision_assets.core.explanation import Contribution
from parivision_assets.core.questions import Answer, GameQuestion, ShotQuestion
from parivision_assets.serving.explaining import contributions
from parivision_assets.serving.games import answer_games
from parivision_assets.serving.rules import QuestionError
from parivision_assets.serving.shots import answer_shots
from parivision_assets.serving.snapshot import NotReadyError, Snapshot, load_snapshot, recorded_snapshot
from parivision_assets.stores.home import Home
from parivision_assets.stores.serving_state import SERVING_STATE

__all__ = ["NotReadyError", "Predictor", "QuestionError", "Snapshot", "answer_again"]


class Predictor:
    """Answers from the newest snapshot of a home; safe for many threads at once."""

    def __init__(self, home: Home) -> None:
        """Serve nothing yet; `open` also loads what there is."""
        self._home = home
        self._loading = threading.Lock()
        self.snapshot = Snapshot()
        """What is being served: one read of it is one consistent set."""
        self.problem: str | None = None
        """Why the newest bundle or state is not served, in words; None when it is. May name files and hosts."""
        self.notice: str | None = None
        """What `problem` means for whoever asks: no causes."""

    @classmethod
    def open(cls, home: Home) -> Predictor:
        """Return a predictor of the home's champions and newest serving state.

        A home without them is no error: questions raise NotReadyError until `refresh` finds some.
        """
        predictor = cls(home)
        predictor.refresh()
        return predictor

    def refresh(self) -> bool:
        """Look at the pointers; load and swap in what is new. Return whether anything was.

        What is damaged or of a newer format is not served: the part before it stays, and `problem` says why.
        """
        with self._loading:
            loaded = load_snapshot(self._home, self.snapshot)
            self.problem = "; ".join(f"{one.words}: {one.cause}" for one in loaded.problems) or None
            self.notice = "; ".join(one.words for one in loaded.problems) or None
            if loaded.snapshot == self.snapshot:
                return False
            self.snapshot = loaded.snapshot
            return True

    def shots(self, questions: Sequence[ShotQuestion]) -> list[Answer]:
        """Return one answer per question about a shot, in order, all from one snapshot.

        Raises QuestionError for a question that cannot be answered, NotReadyError without a champion or a state.
        """
        return answer_shots(self.snapshot, questions)

    def games(self, questions: Sequence[GameQuestion]) -> list[Answer]:
        """Return one answer per question about a game, in order, all from one snapshot: the home team's probability.

        Raises QuestionError for a question that cannot be answered, NotReadyError without a champion or a state.
        """
        return answer_games(self.snapshot, questions)

    def explain(self, question: ShotQuestion | GameQuestion, answer: Answer) -> list[Contribution]:
        """Return what each input contributed to an answer of this predictor, the largest first (core.explanation).

        The model and the state that answered are read again where newer ones serve by now; StoreError if they are gone.
        """
        snapshot = self.snapshot
        if snapshot.versions.get(answer.target) != answer.model or snapshot.versions.get(SERVING_STATE) != answer.state:
            snapshot = recorded_snapshot(self._home, answer)
        return contributions(snapshot.champion(answer.target).trained, snapshot.known_state().shots, question, answer)


def answer_again(home: Home, question: ShotQuestion | GameQuestion, answer: Answer) -> Answer:
    """Return the answer that the recorded model and state give to a recorded question today: the same, bit for bit.

    Raises StoreAbsentError or StoreDamagedError where one of them is no longer there or no longer itself.
    """
    snapshot = recorded_snapshot(home, answer)
    if isinstance(question, ShotQuestion):
        return answer_shots(snapshot, [question])[0]
    return answer_games(snapshot, [question])[0]
