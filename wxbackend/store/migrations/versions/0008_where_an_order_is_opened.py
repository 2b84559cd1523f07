"""Orders of browsers outside WeChat say where the buyer is and where they go afterwards"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

_COLUMNS = ('client_ip', 'os_type', 'return_url')


def upgrade() -> None:
    """Apply."""
    for name in _COLUMNS:
        op.add_column('attempts', sa.Column(name, sa.Text(), nullable=True))


def downgrade() -> None:
    """Undo."""
    for name in reversed(_COLUMNS):
        op.drop_column('attempts', name)
