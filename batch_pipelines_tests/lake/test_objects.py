"""What a store says becomes one clear line. (Objects themselves: processing/test_s3.py.)"""

import pytest

from batch_pipelines.core.errors import InputError
from batch_pipelines.lake.objects import explained


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NO_SUCH_BUCKET during ListObjectsV2 operation: …", "there is no such bucket"),
        ("ACCESS_DENIED during HeadObject operation: No response body.", "access is denied; correct the credentials"),
        ("INVALID_ACCESS_KEY_ID during GetObject operation: …", "correct AWS_ACCESS_KEY_ID"),
        ("SIGNATURE_DOES_NOT_MATCH during GetObject operation: …", "correct AWS_SECRET_ACCESS_KEY"),
        ("NETWORK_CONNECTION during GetObject operation: curlCode: 7", "the endpoint does not answer"),
        ("SLOW_DOWN during GetObject operation: reduce your rate", "SLOW_DOWN during GetObject operation"),
    ],
)
def test_what_a_store_says_becomes_one_clear_line(code: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as raised, explained("s3://bucket/key"):
        raise OSError(f"When reading key 'key' in bucket 'bucket': AWS Error {code} (Request ID: abc\n123)")
    assert str(raised.value).startswith("s3://bucket/key: ")
    assert "Request ID" not in str(raised.value)
    assert "\n" not in str(raised.value)
