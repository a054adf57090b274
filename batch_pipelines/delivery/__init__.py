"""Ways out of the house: SMTP, folders and S3, webhooks. Used by reports, campaigns and alerts. No Dagster."""
