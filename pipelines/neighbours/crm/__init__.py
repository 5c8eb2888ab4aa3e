"""The reference CRM: a customer's one-time code, from the request on the stream to the outcome."""
