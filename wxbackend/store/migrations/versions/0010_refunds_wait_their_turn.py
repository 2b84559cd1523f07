"""Refunds that wait for their turn are unfinished too: the index that counts them holds them"""

from __future__ import annotations

from alembic import op


revision = '0010'
down_revision = "0009"
branch_labels = None
depends_on = None

BEFORE = "state IN ('recorded', 'uncertain', 'short', 'processing', 'abnormal')"
AFTER = "state IN ('queued', 'recorded', 'uncertain', 'short', 'processing', 'abnormal')"


def upgrade() -> None:
    """Apply."""
    _index(AFTER)


def downgrade() -> None:
    """Undo. A refund that waits for its turn is sent by the former version as one whose sender died."""
    op.execute("UPDATE refunds SET state = 'recorded' WHERE state = 'queued'")
    op.execute("UPDATE refunds SET state = 'declined' WHERE state = 'canceled'")
    _index(BEFORE)


def _index(condition: str) -> None:
    op.drop_index('refunds_unresolved', table_name='refunds')
    op.execute(f"CREATE INDEX refunds_unresolved ON refunds (state) WHERE {condition}")
