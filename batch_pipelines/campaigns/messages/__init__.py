"""One message of a campaign, from template to bytes: compiled once, rendered for each recipient.

    compile     what is declared → Compiled; Compiled.render → Rendered
    markup      MJML or HTML with Jinja in it → HTML template; CSS inlined after rendering
    plain       HTML template → text template
    pictures    charts as inline PNG, drawn once for the same rows
    headers     header lines: encoded words, and nothing smuggled in
    mime        parts and their encodings → bytes
    marks       how a message is recognised: Message-ID, X-BP-Delivery, VERP
    tokens      the deployment's secret, and unsubscribe tokens

What must not live here: network, ledger, who gets a message.
"""
