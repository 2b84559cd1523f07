"""What a buyer paid an order with where that is another currency, and the provider's rate of exchange"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0018'
down_revision = '0017'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.add_column('attempts', sa.Column('payer_amount', NUMBER, nullable=True))
    op.add_column('attempts', sa.Column('payer_currency', sa.Text(), nullable=True))
    op.add_column('attempts', sa.Column('exchange_rate', NUMBER, nullable=True))


def downgrade() -> None:
    """Undo."""
    op.drop_column('attempts', 'exchange_rate')
    op.drop_column('attempts', 'payer_currency')
    op.drop_column('attempts', 'payer_amount')
