"""The BI mart: a database of reports that is kept in step with the topics, and the reports."""
