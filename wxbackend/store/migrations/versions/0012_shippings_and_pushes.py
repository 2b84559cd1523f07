"""What was shipped, and what WeChat pushed"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')
NOT_TOLD = sa.text("state IN ('awaited', 'recorded', 'uncertain', 'later', 'refused', 'partly')")
UNHANDLED = sa.text('handled_ms IS NULL')


def upgrade() -> None:
    """Apply."""
    op.create_table('shippings',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('intent_id', NUMBER, nullable=False),
    sa.Column('attempt_id', NUMBER, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('app', sa.Text(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('merchant', sa.Text(), nullable=False),
    sa.Column('transaction_id', sa.Text(), nullable=False),
    sa.Column('out_trade_no', sa.Text(), nullable=False),
    sa.Column('payer', sa.Text(), nullable=False),
    sa.Column('amount', NUMBER, nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('frozen', NUMBER, nullable=False),
    sa.Column('paid_ms', NUMBER, nullable=False),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('ship_by_ms', NUMBER, nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('telling', sa.Text(), nullable=True),
    sa.Column('told_ms', NUMBER, nullable=True),
    sa.Column('tellings', sa.Integer(), nullable=False),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('reminded_ms', NUMBER, nullable=True),
    sa.Column('settles_ms', NUMBER, nullable=True),
    sa.Column('settled_ms', NUMBER, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('shippings_by_intent', 'shippings', ['intent_id'], unique=True)
    op.create_index('shippings_by_number', 'shippings', ['merchant', 'out_trade_no', 'provider'], unique=True)
    op.create_index('shippings_newest', 'shippings', ['account', 'livemode', 'id'], unique=False)
    op.create_index('shippings_late', 'shippings', ['ship_by_ms'], unique=False, sqlite_where=NOT_TOLD, postgresql_where=NOT_TOLD)
    op.create_table('shipping_queue',
    sa.Column('shipping_id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('due_ms', NUMBER, nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('shipping_id')
    )
    op.create_index('shipping_queue_due', 'shipping_queue', ['due_ms'], unique=False)
    op.create_table('pushes',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('appid', sa.Text(), nullable=False),
    sa.Column('push_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=False),
    sa.Column('sealed', sa.Boolean(), nullable=False),
    sa.Column('received_ms', NUMBER, nullable=False),
    sa.Column('content', sa.Text(), nullable=False),
    sa.Column('times_seen', sa.Integer(), nullable=False),
    sa.Column('verdict', sa.Text(), nullable=True),
    sa.Column('handled_ms', NUMBER, nullable=True),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('pushes_once', 'pushes', ['appid', 'push_id'], unique=True)
    op.create_index('pushes_unhandled', 'pushes', ['received_ms'], unique=False, sqlite_where=UNHANDLED, postgresql_where=UNHANDLED)


def downgrade() -> None:
    """Undo."""
    op.drop_table('pushes')
    op.drop_table('shipping_queue')
    op.drop_table('shippings')
