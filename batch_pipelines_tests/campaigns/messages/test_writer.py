"""Whole messages: read by Python's parser, verified by dkimpy, and never what a value wants them to be."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch_pipelines.campaigns.messages.draft import AttachedFile, Unsubscribe, file_reader
from batch_pipelines.campaigns.messages.marks import Marks
from batch_pipelines.campaigns.messages.tokens import Subscription, read_token
from batch_pipelines.campaigns.messages.writer import Rendered, Unwritable, Writer
from batch_pipelines.core.errors import ConfigError
from batch_pipelines.delivery.addresses import read_address
from batch_pipelines.delivery.smtp.dkim import read_signer
from batch_pipelines_tests.campaigns.messages.letters import (
    ANN,
    DRAFT,
    LEAVING,
    NOW,
    SECRET,
    compiled,
    parsed,
    refused,
    rendered,
    text_of,
    writer,
)
from batch_pipelines_tests.delivery.smtp.dkim_judge import SELECTOR, key_in, verified


def test_a_message_is_read_as_it_was_meant() -> None:
    made = rendered({"name": "Zoë <3"}, subject="Grüße an {{ name }} 🛬")
    message = parsed(made.data)
    assert message["From"] == "News <news@example.com>"
    assert message["To"] == "Ann Lee <ann@example.org>"
    assert message["Subject"] == "Grüße an Zoë <3 🛬"
    assert message["Date"].datetime == NOW
    assert text_of(message, "plain") == "Dear Zoë <3\n"
    assert "<p>Dear Zoë &lt;3</p>" in text_of(message, "html")
    assert (made.seq, made.sender, made.recipient) == (3, "news@example.com", "ann@example.org")


def test_a_message_names_itself_the_same_way_each_time() -> None:
    one, again = rendered({"name": "Ann"}), rendered({"name": "Ann"})
    assert one.data == again.data
    message = parsed(one.data)
    assert message["Message-ID"] == one.message_id
    assert message["X-BP-Delivery"] == f"12.3.{Marks(SECRET, 'news', 12).seal(3)}"
    assert one.message_id == f"<bp.news.{message['X-BP-Delivery']}@example.com>"
    assert rendered({"name": "Ann"}, seq=4).message_id != one.message_id


def test_the_way_out_is_in_the_header_and_in_the_message() -> None:
    made = rendered({"name": "Ann"}, unsubscribe=LEAVING, template="<p>{{ unsubscribe_url }}</p>")
    lines = made.data.split(b"\r\n")
    (line,) = [line for line in lines if line.startswith(b"List-Unsubscribe:")]
    assert b"List-Unsubscribe-Post: List-Unsubscribe=One-Click" in lines
    url = line.split(b"<")[1].split(b">")[0].decode()
    assert text_of(parsed(made.data), "plain") == f"{url}\n"
    assert read_token(SECRET, url.rpartition("/")[2]) == Subscription("ann@example.org", "news", "news/2026-01-05")
    assert line.endswith(f"<mailto:leave@example.com?subject=unsubscribe%20{url.rpartition('/')[2]}>".encode())


def test_an_unsubscribe_address_of_200_letters_stays_one_raw_line() -> None:
    base = "https://news.example.com/" + "path-" * 35
    data = rendered({"name": "Ann"}, unsubscribe=Unsubscribe(base, "news")).data
    (line,) = [line for line in data.split(b"\r\n") if line.startswith(b"List-Unsubscribe:")]
    assert line.startswith(f"List-Unsubscribe: <{base}/".encode())
    assert len(line) > 250
    assert b"=?" not in line


def test_one_click_is_offered_for_https_alone() -> None:
    data = rendered({"name": "Ann"}, unsubscribe=Unsubscribe("http://news.example.com/u", "news")).data
    assert b"List-Unsubscribe: <http://" in data
    assert b"One-Click" not in data


@pytest.mark.parametrize("kind", ["rsa", "ed25519"])
def test_a_signed_message_verifies_with_both_unsubscribe_headers(kind: str, tmp_path: Path) -> None:
    key, record = key_in(tmp_path, kind)
    signer = read_signer("example.com", SELECTOR, str(key), place="x")
    made = rendered({"name": "Zoë"}, unsubscribe=LEAVING, attachments=(AttachedFile("a.bin", "a/b", b"x" * 999),))
    signed = signer.sign(made.data)
    assert verified(signed, record)
    parsed(signed)
    assert not verified(signed.replace(b"One-Click", b"Two-Click"), record)


VALUES = st.text(max_size=80)


@settings(max_examples=150)
@given(VALUES, VALUES)
def test_whatever_a_value_holds_the_message_has_the_headers_it_should(name: str, subject: str) -> None:
    made = writer(unsubscribe=LEAVING, subject="{{ subject_text }}").render(
        1, ANN, {"name": name, "subject_text": subject}, NOW
    )
    if isinstance(made, Unwritable):
        assert "half a character" in made.reason or "no header may hold" in made.reason
        return
    message = parsed(made.data)
    assert list(message.keys()) == [
        "From", "List-ID", "MIME-Version", "To", "Subject", "Date", "Message-ID", "X-BP-Delivery", "List-Unsubscribe",
        "List-Unsubscribe-Post", "Content-Type",
    ]  # fmt: skip
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize("bad", ["\r\nBcc: victim@example.net", "\nX: y", "\rX: y", "\0", "a\u2028b", "\x1b[31m"])
def test_a_value_cannot_add_headers(bad: str) -> None:
    assert "Subject has the character U+" in refused({"name": f"Ann{bad}x"})


def test_a_recipients_name_cannot_add_headers() -> None:
    to = replace(ANN, name="Ann\r\nBcc: victim@example.net")
    made = writer().render(3, to, {"name": "Ann"}, NOW)
    assert isinstance(made, Unwritable)
    assert "To has the character U+000D" in made.reason


def test_a_value_of_ten_megabytes_is_carried_or_refused_with_its_size() -> None:
    huge = "x7 " * 3_400_000
    assert "the subject has 10,200,007 letters" in refused({"name": f"{huge}!"})
    made = rendered({"name": huge}, subject="Hello", template="{{ name }}", template_name="a.txt")
    assert text_of(parsed(made.data), "plain") == f"{huge}\n"
    said = refused({"name": huge * 2}, subject="Hello", template="{{ name }}", template_name="a.txt")
    assert "at most 20,000,000 are sent" in said


@pytest.mark.parametrize(
    "template",
    [
        "{{ name.__class__ }}",
        "{{ name.__class__.__mro__[1].__subclasses__() }}",
        "{{ ''['__class__'] }}",
        "{{ name|attr('__class__') }}",
        "{{ charts.__class__.__init__.__globals__ }}",
        "{{ self.__init__.__globals__ }}",
        "{{ range.__self__ }}",
        "{{ name.format.__globals__ }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{{ 'x' * 10**9 }}",
        "{{ range(10**9)|list }}",
        "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
        "{% include '/etc/passwd' %}",
        "{% set ns = namespace() %}",
    ],
)
def test_a_template_reaches_for_nothing_but_its_variables(template: str) -> None:
    try:
        made = writer(template=template).render(3, ANN, {"name": "Ann"}, NOW)
    except ConfigError:
        return
    assert isinstance(made, Unwritable), made.filled


@pytest.mark.parametrize(
    ("template", "context", "said"),
    [
        ("{{ nobody }}", {"name": "Ann"}, "'nobody' is undefined"),
        ("{{ name.first }}", {"name": {}}, "has no attribute 'first'"),
        ("{{ name | number + 1 }}", {"name": "x"}, "does not take its values"),
        ("{{ 1 / name }}", {"name": 0}, "division by zero"),
        ("{{ name }}", {"name": "\ud800"}, "half a character"),
    ],
)
def test_a_value_that_does_not_fit_is_that_recipients_problem(
    template: str, context: dict[str, object], said: str
) -> None:
    assert said in refused(context, template=template, subject="x")


def test_values_are_escaped_in_html_and_not_in_text() -> None:
    made = rendered({"name": "<script>alert('x')</script>"}, subject="x")
    assert "<script>" not in text_of(parsed(made.data), "html")
    assert "<script>" in text_of(parsed(made.data), "plain")


def test_international_domains_are_written_in_ascii() -> None:
    made = writer(sender=read_address("Bücher <post@bücher.example.com>")).render(
        1, read_address("zoe@exämple.org"), {"name": "Zoë"}, NOW
    )
    assert isinstance(made, Rendered)
    assert made.recipient == "zoe@xn--exmple-cua.org"
    assert made.sender == "post@xn--bcher-kva.example.com"
    head = made.data.partition(b"\r\n\r\n")[0]
    assert head.isascii()
    assert parsed(made.data)["From"] == "Bücher <post@xn--bcher-kva.example.com>"


def test_bounces_come_to_an_address_of_their_own() -> None:
    made = writer(options={"bounces": "bounces@example.com"}).render(3, ANN, {"name": "Ann"}, NOW)
    assert isinstance(made, Rendered)
    assert made.sender == f"bounces+12-3-{Marks(SECRET, 'news', 12).seal(3)}@example.com"
    with pytest.raises(ValueError, match="too long for bounces"):
        writer(options={"bounces": "b" * 40 + "@example.com"})


def test_files_go_along_for_all_and_for_one(tmp_path: Path) -> None:
    (tmp_path / "invoices").mkdir()
    (tmp_path / "invoices" / "Rechnung März.pdf").write_bytes(b"%PDF")
    options = {"read_file": file_reader(tmp_path)}
    draft = {"attachments": (AttachedFile("terms.txt", "text/plain", b"terms"),), "attach": ("{{ invoice }}",)}
    made = writer(options=options, **draft).render(3, ANN, {"name": "A", "invoice": "invoices/Rechnung März.pdf"}, NOW)
    assert isinstance(made, Rendered)
    files = [(part.get_filename(), part.get_content_type()) for part in parsed(made.data).iter_attachments()]
    assert files == [("terms.txt", "text/plain"), ("Rechnung März.pdf", "application/pdf")]
    made = writer(options=options, **draft).render(3, ANN, {"name": "A", "invoice": ""}, NOW)
    assert isinstance(made, Rendered)
    assert [part.get_filename() for part in parsed(made.data).iter_attachments()] == ["terms.txt"]


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "link.txt", "nowhere.pdf", ".", "a\0b", "large.bin"])
def test_a_recipients_file_comes_from_its_folder_alone(path: str, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "large.bin").write_bytes(b"x" * 1001)
    made = writer(options={"read_file": file_reader(folder, 1000)}, attach=("{{ path }}",)).render(
        3, ANN, {"name": "A", "path": path}, NOW
    )
    assert isinstance(made, Unwritable)


def test_the_date_is_the_one_of_its_second() -> None:
    letters = writer()
    dates = []
    for seconds in (0, 0.5, 1):
        made = letters.render(1, ANN, {"name": "Ann"}, NOW + dt.timedelta(seconds=seconds))
        assert isinstance(made, Rendered)
        dates.append(parsed(made.data)["Date"])
    assert dates == [f"Mon, 05 Jan 2026 09:00:0{second} +0000" for second in (0, 0, 1)]


def test_eight_bits_are_used_where_the_relay_takes_them() -> None:
    assert "Zoë".encode() in rendered({"name": "Zoë"}, eight_bit=True, subject="x").data
    assert rendered({"name": "Zoë"}, subject="x").data.isascii()


def test_what_templates_need_is_known_before_anybody_is_written_to() -> None:
    made = compiled(
        subject="{{ a }}", template="{% for x in rows %}{{ x.y }}{{ unsubscribe_url }}{% endfor %}", preheader="{{ b }}"
    )
    assert made.variables == ("a", "b", "rows")
    assert made.uses_unsubscribe
    assert not compiled().uses_unsubscribe


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"template": "{% if x %}"}, "news.html: template, line 1"),
        ({"subject": "{{ x"}, "subject: template, line 1"),
        ({"template_name": "news.doc"}, "its name ends in .mjml, .html or .txt"),
        ({"template": "{{ charts.sales.src }}"}, "there is no chart 'sales'. Charts: none"),
        ({"headers": {"Bcc": "x@example.com"}}, "'Bcc' is no header that can be added"),
        ({"headers": {"X-A": "a\r\nBcc: x@example.com"}}, "no header may hold"),
        ({"headers": {"Content-Type": "x"}}, "no header that can be added"),
        ({"sender": replace(DRAFT.sender, name="a\nb")}, "From has the character U\\+000A"),
        ({"attachments": (AttachedFile("a\r\nb", "a/b", b""),)}, "attachments: filename"),
        ({"attachments": (AttachedFile("a", "b", b""),)}, "is no media type"),
        ({"template": "<mjml><mj-body>", "template_name": "a.mjml"}, "template 'a.mjml': MJML"),
    ],
)
def test_a_draft_that_cannot_work_is_refused_when_it_is_compiled(changes: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        compiled(**changes)


def test_a_writer_is_of_one_occurrence() -> None:
    one, two = (Writer(compiled(), Marks(SECRET, "news", number), "news/x") for number in (1, 2))
    first, second = (each.render(1, ANN, {"name": "A"}, NOW) for each in (one, two))
    assert isinstance(first, Rendered)
    assert isinstance(second, Rendered)
    assert first.message_id != second.message_id
