"""One file a stage of the flow: a pure function over one record and the records of its key."""
