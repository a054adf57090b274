"""What all declarations have in common: YAML with line numbers, refusals in words, and what is written as text.

declared      every document of one type in the folder of pipelines
yaml_files    YAML read with positions      key_problems  a model's complaints in words
quantities    `5%`, `4m30s`, `16MB`         rates         `20/s`
cron          schedules                     time_limits   soft and hard
windows       months, weeks, days, hours    partitions    which of them there are
"""
