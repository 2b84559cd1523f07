"""Transfers to people, and profit sharing"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def upgrade() -> None:
    """Apply."""
    op.create_table('merchant_transfers',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('merchant', sa.Text(), nullable=False),
    sa.Column('app', sa.Text(), nullable=False),
    sa.Column('payee', sa.Text(), nullable=False),
    sa.Column('payee_name', sa.Text(), nullable=True),
    sa.Column('out_bill_no', sa.Text(), nullable=False),
    sa.Column('amount', NUMBER, nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('scene', sa.Text(), nullable=False),
    sa.Column('reports', sa.Text(), nullable=False),
    sa.Column('perception', sa.Text(), nullable=True),
    sa.Column('metadata', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('handle', sa.Text(), nullable=True),
    sa.Column('client_params', sa.Text(), nullable=True),
    sa.Column('confirm_until_ms', NUMBER, nullable=True),
    sa.Column('cancel_requested_ms', NUMBER, nullable=True),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('sent_ms', NUMBER, nullable=False),
    sa.Column('paid_ms', NUMBER, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('merchant_transfers_newest', 'merchant_transfers', ['account', 'livemode', 'id'])
    op.create_index('merchant_transfers_by_number', 'merchant_transfers', ['merchant', 'out_bill_no', 'provider'], unique=True)
    unresolved = sa.text("state NOT IN ('paid', 'failed', 'canceled', 'declined')")
    op.create_index('merchant_transfers_unresolved', 'merchant_transfers', ['state'], sqlite_where=unresolved, postgresql_where=unresolved)
    op.create_table('merchant_transfer_queue',
    sa.Column('transfer_id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('due_ms', NUMBER, nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('transfer_id')
    )
    op.create_index('merchant_transfer_queue_due', 'merchant_transfer_queue', ['due_ms'])
    op.add_column('attempts', sa.Column('profit_sharing', sa.Boolean(), nullable=False, server_default=sa.false()))
    op.create_table('profit_sharings',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('intent_id', NUMBER, nullable=False),
    sa.Column('attempt_id', NUMBER, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('merchant', sa.Text(), nullable=False),
    sa.Column('app', sa.Text(), nullable=False),
    sa.Column('transaction_id', sa.Text(), nullable=False),
    sa.Column('out_order_no', sa.Text(), nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('parts', sa.Text(), nullable=False),
    sa.Column('finish', sa.Boolean(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('metadata', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('handle', sa.Text(), nullable=True),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('sent_ms', NUMBER, nullable=False),
    sa.Column('finished_ms', NUMBER, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('profit_sharings_newest', 'profit_sharings', ['account', 'livemode', 'id'])
    op.create_index('profit_sharings_by_attempt', 'profit_sharings', ['attempt_id'])
    op.create_index('profit_sharings_by_number', 'profit_sharings', ['merchant', 'out_order_no', 'provider'], unique=True)
    op.create_table('profit_sharing_returns',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('sharing_id', NUMBER, nullable=False),
    sa.Column('intent_id', NUMBER, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('merchant', sa.Text(), nullable=False),
    sa.Column('out_order_no', sa.Text(), nullable=False),
    sa.Column('out_return_no', sa.Text(), nullable=False),
    sa.Column('party', sa.Text(), nullable=False),
    sa.Column('amount', NUMBER, nullable=False),
    sa.Column('currency', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=False),
    sa.Column('metadata', sa.Text(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('handle', sa.Text(), nullable=True),
    sa.Column('failure', sa.Text(), nullable=True),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('sent_ms', NUMBER, nullable=False),
    sa.Column('returned_ms', NUMBER, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('profit_sharing_returns_newest', 'profit_sharing_returns', ['account', 'livemode', 'id'])
    op.create_index('profit_sharing_returns_by_sharing', 'profit_sharing_returns', ['sharing_id'])
    op.create_index('profit_sharing_returns_by_number', 'profit_sharing_returns', ['merchant', 'out_return_no', 'provider'], unique=True)
    op.create_table('profit_sharing_queue',
    sa.Column('item', NUMBER, autoincrement=False, nullable=False),
    sa.Column('due_ms', NUMBER, nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('item')
    )
    op.create_index('profit_sharing_queue_due', 'profit_sharing_queue', ['due_ms'])


def downgrade() -> None:
    """Undo."""
    op.drop_table('profit_sharing_queue')
    op.drop_table('profit_sharing_returns')
    op.drop_table('profit_sharings')
    with op.batch_alter_table('attempts', schema=None) as batch_op:
        batch_op.drop_column('profit_sharing')
    op.drop_table('merchant_transfer_queue')
    op.drop_table('merchant_transfers')
