"""Play-money bets: players, accounts and the transfers between them, games, bets and settlements.

A transfer takes from one account what it gives to another, so entries sum to zero by construction; a trigger moves the
stored balances with it.
"""

import sqlalchemy as sa
from alembic import op

from parivision_assets.stores.migrations.append_only import make_append_only

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer, "sqlite")

LOCKED = (
    "bet_id, player_id, game_key, side, stake_cents, odds_hundredths, odds_source, fair_probability, champion, "
    "placed_at, placed_on, idempotency_key, request_digest, balance_after_cents"
)
MOVE = """
    UPDATE bet_accounts SET balance_cents = balance_cents - NEW.amount_cents WHERE account = NEW.from_account;
    UPDATE bet_accounts SET balance_cents = balance_cents + NEW.amount_cents WHERE account = NEW.to_account;
"""
POSTGRESQL = (
    f"CREATE FUNCTION move_balances() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {MOVE} RETURN NULL; END $$",
    "CREATE TRIGGER bet_transfers_move AFTER INSERT ON bet_transfers FOR EACH ROW EXECUTE FUNCTION move_balances()",
    "ALTER TABLE bet_transfers ENABLE ALWAYS TRIGGER bet_transfers_move",
    f"""CREATE TRIGGER bets_are_locked BEFORE UPDATE OF {LOCKED} OR DELETE OR TRUNCATE ON bets
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()""",
    "ALTER TABLE bets ENABLE ALWAYS TRIGGER bets_are_locked",
)
SQLITE = (
    f"CREATE TRIGGER bet_transfers_move AFTER INSERT ON bet_transfers BEGIN {MOVE} END",
    f"""CREATE TRIGGER bets_are_locked BEFORE UPDATE OF {LOCKED} ON bets
        BEGIN SELECT RAISE(ABORT, 'a bet stays as it was placed: UPDATE refused'); END""",
    """CREATE TRIGGER bets_refuse_delete BEFORE DELETE ON bets
        BEGIN SELECT RAISE(ABORT, 'a bet stays as it was placed: DELETE refused'); END""",
    """CREATE TRIGGER bets_refuse_replace BEFORE INSERT ON bets
        WHEN EXISTS (SELECT 1 FROM bets WHERE bet_id = NEW.bet_id)
          OR EXISTS (SELECT 1 FROM bets WHERE player_id = NEW.player_id AND idempotency_key = NEW.idempotency_key)
        BEGIN SELECT RAISE(ABORT, 'a bet stays as it was placed: the place is taken'); END""",
)
ENTRIES = """
    CREATE VIEW bet_entries AS
    SELECT transfer_id, from_account AS account, -amount_cents AS amount_cents, kind, bet_id, recorded_at
      FROM bet_transfers
    UNION ALL
    SELECT transfer_id, to_account, amount_cents, kind, bet_id, recorded_at FROM bet_transfers
"""


def upgrade() -> None:
    """Create the tables, the view of entries and the triggers."""
    _players()
    _games_and_bets()
    _transfers()
    make_append_only("bet_limits", "EXISTS (SELECT 1 FROM bet_limits WHERE change_id = NEW.change_id)")
    make_append_only(
        "bet_settlements",
        "EXISTS (SELECT 1 FROM bet_settlements WHERE bet_id = NEW.bet_id AND version = NEW.version)",
    )
    make_append_only("bet_transfers", "EXISTS (SELECT 1 FROM bet_transfers WHERE transfer_id = NEW.transfer_id)")
    for statement in POSTGRESQL if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)
    op.execute(ENTRIES)
    op.execute("INSERT INTO bet_accounts (account, kind, balance_cents) VALUES ('house', 'house', 0)")
    op.execute("INSERT INTO bet_accounts (account, kind, balance_cents) VALUES ('bonus', 'bonus', 0)")


