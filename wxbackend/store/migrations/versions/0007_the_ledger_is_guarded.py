"""The ledger takes whole amounts only, and its rows can't be replaced or emptied away"""

from __future__ import annotations

from alembic import op


revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE TRIGGER ledger_not_emptied BEFORE TRUNCATE ON ledger "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_is_append_only()"
        )
        return
    # SQLite keeps a fraction or a word in a column of integers, unless it is told not to.
    op.execute(
        "CREATE TRIGGER ledger_whole BEFORE INSERT ON ledger WHEN typeof(NEW.amount) <> 'integer' "
        "BEGIN SELECT RAISE(ABORT, 'the ledger takes whole amounts'); END"
    )
    # INSERT OR REPLACE removes the row that is in its way without asking the trigger for DELETE.
    op.execute(
        "CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id "
        "OR (kind = NEW.kind AND subject_id = NEW.subject_id AND occasion = NEW.occasion)) "
        "BEGIN SELECT RAISE(IGNORE); END"
    )


def downgrade() -> None:
    """Undo."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER ledger_not_emptied ON ledger")
        return
    op.execute("DROP TRIGGER ledger_no_replace")
    op.execute("DROP TRIGGER ledger_whole")
