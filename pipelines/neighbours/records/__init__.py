"""The producer kit: orders, payments and client records that the service can only accept.

orders     `SalesOrder` and its lines, tenders and notification
payments   `Payment`, and `PaymentVersion1` for a system that cannot say yet what it concerns
clients    `Client` and `Delivery`
record     `SourceRecord`, what each of them gives, and `ImpossibleRecord`, what it refuses
producer   `RecordProducer`, an idempotent producer of such records
"""