def _players() -> None:
    op.create_table(
        "bet_players",
        sa.Column("player_id", NUMBER, primary_key=True),
        sa.Column("nickname", sa.String(40), nullable=False),
        sa.Column("nickname_key", sa.String(80), nullable=False, unique=True),
        sa.Column("recovery_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("token_digest", sa.String(64), nullable=False, unique=True),
        sa.Column("token_expires_at", sa.String(32), nullable=False),
        sa.Column("joined_at", sa.String(32), nullable=False),
        sa.Column("paused_until", sa.String(32)),
    )
    op.create_table(
        "bet_limits",
        sa.Column("change_id", NUMBER, primary_key=True),
        sa.Column("player_id", NUMBER, sa.ForeignKey("bet_players.player_id"), nullable=False, index=True),
        sa.Column("limit_kind", sa.String(20), nullable=False),
        sa.Column("most_cents", sa.BigInteger),
        sa.Column("asked_at", sa.String(32), nullable=False),
        sa.Column("holds_from", sa.String(32), nullable=False),
    )
    op.create_table(
        "bet_accounts",
        sa.Column("account", sa.String(40), primary_key=True),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("balance_cents", sa.BigInteger, nullable=False),
        sa.CheckConstraint("balance_cents >= 0 OR kind IN ('house', 'bonus')", name="bet_accounts_never_negative"),
    )


def _games_and_bets() -> None:
    op.create_table(
        "bet_games",
        sa.Column("game_key", sa.String(40), primary_key=True),
        sa.Column("season", sa.Integer, nullable=False, index=True),
        sa.Column("game_date", sa.Date, nullable=False),
        sa.Column("home_team", sa.String(10), nullable=False),
        sa.Column("away_team", sa.String(10), nullable=False),
        sa.Column("ended", sa.String(8)),
        sa.Column("closing_probability", sa.Double),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.create_table(
        "bets",
        sa.Column("bet_id", NUMBER, primary_key=True),
        sa.Column("player_id", NUMBER, sa.ForeignKey("bet_players.player_id"), nullable=False),
        sa.Column("game_key", sa.String(40), sa.ForeignKey("bet_games.game_key"), nullable=False),
        sa.Column("side", sa.String(4), nullable=False),
        sa.Column("stake_cents", sa.BigInteger, nullable=False),
        sa.Column("odds_hundredths", sa.Integer, nullable=False),
        sa.Column("odds_source", sa.String(20), nullable=False),
        sa.Column("fair_probability", sa.Double),
        sa.Column("champion", sa.String(64)),
        sa.Column("placed_at", sa.String(32), nullable=False),
        sa.Column("placed_on", sa.Date, nullable=False),
        sa.Column("idempotency_key", sa.String(64), nullable=False),
        sa.Column("request_digest", sa.String(64), nullable=False),
        sa.Column("balance_after_cents", sa.BigInteger, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(8)),
        sa.Column("payout_cents", sa.BigInteger, nullable=False),
        sa.Column("paid_cents", sa.BigInteger, nullable=False),
        sa.Column("closing_probability", sa.Double),
        sa.CheckConstraint("stake_cents > 0 AND odds_hundredths > 100", name="bets_stake_and_odds"),
        sa.UniqueConstraint("player_id", "idempotency_key", name="bets_one_per_key"),
    )
    op.create_index("bets_by_game", "bets", ["game_key", "version"])
    op.create_index("bets_by_player", "bets", ["player_id", "placed_at"])
    op.create_table(
        "bet_settlements",
        sa.Column("bet_id", NUMBER, sa.ForeignKey("bets.bet_id"), primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("payout_cents", sa.BigInteger, nullable=False),
        sa.Column("paid_cents", sa.BigInteger, nullable=False),
        sa.Column("closing_probability", sa.Double),
        sa.Column("settled_at", sa.String(32), nullable=False),
        sa.Column("settled_on", sa.Date, nullable=False),
    )


def _transfers() -> None:
    op.create_table(
        "bet_transfers",
        sa.Column("transfer_id", NUMBER, primary_key=True),
        sa.Column("from_account", sa.String(40), sa.ForeignKey("bet_accounts.account"), nullable=False, index=True),
        sa.Column("to_account", sa.String(40), sa.ForeignKey("bet_accounts.account"), nullable=False, index=True),
        sa.Column("amount_cents", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(12), nullable=False),
        sa.Column("bet_id", NUMBER, sa.ForeignKey("bets.bet_id"), index=True),
        sa.Column("version", sa.Integer),
        sa.Column("recorded_at", sa.String(32), nullable=False),
        sa.CheckConstraint("amount_cents > 0 AND from_account <> to_account", name="bet_transfers_move_something"),
    )


def downgrade() -> None:
    """Refuse: what was staked and paid is never removed."""
    raise NotImplementedError("the bets' ledger is append-only: restore a backup instead of removing its tables")
