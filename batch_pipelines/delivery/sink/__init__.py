"""A local SMTP server that keeps mail instead of delivering it, and misbehaves on request."""
