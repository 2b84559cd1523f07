"""What an order by payment code needs: a mark of the code while it is unresolved, and when it was reversed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.add_column('attempts', sa.Column('code_mark', sa.Text(), nullable=True))
    op.add_column('attempts', sa.Column('reversal_sent_ms', NUMBER, nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column('attempts', 'reversal_sent_ms')
    op.drop_column('attempts', 'code_mark')
