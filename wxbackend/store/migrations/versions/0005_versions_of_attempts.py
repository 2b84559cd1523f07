"""A version for each attempt, so that the database refuses one that was read before another change"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply. The default serves programs of the former version while they still run."""
    op.add_column('attempts', sa.Column('version', sa.Integer(), nullable=False, server_default='0'))


def downgrade() -> None:
    """Undo."""
    op.drop_column('attempts', 'version')
