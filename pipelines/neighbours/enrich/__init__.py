"""Version 2 payments of version 1 payments and their orders.

A payment system that cannot say yet whether a payment concerns a gift certificate writes version 1.
What it would say follows from the order. This neighbour joins the two:

    orders ────┐ reading                join topic              joining
    payments ──┴─────────► key: a shard of the order ids ─────────► version 2 payments
        └── version 2 already: straight on ────────────────────────►

reading      one source record: to the join topic, straight on, or a dead letter
told         what the join topic carries and the state keeps
marking      what an order says about a payment; pure
join         the fold over one order and its payments; pure
deadlines    which orders to look at again, and when, in the state of a shard
joining      the stage: a record of the join topic and the state of its shard
application  the stream application around them
"""
