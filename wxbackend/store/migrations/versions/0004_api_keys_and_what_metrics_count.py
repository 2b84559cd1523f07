"""API keys in the database, and indexes of unfinished things for the metrics"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
INDEXES = (
    ('attempts_unclear', 'attempts', 'state', "state IN ('recorded', 'uncertain', 'closing')"),
    ('deliveries_oldest', 'deliveries', 'event_id', "state = 'pending'"),
    ('notices_unmatched', 'notices', 'received_ms', "verdict IN ('no such order', 'no such refund')"),
    ('discrepancies_open', 'discrepancies', 'kind', "state = 'open'"),
    ('refunds_unresolved', 'refunds', 'state',
     "state IN ('recorded', 'uncertain', 'short', 'processing', 'abnormal')"),
)


def upgrade() -> None:
    """Apply."""
    op.create_table('api_keys',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('key_hash', sa.Text(), nullable=False),
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('last_four', sa.Text(), nullable=False),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('last_used_day', sa.Integer(), nullable=True),
    sa.Column('revoked_ms', NUMBER, nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('api_keys_by_hash', 'api_keys', ['key_hash'], unique=True)
    for name, table, column, where in INDEXES:
        op.create_index(name, table, [column], sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    """Undo."""
    for name, table, _, _ in reversed(INDEXES):
        op.drop_index(name, table_name=table)
    op.drop_index('api_keys_by_hash', table_name='api_keys')
    op.drop_table('api_keys')
