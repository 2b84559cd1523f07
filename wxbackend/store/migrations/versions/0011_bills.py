"""Bills, and what is found when they are held against the books"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), 'sqlite')


def partial(name: str, table: str, columns: list[str], condition: str) -> None:
    """An index that holds a part of the rows."""
    where = sa.text(condition)
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def upgrade() -> None:
    """Apply."""
    op.create_table('bills',
    sa.Column('id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('account', sa.Text(), nullable=False),
    sa.Column('livemode', sa.Boolean(), nullable=False),
    sa.Column('provider', sa.Text(), nullable=False),
    sa.Column('merchant', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('day', sa.Text(), nullable=False),
    sa.Column('created_ms', NUMBER, nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('rows', NUMBER, nullable=False),
    sa.Column('digest', sa.Text(), nullable=False),
    sa.Column('checked_ms', NUMBER, nullable=True),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('bills_once', 'bills', ['merchant', 'day', 'kind', 'provider'], unique=True)
    op.create_table('bill_queue',
    sa.Column('bill_id', NUMBER, autoincrement=False, nullable=False),
    sa.Column('due_ms', NUMBER, nullable=False),
    sa.Column('tries', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('bill_id')
    )
    op.create_index('bill_queue_due', 'bill_queue', ['due_ms'])
    for name, kind in (('bill_id', NUMBER), ('day', sa.Text()), ('seen_ms', NUMBER), ('resolved_ms', NUMBER), ('note', sa.Text())):
        op.add_column('discrepancies', sa.Column(name, kind, nullable=True))
    op.create_index('discrepancies_newest', 'discrepancies', ['account', 'livemode', 'id'])
    partial('discrepancies_of_bill', 'discrepancies', ['bill_id'], "state = 'open' AND bill_id IS NOT NULL")
    partial('attempts_paid', 'attempts', ['merchant', 'paid_ms'], 'paid_ms IS NOT NULL')
    partial('refunds_succeeded', 'refunds', ['merchant', 'succeeded_ms'], 'succeeded_ms IS NOT NULL')


def downgrade() -> None:
    """Undo."""
    op.drop_index('refunds_succeeded', table_name='refunds')
    op.drop_index('attempts_paid', table_name='attempts')
    op.drop_index('discrepancies_of_bill', table_name='discrepancies')
    op.drop_index('discrepancies_newest', table_name='discrepancies')
    for name in ('note', 'resolved_ms', 'seen_ms', 'day', 'bill_id'):
        op.drop_column('discrepancies', name)
    op.drop_table('bill_queue')
    op.drop_table('bills')
