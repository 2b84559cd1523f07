"""How fast the product is, as ratios to floors that are measured in the same run.

    make bench          every figure, some 20 minutes; writes docs/performance.md
    make bench-quick    fewer rounds, without what takes long (each omission is printed), about two minutes
    .venv/bin/python -m bench --only creating --rounds 3

A machine's speed says nothing about the product, so no figure here is a speed. Each is what the product spends,
compared with what the same machine spends, in the same round, on the parts that nobody can do without:

    S  one RSA-2048 signature                     V  one verification
    B  a bare Flask POST that reads and writes JSON, under the product's gunicorn settings; G the same as a GET
    U  a bare urllib3 POST to a server that sends a ready answer
    C  one durable commit of one row by the raw driver, the client's side of it

What is spent is processor time of the web process or the worker, with all its threads (`per core-second`), not time
on the wall: the load, the other side, PostgreSQL and a busy neighbour do not count. The product runs pinned to one
core and everything else to the others. It has the settings of config/development.toml, logs at INFO and counts for
Prometheus, as in production. WeChat is played by a small server of our own that signs every answer, so that the product
verifies it. Every figure is the median over its rounds; a round measures the floors beside the product.

A figure under its `must` is printed loudly and does not fail the run: machines are noisy.

    processes.py      starting, pinning, processor time        load.py        the load, a process of its own
    upstream.py       WeChat and a shop, a process of its own   bare_app.py    what B and G are measured on
    product.py        the product on a database                 messages.py    requests and signed notices
    floors.py         S V U C B G                               figures.py     must and aim of each figure
    creating.py slow_upstream.py stored_rows.py group_commit.py webhook_sender.py recovery.py localstripe_rate.py
                      one file for each kind of figure
    report.py         the table and docs/performance.md

token_race_wechatpy.py is a comparison by itself: how many access tokens N processes fetch.
"""
