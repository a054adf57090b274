"""Ways out of the house: SMTP, folders and S3, webhooks. Used by reports, campaigns and alerts. No Dagster.

transport     what sending a mail is               relays     which transport a name stands for
smtp/         by SMTP                              eml_folder, console   instead of it
sink/         a server that keeps mail             addresses, recipients who may get it
channels      what a way of delivering is          deliverer  each delivery once, whatever dies
folder, mail, webhook   the ways of reports
"""
