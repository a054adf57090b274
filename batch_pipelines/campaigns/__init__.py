"""E-mail campaigns: audience, messages, and what became of every recipient. No Dagster.

declaration/  what the YAML says
audience/     who is written to, and with what; frozen once
checking/     whether it may go out, before it does
messages/     a draft and a recipient → the bytes of one message
sending/      claim, write, send within limits, journal, settle, recover
returning/    bounces and complaints               leaving/   the page that people leave by
trying        one message, to be looked at         orders     how an occurrence is sent through a relay
reviewing     what became of everybody, in figures
pipeline      all of it behind one name, `Campaigns`
"""
