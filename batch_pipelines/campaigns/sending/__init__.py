"""From a claim to its end: messages written, sent within limits, journalled, settled, recovered."""
