"""What failed here, and how often"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('failures',
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('item', NUMBER, autoincrement=False, nullable=False),
    sa.Column('failures', sa.Integer(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('first_ms', NUMBER, nullable=False),
    sa.Column('last_ms', NUMBER, nullable=False),
    sa.Column('again_ms', NUMBER, nullable=True),
    sa.PrimaryKeyConstraint('kind', 'item')
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table('failures')
