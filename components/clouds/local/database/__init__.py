"""The managed database of the local cloud: hosts with PostgreSQL, replication, failover."""
