"""Sharings, returns and mandates that are not finished are counted from indexes that hold nothing else"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

UNRESOLVED = {
    'profit_sharings': "state NOT IN ('finished', 'declined')",
    'profit_sharing_returns': "state NOT IN ('succeeded', 'failed', 'declined')",
    'mandates': "state IN ('recorded', 'open', 'ending')",
}


def upgrade() -> None:
    """Apply. Programs of the former version do not notice."""
    for table, words in UNRESOLVED.items():
        condition = sa.text(words)
        op.create_index(f'{table}_unresolved', table, ['state'], sqlite_where=condition, postgresql_where=condition)


def downgrade() -> None:
    """Undo."""
    for table in UNRESOLVED:
        op.drop_index(f'{table}_unresolved', table_name=table)
