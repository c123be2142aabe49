"""The S3 server behind a bucket, and the host that it runs on."""
