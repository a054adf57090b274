"""Mail by SMTP: connection, dialogue, bytes, replies, DKIM."""
