"""Orders that are parts of one combined order name the group that they are paid with, and what is shipped of them too"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0016'
down_revision = '0014'
branch_labels = None
depends_on = None


NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.add_column('attempts', sa.Column('group_id', NUMBER, nullable=True))
    op.add_column('shippings', sa.Column('group_id', NUMBER, nullable=True))
    op.execute('CREATE INDEX attempts_by_group ON attempts (group_id) WHERE group_id IS NOT NULL')


def downgrade() -> None:
    """Undo."""
    op.drop_index('attempts_by_group', table_name='attempts')
    op.drop_column('shippings', 'group_id')
    op.drop_column('attempts', 'group_id')
