"""Messages that come back, as mail servers write them."""

from batch_pipelines.campaigns.messages.marks import Marks
from batch_pipelines_tests.campaigns.messages.letters import SECRET

MARKS = Marks(SECRET, "news", 12)
VERP = MARKS.verp(3, "bounces@example.com")


def notification(
    *, action: str = "failed", status: str = "5.1.1", said: str = "smtp; 550 5.1.1 no such user", to: str = VERP
) -> bytes:
    """A delivery status notification (RFC 3464)."""
    return f"""Return-Path: <>
From: Mail Delivery System <MAILER-DAEMON@mx.example.net>
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net
Arrival-Date: Mon, 5 Jan 2026 09:00:00 +0000

Final-Recipient: rfc822; ann@example.org
Action: {action}
Status: {status}
Diagnostic-Code: {said}

--b
Content-Type: message/rfc822

From: News <news@example.com>
To: ann@example.org
Message-ID: {MARKS.message_id(3, "example.com")}
X-BP-Delivery: {MARKS.delivery(3)}
Subject: Hello

body
--b--
""".encode()


def complaint(kind: str = "abuse") -> bytes:
    """A feedback report (RFC 5965)."""
    return f"""From: fbl@example.net
To: abuse@example.com
Subject: FW: Hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b"

--b
Content-Type: text/plain

This is an abuse report.

--b
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeGenerator/1.0
Version: 1

--b
Content-Type: message/rfc822

From: News <news@example.com>
Message-ID: {MARKS.message_id(3, "example.com")}
Subject: Hello

body
--b--
""".encode()


def in_words(text: str, sender: str = "<>") -> bytes:
    """A bounce that follows no standard."""
    return f"Return-Path: {sender}\nTo: {VERP}\nSubject: failure\n\n{text}\n".encode()
